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
	operator  Operator
	negated   bool // not_equals, not_in, not_exists
	isKey     bool // attribute is the targeting key
	texts     []string
	set       map[string]struct{} // texts, when there are many
	numbers   []float64
	number    float64
	yes, no   bool // true, false are among the values
}

// manyTexts is where a hash set begins to beat a walk over the texts.
const manyTexts = 8

func compileCondition(c Condition) (condition, error) {
	out := condition{attribute: c.Attribute, operator: c.Operator, isKey: c.Attribute == TargetingKey}
	switch c.Operator {
	case NotEquals, NotIn:
		out.operator, out.negated = In, true
	case Equals:
		out.operator = In
	case NotExists:
		out.operator, out.negated = Exists, true
	case In, Contains, StartsWith, EndsWith, Exists, Greater, GreaterOrEqual, Less, LessOrEqual:
	default:
		return out, fmt.Errorf("the operator %q is not known to this version", c.Operator)
	}
	for _, raw := range c.Values {
		if err := out.add(raw); err != nil {
			return out, err
		}
	}
	switch out.operator {
	case Greater, GreaterOrEqual, Less, LessOrEqual:
		if len(out.numbers) != 1 || len(c.Values) != 1 {
			return out, fmt.Errorf("the operator %s compares with exactly one number", c.Operator)
		}
		out.number = out.numbers[0]
	case Contains, StartsWith, EndsWith:
		if len(out.texts) != len(c.Values) {
			return out, fmt.Errorf("the operator %s compares with strings", c.Operator)
		}
	case Exists:
	default:
		if len(c.Values) == 0 {
			return out, fmt.Errorf("the operator %s needs a value", c.Operator)
		}
	}
	if len(out.texts) >= manyTexts && out.operator == In {
		out.set = make(map[string]struct{}, len(out.texts))
		for _, t := range out.texts {
			out.set[t] = struct{}{}
		}
	}
	slices.Sort(out.numbers)
	return out, nil
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

// holds reports whether the condition is true of the subject.
func (c *condition) holds(who *Subject) bool {
	if c.isKey {
		if who.Key == "" {
			return c.negated
		}
		return c.text(who.Key) != c.negated
	}
	value, there := who.Attributes[c.attribute]
	if !there || value == nil {
		return c.negated
	}
	return c.matches(value) != c.negated
}

// matches compares a value that is there, before negation. A type that no condition knows matches nothing but Exists.
func (c *condition) matches(value any) bool {
	switch v := value.(type) {
	case string:
		return c.text(v)
	case bool:
		return c.operator == Exists || c.operator == In && (v && c.yes || !v && c.no)
	}
	if n, ok := numberOf(value); ok {
		return c.compare(n)
	}
	return c.operator == Exists
}

func (c *condition) text(v string) bool {
	switch c.operator {
	case In:
		if c.set != nil {
			_, found := c.set[v]
			return found
		}
		for _, t := range c.texts {
			if t == v {
				return true
			}
		}
		return false
	case Contains:
		for _, t := range c.texts {
			if strings.Contains(v, t) {
				return true
			}
		}
	case StartsWith:
		for _, t := range c.texts {
			if strings.HasPrefix(v, t) {
				return true
			}
		}
	case EndsWith:
		for _, t := range c.texts {
			if strings.HasSuffix(v, t) {
				return true
			}
		}
	case Exists:
		return true
	}
	return false
}

func (c *condition) compare(n float64) bool {
	switch c.operator {
	case In:
		_, found := slices.BinarySearch(c.numbers, n)
		return found
	case Greater:
		return n > c.number
	case GreaterOrEqual:
		return n >= c.number
	case Less:
		return n < c.number
	case LessOrEqual:
		return n <= c.number
	case Exists:
		return true
	}
	return false
}

// numberOf returns a value of any integer or float type as a float64.
func numberOf(value any) (float64, bool) {
	switch v := value.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case int32:
		return float64(v), true
	case int16:
		return float64(v), true
	case int8:
		return float64(v), true
	case uint:
		return float64(v), true
	case uint64:
		return float64(v), true
	case uint32:
		return float64(v), true
	case uint16:
		return float64(v), true
	case uint8:
		return float64(v), true
	case float32:
		return float64(v), true
	}
	return 0, false
}
