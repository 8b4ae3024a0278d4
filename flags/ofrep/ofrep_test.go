package ofrep_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/ofrep"
)

// The wanted texts follow the OpenAPI document of open-feature/protocol (version 0.3.0) and the parsers of the clients named in
// the test; they were written by hand.

func raw(text string) json.RawMessage { return json.RawMessage(text) }

func fixed(key string, kind flags.Type, value string) flags.Flag {
	return flags.Flag{
		Key: key, Type: kind, On: true, Off: "v", Variants: []flags.Variant{{Key: "v", Value: raw(value)}}, Default: flags.Serve{Variant: "v"}, Revision: 5,
	}
}

func half(salt string) flags.Split {
	return flags.Split{Algorithm: flags.BucketingV1, Salt: salt, Total: 100_000, Weights: []flags.Weight{{Variant: "v", Weight: 100_000}}}
}

func ruleset(t testing.TB, revision uint64, all ...flags.Flag) *flags.Ruleset {
	t.Helper()
	rs, err := flags.Compile(flags.Snapshot{Format: flags.Format, Project: "shop", Environment: "production", Revision: revision, Flags: all})
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

const common = `"metadata":{"flagSetId":"shop/production","version":"9"`

func TestValuesKeepTheTypeOfTheFlagAndAreNeverLeftOutOrNull(t *testing.T) {
	for _, c := range []struct {
		kind     flags.Type
		in, want string
	}{
		{flags.Boolean, `true`, `true`},
		{flags.Boolean, `false`, `false`},
		{flags.String, `""`, `""`},
		{flags.String, `"a<b"`, `"a\u003cb"`},
		{flags.Integer, `0`, `0`},
		{flags.Integer, `4`, `4`},
		{flags.Integer, `2147483647`, `2147483647`},
		{flags.Integer, `9007199254740991`, `9007199254740991`},
		{flags.Float, `4`, `4.0`}, // Java's client compares boxed classes, Python's wants a float
		{flags.Float, `0`, `0.0`},
		{flags.Float, `0.5`, `0.5`},
		{flags.Object, `{}`, `{}`},
		{flags.Object, `{"a": {"b": [1, 2.0, null]}}`, `{"a":{"b":[1,2.0,null]}}`},
	} {
		status, body := ofrep.Evaluate(ruleset(t, 9, fixed("f", c.kind, c.in)), "f", flags.Subject{})
		want := `{"key":"f","value":` + c.want + `,"reason":"STATIC","variant":"v",` + common + `}}`
		if status != 200 || string(body) != want {
			t.Errorf("%s %s: %d\n%s, want\n%s", c.kind, c.in, status, body, want)
		}
	}
}

func TestAnEvaluationTellsItsReasonAndItsExperiment(t *testing.T) {
	off, tested := fixed("off", flags.Boolean, "true"), fixed("tested", flags.Boolean, "true")
	off.On = false
	tested.Experiment = &flags.Experiment{Key: "free-shipping", Unit: "user", Split: half("s")}
	rs := ruleset(t, 9, off, tested)
	for key, want := range map[string]string{
		"off":    `{"key":"off","value":true,"reason":"STATIC","variant":"v",` + common + `,"disabled":true}}`,
		"tested": `{"key":"tested","value":true,"reason":"SPLIT","variant":"v",` + common + `,"experiment":"free-shipping"}}`,
	} {
		if _, body := ofrep.Evaluate(rs, key, flags.Subject{Key: "user-1"}); string(body) != want {
			t.Errorf("%s\n%s, want\n%s", key, body, want)
		}
	}
}

// JavaScript's client takes a failure for one only when key and errorCode are there; Python's indexes errorDetails.
func TestFailuresCarryKeyCodeAndDetails(t *testing.T) {
	split, broken := fixed("split", flags.Boolean, "true"), fixed("broken", flags.Boolean, `"text"`)
	everybody := half("s")
	split.Default = flags.Serve{Split: &everybody}
	rs := ruleset(t, 9, split, broken)
	for key, want := range map[string]struct {
		status int
		code   string
	}{
		"nothing": {404, "FLAG_NOT_FOUND"}, `"odd"`: {404, "FLAG_NOT_FOUND"}, "split": {400, "TARGETING_KEY_MISSING"}, "broken": {400, "PARSE_ERROR"},
	} {
		status, body := ofrep.Evaluate(rs, key, flags.Subject{})
		var got map[string]any
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%s: %v in %s", key, err, body)
		}
		details, isText := got["errorDetails"].(string)
		if status != want.status || got["key"] != key || got["errorCode"] != want.code || !isText || details == "" || len(got) != 3 {
			t.Errorf("%s: %d %s", key, status, body)
		}
	}
	if got := string(ofrep.Problem("", "GENERAL", "")); got != `{"errorCode":"GENERAL","errorDetails":""}` {
		t.Errorf("a failure without a flag: %s", got)
	}
}

func TestAContextMayBeMissingNullOrWithoutATargetingKey(t *testing.T) {
	for _, c := range []struct{ request, key, code string }{
		{`{}`, "", ""},
		{`{"context":null}`, "", ""},
		{`{"context":{}}`, "", ""},
		{`{"context":{"targetingKey":null}}`, "", ""},
		{`{"context":{"targetingKey":"u1","plan":"pro"}}`, "u1", ""},
		{`{"context":"u1"}`, "", "INVALID_CONTEXT"},
		{`{"context":[]}`, "", "INVALID_CONTEXT"},
		{`{"context":{"targetingKey":7}}`, "", "INVALID_CONTEXT"},
	} {
		var request map[string]any
		if err := json.Unmarshal([]byte(c.request), &request); err != nil {
			t.Fatal(err)
		}
		who, failure := ofrep.ParseContext(request, "f")
		if who.Key != c.key || (failure != nil) != (c.code != "") || !strings.Contains(string(failure), c.code) {
			t.Errorf("%s: %+v, %s", c.request, who, failure)
		}
	}
	if who, _ := ofrep.ParseContext(nil, "f"); who.Key != "" {
		t.Errorf("no body: %+v", who)
	}
}

