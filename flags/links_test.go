package flags_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/assayhq/assay/flags"
)

// asking is a flag that serves "on" to whom the other flag serves the variant, else "off".
func asking(key, other, variant string) flags.Flag {
	f := boolean(key)
	f.Default.Variant = "off"
	f.Rules = []flags.Rule{{ID: "r", If: []flags.Condition{{Flag: other, Variants: []string{variant}}}, Serve: flags.Serve{Variant: "on"}}}
	return f
}

func member(key string, segments ...string) flags.Flag {
	f := boolean(key)
	f.Default.Variant = "off"
	f.Rules = []flags.Rule{{ID: "r", If: []flags.Condition{{Segments: segments}}, Serve: flags.Serve{Variant: "on"}}}
	return f
}

func TestAFlagAsksForWhatAnotherServes(t *testing.T) {
	off := boolean("off")
	off.On = false
	byValue := boolean("by-value")
	byValue.Rules = []flags.Rule{{ID: "r", If: []flags.Condition{{Flag: "number", Values: values("4", `"x"`)}}, Serve: flags.Serve{Variant: "off"}}}
	number := flags.Flag{Key: "number", Type: flags.Integer, On: true, Variants: []flags.Variant{{Key: "four", Value: raw("4")}}, Off: "four", Default: flags.Serve{Variant: "four"}}
	rs := compile(t, asking("a", "b", "on"), asking("b", "c", "on"), boolean("c"), off, asking("of-off", "off", "off"), byValue, number)
	for key, want := range map[string]string{"a": "on", "b": "on", "of-off": "on", "by-value": "off"} {
		if d := rs.Decide(key, somebody); d.Variant != want {
			t.Errorf("%s serves %+v", key, d.Outcome)
		}
	}
}

func TestFlagsInACircleAnswerParseErrorAndSoDoThoseThatAskForThem(t *testing.T) {
	rs := compile(t, asking("a", "b", "on"), asking("b", "c", "on"), asking("c", "a", "on"), asking("outside", "a", "on"), asking("itself", "itself", "on"), boolean("well"))
	for key, broken := range map[string]bool{"a": true, "b": true, "c": true, "outside": true, "itself": true, "well": false} {
		if d := rs.Decide(key, somebody); (d.ErrorCode == flags.ParseError) != broken {
			t.Errorf("%s: %+v", key, d.Outcome)
		}
	}
	if p := rs.Problems(); len(p) != 5 || !strings.Contains(p[0].Detail, "leads back") {
		t.Errorf("problems: %v", p)
	}
	// Breaking the circle heals all of them.
	c := boolean("c")
	c.Revision = 10
	healed, err := rs.Apply(flags.Delta{Format: 1, Project: "shop", Environment: "production", Since: 9, Revision: 10, Flags: []flags.Flag{c}})
	if err != nil {
		t.Fatal(err)
	}
	if p := healed.Problems(); len(p) != 1 || p[0].Flag != "itself" || healed.Decide("outside", somebody).Variant != "on" {
		t.Errorf("problems: %v", p)
	}
}

func TestWhatAsksForTooMuchIsNotServed(t *testing.T) {
	all := []flags.Flag{boolean("flag-00")}
	for i := 1; i <= 20; i++ {
		f := asking(fmt.Sprintf("flag-%02d", i), fmt.Sprintf("flag-%02d", i-1), "on")
		f.Rules[0].If = append(f.Rules[0].If, flags.Condition{Flag: fmt.Sprintf("flag-%02d", i-1), Variants: []string{"off"}, Not: true})
		all = append(all, f)
	}
	rs := compile(t, all...)
	if d := rs.Decide("flag-20", somebody); d.ErrorCode != flags.ParseError {
		t.Errorf("2^20 decisions are made for one: %+v", d.Outcome)
	}
	if d := rs.Decide("flag-05", somebody); d.Variant != "on" {
		t.Errorf("32 decisions are not made for one: %+v", d.Outcome)
	}
}

func TestSegmentsKnowTheirMembers(t *testing.T) {
	country := flags.Condition{Attribute: "country", Operator: flags.Equals, Values: values(`"US"`)}
	segments := []flags.Segment{
		{Key: "listed", Included: flags.NewIDs("user-1", "both"), Excluded: flags.NewIDs("out", "both")},
		{Key: "ruled", Excluded: flags.NewIDs("out"), Rules: []flags.SegmentRule{{ID: "1", If: []flags.Condition{country}}}},
		{Key: "nested", Rules: []flags.SegmentRule{{ID: "1", If: []flags.Condition{{Segments: []string{"ruled"}}, {Segments: []string{"listed"}, Not: true}}}}},
		{Key: "companies", By: "company", Included: flags.NewIDs("acme")},
	}
	for _, c := range []struct {
		segment string
		who     flags.Subject
		want    bool
	}{
		{"listed", flags.Subject{Key: "user-1"}, true},
		{"listed", flags.Subject{Key: "user-2"}, false},
		{"listed", flags.Subject{}, false},
		{"listed", flags.Subject{Key: "both"}, true},
		{"ruled", flags.Subject{Key: "x", Attributes: map[string]any{"country": "US"}}, true},
		{"ruled", flags.Subject{Attributes: map[string]any{"country": "US"}}, true},
		{"ruled", flags.Subject{Key: "out", Attributes: map[string]any{"country": "US"}}, false},
		{"nested", flags.Subject{Key: "x", Attributes: map[string]any{"country": "US"}}, true},
		{"nested", flags.Subject{Key: "user-1", Attributes: map[string]any{"country": "US"}}, false},
		{"companies", flags.Subject{Key: "acme"}, false},
		{"companies", flags.Subject{Key: "x", Attributes: map[string]any{"company": "acme"}}, true},
	} {
		if got := holds(t, flags.Condition{Segments: []string{c.segment}}, c.who, segments...); got != c.want {
			t.Errorf("%+v in %s: %v", c.who, c.segment, got)
		}
	}
}

