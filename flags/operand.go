package flags

// kind is the type of an operand.
type kind uint8

const (
	unread kind = iota
	missing
	text
	number
	truth
	other // there, but nothing that a condition compares with
)

// operand is an attribute of a subject, its type found and its box opened.
type operand struct {
	kind   kind
	truth  bool
	number float64
	text   string
}

// slots is how many attributes of a flag are read only once per decision; the rest is read whenever a condition asks. It is
// small because the slots are cleared for each decision.
const slots = 6

// operands are what one decision has read so far. The last slot is used again and again by the attributes that have none of
// their own.
type operands [slots + 1]operand

// of returns the condition's operand.
func (o *operands) of(c *condition, who *Subject) *operand {
	found := &o[c.slot]
	if found.kind == unread || c.slot == slots {
		found.read(c, who)
	}
	return found
}

func (o *operand) read(c *condition, who *Subject) {
	*o = operand{kind: missing}
	if c.isKey {
		if who.Key != "" {
			o.kind, o.text = text, who.Key
		}
		return
	}
	switch v := who.Attributes[c.attribute].(type) {
	case nil:
	case string:
		o.kind, o.text = text, v
	case bool:
		o.kind, o.truth = truth, v
	default:
		o.kind = other
		if n, ok := numberOf(v); ok {
			o.kind, o.number = number, n
		}
	}
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
