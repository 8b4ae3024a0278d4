package flags

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unique"
)

// program is the conditions of a flag, or of a segment, each different one once.
type program struct {
	conditions []condition
	reads      []place // the attributes that are read once per decision
}

// linked is what a program asks for.
type linked struct {
	attributes []string
	// What it asks of the ruleset, as places there.
	segments, flags []int
}

// maxDepth bounds how deep conditions may lie in one another.
const maxDepth = 16

// programmer makes a program.
type programmer struct {
	program
	linked
	links  linker
	places map[string]int   // of the conditions that are there already
	slots  map[string]uint8 // of the attributes
}

// linker gives the places of things in a ruleset, whether they are there yet or not.
type linker interface {
	flagPlace(key string) int
	segmentPlace(key string) int
}

// nowhere is for flags that ask for nothing.
type nowhere struct{}

func (nowhere) flagPlace(string) int    { return 0 }
func (nowhere) segmentPlace(string) int { return 0 }

func newProgrammer(links linker) programmer {
	return programmer{links: links, places: map[string]int{}, slots: map[string]uint8{}}
}

// add returns the condition's place in the program, where it may be already.
func (p *programmer) add(from *Condition, depth int) (int, error) {
	if depth > maxDepth {
		return 0, fmt.Errorf("conditions lie more than %d deep in one another", maxDepth)
	}
	if err := from.check(); err != nil {
		return 0, err
	}
	one, err := p.compile(from, depth)
	if err != nil {
		return 0, err
	}
	same := from.identity(one.more)
	if i, there := p.places[same]; there {
		return i, nil
	}
	p.conditions = append(p.conditions, one)
	p.places[same] = len(p.conditions) - 1
	return p.places[same], nil
}

// identity is the same for the same conditions only; the parts of a group are told by their places.
func (c *Condition) identity(more *rare) string {
	out := make([]byte, 0, 64)
	if c.Not {
		out = append(out, '!')
	}
	switch {
	case c.All != nil || c.Any != nil:
		return string(fmt.Appendf(out, "%v %v", c.All != nil, more.children))
	case c.Operator == "" || len(c.Path) > 0:
		text, err := json.Marshal(c)
		if err == nil {
			return string(append(out, text...))
		}
	}
	if c.IgnoreCase {
		out = append(out, '~')
	}
	if c.Elements {
		out = append(out, '*')
	}
	out = append(strconv.AppendQuote(append(append(out, c.Operator...), ' '), c.Attribute), ' ')
	for _, v := range c.Values {
		out = append(append(out, v...), ',')
	}
	return string(out)
}

func (p *programmer) compile(from *Condition, depth int) (condition, error) {
	out := condition{negated: from.Not, more: &rare{}}
	switch {
	case from.All != nil:
		out.test = allHold
		return out, p.compileChildren(&out, from.All, depth)
	case from.Any != nil:
		out.test = anyHolds
		return out, p.compileChildren(&out, from.Any, depth)
	case from.Segments != nil:
		out.test = isMember
		for _, key := range from.Segments {
			place := p.links.segmentPlace(key)
			out.more.segments = append(out.more.segments, place)
			p.segments = append(p.segments, place)
		}
		return out, nil
	case from.Flag != "":
		out.test = isServed
		return out, p.compileServed(&out, from)
	case from.Slice != nil:
		out.test = isInSlice
		slice, err := newSlice(from.Slice)
		out.more.slice = slice
		if err == nil {
			p.attributes = append(p.attributes, slice.attribute())
		}
		return out, err
	}
	out, err := newComparison(from)
	if err != nil {
		return out, err
	}
	p.attributes = append(p.attributes, from.Attribute)
	name := from.Attribute
	if len(from.Path) > 0 {
		name = fmt.Sprintf("%q %q", from.Attribute, from.Path)
	}
	slot, there := p.slots[name]
	if !there {
		slot = slotFor(name, p.slots)
		p.slots[name] = slot
		if slot < slots {
			p.reads = append(p.reads, place{of: unique.Make(name), slot: slot})
		}
	}
	out.slot = slot
	return out, nil
}

func (p *programmer) compileChildren(out *condition, all []Condition, depth int) error {
	for i := range all {
		child, err := p.add(&all[i], depth+1)
		if err != nil {
			return err
		}
		out.more.children = append(out.more.children, child)
	}
	return nil
}

func (p *programmer) compileServed(out *condition, from *Condition) error {
	if (len(from.Variants) == 0) == (len(from.Values) == 0) {
		return fmt.Errorf("what the flag %q serves is compared with either variants or values", from.Flag)
	}
	out.more.variants = from.Variants
	for _, raw := range from.Values {
		value, err := compileAny(raw)
		if err != nil {
			return err
		}
		out.more.values = append(out.more.values, value)
	}
	out.more.flag = p.links.flagPlace(from.Flag)
	p.flags = append(p.flags, out.more.flag)
	return nil
}

