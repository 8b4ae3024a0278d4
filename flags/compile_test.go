package flags_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/assayhq/assay/flags"
)

func TestAFlagThatCannotBeServedAnswersParseErrorAndSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*flags.Flag)
		why   string
	}{
		"an unknown requirement":       {func(f *flags.Flag) { f.Requires = []string{"prerequisites"} }, "requires prerequisites"},
		"an unknown type":              {func(f *flags.Flag) { f.Type = "colour" }, "colour"},
		"a value of another type":      {func(f *flags.Flag) { f.Variants[0].Value = raw(`"yes"`) }, "variant \"on\""},
		"a null":                       {func(f *flags.Flag) { f.Variants[0].Value = raw(`null`) }, "null"},
		"a variant twice":              {func(f *flags.Flag) { f.Variants[1].Key = "on" }, "two variants"},
		"an off variant that is not":   {func(f *flags.Flag) { f.Off = "nowhere" }, "off"},
		"a default that is not":        {func(f *flags.Flag) { f.Default.Variant = "nowhere" }, "default"},
		"an unknown algorithm":         {func(f *flags.Flag) { f.Default.Split = split("s", 1); f.Default.Split.Algorithm = "dice/1" }, "dice/1"},
		"weights that do not add up":   {func(f *flags.Flag) { f.Default.Split = split("s", 1); f.Default.Split.Total = 7 }, "add up"},
		"no weights":                   {func(f *flags.Flag) { f.Default.Split = &flags.Split{Algorithm: flags.BucketingV1} }, "total"},
		"weights beyond 32 bits":       {func(f *flags.Flag) { f.Default.Split = split("s", 1); f.Default.Split.Weights[1].Weight = 1<<32 - 1 }, "add up"},
		"an experiment of no variants": {func(f *flags.Flag) { f.Experiment = &flags.Experiment{Key: "e"} }, "experiment"},
		"an unknown operator":          {condition("like", `"a"`), "like"},
		"an operator without a value":  {condition(flags.Equals), "needs a value"},
		"a text for a number":          {condition(flags.Less, `"a"`), "exactly one number"},
		"a number for a text":          {condition(flags.Contains, `1`), "texts"},
		"a value that is no scalar":    {condition(flags.Equals, `[1]`), "no scalar"},
		"a value that is no JSON":      {condition(flags.Equals, `{`), "no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := boolean("bad")
			c.spoil(&bad)
			rs := compile(t, bad, boolean("good"))
			if d := rs.Decide("bad", somebody); d.ErrorCode != flags.ParseError || d.Reason != flags.Error || rs.Explain("bad", somebody).FlagRevision != 3 {
				t.Errorf("the bad flag answers %+v", d)
			}
			if p := rs.Problems(); len(p) != 1 || p[0].Flag != "bad" || !strings.Contains(p[0].Detail, c.why) {
				t.Errorf("problems: %v", p)
			}
			if d := rs.Decide("good", somebody); d.Variant != "on" {
				t.Errorf("the good flag answers %+v", d)
			}
		})
	}
}

func condition(operator flags.Operator, values ...string) func(*flags.Flag) {
	c := flags.Condition{Attribute: "a", Operator: operator}
	for _, v := range values {
		c.Values = append(c.Values, raw(v))
	}
	return func(f *flags.Flag) {
		f.Rules = []flags.Rule{{ID: "r", If: []flags.Condition{c}, Serve: flags.Serve{Variant: "on"}}}
	}
}

func TestARulesetWithAFlagTwiceIsRefused(t *testing.T) {
	if _, err := flags.Compile(flags.Snapshot{Format: 1, Flags: []flags.Flag{boolean("a"), boolean("a")}}); err == nil {
		t.Error("it compiles")
	}
}

func TestAttributesAreThoseThatDecisionsDependOn(t *testing.T) {
	off, plain, byKey, byAccount, ruled := fiveRules("off"), boolean("plain"), boolean("by-key"), boolean("by-account"), boolean("ruled")
	off.On = false
	byKey.Experiment = &flags.Experiment{Key: "e", Unit: "user", Split: *split("e", 1)}
	byAccount.Default = flags.Serve{Split: split("a", 1)}
	byAccount.Default.Split.By = "account"
	condition(flags.Exists)(&ruled)
	for _, c := range []struct {
		all  []flags.Flag
		want []string
	}{
		{[]flags.Flag{off, plain}, nil},
		{[]flags.Flag{plain, byKey}, []string{"targetingKey"}},
		{[]flags.Flag{ruled, byAccount}, []string{"a", "account"}},
		{[]flags.Flag{fiveRules("on")}, []string{"age", "country", "plan", "targetingKey"}},
	} {
		if got := compile(t, c.all...).Attributes(); !slices.Equal(got, c.want) {
			t.Errorf("got %v, want %v", got, c.want)
		}
	}
}

