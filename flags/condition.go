package flags

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// condition is a compiled Condition: its values sorted by type once, so that nothing is parsed or boxed while deciding.
type condition struct {
	attribute string
	slot      int // where operands keep the attribute
	compare   comparison
	negated   bool
	isKey     bool // attribute is the targeting key
	yes, no   bool // true, false are among the values
	texts     []string
	set       map[string]struct{} // texts, when there are many
	numbers   []float64           // sorted
}

// comparison is an Operator without its negation.
type comparison uint8

const (
	isAnyOf comparison = iota
	isThere
	contains
	startsWith
	endsWith
	isGreater
	isAtLeast
	isLess
	isAtMost
)

// manyTexts is where a hash set begins to beat a walk over the texts.
const manyTexts = 8

func comparisonOf(o Operator) (c comparison, negated bool, err error) {
	switch o {
	case Equals, In:
		return isAnyOf, false, nil
	case NotEquals, NotIn:
		return isAnyOf, true, nil
	case Exists:
		return isThere, false, nil
	case NotExists:
		return isThere, true, nil
	case Contains:
		return contains, false, nil
	case StartsWith:
		return startsWith, false, nil
	case EndsWith:
		return endsWith, false, nil
	case Greater:
		return isGreater, false, nil
	case GreaterOrEqual:
		return isAtLeast, false, nil
	case Less:
		return isLess, false, nil
	case LessOrEqual:
		return isAtMost, false, nil
	}
	return 0, false, fmt.Errorf("the operator %q is not known to this version", o)
}

func newCondition(c Condition) (condition, error) {
	out := condition{attribute: c.Attribute, isKey: c.Attribute == TargetingKey}
	var err error
	if out.compare, out.negated, err = comparisonOf(c.Operator); err != nil {
		return out, err
	}
	for _, raw := range c.Values {
		if err := out.add(raw); err != nil {
			return out, err
		}
	}
	if err := out.check(len(c.Values)); err != nil {
		return out, fmt.Errorf("the operator %s %w", c.Operator, err)
	}
	slices.Sort(out.numbers)
	if len(out.texts) >= manyTexts && out.compare == isAnyOf {
		out.set = make(map[string]struct{}, len(out.texts))
		for _, t := range out.texts {
			out.set[t] = struct{}{}
		}
	}
	return out, nil
}

// check refuses values that the comparison has no use for.
func (c *condition) check(values int) error {
	switch c.compare {
	case isThere:
		return nil
	case isAnyOf:
		if values == 0 {
			return fmt.Errorf("needs a value")
		}
	case contains, startsWith, endsWith:
		if values == 0 || len(c.texts) != values {
			return fmt.Errorf("compares with texts")
		}
	default:
		if values != 1 || len(c.numbers) != 1 {
			return fmt.Errorf("compares with exactly one number")
		}
	}
	return nil
}

func (c *condition) add(raw json.RawMessage) error {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return fmt.Errorf("the value %s is no JSON: %w", raw, err)
	}
	switch v := value.(type) {
	case string:
		c.texts = append(c.texts, v)
	case float64:
		c.numbers = append(c.numbers, v)
	case bool:
		c.yes, c.no = c.yes || v, c.no || !v
	default:
		return fmt.Errorf("the value %s is no scalar", raw)
	}
	return nil
}

// matches compares an operand, before negation. What is not there, or of a type that no condition knows, matches nothing but
// (if it is there) isThere.
func (c *condition) matches(o *operand) bool {
	switch {
	case c.compare == isThere:
		return o.kind != missing
	case o.kind == text:
		return c.matchesText(o.text)
	case o.kind == number:
		return c.matchesNumber(o.number)
	case o.kind == truth:
		return c.compare == isAnyOf && (o.truth && c.yes || !o.truth && c.no)
	}
	return false
}

func (c *condition) matchesText(v string) bool {
	switch c.compare {
	case isAnyOf:
		if c.set != nil {
			_, found := c.set[v]
			return found
		}
		return slices.Contains(c.texts, v)
	case contains:
		return c.anyText(v, strings.Contains)
	case startsWith:
		return c.anyText(v, strings.HasPrefix)
	case endsWith:
		return c.anyText(v, strings.HasSuffix)
	}
	return false
}

func (c *condition) anyText(v string, is func(v, of string) bool) bool {
	for _, t := range c.texts {
		if is(v, t) {
			return true
		}
	}
	return false
}

func (c *condition) matchesNumber(n float64) bool {
	switch c.compare {
	case isAnyOf:
		_, found := slices.BinarySearch(c.numbers, n)
		return found
	case isGreater:
		return n > c.numbers[0]
	case isAtLeast:
		return n >= c.numbers[0]
	case isLess:
		return n < c.numbers[0]
	case isAtMost:
		return n <= c.numbers[0]
	}
	return false
}
