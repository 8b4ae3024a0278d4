package flags_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/flags"
)

func values(texts ...string) (out []json.RawMessage) {
	for _, t := range texts {
		out = append(out, raw(t))
	}
	return out
}

// holds evaluates one condition for the subject, through a flag with one rule.
func holds(t *testing.T, c flags.Condition, who flags.Subject, segments ...flags.Segment) bool {
	t.Helper()
	f := boolean("f")
	f.Rules = []flags.Rule{{ID: "r", If: []flags.Condition{c}, Serve: flags.Serve{Variant: "on"}}}
	rs, err := flags.Compile(flags.Snapshot{Format: flags.Format, Flags: []flags.Flag{f, boolean("g")}, Segments: segments})
	if err != nil {
		t.Fatal(err)
	}
	if p := rs.Problems(); p != nil {
		t.Fatalf("%+v: %v", c, p)
	}
	return rs.Decide("f", who).Rule == "r"
}

// The expectations are the operators' documentation read by a person; those of versions are the examples of semver.org, of
// folding those of Unicode's CaseFolding.txt.
func TestOperators(t *testing.T) {
	who := flags.Subject{Key: "user-1", Attributes: map[string]any{
		"email": "Ann.Müller@Example.COM", "city": "Straße", "unit": "10 \u212A", "n": 7, "ratio": -2.5, "v": "1.10.0-rc.2+build.7", "release": "v2.3",
		"bad": "no version", "at": "2026-03-01T12:00:00+02:00", "unix": 1772359200, "ms": 1772359200000.0, "day": time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC),
		"ip": "10.1.2.3", "ip6": "2001:db8::1", "mapped": "::ffff:10.1.2.3", "tags": []any{"a", "B", 3, true}, "strings": []string{"x"}, "none": []string{},
		"empty": "", "yes": true, "address": map[string]any{"country": "DE", "geo": map[string]any{"lat": 52.5}},
	}}
	op := func(attribute string, o flags.Operator, v ...string) flags.Condition {
		return flags.Condition{Attribute: attribute, Operator: o, Values: values(v...)}
	}
	fold := func(c flags.Condition) flags.Condition { c.IgnoreCase = true; return c }
	at := func(c flags.Condition, path ...string) flags.Condition { c.Path = path; return c }
	for _, c := range []struct {
		flags.Condition
		want bool
	}{
		{op("email", flags.NotContains, `"@example.com"`), true},
		{fold(op("email", flags.Contains, `"@example.com"`)), true},
		{fold(op("email", flags.Contains, `"müLLER"`)), true},
		{fold(op("email", flags.NotContains, `"müLLER"`)), false},
		{fold(op("email", flags.StartsWith, `"ANN"`)), true},
		{op("email", flags.NotStartsWith, `"ANN"`), true},
		{fold(op("email", flags.EndsWith, `".com"`)), true},
		{op("email", flags.NotEndsWith, `".com"`), true},
		{op("nothing", flags.NotEndsWith, `".com"`), true},
		{op("n", flags.NotStartsWith, `"7"`), true},
		{fold(op("email", flags.Equals, `"ann.müller@example.com"`)), true},
		{fold(op("unit", flags.Equals, `"10 k"`)), true}, // the Kelvin sign folds to k
		{fold(op("city", flags.Equals, `"STRASSE"`)), false},
		{fold(op("city", flags.In, `"1"`, `"2"`, `"3"`, `"4"`, `"5"`, `"6"`, `"7"`, `"8"`, `"sTRAßE"`)), true},
		{fold(op("city", flags.NotIn, `"1"`, `"2"`, `"3"`, `"4"`, `"5"`, `"6"`, `"7"`, `"8"`, `"sTRAßE"`)), false},
		{op("email", flags.Matches, `"^Ann\\.[^@]+@"`), true},
		{op("email", flags.Matches, `"^x"`, `"COM$"`), true},
		{fold(op("email", flags.Matches, `"example\\.com$"`)), true},
		{op("email", flags.NotMatches, `"example"`), true},
		{op("nothing", flags.Matches, `".*"`), false},
		{op("n", flags.Between, "7", "9"), true},
		{op("n", flags.Between, "7.5", "9"), false},
		{op("n", flags.Modulo, "4", "3"), true},
		{op("n", flags.Modulo, "4", "2"), false},
		{op("ratio", flags.Less, "-2"), true},
		{op("v", flags.VersionEquals, `"1.10.0-rc.2"`), true},
		{op("v", flags.VersionGreater, `"1.9.9"`), true},
		{op("v", flags.VersionLess, `"1.10.0"`), true},
		{op("v", flags.VersionGreater, `"1.10.0-rc.1"`), true},
		{op("v", flags.VersionGreater, `"1.10.0-rc.10"`), false},
		{op("v", flags.VersionGreater, `"1.10.0-9"`), true},
		{op("v", flags.VersionLessOrEqual, `"1.10.0-rc.2.0"`), true},
		{op("v", flags.VersionGreaterOrEqual, `"1.10.0-rc.2+other"`), true},
		{op("release", flags.VersionEquals, `"2.3.0"`), true},
		{op("release", flags.VersionInRange, `"^2.1"`), true},
		{op("release", flags.VersionInRange, `"~2.2"`), false},
		{op("release", flags.VersionInRange, `"2.x"`), true},
		{op("release", flags.VersionInRange, `"<2 || >=2.3 <3"`), true},
		{op("release", flags.VersionInRange, `"1 - 2"`), true},
		{op("release", flags.VersionInRange, `"1 - 2.2"`), false},
		{op("v", flags.VersionInRange, `"^1.10.0"`), false},
		{op("bad", flags.VersionInRange, `"*"`), false},
		{op("n", flags.VersionGreater, `"1.0.0"`), false},
		{op("at", flags.Before, `"2026-03-01T10:00:00.001Z"`), true},
		{op("at", flags.Before, `"2026-03-01T10:00:00Z"`), false},
		{op("at", flags.BeforeOrAt, `"2026-03-01T10:00:00Z"`), true},
		{op("at", flags.After, `"2026-03-01"`), true},
		{op("unix", flags.AfterOrAt, `"2026-03-01T10:00:00Z"`), true},
		{op("unix", flags.After, `"2026-03-01T10:00:00Z"`), false},
		{op("ms", flags.AfterOrAt, `"2026-03-01T10:00:00Z"`), true},
		{op("day", flags.AfterOrAt, `"2026-03-01T10:00:00Z"`), true},
		{op("day", flags.OnSameDate, `"2026-02-28"`, `"2026-03-01"`), true},
		{op("email", flags.Before, `"2026-03-01"`), false},
		{op("ip", flags.InNetwork, `"192.168.0.0/16"`, `"10.0.0.0/8"`), true},
		{op("ip", flags.InNetwork, `"10.1.2.4"`), false},
		{op("ip", flags.InNetwork, `"10.1.2.3"`), true},
		{op("ip6", flags.InNetwork, `"2001:db8::/32"`), true},
		{op("ip6", flags.InNetwork, `"10.0.0.0/8"`), false},
		{op("mapped", flags.InNetwork, `"10.0.0.0/8"`), true},
		{op("ip", flags.InNetwork, `"::ffff:10.0.0.0/104"`), true},
		{op("email", flags.InNetwork, `"0.0.0.0/0"`), false},
		{op("tags", flags.HasAny, `"z"`, `3`), true},
		{op("tags", flags.HasAny, `"b"`), false},
		{fold(op("tags", flags.HasAny, `"b"`)), true},
		{op("tags", flags.HasAll, `"a"`, `true`), true},
		{op("tags", flags.HasAll, `"a"`, `false`), false},
		{op("tags", flags.HasNone, `"z"`), true},
		{op("nothing", flags.HasNone, `"z"`), true},
		{op("tags", flags.HasOnly, `"a"`, `"B"`, `3`, `true`, `"more"`), true},
		{op("tags", flags.HasOnly, `"a"`), false},
		{op("tags", flags.HasExactly, `true`, `3`, `"B"`, `"a"`), true},
		{op("tags", flags.HasExactly, `true`, `3`, `"B"`, `"a"`, `"more"`), false},
		{op("strings", flags.HasAny, `"x"`), true},
		{op("email", flags.HasAny, `"Ann.Müller@Example.COM"`), true},
		{op("tags", flags.HasSize, "4", "9"), true},
		{op("none", flags.HasSize, "1", "9"), false},
		{op("none", flags.IsEmpty), true},
		{op("empty", flags.IsEmpty), true},
		{op("nothing", flags.IsEmpty), true},
		{op("n", flags.IsEmpty), false},
		{op("n", flags.IsType, `"string"`, `"number"`), true},
		{op("tags", flags.IsType, `"list"`), true},
		{op("yes", flags.IsType, `"boolean"`), true},
		{op("address", flags.IsType, `"object"`), true},
		{op("day", flags.IsType, `"time"`), true},
		{op("email", flags.IsType, `"number"`), false},
		{op("nothing", flags.IsType, `"string"`), false},
		{at(op("address", flags.Equals, `"DE"`), "country"), true},
		{at(op("address", flags.Greater, `50`), "geo", "lat"), true},
		{at(op("address", flags.Exists), "geo", "long"), false},
		{at(op("n", flags.Exists), "geo"), false},
	} {
		if got := holds(t, c.Condition, who); got != c.want {
			t.Errorf("%s %v %s %s: %v", c.Attribute, c.Path, c.Operator, c.Values, got)
		}
		turned := c.Condition
		turned.Not = true
		if got := holds(t, turned, who); got == c.want {
			t.Errorf("not %s %v %s %s: %v", c.Attribute, c.Path, c.Operator, c.Values, got)
		}
	}
}

