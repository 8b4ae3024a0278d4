package e2e

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/analysis"
	"github.com/assayhq/assay/internal/client"
)

// company is a unit of the experiment below: two people, who get the same arm.
type company struct {
	id, plan, arm  string
	before, visits int // spending and visits before the exposure
	spend, session float64
}

// companies asks which arm each company's people get, and gives them a past and a future: spending is 2·before + 3·visits, 40 more with the
// plan "pro", 2 more in the arm "on" and a few units that nothing foretells; sessions are 5 longer in "on", and a few of "off" never end.
func companies(t *testing.T, s *server, n int) []company {
	t.Helper()
	out := make([]company, n)
	for i := range out {
		c := company{id: fmt.Sprintf("c-%d", i), plan: []string{"free", "pro", ""}[i%3], before: i * 7 % 50, visits: i * 11 % 23}
		for person := range 2 {
			arm := servedTo(t, s, map[string]any{"targetingKey": fmt.Sprintf("p-%d-%d", i, person), "companyId": c.id})
			if person == 1 && arm != c.arm {
				t.Fatalf("two people of %s get %s and %s", c.id, c.arm, arm)
			}
			c.arm = arm
		}
		on := map[string]float64{"on": 1}[c.arm]
		c.spend = float64(2*c.before+3*c.visits+i*13%7) + 2*on + map[string]float64{"pro": 40}[c.plan]
		c.session = float64(i*29%97) + 5*on
		if c.arm == "off" && i < 10 {
			c.session = 1e6
		}
		out[i] = c
	}
	return out
}

// servedTo asks which arm is served in a context. The rulesets may take a moment until they know that the experiment has started.
func servedTo(t *testing.T, s *server, context map[string]any) string {
	t.Helper()
	var out struct {
		Variant  string         `json:"variant"`
		Metadata map[string]any `json:"metadata"`
	}
	for deadline := time.Now().Add(time.Minute); ; {
		_, err := s.Do(t.Context(), client.Request{
			Method: "POST", Path: "/ofrep/v1/evaluate/flags/tested", Query: url.Values{"project": {"shop"}, "environment": {"production"}}, Body: map[string]any{"context": context},
		}, &out)
		switch {
		case err != nil:
			t.Fatal(err)
		case out.Metadata["experiment"] == "billing":
			return out.Variant
		case time.Now().After(deadline):
			t.Fatalf("the experiment is not served: %+v", out)
		}
	}
}

// Companies are split by an attribute of the context, not by who asks; the plan compares one metric by ranks, the others within strata, and
// one of them with the past of two metrics.
func TestCompaniesAreComparedAsThePlanChose(t *testing.T) {
	s := start(t, t.TempDir(), "")
	const in = "/api/v1/projects/shop"
	s.do(t, "POST", "/api/v1/projects", map[string]any{"key": "shop"}, nil)
	s.do(t, "POST", in+"/flags", map[string]any{"key": "tested", "type": "boolean"}, nil)
	s.do(t, "PATCH", in+"/flags/tested/environments/production", map[string]any{"on": true}, nil)
	for key, m := range map[string][2]string{"spend": {"mean", "purchase"}, "visits": {"count", "visit"}, "session": {"mean", "session"}} {
		s.do(t, "POST", in+"/metrics", map[string]any{"key": key, "kind": m[0], "event": m[1], "direction": "increase"}, nil)
	}
	s.do(t, "POST", in+"/experiments", map[string]any{
		"key": "billing", "hypothesis": "We believe companies spend more.", "flag": "tested", "environment": "production", "unit": "company", "by": "companyId",
		"arms": []map[string]any{{"variant": "off", "weight": 50_000}, {"variant": "on", "weight": 50_000}}, "primary": "spend", "secondary": []string{"session"},
		"analysis": map[string]any{
			"method": "fixed", "min_runtime_seconds": 0, "tests": []map[string]any{{"metric": "session", "test": "mann_whitney"}}, "post_stratify": []string{"plan"},
			"covariates": []map[string]any{{"metric": "spend", "days": 14, "of": []string{"spend", "visits"}}},
		},
	}, nil)
	s.do(t, "POST", in+"/experiments/billing/start", map[string]any{"reason": "test"}, nil)
	const n = 240
	all := companies(t, s, n)
	_, err := s.Do(t.Context(), client.Request{
		Method: "POST", Path: "/ofrep/v1/evaluate/flags/tested", Query: url.Values{"project": {"shop"}, "environment": {"production"}}, Body: map[string]any{"context": map[string]any{"targetingKey": "p"}},
	}, nil)
	if err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("without the attribute: %v", err)
	}
	r := results(t, s, experiment{project: "shop", key: "billing"}, record(t, s, all))
	units := map[string]int64{}
	for _, c := range all {
		units[c.arm]++
	}
	if r.Experiment.UnitType != "company" || r.Experiment.UnitBy != "companyId" || r.Arms[0].Units != units["off"] || r.Arms[1].Units != units["on"] {
		t.Fatalf("%+v, %+v, want %v", r.Experiment, r.Arms, units)
	}
	spend, session := r.Metrics[0], r.Metrics[1]
	if s := spend.Stratified; s == nil || s.Comparisons[0].Strata != 3 || s.Comparisons[0].VarianceReduction < 0.98 {
		t.Errorf("%+v", s)
	}
	// The slopes are those of the world; the few units that nothing foretells move them a little.
	if a := spend.Adjusted; a == nil || len(a.Covariates) != 2 || math.Abs(a.Comparisons[0].Thetas[0]-2) > 0.05 || math.Abs(a.Comparisons[0].Thetas[1]-3) > 0.05 {
		t.Errorf("%+v", a)
	}
	if e := spend.Comparisons[0]; math.Abs(e.Difference.Value-2) > 4*e.Difference.SE || e.Difference.Interval.Low <= 0 || e.Word != analysis.Better {
		t.Errorf("%+v", e)
	}
	// All pairs, counted.
	u := 0.0
	for _, a := range all {
		for _, b := range all {
			switch {
			case a.arm != "off" || b.arm != "on":
			case b.session > a.session:
				u++
			case b.session == a.session:
				u += 0.5
			}
		}
	}
	if e := session.Comparisons[0]; session.Test != "mann_whitney" || e.Method != "Mann-Whitney test" || e.Rank.U != u || math.Abs(e.Rank.Superiority-u/float64(units["off"]*units["on"])) > 1e-12 || e.Relative != nil {
		t.Errorf("%+v, want U %v", e, u)
	}
	told(t, s, "billing", "by company (attribute companyId)", "session is compared by the Mann-Whitney test", "within strata by plan", "spend is adjusted (CUPED) by what is known of spend and visits in the 14 days",
		"on is compared within 3 strata by plan", "a unit of it is above one of the control with a probability of", "z test, post-stratified, with CUPED")
}