func TestOverridesComeBeforeHoldoutsBeforeRulesBeforeExperiments(t *testing.T) {
	f := boolean("f")
	f.Default.Variant = "off"
	f.Overrides = []flags.Override{{Variant: "on", Units: []string{"vip"}}, {Variant: "off", By: "company", Units: []string{"acme"}}, {Variant: "off", Units: []string{"vip"}}}
	f.Holdouts = []flags.Holdout{{Key: "none-of-it", Serve: "off", Slice: flags.Slice{Algorithm: flags.BucketingV1, Salt: "h/", Total: 100, Ranges: []flags.Range{{To: 100}}}}}
	f.Rules = []flags.Rule{{ID: "everybody", If: []flags.Condition{{All: []flags.Condition{}}}, Serve: flags.Serve{Variant: "on"}}}
	rs := compile(t, f)
	if d := rs.Decide("f", flags.Subject{Key: "vip"}); d.Variant != "on" || !d.Override || d.UnitID != "vip" || d.Reason != flags.TargetingMatch {
		t.Errorf("vip: %+v", d.Outcome)
	}
	if d := rs.Decide("f", flags.Subject{Key: "x", Attributes: map[string]any{"company": "acme"}}); d.Variant != "off" || !d.Override || d.UnitID != "acme" {
		t.Errorf("acme: %+v", d.Outcome)
	}
	if d := rs.Decide("f", flags.Subject{Key: "x"}); d.Variant != "off" || d.Holdout != "none-of-it" || d.Reason != flags.SplitReason {
		t.Errorf("held back: %+v", d.Outcome)
	}
	if d := rs.Decide("f", flags.Subject{}); d.Variant != "on" || d.Rule != "everybody" {
		t.Errorf("without a key: %+v", d.Outcome)
	}
}

// Two experiments in a layer have a half of it each: nobody is in both, everybody in one.
func TestExperimentsInALayerExcludeEachOther(t *testing.T) {
	within := func(from, to uint32) []flags.Slice {
		return []flags.Slice{{Algorithm: flags.BucketingV1, Salt: "shop.layer.checkout/", Total: 100_000, Ranges: []flags.Range{{From: from, To: to}}}}
	}
	a, b := boolean("a"), boolean("b")
	a.Default.Variant, b.Default.Variant = "off", "off"
	a.Experiment = &flags.Experiment{Key: "ea", Unit: "user", Split: *split("ea/", 50_000), Within: within(0, 50_000)}
	b.Experiment = &flags.Experiment{Key: "eb", Unit: "user", Split: *split("eb/", 50_000), Within: within(50_000, 100_000)}
	rs := compile(t, a, b)
	inA := 0
	for i := range 10_000 {
		who := flags.Subject{Key: fmt.Sprint("user-", i)}
		da, db := rs.Decide("a", who), rs.Decide("b", who)
		if (da.Experiment == "") == (db.Experiment == "") {
			t.Fatalf("%s is in %q and %q", who.Key, da.Experiment, db.Experiment)
		}
		if da.Experiment != "" {
			inA++
		} else if da.Reason != flags.Default || da.Variant != "off" {
			t.Fatalf("%s outside: %+v", who.Key, da.Outcome)
		}
	}
	if inA < 4_800 || inA > 5_200 { // 5,000 expected, standard deviation 50
		t.Errorf("%d of 10,000 are in the first half", inA)
	}
}

