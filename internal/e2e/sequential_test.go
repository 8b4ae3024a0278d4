package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/analysis"
	"github.com/assayhq/assay/internal/app"
	"github.com/assayhq/assay/internal/client"
)

// clock is one that only the test moves.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time             { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) set(to time.Time)           { c.at.Store(to.UnixNano()) }
func (c *clock) advance(d time.Duration)    { c.at.Add(int64(d)) }
func newClock(at time.Time) (c *clock)      { c = &clock{}; c.set(at); return c }
func dayOf(begin time.Time, day int) string { return begin.AddDate(0, 0, day).Format(time.RFC3339) }

// shoppers sends a day's exposures and purchases: of n units an arm, so many buy. It returns the position after them.
func shoppers(t *testing.T, s *server, e experiment, begin time.Time, day, n int, buying map[string]int) string {
	t.Helper()
	send := func(path string, items []map[string]any) string {
		for len(items) > 1_000 {
			sendItems(t, s, e, path, items[:1_000])
			items = items[1_000:]
		}
		return sendItems(t, s, e, path, items)
	}

	var seen, bought []map[string]any
	for _, arm := range e.arms {
		for i := range n {
			unit := fmt.Sprintf("%s-%d-%d", arm, day, i)
			seen = append(seen, map[string]any{"event_id": "x-" + unit, "experiment_key": e.key, "variant": arm, "unit_id": unit, "occurred_at": dayOf(begin, day)})
			if i < buying[arm] {
				bought = append(bought, map[string]any{"event_id": "m-" + unit, "event_name": "purchase", "unit_id": unit, "occurred_at": dayOf(begin, day)})
			}
		}
	}
	send("/api/v1/exposures", seen)
	return send("/api/v1/measurements", bought)
}

func sendItems(t *testing.T, s *server, e experiment, path string, items []map[string]any) string {
	t.Helper()
	var out struct {
		Accepted int    `json:"accepted"`
		Position string `json:"position"`
	}
	query := url.Values{"project": {e.project}, "environment": {"production"}}
	if _, err := s.Do(t.Context(), client.Request{Method: "POST", Path: path, Query: query, Body: map[string]any{"items": items}}, &out); err != nil || out.Accepted != len(items) {
		t.Fatalf("%d of %d accepted: %v", out.Accepted, len(items), err)
	}
	return out.Position
}

// eventually asks until the experiment has so many readings.
func eventually(t *testing.T, s *server, e experiment, readings int) analysis.Result {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		var r analysis.Result
		if _, err := s.Do(t.Context(), client.Request{Path: "/api/v1/projects/" + e.project + "/experiments/" + e.key + "/results"}, &r); err != nil {
			t.Fatal(err)
		}
		if r.Looks != nil && len(r.Looks.Taken) >= readings {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("the experiment has not got %d readings: %+v", readings, r.Looks)
		}
	}
}

