package measurement

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"math/bits"
	"time"
)

// rows reads a batch that columns wrote. Whatever does not fit makes it bad.
type rows struct {
	text, raw string
	words     []string
	values    map[string]json.RawMessage // of words that are attributes
	second    int64
	bad       error
}

var errShort = errors.New("it ends too early or says what cannot be")

func (r *rows) batch() Batch {
	var b Batch
	wordInto(r, &b.Project)
	wordInto(r, &b.Environment)
	b.ReceivedAt = r.time()
	exposures, measurements := r.count(), r.count()
	if exposures+measurements > len(r.text) || r.bad != nil {
		r.fail() // every item takes several bytes, so nobody makes room for more than there can be
		return b
	}
	b.Exposures, b.Measurements = room[Exposure](exposures), room[Measurement](measurements)
	r.exposures(b.Exposures)
	r.measurements(b.Measurements)
	if len(r.text)+len(r.raw) > 0 {
		r.fail()
	}
	return b
}

func room[T any](n int) []T {
	if n == 0 {
		return nil
	}
	return make([]T, n)
}

func (r *rows) exposures(all []Exposure) {
	each(all, func(x *Exposure) { x.EventID = r.id() })
	each(all, func(x *Exposure) { wordInto(r, &x.Experiment) })
	each(all, func(x *Exposure) { wordInto(r, &x.Variant) })
	each(all, func(x *Exposure) { wordInto(r, &x.UnitType) })
	each(all, func(x *Exposure) { x.Unit = r.id() })
	each(all, func(x *Exposure) { x.OccurredAt = r.time() })
	each(all, func(x *Exposure) { wordInto(r, &x.Flag) })
	each(all, func(x *Exposure) { wordInto(r, &x.Reason) })
	each(all, func(x *Exposure) { wordInto(r, &x.FlagVersion) })
	each(all, func(x *Exposure) { x.Attributes = r.attributes() })
	each(all, func(x *Exposure) { wordInto(r, &x.TS) })
}

func (r *rows) measurements(all []Measurement) {
	each(all, func(m *Measurement) { m.EventID = r.id() })
	each(all, func(m *Measurement) { wordInto(r, &m.Event) })
	each(all, func(m *Measurement) { wordInto(r, &m.UnitType) })
	each(all, func(m *Measurement) { m.Unit = r.id() })
	each(all, func(m *Measurement) { m.OccurredAt = r.time() })
	each(all, func(m *Measurement) { m.Value = r.value() })
	each(all, func(m *Measurement) { wordInto(r, &m.Currency) })
	each(all, func(m *Measurement) { m.Properties = r.attributes() })
	each(all, func(m *Measurement) { wordInto(r, &m.TS) })
}

func (r *rows) fail() {
	if r.bad == nil {
		r.bad = errShort
	}
	r.text, r.raw = "", "" // what follows fails at once
}

func (r *rows) uvarint() uint64 {
	var n uint64
	for i := range len(r.text) {
		c := r.text[i]
		if i == binary.MaxVarintLen64-1 && c > 1 {
			break
		}
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.text = r.text[i+1:]
			return n
		}
	}
	r.fail()
	return 0
}

// count is a number that can't be more than what is held in memory.
func (r *rows) count() int {
	n := r.uvarint()
	if n > maxDecoded {
		r.fail()
		return 0
	}
	return int(n)
}

// cut takes n bytes off the front.
func (r *rows) cut(from *string, n int) string {
	if n > len(*from) {
		r.fail()
		return ""
	}
	s := (*from)[:n]
	*from = (*from)[n:]
	return s
}

func (r *rows) word() string {
	switch n := r.count(); {
	case n < len(r.words):
		return r.words[n]
	case n > len(r.words) || r.bad != nil:
		r.fail()
		return ""
	}
	s := r.cut(&r.text, r.count())
	r.words = append(r.words, s)
	return s
}

func wordInto[T ~string](r *rows, into *T) { *into = T(r.word()) }

func (r *rows) id() string {
	switch r.uvarint() {
	case idText:
		return r.cut(&r.text, r.count())
	case idPseudonym:
		return pseudonymOf([]byte(r.cut(&r.raw, pseudonymBytes)))
	case idUUID:
		return uuidOf(r.cut(&r.raw, uuidBytes))
	case idHex:
		return hex.EncodeToString([]byte(r.cut(&r.raw, r.count())))
	}
	r.fail()
	return ""
}

func uuidOf(raw string) string {
	if len(raw) != uuidBytes {
		return ""
	}
	var text [uuidText]byte
	out, b := text[:0], []byte(raw)
	for i, n := range []int{4, 2, 2, 2, 6} {
		if i > 0 {
			out = append(out, '-')
		}
		out = hex.AppendEncode(out, b[:n])
		b = b[n:]
	}
	return string(out)
}

func (r *rows) time() time.Time {
	n := r.uvarint()
	r.second += int64(n>>1) ^ -int64(n&1) // zigzag, as encoding/binary has it
	fraction := r.uvarint()
	nanos := min(fraction>>1, uint64(time.Second))
	if fraction&inNanos == 0 {
		nanos *= uint64(milli)
	}
	if nanos >= uint64(time.Second) {
		r.fail()
		return time.Time{}
	}
	return time.Unix(r.second, int64(nanos)).UTC()
}

func (r *rows) value() float64 {
	v := math.Float64frombits(bits.ReverseBytes64(r.uvarint()))
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.fail()
		return 0
	}
	return v
}

func (r *rows) attributes() map[string]json.RawMessage {
	n := r.count()
	if n == 0 {
		return nil
	}
	if n > MaxAttributes {
		r.fail()
		return nil
	}
	all := make(map[string]json.RawMessage, n)
	for range n {
		name, word := r.word(), r.word()
		value, known := r.values[word]
		if !known {
			if value = json.RawMessage(word); !json.Valid(value) {
				r.fail()
				return nil
			}
			r.values[word] = value
		}
		all[name] = value
	}
	return all
}