func TestAllFlagsAreAnsweredInOneOrderBrokenAndDisabledOnesIncluded(t *testing.T) {
	off, broken, split := fixed("b-off", flags.Integer, "1"), fixed("a-broken", flags.Integer, "true"), fixed("d-split", flags.Boolean, "true")
	off.On = false
	everybody := half("s")
	split.Default = flags.Serve{Split: &everybody}
	rs := ruleset(t, 9, split, off, broken, fixed("c", flags.Float, "1"))
	body := ofrep.EvaluateAll(rs, flags.Subject{}, "")
	var got struct {
		Flags    []map[string]any  `json:"flags"`
		Metadata map[string]string `json:"metadata"`
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	var told []string
	for _, f := range got.Flags {
		if f["errorCode"] != nil {
			told = append(told, fmt.Sprint(f["key"], " ", f["errorCode"]))
		} else {
			told = append(told, fmt.Sprint(f["key"], " ", f["reason"], " ", f["value"]))
		}
	}
	if want := "a-broken PARSE_ERROR, b-off STATIC 1, c STATIC 1, d-split TARGETING_KEY_MISSING"; strings.Join(told, ", ") != want {
		t.Errorf("got %v, want %s", told, want)
	}
	if got.Metadata["flagSetId"] != "shop/production" || got.Metadata["version"] != "9" {
		t.Errorf("metadata: %v", got.Metadata)
	}
	if again := ofrep.EvaluateAll(rs, flags.Subject{}, ""); string(again) != string(body) {
		t.Error("the same question has two answers")
	}
	if empty := string(ofrep.EvaluateAll(ruleset(t, 9), flags.Subject{}, "")); empty != `{"flags":[],`+common+`}}` {
		t.Errorf("no flags: %s", empty)
	}
}

func TestEveryEntryOfAllIsTheAnswerForThatFlagAlone(t *testing.T) {
	rs := ruleset(t, 9, fixed("a", flags.Float, "1"), fixed("b", flags.String, `"ü\u0000\""`), fixed("c", flags.Boolean, `1`))
	var all struct{ Flags []json.RawMessage }
	if err := json.Unmarshal(ofrep.EvaluateAll(rs, flags.Subject{}, ""), &all); err != nil {
		t.Fatal(err)
	}
	for i, key := range rs.Keys() {
		if _, one := ofrep.Evaluate(rs, key, flags.Subject{}); string(one) != string(all.Flags[i]) {
			t.Errorf("%s\n%s among all\n%s", key, one, all.Flags[i])
		}
	}
}

func TestTheETagChangesWithTheRulesetAndWithWhatRulesLookAt(t *testing.T) {
	ruled := fixed("ruled", flags.Boolean, "true")
	ruled.Rules = []flags.Rule{{
		ID: "r", If: []flags.Condition{{Attribute: "plan", Operator: flags.Equals, Values: []json.RawMessage{raw(`"pro"`)}}}, Serve: flags.Serve{Variant: "v"},
	}}
	rs := ruleset(t, 9, ruled)
	who := func(key string, pairs ...any) flags.Subject {
		s := flags.Subject{Key: key, Attributes: map[string]any{}}
		for i := 0; i < len(pairs); i += 2 {
			s.Attributes[pairs[i].(string)] = pairs[i+1]
		}
		return s
	}
	tag := ofrep.ETag(rs, who("u1", "plan", "pro"), "")
	if len(tag) < 10 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		t.Errorf("%s is no strong entity tag", tag)
	}
	split := ruled
	everybody := half("s")
	split.Default = flags.Serve{Split: &everybody}
	for name, c := range map[string]struct {
		rs   *flags.Ruleset
		who  flags.Subject
		same bool
	}{
		"another attribute that no rule looks at": {rs, who("u1", "plan", "pro", "page", "/"), true},
		"another key, without a split":            {rs, who("u2", "plan", "pro"), true},
		"another plan":                            {rs, who("u1", "plan", "free"), false},
		"no plan":                                 {rs, who("u1"), false},
		"a plan of another type":                  {rs, who("u1", "plan", 1.0), false},
		"a newer ruleset":                         {ruleset(t, 10, ruled), who("u1", "plan", "pro"), false},
		"a ruleset with a split":                  {ruleset(t, 9, split), who("u1", "plan", "pro"), false},
	} {
		if got := ofrep.ETag(c.rs, c.who, ""); (got == tag) != c.same {
			t.Errorf("%s: %s after %s", name, got, tag)
		}
	}
	byKey := ruleset(t, 9, split)
	if ofrep.ETag(byKey, who("u1"), "") == ofrep.ETag(byKey, who("u2"), "") {
		t.Error("two keys of a split share a tag")
	}
}

func BenchmarkEvaluateAll(b *testing.B) {
	for _, n := range []int{60, 1_000} {
		var all []flags.Flag
		for i := range n {
			f := fixed(fmt.Sprintf("flag-%04d", i), flags.Boolean, "true")
			if i%3 == 0 {
				everybody := half(f.Key)
				f.Default = flags.Serve{Split: &everybody}
			}
			all = append(all, f)
		}
		rs := ruleset(b, 9, all...)
		b.Run(fmt.Sprint(n, "-flags"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ofrep.EvaluateAll(rs, flags.Subject{Key: "user-1"}, "")
			}
		})
	}
}
