package analysis_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/internal/analysis"
)

func sized(x float64) experiment.Amount {
	return experiment.Amount{By: experiment.Relative, Value: x}
}

func absolute(x float64) experiment.Amount {
	return experiment.Amount{By: experiment.Absolute, Value: x}
}

// The oracle is R. Johari, L. Pekelis and D. Walsh (arXiv 1512.04922) written down anew: Λ = √(V/(V+τ²))·e^(τ²d²/(2V(V+τ²))), p = 1/Λ, and the
// interval d ∓ √(V(V+τ²)/τ²·(2 ln(1/α) + ln((V+τ²)/V))). One critical value drives all three.
func TestAMixtureTestIsJudgedByTheSizeThatThePlanLooksFor(t *testing.T) {
	w := world{units: []int{5_000, 5_000}, primary: []float64{0.10, 0.12}, guardrail: even}
	v := 0.10*0.90/5_000 + 0.12*0.88/5_000
	for _, c := range []struct {
		plan experiment.Analysis
		tau  float64
	}{
		{experiment.Analysis{Method: experiment.MixtureSPRT, Mixture: absolute(0.01)}, 0.01},
		{experiment.Analysis{Method: experiment.MixtureSPRT, Mixture: sized(0.1)}, 0.1 * 0.11}, // of the mean of both arms
		{experiment.Analysis{Method: experiment.MixtureSPRT, Target: sized(0.2)}, 0.2 * 0.11},
	} {
		r := analysis.Analyze(w.under(c.plan))
		e, t2 := r.Metrics[0].Comparisons[0], c.tau*c.tau
		p := math.Sqrt((v+t2)/v) * math.Exp(-t2*0.02*0.02/(2*v*(v+t2)))
		half := math.Sqrt(v * (v + t2) / t2 * (2*math.Log(1/0.05) + math.Log((v+t2)/v)))
		near(t, "p", e.P, p, 1e-9)
		near(t, "low", e.Difference.Interval.Low, 0.02-half, 1e-9)
		near(t, "critical value", e.Critical, half/math.Sqrt(v), 1e-9)
		if e.Rule != "mixture sequential test" || !strings.Contains(r.Plan.Sentences[0], "mSPRT") {
			t.Errorf("%s; %q", e.Rule, r.Plan.Sentences)
		}
		// Fieller's interval with the same critical value (E. C. Fieller, JRSS B 16, 1954): the root of |B - R A| = c √(V_b + R² V_a).
		a, b, va, vb := 0.10, 0.12, 0.10*0.90/5_000, 0.12*0.88/5_000
		ratio := *e.Relative.Low + 1
		near(t, "relative low", math.Abs(b-ratio*a), e.Critical*math.Sqrt(vb+ratio*ratio*va), 1e-9)
	}
}

// An absolute size is in the unit of the primary metric; the others are judged by the confidence sequence, and the plan says so.
func TestASizeInTheUnitOfThePrimaryMetricSaysNothingOfOthers(t *testing.T) {
	w := world{units: []int{5_000, 5_000}, primary: []float64{0.10, 0.12}, guardrail: even}
	second := func(a experiment.Analysis) (analysis.Effect, analysis.Plan) {
		in := w.input()
		in.Experiment.Plan.Secondary, in.Experiment.Plan.Guardrails = in.Experiment.Plan.Guardrails, nil
		in.Experiment.Plan.Analysis = a
		in.Experiment.Plan.Analysis = in.Experiment.Plan.Resolved(end.AddDate(0, 0, -30))
		in.Units.FirstAt = make([]int64, len(in.Units.Arm))
		r := analysis.Analyze(widened(in))
		return r.Metrics[1].Comparisons[0], r.Plan
	}
	e, plan := second(experiment.Analysis{Method: experiment.MixtureSPRT, Mixture: absolute(0.01)})
	if e.Rule != "asymptotic confidence sequence" || !strings.Contains(plan.Sentences[0], "Secondary metrics") {
		t.Errorf("%+v, %q", e, plan.Sentences)
	}
	if e, _ = second(experiment.Analysis{Method: experiment.MixtureSPRT, Mixture: sized(0.1)}); e.Rule != "mixture sequential test" {
		t.Errorf("%+v", e)
	}
}

// 0 of 10,000 against 50 of 10,000: the effect is found, with few conversions and a control of 0.
func TestAMixtureTestJudgesFewConversions(t *testing.T) {
	w := world{units: []int{10_000, 10_000}, primary: []float64{0, 0.005}, guardrail: even}
	a := experiment.Analysis{Method: experiment.MixtureSPRT, Mixture: sized(0.5)}
	e := analysis.Analyze(w.under(a)).Metrics[0].Comparisons[0]
	if e.Problem != "" || e.Word != analysis.Better || !(e.P < 1e-4) || e.Difference.Interval.Low <= 0 {
		t.Errorf("%+v", e)
	}
	w.primary = []float64{0, 0}
	if e := analysis.Analyze(w.under(a)).Metrics[0].Comparisons[0]; e.Problem != "" || e.P != 1 || e.Word != analysis.Unclear {
		t.Errorf("nobody converted: %+v", e)
	}
}