// An experiment with a planned end gets its looks from the server, on schedule; reports in between show the last look, and the first
// look beyond its boundary ends it. The boundaries are those of Lan and DeMets' O'Brien-Fleming type spending for five equal looks at
// 5 %, two-sided: 4.8769, 3.3570, 2.6803, 2.2898, 2.0310 (rpact 3.3.4).
func TestAnExperimentStopsEarlyAtABoundary(t *testing.T) {
	begin := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	c := newClock(begin)
	folder := t.TempDir()
	config := app.Config{Data: folder, Now: c.now, ReadingInterval: 5 * time.Millisecond}
	s := startAs(t, config, "")
	e := experiment{
		project: "shop", key: "free", arms: []string{"off", "on"}, weights: []int{50_000, 50_000}, end: begin.AddDate(0, 0, 10),
		metrics:  []map[string]any{binary("conversion", "purchase")},
		analysis: map[string]any{"looks": 5, "min_runtime_seconds": 2 * 86_400},
	}
	s.run(t, e)
	reach := func(position string) { results(t, s, e, position) }

	reach(shoppers(t, s, e, begin, 0, 400, map[string]int{"off": 40, "on": 48}))
	r := results(t, s, e, "1")
	if r.Verdict.Outcome != analysis.NotEnough || len(r.Looks.Taken) != 0 || !r.Looks.Next.Equal(begin.AddDate(0, 0, 2)) {
		t.Errorf("before the first look: %+v, %+v", r.Verdict, r.Looks)
	}
	reach(shoppers(t, s, e, begin, 1, 400, map[string]int{"off": 40, "on": 50}))
	c.set(begin.AddDate(0, 0, 2).Add(time.Minute))
	r = eventually(t, s, e, 1)
	look := r.Looks.Taken[0]
	// A z test by hand: 80 and 98 of 800 each, z = 1.4345 unpooled.
	p1, p2 := 80.0/800, 98.0/800
	z := (p2 - p1) / math.Sqrt(p1*(1-p1)/800+p2*(1-p2)/800)
	if look.Planned != 1 || math.Abs(look.Compared[0].Statistic-z) > 1e-9 || math.Abs(look.Fraction-0.2) > 1e-3 || r.Verdict.Outcome != analysis.NotEnough {
		t.Errorf("the first look: %+v, %+v", look, r.Verdict)
	}
	exact := boundary(t, look.Fraction)
	if math.Abs(look.Compared[0].Boundary-exact) > 1e-6*exact || math.Abs(look.Compared[0].Boundary-4.8769) > 0.02 {
		t.Errorf("the first boundary is %v, not about 4.8769", look.Compared[0].Boundary)
	}

	// Between looks more data come, and the report keeps to the look.
	reach(shoppers(t, s, e, begin, 2, 1_000, map[string]int{"off": 100, "on": 160}))
	between := results(t, s, e, "1")
	if between.Metrics[0].Arms[0].Units != 800 || between.Looks.UnitsSince != 2_000 || between.Arms[0].Units != 1_800 || between.Verdict != r.Verdict {
		t.Errorf("between looks: %+v, %+v, %+v", between.Metrics[0].Arms, between.Looks, between.Verdict)
	}

	c.set(begin.AddDate(0, 0, 4).Add(time.Minute))
	r = eventually(t, s, e, 2)
	if r.Looks.Taken[1].Planned != 2 || !r.Looks.Taken[1].Compared[0].Crossed || r.Verdict.Outcome != analysis.Ship || r.Verdict.Variant != "on" {
		t.Errorf("the second look: %+v, %+v", r.Looks.Taken[1], r.Verdict)
	}
	if got := r.Looks.Bounds; len(got) != 2 || math.Abs(got[0]-4.8769) > 0.02 || math.Abs(got[1]-3.3570) > 0.01 {
		t.Errorf("the boundaries are %v, not about 4.8769 and 3.3570", got)
	}
	effect := r.Metrics[0].Comparisons[0]
	if !(effect.P < 0.05) || effect.Difference.Interval.Low <= 0 || *effect.Relative.Low <= 0 {
		t.Errorf("p and the ranges contradict each other: %+v", effect)
	}
	s.do(t, "POST", "/api/v1/projects/shop/experiments/free/decision", map[string]any{"outcome": "ship", "variant": "on", "why": "The second look crossed its boundary."}, nil)

	// Two years later, after a restart, it is the same to the byte.
	at := url.Values{"as_of": {r.Position}}
	path := "/api/v1/projects/shop/experiments/free/results"
	before, err := s.Do(t.Context(), client.Request{Path: path, Query: at}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.shutdown(t)
	c.advance(2 * 365 * 24 * time.Hour)
	s = startAs(t, config, s.AdminKey)
	after, err := s.Do(t.Context(), client.Request{Path: path, Query: at}, nil)
	if err != nil || string(before.Body) != string(after.Body) {
		t.Errorf("the result at the same position is another one: %v\n%s\n%s", err, before.Body, after.Body)
	}
	var again analysis.Result
	if err := json.Unmarshal(after.Body, &again); err != nil || again.Verdict.Outcome != analysis.Ship {
		t.Errorf("%v, %+v", err, again.Verdict)
	}
}

// boundary is the first bound at a share t of the information for O'Brien-Fleming type spending: the cumulative probability spent per side is
// 2 - 2Φ(z/√t) with z the upper α/4 quantile, so by bisection the c with 1 - Φ(c) equal to it. Written down anew with erfc.
func boundary(t *testing.T, share float64) float64 {
	t.Helper()
	survival := func(x float64) float64 { return 0.5 * math.Erfc(x/math.Sqrt2) }
	solve := func(p float64) float64 {
		low, high := 0.0, 40.0
		for range 200 {
			if middle := (low + high) / 2; survival(middle) > p {
				low = middle
			} else {
				high = middle
			}
		}
		return low
	}
	return solve(2 * survival(solve(0.05/4)/math.Sqrt(share)))
}

// Without a planned end the method is a confidence sequence: reports may be opened at any time, and one that shows a winner is valid.
func TestAnOpenEndedExperimentIsValidAtEveryMoment(t *testing.T) {
	begin := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	c := newClock(begin)
	s := startAs(t, app.Config{Data: t.TempDir(), Now: c.now, ReadingInterval: 5 * time.Millisecond}, "")
	e := experiment{
		project: "shop", key: "open", arms: []string{"off", "on"}, weights: []int{50_000, 50_000},
		metrics: []map[string]any{binary("conversion", "purchase")}, analysis: map[string]any{"min_runtime_seconds": 86_400, "planned_units": 0},
	}
	s.run(t, e)
	r := results(t, s, e, shoppers(t, s, e, begin, 0, 400, map[string]int{"off": 40, "on": 100}))
	if r.Plan.Method != "confidence_sequence" || r.Verdict.Outcome != analysis.NotEnough || r.Metrics[0].Comparisons[0].Word != analysis.Better {
		t.Errorf("clear after an hour, but it has to run for a day: %+v, %+v", r.Verdict, r.Metrics[0].Comparisons[0])
	}
	r = results(t, s, e, shoppers(t, s, e, begin, 2, 400, map[string]int{"off": 40, "on": 100}))
	if r.Verdict.Outcome != analysis.Ship || r.Metrics[0].Comparisons[0].Critical < 2 {
		t.Errorf("%+v, %+v", r.Verdict, r.Metrics[0].Comparisons[0])
	}
	c.set(begin.AddDate(0, 0, 3))
	if r = eventually(t, s, e, 1); r.Looks.Taken[0].Planned != 2 && r.Looks.Taken[0].Planned != 3 {
		t.Errorf("the day's reading: %+v", r.Looks.Taken[0])
	}
}
