package flags_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/assayhq/assay/flags"
)

func raw(text string) json.RawMessage { return json.RawMessage(text) }

func boolean(key string) flags.Flag {
	return flags.Flag{
		Key: key, Type: flags.Boolean, On: true, Revision: 3, Off: "off", Default: flags.Serve{Variant: "on"},
		Variants: []flags.Variant{{Key: "on", Value: raw("true")}, {Key: "off", Value: raw("false")}},
	}
}

func split(salt string, on uint32) *flags.Split {
	return &flags.Split{
		Algorithm: flags.BucketingV1, Salt: salt, Total: 100_000,
		Weights: []flags.Weight{{Variant: "on", Weight: on}, {Variant: "off", Weight: 100_000 - on}},
	}
}

func fiveRules(key string) flags.Flag {
	f := boolean(key)
	for i := range 5 {
		plan := "none"
		if i == 4 {
			plan = "pro"
		}
		f.Rules = append(f.Rules, flags.Rule{
			ID: fmt.Sprintf("rule-%d", i+1),
			If: []flags.Condition{
				{Attribute: "country", Operator: flags.In, Values: []json.RawMessage{raw(`"DE"`), raw(`"FR"`), raw(`"US"`)}},
				{Attribute: "age", Operator: flags.Greater, Values: []json.RawMessage{raw("17")}},
				{Attribute: "plan", Operator: flags.Equals, Values: []json.RawMessage{raw(`"` + plan + `"`)}},
			},
			Serve: flags.Serve{Split: split("five/", 10_000)},
		})
	}
	return f
}

