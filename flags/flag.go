package flags

import (
	"fmt"
	"strings"
)

// compiledFlag is a flag whose every possible outcome is prepared; deciding is finding the right one.
type compiledFlag struct {
	key       string
	revision  uint64
	always    *Outcome // when the subject doesn't matter
	rules     []compiledRule
	otherwise compiledServe // what no rule matches: the experiment, or else the default
	// conditions are those of all rules, each different one once.
	conditions []condition
}

type compiledRule struct {
	conditions []int // of the flag's
	serve      compiledServe
}

// compiledServe serves split when it is not nil, else fixed.
type compiledServe struct {
	fixed *Outcome
	split *compiledSplit
}

// compiler makes one compiledFlag.
type compiler struct {
	flag     *compiledFlag
	common   Outcome // what all outcomes of the flag have in common
	variants map[string]Value
	places   map[string]int // of the conditions that the flag has already
	slots    map[string]int // of the attributes
}

// compileFlag compiles all parts of a flag, those that are not served now included: a flag must not turn out to be unusable
// at the moment it is turned on.
func compileFlag(f *Flag, common Outcome) (*compiledFlag, error) {
	if len(f.Requires) > 0 {
		return nil, fmt.Errorf("it requires %s, which this version doesn't know", strings.Join(f.Requires, ", "))
	}
	c := compiler{
		flag: &compiledFlag{key: f.Key, revision: f.Revision}, common: common,
		variants: make(map[string]Value, len(f.Variants)), places: map[string]int{}, slots: map[string]int{},
	}
	if err := c.compileVariants(f); err != nil {
		return nil, err
	}
	like := common
	like.Reason = Disabled
	off, err := c.prepare(f.Off, like)
	if err != nil {
		return nil, fmt.Errorf("off: %w", err)
	}
	if err := c.compileRules(f.Rules); err != nil {
		return nil, err
	}
	if err := c.compileOtherwise(f); err != nil {
		return nil, err
	}
	if !f.On {
		c.flag.always = off
	} else if len(f.Rules) == 0 {
		c.flag.always = c.flag.otherwise.fixed // nil when a split serves
	}
	return c.flag, nil
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

func (c *compiler) compileRules(rules []Rule) error {
	for _, r := range rules {
		like := c.common
		like.Rule, like.Reason = r.ID, TargetingMatch
		compiled := compiledRule{conditions: make([]int, 0, len(r.If))}
		for _, condition := range r.If {
			i, err := c.compileCondition(condition)
			if err != nil {
				return fmt.Errorf("rule %q: %w", r.ID, err)
			}
			compiled.conditions = append(compiled.conditions, i)
		}
		var err error
		if compiled.serve, err = c.compileServe(r.Serve, like); err != nil {
			return fmt.Errorf("rule %q: %w", r.ID, err)
		}
		c.flag.rules = append(c.flag.rules, compiled)
	}
	return nil
}

// compileCondition returns the condition's place among those of the flag, where it may be already.
func (c *compiler) compileCondition(from Condition) (int, error) {
	same := fmt.Sprintf("%q %s %s", from.Attribute, from.Operator, from.Values)
	if i, there := c.places[same]; there {
		return i, nil
	}
	one, err := newCondition(from)
	if err != nil {
		return 0, err
	}
	slot, there := c.slots[from.Attribute]
	if !there {
		slot = min(len(c.slots), slots)
		c.slots[from.Attribute] = slot
	}
	one.slot = slot
	c.flag.conditions = append(c.flag.conditions, one)
	c.places[same] = len(c.flag.conditions) - 1
	return c.places[same], nil
}

func (c *compiler) compileOtherwise(from *Flag) error {
	like := c.common
	like.Reason = Static
	if len(c.flag.rules) > 0 {
		like.Reason = Default
	}
	var err error
	if c.flag.otherwise, err = c.compileServe(from.Default, like); err != nil {
		return fmt.Errorf("default: %w", err)
	}
	if e := from.Experiment; e != nil {
		like.Experiment, like.Unit = e.Key, e.Unit
		split, err := c.compileSplit(&e.Split, like)
		if err != nil {
			return fmt.Errorf("experiment %q: %w", e.Key, err)
		}
		c.flag.otherwise = compiledServe{split: split}
	}
	return nil
}

func (c *compiler) compileServe(s Serve, like Outcome) (out compiledServe, err error) {
	if s.Split != nil {
		out.split, err = c.compileSplit(s.Split, like)
	} else {
		out.fixed, err = c.prepare(s.Variant, like)
	}
	return out, err
}

// prepare makes the outcome that serves the variant, otherwise like another.
func (c *compiler) prepare(variant string, like Outcome) (*Outcome, error) {
	value, ok := c.variants[variant]
	if !ok {
		return nil, fmt.Errorf("there is no variant %q", variant)
	}
	like.Variant, like.Value = variant, value
	return &like, nil
}
