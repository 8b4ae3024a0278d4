package flags

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Metadata is what a flag says of itself with every decision, decoded once when the ruleset was compiled. It is a reference of
// one word; the zero Metadata says nothing.
type Metadata struct{ d *metadata }

type metadata struct {
	values  map[string]any
	members []byte
}

// IsZero reports whether there is nothing.
func (m Metadata) IsZero() bool { return m.d == nil }

// Values are texts, booleans, int64 for a whole number whose JSON has neither point nor exponent, float64 for any other; nil
// for none. They are shared by all decisions: do not write to them.
func (m Metadata) Values() map[string]any {
	if m.d == nil {
		return nil
	}
	return m.d.values
}

// Has reports whether the name is there.
func (m Metadata) Has(name string) bool {
	_, there := m.Values()[name]
	return there
}

// Members are the members of a JSON object, sorted by name, without the braces around them: "a":1,"b":true. Do not write to them.
func (m Metadata) Members() []byte {
	if m.d == nil {
		return nil
	}
	return m.d.members
}

// compileMetadata leaves out what is no text, number or boolean: metadata decide nothing, so they cannot break a flag.
func compileMetadata(from map[string]json.RawMessage) Metadata {
	if len(from) == 0 {
		return Metadata{}
	}
	out := &metadata{values: make(map[string]any, len(from))}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		value, ok := metadatum(from[name])
		if !ok {
			continue
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			continue // a text always has JSON
		}
		if len(out.members) > 0 {
			out.members = append(out.members, ',')
		}
		out.values[name] = value
		out.members = append(append(append(out.members, quoted...), ':'), strings.TrimSpace(string(from[name]))...)
	}
	if len(out.values) == 0 {
		return Metadata{}
	}
	return Metadata{d: out}
}

func metadatum(raw json.RawMessage) (any, bool) {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return nil, false
	}
	switch value.(type) {
	case string, bool:
		return value, true
	case float64:
		if whole, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64); err == nil {
			return whole, true
		}
		return value, true
	}
	return nil, false
}
