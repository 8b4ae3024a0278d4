package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/assayhq/assay/flags/jsonlogic"
)

// rules makes random targeting expressions: mostly sensible ones, with every oddity that flagd's evaluator lets through.
type rules struct{ *rand.Rand }

func (r rules) pick(of ...any) any { return of[r.IntN(len(of))] }

func (r rules) scalar() any {
	return r.pick("a", "b", "", "10", "9", "x y", " 1", "0x10", "Zoë", "用户1", "1.2.3", "1.10.0", "v2.0.0-rc.1", "DE", 0.0, 1.0, 2.5, -3.0, 10.0, 100.0, true, false, nil)
}

func (r rules) variable() any {
	name := r.pick("age", "plan", "country", "mail", "version", "tags", "tags.0", "tags.1", "nested.deep", "nested", "numbers", "nobody", "targetingKey", "$flagd.flagKey", "current", "accumulator", "", "numbers.2")
	switch r.IntN(6) {
	case 0:
		return object{"var": []any{name, r.scalar()}}
	case 1:
		return object{"var": []any{name}}
	}
	return object{"var": name}
}

func (r rules) arguments(n, depth int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = r.rule(depth)
	}
	return out
}

func (r rules) list(depth int) any {
	switch r.IntN(4) {
	case 0:
		return object{"var": r.pick("tags", "numbers", "nobody", "things")}
	case 1:
		return r.arguments(r.IntN(4), 0)
	case 2:
		return object{"merge": r.arguments(r.IntN(3), depth)}
	}
	return r.rule(depth)
}

func (r rules) rule(depth int) any {
	if depth <= 0 {
		if r.IntN(2) == 0 {
			return r.scalar()
		}
		return r.variable()
	}
	depth--
	switch r.IntN(24) {
	case 0, 1, 2:
		return object{"if": r.arguments(1+r.IntN(5), depth)}
	case 3:
		return object{r.pick("and", "or").(string): r.arguments(r.IntN(4), depth)}
	case 4, 5:
		return object{r.pick("==", "!=", "===", "!==").(string): r.arguments(1+r.IntN(2)+r.IntN(2), depth)}
	case 6, 7:
		return object{r.pick("<", "<=", ">", ">=").(string): r.arguments(2+r.IntN(2), depth)}
	case 8:
		return object{r.pick("!", "!!").(string): r.pick(r.rule(depth), r.arguments(r.IntN(3), depth))}
	case 9:
		return object{r.pick("+", "-", "*", "/", "%", "min", "max", "abs").(string): r.pick(r.arguments(1+r.IntN(3), depth), r.rule(depth))}
	case 10:
		return object{r.pick("map", "filter", "all", "none", "some").(string): []any{r.list(depth), r.rule(depth)}}
	case 11:
		return object{"reduce": []any{r.list(depth), r.rule(depth), r.pick(0.0, "", true, r.scalar(), r.rule(0))}}
	case 12, 13:
		return object{"in": []any{r.rule(0), r.pick("abc DE", r.list(depth), []any{1.0, 2.5, "10"}, []any{[]any{1.0, 5.0}, "a"})}}
	case 14:
		return object{"cat": r.pick(r.arguments(r.IntN(4), depth), r.scalar())}
	case 15:
		return object{"substr": []any{r.rule(depth), float64(r.IntN(7) - 3), float64(r.IntN(7) - 3)}[:2+r.IntN(2)]}
	case 16:
		return object{"missing": r.pick("age", []any{"age", "nobody"}, []any{"nested.deep", "nobody"}, r.arguments(r.IntN(3), 0))}
	case 17:
		return object{"missing_some": []any{float64(r.IntN(3)), []any{"age", "nobody", "plan"}}}
	case 18:
		return object{r.pick("starts_with", "ends_with").(string): r.arguments(1+r.IntN(2)+r.IntN(2), 0)}
	case 19:
		return object{"sem_ver": []any{r.rule(0), r.pick("=", "!=", "<", "<=", ">", ">=", "~", "^", "?", 1.0), r.rule(0)}}
	case 20, 21:
		return object{"fractional": r.fractional()}
	case 22:
		return object{r.pick("contains_all", "contains_any", "contains_none", "set", "$ref", "log", "merge", "?:").(string): r.pick(r.arguments(r.IntN(4), depth), []any{r.list(0), r.list(0)}, "shared")}
	}
	return r.pick(r.variable(), r.scalar(), object{}, object{"a": 1.0, "b": 2.0}, r.arguments(r.IntN(3), depth))
}