func compile(t testing.TB, all ...flags.Flag) *flags.Ruleset {
	t.Helper()
	rs, err := flags.Compile(flags.Snapshot{Format: flags.Format, Project: "shop", Environment: "production", Revision: 9, Flags: all})
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

var somebody = flags.Subject{Key: "user-1", Attributes: map[string]any{"country": "US", "age": 30, "plan": "pro", "beta": true}}

// The ten ids and their buckets of 100 with the salt checkout-v2 are flagd v2's, computed by running flagd core v0.16.1.
func TestSplitsAssignAsFlagdV2Does(t *testing.T) {
	text, err := os.ReadFile("testdata/flagd-v2.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Salt string `json:"salt"`
		Rows []struct {
			ID      string `json:"id"`
			Bucket  uint32 `json:"bucket_of_100"`
			Variant string `json:"variant"`
		} `json:"rows"`
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors.Rows) != 10 {
		t.Fatalf("%d rows, %v", len(vectors.Rows), err)
	}
	f := flags.Flag{
		Key: "checkout", Type: flags.String, On: true, Off: "a",
		Variants: []flags.Variant{{Key: "a", Value: raw(`"A"`)}, {Key: "b", Value: raw(`"B"`)}, {Key: "c", Value: raw(`"C"`)}},
		Default: flags.Serve{Split: &flags.Split{
			Algorithm: flags.BucketingV1, Salt: vectors.Salt, Total: 100,
			Weights: []flags.Weight{{Variant: "a", Weight: 50}, {Variant: "b", Weight: 30}, {Variant: "c", Weight: 20}},
		}},
	}
	rs := compile(t, f)
	for _, v := range vectors.Rows {
		d := rs.Decide("checkout", flags.Subject{Key: v.ID})
		if d.Variant != v.Variant || d.Bucket != v.Bucket || d.Reason != flags.SplitReason {
			t.Errorf("%s: got %s in bucket %d (%s), want %s in %d", v.ID, d.Variant, d.Bucket, d.Reason, v.Variant, v.Bucket)
		}
	}
}

func TestReasonsAndErrorsAreThoseOfOpenFeature(t *testing.T) {
	off, plain, ruled, divided, tested := boolean("off"), boolean("plain"), boolean("ruled"), boolean("divided"), boolean("tested")
	off.On = false
	ruled.Rules = []flags.Rule{{
		ID: "beta", If: []flags.Condition{{Attribute: "beta", Operator: flags.Equals, Values: []json.RawMessage{raw("true")}}}, Serve: flags.Serve{Variant: "off"},
	}}
	divided.Default = flags.Serve{Split: split("divided/", 100_000)}
	tested.Experiment = &flags.Experiment{Key: "free-shipping", Unit: "user", Split: *split("tested/", 0)}
	broken := boolean("broken")
	broken.Default = flags.Serve{Variant: "nowhere"}
	rs := compile(t, off, plain, ruled, divided, tested, broken)
	if problems := rs.Problems(); len(problems) != 1 || problems[0].Flag != "broken" {
		t.Errorf("problems: %v", problems)
	}
	for _, c := range []struct {
		name, flag, variant, rule, experiment string
		who                                   flags.Subject
		reason                                flags.Reason
		code                                  flags.ErrorCode
	}{
		{name: "a flag that is off serves its off variant", flag: "off", variant: "off", reason: flags.Disabled, who: somebody},
		{name: "a flag without rules is static", flag: "plain", variant: "on", reason: flags.Static},
		{name: "a rule that holds is a targeting match", flag: "ruled", variant: "off", rule: "beta", reason: flags.TargetingMatch, who: somebody},
		{name: "rules of which none holds leave the default", flag: "ruled", variant: "on", reason: flags.Default},
		{name: "a split assigns", flag: "divided", variant: "on", reason: flags.SplitReason, who: somebody},
		{name: "a split needs a targeting key", flag: "divided", reason: flags.Error, code: flags.TargetingKeyMissing},
		{name: "an experiment assigns", flag: "tested", variant: "off", experiment: "free-shipping", reason: flags.SplitReason, who: somebody},
		{name: "a flag that does not compile says so alone", flag: "broken", reason: flags.Error, code: flags.ParseError},
		{name: "a flag that is not there is not found", flag: "nothing", reason: flags.Error, code: flags.FlagNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := rs.Decide(c.flag, c.who)
			if d.Variant != c.variant || d.Reason != c.reason || d.ErrorCode != c.code || d.Rule != c.rule || d.Experiment != c.experiment || d.Revision != 9 {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestConditionsCompareByTypeAndMissingAttributesMatchOnlyNegations(t *testing.T) {
	one := func(op flags.Operator, attribute string, values ...string) flags.Condition {
		c := flags.Condition{Attribute: attribute, Operator: op}
		for _, v := range values {
			c.Values = append(c.Values, raw(v))
		}
		return c
	}
	for _, c := range []struct {
		condition flags.Condition
		holds     bool
	}{
		{one(flags.Equals, "country", `"US"`), true},
		{one(flags.Equals, "country", `"us"`), false},
		{one(flags.NotEquals, "country", `"US"`), false},
		{one(flags.NotEquals, "nothing", `"US"`), true},
		{one(flags.In, "country", `"DE"`, `"US"`), true},
		{one(flags.In, "country", `"1"`, `"2"`, `"3"`, `"4"`, `"5"`, `"6"`, `"7"`, `"8"`, `"US"`), true},
		{one(flags.NotIn, "country", `"DE"`), true},
		{one(flags.NotIn, "nothing", `"DE"`), true},
		{one(flags.In, "age", `30`, `40`), true},
		{one(flags.In, "age", `"30"`), false},
		{one(flags.Equals, "age", `30.0`), true},
		{one(flags.Equals, "beta", `true`), true},
		{one(flags.Equals, "beta", `"true"`), false},
		{one(flags.Contains, "plan", `"r"`), true},
		{one(flags.StartsWith, "plan", `"pr"`), true},
		{one(flags.EndsWith, "plan", `"pr"`), false},
		{one(flags.EndsWith, "plan", `"x"`, `"ro"`), true},
		{one(flags.Greater, "age", `29.5`), true},
		{one(flags.Greater, "age", `30`), false},
		{one(flags.GreaterOrEqual, "age", `30`), true},
		{one(flags.Less, "age", `30`), false},
		{one(flags.LessOrEqual, "age", `30`), true},
		{one(flags.Greater, "country", `1`), false},
		{one(flags.Exists, "age"), true},
		{one(flags.Exists, "nothing"), false},
		{one(flags.NotExists, "nothing"), true},
		{one(flags.Equals, "targetingKey", `"user-1"`), true},
		{one(flags.StartsWith, "targetingKey", `"user-"`), true},
	} {
		f := boolean("f")
		f.Rules = []flags.Rule{{ID: "r", If: []flags.Condition{c.condition}, Serve: flags.Serve{Variant: "on"}}}
		if got := compile(t, f).Decide("f", somebody).Rule == "r"; got != c.holds {
			t.Errorf("%s %s %s: %v", c.condition.Attribute, c.condition.Operator, c.condition.Values, got)
		}
	}
}

func TestDecidingAllocatesNothing(t *testing.T) {
	off, divided, tested := boolean("off"), boolean("divided"), boolean("tested")
	off.On = false
	divided.Default = flags.Serve{Split: split("divided/", 50_000)}
	tested.Experiment = &flags.Experiment{Key: "e", Unit: "user", Split: *split("e/", 50_000)}
	reach := boolean("reach")
	reach.Overrides = []flags.Override{{Variant: "on", Units: []string{"nobody"}}}
	reach.Holdouts = []flags.Holdout{{Key: "h", Serve: "off", Slice: flags.Slice{Algorithm: flags.BucketingV1, Salt: "h/", Total: 100, Ranges: []flags.Range{{To: 0}}}}}
	for _, c := range []flags.Condition{
		{Attribute: "country", Operator: flags.Matches, Values: values(`"^D(E|K)$"`)},
		{Attribute: "country", Operator: flags.VersionInRange, Values: values(`"^1"`)},
		{Attribute: "country", Operator: flags.Before, Values: values(`"2026-01-01"`)},
		{Attribute: "country", Operator: flags.InNetwork, Values: values(`"10.0.0.0/8"`)},
		{Attribute: "country", Operator: flags.In, IgnoreCase: true, Values: values(`"1"`, `"2"`, `"3"`, `"4"`, `"5"`, `"6"`, `"7"`, `"8"`)},
		{Attribute: "tags", Operator: flags.HasAll, Values: values(`"a"`, `"z"`)},
		{Segments: []string{"s"}},
		{Flag: "five", Variants: []string{"nothing"}},
		{Not: true, Any: []flags.Condition{{Attribute: "age", Operator: flags.Exists}}},
		{Attribute: "address", Path: []string{"country"}, Operator: flags.Equals, Values: values(`"FR"`)},
	} {
		reach.Rules = append(reach.Rules, flags.Rule{ID: "r", If: []flags.Condition{c}, Serve: flags.Serve{Variant: "on"}})
	}
	rs, err := flags.Compile(flags.Snapshot{
		Format: flags.Format, Flags: []flags.Flag{off, boolean("plain"), divided, tested, fiveRules("five"), reach},
		Segments: []flags.Segment{{Key: "s", Included: flags.NewIDs("a", "b"), Rules: []flags.SegmentRule{{ID: "r", If: []flags.Condition{{Attribute: "plan", Operator: flags.Equals, Values: values(`"free"`)}}}}}},
	})
	if err != nil || rs.Problems() != nil {
		t.Fatal(err, rs.Problems())
	}
	somebody := flags.Subject{Key: "user-1", Attributes: map[string]any{
		"country": "US", "age": 30, "plan": "pro", "tags": []any{"a", "b"}, "address": map[string]any{"country": "DE"},
	}}
	if d := rs.Decide("reach", somebody); d.Reason != flags.Default {
		t.Fatalf("a rule holds, so not all are tried: %+v", d.Outcome)
	}
	for _, key := range []string{"off", "plain", "divided", "tested", "five", "reach", "nothing"} {
		if n := testing.AllocsPerRun(100, func() { sink = rs.Decide(key, somebody) }); n != 0 {
			t.Errorf("%s: %v allocations", key, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, d := range rs.All(somebody) {
			sink = d
		}
	}); n != 0 {
		t.Errorf("all flags: %v allocations", n)
	}
}

// Chi-square with 99 degrees of freedom: the 0.999 quantile is 148.23 (R: qchisq(.999, 99)).
func TestBucketsAreUniform(t *testing.T) {
	f := boolean("f")
	f.Default = flags.Serve{Split: &flags.Split{
		Algorithm: flags.BucketingV1, Salt: "uniform/", Total: 100, Weights: []flags.Weight{{Variant: "on", Weight: 100}},
	}}
	rs := compile(t, f)
	for name, id := range idShapes() {
		var seen [100]float64
		for i := range 20_000 {
			seen[rs.Decide("f", flags.Subject{Key: id(i)}).Bucket]++
		}
		chi := 0.0
		for _, n := range seen {
			chi += (n - 200) * (n - 200) / 200
		}
		if chi > 148.23 {
			t.Errorf("%s: chi-square %.1f", name, chi)
		}
	}
}

// Of 400 pairs of flags 0.4 should look dependent at p < .001 (chi-square with one degree of freedom, 10.83); more than 3 is a
// failure.
func TestFlagsAssignIndependentlyOfEachOther(t *testing.T) {
	const ids = 20_000
	random := rand.New(rand.NewPCG(1, 2))
	for name, id := range idShapes() {
		units := make([]string, ids)
		for i := range units {
			units[i] = id(i)
		}
		dependent := 0
		for range 400 {
			a, b := boolean("a"), boolean("b")
			a.Default = flags.Serve{Split: split(fmt.Sprintf("shop.flag-%x/", random.Uint32()), 50_000)}
			b.Default = flags.Serve{Split: split(fmt.Sprintf("shop.flag-%x/", random.Uint32()), 50_000)}
			rs := compile(t, a, b)
			var cells [2][2]float64
			for _, u := range units {
				i, _ := rs.Decide("a", flags.Subject{Key: u}).Value.Bool()
				j, _ := rs.Decide("b", flags.Subject{Key: u}).Value.Bool()
				cells[bit(i)][bit(j)]++
			}
			n0, n1, m0, m1 := cells[0][0]+cells[0][1], cells[1][0]+cells[1][1], cells[0][0]+cells[1][0], cells[0][1]+cells[1][1]
			det := cells[0][0]*cells[1][1] - cells[0][1]*cells[1][0]
			if ids*det*det/(n0*n1*m0*m1) > 10.83 {
				dependent++
			}
		}
		if dependent > 3 {
			t.Errorf("%s: %d of 400 pairs depend on each other", name, dependent)
		}
	}
}

func TestRaisingAPercentageMovesNobodyOut(t *testing.T) {
	before, after := boolean("f"), boolean("f")
	before.Default = flags.Serve{Split: split("ramp/", 10_000)}
	after.Default = flags.Serve{Split: split("ramp/", 20_000)}
	a, b := compile(t, before), compile(t, after)
	in := 0
	for i := range 20_000 {
		who := flags.Subject{Key: fmt.Sprint("user-", i)}
		was, _ := a.Decide("f", who).Value.Bool()
		is, _ := b.Decide("f", who).Value.Bool()
		if was && !is {
			t.Fatalf("%s fell out", who.Key)
		}
		in += bit(is)
	}
	if in < 3_800 || in > 4_200 { // 4,000 expected, standard deviation 57
		t.Errorf("%d of 20,000 are in at 20 %%", in)
	}
}

func TestValuesKeepTheirTypesInJSON(t *testing.T) {
	for _, c := range []struct {
		kind     flags.Type
		in, want string
	}{
		{flags.Float, "4", "4.0"},
		{flags.Float, "0.5", "0.5"},
		{flags.Float, "1e21", "1e+21"},
		{flags.Float, "1e6", "1000000.0"},
		{flags.Integer, "4.0", "4"},
		{flags.Integer, "9007199254740991", "9007199254740991"},
		{flags.Boolean, "false", "false"},
		{flags.String, `""`, `""`},
		{flags.Object, `{}`, `{}`},
		{flags.Object, `{ "a": [1, 2.0] }`, `{"a":[1,2.0]}`},
	} {
		f := flags.Flag{Key: "f", Type: c.kind, On: true, Variants: []flags.Variant{{Key: "v", Value: raw(c.in)}}, Off: "v", Default: flags.Serve{Variant: "v"}}
		if got := compile(t, f).Decide("f", somebody).Value; string(got.JSON()) != c.want || got.Type() != c.kind {
			t.Errorf("%s %s became %s", c.kind, c.in, got.JSON())
		}
	}
}

func TestASnapshotOfANewerFormatIsRefusedAndNewFieldsAreIgnored(t *testing.T) {
	if _, err := flags.ParseSnapshot([]byte(`{"format":2}`)); err == nil {
		t.Error("format 2 was read")
	}
	s, err := flags.ParseSnapshot([]byte(`{"format":1,"revision":"9007199254740993","news":1,"flags":[{"key":"a","surprise":true}]}`))
	if err != nil || s.Revision != 9007199254740993 || len(s.Flags) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

// Whatever a snapshot says: compiling and deciding end, the same question has the same answer (one flag by itself is decided in
// another way than all flags at once), a decision has a value or says why not, and its explanation says the same.
func FuzzCompileAndDecide(f *testing.F) {
	w := world{Rand: rand.New(rand.NewPCG(13, 14))}
	for n := range 20 {
		w.plain = n%2 == 0
		snapshot, _ := json.Marshal(w.snapshot())
		f.Add(snapshot, "u1", "x", "1.2.3")
	}
	snapshot, _ := json.Marshal(flags.Snapshot{Format: 1, Revision: 1, Flags: []flags.Flag{fiveRules("f")}})
	f.Add(snapshot, "user-1", "country", "US")
	f.Fuzz(func(t *testing.T, text []byte, key, attribute, value string) {
		s, err := flags.ParseSnapshot(text)
		if err != nil {
			return
		}
		rs, err := flags.Compile(s)
		if err != nil {
			return
		}
		who := flags.Subject{Key: key, Attributes: map[string]any{
			"y": len(value), "z": value == "", attribute: value, "list": []any{value, 1, true}, "object": map[string]any{attribute: value},
		}}
		for k, d := range rs.All(who) {
			again := rs.Decide(k, who)
			if d != again {
				t.Fatalf("%q: %+v, then %+v", k, d, again)
			}
			if d.ErrorCode != "" && d.Value.Type() != "" || d.ErrorCode == "" && d.Variant != "" && d.Value.Type() == "" {
				t.Fatalf("%q: %+v", k, d)
			}
			if e := rs.Explain(k, who); e.Served.Variant != d.Variant || e.Served.Reason != d.Reason || e.Served.ErrorCode != d.ErrorCode || !e.Found {
				t.Fatalf("%q: %+v is explained as %+v", k, d.Outcome, e.Served)
			}
		}
		if same, err := rs.Update(s); err != nil || same.Len() != rs.Len() || len(same.Problems()) != len(rs.Problems()) {
			t.Fatalf("updated with itself: %v", err)
		}
	})
}

// Each reader of texts that come from subjects stands every text, and makes no garbage of what it cannot read.
func FuzzCompare(f *testing.F) {
	for _, s := range []string{"1.2.3-rc.1+b", "2026-03-01T12:00:00Z", "::ffff:1.2.3.4", "1::", "ä", "\xff", ""} {
		f.Add(s)
	}
	var rules []flags.Rule
	for _, c := range []flags.Condition{
		{Operator: flags.VersionInRange, Values: values(`"^1.2 || 3.x"`)},
		{Operator: flags.After, Values: values(`"2026-01-01"`)},
		{Operator: flags.InNetwork, Values: values(`"10.0.0.0/8"`, `"2001:db8::/32"`)},
		{Operator: flags.Contains, IgnoreCase: true, Values: values(`"\u212a"`)},
		{Operator: flags.Matches, Values: values(`"^(a|b)+$"`)},
		{Operator: flags.In, IgnoreCase: true, Values: values(`"1"`, `"2"`, `"3"`, `"4"`, `"5"`, `"6"`, `"7"`, `"ä"`)},
	} {
		c.Attribute, c.Not = "a", true
		rules = append(rules, flags.Rule{ID: "r", If: []flags.Condition{c, {Attribute: "b", Operator: flags.Exists}}, Serve: flags.Serve{Variant: "on"}})
	}
	flag := boolean("f")
	flag.Rules = rules
	rs := compile(f, flag)
	f.Fuzz(func(t *testing.T, text string) {
		who := flags.Subject{Attributes: map[string]any{"a": text}}
		if d := rs.Decide("f", who); d.Reason != flags.Default {
			t.Fatalf("%+v", d.Outcome)
		}
	})
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func idShapes() map[string]func(int) string {
	return map[string]func(int) string{
		"user-N": func(i int) string { return fmt.Sprint("user-", i) },
		"padded": func(i int) string { return fmt.Sprintf("%08d", i) },
		"uuid": func(i int) string {
			r := rand.New(rand.NewPCG(uint64(i), 7))
			return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xfff, r.Uint32()&0xfff, r.Uint64()&0xffffffffffff)
		},
	}
}

var sink flags.Decision

func BenchmarkDecide(b *testing.B) {
	divided := boolean("split")
	divided.Default = flags.Serve{Split: split("split/", 50_000)}
	rs := compile(b, boolean("boolean"), divided, fiveRules("five-rules"))
	for _, key := range []string{"boolean", "split", "five-rules"} {
		b.Run(key, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink = rs.Decide(key, somebody)
			}
		})
	}
	var many []flags.Flag
	for i := range 1_000 {
		f := boolean(fmt.Sprintf("flag-%04d", i))
		switch {
		case i >= 900:
			f = fiveRules(f.Key)
		case i >= 700:
			f.Default = flags.Serve{Split: split(f.Key+"/", 50_000)}
		}
		many = append(many, f)
	}
	all := compile(b, many...)
	b.Run("all-of-1000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, d := range all.All(somebody) {
				sink = d
			}
		}
	})
	b.Run("compile-1000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			compile(b, many...)
		}
	})
}

