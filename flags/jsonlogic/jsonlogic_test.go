package jsonlogic_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/flags/jsonlogic"
)

func compiled(t testing.TB, rule string) *jsonlogic.Expression {
	t.Helper()
	e, err := jsonlogic.Compile([]byte(rule), nil, jsonlogic.FractionalV2)
	if err != nil {
		t.Fatalf("%s: %v", rule, err)
	}
	return e
}

// The expected values are what flagd core 0.16.1 answers; internal/interop runs it beside this package on random rules.
func TestOperatorsAnswerAsFlagds(t *testing.T) {
	context := `{"age":17,"plan":"pro","mail":"ann@example.com","version":"1.10.0","tags":["a","b"],"numbers":[1,2,3],"deep":{"er":"x"},"items":[{"q":2},{"q":5}]}`
	for _, c := range []struct{ rule, want string }{
		{`{"var":"plan"}`, `"pro"`},
		{`{"var":["nobody","spare"]}`, `"spare"`},
		{`{"var":"deep.er"}`, `"x"`},
		{`{"var":"tags.1"}`, `"b"`},
		{`{"var":"$flagd.flagKey"}`, `"checkout-v2"`},
		{`{"var":"$flagd.timestamp"}`, `1764028800`},
		{`{"var":"targetingKey"}`, `"user-1"`},
		{`{"if":[{"<":[{"var":"age"},18]},"minor","adult"]}`, `"minor"`},
		{`{"if":[false,"a",null]}`, `null`},
		{`{"<":[{"var":"nobody"},5]}`, `true`}, // nothing counts as 0
		{`{"<=":[17,{"var":"age"},17]}`, `true`},
		{`{"==":["17",{"var":"age"}]}`, `true`},
		{`{"===":["17",{"var":"age"}]}`, `false`},
		{`{"and":[1,"x"]}`, `"x"`},
		{`{"or":[0,""]}`, `""`},
		{`{"!":[[]]}`, `true`},
		{`{"!!":["a"]}`, `true`},
		{`{"in":["b",{"var":"tags"}]}`, `true`},
		{`{"in":["ann",{"var":"mail"}]}`, `true`},
		{`{"in":[{"var":"nobody"},["a",null]]}`, `true`},
		{`{"in":[4,[[1,5]]]}`, `true`},
		{`{"cat":[" a",{"var":"age"},"b "]}`, `"a17b"`},
		{`{"substr":["checkout",-3]}`, `"out"`},
		{`{"substr":["Zoë!",0,3]}`, `"Zoë"`},
		{`{"+":["1",2]}`, `3`},
		{`{"%":[7,3]}`, `1`},
		{`{"min":[3,1,2]}`, `1`},
		{`{"merge":[[1],2,["x"]]}`, `[1,2,"x"]`},
		{`{"map":[{"var":"numbers"},{"*":[{"var":""},2]}]}`, `[2,4,6]`},
		{`{"filter":[{"var":"items"},{">":[{"var":"q"},3]}]}`, `[{"q":5}]`},
		{`{"reduce":[{"var":"numbers"},{"+":[{"var":"current"},{"var":"accumulator"}]},0]}`, `6`},
		{`{"all":[{"var":"numbers"},{">":[{"var":""},0]}]}`, `true`},
		{`{"none":[{"var":"tags"},{"==":[{"var":""},"c"]}]}`, `true`},
		{`{"some":[{"var":"tags"},{"==":[{"var":""},"b"]}]}`, `true`},
		{`{"missing":["age","nobody"]}`, `["nobody"]`},
		{`{"missing_some":[1,["age","nobody"]]}`, `[]`},
		{`{"starts_with":[{"var":"mail"},"ann"]}`, `true`},
		{`{"ends_with":[{"var":"age"},"7"]}`, `null`},
		{`{"sem_ver":[{"var":"version"},">","1.9.9"]}`, `true`},
		{`{"sem_ver":["1.2.3-rc.1","<","v1.2.3"]}`, `true`},
		{`{"sem_ver":[1.2,"~","1.2.9"]}`, `true`},
		{`{"sem_ver":["1.2.3.4","=","1.2.3"]}`, `null`},
		{`{"fractional":[["a",50],["b",30],["c",20]]}`, `"c"`},
		{`{"fractional":[{"cat":["salt/",{"var":"nobody"}]},["a",1],["b",1]]}`, `"b"`},
		{`{"fractional":[["a",33.3],["b",66.7]]}`, `null`},
		{`{"fractional":[["a",-5],["b",1]]}`, `"b"`},
		{`{"a":1,"b":2}`, `{"a":1,"b":2}`}, // two members are no operation
	} {
		in := input(t, "user-1", context)
		value, err := compiled(t, c.rule).Evaluate(in)
		if err != nil {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		got, err := json.Marshal(value)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %s %v, want %s", c.rule, got, err, c.want)
		}
	}
}

