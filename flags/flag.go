package flags

import (
	"fmt"
	"strings"
)

// prepared is a flag whose every possible outcome is prepared; deciding is finding the right one. What plain flags need comes
// first.
type prepared struct {
	needs []uint64 // the conditions of each rule, of a plain flag
	rules []compiledRule
	// otherwise is what no rule matches: the experiment, or else the default. The experiment is only for those within all
	// the slices; outside is for the others.
	otherwise compiledServe
	asked     uint64 // the conditions that are about segments
	plain     bool   // there are only rules and otherwise, and all conditions are for a few columns or about segments
	program
	asks    []asking       // the conditions that are about segments
	always  *Outcome       // when the subject doesn't matter
	first   *first         // what comes before the rules, if anything does
	logic   *compiledLogic // asked before otherwise, when there is one
	within  []*compiledSlice
	outside *compiledServe
}

type compiledRule struct {
	bits  uint64 // the conditions of the flag's, as a set, when all are among the first 64; else 0
	serve compiledServe
	*listed
}

// listed is the part of a rule that is seldom looked at.
type listed struct {
	conditions []int // of the flag's
	id         string
}

// compiledServe serves split when it is not nil, else fixed.
type compiledServe struct {
	fixed *Outcome
	split *compiledSplit
}

// first is what a flag looks at before its rules.
type first struct {
	overrides []compiledOverrides
	holdouts  []compiledHoldout
}

// compiledOverrides are all overrides by the same attribute, as long as no other one comes between.
type compiledOverrides struct {
	named string // where the unit id is, as it was given
	by    by
	units map[string]*Outcome
}

type compiledHoldout struct {
	slice *compiledSlice
	serve *Outcome
}

// compiler makes one prepared flag.
type compiler struct {
	programmer
	outcomes
	flag     *prepared
	common   Outcome // what all outcomes of the flag have in common
	variants map[string]Value
}

func (c *compiler) compile(f *Flag) error {
	if unknown := unknownRequirements(f.Requires); len(unknown) > 0 {
		return fmt.Errorf("it requires %s, which this version doesn't know", strings.Join(unknown, ", "))
	}
	if err := c.compileVariants(f); err != nil {
		return err
	}
	like := c.common
	like.Reason = Disabled
	off, err := c.prepareOrNone(f.Off, like)
	if err != nil {
		return fmt.Errorf("off: %w", err)
	}
	if err := c.compileFirst(f); err != nil {
		return err
	}
	if err := c.compileRules(f.Rules); err != nil {
		return err
	}
	if err := c.compileLogic(f); err != nil {
		return err
	}
	if err := c.compileOtherwise(f); err != nil {
		return err
	}
	if !f.On {
		c.flag.always = off
	} else if len(f.Rules) == 0 && c.flag.first == nil && c.flag.logic == nil && c.flag.within == nil {
		c.flag.always = c.flag.otherwise.fixed // nil when a split serves
	}
	return nil
}

func (c *compiler) compileVariants(f *Flag) error {
	for _, v := range f.Variants {
		if _, twice := c.variants[v.Key]; twice {
			return fmt.Errorf("there are two variants %q", v.Key)
		}
		value, err := compileValue(f.Type, v.Value)
		if err != nil {
			return fmt.Errorf("variant %q: %w", v.Key, err)
		}
		c.variants[v.Key] = value
	}
	return nil
}

func (c *compiler) compileFirst(f *Flag) error {
	if len(f.Overrides) == 0 && len(f.Holdouts) == 0 {
		return nil
	}
	out := &first{}
	for _, o := range f.Overrides {
		like := c.common
		like.Reason, like.Override = TargetingMatch, true
		outcome, err := c.prepare(o.Variant, like)
		if err != nil {
			return fmt.Errorf("overrides: %w", err)
		}
		out.override(o, outcome)
		c.attributes = append(c.attributes, orKey(newBy(o.By).attribute))
	}
	for i := range f.Holdouts {
		h := &f.Holdouts[i]
		like := c.common
		like.Reason, like.Holdout, like.Algorithm, like.Total = SplitReason, h.Key, h.Slice.Algorithm, h.Slice.Total
		outcome, err := c.prepare(h.Serve, like)
		if err != nil {
			return fmt.Errorf("holdout %q: %w", h.Key, err)
		}
		slice, err := newSlice(&h.Slice)
		if err != nil {
			return fmt.Errorf("holdout %q: %w", h.Key, err)
		}
		out.holdouts = append(out.holdouts, compiledHoldout{slice: slice, serve: outcome})
		c.attributes = append(c.attributes, slice.attribute())
	}
	c.flag.first = out
	return nil
}