// BenchmarkSegment asks for members of segments of 10,000 and of a million ids.
func BenchmarkSegment(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		ids := make([]string, n)
		for i := range ids {
			ids[i] = fmt.Sprintf("%08x-0000-4000-8000-%012x", i*7, i)
		}
		rs, err := flags.Compile(flags.Snapshot{
			Format: flags.Format, Flags: []flags.Flag{member("f", "s")}, Segments: []flags.Segment{{Key: "s", Included: flags.NewIDs(ids...)}},
		})
		if err != nil {
			b.Fatal(err)
		}
		for name, key := range map[string]string{"in": ids[n/2], "out": "nobody"} {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				who := flags.Subject{Key: key}
				for b.Loop() {
					sink = rs.Decide("f", who)
				}
			})
		}
	}
}

// Half of the texts are there; none that is not is found, however many there are.
func TestALargeSetIsExact(t *testing.T) {
	const n = 200_000
	texts := make([]string, 0, n/2)
	for i := 0; i < n; i += 2 {
		texts = append(texts, fmt.Sprint("user-", i))
	}
	set := flags.NewIDs(texts...)
	for i := range n {
		if set.Has(fmt.Sprint("user-", i)) != (i%2 == 0) {
			t.Fatalf("user-%d", i)
		}
	}
	next := set.With([]string{"user-1"}, []string{"user-0"})
	if next.Len() != n/2 || !next.Has("user-1") || next.Has("user-0") || !set.Has("user-0") {
		t.Errorf("%d", next.Len())
	}
}
