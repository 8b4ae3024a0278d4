package measurement

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// Fingerprint is a 64-bit FNV-1a hash of the exposure's content, its id left out: two items with one id are duplicates when
// their fingerprints agree. How JSON spells an attribute makes no difference.
func (x Exposure) Fingerprint() uint64 {
	h := offset64.text("exposure").text(string(x.Experiment)).text(string(x.Variant)).text(string(x.UnitType)).text(x.Unit).time(x.OccurredAt)
	h = h.text(string(x.Flag)).text(x.Reason).text(x.FlagVersion).text(x.TS)
	return uint64(h.scalars(x.Attributes))
}

// Fingerprint is a 64-bit FNV-1a hash of the measurement's content, its id left out; see Exposure.Fingerprint.
func (m Measurement) Fingerprint() uint64 {
	h := offset64.text("measurement").text(m.Event).text(string(m.UnitType)).text(m.Unit).time(m.OccurredAt)
	h = h.number(m.Value).text(m.Currency).text(m.TS)
	return uint64(h.scalars(m.Properties))
}

// fnv64a is the state of an FNV-1a hash (Fowler, Noll, Vo; the constants are those of hash/fnv, which allocates).
type fnv64a uint64

const (
	offset64 fnv64a = 14695981039346656037
	prime64  fnv64a = 1099511628211
)

// text hashes a text and an end mark that no UTF-8 text contains.
func (h fnv64a) text(s string) fnv64a {
	for i := range len(s) {
		h = (h ^ fnv64a(s[i])) * prime64
	}
	return (h ^ 0xff) * prime64
}

// bytes is text for bytes.
func (h fnv64a) bytes(s []byte) fnv64a {
	for _, c := range s {
		h = (h ^ fnv64a(c)) * prime64
	}
	return (h ^ 0xff) * prime64
}

func (h fnv64a) bits(n uint64) fnv64a {
	for range 8 {
		h = (h ^ fnv64a(n&0xff)) * prime64
		n >>= 8
	}
	return h
}

func (h fnv64a) time(t time.Time) fnv64a { return h.bits(uint64(t.UnixNano())) }

func (h fnv64a) number(n float64) fnv64a {
	if n == 0 {
		n = 0 // -0 is 0
	}
	return h.bits(math.Float64bits(n))
}

func (h fnv64a) scalars(values map[string]json.RawMessage) fnv64a {
	var room [MaxAttributes]string
	names := slices.AppendSeq(room[:0], maps.Keys(values))
	slices.Sort(names)
	for _, name := range names {
		h = h.text(name).scalar(values[name])
	}
	return h
}

// scalar hashes what the JSON text says, not how: whole numbers beyond 2^53 are the exception, because as floats several of
// them are one.
func (h fnv64a) scalar(value json.RawMessage) fnv64a {
	if len(value) == 0 {
		return h.text("")
	}
	switch c := value[0]; {
	case c == '"':
		if bytes.IndexByte(value, '\\') < 0 {
			return h.text("s").bytes(value[1 : len(value)-1])
		}
		return h.text("s").text(unquote(value))
	case c == '-' || c >= '0' && c <= '9':
		if n, err := strconv.ParseFloat(string(value), 64); err == nil && math.Abs(n) < 1<<53 {
			return h.text("n").number(n)
		}
	}
	return h.text(string(value))
}