// addAll adds conditions that all have to hold.
func (p *programmer) addAll(all []Condition) ([]int, error) {
	out := make([]int, 0, len(all))
	for i := range all {
		place, err := p.add(&all[i], 1)
		if err != nil {
			return nil, err
		}
		out = append(out, place)
	}
	return out, nil
}

// bitsOf is the places as a set, 0 when it has no room for them.
func bitsOf(conditions []int) (set uint64) {
	for _, i := range conditions {
		if i >= 64 {
			return 0
		}
		set |= 1 << i
	}
	return set
}

// compiledSlice is a Slice whose salt is hashed.
type compiledSlice struct {
	hashing
	ranges []Range
	shares []float32 // the same as shares, where the algorithm compares those: two for each range
}

func newSlice(s *Slice) (*compiledSlice, error) {
	h, err := newHashing(s.Algorithm, s.Salt, s.By, s.Strings, s.Total)
	if err != nil {
		return nil, err
	}
	out := &compiledSlice{hashing: h, ranges: s.Ranges}
	for _, r := range s.Ranges {
		if r.From > r.To || r.To > s.Total {
			return nil, fmt.Errorf("the range %d to %d is not in [0, %d]", r.From, r.To, s.Total)
		}
		if h.kind == shaFloat32 {
			out.shares = append(out.shares, float32(r.From)/float32(s.Total), float32(r.To)/float32(s.Total))
		}
	}
	return out, nil
}

// has reports whether the subject is in the slice; unit is empty when nobody knows.
func (s *compiledSlice) has(who *Subject) (in bool, unit string, bucket uint32) {
	if unit = s.unit(who); unit == "" {
		return false, "", 0
	}
	bucket = s.bucket(unit)
	if s.kind == shaFloat32 {
		share := s.share(unit)
		for i := 0; i < len(s.shares); i += 2 {
			if share >= s.shares[i] && share < s.shares[i+1] {
				return true, unit, bucket
			}
		}
		return false, unit, bucket
	}
	for _, r := range s.ranges {
		if bucket >= r.From && bucket < r.To {
			return true, unit, bucket
		}
	}
	return false, unit, bucket
}

// attribute names what the bucket depends on.
func (h *hashing) attribute() string {
	return orKey(h.by.attribute)
}

// compiledSplit is a Split whose salt is hashed and whose outcomes are prepared.
type compiledSplit struct {
	parts []part
	hashing
	keyless *Outcome // for a subject without a unit id
}

// part is a range of buckets, from the end of the part before it on. The end of the last one is total.
type part struct {
	end   uint32
	share float32 // the same as end, where the algorithm compares shares
	serve *Outcome
}

// compileSplit prepares the split. like holds what all its outcomes have in common.
func (c *compiler) compileSplit(s *Split, like Outcome) (*compiledSplit, error) {
	h, err := newHashing(s.Algorithm, s.Salt, s.By, s.Strings, s.Total)
	if err != nil {
		return nil, err
	}
	c.attributes = append(c.attributes, h.attribute())
	out := &compiledSplit{hashing: h}
	like.Reason, like.Algorithm, like.Total = SplitReason, s.Algorithm, s.Total
	sum, share := uint64(0), float32(0)
	for _, w := range s.Weights {
		d, err := c.prepare(w.Variant, like)
		if err != nil {
			return nil, err
		}
		if w.Weight == 0 {
			continue
		}
		sum += uint64(w.Weight)
		share += float32(w.Weight) / float32(s.Total)
		out.parts = append(out.parts, part{end: uint32(min(sum, math.MaxUint32)), share: share, serve: d})
	}
	if sum != uint64(s.Total) {
		return nil, fmt.Errorf("the weights add up to %d, not to %d", sum, s.Total)
	}
	out.keyless = &Outcome{Reason: Error, ErrorCode: TargetingKeyMissing, Rule: like.Rule, FlagRevision: like.FlagRevision, Stale: like.Stale, Metadata: like.Metadata}
	return out, nil
}

// assign finds the variant whose range holds the unit's bucket. A unit that is not known is in no range.
func (s *compiledSplit) assign(who *Subject) verdict {
	unit := who.Key
	if s.by.attribute != "" {
		unit = s.unit(who)
	}
	if unit == "" {
		return verdict{outcome: s.keyless}
	}
	i, bucket := s.place(unit)
	return verdict{outcome: s.parts[i].serve, unit: unit, bucket: bucket}
}

// place is the part that holds the unit.
func (s *compiledSplit) place(unit string) (i int, bucket uint32) {
	bucket = s.bucket(unit)
	if !s.plain && s.kind == shaFloat32 {
		for share := s.share(unit); i < len(s.parts)-1 && share >= s.parts[i].share; {
			i++
		}
		return i, bucket
	}
	for j := range s.parts { // to the last one: nobody can foresee where a unit is, and a branch foreseen wrongly takes longer
		if bucket >= s.parts[j].end {
			i++
		}
	}
	return i, bucket
}

var errNothing = errors.New("it has no conditions")
