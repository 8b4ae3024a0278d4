package flags

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Ruleset is a compiled Snapshot: immutable, and safe for any number of goroutines.
type Ruleset struct {
	revision    uint64
	project     string
	environment string
	flags       map[string]*compiledFlag
	ordered     []*compiledFlag // by key
	attributes  []string
	problems    []Problem
}

// Problem says why a flag of a snapshot cannot be served.
type Problem struct {
	Flag   string
	Detail string
}

// compiledFlag is a flag prepared for deciding.
type compiledFlag struct {
	key        string
	revision   uint64
	broken     bool
	on         bool
	variants   []Variant
	values     []Value
	off        int
	rules      []compiledRule
	experiment *compiledSplit
	def        compiledServe
	otherwise  Reason // of the default when it serves a variant
}

type compiledRule struct {
	id         string
	conditions []condition
	serve      compiledServe
}

// compiledServe serves split when it is not nil, else variant.
type compiledServe struct {
	variant int
	split   *compiledSplit
}

type compiledSplit struct {
	algorithm  string
	salted     hasher
	total      uint32
	by         string
	experiment string
	unit       string
	ends       []uint32 // cumulative weights
	variants   []int
}

// ParseSnapshot decodes the JSON of a snapshot. Fields it doesn't know are ignored, so that older programs survive newer
// servers; a format it doesn't know is refused.
func ParseSnapshot(text []byte) (Snapshot, error) {
	var s Snapshot
	if err := json.Unmarshal(text, &s); err != nil {
		return Snapshot{}, fmt.Errorf("the ruleset is no valid JSON: %w", err)
	}
	if s.Format != Format {
		return Snapshot{}, fmt.Errorf("the ruleset has format %d, this program reads %d; update it", s.Format, Format)
	}
	return s, nil
}

// Compile prepares a snapshot for deciding. It fails only when the snapshot as a whole is unusable (another format, a flag
// key twice). A flag that cannot be compiled answers PARSE_ERROR and is listed by Problems; the others are served.
func Compile(s Snapshot) (*Ruleset, error) {
	if s.Format != Format {
		return nil, fmt.Errorf("the ruleset has format %d, this program reads %d", s.Format, Format)
	}
	r := &Ruleset{
		revision: s.Revision, project: s.Project, environment: s.Environment,
		flags: make(map[string]*compiledFlag, len(s.Flags)),
	}
	for i := range s.Flags {
		f := &s.Flags[i]
		if _, twice := r.flags[f.Key]; twice {
			return nil, fmt.Errorf("the ruleset has the flag %q twice", f.Key)
		}
		compiled, err := compileFlag(f)
		if err != nil {
			r.problems = append(r.problems, Problem{Flag: f.Key, Detail: err.Error()})
			compiled = &compiledFlag{key: f.Key, revision: f.Revision, broken: true}
		}
		r.flags[f.Key] = compiled
		r.ordered = append(r.ordered, compiled)
	}
	slices.SortFunc(r.ordered, func(a, b *compiledFlag) int { return strings.Compare(a.key, b.key) })
	r.attributes = attributesOf(r.ordered)
	return r, nil
}

// Revision returns the log position that shaped the ruleset.
func (r *Ruleset) Revision() uint64 { return r.revision }

// Project returns the project the ruleset belongs to.
func (r *Ruleset) Project() string { return r.project }

// Environment returns the environment the ruleset belongs to.
func (r *Ruleset) Environment() string { return r.environment }

// Len returns the number of flags.
func (r *Ruleset) Len() int { return len(r.ordered) }

// Problems lists the flags that could not be compiled.
func (r *Ruleset) Problems() []Problem { return slices.Clone(r.problems) }

// Attributes lists, sorted, the attributes that any decision of the ruleset depends on; TargetingKey among them when a split
// uses it. Two subjects that agree on these get the same decisions.
func (r *Ruleset) Attributes() []string { return slices.Clone(r.attributes) }

// TargetingKey is the name by which conditions and splits refer to Subject.Key.
const TargetingKey = "targetingKey"

