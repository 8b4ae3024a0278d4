package flags

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ParseSnapshot decodes the JSON of a snapshot. Fields it doesn't know are ignored, so that older programs survive newer
// servers; a format it doesn't know is refused.
func ParseSnapshot(text []byte) (Snapshot, error) {
	var s Snapshot
	if err := json.Unmarshal(text, &s); err != nil {
		return Snapshot{}, fmt.Errorf("the ruleset is no valid JSON: %w", err)
	}
	return s, s.check()
}

func (s *Snapshot) check() error {
	if s.Format != Format {
		return fmt.Errorf("the ruleset has format %d, this program reads %d; update it", s.Format, Format)
	}
	return nil
}

// Compile prepares a snapshot for deciding. It fails only when the snapshot as a whole is unusable (another format, a flag
// key twice). A flag that cannot be compiled, or that asks for a segment or a flag that is not there or that depends on it in
// turn, answers PARSE_ERROR and is listed by Problems; the others are served. The ruleset keeps what is in the snapshot:
// nobody may write to it afterwards.
func Compile(s Snapshot) (*Ruleset, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	empty := &Ruleset{
		project: s.Project, environment: s.Environment, line: &lineage{}, notFound: &Outcome{Reason: Error, ErrorCode: FlagNotFound},
		index: newPlaces(len(s.Flags)), segmentIndex: map[string]int{},
	}
	b := empty.builder(s.Revision)
	b.ownsIndex = true
	b.flags, b.quick = make([]*compiledFlag, 0, len(s.Flags)), make([]quick, 0, len(s.Flags))
	for i := range s.Segments {
		if b.segment(s.Segments[i].Key) != nil {
			return nil, fmt.Errorf("the ruleset has the segment %q twice", s.Segments[i].Key)
		}
		b.putSegment(&s.Segments[i])
	}
	for i := range s.Flags {
		if b.flag(s.Flags[i].Key) != nil {
			return nil, fmt.Errorf("the ruleset has the flag %q twice", s.Flags[i].Key)
		}
		b.putFlag(&s.Flags[i])
	}
	return b.finish(), nil
}

// builder makes a ruleset out of another one. It shares what does not change.
type builder struct {
	Ruleset
	ownsIndex bool
	same      outcomes // made for the flags that come in
	changed   []int    // places of flags
	keys      bool     // the keys of flags changed
	asks      bool     // what flags ask for changed
}

func (r *Ruleset) builder(revision uint64) *builder {
	b := &builder{Ruleset: *r, same: outcomes{}}
	b.revision = revision
	b.flags, b.quick, b.segments = slices.Clone(r.flags), slices.Clone(r.quick), slices.Clone(r.segments)
	b.recent, b.segmentIndex, b.uses = maps.Clone(r.recent), maps.Clone(r.segmentIndex), maps.Clone(r.uses)
	if b.uses == nil {
		b.uses = map[string]int{}
	}
	return b
}

// mostRecent is how many new keys wait beside the index before it is copied.
const mostRecent = 1_024

func (b *builder) flagPlace(key string) int {
	if i, known := b.place(key); known {
		return i
	}
	i := len(b.flags)
	b.flags = append(b.flags, nil)
	switch {
	case b.ownsIndex:
		b.index.add(key)
	case len(b.recent) < mostRecent:
		if b.recent == nil {
			b.recent = map[string]int{}
		}
		b.recent[key] = i
	default:
		b.mergeRecent()
		b.index.add(key)
	}
	return i
}

// mergeRecent copies the index, the recent keys among it. Places were given one after the other, and those in the index first.
func (b *builder) mergeRecent() {
	b.index = b.index.clone()
	first := len(b.index.keys)
	more := make([]string, len(b.recent))
	for key, i := range b.recent {
		more[i-first] = key
	}
	for _, key := range more {
		b.index.add(key)
	}
	b.recent, b.ownsIndex = nil, true
}

func (b *builder) segmentPlace(key string) int {
	i, known := b.segmentIndex[key]
	if !known {
		i = len(b.segments)
		b.segments = append(b.segments, nil)
		b.segmentIndex[key] = i
	}
	return i
}

