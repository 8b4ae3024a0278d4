package measurement

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// Columns, the form of BatchRecorded.v2: all event ids, then all units, then all times, and so on. What repeats stands once, times are
// differences, and ids that are random bytes in disguise (keyed hashes, UUIDs, hexadecimal digits) stand as these bytes apart from the
// rest, because no compression makes them smaller. Numbers are varints (encoding/binary); a text is its length and its bytes.
//
//   - A word is the number of a text among the different ones so far; the next number that is free means that the text follows.
//   - An id is a byte for its kind, then: a text; or nothing, the bytes being among the raw ones; or their number, the same.
//   - A time is the difference in seconds from the one before it, zigzag, and twice the milliseconds of its second, or twice the
//     nanoseconds and one. The first follows ReceivedAt, which follows 1970. All are UTC.
//   - A value is its float64 with the bytes reversed, so that whole numbers are short.
//   - Attributes are how many, and for each the word of its name and that of its JSON, in the order of their names.
const (
	idText      = 0
	idPseudonym = 1 // 16 raw bytes
	idUUID      = 2 // 16 raw bytes
	idHex       = 3 // as many raw bytes as it says
)

const (
	leastHex = 8  // bytes; shorter ones are numbers more often than not
	mostHex  = 64 // bytes

	uuidBytes = 16
	uuidText  = 36 // characters
)

// columns writes a batch down.
type columns struct {
	text, raw []byte
	words     map[string]uint64
	names     []string // of the attributes of an item
	last      string   // the word before this one, and its number
	number    uint64
	second    int64
	err       error
}

func (c *columns) reset() {
	clear(c.words)
	clear(c.names[:cap(c.names)])
	*c = columns{text: c.text[:0], raw: c.raw[:0], names: c.names[:0], words: c.words}
}

func (c *columns) batch(b *Batch) {
	c.word(string(b.Project))
	c.word(string(b.Environment))
	c.time(b.ReceivedAt)
	c.count(len(b.Exposures))
	c.count(len(b.Measurements))
	c.exposures(b.Exposures)
	c.measurements(b.Measurements)
}

func (c *columns) exposures(all []Exposure) {
	each(all, func(x *Exposure) { c.id(x.EventID) })
	each(all, func(x *Exposure) { c.word(string(x.Experiment)) })
	each(all, func(x *Exposure) { c.word(string(x.Variant)) })
	each(all, func(x *Exposure) { c.word(string(x.UnitType)) })
	each(all, func(x *Exposure) { c.id(x.Unit) })
	each(all, func(x *Exposure) { c.time(x.OccurredAt) })
	each(all, func(x *Exposure) { c.word(string(x.Flag)) })
	each(all, func(x *Exposure) { c.word(x.Reason) })
	each(all, func(x *Exposure) { c.word(x.FlagVersion) })
	each(all, func(x *Exposure) { c.attributes(x.Attributes) })
	each(all, func(x *Exposure) { c.word(x.TS) })
}

func (c *columns) measurements(all []Measurement) {
	each(all, func(m *Measurement) { c.id(m.EventID) })
	each(all, func(m *Measurement) { c.word(m.Event) })
	each(all, func(m *Measurement) { c.word(string(m.UnitType)) })
	each(all, func(m *Measurement) { c.id(m.Unit) })
	each(all, func(m *Measurement) { c.time(m.OccurredAt) })
	each(all, func(m *Measurement) { c.value(m.Value) })
	each(all, func(m *Measurement) { c.word(m.Currency) })
	each(all, func(m *Measurement) { c.attributes(m.Properties) })
	each(all, func(m *Measurement) { c.word(m.TS) })
}

func each[T any](all []T, do func(*T)) {
	for i := range all {
		do(&all[i])
	}
}

func (c *columns) count(n int) { c.text = binary.AppendUvarint(c.text, uint64(n)) } //nolint:gosec // lengths are not negative

func (c *columns) plain(s string) {
	c.count(len(s))
	c.text = append(c.text, s...)
}

func (c *columns) word(s string) {
	if s == c.last && len(c.words) > 0 {
		c.text = binary.AppendUvarint(c.text, c.number)
		return
	}
	n, known := c.words[s]
	if !known {
		n = uint64(len(c.words))
		c.words[s] = n
	}
	c.last, c.number = s, n
	c.text = binary.AppendUvarint(c.text, n)
	if !known {
		c.plain(s)
	}
}