func compileFlag(f *Flag) (*compiledFlag, error) {
	c := &compiledFlag{key: f.Key, revision: f.Revision, on: f.On, variants: f.Variants, otherwise: Static}
	for _, v := range f.Variants {
		value, err := compileValue(f.Type, v.Value)
		if err != nil {
			return nil, fmt.Errorf("variant %q: %w", v.Key, err)
		}
		c.values = append(c.values, value)
	}
	var err error
	if c.off, err = c.index(f.Off); err != nil {
		return nil, fmt.Errorf("off: %w", err)
	}
	for _, r := range f.Rules {
		compiled := compiledRule{id: r.ID}
		for _, cond := range r.If {
			one, err := compileCondition(cond)
			if err != nil {
				return nil, fmt.Errorf("rule %q: %w", r.ID, err)
			}
			compiled.conditions = append(compiled.conditions, one)
		}
		if compiled.serve, err = c.serve(r.Serve); err != nil {
			return nil, fmt.Errorf("rule %q: %w", r.ID, err)
		}
		c.rules = append(c.rules, compiled)
	}
	if len(c.rules) > 0 {
		c.otherwise = Default
	}
	if e := f.Experiment; e != nil {
		if c.experiment, err = c.split(&e.Split); err != nil {
			return nil, fmt.Errorf("experiment %q: %w", e.Key, err)
		}
		c.experiment.experiment, c.experiment.unit = e.Key, e.Unit
	}
	if c.def, err = c.serve(f.Default); err != nil {
		return nil, fmt.Errorf("default: %w", err)
	}
	return c, nil
}

func (c *compiledFlag) index(variant string) (int, error) {
	for i := range c.variants {
		if c.variants[i].Key == variant {
			return i, nil
		}
	}
	return 0, fmt.Errorf("there is no variant %q", variant)
}

func (c *compiledFlag) serve(s Serve) (compiledServe, error) {
	if s.Split == nil {
		i, err := c.index(s.Variant)
		return compiledServe{variant: i}, err
	}
	split, err := c.split(s.Split)
	return compiledServe{split: split}, err
}

func (c *compiledFlag) split(s *Split) (*compiledSplit, error) {
	if s.Algorithm != BucketingV1 {
		return nil, fmt.Errorf("the algorithm %q is not known to this version", s.Algorithm)
	}
	if s.Total == 0 || s.Total > math.MaxInt32 {
		return nil, fmt.Errorf("the total of the weights is %d", s.Total)
	}
	out := &compiledSplit{algorithm: s.Algorithm, salted: hasher{}.write(s.Salt), total: s.Total, by: s.By}
	if out.by == TargetingKey {
		out.by = ""
	}
	var sum uint64
	for _, w := range s.Weights {
		i, err := c.index(w.Variant)
		if err != nil {
			return nil, err
		}
		if w.Weight == 0 {
			continue
		}
		sum += uint64(w.Weight)
		out.ends = append(out.ends, uint32(sum)) //nolint:gosec // checked below
		out.variants = append(out.variants, i)
	}
	if sum != uint64(s.Total) {
		return nil, fmt.Errorf("the weights add up to %d, not to %d", sum, s.Total)
	}
	return out, nil
}

func compileValue(t Type, raw json.RawMessage) (Value, error) {
	v := &datum{typ: t}
	var err error
	switch t {
	case Boolean:
		err = json.Unmarshal(raw, &v.bool)
		v.raw = json.RawMessage(strconv.FormatBool(v.bool))
	case String:
		err = json.Unmarshal(raw, &v.str)
		v.raw, _ = json.Marshal(v.str)
	case Integer:
		var f float64
		if err = json.Unmarshal(raw, &f); err == nil && (f != math.Trunc(f) || math.Abs(f) > 1<<53) {
			err = fmt.Errorf("%s is no whole number within ±2^53", raw)
		}
		v.int = int64(f)
		v.raw = json.RawMessage(strconv.FormatInt(v.int, 10))
	case Float:
		err = json.Unmarshal(raw, &v.float)
		text := strconv.FormatFloat(v.float, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		v.raw = json.RawMessage(text)
	case Object:
		err = json.Unmarshal(raw, &v.object)
		v.raw = slices.Clone(raw)
	default:
		err = fmt.Errorf("the type %q is not known to this version", t)
	}
	if err == nil && string(raw) == "null" {
		err = fmt.Errorf("null is no %s", t)
	}
	return Value{d: v}, err
}

func attributesOf(all []*compiledFlag) []string {
	seen := map[string]bool{}
	fromSplit := func(s *compiledSplit) {
		switch {
		case s == nil:
		case s.by == "":
			seen[TargetingKey] = true
		default:
			seen[s.by] = true
		}
	}
	for _, f := range all {
		for _, r := range f.rules {
			for i := range r.conditions {
				seen[r.conditions[i].attribute] = true
			}
			fromSplit(r.serve.split)
		}
		fromSplit(f.experiment)
		fromSplit(f.def.split)
	}
	out := make([]string, 0, len(seen))
	for a := range seen {
		out = append(out, a)
	}
	slices.Sort(out)
	return out
}