func orKey(attribute string) string {
	if attribute == "" {
		return TargetingKey
	}
	return attribute
}

func (f *first) override(o Override, outcome *Outcome) {
	last := len(f.overrides) - 1
	if last < 0 || f.overrides[last].named != o.By {
		f.overrides = append(f.overrides, compiledOverrides{named: o.By, by: newBy(o.By), units: make(map[string]*Outcome, len(o.Units))})
		last++
	}
	for _, unit := range o.Units {
		if _, there := f.overrides[last].units[unit]; !there {
			f.overrides[last].units[unit] = outcome
		}
	}
}

func (c *compiler) compileRules(rules []Rule) error {
	for i := range rules {
		r := &rules[i]
		like := c.common
		like.Rule, like.Reason = r.ID, TargetingMatch
		compiled := compiledRule{listed: &listed{id: r.ID}}
		var err error
		if compiled.conditions, err = c.addAll(r.If); err != nil {
			return fmt.Errorf("rule %q: %w", r.ID, err)
		}
		compiled.bits = bitsOf(compiled.conditions)
		if compiled.serve, err = c.compileServe(r.Serve, like); err != nil {
			return fmt.Errorf("rule %q: %w", r.ID, err)
		}
		c.flag.rules = append(c.flag.rules, compiled)
	}
	return nil
}

func (c *compiler) compileOtherwise(from *Flag) error {
	like := c.common
	like.Reason = Static
	if len(c.flag.rules) > 0 || c.flag.first != nil || c.flag.logic != nil || from.Experiment != nil {
		like.Reason = Default
	}
	fallback, err := c.compileDefault(from.Default, like)
	if err != nil {
		return fmt.Errorf("default: %w", err)
	}
	c.flag.otherwise = fallback
	e := from.Experiment
	if e == nil {
		return nil
	}
	like.Experiment, like.Unit = e.Key, e.Unit
	split, err := c.compileSplit(&e.Split, like)
	if err != nil {
		return fmt.Errorf("experiment %q: %w", e.Key, err)
	}
	c.flag.otherwise = compiledServe{split: split}
	for i := range e.Within {
		slice, err := newSlice(&e.Within[i])
		if err != nil {
			return fmt.Errorf("experiment %q: %w", e.Key, err)
		}
		c.flag.within = append(c.flag.within, slice)
		c.attributes = append(c.attributes, slice.attribute())
		c.flag.outside = &fallback
	}
	return nil
}

func (c *compiler) compileDefault(s Serve, like Outcome) (out compiledServe, err error) {
	if s == (Serve{}) {
		like.Reason = Default
		out.fixed, err = c.prepareOrNone("", like)
		return out, err
	}
	return c.compileServe(s, like)
}

func (c *compiler) compileServe(s Serve, like Outcome) (out compiledServe, err error) {
	if s.Split != nil {
		out.split, err = c.compileSplit(s.Split, like)
	} else {
		out.fixed, err = c.prepare(s.Variant, like)
	}
	return out, err
}

// prepareOrNone is prepare, where "" is the caller's default: an outcome without variant and value.
func (c *compiler) prepareOrNone(variant string, like Outcome) (*Outcome, error) {
	if variant == "" {
		return c.of(like), nil
	}
	return c.prepare(variant, like)
}

// prepare makes the outcome that serves the variant, otherwise like another.
func (c *compiler) prepare(variant string, like Outcome) (*Outcome, error) {
	value, ok := c.variants[variant]
	if !ok {
		return nil, fmt.Errorf("there is no variant %q", variant)
	}
	like.Variant, like.Value = variant, value
	return c.of(like), nil
}
