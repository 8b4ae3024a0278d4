package flags_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/assayhq/assay/flags"
)

// logical is a string flag with variants a and b that follows the expression.
func logical(rule, fractional string) flags.Flag {
	f := flags.Flag{
		Key: "f", Type: flags.String, On: true, Off: "b", Default: flags.Serve{Variant: "b"},
		Variants: []flags.Variant{{Key: "a", Value: json.RawMessage(`"A"`)}, {Key: "b", Value: json.RawMessage(`"B"`)}},
		Logic:    &flags.Logic{Rule: json.RawMessage(rule), Fractional: fractional},
	}
	f.Requires = f.Needs()
	return f
}

func compileOne(t *testing.T, f flags.Flag) *flags.Ruleset {
	t.Helper()
	rs, err := flags.Compile(flags.Snapshot{Format: flags.Format, Flags: []flags.Flag{f}})
	if err != nil || len(rs.Problems()) > 0 {
		t.Fatal(err, rs.Problems())
	}
	return rs
}

func TestAnExpressionDecidesWhatNoRuleMatches(t *testing.T) {
	f := logical(`{"if":[{"==":[{"var":"plan"},"pro"]},"a",{"==":[{"var":"plan"},"odd"]},"nobody",{"==":[{"var":"plan"},"bad"]},{"%":[1,true]},null]}`, "")
	f.Rules = []flags.Rule{{
		ID: "first", If: []flags.Condition{{Attribute: "staff", Operator: flags.Equals, Values: []json.RawMessage{json.RawMessage("true")}}}, Serve: flags.Serve{Variant: "b"},
	}}
	rs := compileOne(t, f)
	for _, c := range []struct {
		attributes map[string]any
		variant    string
		reason     flags.Reason
		code       flags.ErrorCode
	}{
		{map[string]any{"plan": "pro"}, "a", flags.TargetingMatch, ""},
		{map[string]any{"plan": "pro", "staff": true}, "b", flags.TargetingMatch, ""},
		{map[string]any{"plan": "free"}, "b", flags.Default, ""},
		{map[string]any{"plan": "odd"}, "", flags.Error, flags.General},
		{map[string]any{"plan": "bad"}, "", flags.Error, flags.ParseError},
	} {
		d := rs.Decide("f", flags.Subject{Key: "u", Attributes: c.attributes})
		if d.Variant != c.variant || d.Reason != c.reason || d.ErrorCode != c.code {
			t.Errorf("%v: %+v", c.attributes, *d.Outcome)
		}
	}
	if got := rs.Attributes(); !slices.Equal(got, []string{"plan", "staff"}) {
		t.Errorf("the attributes are %v", got)
	}
}

func TestTheTimeIsAnArgument(t *testing.T) {
	rs := compileOne(t, logical(`{"if":[{">":[{"var":"$flagd.timestamp"},1000]},"a","b"]}`, ""))
	for at, want := range map[int64]string{0: "b", 1000: "b", 1001: "a"} {
		if d := rs.Decide("f", flags.Subject{Key: "u", At: at}); d.Variant != want {
			t.Errorf("at %d: %q, want %q", at, d.Variant, want)
		}
	}
	if !rs.Timed() || compileOne(t, logical(`{"var":"x"}`, "")).Timed() {
		t.Error("what depends on the time is told wrongly")
	}
}

// The ids and variants are those of reference/bucketing.md, section 2.1.
func TestAnExpressionKeepsTheBucketsOfItsFractional(t *testing.T) {
	for fractional, want := range map[string]string{"": "b", "flagd/2": "b", "flagd/1": "a"} {
		f := logical(`{"fractional":[["a",50],["b",50]]}`, fractional)
		f.Key = "checkout-v2"
		if d := compileOne(t, f).Decide("checkout-v2", flags.Subject{Key: "user-1"}); d.Variant != want {
			t.Errorf("%q: %q, want %q", fractional, d.Variant, want)
		}
	}
}

func TestAFlagMayServeTheCallersDefault(t *testing.T) {
	f := logical(`{"var":"nobody"}`, "")
	f.Off, f.Default = "", flags.Serve{}
	f.Requires = f.Needs()
	if want := []string{"logic/1", "no-value/1"}; !slices.Equal(f.Requires, want) {
		t.Errorf("it requires %v, want %v", f.Requires, want)
	}
	if d := compileOne(t, f).Decide("f", flags.Subject{}); d.ErrorCode != "" || d.Reason != flags.Default || d.Variant != "" || d.Value.Type() != "" {
		t.Errorf("on: %+v", *d.Outcome)
	}
	f.On = false
	if d := compileOne(t, f).Decide("f", flags.Subject{}); d.ErrorCode != "" || d.Reason != flags.Disabled || d.Variant != "" {
		t.Errorf("off: %+v", *d.Outcome)
	}
}