func input(t testing.TB, key, context string) *jsonlogic.Input {
	t.Helper()
	in := &jsonlogic.Input{FlagKey: "checkout-v2", Key: key, At: 1764028800}
	if err := json.Unmarshal([]byte(context), &in.Attributes); err != nil {
		t.Fatal(err)
	}
	return in
}

// The ids and variants are those of reference/bucketing.md, section 2.1, computed with flagd core 0.14 and 0.16.1.
func TestBothFractionalsAssignAsFlagdDid(t *testing.T) {
	const rule = `{"fractional":[["a",50],["b",30],["c",20]]}`
	for i, id := range []string{"user-1", "user-2", "user-3", "alice", "bob@example.com", "42", "550e8400-e29b-41d4-a716-446655440000", "Zoë", "用户1", "anonymous-0001"} {
		for version, want := range map[jsonlogic.Fractional]string{jsonlogic.FractionalV1: "abbcababca", jsonlogic.FractionalV2: "cbaaaaaabc"} {
			e, err := jsonlogic.Compile([]byte(rule), nil, version)
			if err != nil {
				t.Fatal(err)
			}
			if got, _, err := e.Variant(input(t, id, `{}`)); err != nil || got != want[i:i+1] {
				t.Errorf("%s in version %d: got %q %v, want %q", id, version, got, err, want[i:i+1])
			}
		}
	}
}