func TestASplitByAnAttributeAssignsByIt(t *testing.T) {
	f := boolean("f")
	f.Default = flags.Serve{Split: split("s", 50_000)}
	byKey := compile(t, f)
	g := boolean("f")
	g.Default = flags.Serve{Split: split("s", 50_000)}
	g.Default.Split.By = "account"
	byAccount := compile(t, g)
	for _, c := range []struct {
		account any
		unit    string
	}{
		{"a-1", "a-1"},
		{42, "42"},
		{int64(42), "42"},
		{42.0, "42"},
		{uint8(42), "42"},
		{nil, ""},
		{4.5, ""},
		{true, ""},
		{1 << 60, ""},
		{[]string{"a"}, ""},
	} {
		d := byAccount.Decide("f", flags.Subject{Key: "user", Attributes: map[string]any{"account": c.account}})
		if d.UnitID != c.unit || (c.unit == "") != (d.ErrorCode == flags.TargetingKeyMissing) {
			t.Errorf("account %v: %+v", c.account, d)
		}
		if same := byKey.Decide("f", flags.Subject{Key: c.unit}); c.unit != "" && same.Bucket != d.Bucket {
			t.Errorf("account %v is in bucket %d, the key %q in %d", c.account, d.Bucket, c.unit, same.Bucket)
		}
	}
}

func TestChangedNamesWhatIsNewGoneOrOfAnotherRevision(t *testing.T) {
	moved := boolean("moved")
	before := compile(t, boolean("same"), boolean("gone"), moved)
	moved.Revision = 8
	after := compile(t, boolean("same"), boolean("new"), moved)
	if got := after.Changed(before); !slices.Equal(got, []string{"gone", "moved", "new"}) {
		t.Errorf("changed: %v", got)
	}
	if got := after.Changed(after); got != nil {
		t.Errorf("changed since itself: %v", got)
	}
	if got := after.Keys(); !slices.Equal(got, []string{"moved", "new", "same"}) || after.Len() != 3 {
		t.Errorf("keys: %v", got)
	}
}

// The oracle is a direct reading of the operators' documentation, condition by condition, with nothing remembered. The
// flags have more conditions (up to 160) and more attributes (up to 12) than the engine keeps places for.
func TestDecidingWithManyConditionsEqualsReadingThemOneByOne(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		f := boolean("f")
		for i := range random.IntN(40) + 1 {
			f.Rules = append(f.Rules, flags.Rule{ID: fmt.Sprint(i), If: someConditions(random), Serve: flags.Serve{Variant: "on"}})
		}
		rs := compile(t, f)
		for range 20 {
			who := someAttributes(random)
			want := ""
			if i := slices.IndexFunc(f.Rules, func(r flags.Rule) bool { return allHold(r.If, who) }); i >= 0 {
				want = f.Rules[i].ID
			}
			if got := rs.Decide("f", who).Rule; got != want {
				t.Fatalf("rule %q, want %q for %v", got, want, who.Attributes)
			}
		}
	}
}

func someConditions(random *rand.Rand) (out []flags.Condition) {
	for range random.IntN(3) + 2 {
		values := []json.RawMessage{raw(`"x"`), raw(`1`), raw(`true`), raw(`"y"`)}
		random.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
		out = append(out, flags.Condition{
			Attribute: fmt.Sprint("a", random.IntN(12)), Operator: []flags.Operator{flags.In, flags.NotIn}[random.IntN(2)], Values: values[:1+random.IntN(3)],
		})
	}
	return out
}

func someAttributes(random *rand.Rand) flags.Subject {
	who := flags.Subject{Attributes: map[string]any{}}
	for i := range 12 {
		if v := random.IntN(5); v < 3 {
			who.Attributes[fmt.Sprint("a", i)] = []any{"x", 1, true}[v]
		}
	}
	return who
}

func allHold(all []flags.Condition, who flags.Subject) bool {
	return !slices.ContainsFunc(all, func(c flags.Condition) bool {
		value, there := who.Attributes[c.Attribute]
		text, _ := json.Marshal(value)
		found := there && slices.ContainsFunc(c.Values, func(v json.RawMessage) bool { return string(v) == string(text) })
		return found != (c.Operator == flags.In)
	})
}
