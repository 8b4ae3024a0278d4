package stats_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/stats"
)

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

func half() []float64 { return []float64{0.5, 0.5} }

// 3,841 per arm for 10 % to 12 % is R's power.prop.test, as in stats-golden sample_size_props/S001; the factors are multiplied by hand.
func TestADesignsFactorsMultiply(t *testing.T) {
	q := stats.Question{Kind: stats.RateMetric, Baseline: 0.1, Effect: 0.2, Relative: true, Alpha: 0.05, Power: 0.8, Shares: half()}
	plain, err := q.Size()
	if err != nil || plain.Arms[0] != 3_841 || plain.Arms[1] != 3_841 || plain.Total != 7_682 || !strings.Contains(plain.Formula, "pooled") {
		t.Fatalf("%+v %v", plain, err)
	}
	q.VarianceExplained, q.DesignEffect, q.Inflation = 0.4, 1.5, 1.03
	adjusted, err := q.Size()
	if err != nil || adjusted.Arms[0] != int64(math.Ceil(3840.8474824362766*0.6*1.5*1.03)) {
		t.Errorf("%+v %v", adjusted, err)
	}
	for _, word := range []string{"CUPED", "design effect", "sequential"} {
		if !strings.Contains(adjusted.Formula, word) {
			t.Errorf("%q does not name %s", adjusted.Formula, word)
		}
	}
}

func TestSeveralArmsAndUnequalShares(t *testing.T) {
	q := stats.Question{Kind: stats.MeanMetric, Baseline: 10, SD: 5, Effect: 0.5, Alpha: 0.05, Power: 0.8, Shares: []float64{0.5, 0.3, 0.2}}
	d, err := q.Size()
	if err != nil || d.Alpha != 0.025 {
		t.Fatalf("%+v %v", d, err)
	}
	// The arm with the least share decides, with alpha/2.
	n, err := stats.SizeForMeans(0.5, 5, 5, 0.4, 0.025, 0.8, stats.TwoSided)
	if err != nil || d.Arms[0] != int64(math.Ceil(n.Z)) {
		t.Errorf("%+v, but %+v, %v", d, n, err)
	}
	if ratio := float64(d.Arms[1]) / float64(d.Arms[2]); math.Abs(ratio-1.5) > 0.01 {
		t.Errorf("%+v", d)
	}
}

func TestSizeDetectableAndPowerOfAQuestionAgree(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		q := stats.Question{
			Kind: rapid.SampledFrom([]stats.MetricKind{stats.RateMetric, stats.MeanMetric, stats.RatioMetric}).Draw(r, "kind"), Baseline: rapid.Float64Range(0.01, 0.5).Draw(r, "baseline"),
			SD: rapid.Float64Range(0.1, 5).Draw(r, "sd"), Relative: rapid.Bool().Draw(r, "relative"),
			Alpha: rapid.Float64Range(0.01, 0.1).Draw(r, "alpha"), Power: rapid.Float64Range(0.6, 0.95).Draw(r, "power"), Shares: half(),
			LowerIsBetter: rapid.Bool().Draw(r, "lower"), VarianceExplained: rapid.Float64Range(0, 0.8).Draw(r, "explained"),
		}
		q.Effect = 0.05 * q.Baseline
		if q.Relative {
			q.Effect = 0.05
		}
		if rapid.Bool().Draw(r, "guardrail") {
			q.Margin, q.Effect = q.Effect, 0
		}
		d, err := q.Size()
		if err != nil {
			r.Fatal(err)
		}
		power, err := q.PowerAt(d.Total)
		if err != nil || power < q.Power-1e-6 || d.Total > 1_000 && power > q.Power+0.01 {
			r.Fatalf("%+v has the power %v, %v", d, power, err)
		}
		detectable, err := q.Detectable(d.Total)
		if err != nil {
			r.Fatal(err)
		}
		slack := 0.01 * (q.Effect + q.Margin)
		if q.LowerIsBetter && q.Margin > 0 {
			detectable = -detectable
		}
		if detectable > q.Effect+1e-9*slack+1e-12 || d.Total > 1_000 && detectable < q.Effect-slack {
			r.Fatalf("%+v detects %v, asked %v", d, detectable, q.Effect)
		}
	})
}

