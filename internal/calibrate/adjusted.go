package main

import (
	"math"
	"math/rand/v2"

	"github.com/assayhq/assay/stats"
)

// adjustedStudies are worlds in which more is known of the units than the metric.
func adjustedStudies() []study {
	return []study{
		{
			name: "Means with two covariates", part: 0.5, run: twoCovariates,
			world: "300 units an arm: a normal and an exponential covariate from before, of which 10 % of the units lack the second, that explain half the variance; no effect.",
		},
		{
			name: "Before the exposure", part: 1, run: beforeExposure,
			world: "Two measurements of 200 units an arm from before the exposure, one of them lognormal; and 10,000 units of which 1 % were seen in both arms, which is the limit.",
		},
		{
			name: "Clustered quantiles", part: 0.2, run: clusteredQuantiles,
			world: "400 units an arm with 1 + Poisson(4) values each, lognormal, half of the logarithm's variance being the unit's own; no effect.",
		},
		{
			name: "Two experiments at once", part: 1, run: twoExperiments,
			world: "Four cells of 200 units, exponential, with an effect of each experiment and none of both; and 900 units in a table of two arms by three, as independent.",
		},
	}
}

// covariateArm draws the metric and its covariates.
func covariateArm(r *rand.Rand, n int) (*stats.CoSums, error) {
	y, first, second := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		first[i], second[i] = r.NormFloat64(), r.ExpFloat64()
		y[i] = 5 + first[i] + second[i] + math.Sqrt2*r.NormFloat64()
		if r.Float64() < 0.1 {
			second[i] = math.NaN()
		}
	}
	value, missing := stats.WithMissing(second)
	return stats.CoSumsOf(y, first, value, missing)
}

func twoCovariates(r *rand.Rand, t *tally) error {
	a, err := covariateArm(r, 300)
	if err != nil {
		return err
	}
	b, err := covariateArm(r, 300)
	if err != nil {
		return err
	}
	for _, way := range []struct {
		name string
		how  stats.Coefficients
	}{
		{"CUPED, coefficients of both arms together", stats.Together},
		{"CUPED, coefficients within the arms", stats.WithinArms},
		{"CUPED, coefficients per arm", stats.PerArm},
	} {
		e, err := stats.CUPEDBy(way.how, a, b, twoSided())
		if err != nil {
			return err
		}
		t.fixed(way.name, e.Effect, 0, 6)
		t.note(way.name, "variance removed", nothing, 0, e.VarianceReduction)
	}
	e, err := stats.CUPED(a, b, twoSided())
	if err != nil {
		return err
	}
	// The bound of the harm that is ruled out lies above the truth, no harm, as often as a margin of 0 is passed.
	n, err := e.NonInferior(stats.Margin{}, alpha)
	t.errorIf("CUPED, non-inferiority", "passes at the margin", about, n.NonInferior)
	return err
}

func beforeExposure(r *rand.Rand, t *tally) error {
	alarm := false
	for _, draw := range []func(*rand.Rand) float64{normal(10, 3), func(r *rand.Rand) float64 { return lognormal(r, 1) }} {
		_, imbalanced, err := stats.Imbalance(stats.MomentsOf(values(r, 200, draw)), stats.MomentsOf(values(r, 200, draw)), 2)
		if err != nil {
			return err
		}
		alarm = alarm || imbalanced
	}
	t.note("pre-period imbalance", "any alarm in the family", atMost, stats.ImbalanceLevel, indicator(alarm))
	// A Wilson interval at 95 % lies above the truth in half of its errors.
	crossover, err := stats.CrossoverShare(int64(binomial(r, 10_000, stats.CrossoverLimit)), 10_000)
	t.note("crossover share", "alarms at the limit", about, alpha/2, indicator(crossover.Alarm))
	t.errorIf("crossover share", missed, about, misses(crossover.Low, crossover.High, stats.CrossoverLimit))
	return err
}

// clustered draws the values of units that have several each, which resemble each other.
func clustered(r *rand.Rand, units int) [][]float64 {
	out := make([][]float64, units)
	for i := range out {
		level := math.Sqrt(0.5) * r.NormFloat64()
		out[i] = values(r, 1+int(poisson(r, 4)), func(r *rand.Rand) float64 { return math.Exp(level + math.Sqrt(0.5)*r.NormFloat64()) })
	}
	return out
}

func clusteredQuantiles(r *rand.Rand, t *tally) error {
	control, treatment := clustered(r, 400), clustered(r, 400)
	for _, c := range []struct {
		name     string
		q, truth float64
	}{{"median", 0.5, 1}, {"90 % quantile", 0.9, math.Exp(1.2815515655446004)}} {
		a, err := stats.ClusteredQuantile(control, c.q)
		if err != nil {
			return err
		}
		b, err := stats.ClusteredQuantile(treatment, c.q)
		if err != nil {
			return err
		}
		e, err := stats.CompareQuantiles(a, b, twoSided())
		if err != nil {
			return err
		}
		t.fixed(c.name+", outer interval of clusters", e, 0, c.truth)
	}
	return nil
}

func twoExperiments(r *rand.Rand, t *tally) error {
	var cells [4]stats.Sample
	for i, mean := range [4]float64{1, 1.2, 1.3, 1.5} { // aa, ab, ba, bb
		s, err := stats.MomentsOf(values(r, 200, func(r *rand.Rand) float64 { return mean + r.ExpFloat64() })).Sample()
		if err != nil {
			return err
		}
		cells[i] = s
	}
	_, _, p, err := stats.Interaction(cells[0], cells[1], cells[2], cells[3])
	if err != nil {
		return err
	}
	t.errorIf("interaction of two experiments", rejected, about, p < alpha)
	table := [][]int64{{0, 0, 0}, {0, 0, 0}}
	for range 900 {
		column := 0
		if at := r.Float64(); at > 0.5 {
			column = 1 + int(indicator(at > 0.8))
		}
		table[int(indicator(r.Float64() < 0.4))][column]++
	}
	independent, err := stats.Independence(table)
	t.errorIf("chi-square of independence", rejected, about, independent.P < alpha)
	return err
}
