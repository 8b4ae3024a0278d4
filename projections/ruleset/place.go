package ruleset

import (
	"slices"
	"strings"
	"sync"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/flags"
)

// placeState is an environment while events are folded: what its next Served differs by from its last. Only Apply touches it.
type placeState struct {
	Place
	project  *projectState
	served   *Served           // the last one
	revision eventlog.Position // of the newest event that shaped the environment
	changed  map[string]*shape // flags since then; nil for those that are gone
	asked    map[domain.SegmentKey]int
	// segments are those that flags ask for, and those that these ask for in turn, with the revision each has here;
	// touched are those that changed since the last Served.
	segments map[domain.SegmentKey]eventlog.Position
	touched  map[domain.SegmentKey]bool
	// graves tell since when flags and segments are gone; those up to floor are forgotten.
	graves []grave
	floor  eventlog.Position
}

// grave is what was served and is no more; it may have come back since.
type grave struct {
	key     string
	segment bool
	at      eventlog.Position
}

// maxGraves bounds them.
const maxGraves = 20_000

func (p *placeState) bury(g grave) {
	if len(p.graves) >= maxGraves {
		p.floor = p.graves[maxGraves/2].at
		p.graves = slices.Clone(p.graves[maxGraves/2+1:])
	}
	p.graves = append(p.graves, g)
}

func newPlace(in *projectState, at Place) *placeState {
	return &placeState{
		Place: at, project: in, changed: map[string]*shape{}, asked: map[domain.SegmentKey]int{},
		segments: map[domain.SegmentKey]eventlog.Position{}, touched: map[domain.SegmentKey]bool{},
	}
}

// put replaces a flag; was and now are nil where it is not served.
func (p *placeState) put(key domain.FlagKey, was, now *shape, at eventlog.Position) {
	if was == nil && now == nil {
		return
	}
	p.revision = at
	p.changed[string(key)] = now
	if now == nil {
		p.bury(grave{key: string(key), at: at})
	}
	asks := false
	if was != nil {
		for _, s := range was.asks {
			asks = true
			if p.asked[s]--; p.asked[s] == 0 {
				delete(p.asked, s)
			}
		}
	}
	if now != nil {
		for _, s := range now.asks {
			asks = true
			p.asked[s]++
		}
	}
	if asks {
		p.gather(at)
	}
}

// segmentChanged is told of every segment of the project.
func (p *placeState) segmentChanged(key domain.SegmentKey, at eventlog.Position) {
	reached := p.reach()
	if !reached[key] {
		return
	}
	p.revision = at
	p.segments[key], p.touched[key] = at, true
	p.gather(at)
}

// gather finds out which segments are asked for now.
func (p *placeState) gather(at eventlog.Position) {
	reached := p.reach()
	for key := range reached {
		if _, there := p.segments[key]; !there {
			p.segments[key], p.touched[key] = at, true
		}
	}
	for key := range p.segments {
		if !reached[key] {
			delete(p.segments, key)
			p.touched[key] = true
			p.bury(grave{key: string(key), segment: true, at: at})
		}
	}
}

// reach is every segment that flags lead to and that exists.
func (p *placeState) reach() map[domain.SegmentKey]bool {
	out := map[domain.SegmentKey]bool{}
	var visit func(domain.SegmentKey)
	visit = func(key domain.SegmentKey) {
		s := p.project.segments[key]
		if s == nil || !s.state.Exists() || out[key] {
			return
		}
		out[key] = true
		for _, next := range s.state.Asks() {
			visit(next)
		}
	}
	for key := range p.asked {
		visit(key)
	}
	return out
}

// dirty reports whether there is anything to publish.
func (p *placeState) dirty() bool { return p.served == nil || p.served.Revision != p.revision }

// next makes the environment's next Served. Only what changed is compiled, and not what another environment has compiled.
func (p *placeState) next(shared *flags.Compiled) (*Served, error) {
	was := p.served
	if was == nil {
		empty, err := flags.Compile(flags.Snapshot{Format: flags.Format, Project: string(p.Project), Environment: string(p.Environment)})
		if err != nil {
			return nil, err
		}
		was = &Served{Place: p.Place, Ruleset: empty}
	}
	delta := flags.Delta{
		Format: flags.Format, Project: string(p.Project), Environment: string(p.Environment), Since: uint64(was.Revision), Revision: uint64(p.revision),
	}
	out := &Served{Place: p.Place, Revision: p.revision, ETag: etagOf(p.revision)}
	out.json = sync.OnceValue(out.text)
	var changed []flags.Kept
	out.flags, changed = p.mergeFlags(was.flags, &delta)
	out.segments = p.mergeSegments(was.segments, &delta)
	var err error
	if out.Ruleset, err = was.Ruleset.ApplyKept(delta, changed, shared); err != nil {
		return nil, err
	}
	out.graves, out.floor = p.graves, p.floor
	clear(p.changed)
	clear(p.touched)
	p.served = out
	return out, nil
}

// mergeFlags returns the new list and what is other in it, and tells the delta what is gone.
func (p *placeState) mergeFlags(was []*shape, delta *flags.Delta) (out []*shape, changed []flags.Kept) {
	if len(p.changed) == 0 {
		return was, nil
	}
	keys := make([]string, 0, len(p.changed))
	for key := range p.changed {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	out = make([]*shape, 0, len(was)+len(keys))
	for _, key := range keys {
		i, there := slices.BinarySearchFunc(was, key, func(s *shape, key string) int { return strings.Compare(s.key, key) })
		out = append(out, was[:i]...)
		was = was[i:]
		if there {
			was = was[1:]
		}
		if now := p.changed[key]; now != nil {
			out = append(out, now)
			changed = append(changed, now)
		} else if there {
			delta.FlagsGone = append(delta.FlagsGone, key)
		}
	}
	return append(out, was...), changed
}

func (p *placeState) mergeSegments(was []*segmentShape, delta *flags.Delta) []*segmentShape {
	if len(p.touched) == 0 {
		return was
	}
	out := make([]*segmentShape, 0, len(was)+len(p.touched))
	for _, s := range was {
		if !p.touched[domain.SegmentKey(s.segment.Key)] {
			out = append(out, s)
		}
	}
	for key := range p.touched {
		at, there := p.segments[key]
		if !there {
			if slices.ContainsFunc(was, func(s *segmentShape) bool { return s.segment.Key == string(key) }) {
				delta.SegmentsGone = append(delta.SegmentsGone, string(key))
			}
			continue
		}
		state := p.project.segments[key]
		now := &segmentShape{segment: state.wire(), whole: state.whole, included: state.included.recent(), excluded: state.excluded.recent()}
		now.segment.Revision = uint64(at)
		now.whole = max(now.whole, p.entered(key, was, at))
		out = append(out, now)
		delta.Segments = append(delta.Segments, now.segment)
	}
	slices.SortFunc(out, func(a, b *segmentShape) int { return strings.Compare(a.segment.Key, b.segment.Key) })
	slices.SortFunc(delta.Segments, func(a, b flags.Segment) int { return strings.Compare(a.Key, b.Key) })
	slices.Sort(delta.SegmentsGone)
	return out
}

// entered is since when the segment is asked for here, as far as it is known: what it was before tells.
func (p *placeState) entered(key domain.SegmentKey, was []*segmentShape, at eventlog.Position) eventlog.Position {
	for _, s := range was {
		if s.segment.Key == string(key) {
			return s.whole
		}
	}
	return at
}