func TestConditionsNest(t *testing.T) {
	yes := flags.Condition{Attribute: "a", Operator: flags.Exists}
	no := flags.Condition{Attribute: "b", Operator: flags.Exists}
	who := flags.Subject{Key: "u", Attributes: map[string]any{"a": 1}}
	for name, c := range map[string]struct {
		flags.Condition
		want bool
	}{
		"all, of which one doesn't":   {flags.Condition{All: []flags.Condition{yes, no}}, false},
		"all of none":                 {flags.Condition{All: []flags.Condition{}}, true},
		"any, of which one does":      {flags.Condition{Any: []flags.Condition{no, yes}}, true},
		"any of none":                 {flags.Condition{Any: []flags.Condition{}}, false},
		"not any":                     {flags.Condition{Not: true, Any: []flags.Condition{no, no}}, true},
		"not all":                     {flags.Condition{Not: true, All: []flags.Condition{yes, yes}}, false},
		"any within all within not":   {flags.Condition{Not: true, All: []flags.Condition{yes, {Any: []flags.Condition{no, {Not: true, All: []flags.Condition{no}}}}}}, false},
		"a group beside its negation": {flags.Condition{Any: []flags.Condition{{All: []flags.Condition{no}}, {Not: true, All: []flags.Condition{no}}}}, true},
	} {
		if got := holds(t, c.Condition, who); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestConditionsThatCannotBeCompiledSayWhy(t *testing.T) {
	deep := flags.Condition{Attribute: "a", Operator: flags.Exists}
	for range 20 {
		deep = flags.Condition{Any: []flags.Condition{deep}}
	}
	c := func(o flags.Operator, v ...string) flags.Condition {
		return flags.Condition{Attribute: "a", Operator: o, Values: values(v...)}
	}
	for why, one := range map[string]flags.Condition{
		"asks for nothing":      {},
		"at once":               {Attribute: "a", Operator: flags.Exists, Flag: "g"},
		"deep":                  deep,
		"no regular expression": c(flags.Matches, `"("`),
		"at most 1000 bytes":    c(flags.Matches, `"`+strings.Repeat("x", 1_001)+`"`),
		"no version":            c(flags.VersionEquals, `"1.2.3.4"`),
		"no range of versions":  c(flags.VersionInRange, `"^"`),
		"is no time":            c(flags.Before, `"2026-02-30"`),
		"CIDR":                  c(flags.InNetwork, `"10.0.0.0/33"`),
		"no type":               c(flags.IsType, `"colour"`),
		"divisor":               c(flags.Modulo, "0", "1"),
		"two numbers":           c(flags.Between, "1"),
		"exactly one text":      c(flags.Before, `"2026-01-01"`, `"2026-01-02"`),
		"needs an attribute":    {Operator: flags.Exists},
		"not there":             {Flag: "nowhere", Variants: []string{"on"}},
		"segment \"nowhere\"":   {Segments: []string{"nowhere"}},
		"either variants":       {Flag: "g"},
		"not in [0, 100]":       {Slice: &flags.Slice{Algorithm: flags.BucketingV1, Total: 100, Ranges: []flags.Range{{From: 50, To: 101}}}},
		"does not read ids":     {Slice: &flags.Slice{Algorithm: flags.BucketingV1, Total: 100, Strings: "utf16"}},
		"its seed":              {Slice: &flags.Slice{Algorithm: flags.SplitV2, Salt: "x", Total: 100}},
		"leads nowhere":         {Attribute: "targetingKey", Path: []string{"x"}, Operator: flags.Exists},
	} {
		f := boolean("f")
		f.Rules = []flags.Rule{{ID: "r", If: []flags.Condition{one}, Serve: flags.Serve{Variant: "on"}}}
		rs := compile(t, f, boolean("g"))
		if d := rs.Decide("f", somebody); d.ErrorCode != flags.ParseError {
			t.Errorf("%s: the flag serves %+v", why, d.Outcome)
		}
		if p := rs.Problems(); len(p) != 1 || !strings.Contains(p[0].Detail, why) {
			t.Errorf("%s: %v", why, p)
		}
	}
}
