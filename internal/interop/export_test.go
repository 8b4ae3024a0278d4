package interop

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	schema "github.com/open-feature/flagd-schemas/json"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/flagdsync"
)

// snapshots makes random rulesets of everything that flagd can express, and some of what it cannot.
type snapshots struct{ *rand.Rand }

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func raws(t testing.TB, values ...any) (out []json.RawMessage) {
	for _, v := range values {
		out = append(out, marshal(t, v))
	}
	return out
}

func (r snapshots) some(of []any, least int) []any {
	n := least + r.IntN(3)
	out := make([]any, n)
	for i := range out {
		out[i] = pick(r.Rand, of...)
	}
	return out
}

var (
	words    = []any{"DE", "FR", "AT", "pro", "free", "a@shop.example", "b@x.org", "", "Zoë", "1.2.3", "10", "18"}
	numbers  = []any{0.0, 1.0, 10.0, 17.5, 18.0, 100.0, -3.0}
	versions = []any{"1.2.3", "1.10.0", "v2", "2.0", "2.0.0-rc.1"}
)

func (r snapshots) comparison(t testing.TB) flags.Condition {
	c := flags.Condition{Attribute: pick(r.Rand, "country", "plan", "mail", "age", "beta", "version", "tags", "targetingKey", "company")}
	if r.IntN(8) == 0 {
		c.Attribute, c.Path = "nested", []string{"deep"}
	}
	scalars := append(append([]any{true, false}, words...), numbers...)
	which := r.IntN(10)
	c.Elements = which != 7 && which != 8 && r.IntN(4) == 0
	switch which {
	case 0:
		c.Operator, c.Values = pick(r.Rand, flags.Equals, flags.NotEquals), raws(t, r.some(scalars, 1)[0])
	case 1, 2:
		c.Operator, c.Values = pick(r.Rand, flags.In, flags.NotIn), raws(t, append(r.some(scalars, 1), r.some(words, 0)...)...)
		if r.IntN(3) == 0 {
			c.Values = raws(t, words...)
		}
	case 3:
		c.Operator = pick(r.Rand, flags.Contains, flags.NotContains, flags.StartsWith, flags.NotStartsWith, flags.EndsWith, flags.NotEndsWith)
		c.Values = raws(t, r.some([]any{"@shop", "example", "D", "o", "1", "ë"}, 1)...)
	case 4, 5:
		c.Operator, c.Values = pick(r.Rand, flags.Greater, flags.GreaterOrEqual, flags.Less, flags.LessOrEqual), raws(t, pick(r.Rand, numbers...))
	case 6:
		c.Operator, c.Values = pick(r.Rand, flags.Between, flags.Modulo), raws(t, pick(r.Rand, 1.0, 3.0, 10.0), pick(r.Rand, 0.0, 1.0, 20.0))
	case 7:
		c.Operator = pick(r.Rand, flags.Exists, flags.NotExists, flags.IsEmpty)
	case 8:
		c.Operator, c.Values = pick(r.Rand, flags.HasAny, flags.HasAll, flags.HasNone, flags.HasOnly, flags.HasExactly), raws(t, r.some([]any{"a", "b", "DE", 1.0, true}, 1)...)
	default:
		c.Elements = false // which flagd's format cannot express
		c.Operator, c.Values = pick(r.Rand, flags.VersionEquals, flags.VersionGreater, flags.VersionGreaterOrEqual, flags.VersionLess, flags.VersionLessOrEqual), raws(t, pick(r.Rand, versions...))
	}
	return c
}

func (r snapshots) condition(t testing.TB, depth int, others []string) (c flags.Condition) {
	switch n := r.IntN(12); {
	case n == 0 && depth > 0:
		c = flags.Condition{All: []flags.Condition{r.condition(t, depth-1, others), r.condition(t, depth-1, others)}}
	case n == 1 && depth > 0:
		c = flags.Condition{Any: []flags.Condition{r.condition(t, depth-1, others), r.condition(t, depth-1, others)}}
	case n == 2:
		c = flags.Condition{Segments: []string{pick(r.Rand, "staff", "beta")}}
	case n == 3 && len(others) > 0:
		c = flags.Condition{Flag: pick(r.Rand, others...), Variants: []string{pick(r.Rand, "a", "b", "c")}}
	case n == 4:
		slice := r.slice()
		c = flags.Condition{Slice: &slice}
	default:
		c = r.comparison(t)
	}
	c.Not = r.IntN(5) == 0
	return c
}

