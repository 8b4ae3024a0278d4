package flags_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/assayhq/assay/flags"
)

// The oracle is RFC 6901 section 4: ~1 is read before ~0.
func TestWhereAUnitIDIsCanBeAWay(t *testing.T) {
	for name, want := range map[string][]string{
		"company": {"company"}, "/company": {"/company"}, "/org/key": {"org", "key"}, "/a~1b/c~0d": {"a/b", "c~d"}, "/a/~01/c": {"a", "~1", "c"}, "": {""},
	} {
		attribute, path := flags.ByPath(name)
		if got := append([]string{attribute}, path...); !slices.Equal(got, want) {
			t.Errorf("%q leads to %q, want %q", name, got, want)
		}
	}
}

// A unit within an object is assigned as the same unit in an attribute of its own, by splits, slices, segments and overrides.
func TestAUnitInAnObjectIsAUnit(t *testing.T) {
	flag := func(key, by string) flags.Flag {
		split := flags.Split{Algorithm: flags.LaunchDarklyV1, Salt: "s", Total: 100, By: by, Weights: []flags.Weight{{Variant: "on", Weight: 50}, {Variant: "off", Weight: 50}}}
		return flags.Flag{
			Key: key, Revision: 1, Type: flags.Boolean, On: true, Off: "off", Variants: []flags.Variant{{Key: "on", Value: []byte("true")}, {Key: "off", Value: []byte("false")}},
			Overrides: []flags.Override{{Variant: "off", By: by, Units: []string{"acme-3"}}},
			Rules: []flags.Rule{
				{ID: "member", If: []flags.Condition{{Segments: []string{key}}}, Serve: flags.Serve{Variant: "on"}},
				{ID: "slice", If: []flags.Condition{{Slice: &flags.Slice{Algorithm: flags.BucketingV1, Salt: "x", Total: 4, By: by, Ranges: []flags.Range{{From: 1, To: 2}}}}}, Serve: flags.Serve{Variant: "on"}},
			},
			Default: flags.Serve{Split: &split},
		}
	}
	s := flags.Snapshot{Format: flags.Format, Revision: 1}
	for key, by := range map[string]string{"plain": "company", "nested": "/org/key"} {
		f := flag(key, by)
		if slices.Contains(f.Needs(), "paths/1") != (key == "nested") {
			t.Errorf("the flag %s needs %v", key, f.Needs())
		}
		s.Flags = append(s.Flags, f)
		s.Segments = append(s.Segments, flags.Segment{Key: key, By: by, Included: flags.NewIDs("acme-1", "acme-2")})
	}
	slices.SortFunc(s.Flags, func(a, b flags.Flag) int { return len(b.Key) - len(a.Key) })
	rs, err := flags.Compile(s)
	if err != nil || len(rs.Problems()) > 0 {
		t.Fatal(err, rs.Problems())
	}
	served := map[string]int{}
	for _, unit := range units(2_000) {
		who := flags.Subject{Attributes: map[string]any{"company": unit, "org": map[string]any{"key": unit}}}
		a, b := rs.Decide("plain", who), rs.Decide("nested", who)
		if a.Variant != b.Variant || a.Rule != b.Rule || a.UnitID != b.UnitID || a.Override != b.Override {
			t.Fatalf("the unit %s gets %+v in an attribute and %+v in an object", unit, a.Outcome, b.Outcome)
		}
		served[a.Rule+a.Variant]++
	}
	if len(served) < 4 {
		t.Errorf("only these are served: %v", served)
	}
	if d := rs.Decide("nested", flags.Subject{Attributes: map[string]any{"org": "acme"}}); d.ErrorCode != flags.TargetingKeyMissing {
		t.Errorf("without an object: %+v", d.Outcome)
	}
}

func units(n int) (out []string) {
	for i := range n {
		out = append(out, "acme-"+string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676)))
	}
	return append(out, "acme-1", "acme-2", "acme-3")
}

// With elements a list is compared one by one, a scalar as ever; negated operators hold when no element matches.
func TestComparisonsLookIntoLists(t *testing.T) {
	compile := func(c flags.Condition) *flags.Ruleset {
		t.Helper()
		f := flags.Flag{
			Key: "f", Revision: 1, Type: flags.Boolean, On: true, Off: "off", Variants: []flags.Variant{{Key: "on", Value: []byte("true")}, {Key: "off", Value: []byte("false")}},
			Rules: []flags.Rule{{ID: "r", If: []flags.Condition{c}, Serve: flags.Serve{Variant: "on"}}}, Default: flags.Serve{Variant: "off"},
		}
		if !slices.Contains(f.Needs(), "elements/1") {
			t.Errorf("%+v needs %v", c, f.Needs())
		}
		rs, err := flags.Compile(flags.Snapshot{Format: flags.Format, Revision: 1, Flags: []flags.Flag{f}})
		if err != nil {
			t.Fatal(err)
		}
		return rs
	}
	for _, tt := range []struct {
		operator flags.Operator
		value    string
		is       any
		want     bool
	}{
		{flags.EndsWith, `"@a.org"`, []any{"x@b.org", "y@a.org"}, true},
		{flags.EndsWith, `"@a.org"`, []string{"x@b.org"}, false},
		{flags.EndsWith, `"@a.org"`, "y@a.org", true},
		{flags.NotEndsWith, `"@a.org"`, []any{"x@b.org", "y@a.org"}, false},
		{flags.NotEndsWith, `"@a.org"`, []any{}, true},
		{flags.Greater, "3", []any{1, 4.5}, true},
		{flags.Greater, "3", []int{1, 2}, false},
		{flags.Equals, "true", []bool{false, true}, true},
		{flags.VersionGreater, `"1.2.0"`, []any{"1.1.9", "2.0.0"}, true},
		{flags.After, `"2026-01-01"`, []any{"2025-01-01", "2026-02-01"}, true},
		{flags.After, `"2026-01-01"`, []any{[]any{"2026-02-01"}, map[string]any{}}, false},
		{flags.Matches, `"^b+$"`, []any{"a", "bb"}, true},
	} {
		rs := compile(flags.Condition{Attribute: "a", Operator: tt.operator, Values: []json.RawMessage{json.RawMessage(tt.value)}, Elements: true})
		if got := rs.Decide("f", flags.Subject{Attributes: map[string]any{"a": tt.is}}).Variant == "on"; got != tt.want {
			t.Errorf("%s %s of %v: %v, want %v", tt.operator, tt.value, tt.is, got, tt.want)
		}
	}
	rs := compile(flags.Condition{Attribute: "a", Operator: flags.HasAny, Values: []json.RawMessage{json.RawMessage("1")}, Elements: true})
	if len(rs.Problems()) == 0 {
		t.Error("an operator on lists as a whole is asked of their elements")
	}
}