func TestVariantsAreNamedByTheTextOfTheValue(t *testing.T) {
	for rule, want := range map[string]string{
		`"on"`: "on", `true`: "true", `1`: "1", `[1,"a"]`: "[1,a]", `"a b"`: "a b", `"Zoë"`: "Zoë", `{"cat":["say ","\"x\""]}`: `say \x\`, `"<"`: `\u003c`,
	} {
		if got, ok, err := compiled(t, rule).Variant(&jsonlogic.Input{}); err != nil || !ok || got != want {
			t.Errorf("%s: got %q %v %v, want %q", rule, got, ok, err, want)
		}
	}
	if _, ok, err := compiled(t, `{"var":"nobody"}`).Variant(&jsonlogic.Input{}); ok || err != nil {
		t.Errorf("null names a variant: %v %v", ok, err)
	}
}

func TestWhatFlagdOnlyFindsWhileEvaluatingIsRefusedWhenCompiled(t *testing.T) {
	for _, rule := range []string{`{"log":["x"]}`, `{"if":[true,"a",{"nonsense":1}]}`, `{"$ref":"nobody"}`, `{`, `{} {}`, strings.Repeat(`[`, 70) + strings.Repeat(`]`, 70)} {
		if _, err := jsonlogic.Compile([]byte(rule), nil, jsonlogic.FractionalV2); err == nil {
			t.Errorf("%s compiles", rule)
		}
	}
	// A file of flagd's runs as it does there: what is not reached does no harm.
	e, err := jsonlogic.Lenient([]byte(`{"if":[{"var":"x"},{"nonsense":1},"a"]}`), nil, jsonlogic.FractionalV2)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := e.Variant(&jsonlogic.Input{}); got != "a" || err != nil {
		t.Errorf("got %q %v", got, err)
	}
	if _, _, err := e.Variant(&jsonlogic.Input{Attributes: map[string]any{"x": true}}); err == nil {
		t.Error("an operator that does not exist has a value")
	}
}

func TestSharedRulesAreInlined(t *testing.T) {
	shared := map[string]json.RawMessage{
		"staff": json.RawMessage(`{"ends_with":[{"var":"mail"},"@shop.example"]}`),
		"eu":    json.RawMessage(`{"and":[{"$ref":"staff"},{"in":[{"var":"country"},["DE","FR"]]}]}`),
		"self":  json.RawMessage(`{"!":[{"$ref":"self"}]}`),
	}
	e, err := jsonlogic.Compile([]byte(`{"if":[{"$ref":"eu"},"a","b"]}`), shared, jsonlogic.FractionalV2)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := e.Variant(input(t, "u", `{"mail":"x@shop.example","country":"FR"}`)); got != "a" {
		t.Errorf("got %q", got)
	}
	text, err := jsonlogic.Inline([]byte(`{"if":[{"$ref":"staff"},"<a>",null]}`), shared)
	if want := `{"if":[{"ends_with":[{"var":"mail"},"@shop.example"]},"<a>",null]}`; err != nil || string(text) != want {
		t.Errorf("got %s %v, want %s", text, err, want)
	}
	if _, err := jsonlogic.Compile([]byte(`{"$ref":"self"}`), shared, jsonlogic.FractionalV2); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("a circle gives %v", err)
	}
}

func TestAnExpressionSaysWhatItReads(t *testing.T) {
	for rule, want := range map[string]jsonlogic.Uses{
		`"a"`: {},
		`{"if":[{"var":"deep.er"},{"var":["plan","x"]},{"missing":["age"]}]}`: {Attributes: []string{"age", "deep", "plan"}},
		`{"fractional":[["a",1]]}`:             {Attributes: []string{"targetingKey"}},
		`{"var":"$flagd.flagKey"}`:             {},
		`{"<":[{"var":"$flagd.timestamp"},1]}`: {Time: true},
		`{"var":{"cat":["a","b"]}}`:            {Everything: true, Time: true},
		`{"map":[{"var":"l"},{"var":""}]}`:     {Attributes: []string{"l"}, Everything: true, Time: true},
	} {
		if got := compiled(t, rule).Uses(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", rule, got, want)
		}
	}
}

// A context comes from whoever asks. flagd takes an object in it for a rule when an if returns it; here it never is.
func TestDataAreNeverRules(t *testing.T) {
	in := input(t, "u", `{"x":{"cat":["ta","keover"]}}`)
	if got, _, err := compiled(t, `{"if":[true,{"var":"x"}]}`).Variant(in); err != nil || got == "takeover" {
		t.Errorf("got %q %v", got, err)
	}
}

func TestWorkIsBounded(t *testing.T) {
	in := input(t, "u", `{"l":[`+strings.Repeat(`1,`, 60)+`1]}`)
	for _, rule := range []string{
		`{"reduce":[{"var":"l"},{"cat":[{"var":"accumulator"},{"var":"accumulator"}]},"ab"]}`,
		`{"map":[{"var":"l"},{"map":[[1,2,3,4,5,6,7,8,9],{"map":[[1,2,3,4,5,6,7,8,9],{"map":[[1,2,3,4,5,6,7,8,9],{"map":[[1,2,3,4,5,6,7,8,9],{"map":[[1,2,3,4,5,6,7,8,9],{"+":[1,1]}]}]}]}]}]}]}`,
	} {
		if _, err := compiled(t, rule).Evaluate(in); err == nil {
			t.Errorf("%s ends", rule)
		}
	}
}

func TestContextsOfGoValuesMeanTheirJSON(t *testing.T) {
	in := &jsonlogic.Input{Attributes: map[string]any{
		"int": int32(7), "time": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "list": []string{"a"}, "struct": struct{ A int }{1}, "bad": "a\xffb",
	}}
	for rule, want := range map[string]any{
		`{"+":[{"var":"int"},1]}`: 8.0, `{"var":"time"}`: "2026-01-02T03:04:05Z", `{"in":["a",{"var":"list"}]}`: true, `{"var":"struct.A"}`: 1.0, `{"var":"bad"}`: "a\ufffdb",
	} {
		if got, err := compiled(t, rule).Evaluate(in); err != nil || got != want {
			t.Errorf("%s: got %v %v, want %v", rule, got, err, want)
		}
	}
	if _, err := compiled(t, `{"var":"f"}`).Evaluate(&jsonlogic.Input{Attributes: map[string]any{"f": func() {}}}); err == nil {
		t.Error("a function has a value")
	}
}

func FuzzEvaluate(f *testing.F) {
	for _, rule := range []string{
		`{"if":[{"in":[{"var":"x"},["a"]]},"on",null]}`, `{"fractional":[{"cat":["s",{"var":"targetingKey"}]},["a",1],["b",2]]}`,
		`{"filter":[{"var":"l"},{"some":[{"var":""},{"sem_ver":[{"var":""},"^","1.0.0"]}]}]}`, `{"substr":["x",9e99,-1e300]}`,
	} {
		f.Add([]byte(rule), []byte(`{"x":"a","l":[["1.2.3"],null]}`))
	}
	f.Fuzz(func(t *testing.T, rule, context []byte) {
		e, err := jsonlogic.Lenient(rule, nil, jsonlogic.FractionalV2)
		if err != nil {
			return
		}
		in := jsonlogic.Input{FlagKey: "f", Key: "u", At: 1}
		if json.Unmarshal(context, &in.Attributes) != nil {
			return
		}
		first, _, err := e.Variant(&in)
		second, _, again := e.Variant(&in)
		if first != second || (err == nil) != (again == nil) {
			t.Errorf("the same question has the answers %q %v and %q %v", first, err, second, again)
		}
	})
}

func BenchmarkVariant(b *testing.B) {
	for name, rule := range map[string]string{
		"targeted":   `{"if":[{"and":[{"in":[{"var":"country"},["DE","FR"]]},{"==":[{"var":"plan"},"pro"]}]},"on","off"]}`,
		"fractional": `{"fractional":[{"cat":["salt/",{"var":"targetingKey"}]},["on",50],["off",50]]}`,
	} {
		b.Run(name, func(b *testing.B) {
			e := compiled(b, rule)
			in := input(b, "user-1", `{"country":"DE","plan":"pro"}`)
			b.ReportAllocs()
			for b.Loop() {
				if name, _, err := e.Variant(in); err != nil || name == "" {
					b.Fatal(fmt.Sprint(name, err))
				}
			}
		})
	}
}
