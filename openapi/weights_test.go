package openapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/analysis"
)

// banditBody is an experiment on the banner whose weights may change.
const banditBody = `{"key":"tint","hypothesis":"We believe that a banner raises conversion.","flag":"banner","environment":"production",
	"arms":[{"variant":"off","weight":50000},{"variant":"on","weight":50000}],"primary":"conversion","analysis":{"method":"confidence_sequence","bandit":{"floor":0.1}}}`

const tint = shop + "/experiments/tint"

// newBandit is a shop in which the bandit runs instead of the trial.
func newBandit(t *testing.T) *world {
	w := newShop(t)
	w.must("POST", trial+"/stop", `{"reason":"The bandit takes its flag."}`)
	w.must("POST", shop+"/experiments", banditBody)
	w.must("POST", tint+"/start", `{"reason":"The plan is reviewed."}`)
	return w
}

// buys exposes units of an arm at an hour of the day; so many of them buy.
func (w *world) buys(key, variant string, hour, units, buy int) string {
	w.t.Helper()
	var exposures, purchases []string
	for i := range units {
		unit := fmt.Sprintf("%s-%s-%d-%d", key, variant, hour, i)
		exposures = append(exposures, fmt.Sprintf(`{"event_id":"e-%s","type":"exposure","experiment_key":%q,"variant":%q,"unit_id":%q,"occurred_at":"2026-11-24T%02d:30:00Z"}`, unit, key, variant, unit, hour))
		if i < buy {
			purchases = append(purchases, fmt.Sprintf(`{"event_id":"m-%s","type":"measurement","event_name":"purchase","unit_id":%q,"occurred_at":"2026-11-24T%02d:40:00Z","value":1}`, unit, unit, hour))
		}
	}
	o := w.send("/api/v1/exposures", w.server, exposures...)
	if len(purchases) > 0 {
		o = w.send("/api/v1/measurements", w.server, purchases...)
	}
	if o.Rejected > 0 {
		w.t.Fatalf("%+v", o)
	}
	return o.Position
}

