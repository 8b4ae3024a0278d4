package analysis_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/internal/analysis"
)

// moving is a plan of fine weights with a bandit.
func (w world) moving(b experiment.Bandit, change func(*analysis.Input)) analysis.Result {
	in := w.under(experiment.Analysis{})
	plan := &in.Experiment.Plan
	plan.Total = 100_000
	for i := range plan.Arms {
		plan.Arms[i].Weight = domain.Weight(100_000 / len(plan.Arms))
	}
	plan.Analysis.Bandit = &b
	plan.Analysis = plan.Resolved(end.AddDate(0, 0, -30))
	in.Experiment.Frozen = *plan
	if change != nil {
		change(&in)
	}
	return analysis.Analyze(in)
}

// With two arms and normal posteriors the probability to be best is Φ of the difference over its standard error; the beta posteriors of large counts are
// nearly normal, with variances of (x+1)(n-x+1)/((n+2)²(n+3)).
func TestThompsonWeightsFollowThePlansPriorAndFloor(t *testing.T) {
	w := world{units: []int{2_000, 2_000}, primary: []float64{0.10, 0.11}, guardrail: even, status: experiment.StatusRunning}
	r := w.moving(experiment.Bandit{Floor: 0.1}, nil)
	v := func(x, n float64) float64 { return (x + 1) * (n - x + 1) / ((n + 2) * (n + 2) * (n + 3)) }
	best := phi((221.0/2002 - 201.0/2002) / math.Sqrt(v(200, 2000)+v(220, 2000)))
	on := r.Bandit.Arms[1]
	near(t, "probability best", on.Best, best, 2e-3)
	if on.Weight != int64(math.Round(1e5*(0.1+0.8*on.Best))) || r.Bandit.Arms[0].Weight+on.Weight != 100_000 || on.Now != 50_000 || r.Bandit.Method != "beta-binomial, prior Beta(1, 1)" {
		t.Errorf("%+v", r.Bandit)
	}
	// A prior of 10 % that is worth 100,000 units leaves little to choose.
	strong := w.moving(experiment.Bandit{A: 10_000, B: 90_000}, nil).Bandit.Arms[1]
	if !(strong.Best > 0.5 && strong.Best < 0.62) {
		t.Errorf("%+v", strong)
	}
	if r := (world{units: []int{50, 50}, primary: []float64{0, 1}, guardrail: even, status: experiment.StatusRunning}).moving(experiment.Bandit{Floor: 0.05}, nil); r.Bandit.Arms[0].Weight != 5_000 || r.Bandit.Arms[1].Weight != 95_000 {
		t.Errorf("the floor holds: %+v", r.Bandit)
	}
	if w.under(experiment.Analysis{}); analysis.Analyze(w.under(experiment.Analysis{})).Bandit != nil {
		t.Error("a plan without a bandit recommends weights")
	}
}

