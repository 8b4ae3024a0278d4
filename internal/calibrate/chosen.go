package main

import (
	"math"
	"math/rand/v2"

	"github.com/assayhq/assay/stats"
)

// chosenStudies are of what a plan may choose for a metric.
func chosenStudies() []study {
	return []study{
		{
			name: "Ranks, five looks", part: 0.5, run: ranksInLooks,
			world: "50 units a look and arm, of which 60 % are at 0 and the others lognormal with sigma 2; no effect. And 60 against 40 units, exponential with means 1 and 2, and shifted by 0.7.",
		},
		{
			name: "Strata with a covariate", part: 0.5, run: strataWithCovariate,
			world: "600 units, each in one of two arms by chance and in one of four strata of unequal size, whose means are 0 to 30; a covariate explains two thirds of the rest. No effect.",
		},
	}
}

// manyZeros is a metric as spending often is: most units are tied.
func manyZeros(r *rand.Rand) float64 {
	if r.Float64() < 0.6 {
		return 0
	}
	return lognormal(r, 2)
}

func ranksInLooks(r *rand.Rand, t *tally) error {
	const looks = 5
	plan := stats.GroupSequentialPlan{Alpha: alpha, Spending: stats.Spending{Kind: stats.OBrienFlemingSpending}}
	var a, b, information []float64
	ever := false
	for k := range looks {
		a, b, information = append(a, values(r, 50, manyZeros)...), append(b, values(r, 50, manyZeros)...), append(information, float64(k+1)/looks)
		look, err := plan.Look(information, k == looks-1)
		if err != nil {
			return err
		}
		rule, err := look.RuleAt(alpha)
		if err != nil {
			return err
		}
		ranks, err := stats.CompareRanks(a, b)
		if err != nil {
			return err
		}
		e, err := ranks.Under(rule)
		if err != nil {
			return err
		}
		ever = ever || e.P < alpha
	}
	t.errorIf("Mann-Whitney, Lan-DeMets O'Brien-Fleming", "false positives, five looks", about, ever)
	return rankIntervals(r, t)
}

// rankIntervals are those at a fixed horizon. Of two exponentials the superiority is the share of the larger mean in both.
func rankIntervals(r *rand.Rand, t *tally) error {
	rule, err := stats.FixedHorizon(alpha)
	if err != nil {
		return err
	}
	exponential := func(r *rand.Rand) float64 { return r.ExpFloat64() }
	control := values(r, 60, exponential)
	longer, err := stats.CompareRanks(control, values(r, 40, func(r *rand.Rand) float64 { return 2 * r.ExpFloat64() }))
	if err != nil {
		return err
	}
	low, high := longer.Interval(rule.Critical)
	t.errorIf("probability of superiority", missed, about, misses(low, high, 2.0/3))
	moved, err := stats.CompareRanks(control, values(r, 40, func(r *rand.Rand) float64 { return 0.7 + r.ExpFloat64() }))
	if err != nil {
		return err
	}
	shift := moved.Shift(rule.Critical)
	t.errorIf("shift, Hodges-Lehmann", missed, about, misses(shift.Low, shift.High, 0.7))
	return nil
}

// layered are the units of strataWithCovariate: by stratum as sums, without the covariate and with it, and by arm as columns.
type layered struct {
	plain, adjusted [4]stats.StratumSums
	columns         [2][][]float64
}

func newLayered() *layered {
	out := &layered{}
	for s := range out.plain {
		out.plain[s] = stats.StratumSums{Control: stats.NewCoSums(1), Treatment: stats.NewCoSums(1)}
		out.adjusted[s] = stats.StratumSums{Control: stats.NewCoSums(2), Treatment: stats.NewCoSums(2)}
	}
	for arm := range out.columns {
		out.columns[arm] = make([][]float64, 3)
	}
	return out
}

func (l *layered) add(stratum, arm int, y, x float64) error {
	for j, v := range []float64{y, x, float64(stratum)} {
		l.columns[arm][j] = append(l.columns[arm][j], v)
	}
	if arm == 0 {
		return addBoth(l.plain[stratum].Control, l.adjusted[stratum].Control, y, x)
	}
	return addBoth(l.plain[stratum].Treatment, l.adjusted[stratum].Treatment, y, x)
}

func strataWithCovariate(r *rand.Rand, t *tally) error {
	units, mean := newLayered(), 0.0
	shares := [4]float64{0.5, 0.25, 0.15, 0.1}
	for s, share := range shares {
		mean += share * (5 + 10*float64(s))
	}
	for range 600 {
		s := stratumAt(shares, r.Float64())
		x := r.NormFloat64()
		y := 5 + 10*float64(s) + math.Sqrt2*x + r.NormFloat64()
		if err := units.add(s, r.IntN(2), y, x); err != nil {
			return err
		}
	}
	for i, strata := range [][]stats.StratumSums{units.plain[:], units.adjusted[:]} {
		name := []string{"post-stratified, from sums", "post-stratified with CUPED"}[i]
		e, err := stats.PostStratifySums(strata, twoSided())
		if err != nil {
			return err
		}
		t.fixed(name, e.Effect, 0, mean)
		t.note(name, "variance removed", nothing, 0, e.VarianceReduction)
	}
	e, err := stats.Interacted(units.columns[0], units.columns[1], twoSided())
	if err != nil {
		return err
	}
	t.fixed("regression with interactions, HC2", e, 0, mean)
	return nil
}

// stratumAt is the stratum that holds a point of [0, 1).
func stratumAt(shares [4]float64, at float64) int {
	s := 0
	for at > shares[s] && s < len(shares)-1 {
		at -= shares[s]
		s++
	}
	return s
}

func addBoth(plain, adjusted *stats.CoSums, y, x float64) error {
	if err := plain.Add(y); err != nil {
		return err
	}
	return adjusted.Add(y, x)
}