func (c *columns) id(s string) {
	var room [mostHex]byte
	switch kind, raw := random(s, room[:0]); kind {
	case idText:
		c.text = append(c.text, idText)
		c.plain(s)
	case idHex:
		c.text = append(c.text, idHex)
		c.count(len(raw))
		c.raw = append(c.raw, raw...)
	default:
		c.text = append(c.text, kind)
		c.raw = append(c.raw, raw...)
	}
}

// random finds the bytes behind a text that is nothing but a way to write bytes down; the text can be made of them again.
func random(s string, into []byte) (kind byte, raw []byte) {
	switch {
	case len(s) == len(pseudonymPrefix)+pseudonymText && strings.HasPrefix(s, pseudonymPrefix):
		if raw, ok := appendBase64(into, s[len(pseudonymPrefix):]); ok {
			return idPseudonym, raw
		}
	case len(s) == uuidText && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-':
		raw, ok := appendHex(into, s[:8], s[9:13], s[14:18], s[19:23], s[24:])
		if ok {
			return idUUID, raw
		}
	case len(s)%2 == 0 && len(s) >= 2*leastHex && len(s) <= 2*mostHex:
		if raw, ok := appendHex(into, s); ok {
			return idHex, raw
		}
	}
	return idText, nil
}

// appendBase64 decodes base64url without padding (RFC 4648, 5), if it is as an encoder writes it: bits that stand for nothing are 0.
func appendBase64(into []byte, s string) ([]byte, bool) {
	held, bits := uint(0), 0
	for i := range len(s) {
		six := sextet(s[i])
		if six > 63 {
			return into, false
		}
		held, bits = held<<6|uint(six), bits+6
		if bits >= 8 {
			bits -= 8
			into = append(into, byte(held>>bits)) //nolint:gosec // the byte that is complete
			held &= 1<<bits - 1
		}
	}
	return into, held == 0
}

func sextet(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c - 'A'
	case c >= 'a' && c <= 'z':
		return c - 'a' + 26
	case c >= '0' && c <= '9':
		return c - '0' + 52
	case c == '-':
		return 62
	case c == '_':
		return 63
	default:
		return 0xff
	}
}

// appendHex decodes lower-case digits.
func appendHex(into []byte, parts ...string) ([]byte, bool) {
	for _, s := range parts {
		for i := 0; i < len(s); i += 2 {
			high, low := digit(s[i]), digit(s[i+1])
			if high|low > 15 {
				return into, false
			}
			into = append(into, high<<4|low)
		}
	}
	return into, true
}

func digit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	default:
		return 0xff
	}
}

const (
	inNanos = 1 // the last bit of a fraction of a second says what it counts
	milli   = int64(time.Millisecond)
)

func (c *columns) time(t time.Time) {
	c.text = binary.AppendVarint(c.text, t.Unix()-c.second)
	c.second = t.Unix()
	nanos := int64(t.Nanosecond())
	if nanos%milli == 0 {
		c.count(int(nanos / milli << 1))
	} else {
		c.count(int(nanos<<1 | inNanos))
	}
}

func (c *columns) value(v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		c.fail(fmt.Errorf("the value %v is not finite", v))
	}
	c.text = binary.AppendUvarint(c.text, bits.ReverseBytes64(math.Float64bits(v)))
}

func (c *columns) attributes(all map[string]json.RawMessage) {
	c.count(len(all))
	if len(all) == 0 {
		return
	}
	if len(all) > MaxAttributes {
		c.fail(fmt.Errorf("an item has %d attributes, more than %d", len(all), MaxAttributes))
	}
	c.names = c.names[:0]
	for name := range all {
		c.names = append(c.names, name)
	}
	slices.Sort(c.names)
	for _, name := range c.names {
		c.word(name)
		value := all[name]
		if n, known := c.words[string(value)]; known {
			c.text = binary.AppendUvarint(c.text, n)
		} else if c.word(string(value)); !json.Valid(value) {
			c.fail(fmt.Errorf("the attribute %q is no JSON", name))
		}
	}
}

func (c *columns) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}
