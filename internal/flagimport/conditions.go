package flagimport

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"

	"github.com/assayhq/assay/flags"
)

// where is an attribute, or a member of one.
type where struct {
	attribute string
	path      []string
}

var theKey = where{attribute: flags.TargetingKey} //nolint:gochecknoglobals // a constant that Go cannot write as one

// mostValues is how many values a condition has at most; more are several conditions.
const mostValues = 1_000

// is compares the attribute. Without values that an operator on sets needs nothing is in the set.
func (w where) is(o flags.Operator, values ...any) flags.Condition {
	c := flags.Condition{Attribute: w.attribute, Path: w.path, Operator: o}
	for _, v := range values {
		c.Values = append(c.Values, raw(v))
	}
	switch o {
	case flags.In, flags.HasAny, flags.StartsWith, flags.EndsWith, flags.Contains, flags.Matches:
		if len(values) == 0 {
			return never()
		}
	default:
		return c
	}
	var parts []flags.Condition
	for some := range slices.Chunk(c.Values, mostValues) {
		part := c
		part.Values = some
		parts = append(parts, part)
	}
	return anyOf(parts...)
}

func raw(value any) json.RawMessage {
	if text, is := value.(json.RawMessage); is {
		return text
	}
	text, err := json.Marshal(value)
	if err != nil {
		return json.RawMessage("null") // which no operator takes, and the check refuses
	}
	return text
}

func (w where) exists() flags.Condition { return w.is(flags.Exists) }

func (w where) isType(name string) flags.Condition { return w.is(flags.IsType, name) }

// inElements lets the condition look into lists.
func inElements(c flags.Condition) flags.Condition {
	if isAlways(c) || isNever(c) {
		return c
	}
	c.Elements = c.Operator != ""
	c.All, c.Any = slices.Clone(c.All), slices.Clone(c.Any)
	for i := range c.All {
		c.All[i] = inElements(c.All[i])
	}
	for i := range c.Any {
		c.Any[i] = inElements(c.Any[i])
	}
	return c
}

// always holds for everybody: rules need a condition.
func always() flags.Condition {
	return flags.Condition{Any: []flags.Condition{theKey.is(flags.Exists), theKey.is(flags.NotExists)}}
}

// never holds for nobody.
func never() flags.Condition { return not(always()) }

func isAlways(c flags.Condition) bool { return reflect.DeepEqual(c, always()) }

func isNever(c flags.Condition) bool { return reflect.DeepEqual(c, never()) }

func not(c flags.Condition) flags.Condition {
	c.Not = !c.Not
	return c
}

// allOf holds when all do.
func allOf(all ...flags.Condition) flags.Condition {
	var out []flags.Condition
	for _, c := range all {
		switch {
		case isNever(c):
			return never()
		case isAlways(c):
		case c.All != nil && !c.Not:
			out = append(out, c.All...)
		default:
			out = append(out, c)
		}
	}
	switch len(out) {
	case 0:
		return always()
	case 1:
		return out[0]
	}
	return flags.Condition{All: out}
}

// anyOf holds when one does.
func anyOf(all ...flags.Condition) flags.Condition {
	var out []flags.Condition
	for _, c := range all {
		switch {
		case isAlways(c):
			return always()
		case isNever(c):
		case c.Any != nil && !c.Not:
			out = append(out, c.Any...)
		default:
			out = append(out, c)
		}
	}
	switch len(out) {
	case 0:
		return never()
	case 1:
		return out[0]
	}
	return flags.Condition{Any: out}
}

// maxTop is how many conditions a rule has at its top.
const maxTop = 50

// conditions are what a rule takes: all of them hold.
func conditions(c flags.Condition) []flags.Condition {
	if c.All != nil && !c.Not && len(c.All) <= maxTop {
		return c.All
	}
	return []flags.Condition{c}
}

// rules collects the rules of a flag. A rule that nobody can match is left out.
type rules []Rule

// ruleID is what a rule may be called.
var ruleID = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,100}$`)

// add appends a rule. It keeps the name that it has in the source, where a rule here can be called so.
func (r *rules) add(id, description string, c flags.Condition, serve Serve) {
	if isNever(c) {
		return
	}
	taken := func(id string) bool { return slices.ContainsFunc(*r, func(o Rule) bool { return o.ID == id }) }
	for n := len(*r) + 1; !ruleID.MatchString(id) || taken(id); n++ {
		id = fmt.Sprintf("rule-%d", n)
	}
	*r = append(*r, Rule{ID: id, Description: description, If: conditions(c), Serve: serve})
}

func variant(name string) Serve { return Serve{Variant: name} }

// slice is the units in a range of buckets.
func slice(s flags.Slice, from, to int) flags.Condition {
	if from >= to {
		return never()
	}
	s.Ranges = []flags.Range{{From: uint32(from), To: uint32(to)}} //nolint:gosec // both are buckets, in [0, total]
	return flags.Condition{Slice: &s}
}