func (r snapshots) slice() flags.Slice {
	from := r.Uint32N(900)
	return flags.Slice{Algorithm: flags.BucketingV1, Salt: pick(r.Rand, "layer/", "hold/"), Total: 1000, By: pick(r.Rand, "", "", "company", "/nested/deep"), Ranges: []flags.Range{{From: from, To: from + 1 + r.Uint32N(100)}}}
}

func (r snapshots) split(names []string) *flags.Split {
	s := &flags.Split{Algorithm: pick(r.Rand, flags.BucketingV1, flags.FlagdV2), Salt: pick(r.Rand, "shop.a/", "shop.b/", "x"), By: pick(r.Rand, "", "", "company", "/nested/deep")}
	for _, n := range names {
		w := r.Uint32N(50_000)
		s.Weights = append(s.Weights, flags.Weight{Variant: n, Weight: w})
		s.Total += w
	}
	s.Weights[0].Weight++
	s.Total++
	return s
}

func (r snapshots) serve(names []string) flags.Serve {
	if r.IntN(3) == 0 {
		return flags.Serve{Split: r.split(names)}
	}
	return flags.Serve{Variant: pick(r.Rand, names...)}
}

func (r snapshots) flag(t testing.TB, key string, others []string) flags.Flag {
	names := []string{"a", "b", "c"}
	f := flags.Flag{Key: key, Revision: 1, On: r.IntN(8) > 0, Off: pick(r.Rand, names...), Default: r.serve(names)}
	values := map[flags.Type][]string{
		flags.String: {`"A"`, `"B"`, `""`}, flags.Integer: {"0", "7", "2147483647"}, flags.Float: {"4.0", "0.5", "-1e3"},
		flags.Object: {`{}`, `{"x":[1,"a",null]}`, `{"y":true}`}, flags.Boolean: {"true", "false", "true"},
	}
	f.Type = pick(r.Rand, flags.String, flags.Integer, flags.Float, flags.Object, flags.Boolean)
	for i, n := range names {
		f.Variants = append(f.Variants, flags.Variant{Key: n, Value: json.RawMessage(values[f.Type][i])})
	}
	if r.IntN(4) == 0 {
		f.Overrides = []flags.Override{{Variant: pick(r.Rand, names...), By: pick(r.Rand, "", "company"), Units: []string{"user-1", "7", "Zoë"}}}
	}
	if r.IntN(6) == 0 {
		f.Holdouts = []flags.Holdout{{Key: "hold", Slice: r.slice(), Serve: pick(r.Rand, names...)}}
	}
	for i := range r.IntN(4) {
		rule := flags.Rule{ID: fmt.Sprint("rule-", i), Serve: r.serve(names)}
		for range 1 + r.IntN(3) {
			rule.If = append(rule.If, r.condition(t, 2, others))
		}
		f.Rules = append(f.Rules, rule)
	}
	if r.IntN(5) == 0 {
		f.Experiment = &flags.Experiment{Key: "trial", Unit: "user", Split: *r.split(names)}
		if r.IntN(2) == 0 {
			f.Experiment.Within = []flags.Slice{r.slice()}
		}
	}
	f.Requires = f.Needs()
	return f
}

func (r snapshots) snapshot(t testing.TB, many int) flags.Snapshot {
	s := flags.Snapshot{Format: flags.Format, Project: "shop", Environment: "production", Revision: 7, Segments: []flags.Segment{
		{Key: "beta", Revision: 1, By: "company", Included: flags.NewIDs("7", "acme"), Rules: []flags.SegmentRule{{ID: "r", If: []flags.Condition{r.comparison(t)}}}},
		{Key: "staff", Revision: 1, Included: flags.NewIDs("user-1", "Zoë"), Excluded: flags.NewIDs("user-2"), Rules: []flags.SegmentRule{{ID: "r", If: []flags.Condition{r.comparison(t), r.comparison(t)}}}},
	}}
	var keys []string
	for i := range many {
		key := fmt.Sprintf("flag-%03d", i)
		s.Flags = append(s.Flags, r.flag(t, key, keys))
		keys = append(keys, key)
	}
	return s
}

