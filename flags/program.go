package flags

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unique"
)

// program is the conditions of a flag, or of a segment, each different one once.
type program struct {
	columns    // answer the plain ones among the first 64 conditions
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

// finished is the program, once all conditions are added.
func (p *programmer) finished() program {
	p.columns = columnsOf(p.conditions)
	return p.program
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

var errNothing = errors.New("it has no conditions")
