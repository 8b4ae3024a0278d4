package flags

import (
	"math"
	"time"
	"unique"
)

// kind is the type of an operand.
type kind uint8

const (
	unread kind = iota
	missing
	text
	number
	truth
	list
	object
	moment
	other // there, but nothing that a condition compares with
)

func kindNamed(name string) (kind, bool) {
	switch name {
	case "string":
		return text, true
	case "number":
		return number, true
	case "boolean":
		return truth, true
	case "list":
		return list, true
	case "object":
		return object, true
	case "time":
		return moment, true
	}
	return 0, false
}

// operand is an attribute of a subject, its type found and its box opened.
type operand struct {
	kind   kind
	truth  bool
	number float64
	text   string
}

// attributeName is the name of an attribute with the path into it. The same name is the same pointer wherever it was
// compiled, so comparing two is comparing two pointers.
type attributeName = unique.Handle[string]

// slots is how many attributes of a flag are read only once per decision; the rest is read whenever a condition asks. It is
// small because the slots are cleared for each decision.
const slots = 6

// operands are what one decision, or the decisions of all flags for one subject, have read last.
type operands struct {
	at [slots]operand
	of [slots]attributeName // what was begun with is there; the zero name where nobody knows
}

// place is where a flag or a segment has an attribute.
type place struct {
	of   attributeName
	slot uint8
}

// keep leaves of what was read what a flag or a segment with these places can use.
func (s *operands) keep(places []place) {
	for _, p := range places {
		if s.of[p.slot] != p.of {
			s.of[p.slot], s.at[p.slot].kind = p.of, unread
		}
	}
}

// slotFor is where a flag's attribute goes: the same place in all flags, unless another attribute of the flag is there.
func slotFor(name string, taken map[string]uint8) uint8 {
	if len(taken) >= slots {
		return slots
	}
	at := uint8(hasher{}.write(name).sum() % slots)
	for isTaken(at, taken) {
		at = (at + 1) % slots
	}
	return at
}

func isTaken(slot uint8, taken map[string]uint8) bool {
	for _, other := range taken {
		if other == slot {
			return true
		}
	}
	return false
}

func (o *operand) read(c *condition, who *Subject) {
	if c.isKey {
		o.readKey(who)
		return
	}
	value := who.attribute(c.attribute)
	if c.more != nil && len(c.more.path) > 0 {
		value = c.inside(value)
	}
	o.open(value)
}

func (o *operand) readKey(who *Subject) {
	*o = operand{kind: missing}
	if key := who.key(); key != "" {
		o.kind, o.text = text, key
	}
}

// open looks at the most frequent types first, and without a copy.
func (o *operand) open(value any) {
	switch v := value.(type) {
	case string:
		*o = operand{kind: text, text: v}
	case int:
		*o = operand{kind: number, number: float64(v)}
	default:
		*o = operandOf(value)
	}
}

// valueOf is the condition's attribute as the subject has it.
func (c *condition) valueOf(who *Subject) any {
	value := who.attribute(c.attribute)
	if c.more != nil {
		value = c.inside(value)
	}
	return value
}

func (c *condition) inside(value any) any {
	for _, step := range c.more.path {
		members, _ := value.(map[string]any)
		value = members[step]
	}
	return value
}

func operandOf(value any) operand {
	switch v := value.(type) {
	case nil:
		return operand{kind: missing}
	case string:
		return operand{kind: text, text: v}
	case bool:
		return operand{kind: truth, truth: v}
	case time.Time:
		return operand{kind: moment}
	case map[string]any:
		return operand{kind: object}
	}
	if n, ok := numberOf(value); ok {
		return operand{kind: number, number: n}
	}
	if sizeOf(value) >= 0 {
		return operand{kind: list}
	}
	return operand{kind: other}
}

// sizeOf is how many elements a list has; -1 for what is no list.
func sizeOf(value any) int {
	switch v := value.(type) {
	case []any:
		return len(v)
	case []string:
		return len(v)
	case []int:
		return len(v)
	case []int64:
		return len(v)
	case []float64:
		return len(v)
	case []bool:
		return len(v)
	}
	return -1
}

func elementOf(value any, i int) operand {
	switch v := value.(type) {
	case []any:
		return operandOf(v[i])
	case []string:
		return operand{kind: text, text: v[i]}
	case []int:
		return operand{kind: number, number: float64(v[i])}
	case []int64:
		return operand{kind: number, number: float64(v[i])}
	case []float64:
		return operand{kind: number, number: v[i]}
	case []bool:
		return operand{kind: truth, truth: v[i]}
	}
	return operand{kind: missing}
}

// millisecondsOf is an attribute as a time. Numbers are seconds of Unix, or milliseconds from 1e11 on: seconds reach the year
// 5138 below it.
func millisecondsOf(value any) (int64, bool) {
	switch v := value.(type) {
	case time.Time:
		return v.UnixMilli(), true
	case float64:
		const most = 1 << 53
		if math.Abs(v) < 1e11 {
			v *= 1_000
		}
		return int64(math.Floor(v)), math.Abs(v) <= most
	}
	return 0, false
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
