package flag

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/assayhq/assay/domain"
)

// Metadata is what people say of a flag to the programs that evaluate it, sorted by name: it comes back with every evaluation,
// and decides nothing. Its JSON is an object.
type Metadata []Metadatum

// Metadatum has a name and a value, the JSON text of a string, a number or a boolean, as OpenFeature has them: 1 is a whole
// number and 1.0 is not.
type Metadatum struct {
	Name  string
	Value json.RawMessage
}

// MetadataOf sorts what is given by name; nil for nothing.
func MetadataOf(values map[string]json.RawMessage) (out Metadata) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		out = append(out, Metadatum{Name: name, Value: values[name]})
	}
	return out
}

// Values are the values by name; nil for none.
func (m Metadata) Values() map[string]json.RawMessage {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]json.RawMessage, len(m))
	for _, one := range m {
		out[one.Name] = one.Value
	}
	return out
}

// MarshalJSON writes an object.
func (m Metadata) MarshalJSON() ([]byte, error) { return json.Marshal(m.Values()) }

// UnmarshalJSON reads an object.
func (m *Metadata) UnmarshalJSON(text []byte) error {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(text, &values); err != nil {
		return err
	}
	*m = MetadataOf(values)
	return nil
}

// Bounds of metadata. They travel with every ruleset and every evaluation.
const (
	maxMetadata      = 50
	maxMetadataName  = 100   // bytes
	maxMetadataValue = 1_000 // bytes of JSON
)

// ReservedMetadata are the names that evaluations use for what they say themselves.
func ReservedMetadata() []string { return []string{"disabled", "experiment", "stale"} }

// checkMetadata returns the metadata with their values compacted; nil for none.
func checkMetadata(m Metadata) (Metadata, error) {
	if len(m) > maxMetadata {
		return nil, domain.Invalid("/metadata", "a flag has at most %d metadata, this one %d; leave some out", maxMetadata, len(m)).WithCode("too_many_metadata")
	}
	if len(m) == 0 {
		return nil, nil
	}
	out := slices.Clone(m)
	slices.SortFunc(out, func(a, b Metadatum) int { return strings.Compare(a.Name, b.Name) })
	for i, one := range out {
		pointer := "/metadata/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(one.Name)
		if one.Name == "" || len(one.Name) > maxMetadataName || !utf8.ValidString(one.Name) || i > 0 && out[i-1].Name == one.Name {
			return nil, domain.Invalid(pointer, "the name of metadata has 1 to %d bytes of text and is there once; choose another", maxMetadataName).WithCode("wrong_metadata_name")
		}
		if slices.Contains(ReservedMetadata(), one.Name) {
			return nil, domain.Invalid(pointer, "evaluations say %q themselves; choose another name", one.Name).WithCode("reserved_metadata")
		}
		value, ok := scalar(one.Value)
		if !ok {
			return nil, domain.Invalid(pointer, "the metadata %q are neither a string nor a number nor a boolean, or longer than %d bytes; change the value", one.Name, maxMetadataValue).WithCode("wrong_metadata_value")
		}
		out[i].Value = value
	}
	return out, nil
}

// scalar is the JSON text of a string, a number or a boolean, without space around it.
func scalar(raw json.RawMessage) (json.RawMessage, bool) {
	var value any
	if len(raw) > maxMetadataValue || json.Unmarshal(raw, &value) != nil {
		return nil, false
	}
	switch v := value.(type) {
	case string, bool:
	case float64:
		if math.IsInf(v, 0) {
			return nil, false
		}
	default:
		return nil, false
	}
	return bytes.TrimSpace(raw), true
}

func changeMetadata(s State, c ChangeMetadata) ([]Event, error) {
	metadata, err := checkMetadata(c.Metadata)
	if err != nil {
		return nil, err
	}
	if slices.EqualFunc(metadata, s.Metadata, func(a, b Metadatum) bool { return a.Name == b.Name && bytes.Equal(a.Value, b.Value) }) {
		return nil, nil
	}
	return []Event{MetadataChanged{Metadata: metadata}}, nil
}
