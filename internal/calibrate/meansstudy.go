package main

import (
	"math"
	"math/rand/v2"

	"github.com/assayhq/assay/stats"
)

func meanStudies() []study {
	return []study{
		{name: "Means, small arms", world: "8 and 12 units, normal, standard deviations 1 and 3.", part: 1, run: meansSmall},
		{
			name: "Means, one look, heavy tails", part: 0.2, run: meansHeavy,
			world: "1,000 units an arm, lognormal with sigma 1 (skewness 6), with a covariate that explains half the variance of the logarithm and three strata by it.",
		},
		{name: "Means, one look, tails too heavy", world: "100 units an arm, lognormal with sigma 2 (skewness 414): what happens where a mean is no normal yet. The same in both arms.", part: 1, run: meansTooHeavy},
		{name: "Ranks and quantiles", world: "201 and 250 units an arm, lognormal with sigma 1; quantiles compared with 2,000 units an arm.", part: 0.2, run: ranks},
	}
}

func normal(mean, sd float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 { return mean + sd*r.NormFloat64() }
}

func meansSmall(r *rand.Rand, t *tally) error {
	a, b := stats.MomentsOf(values(r, 8, normal(10, 1))), stats.MomentsOf(values(r, 12, normal(10, 3)))
	e, err := stats.WelchTest(a, b, twoSided())
	if err != nil {
		return err
	}
	t.fixed("Welch", e, 0, 10)
	z, err := stats.ZTest(a, b, twoSided())
	if err != nil {
		return err
	}
	t.errorIf("z", rejected, nothing, z.P < alpha)
	worse := stats.MomentsOf(values(r, 12, normal(9, 3)))
	n, err := stats.NonInferiorMeans(a, worse, stats.Margin{Size: 1}, alpha)
	if err != nil {
		return err
	}
	t.errorIf("non-inferiority", "passes at the margin", about, n.NonInferior)
	t.errorIf("non-inferiority", "bounds beyond the truth", about, n.Bound > -1)
	low, high, err := a.Interval(alpha)
	t.errorIf("Student, one arm", missed, about, misses(low, high, 10))
	return err
}

// arm of the heavy-tailed study: values, covariates and strata of each unit.
type arm struct {
	y, x   []float64
	strata [3][]float64
}

func heavyArm(r *rand.Rand, n int, lift float64) arm {
	out := arm{}
	for range n {
		before := r.NormFloat64()
		y := math.Exp(math.Sqrt(0.5)*before+math.Sqrt(0.5)*r.NormFloat64()) + lift
		out.y, out.x = append(out.y, y), append(out.x, math.Exp(math.Sqrt(0.5)*before))
		stratum := 1
		if before < -0.43 {
			stratum = 0
		} else if before > 0.43 {
			stratum = 2
		}
		out.strata[stratum] = append(out.strata[stratum], y)
	}
	return out
}

func meansHeavy(r *rand.Rand, t *tally) error {
	mean := math.Exp(0.5)
	a, b := heavyArm(r, 1_000, 0), heavyArm(r, 1_000, 0)
	e, err := stats.WelchTest(stats.MomentsOf(a.y), stats.MomentsOf(b.y), twoSided())
	if err != nil {
		return err
	}
	t.fixed("Welch", e, 0, mean)
	sumsA, err := stats.CoSumsOf(a.y, a.x)
	if err != nil {
		return err
	}
	sumsB, err := stats.CoSumsOf(b.y, b.x)
	if err != nil {
		return err
	}
	cuped, err := stats.CUPED(sumsA, sumsB, twoSided())
	if err != nil {
		return err
	}
	t.fixed("CUPED", cuped.Effect, 0, mean)
	t.note("CUPED", "variance removed", nothing, 0, cuped.VarianceReduction)
	var strata []stats.Stratum
	for k := range a.strata {
		strata = append(strata, stats.Stratum{Control: stats.MomentsOf(a.strata[k]), Treatment: stats.MomentsOf(b.strata[k])})
	}
	stratified, err := stats.PostStratify(strata, twoSided())
	if err != nil {
		return err
	}
	t.fixed("post-stratified", stratified, 0, mean)
	if err := winsorized(t, a.y, b.y); err != nil {
		return err
	}
	// B - 0.9 A at the margin of 10 %: the treatment's mean is exactly 0.9 of the control's.
	worse := values(r, 1_000, func(r *rand.Rand) float64 { return 0.9 * lognormal(r, 1) })
	n, err := stats.NonInferiorMeans(stats.MomentsOf(a.y), stats.MomentsOf(worse), stats.Margin{Size: 0.1, Relative: true}, alpha)
	t.errorIf("non-inferiority, relative margin", "passes at the margin", about, n.NonInferior)
	return err
}

func winsorized(t *tally, a, b []float64) error {
	caps, err := stats.Percentiles{Upper: 0.99}.Caps(append(append([]float64{}, a...), b...))
	if err != nil {
		return err
	}
	capped, err := stats.Cap(caps, a, b)
	if err != nil {
		return err
	}
	e, err := stats.WelchTest(capped.Arms[0].Moments(), capped.Arms[1].Moments(), twoSided())
	if err != nil {
		return err
	}
	t.errorIf("Welch, winsorized at 99 %", rejected, about, e.P < alpha)
	return nil
}

func meansTooHeavy(r *rand.Rand, t *tally) error {
	draw := func(r *rand.Rand) float64 { return lognormal(r, 2) }
	a, b := stats.MomentsOf(values(r, 100, draw)), stats.MomentsOf(values(r, 100, draw))
	e, err := stats.WelchTest(a, b, twoSided())
	if err != nil {
		return err
	}
	t.errorIf("Welch", rejected, atMost, e.P < alpha)
	low, high, err := a.Interval(alpha)
	t.errorIf("Student, one arm", missed, nothing, misses(low, high, math.Exp(2)))
	return err
}

func ranks(r *rand.Rand, t *tally) error {
	draw := func(r *rand.Rand) float64 { return lognormal(r, 1) }
	a, b := values(r, 201, draw), values(r, 250, draw)
	test, err := stats.MannWhitney(a, b)
	if err != nil {
		return err
	}
	t.errorIf("Mann-Whitney", rejected, about, test.P < alpha)
	for _, q := range []struct{ q, truth float64 }{{0.5, 1}, {0.9, math.Exp(1.2815515655446004)}} {
		interval, err := stats.Quantile(a, q.q, alpha)
		if err != nil {
			return err
		}
		name := map[float64]string{0.5: "median, order statistics", 0.9: "90 % quantile, order statistics"}[q.q]
		t.errorIf(name, missed, atMost, misses(interval.Low, interval.High, q.truth))
	}
	outerA, err := stats.OuterQuantileOf(values(r, 2_000, draw), 0.9)
	if err != nil {
		return err
	}
	outerB, err := stats.OuterQuantileOf(values(r, 2_000, draw), 0.9)
	if err != nil {
		return err
	}
	e, err := stats.CompareQuantiles(outerA, outerB, twoSided())
	if err != nil {
		return err
	}
	t.errorIf("90 % quantiles compared, outer interval", rejected, about, e.P < alpha)
	return nil
}
