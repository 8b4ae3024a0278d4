package e2e

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/client"
)

// Every kind of metric goes in through the API and comes out with the figure that follows from its definition by hand. 400 units, 200 an arm;
// unit i of an arm has visited i%5+1 times, bought for 10 (control) or 11 (treatment) at every visit, waited i%10+1 seconds each time, and
// one in two answered a survey.
func TestEveryKindOfMetricOverHTTP(t *testing.T) {
	s := start(t, t.TempDir(), "")
	metric := func(key, kind, event string, more ...any) map[string]any {
		m := map[string]any{"key": key, "kind": kind, "event": event, "direction": "increase"}
		for i := 0; i < len(more); i += 2 {
			m[more[i].(string)] = more[i+1]
		}
		return m
	}
	e := experiment{
		project: "shop", key: "kinds", arms: []string{"a", "b"}, weights: []int{50_000, 50_000},
		metrics: []map[string]any{
			metric("spend", "mean", "purchase", "covariate_days", 10, "covariate_event", "purchase", "window_seconds", 86_400),
			metric("basket", "ratio", "purchase", "numerator", "sum", "denominator_event", "visit"),
			metric("wait", "quantile", "load", "quantile", 0.5),
			metric("visits", "rate", "visit", "window_seconds", 86_400),
			metric("nps", "nps", "answer"),
			metric("csat", "csat", "answer", "satisfied", 8),
			metric("capped", "mean", "purchase", "winsorize", map[string]any{"upper": map[string]any{"by": "value", "at": 20}}),
		},
		analysis: map[string]any{"method": "fixed", "segments": []string{"plan"}},
	}
	s.run(t, e)
	begin := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	var seen, done []map[string]any
	send := func(unit, event string, at time.Time, value float64) {
		done = append(done, map[string]any{"event_id": fmt.Sprint("m", len(done)), "event_name": event, "unit_id": unit, "occurred_at": at.Format(time.RFC3339), "value": value})
	}
	for arm, price := range map[string]float64{"a": 10, "b": 11} {
		for i := range 200 {
			unit := fmt.Sprint(arm, i)
			seen = append(seen, map[string]any{
				"event_id": "x" + unit, "experiment_key": e.key, "variant": arm, "unit_id": unit, "occurred_at": begin.Format(time.RFC3339),
				"attributes": map[string]any{"plan": []string{"free", "paid"}[i%2]},
			})
			send(unit, "purchase", begin.AddDate(0, 0, -3), float64(i%5)) // what is known from before
			for visit := range i%5 + 1 {
				at := begin.Add(time.Duration(visit+1) * time.Minute)
				send(unit, "visit", at, 1)
				send(unit, "purchase", at, price)
				send(unit, "load", at, float64(i%10+1))
			}
			if i%2 == 0 {
				send(unit, "answer", begin.Add(time.Minute), 0) // changed his mind:
				send(unit, "answer", begin.Add(time.Hour), map[string][]float64{"a": {9, 7, 3, 10, 8}, "b": {9, 9, 3, 10, 8}}[arm][(i/2)%5])
			}
		}
	}
	send("nobody", "visit", begin.AddDate(0, 0, 2), 1) // observation goes on for two days
	sendAll := func(path string, items []map[string]any) (position string) {
		for part := range slices.Chunk(items, 1_000) {
			position = sendItems(t, s, e, path, part)
		}
		return position
	}
	sendAll("/api/v1/exposures", seen)
	r := results(t, s, e, sendAll("/api/v1/measurements", done))
	figures := map[string][2]float64{
		"spend": {30, 33}, "basket": {10, 11}, "wait": {5.5, 5.5}, "visits": {3, 3}, "nps": {20, 40}, "csat": {0.6, 0.8},
		"capped": {(10 + 20*4) / 5.0, (11 + 20*4) / 5.0},
	}
	for _, m := range r.Metrics {
		want := figures[m.Key]
		if math.Abs(m.Arms[0].Mean-want[0]) > 1e-9 || math.Abs(m.Arms[1].Mean-want[1]) > 1e-9 {
			t.Errorf("%s: %v and %v, want %v", m.Key, m.Arms[0].Mean, m.Arms[1].Mean, want)
		}
		if c := m.Comparisons[0]; m.Key != "basket" && (c.Problem != "" || c.Method == "" || c.Rule != "fixed horizon") {
			t.Errorf("%s: %+v", m.Key, c)
		}
	}
	// Everybody's basket is the price, so nothing varies: that is said, and no other metric suffers.
	if problem := r.Metrics[1].Comparisons[0].Problem; !strings.Contains(problem, "no unit differs") {
		t.Errorf("basket: %q", problem)
	}
	if surveyed := r.Metrics[4].Arms[0].Units; surveyed != 100 {
		t.Errorf("%d units answered, want 100", surveyed)
	}
	// Spending is ten times one more than the covariate, so nearly all of its variance goes: all but what the difference of the slopes leaves.
	if a := r.Metrics[0].Adjusted; a == nil || a.Comparisons[0].VarianceReduction < 0.99 || math.Abs(a.Comparisons[0].Theta-10.5) > 0.01 {
		t.Errorf("spend: %+v", a)
	}
	if capped := r.Metrics[6].Capped; capped == nil || *capped.Upper != 20 || capped.Units[0] != 120 || capped.Units[1] != 160 {
		t.Errorf("capped: %+v", capped)
	}
	if len(r.Segments) != 1 || len(r.Segments[0].Segments) != 2 || r.Segments[0].Segments[0].Arms[0].Units != 100 {
		t.Errorf("segments: %+v", r.Segments)
	}
	text, err := s.Do(t.Context(), client.Request{Path: "/api/v1/projects/shop/experiments/kinds/report?format=text"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, must := range []string{"Fixed horizon at alpha 5 %", "Values above 20.000 are capped", "is adjusted by purchase", "spend by plan", "points", "interaction p"} {
		if !strings.Contains(string(text.Body), must) {
			t.Errorf("the report does not say %q:\n%s", must, text.Body)
		}
	}
}
