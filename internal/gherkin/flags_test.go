package gherkin

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/assayhq/assay/flags"
)

// testFlag is a flag of testdata/test-flags.json.
type testFlag struct {
	Disabled         bool                       `json:"disabled"`
	Variants         map[string]json.RawMessage `json:"variants"`
	DefaultVariant   string                     `json:"defaultVariant"`
	ContextEvaluator string                     `json:"contextEvaluator"`
	FlagMetadata     map[string]json.RawMessage `json:"flagMetadata"`
}

// snapshot is the specification's flags as an assay server would serve them.
func snapshot(t *testing.T) flags.Snapshot {
	text, err := os.ReadFile("testdata/test-flags.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]testFlag
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	out := flags.Snapshot{Format: flags.Format, Project: "specification", Environment: "gherkin", Revision: 1}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if f := all[key]; f.DefaultVariant != "" { // every flag of ours has a default; no scenario asks for those without
			out.Flags = append(out.Flags, assayFlag(t, key, f))
		}
	}
	out.Flags = append(out.Flags, contextAware())
	slices.SortFunc(out.Flags, func(a, b flags.Flag) int { return strings.Compare(a.Key, b.Key) })
	return out
}

func assayFlag(t *testing.T, key string, f testFlag) flags.Flag {
	out := flags.Flag{Key: key, Revision: 1, On: !f.Disabled, Type: typeOf(f), Off: f.DefaultVariant, Default: flags.Serve{Variant: f.DefaultVariant}, Metadata: f.FlagMetadata}
	for _, name := range slices.Sorted(maps.Keys(f.Variants)) {
		out.Variants = append(out.Variants, flags.Variant{Key: name, Value: f.Variants[name]})
	}
	if f.Disabled {
		out.Off = "" // the caller's default, as the scenarios have it
	}
	switch f.ContextEvaluator {
	case "":
	case "email == 'ballmer@macrosoft.com' ? 'zero' : ''":
		out.Rules = []flags.Rule{{ID: "email", Serve: flags.Serve{Variant: "zero"}, If: []flags.Condition{
			is("email", "ballmer@macrosoft.com"),
		}}}
	case "!customer && email == 'ballmer@macrosoft.com' && age > 10 ? 'internal' : ''":
		out.Rules = []flags.Rule{{ID: "internal", Serve: flags.Serve{Variant: "internal"}, If: []flags.Condition{
			{Attribute: "customer", Operator: flags.NotEquals, Values: values(true)},
			is("email", "ballmer@macrosoft.com"),
			{Attribute: "age", Operator: flags.Greater, Values: values(10)},
		}}}
	default:
		t.Fatalf("%s: nobody has said yet what %q is in our operators", key, f.ContextEvaluator)
	}
	return out
}

// contextAware is the flag of evaluation.feature that test-flags.json does not have: as its scenario tells it.
func contextAware() flags.Flag {
	return flags.Flag{
		Key: "context-aware", Type: flags.String, Revision: 1, On: true, Off: "external", Default: flags.Serve{Variant: "external"},
		Variants: []flags.Variant{{Key: "external", Value: values("EXTERNAL")[0]}, {Key: "internal", Value: values("INTERNAL")[0]}},
		Rules: []flags.Rule{{ID: "internal", Serve: flags.Serve{Variant: "internal"}, If: []flags.Condition{
			is("fn", "Sulisław"), is("ln", "Świętopełk"), is("age", 29), is("customer", false),
		}}},
	}
}

func typeOf(f testFlag) flags.Type {
	kind := flags.Integer
	for _, raw := range f.Variants {
		switch {
		case raw[0] == '"':
			return flags.String
		case raw[0] == '{':
			return flags.Object
		case raw[0] == 't' || raw[0] == 'f':
			return flags.Boolean
		case slices.Contains(raw, '.'):
			kind = flags.Float
		}
	}
	return kind
}

func is(attribute string, value any) flags.Condition {
	return flags.Condition{Attribute: attribute, Operator: flags.Equals, Values: values(value)}
}

func values(all ...any) (out []json.RawMessage) {
	for _, v := range all {
		text, err := json.Marshal(v)
		if err != nil {
			panic(fmt.Sprint("a value of this file is no JSON: ", err))
		}
		out = append(out, text)
	}
	return out
}
