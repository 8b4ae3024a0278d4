package flagdsync_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/flagdsync"
)

func flagOf(key string, change func(*flags.Flag)) flags.Flag {
	f := flags.Flag{
		Key: key, Type: flags.Boolean, Revision: 3, On: true, Off: "off", Default: flags.Serve{Variant: "off"},
		Variants: []flags.Variant{{Key: "on", Value: json.RawMessage("true")}, {Key: "off", Value: json.RawMessage("false")}},
	}
	if change != nil {
		change(&f)
	}
	return f
}

func export(t *testing.T, all ...flags.Flag) (flagdsync.Set, map[string]json.RawMessage) {
	t.Helper()
	set, err := flagdsync.Export(flags.Snapshot{Format: flags.Format, Project: "shop", Environment: "production", Revision: 9, Flags: all}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var parsed struct{ Flags map[string]json.RawMessage }
	if err := json.Unmarshal(set.JSON, &parsed); err != nil {
		t.Fatalf("%v: %s", err, set.JSON)
	}
	return set, parsed.Flags
}

func half(algorithm, salt string) *flags.Split {
	return &flags.Split{Algorithm: algorithm, Salt: salt, Total: 2, Weights: []flags.Weight{{Variant: "on", Weight: 1}, {Variant: "off", Weight: 1}}}
}

// internal/interop holds what these evaluate to against flagd; here is what they look like.
func TestFlagsAreDefinitions(t *testing.T) {
	for name, c := range map[string]struct {
		flag flags.Flag
		want string
	}{
		"always the same": {flagOf("f", nil), `{"state":"ENABLED","variants":{"off":false,"on":true},"defaultVariant":"off","metadata":{"version":"3"}}`},
		"off is no disabled flag, which would have no value": {
			flagOf("f", func(f *flags.Flag) { f.On, f.Default.Variant = false, "on" }),
			`{"state":"ENABLED","variants":{"off":false,"on":true},"defaultVariant":"off","metadata":{"version":"3"}}`,
		},
		"off with the caller's default is one": {
			flagOf("f", func(f *flags.Flag) { f.On, f.Off = false, "" }), `{"state":"DISABLED","variants":{"off":false,"on":true},"metadata":{"version":"3"}}`,
		},
		"the bucket key is salt and unit": {
			flagOf("f", func(f *flags.Flag) { f.Default = flags.Serve{Split: half(flags.BucketingV1, "shop.f/")} }),
			`{"state":"ENABLED","variants":{"off":false,"on":true},"targeting":{"if":[{"!!":[{"var":"targetingKey"}]},` +
				`{"fractional":[{"cat":["shop.f/",{"var":"targetingKey"}]},["on",1],["off",1]]},"targeting key missing"]},"metadata":{"version":"3"}}`,
		},
		"the end of an element, without flagd's own operators": {
			flagOf("f", func(f *flags.Flag) {
				c := flags.Condition{Attribute: "tags", Operator: flags.EndsWith, Values: []json.RawMessage{json.RawMessage(`"ë"`), json.RawMessage(`""`)}, Elements: true}
				f.Rules = []flags.Rule{{ID: "r", If: []flags.Condition{c}, Serve: flags.Serve{Variant: "on"}}}
			}),
			`{"state":"ENABLED","variants":{"off":false,"on":true},"defaultVariant":"off",` +
				`"targeting":{"if":[{"and":[{"!==":[{"var":"tags"},null]},` +
				`{"some":[{"merge":[{"var":"tags"}]},{"and":[{"!==":[{"var":""},null]},{"!==":[{"var":""},true]},{"!==":[{"var":""},false]},{"===":[{"var":""},{"var":""}]},{"===":[{"cat":[{"var":""}]},{"var":""}]},{"or":[{"===":[{"substr":[{"var":""},-1]},"ë"]},true]}]}]}]},"on",null]},"metadata":{"version":"3"}}`,
		},
	} {
		set, got := export(t, c.flag)
		if string(got["f"]) != c.want || len(set.Problems) > 0 {
			t.Errorf("%s:\ngot  %s %v\nwant %s", name, got["f"], set.Problems, c.want)
		}
	}
}

func TestWhatCannotBeSaidIsAnErrorAndSaysWhy(t *testing.T) {
	condition := func(c flags.Condition) func(*flags.Flag) {
		return func(f *flags.Flag) {
			f.Rules = []flags.Rule{{ID: "r", If: []flags.Condition{c}, Serve: flags.Serve{Variant: "on"}}}
		}
	}
	text := []json.RawMessage{json.RawMessage(`"10.0.0.0/8"`)}
	for name, c := range map[string]struct {
		change func(*flags.Flag)
		word   string
	}{
		"networks":           {condition(flags.Condition{Attribute: "ip", Operator: flags.InNetwork, Values: text}), "in_network"},
		"regular expression": {condition(flags.Condition{Attribute: "ip", Operator: flags.Matches, Values: text}), "matches"},
		"case":               {condition(flags.Condition{Attribute: "ip", Operator: flags.Equals, Values: text, IgnoreCase: true}), "case"},
		"versions in a list": {condition(flags.Condition{Attribute: "v", Operator: flags.VersionLess, Values: []json.RawMessage{json.RawMessage(`"1.2.3"`)}, Elements: true}), "versions in a list"},
		"a list's emoji":     {condition(flags.Condition{Attribute: "v", Operator: flags.EndsWith, Values: []json.RawMessage{json.RawMessage(`"😀"`)}, Elements: true}), "U+FFFF"},
		"a dot in a name":    {condition(flags.Condition{Attribute: "user.ip", Operator: flags.Equals, Values: text}), "user.ip"},
		"no such segment":    {condition(flags.Condition{Segments: []string{"gone"}}), "gone"},
		"no such flag":       {condition(flags.Condition{Flag: "gone", Variants: []string{"on"}}), "gone"},
		"another algorithm":  {func(f *flags.Flag) { f.Default = flags.Serve{Split: half(flags.GrowthBookV1, "s")} }, "growthbook/1"},
		"a salt to be cut":   {func(f *flags.Flag) { f.Default = flags.Serve{Split: half(flags.BucketingV1, " s")} }, "salt"},
		"an odd variant":     {func(f *flags.Flag) { f.Variants[0].Key = `"on"` }, "variant"},
	} {
		set, got := export(t, flagOf("a-fine", nil), flagOf("f", c.change), flagOf("z-fine", nil))
		if len(set.Problems) != 1 || set.Problems[0].Flag != "f" || !strings.Contains(set.Problems[0].Detail, c.word) {
			t.Errorf("%s: %v", name, set.Problems)
			continue
		}
		var d struct {
			Targeting map[string][]any
			Metadata  map[string]string
		}
		if err := json.Unmarshal(got["f"], &d); err != nil || d.Targeting["if"][1] != "not expressible" || d.Metadata[flagdsync.ProblemKey] != set.Problems[0].Detail {
			t.Errorf("%s: %v %s", name, err, got["f"])
		}
		if len(got) != 3 {
			t.Errorf("%s: the other flags are gone: %s", name, set.JSON)
		}
	}
}

func TestAFlagsTextChangesOnlyWithTheFlag(t *testing.T) {
	a, b := flagOf("a", nil), flagOf("b", func(f *flags.Flag) { f.Default = flags.Serve{Split: half(flags.BucketingV1, "s")} })
	_, before := export(t, a, b)
	a.Revision, a.On = 8, false
	_, after := export(t, a, b)
	if string(before["b"]) != string(after["b"]) || string(before["a"]) == string(after["a"]) {
		t.Errorf("%s %s", before, after)
	}
}