// From the plan over facts to the weights and the ruleset: what the results recommend is applied, with who and why, and shown.
func TestABanditFromPlanToRuleset(t *testing.T) {
	w := newBandit(t)
	w.buys("tint", "off", 9, 200, 20)
	position := w.buys("tint", "on", 9, 200, 40)
	var r analysis.Result
	decode(t, w.must("GET", tint+"/results?min_position="+position, ""), &r)
	if r.Bandit == nil || len(r.Bandit.Arms) != 2 || r.Bandit.Arms[0].Weight+r.Bandit.Arms[1].Weight != 100_000 || r.Bandit.Arms[1].Now != 50_000 {
		t.Fatalf("%+v", r.Bandit)
	}
	// The floor of 10 % and 80 % times the probability to be best.
	if on := r.Bandit.Arms[1]; on.Best < 0.99 || on.Weight != int64(10_000+80_000*on.Best+0.5) {
		t.Errorf("%+v", on)
	}
	answer := w.do(call{method: "POST", path: tint + "/weights", body: `{}`})
	if p := problemIn(t, answer); p.Code != "reason_required" {
		t.Errorf("%+v", p)
	}
	var e struct {
		Plan struct {
			Arms []struct {
				Variant string
				Weight  int64
			}
		}
		Frozen     struct{ Arms []struct{ Weight int64 } } `json:"frozen_plan"`
		Amendments int
		Position   string
	}
	decode(t, w.must("POST", tint+"/weights", `{"reason":"The banner is very probably better."}`), &e)
	if e.Plan.Arms[1].Weight != r.Bandit.Arms[1].Weight || e.Frozen.Arms[1].Weight != 50_000 {
		t.Errorf("%+v", e)
	}
	w.catchUp()
	text := w.must("GET", tint+"/report?format=text", "").Body.String()
	for _, want := range []string{"The banner is very probably better.", "Bandit", "The weights of the arms changed once"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	// What the flag serves follows: of many units about as many get the banner as its weight says.
	served := w.must("GET", "/api/v1/ruleset?project=shop&environment=production", "").Body.String()
	if !strings.Contains(served, fmt.Sprintf(`"weight":%d`, r.Bandit.Arms[1].Weight)) {
		t.Errorf("the ruleset does not have the weight %d: %s", r.Bandit.Arms[1].Weight, served)
	}
}

func TestWeightsThatAreRefused(t *testing.T) {
	w := newBandit(t)
	both := func(off, on int) string {
		return fmt.Sprintf(`{"arms":[{"variant":"off","weight":%d},{"variant":"on","weight":%d}],"reason":"Try."}`, off, on)
	}
	for body, code := range map[string]string{
		both(5_000, 95_000):                    "below_floor",
		both(50_000, 60_000):                   "weights_do_not_sum",
		`{"reason":"There are no units yet."}`: "", // the prior alone recommends what is there: nothing changes
		`{"arms":[{"variant":"off","weight":50000},{"variant":"blue","weight":50000}],"reason":"x"}`: "wrong_arms",
		`{"weights":{}}`: "unknown_field",
	} {
		answer := w.do(call{method: "POST", path: tint + "/weights", body: body})
		if code == "" {
			if answer.Code != 200 {
				t.Errorf("%s: %d %s", body, answer.Code, answer.Body)
			}
			continue
		}
		if p := problemIn(t, answer); p.Code != code {
			t.Errorf("%s: %+v, want %s", body, p, code)
		}
	}
	w.must("POST", tint+"/stop", `{"reason":"Enough."}`)
	if p := problemIn(t, w.do(call{method: "POST", path: tint + "/weights", body: both(20_000, 80_000)})); p.Code != "not_running" {
		t.Errorf("%+v", p)
	}
	if p := problemIn(t, w.do(call{method: "POST", path: shop + "/experiments/none/weights", body: both(20_000, 80_000)})); p.Code != "not_found" {
		t.Errorf("%+v", p)
	}
}

// A sample ratio that is off withholds weights, and says so.
func TestNumbersThatCannotBeTrustedMoveNoTraffic(t *testing.T) {
	w := newBandit(t)
	w.buys("tint", "off", 9, 100, 10)
	position := w.buys("tint", "on", 9, 200, 40)
	p := problemIn(t, w.do(call{method: "POST", path: tint + "/weights?min_position=" + position, body: `{"reason":"It is better."}`}))
	if p.Code != "nothing_recommended" || !strings.Contains(p.Detail, "not divided as planned") {
		t.Errorf("%+v", p)
	}
}

// The plan's choice of the mixture test and of e-BH goes through the API into the results, and the report names both; segments are amended while it
// runs, alpha is not.
func TestAPlanChoosesItsMethodAndTheReportNamesIt(t *testing.T) {
	w := newShop(t)
	w.must("POST", shop+"/flags", `{"key":"price","type":"boolean"}`)
	body := strings.NewReplacer(`"key":"tint"`, `"key":"price"`, `"flag":"banner"`, `"flag":"price"`,
		`{"method":"confidence_sequence","bandit":{"floor":0.1}}`, `{"method":"msprt","mixture":{"by":"relative","value":0.3},"correction":"ebh","scope":"goals","target":{"by":"relative","value":0.1}}`).Replace(banditBody)
	w.must("POST", shop+"/experiments", body)
	w.must("POST", shop+"/experiments/price/start", "")
	w.buys("price", "off", 9, 200, 20)
	w.buys("price", "on", 9, 200, 60)
	w.must("PATCH", shop+"/experiments/price", `{"analysis":{"segments":["country"]},"reason":"Support asks about countries."}`)
	if p := problemIn(t, w.do(call{method: "PATCH", path: shop + "/experiments/price", body: `{"analysis":{"alpha":0.2},"reason":"It is nearly there."}`})); p.Code != "analysis_is_frozen" || !strings.Contains(p.Detail, "segments") {
		t.Errorf("%+v", p)
	}
	w.catchUp()
	var r analysis.Result
	decode(t, w.must("GET", shop+"/experiments/price/results", ""), &r)
	e := r.Metrics[0].Comparisons[0]
	if r.Plan.Method != "msprt" || r.Plan.Correction != "ebh" || e.Rule != "mixture sequential test" || e.Running == nil || e.Running.Moments != 1 || r.Bandit != nil {
		t.Errorf("%+v, %+v", r.Plan, e)
	}
	text := w.must("GET", shop+"/experiments/price/report?format=text", "").Body.String()
	page := w.must("GET", shop+"/experiments/price/report?format=html", "").Body.String()
	for _, want := range []string{"Mixture sequential test (mSPRT)", "standard deviation of 30 % of the mean", "Support asks about countries. (segments)"} {
		if !strings.Contains(text, want) || !strings.Contains(page, want) {
			t.Errorf("the reports lack %q:\n%s", want, text)
		}
	}
}