// rpact 3.3.4, in the shared worked tables: asOF_K5 has 1.02471989147 (one-sided 2.5 %, power 80 %).
func TestASequentialDesignIsALittleLarger(t *testing.T) {
	b, err := stats.SpendingBoundary(stats.Spending{Kind: stats.OBrienFlemingSpending}, equalLooks(5), 0.05, false)
	if err != nil {
		t.Fatal(err)
	}
	inflation, err := b.Inflation(0.05, 0.8)
	if err != nil || math.Abs(inflation-1.02472) > 1e-4 {
		t.Errorf("%v %v", inflation, err)
	}
	sequence, err := stats.SequenceInflation(0.05, 0.8)
	if err != nil || !(sequence > 1.8 && sequence < 2) { // ((3.0349 + 0.8416)/2.8016)² = 1.915
		t.Errorf("%v %v", sequence, err)
	}
}

func TestRunTimesAreWholeWeeks(t *testing.T) {
	d := stats.Design{Total: 10_000}
	for _, c := range []struct {
		units         []float64
		window        int
		days, planned int
		extrapolated  bool
	}{
		{[]float64{20_000}, 0, 1, 7, false},
		{[]float64{1_000}, 0, 10, 14, true},
		{[]float64{4_000, 3_000, 2_000, 500}, 0, 5, 7, true}, // 9,500 in four days, then 500 a day
		{[]float64{1_000}, 7, 10, 21, true},
		{[]float64{2_500, 2_500, 2_500, 2_500, 9}, 3, 4, 7, false},
	} {
		got, err := d.RunTime(c.units, c.window)
		if err != nil || got.Days != c.days || got.Planned != c.planned || got.Extrapolated != c.extrapolated {
			t.Errorf("%+v: %+v %v", c, got, err)
		}
	}
	if _, err := d.RunTime([]float64{100, 0}, 0); kindOf(err) != stats.NotAttainable {
		t.Error(err)
	}
}

func TestQuestionsThatHaveNoAnswer(t *testing.T) {
	good := stats.Question{Kind: stats.RateMetric, Baseline: 0.1, Effect: 0.01, Alpha: 0.05, Power: 0.8, Shares: half()}
	for name, c := range map[string]struct {
		change func(*stats.Question)
		kind   stats.Kind
	}{
		"no effect":             {func(q *stats.Question) { q.Effect = 0 }, stats.InvalidInput},
		"a rate beyond 100 %":   {func(q *stats.Question) { q.Effect = 0.95 }, stats.InvalidInput},
		"one arm":               {func(q *stats.Question) { q.Shares = []float64{1} }, stats.InvalidInput},
		"shares that sum to 2":  {func(q *stats.Question) { q.Shares = []float64{1, 1} }, stats.InvalidInput},
		"power of alpha":        {func(q *stats.Question) { q.Power = 0.02 }, stats.InvalidInput},
		"a mean without spread": {func(q *stats.Question) { q.Kind = stats.MeanMetric }, stats.ZeroVariance},
		"worse by the margin":   {func(q *stats.Question) { q.Margin, q.Effect = 0.01, -0.01 }, stats.NotAttainable},
		"relative to nothing":   {func(q *stats.Question) { q.Kind, q.SD, q.Baseline, q.Relative = stats.MeanMetric, 1, 0, true }, stats.UndefinedRatio},
		"a tiny effect":         {func(q *stats.Question) { q.Effect = 1e-10 }, stats.NotAttainable},
	} {
		q := good
		c.change(&q)
		if d, err := q.Size(); kindOf(err) != c.kind {
			t.Errorf("%s: %+v %v", name, d, err)
		}
	}
}