// By hand from Wang and Ramdas (JRSS B 84, 2022): with e-values e1 > e2 > e3 the k-th largest is compared with m/(k alpha), and intervals are made at
// the false coverage level R alpha / m.
func TestEValuesAreCorrectedAsEValues(t *testing.T) {
	w := world{units: []int{20_000, 20_000, 20_000, 20_000}, primary: []float64{0.10, 0.115, 0.113, 0.101}, guardrail: []float64{.02, .02, .02, .02}}
	for _, a := range []experiment.Analysis{
		{Method: experiment.ConfidenceSequence, PlannedUnits: 40_000}, {Method: experiment.MixtureSPRT, Mixture: sized(0.1)},
	} {
		a.Correction = experiment.NoCorrection
		raw := analysis.Analyze(w.under(a)).Metrics[0].Comparisons
		if !(raw[0].P < raw[1].P && raw[1].P < 0.05*2/3 && raw[2].P > 0.5) {
			t.Fatalf("%s: the p values %v, %v, %v do not serve", a.Method, raw[0].P, raw[1].P, raw[2].P)
		}
		a.Correction = experiment.EBH
		r := analysis.Analyze(w.under(a))
		for i, e := range r.Metrics[0].Comparisons {
			want := []float64{math.Min(3*raw[0].P, 1.5*raw[1].P), 1.5 * raw[1].P, math.Min(1, raw[2].P)}[i]
			near(t, "adjusted p", *e.AdjustedP, want, 1e-12)
			near(t, "level", *e.Level, 0.05*2/3, 1e-12)
		}
		if !slices.ContainsFunc(r.Plan.Sentences, func(s string) bool { return strings.Contains(s, "(e-BH)") }) {
			t.Errorf("%q", r.Plan.Sentences)
		}
	}
}

// Welch's t statistic is carried to the normal by its tail, the standard error is that of the comparison itself, also with a covariate.
func TestAMixtureTestOfMeansAndRatios(t *testing.T) {
	const n = 4_000
	y := draw(n, 3, func(r *rand.Rand, _ int) float64 { return r.Float64() })
	for i := range y {
		y[i] = 10*y[i] + float64(i%2)
	}
	a := experiment.Analysis{Method: experiment.MixtureSPRT, Mixture: sized(0.1)}
	for name, tb := range map[string]table{
		"mean":  {d: metric.Definition{Kind: metric.Mean}, columns: [][]float64{y}},
		"ratio": {d: metric.Definition{Kind: metric.Ratio, Numerator: metric.SumOf, Denominator: metric.CountOf, DenominatorEvent: "v"}, columns: [][]float64{y, slices.Repeat([]float64{1}, n)}},
	} {
		tb.arm, tb.analysis = arms(n), a
		e := tb.analyze(t).Metrics[0].Comparisons[0]
		if e.Problem != "" {
			t.Fatalf("%s: %s", name, e.Problem)
		}
		v := e.Difference.SE * e.Difference.SE
		t2 := 0.1 * 5.5 * 0.1 * 5.5 // the means are near 5 and 6
		half := math.Sqrt(v * (v + t2) / t2 * (2*math.Log(20) + math.Log((v+t2)/v)))
		near(t, name, (e.Difference.Interval.High-e.Difference.Interval.Low)/2, half, 0.02)
		if e.Word != analysis.Better || e.Rule != "mixture sequential test" {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// The equation that defines it, written down anew: with f times the units of a fixed test the effect is D√f standard errors, D = z_0.975 + z_0.8
// (1.959964 + 0.841621), and so many less the quantile of the power have to be the critical value.
func TestADesignForAMixtureTestTakesMoreUnits(t *testing.T) {
	effect := absolute(0.01)
	got, err := analysis.Design(analysis.DesignQuestion{Kind: "binary", Baseline: 0.1, Effect: &effect, Method: experiment.MixtureSPRT})
	if err != nil {
		t.Fatal(err)
	}
	d := 1.959963985 + 0.841621234
	r := d * d * got.Inflation
	near(t, "critical value", d*math.Sqrt(got.Inflation)-0.841621234, math.Sqrt((1+r)/r*(math.Log1p(r)-2*math.Log(0.05))), 1e-7)
	fixed, err := analysis.Design(analysis.DesignQuestion{Kind: "binary", Baseline: 0.1, Effect: &effect, Method: experiment.Fixed})
	if err != nil || got.Units <= fixed.Units || got.Units > 3*fixed.Units {
		t.Errorf("%d units, with a fixed horizon %d, %v", got.Units, fixed.Units, err)
	}
}
