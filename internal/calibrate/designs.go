package main

import (
	"math"
	"math/rand/v2"

	"github.com/assayhq/assay/stats"
)

const (
	power  = 0.8
	asMade = "power"
)

// designedPower draws each design at its size.
func designedPower(r *rand.Rand, t *tally) error {
	if err := powerOfMeans(r, t); err != nil {
		return err
	}
	if err := powerOfRates(r, t); err != nil {
		return err
	}
	return powerOfSequences(r, t)
}

func found(p float64) float64 { return indicator(p < alpha) }

func powerOfMeans(r *rand.Rand, t *tally) error {
	size, err := stats.SizeForMeans(1, 2, 2, 2, alpha, power, stats.TwoSided)
	if err != nil {
		return err
	}
	a, b := int(math.Ceil(size.T)), int(math.Ceil(2*size.T))
	e, err := stats.Welch(stats.MomentsOf(values(r, a, normal(5, 2))), stats.MomentsOf(values(r, b, normal(6, 2))), alpha)
	if err != nil {
		return err
	}
	t.note("two means, size by the noncentral t", asMade, about, power, found(e.P))
	promised, err := stats.PowerOfMeans(30, 50, 1.5, 2, 3, alpha, stats.TwoSided)
	if err != nil {
		return err
	}
	e, err = stats.Welch(stats.MomentsOf(values(r, 30, normal(5, 2))), stats.MomentsOf(values(r, 50, normal(6.5, 3))), alpha)
	if err != nil {
		return err
	}
	t.note("two means, power at given units", asMade, about, promised.T, found(e.P))
	effect, err := stats.DetectableMean(500, 800, 2, 3, alpha, power)
	if err != nil {
		return err
	}
	e, err = stats.Welch(stats.MomentsOf(values(r, 500, normal(5, 2))), stats.MomentsOf(values(r, 800, normal(5+effect, 3))), alpha)
	t.note("two means, detectable effect", asMade, about, power, found(e.P))
	return err
}

func powerOfRates(r *rand.Rand, t *tally) error {
	pooled := func(method string, pA, pB float64, nA, nB int64, promised float64) error {
		z, err := stats.Pooled(rate(r, nA, pA), rate(r, nB, pB))
		t.note(method, asMade, about, promised, found(z.P))
		return err
	}
	size, err := stats.SizeForRates(0.1, 0.12, 1.5, alpha, power)
	if err != nil {
		return err
	}
	if err := pooled("two rates, size (Fleiss)", 0.1, 0.12, int64(math.Ceil(size.Pooled)), int64(math.Ceil(1.5*size.Pooled)), power); err != nil {
		return err
	}
	promised, err := stats.PowerOfRates(0.2, 0.23, 2_000, 3_000, alpha)
	if err != nil {
		return err
	}
	if err := pooled("two rates, power at given units", 0.2, 0.23, 2_000, 3_000, promised.Pooled); err != nil {
		return err
	}
	other, err := stats.DetectableRate(0.1, 4_000, 4_000, alpha, power)
	if err != nil {
		return err
	}
	if err := pooled("two rates, detectable rate", 0.1, other, 4_000, 4_000, power); err != nil {
		return err
	}
	return powerOfQuestions(r, t)
}

func powerOfQuestions(r *rand.Rand, t *tally) error {
	harmless, err := stats.Question{
		Kind: stats.RateMetric, Baseline: 0.2, Margin: 0.03, Alpha: alpha, Power: power, Shares: []float64{0.5, 0.5},
	}.Size()
	if err != nil {
		return err
	}
	n, err := stats.NonInferiorRates(rate(r, harmless.Arms[0], 0.2), rate(r, harmless.Arms[1], 0.2), 0.03)
	if err != nil {
		return err
	}
	t.note("non-inferiority of two rates, size", asMade, about, power, found(n.P))
	adjusted, err := stats.Question{
		Kind: stats.MeanMetric, Baseline: 5, SD: 2, Effect: 0.05, Relative: true, Alpha: alpha, Power: power, Shares: []float64{0.5, 0.5}, VarianceExplained: 0.5,
	}.Size()
	if err != nil {
		return err
	}
	arm := func(n int64, mean float64) (*stats.CoSums, error) {
		x, y := values(r, int(n), normal(0, math.Sqrt2)), make([]float64, n)
		for i := range y {
			y[i] = mean + x[i] + math.Sqrt2*r.NormFloat64()
		}
		return stats.CoSumsOf(y, x)
	}
	a, err := arm(adjusted.Arms[0], 5)
	if err != nil {
		return err
	}
	b, err := arm(adjusted.Arms[1], 5.25)
	if err != nil {
		return err
	}
	e, err := stats.CUPED(a, b, twoSided())
	t.note("means with CUPED, size", asMade, about, power, found(e.P))
	return err
}

// powerOfSequences follows the Z process of a design with looks, at the size that its inflation asks for.
func powerOfSequences(r *rand.Rand, t *tally) error {
	const stops = 5
	z := 2.8015852035753424 // z_{0.975} + z_{0.8}, by R 4.2.2
	bounds, err := stats.SpendingBoundary(stats.Spending{Kind: stats.OBrienFlemingSpending}, equal(stops), alpha, false)
	if err != nil {
		return err
	}
	inflation, err := bounds.Inflation(alpha, power)
	if err != nil {
		return err
	}
	sequence, err := stats.SequenceInflation(alpha, power)
	if err != nil {
		return err
	}
	rho, err := stats.TunedRho(1, alpha)
	if err != nil {
		return err
	}
	last, err := stats.ConfidenceSequence(1, rho, alpha)
	if err != nil {
		return err
	}
	drift, at, crossed := z*math.Sqrt(inflation), 0.0, false
	for k, bound := range bounds.Bounds {
		at += r.NormFloat64() / math.Sqrt(stops)
		share := float64(k+1) / stops
		crossed = crossed || (at+drift*share)/math.Sqrt(share) > bound
	}
	t.note("group-sequential, O'Brien-Fleming, five looks", asMade, about, power, indicator(crossed))
	t.note("confidence sequence, at its end", asMade, about, power, indicator(z*math.Sqrt(sequence)+r.NormFloat64() > last.Critical))
	return nil
}