func FuzzDesignsGiveANumberOrAReason(f *testing.F) {
	f.Add(0.1, 1.0, 0.01, 0.0, 0.05, 0.8, 0.5, int64(1_000), true)
	f.Add(0.0, 0.0, math.NaN(), 1.0, 0.0, 1.0, 1.0, int64(-1), false)
	f.Add(1e300, 1e-300, 1e-300, 1e300, 0.5, 0.9, 1e-12, int64(math.MaxInt64), true)
	f.Fuzz(func(t *testing.T, baseline, sd, effect, margin, alpha, power, share float64, units int64, relative bool) {
		for _, kind := range []stats.MetricKind{stats.RateMetric, stats.MeanMetric} {
			q := stats.Question{Kind: kind, Baseline: baseline, SD: sd, Effect: effect, Margin: margin, Alpha: alpha, Power: power, Shares: []float64{share, 1 - share}, Relative: relative}
			if d, err := q.Size(); err == nil && (d.Total < 4 || !isFinite(d.Factor, d.Alpha)) {
				t.Errorf("%+v: %+v", q, d)
			}
			if p, err := q.PowerAt(units); err == nil && !(p >= 0 && p <= 1) {
				t.Errorf("%+v: power %v", q, p)
			}
			if d, err := q.Detectable(units); err == nil && !isFinite(d) {
				t.Errorf("%+v: detectable %v", q, d)
			}
		}
		if p, err := stats.PowerOfMeans(units, units, effect, sd, sd, alpha, stats.TwoSided); err == nil && !(p.Z >= 0 && p.Z <= 1 && p.T >= 0 && p.T <= 1+1e-12) {
			t.Errorf("%+v", p)
		}
		if p, err := stats.PowerOfRates(baseline, effect, units, units, alpha); err == nil && !(p.Pooled >= 0 && p.Pooled <= 1+1e-12) {
			t.Errorf("%+v", p)
		}
		if d, err := stats.DetectableRate(baseline, units, units, alpha, power); err == nil && !(d >= baseline && d <= 1) {
			t.Errorf("%v", d)
		}
	})
}

func FuzzSequentialMethodsGiveANumberOrAReason(f *testing.F) {
	f.Add(0.1, 0.02, 5_000.0, 0.04, 0.05, int64(100), int64(12), 0.3)
	f.Add(math.Inf(1), 0.0, -1.0, math.NaN(), 1.0, int64(-5), int64(7), 1.0)
	f.Add(1e300, 1e-300, 1e300, 1e-300, 1e-300, int64(math.MaxInt64), int64(1), 1e-320)
	f.Fuzz(func(t *testing.T, effect, se, n, rho, alpha float64, units, part int64, at float64) {
		var rules []stats.Rule
		if rule, err := stats.ConfidenceSequence(n, rho, alpha); err == nil {
			rules = append(rules, rule)
		}
		if rule, err := stats.ConfidenceSequenceOneSided(n, rho, alpha); err == nil {
			rules = append(rules, rule)
		}
		if rule, err := stats.Mixture(se, rho, alpha); err == nil {
			rules = append(rules, rule)
		}
		if at > 1e-3 {
			if look, err := (stats.GroupSequentialPlan{Spending: stats.Spending{Kind: stats.OBrienFlemingSpending}, Alpha: alpha}).Look([]float64{at, 2 * at}, true); err == nil {
				if rule, err := look.Rule(); err == nil {
					rules = append(rules, rule)
				}
			}
		}
		for _, rule := range rules {
			if p := rule.P(effect); !isFinite(rule.Critical) || !(p >= 0 && p <= 1) {
				t.Errorf("%s: critical %v, p %v of %v", rule.Method, rule.Critical, p, effect)
			}
		}
		if p, err := stats.GaussianPosterior(effect, se, &stats.GaussianPrior{Mean: at, Variance: rho}, alpha); err == nil && !isFinite(p.Mean, p.SD, p.ChanceToWin, p.Low, p.High, p.RiskControl, p.RiskTreatment) {
			t.Errorf("%+v", p)
		}
		if low, high, err := (stats.Proportion{N: units, X: part}).RateSequence(n, rho, alpha); err == nil && !(low >= 0 && low <= high && high <= 1) {
			t.Errorf("%v to %v", low, high)
		}
		if s, err := stats.SampleRatioSequence([][]int64{{units, part}}, []float64{at, rho}, n); err == nil && !(isFinite(s.LnBayesFactor[0]) && s.P[0] >= 0 && s.P[0] <= 1) {
			t.Errorf("%+v", s)
		}
		if r, err := stats.NonInferiorRates(stats.Proportion{N: units, X: part}, stats.Proportion{N: units, X: part / 2}, at); err == nil && !(r.P >= 0 && r.P <= 1) {
			t.Errorf("%+v", r)
		}
		if h, err := stats.Heterogeneous([]float64{effect, at}, []float64{se, rho}); err == nil && !isFinite(h.Pooled, h.Q, h.P, h.I2, h.Tau2, h.Random) {
			t.Errorf("%+v", h)
		}
	})
}

func isFinite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