// context is random; some attributes are missing, of another type than rules expect, or empty.
func (r snapshots) context(ascii bool) object {
	out := object{}
	set := func(name string, of ...any) {
		if r.IntN(6) > 0 {
			out[name] = pick(r.Rand, of...)
		}
	}
	set("country", "DE", "FR", "AT", "US", 5.0)
	set("plan", "pro", "free", "", true)
	set("mail", "a@shop.example", "b@x.org", "zoë@example.com")
	set("age", 17.0, 17.5, 18.0, 64.0, "18", true, 0.0, -3.0)
	set("beta", true, false, "true", 1.0)
	set("version", "1.2.3", "1.10", "v2.0.0", "2.0.0-rc.1", "1.2.3.4", "x", 1.2)
	set("tags", []any{"a"}, []any{"a", "b"}, []any{}, []any{1.0, "DE"}, "a", []any{true})
	set("company", "acme", "7", 7.0, 1.5, "", 123456789.0)
	set("nested", object{"deep": pick(r.Rand, any("DE"), 18.0, true)}, object{"x": 1.0}, "a")
	keys := []any{"user-1", "user-2", "alice", "bob@example.com", "42", fmt.Sprint("u", r.IntN(100000)), fmt.Sprint("u", r.IntN(100000))}
	if !ascii {
		keys = append(keys, "Zoë", "用户1")
	}
	set("targetingKey", keys...)
	return out
}

// Every decision of flagd on our definitions is the engine's: the same value and variant, and a reason of the same class.
func TestFlagdDecidesOurFlagsAsWeDo(t *testing.T) {
	checked, reasons, odd := 0, map[string]int{}, map[string]int{}
	for round := range uint64(6) {
		r := snapshots{rand.New(rand.NewPCG(round, 1))}
		s := r.snapshot(t, 50)
		rs, err := flags.Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range rs.Problems() {
			t.Fatalf("the test's flag does not compile: %+v", p)
		}
		set, err := flagdsync.Export(s, rs.Problems())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range set.Problems {
			t.Errorf("%+v", p)
		}
		valid(t, set.JSON)
		flagd := newDaemon(t, set.JSON)
		for range 100 {
			context := r.context(false)
			key, _ := context["targetingKey"].(string)
			for i := range s.Flags {
				f := &s.Flags[i]
				d := rs.Decide(f.Key, flags.Subject{Key: key, Attributes: context})
				got := flagd.decide(f.Key, context)
				want := expected(d)
				if got.Variant != want.Variant || !sameJSON(got.Value, want.Value) || class(got.Reason) != class(want.Reason) {
					t.Errorf("%s for %s:\nflagd %+v\nours  %+v\n%s\n%s", f.Key, marshal(t, context), got, want, marshal(t, f), definitionOf(t, set.JSON, f.Key))
					if odd[f.Key]++; len(odd) > 3 {
						t.FailNow()
					}
				}
				reasons[want.Reason]++
				checked++
			}
		}
	}
	t.Log(checked, "decisions", reasons)
	for _, reason := range []string{"STATIC", "DEFAULT", "TARGETING_MATCH", "SPLIT", "ERROR", "DISABLED"} {
		if reasons[reason] < 300 {
			t.Errorf("only %d decisions have the reason %s", reasons[reason], reason)
		}
	}
}

func expected(d flags.Decision) answer {
	out := answer{Reason: string(d.Reason), Variant: d.Variant, Code: string(d.ErrorCode)}
	if d.ErrorCode == "" {
		out.Value = string(d.Value.JSON())
	}
	return out
}

func sameJSON(a, b string) bool {
	if a == "" || b == "" {
		return a == b
	}
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}

// class is what a reason means whoever says it: flagd knows no split, and a flag of ours that is off has a value.
func class(reason string) string {
	switch reason {
	case "SPLIT":
		return "TARGETING_MATCH"
	case "DISABLED":
		return "STATIC"
	case "FALLBACK":
		return "DEFAULT" // what flagd's evaluator calls the caller's default, before it is told to clients
	}
	return reason
}

func definitionOf(t testing.TB, set []byte, key string) json.RawMessage {
	var parsed struct{ Flags map[string]json.RawMessage }
	if err := json.Unmarshal(set, &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed.Flags[key]
}

// valid holds a set against flagd's own schemas.
func valid(t testing.TB, set []byte) {
	t.Helper()
	c := jsonschema.NewCompiler()
	for name, text := range map[string]string{"flagd": schema.FlagdSchema, "flags": schema.FlagSchema, "targeting": schema.TargetingSchema} {
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource("https://flagd.dev/schema/v0/"+name+".json", document); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile("https://flagd.dev/schema/v0/flagd.json")
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(strings.NewReader(string(set)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(instance); err != nil {
		t.Fatalf("the set is not as flagd's schema says: %v", err)
	}
}