func TestADeltaLeadsToTheSameAsTheWholeSnapshot(t *testing.T) {
	first := flags.Snapshot{
		Format: 1, Project: "shop", Environment: "production", Revision: 9,
		Segments: []flags.Segment{{Key: "s", Revision: 3, Included: flags.NewIDs("user-1")}, {Key: "t", Revision: 3, Included: flags.NewIDs("user-2")}},
		Flags:    []flags.Flag{boolean("a"), member("b", "s"), asking("c", "b", "on"), boolean("d"), member("e", "t")},
	}
	d := boolean("d")
	d.Revision, d.Default.Variant = 12, "off"
	delta := flags.Delta{
		Format: 1, Project: "shop", Environment: "production", Since: 9, Revision: 13,
		Flags: []flags.Flag{d, boolean("aa")}, FlagsGone: []string{"a"},
		Lists: []flags.ListChange{{Segment: "s", Revision: 13, Included: flags.IDsChange{Add: flags.NewIDs("user-7"), Remove: flags.NewIDs("user-1")}}},
	}
	text, err := json.Marshal(delta)
	if err != nil {
		t.Fatal(err)
	}
	var read flags.Delta
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	next, err := first.Apply(read)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := flags.Compile(first)
	live, err := before.Apply(read)
	if err != nil {
		t.Fatal(err)
	}
	whole, _ := flags.Compile(next)
	updated, err := before.Update(next)
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"user-1", "user-2", "user-7", ""} {
		who := flags.Subject{Key: user}
		want := fmt.Sprint(tell(whole, who))
		for name, rs := range map[string]*flags.Ruleset{"applied": live, "updated": updated} {
			if got := fmt.Sprint(tell(rs, who)); got != want {
				t.Errorf("%s, %q: %s, want %s", name, user, got, want)
			}
		}
	}
	want := []string{"a", "aa", "b", "c", "d"}
	for name, rs := range map[string]*flags.Ruleset{"whole": whole, "applied": live, "updated": updated} {
		if got := rs.Changed(before); !slices.Equal(got, want) {
			t.Errorf("%s: %v changed, want %v", name, got, want)
		}
	}
	if before.Decide("b", flags.Subject{Key: "user-1"}).Variant != "on" || before.Len() != 5 || first.Segments[0].Included.Len() != 1 {
		t.Error("what the delta was applied to changed")
	}
	if _, err := live.Apply(read); !errors.Is(err, flags.ErrGap) {
		t.Errorf("applying it twice: %v", err)
	}
}

func tell(rs *flags.Ruleset, who flags.Subject) (out []string) {
	for key, d := range rs.All(who) {
		again := rs.Decide(key, who)
		out = append(out, fmt.Sprintf("%s %s %s %s %d %d %v", key, d.Variant, d.Reason, d.ErrorCode, rs.Explain(key, who).FlagRevision, d.Revision, again == d))
	}
	return append(out, fmt.Sprint(rs.Attributes(), rs.Keys(), rs.Experiments(), rs.Problems()))
}

func TestIDsAreASetThatSurvivesJSON(t *testing.T) {
	ids := flags.NewIDs("b", "a", "", "Zoë", "b", `quo"te`, "back\\slash", "new\nline", "用户1")
	text, err := json.Marshal(ids)
	if err != nil {
		t.Fatal(err)
	}
	var plain []string
	if err := json.Unmarshal(text, &plain); err != nil || !slices.Equal(plain, slices.Collect(ids.All())) || !slices.IsSorted(plain) {
		t.Errorf("%s is %q, %v", text, plain, err)
	}
	var read flags.IDs
	if err := json.Unmarshal([]byte(" [ \"b\" , \"a\",\"\",\"Zo\\u00eb\", \"quo\\\"te\",\"back\\\\slash\",\"new\\nline\",\"用户1\"]"), &read); err != nil || read.Len() != 8 {
		t.Fatalf("%d, %v", read.Len(), err)
	}
	for id := range ids.All() {
		if !read.Has(id) {
			t.Errorf("%q is lost", id)
		}
	}
	if read.Has("c") || (flags.IDs{}).Has("a") {
		t.Error("it has what it has not")
	}
	next := read.With([]string{"c", "d", "a"}, []string{"b", "d", "nothing"})
	if next.Len() != 8 || !next.Has("c") || next.Has("b") || next.Has("d") || !read.Has("b") {
		t.Errorf("%q", slices.Collect(next.All()))
	}
	for _, bad := range []string{`{}`, `[1]`, `["a",null]`, `"a"`} {
		if json.Unmarshal([]byte(bad), &read) == nil {
			t.Errorf("%s is read", bad)
		}
	}
	if (&flags.IDs{}).UnmarshalJSON([]byte(`["`)) == nil || (&flags.IDs{}).UnmarshalJSON([]byte(`["a`)) == nil {
		t.Error("a list that breaks off is read")
	}
}

func TestWhatAProgramMustKnowIsRequired(t *testing.T) {
	f := member("f", "s")
	f.Overrides = []flags.Override{{Variant: "on", Units: []string{"x"}}}
	f.Rules = append(f.Rules, flags.Rule{If: []flags.Condition{{Not: true, All: []flags.Condition{{Flag: "g", Variants: []string{"on"}}}}}})
	if got := f.Needs(); !slices.Equal(got, []string{"conditions/2", "flags/1", "overrides/1", "segments/1"}) {
		t.Errorf("needs %v", got)
	}
	plain := fiveRules("f")
	if got := plain.Needs(); got != nil {
		t.Errorf("what the first programs know needs %v", got)
	}
}
