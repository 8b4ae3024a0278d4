package measurement

import (
	"encoding/json"
	"hash"
	"hash/fnv"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// Fingerprint is a 64-bit FNV-1a hash of the exposure's content, its id and when it was received left out: two items with
// one id are duplicates when their fingerprints agree.
func (x Exposure) Fingerprint() uint64 {
	h := fnv.New64a()
	write(h, "exposure", string(x.Experiment), string(x.Variant), string(x.UnitType), x.Unit, stamp(x.OccurredAt),
		string(x.Flag), x.Reason, x.FlagVersion, x.TS)
	writeScalars(h, x.Attributes)
	return h.Sum64()
}

// Fingerprint is a 64-bit FNV-1a hash of the measurement's content, its id and when it was received left out.
func (m Measurement) Fingerprint() uint64 {
	h := fnv.New64a()
	write(h, "measurement", m.Event, string(m.UnitType), m.Unit, stamp(m.OccurredAt),
		strconv.FormatUint(math.Float64bits(m.Value+0), 16), m.Currency, m.TS)
	writeScalars(h, m.Properties)
	return h.Sum64()
}

func stamp(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 36) }

// write hashes texts with an end mark that no UTF-8 text contains.
func write(h hash.Hash64, texts ...string) {
	for _, t := range texts {
		io.WriteString(h, t)  //nolint:errcheck,gosec // hashes never fail
		h.Write([]byte{0xff}) //nolint:gosec // hashes never fail
	}
}

func writeScalars(h hash.Hash64, values map[string]json.RawMessage) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		write(h, name, string(values[name]))
	}
}