// record sends the exposures of the companies, twice for most, and what they did before and after.
func record(t *testing.T, s *server, all []company) (position string) {
	t.Helper()
	e := experiment{project: "shop", key: "billing"}
	begin := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	var seen, done []map[string]any
	did := func(c company, event string, at time.Time, value float64) {
		done = append(done, map[string]any{"event_id": fmt.Sprint("m", len(done)), "event_name": event, "unit_type": "company", "unit_id": c.id, "occurred_at": at.Format(time.RFC3339), "value": value})
	}
	for i, c := range all {
		for person := range 2 {
			x := map[string]any{"event_id": fmt.Sprint("x", i, "-", person), "experiment_key": "billing", "variant": c.arm, "unit_type": "company", "unit_id": c.id, "occurred_at": begin.Add(time.Duration(person) * time.Hour).Format(time.RFC3339)}
			if c.plan != "" {
				x["attributes"] = map[string]any{"plan": c.plan}
			}
			seen = append(seen, x)
		}
		did(c, "purchase", begin.AddDate(0, 0, -3), float64(c.before))
		for visit := range c.visits {
			did(c, "visit", begin.AddDate(0, 0, -2).Add(time.Duration(visit)*time.Minute), 1)
		}
		did(c, "purchase", begin.AddDate(0, 0, -20), 1e6) // too long ago to be known
		did(c, "purchase", begin.AddDate(0, 0, 1), c.spend)
		did(c, "session", begin.AddDate(0, 0, 1), c.session)
	}
	for part := range slices.Chunk(seen, 1_000) {
		sendItems(t, s, e, "/api/v1/exposures", part)
	}
	for part := range slices.Chunk(done, 1_000) {
		position = sendItems(t, s, e, "/api/v1/measurements", part)
	}
	return position
}

// told fails unless the report says it all, as text and as a page.
func told(t *testing.T, s *server, key string, words ...string) {
	t.Helper()
	for _, format := range []string{"text", "html"} {
		answer, err := s.Do(t.Context(), client.Request{Path: "/api/v1/projects/shop/experiments/" + key + "/report", Query: url.Values{"format": {format}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, must := range words {
			if format == "text" && strings.HasPrefix(must, "z test") || format == "html" && strings.HasPrefix(must, "by company") {
				continue // the methods are listed on the page, who is split in other words there
			}
			if !strings.Contains(string(answer.Body), must) {
				t.Errorf("the %s report does not say %q:\n%s", format, must, answer.Body)
			}
		}
	}
}
