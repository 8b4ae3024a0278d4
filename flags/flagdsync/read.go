package flagdsync

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/jsonlogic"
)

// Definition is a flag of a file of flagd's.
type Definition struct {
	Key   string `json:"key,omitempty"` // in the form of a list
	State string `json:"state"`
	// DefaultVariant is nil when the caller's default applies.
	DefaultVariant *string                    `json:"defaultVariant"`
	Variants       map[string]json.RawMessage `json:"variants"`
	Targeting      json.RawMessage            `json:"targeting"`
	// Metadata are the flag's own and, where it has none of the name, those of its set.
	Metadata map[string]json.RawMessage `json:"metadata"`
}

// File is a file of flagd's with the references to its shared rules resolved.
type File struct {
	Flags []Definition // by key
}

// Parse reads a file of flag definitions, flags as an object or as a list.
func Parse(text []byte) (File, error) {
	var raw struct {
		Flags      json.RawMessage            `json:"flags"`
		Evaluators map[string]json.RawMessage `json:"$evaluators"`
		Metadata   map[string]json.RawMessage `json:"metadata"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return File{}, fmt.Errorf("the file is no JSON of flag definitions: %w", err)
	}
	if len(raw.Flags) == 0 {
		return File{}, errors.New(`the file has no "flags"; see flagd's documentation of flag definitions`)
	}
	list, err := listOf(raw.Flags)
	if err != nil {
		return File{}, fmt.Errorf("the flags cannot be read: %w", err)
	}
	for i := range list {
		if i > 0 && list[i-1].Key == list[i].Key {
			return File{}, fmt.Errorf("the flag %q is there twice", list[i].Key)
		}
		list[i].inherit(raw.Metadata)
		if err := list[i].resolve(raw.Evaluators); err != nil {
			return File{}, fmt.Errorf("the targeting of the flag %q: %w", list[i].Key, err)
		}
	}
	return File{list}, nil
}

// listOf reads both forms of flags, and sorts them by key.
func listOf(text json.RawMessage) (list []Definition, err error) {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		err = json.Unmarshal(text, &list)
	} else {
		var byKey map[string]Definition
		err = json.Unmarshal(text, &byKey)
		for key, d := range byKey {
			d.Key = key
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b Definition) int { return strings.Compare(a.Key, b.Key) })
	return list, err
}

// inherit takes over what the set says of all its flags.
func (d *Definition) inherit(set map[string]json.RawMessage) {
	if len(set) == 0 {
		return
	}
	all := maps.Clone(set)
	maps.Copy(all, d.Metadata)
	d.Metadata = all
}

// resolve leaves out what means nothing and puts shared rules in their places.
func (d *Definition) resolve(evaluators map[string]json.RawMessage) (err error) {
	if d.DefaultVariant != nil && *d.DefaultVariant == "" {
		d.DefaultVariant = nil // as flagd takes it
	}
	if t := string(bytes.TrimSpace(d.Targeting)); t == "" || t == "null" || t == "{}" {
		d.Targeting = nil
		return nil
	}
	d.Targeting, err = jsonlogic.Inline(d.Targeting, evaluators)
	return err
}

// TypeOf finds the type that all variants have; a number is an integer when all are whole. "" when there is none.
func (d *Definition) TypeOf() flags.Type {
	found := flags.Type("")
	for _, name := range slices.Sorted(maps.Keys(d.Variants)) {
		t := typeOf(d.Variants[name])
		switch {
		case t == "" || found != "" && found != t && (!isNumeric(found) || !isNumeric(t)):
			return ""
		case found == "" || t == flags.Float:
			found = t
		}
	}
	return found
}

func isNumeric(t flags.Type) bool { return t == flags.Integer || t == flags.Float }

func typeOf(raw json.RawMessage) flags.Type {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return ""
	}
	switch v := value.(type) {
	case bool:
		return flags.Boolean
	case string:
		return flags.String
	case float64:
		if v == float64(int64(v)) && !strings.ContainsAny(string(raw), ".eE") {
			return flags.Integer
		}
		return flags.Float
	case map[string]any:
		return flags.Object
	}
	return ""
}

// Snapshot is the file as a ruleset, decided as flagd does. The revision of a flag is made of its text.
func (f File) Snapshot(project, environment string, revision uint64) flags.Snapshot {
	out := flags.Snapshot{Format: flags.Format, Project: project, Environment: environment, Revision: revision, Flags: []flags.Flag{}}
	for i := range f.Flags {
		out.Flags = append(out.Flags, f.Flags[i].flag())
	}
	return out
}

func (d *Definition) flag() flags.Flag {
	out := flags.Flag{Key: d.Key, Type: d.TypeOf(), On: d.State != "DISABLED", Metadata: d.Metadata}
	for _, name := range slices.Sorted(maps.Keys(d.Variants)) {
		out.Variants = append(out.Variants, flags.Variant{Key: name, Value: d.Variants[name]})
	}
	if d.DefaultVariant != nil {
		out.Default.Variant = *d.DefaultVariant
	}
	if d.Targeting != nil {
		out.Logic = &flags.Logic{Rule: d.Targeting}
	}
	out.Requires = out.Needs()
	text, err := json.Marshal(out)
	if err != nil {
		text = []byte(d.Key) // the parts were read from JSON
	}
	sum := fnv.New64a()
	_, _ = sum.Write(text) // it takes everything
	out.Revision = sum.Sum64() >> 1
	return out
}
