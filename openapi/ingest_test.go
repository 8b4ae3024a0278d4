package openapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/internal/analysis"
)

type outcome struct {
	Accepted, Duplicates, Rejected int
	Position                       string
	Items                          []struct {
		Index                int
		Status, Code, Detail string
	}
}

func (w *world) send(path, key string, items ...string) outcome {
	w.t.Helper()
	answer := w.do(call{method: "POST", path: path, key: key, body: `{"items":[` + strings.Join(items, ",") + `]}`})
	if answer.Code != 202 {
		w.t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	var o outcome
	decode(w.t, answer, &o)
	return o
}

func exposureOf(i int) string {
	return fmt.Sprintf(`{"event_id":"e-%d","type":"exposure","experiment_key":"trial","variant":"%s","unit_id":"user-%d","occurred_at":"2026-11-24T10:00:00Z"}`,
		i, []string{"off", "on"}[i%2], i)
}

func TestThreeBadItemsOfAThousandLeave997(t *testing.T) {
	w := newShop(t)
	items := make([]string, 1000)
	for i := range items {
		items[i] = exposureOf(i)
	}
	items[0] = strings.Replace(items[0], "user-0", "user-\xff", 1)
	items[499] = strings.Replace(items[499], `"on"`, `"blue"`, 1)
	items[999] = `17`
	o := w.send("/api/v1/exposures", w.server, items...)
	if o.Accepted != 997 || o.Rejected != 3 || o.Duplicates != 0 || len(o.Items) != 3 {
		t.Fatalf("%d accepted, %d rejected, %d listed; want 997, 3 and 3", o.Accepted, o.Rejected, len(o.Items))
	}
	for n, want := range []struct {
		index int
		code  string
	}{{0, "not_text"}, {499, "unknown_variant"}, {999, "malformed_json"}} {
		if got := o.Items[n]; got.Index != want.index || got.Status != "rejected" || got.Code != want.code || got.Detail == "" {
			t.Errorf("listed is %+v, want item %d with %s", got, want.index, want.code)
		}
	}
	// 1,000 items of which 0 and 999 and 499 are missing: 499 of the even numbers are off, 498 of the odd ones on.
	var result analysis.Result
	decode(t, w.must("GET", trial+"/results?min_position="+o.Position, ""), &result)
	if len(result.Arms) != 2 || result.Arms[0].Units != 499 || result.Arms[1].Units != 498 {
		t.Errorf("the report counts %+v, want 499 and 498", result.Arms)
	}
}

// TestWhatIsWrongWithAnItem makes every mistake an item can have, each between two good items.
func TestWhatIsWrongWithAnItem(t *testing.T) {
	w := newShop(t)
	w.must("POST", shop+"/flags", `{"key":"elsewhere","type":"boolean"}`)
	w.must("POST", shop+"/experiments", strings.NewReplacer(`"key":"trial"`, `"key":"staged"`, `"flag":"banner"`, `"flag":"elsewhere"`, `"production"`, `"staging"`).Replace(experimentBody))
	exposure := func(changes ...string) string { return strings.NewReplacer(changes...).Replace(exposureOf(1)) }
	measurement := func(more string) string {
		return `{"event_name":"purchase","unit_id":"u","occurred_at":"2026-11-24T10:00:00Z"` + more + `}`
	}
	for _, c := range []struct{ name, path, item, code string }{
		{"a key twice", "exposures", exposure(`"type"`, `"event_id":"x","type"`), "duplicate_field"},
		{"a key twice in other letters", "exposures", exposure(`"type"`, `"EVENT_ID":"x","type"`), "unknown_field"},
		{"a key with a letter that only looks the same", "exposures", exposure(`"unit_id"`, `"un\u0131t_id"`), "unknown_field"},
		{"too deep", "measurements", measurement(`,"properties":{"a":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`), "not_a_scalar"},
		{"an unknown field", "exposures", exposure(`"type"`, `"colour":"red","type"`), "unknown_field"},
		{"no object", "exposures", `"e-1"`, "malformed_json"},
		{"null", "exposures", `null`, "malformed_json"},
		{"the wrong type", "exposures", exposure(`"user-1"`, `1`), "wrong_type"},
		{"a time that is none", "exposures", exposure("2026-11-24T10:00:00Z", "yesterday"), "wrong_type"},
		{"no time", "exposures", exposure(`,"occurred_at":"2026-11-24T10:00:00Z"`, ""), "missing_occurred_at"},
		{"no unit", "exposures", exposure(`"user-1"`, `""`), ""},
		{"an experiment that does not exist", "exposures", exposure("trial", "moon"), "unknown_experiment"},
		{"an experiment of another environment", "exposures", exposure("trial", "staged"), "wrong_environment"},
		{"an arm that does not exist", "exposures", exposure(`"on"`, `"blue"`), "unknown_variant"},
		{"another unit type", "exposures", exposure(`"unit_id"`, `"unit_type":"device","unit_id"`), "wrong_unit_type"},
		{"a measurement among exposures", "exposures", measurement(`,"type":"measurement"`), ""},
		{"a value that is no number", "measurements", measurement(`,"value":"1"`), "wrong_type"},
		{"a value that is too large", "measurements", measurement(`,"value":1e300`), "value_out_of_range"},
		{"a value beyond all numbers", "measurements", measurement(`,"value":1e400`), "value_out_of_range"},
		{"a property that is an object", "measurements", measurement(`,"properties":{"a":{}}`), "not_a_scalar"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			good := func(n string) string { return strings.ReplaceAll(exposureOf(1), `"e-1"`, `"`+c.name+n+`"`) }
			if c.path == "measurements" {
				good = func(n string) string { return measurement(`,"event_id":"` + c.name + n + `"`) }
			}
			o := w.send("/api/v1/"+c.path, w.client, good("a"), c.item, good("b"))
			if o.Accepted != 2 || o.Rejected != 1 || len(o.Items) != 1 || o.Items[0].Index != 1 || c.code != "" && o.Items[0].Code != c.code {
				t.Fatalf("%+v, want item 1 of 3 rejected with %s", o, c.code)
			}
			if d := o.Items[0].Detail; len(d) < 10 || strings.Contains(d, "Go ") || strings.Contains(d, "json:") || strings.Contains(d, "struct") {
				t.Errorf("that is no plain sentence: %s", d)
			}
		})
	}
	w.t = t
}