func (b *builder) putFlag(f *Flag) {
	i := b.flagPlace(f.Key)
	b.set(i, compileFlag(f, b, b.same))
}

func (b *builder) removeFlag(key string) {
	if i, known := b.place(key); known && b.flags[i] != nil {
		b.set(i, nil)
	}
}

func (b *builder) set(i int, f *compiledFlag) {
	was := b.flags[i].itself()
	b.put(i, f)
	b.changed = append(b.changed, i)
	b.keys = b.keys || (was == nil) != (f == nil)
	b.asks = b.asks || was.asks() || f.asks()
	if was != nil {
		b.use(was.attributes, -1)
		b.sum -= printOf('f', was.key, was.revision)
	}
	if f != nil {
		b.use(f.attributes, 1)
		b.sum += printOf('f', f.key, f.revision)
	}
}

func (b *builder) use(attributes []string, by int) {
	for _, a := range attributes {
		if b.uses[a] += by; b.uses[a] == 0 {
			delete(b.uses, a)
		}
	}
}

func (b *builder) putSegment(s *Segment) { b.setSegment(b.segmentPlace(s.Key), compileSegment(s, b)) }

func (b *builder) removeSegment(key string) {
	if i, known := b.segmentIndex[key]; known && b.segments[i] != nil {
		b.setSegment(i, nil)
	}
}

// changeLists is false when there is no such segment.
func (b *builder) changeLists(c *ListChange) bool {
	was := b.segment(c.Segment)
	if was == nil {
		return false
	}
	next := *was
	next.revision, next.included, next.excluded = c.Revision, c.Included.of(was.included), c.Excluded.of(was.excluded)
	next.attributes = slices.Clone(was.attributes)
	if !slices.Contains(next.attributes, orKey(next.by.attribute)) {
		next.attributes = append(next.attributes, orKey(next.by.attribute))
	}
	b.setSegment(b.segmentIndex[c.Segment], &next)
	return true
}

func (b *builder) setSegment(i int, s *compiledSegment) {
	if was := b.segments[i]; was != nil {
		b.use(was.attributes, -1)
		b.sum -= printOf('s', was.key, was.revision)
	}
	if s != nil {
		b.use(s.attributes, 1)
		b.sum += printOf('s', s.key, s.revision)
	}
	b.segments[i], b.asks = s, true
}

func (b *builder) finish() *Ruleset {
	if b.keys {
		b.order()
	}
	if b.asks {
		b.gather()
	}
	if len(b.asking) > 0 && (b.asks || b.keys || len(b.changed) > 0) {
		l := linking{ruleset: &b.Ruleset, flags: make([]linkState, len(b.flags)), segments: make([]linkState, len(b.segments))}
		l.linkAll()
	}
	attributes := slices.Sorted(maps.Keys(b.uses))
	if !slices.Equal(attributes, b.attributes) {
		b.attributes = attributes
	}
	out := b.Ruleset
	return &out
}

// order brings the list of flags up to date: what is still there keeps its order, what is new is sorted in.
func (b *builder) order() {
	isChanged := make(map[int]bool, len(b.changed))
	var more []int
	for _, i := range b.changed {
		if b.flags[i] != nil && !isChanged[i] {
			more = append(more, i)
		}
		isChanged[i] = true
	}
	slices.SortFunc(more, func(i, j int) int { return strings.Compare(b.flags[i].key, b.flags[j].key) })
	was := slices.DeleteFunc(slices.Clone(b.ordered), func(i int) bool { return isChanged[i] })
	out := make([]int, 0, len(was)+len(more))
	for _, i := range more {
		at, _ := slices.BinarySearchFunc(was, b.flags[i].key, func(j int, key string) int { return strings.Compare(b.flags[j].key, key) })
		out = append(append(out, was[:at]...), i)
		was = was[at:]
	}
	b.ordered = append(out, was...)
}

// gather lists the flags that ask for others or for segments.
func (b *builder) gather() {
	b.asking = nil
	for _, i := range b.ordered {
		if b.flags[i].itself().asks() {
			b.asking = append(b.asking, i)
		}
	}
}