func phi(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// A mean has a normal posterior in the metric's own unit: with a prior of mean 5 and sd 0.1 the precisions add up.
func TestABanditOfMeans(t *testing.T) {
	const n = 4_000
	y := make([]float64, n)
	for i := range y {
		y[i] = float64(i%10) + 0.05*float64(i%2) // the arms take turns
	}
	for name, b := range map[string]experiment.Bandit{"flat": {}, "normal": {Mean: 5, SD: 0.1}} {
		r := table{d: metric.Definition{Kind: metric.Mean}, arm: arms(n), columns: [][]float64{y}, analysis: experiment.Analysis{Method: experiment.ConfidenceSequence, Bandit: &b}}.analyze(t)
		m, s := [2]float64{}, [2]float64{}
		for arm, a := range r.Metrics[0].Arms {
			m[arm], s[arm] = a.Mean, *a.SD/math.Sqrt(n/2)
			if b.SD > 0 {
				data, prior := 1/(s[arm]*s[arm]), 1/(b.SD*b.SD)
				m[arm], s[arm] = (data*m[arm]+prior*b.Mean)/(data+prior), 1/math.Sqrt(data+prior)
			}
		}
		near(t, name, r.Bandit.Arms[1].Best, phi((m[1]-m[0])/math.Hypot(s[0], s[1])), 1e-9)
		if !strings.HasPrefix(r.Bandit.Method, "normal") {
			t.Error(r.Bandit.Method)
		}
	}
	few := table{d: metric.Definition{Kind: metric.Mean}, arm: arms(20), columns: [][]float64{y[:20]}, analysis: experiment.Analysis{Method: experiment.ConfidenceSequence, Bandit: &experiment.Bandit{}}}.analyze(t)
	if len(few.Bandit.Arms) != 0 || !strings.Contains(few.Bandit.Problem, "at least 30 units") {
		t.Errorf("%+v", few.Bandit)
	}
}

func TestHarmAndBrokenRatiosWithholdWeights(t *testing.T) {
	w := world{units: []int{10_000, 10_000}, primary: []float64{0.10, 0.13}, guardrail: []float64{0.02, 0.04}, status: experiment.StatusRunning}
	if b := w.moving(experiment.Bandit{}, nil).Bandit; len(b.Arms) != 0 || !strings.Contains(b.Problem, "guardrail Refunds got worse") {
		t.Errorf("%+v", b)
	}
	w.units, w.guardrail = []int{10_000, 11_000}, even
	if b := w.moving(experiment.Bandit{}, nil).Bandit; len(b.Arms) != 0 || !strings.Contains(b.Problem, "cannot be trusted") {
		t.Errorf("%+v", b)
	}
}

// periods is a world whose weights went from a half each to a tenth against nine tenths: rates by period and arm, units by period.
func changedWeights(units [2][2]int, rates [2][2]float64) analysis.Result {
	w := world{primary: []float64{0, 0}, guardrail: []float64{0, 0}, status: experiment.StatusRunning}
	w.units = []int{units[0][0] + units[1][0], units[0][1] + units[1][1]}
	at := end.AddDate(0, 0, -10)
	return w.moving(experiment.Bandit{Floor: 0.05}, func(in *analysis.Input) {
		in.Experiment.Plan.Arms = []experiment.Arm{{Variant: "arm-a", Weight: 10_000}, {Variant: "arm-b", Weight: 90_000}}
		in.Weighings = []analysis.Weighing{{At: at, By: "key:1", Reason: "It sells.", Weights: []int64{10_000, 90_000}}}
		var seen [2]int
		for row, arm := range in.Units.Arm {
			n := seen[arm]
			seen[arm]++
			period := 0
			in.Units.FirstAt[row] = at.Add(-time.Hour).UnixNano()
			if n >= units[0][arm] {
				period, n = 1, n-units[0][arm]
				in.Units.FirstAt[row] = at.Add(time.Hour).UnixNano()
			}
			in.Units.Values[0][row] = 0
			if float64(n) < math.Round(rates[period][arm]*float64(units[period][arm])) {
				in.Units.Values[0][row] = 1
			}
		}
	})
}

// Chi-square by hand: in both periods the units are as the weights of the time ask for, though of all units 60 % are in arm-b where the weights of
// now say 90 % (and those of the start 50 %).
func TestSampleRatiosFollowTheWeightsOfTheirTime(t *testing.T) {
	r := changedWeights([2][2]int{{4_000, 4_000}, {200, 1_800}}, [2][2]float64{{0.1, 0.1}, {0.1, 0.1}})
	if s := r.Health.SRM; s.State != analysis.Pass || s.ChiSquare > 1e-9 || s.DF != 2 || s.Expected[0] != 4_200 || s.SequentialP == nil || *s.SequentialP < 0.5 {
		t.Errorf("%+v", s)
	}
	if r.Arms[0].ExpectedShare != 0.42 {
		t.Errorf("%+v", r.Arms)
	}
	for _, c := range r.Health.Checks {
		if strings.HasPrefix(c.Name, "Sample ratio") && c.State != analysis.Pass {
			t.Errorf("%+v", c)
		}
	}
	// In the second period 400 are missing in arm-b: (300-270)²/270 + (2400-2430)²/2430 would be fine, (300-210)²/210 + (1800-1890)²/1890 = 42.9 is not.
	r = changedWeights([2][2]int{{4_000, 4_000}, {300, 1_800}}, [2][2]float64{{0.1, 0.1}, {0.1, 0.1}})
	if s := r.Health.SRM; s.State != analysis.Fail || math.Abs(s.ChiSquare-(90.0*90/210+90.0*90/1890)) > 1e-9 {
		t.Errorf("%+v", s)
	}
}

// Simpson's paradox by hand: 10 % buy at first and 30 % later, in both arms alike. Of all units 10.95 % of arm-a and 16.2 % of arm-b bought, which is
// nothing but the time at which they came; within the periods the difference is 0. Nor does the bandit believe that arm-b is better.
func TestWhoCameLaterIsNotComparedWithWhoCameBefore(t *testing.T) {
	r := changedWeights([2][2]int{{4_000, 4_000}, {200, 1_800}}, [2][2]float64{{0.1, 0.1}, {0.3, 0.3}})
	e := r.Metrics[0].Comparisons[0]
	if e.Problem != "" || math.Abs(e.Difference.Value) > 1e-12 || e.Word != analysis.Unclear || !strings.Contains(e.Method, "post-stratified") {
		t.Fatalf("%+v", e)
	}
	if s := r.Metrics[0].Stratified; s == nil || s.Comparisons[0].Strata != 2 || math.Abs(s.Comparisons[0].Unadjusted.Value-(940.0/5800-460.0/4200)) > 1e-12 {
		t.Errorf("%+v", s)
	}
	if on := r.Bandit.Arms[1]; math.Abs(on.Best-0.5) > 0.01 || on.Now != 90_000 || !strings.HasPrefix(r.Bandit.Method, "normal") {
		t.Errorf("%+v", r.Bandit)
	}
	var told bool
	for _, s := range r.Plan.Sentences {
		told = told || strings.Contains(s, "changed once")
	}
	if !told {
		t.Errorf("%q", r.Plan.Sentences)
	}
	// An effect that is there in both periods is found: 8,000 units at 10 against 13 %, 2,000 at 30 against 33 %. The weighed difference is 3 points.
	r = changedWeights([2][2]int{{4_000, 4_000}, {200, 1_800}}, [2][2]float64{{0.1, 0.13}, {0.3, 0.33}})
	if e := r.Metrics[0].Comparisons[0]; math.Abs(e.Difference.Value-0.03) > 1e-12 {
		t.Errorf("%+v", e.Difference)
	}
}

// Units that the change moved count where they were seen first; those who come back must not be missing from the arm that lost weight.
func TestMovedUnitsCountWhereTheyWereSeenFirst(t *testing.T) {
	w := world{units: []int{1_000, 1_000}, primary: []float64{0.1, 0.1}, guardrail: even, status: experiment.StatusRunning, crossed: 300}
	r := w.moving(experiment.Bandit{}, func(in *analysis.Input) {
		if analysis.Query(*in).KeepFirst {
			t.Error("without a change nobody was moved")
		}
		in.Weighings = []analysis.Weighing{{At: end, Weights: []int64{20_000, 80_000}}}
		if !analysis.Query(*in).KeepFirst {
			t.Error("the facts are asked to leave out who was moved")
		}
	})
	if c := r.Health.Crossovers; c.State != analysis.Pass || c.Policy != "first" || c.Units != 300 || math.Abs(c.Share-0.15) > 1e-12 {
		t.Errorf("%+v", c)
	}
}
