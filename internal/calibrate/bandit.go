package main

import (
	"math"
	"math/rand/v2"

	"github.com/assayhq/assay/stats"
)

const (
	banditUnits = 400
	banditDays  = 15
	banditFloor = 0.05
)

// banditStudies are of arms whose weights follow the results.
func banditStudies() []study {
	return []study{{
		name: "A bandit in a world that changes", part: 0.1, run: banditRun,
		world: "400 units a day, divided by Thompson's weights of the days before with a floor of 5 %. Both arms are the same; their rate climbs from 5 to 19 % in 15 days, each of which is a look.",
	}}
}

// traffic is a bandit of two arms.
type traffic struct {
	days      []stats.StratumSums // a day is a period of the same weights
	whole     [2]stats.Proportion // of all days
	treatment float64             // its share of the next day's units
}

func (b *traffic) day(r *rand.Rand, rate float64) error {
	arms := [2]*stats.CoSums{stats.NewCoSums(1), stats.NewCoSums(1)}
	for range banditUnits {
		arm, value := 0, 0.0
		if r.Float64() < b.treatment {
			arm = 1
		}
		b.whole[arm].N++
		if r.Float64() < rate {
			b.whole[arm].X++
			value = 1
		}
		if err := arms[arm].Add(value); err != nil {
			return err
		}
	}
	b.days = append(b.days, stats.StratumSums{Control: arms[0], Treatment: arms[1]})
	return nil
}

// move gives the arms the weights of a normal posterior.
func (b *traffic) move(e stats.Effect) error {
	each := e.SE / math.Sqrt2 // of the difference only the sum of both variances matters
	best, err := stats.BestOfGaussians([]float64{0, e.Difference}, []float64{each, each}, false)
	if err != nil {
		return err
	}
	weights, err := stats.ThompsonWeights(best, banditFloor)
	if err == nil {
		b.treatment = weights[1]
	}
	return err
}

func banditRun(r *rand.Rand, t *tally) error {
	b := traffic{treatment: 0.5}
	rho, err := stats.TunedRho(banditUnits*banditDays, alpha)
	if err != nil {
		return err
	}
	var ever [3]bool
	for day := range banditDays {
		if err := b.day(r, 0.05+0.01*float64(day)); err != nil {
			return err
		}
		rule, err := stats.ConfidenceSequence(float64(banditUnits*(day+1)), rho, alpha)
		if err != nil {
			return err
		}
		within, err := b.compared(rule, &ever)
		if err != nil {
			return err
		}
		if err := b.move(within); err != nil {
			return err
		}
	}
	t.errorIf("confidence sequence within periods of the same weights", "false positives, 15 looks", atMost, ever[0])
	t.errorIf("the same with each arm's own variance in every period", "false positives, 15 looks", nothing, ever[1])
	t.errorIf("confidence sequence of all units together", "false positives, 15 looks", nothing, ever[2])
	return nil
}

// compared judges the three comparisons at a look, and returns the one that counts.
func (b *traffic) compared(rule stats.Rule, ever *[3]bool) (stats.Effect, error) {
	steady, err := stats.PostStratifySteady(b.days, twoSided())
	if err != nil {
		return stats.Effect{}, err
	}
	own, err := stats.PostStratifySums(b.days, twoSided())
	if err != nil {
		return stats.Effect{}, err
	}
	pooled, _, err := stats.TwoProportions(b.whole[0], b.whole[1], alpha)
	if err != nil {
		return stats.Effect{}, err
	}
	for i, e := range []stats.Effect{steady.Effect, own.Effect, pooled} {
		judged, err := e.Under(rule)
		if err != nil {
			return stats.Effect{}, err
		}
		ever[i] = ever[i] || judged.Significant()
	}
	return steady.Effect, nil
}