func (r rules) fractional() any {
	var out []any
	switch r.IntN(4) {
	case 0:
		out = append(out, object{"cat": []any{"salt/", object{"var": "targetingKey"}}})
	case 1:
		out = append(out, r.rule(0))
	}
	for range 1 + r.IntN(3) {
		out = append(out, []any{r.pick("a", "b", r.rule(0)), r.pick(50.0, 1.0, 30.0, 0.0, -5.0, 33.3, r.rule(0), 2147483647.0)}[:1+r.IntN(2)])
	}
	return out
}

func (r rules) context() object {
	// Objects have two members, because flagd takes one of a single member for a rule where it is what an if returns; we do not.
	out := object{"always": true}
	all := map[string][]any{
		"age": {17.0, 18.0, 65.5, "20", nil}, "plan": {"pro", "free", "", "a"}, "country": {"DE", "FR", "用户1"}, "mail": {"zoë@example.com", "x"},
		"version": {"1.2.3", "v1.10", "2.0.0-rc.1+build", "1.2.3.4", 1.2, "x"}, "tags": {[]any{"a", "b"}, []any{}, []any{"x", nil, 1.0}, "a"},
		"numbers": {[]any{1.0, 2.5, 10.0}, []any{"1", true}}, "nested": {object{"deep": "a", "er": object{"x": 1.0, "y": "b"}}, object{"deep": nil, "b": 2.0}},
		"things": {[]any{object{"age": 3.0, "plan": "b"}, object{"plan": "pro", "x": []any{1.0}}}}, "targetingKey": {"user-1", "Zoë", "用户1", "42", "", "anonymous-0001"},
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		values := all[key]
		if r.IntN(5) > 0 {
			out[key] = values[r.IntN(len(values))]
		}
	}
	return out
}

// The rule's own value is looked at through a flag whose variants are all that a rule may name.
func TestRulesAreEvaluatedAsFlagdDoes(t *testing.T) {
	variants := object{"a": "A", "b": "B", "true": "yes", "false": "no", "1": "one", "x y": "blank", "Zoë": "z", "null": "n", "[]": "none", "{}": "nothing"}
	shared := object{"shared": object{"==": []any{object{"var": "plan"}, "pro"}}}
	evaluators := map[string]json.RawMessage{}
	for name, rule := range shared {
		evaluators[name] = marshal(t, rule)
	}
	count, total := map[string]int{}, 0
	const perRound = 100
	rounds := 25 // more with INTEROP_ROUNDS: the seeds go on from there
	if text := os.Getenv("INTEROP_ROUNDS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for round := range rounds {
		r := rules{rand.New(rand.NewPCG(uint64(round), 4))}
		set := object{}
		texts := map[string][]byte{}
		for i := range perRound {
			rule, ok := r.rule(1 + r.IntN(4)).(object)
			if !ok || len(rule) == 0 {
				continue
			}
			key := fmt.Sprint("flag-", i)
			texts[key] = marshal(t, rule)
			set[key] = object{"state": "ENABLED", "variants": variants, "defaultVariant": "a", "targeting": rule}
		}
		flagd := newDaemon(t, marshal(t, object{"flags": set, "$evaluators": shared}))
		for _, key := range slices.Sorted(maps.Keys(texts)) { // in one order, so that a seed gives the same contexts every time
			text := texts[key]
			ours, err := jsonlogic.Lenient(text, evaluators, jsonlogic.FractionalV2)
			if err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			for range 5 {
				context := r.context()
				want := flagd.decide(key, context)
				got := decideOurs(ours, key, context, variants)
				if got != want {
					t.Errorf("%s\nfor %s:\ngot  %+v\nwant %+v", text, marshal(t, context), got, want)
				}
				count[want.Reason]++
				total++
			}
		}
		if t.Failed() {
			break
		}
	}
	t.Log(total, "answers", count)
	for _, reason := range []string{"TARGETING_MATCH", "DEFAULT", "ERROR"} {
		if count[reason] < 1000 {
			t.Errorf("only %d of the answers have the reason %s; the rules are not random enough", count[reason], reason)
		}
	}
}

func decideOurs(e *jsonlogic.Expression, key string, context object, variants object) answer {
	in := jsonlogic.Input{FlagKey: key, Attributes: context, At: 1}
	name, matched, err := e.Variant(&in)
	if err != nil {
		return answer{Reason: "ERROR", Code: "PARSE_ERROR"}
	}
	reason := "TARGETING_MATCH"
	if !matched {
		name, reason = "a", "DEFAULT"
	}
	value, ok := variants[name]
	if !ok {
		return answer{Reason: "ERROR", Code: "GENERAL"}
	}
	text, _ := json.Marshal(value)
	return answer{Value: string(text), Variant: name, Reason: reason}
}

func marshal(t testing.TB, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