func TestTheSameEventCountsOnce(t *testing.T) {
	w := newShop(t)
	if o := w.send("/api/v1/exposures", w.server, exposureOf(1), exposureOf(1), strings.Replace(exposureOf(1), `"on"`, `"off"`, 1)); o.Accepted != 1 || o.Duplicates != 1 || o.Rejected != 1 || o.Items[1].Code != "event_id_conflict" {
		t.Fatalf("in one batch: %+v", o)
	}
	w.catchUp()
	again := w.send("/api/v1/exposures", w.server, exposureOf(1), strings.Replace(exposureOf(1), "user-1", "user-2", 1))
	if again.Accepted != 0 || again.Duplicates != 1 || again.Rejected != 1 || again.Items[1].Code != "event_id_conflict" {
		t.Fatalf("in another batch: %+v", again)
	}
	var result analysis.Result
	decode(t, w.must("GET", trial+"/results?min_position="+again.Position, ""), &result)
	if result.Arms[0].Units+result.Arms[1].Units != 1 {
		t.Errorf("the report counts %+v, want one unit", result.Arms)
	}
}

func TestAnExperimentIsKnownTheMomentItIsCreated(t *testing.T) {
	w := newShop(t)
	for i := range 20 {
		key := fmt.Sprintf("next-%d", i)
		w.must("POST", shop+"/experiments", strings.Replace(experimentBody, `"key":"trial"`, `"key":"`+key+`"`, 1))
		if o := w.send("/api/v1/exposures", w.server, strings.ReplaceAll(exposureOf(i), "trial", key)); o.Accepted != 1 {
			t.Fatalf("%+v", o)
		}
	}
}

func TestABatchNamesWhoSentIt(t *testing.T) {
	w := newShop(t)
	before, err := w.log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.send("/api/v1/measurements", w.client, `{"event_name":"purchase","unit_id":"u","occurred_at":"2026-11-24T10:00:00Z"}`)
	for r, err := range w.log.Stream(t.Context(), domain.Stream("measurement", "shop", "production.2026-11-24"), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if want := "key:" + strings.Split(w.client, "_")[2]; r.Position <= before || r.Meta["actor"] != want {
			t.Errorf("recorded by %q, want %q", r.Meta["actor"], want)
		}
		return
	}
	t.Error("nothing was recorded")
}
