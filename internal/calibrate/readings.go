package main

import (
	"math"
	"math/rand/v2"

	"github.com/assayhq/assay/stats"
)

const between = "intervals that miss the truth, of those that the correction rejects"

func sampleRatioPeriods(r *rand.Rand, t *tally) error {
	first, second := []float64{0.6, 0.2, 0.2}, []float64{0.4, 0.3, 0.3}
	draw := func(shares []float64) [][]int64 {
		var out [][]int64
		seen := [3]int64{}
		for range looks / 2 {
			n := int64(binomial(r, 300, shares[0]))
			m := int64(binomial(r, float64(300-n), shares[1]/(shares[1]+shares[2])))
			seen[0], seen[1], seen[2] = seen[0]+n, seen[1]+m, seen[2]+300-n-m
			out = append(out, append([]int64{}, seen[:]...))
		}
		return out
	}
	early := draw(first)
	s, err := stats.SampleRatioPeriods([]stats.SRMPeriod{{Looks: early, Shares: first}, {Looks: draw(second), Shares: second}}, stats.SRMConcentration)
	if err != nil {
		return err
	}
	t.errorIf("sequential, through a change of shares", everwrong, atMost, s.P[len(s.P)-1] < alpha)
	flat, err := stats.SampleRatioSequenceFlat(early, first)
	if err != nil {
		return err
	}
	t.errorIf("sequential, flat prior", "false positives, 15 looks", atMost, flat.P[len(flat.P)-1] < alpha)
	// Weights in whole numbers, as experiments record them.
	once, err := stats.SampleRatio(early[len(early)-1], []int64{3, 1, 1})
	t.errorIf("chi-square of whole weights, one look", rejected, about, once.P < alpha)
	return err
}

// intervalsOf are estimates in units of their standard errors, with what the truth is.
type intervalsOf struct{ z, p, truth []float64 }

// missing tells of each interval at its level whether it misses the truth, and whether any does.
func (i intervalsOf) missing(levels []float64) (out []bool, some bool, err error) {
	for k, level := range levels {
		rule, err := stats.FixedHorizon(level)
		if err != nil {
			return nil, false, err
		}
		out = append(out, math.Abs(i.z[k]-i.truth[k]) > rule.Critical)
		some = some || out[k]
	}
	return out, some, nil
}

// share of the intervals that miss the truth among those that leave out 0.
func (i intervalsOf) share(levels []float64, missing []bool) float64 {
	wrong, chosen := 0.0, 0.0
	for k, level := range levels {
		if i.p[k] < level {
			chosen++
			wrong += indicator(missing[k])
		}
	}
	return wrong / math.Max(1, chosen)
}

func correctedIntervals(r *rand.Rand, t *tally) error {
	const family = "any interval of the family that misses the truth"
	effects := []float64{0, 0, 0, 0, 1, 1, 2, 2, 3, 3}
	all := intervalsOf{z: correlated(r, effects), truth: effects}
	for _, z := range all.z {
		p, _ := stats.TwoSidedZ(z)
		all.p = append(all.p, p)
	}
	for _, c := range []stats.Correction{stats.Bonferroni, stats.BenjaminiHochberg} {
		levels, err := stats.Levels(c, all.p, alpha)
		if err != nil {
			return err
		}
		missing, some, err := all.missing(levels)
		if err != nil {
			return err
		}
		if c == stats.Bonferroni {
			t.errorIf(string(c), family, atMost, some)
		}
		t.note(string(c), between, atMost, alpha, all.share(levels, missing))
	}
	levels, err := stats.WeightedLevels([]float64{4, 1, 1, 1, 1, 1, 1, 1, 1, 1}, alpha)
	if err != nil {
		return err
	}
	_, some, err := all.missing(levels)
	t.errorIf("weighted Bonferroni", family, atMost, some)
	return err
}

func readings(r *rand.Rand, t *tally) error {
	a, b := stats.MomentsOf(values(r, 40, normal(10, 2))), stats.MomentsOf(values(r, 60, normal(10, 3)))
	for _, side := range []struct {
		name string
		stats.Alternative
	}{{"above", stats.Greater}, {"below", stats.Less}} {
		e, err := stats.WelchTest(a, b, stats.Test{Alpha: alpha, Alternative: side.Alternative})
		if err != nil {
			return err
		}
		t.errorIf("Welch, one-sided, "+side.name, rejected, about, e.P < alpha)
		t.errorIf("Welch, one-sided, "+side.name, "bounds beyond the truth", about, misses(e.Low, e.High, 0))
	}
	// At the margin exactly, harm and its absence are both wrong to state.
	worse, err := stats.Welch(a, stats.MomentsOf(values(r, 60, normal(9, 3))), alpha)
	if err != nil {
		return err
	}
	standing, err := stats.AgainstMargin(worse.Low, worse.High, 1, false)
	if err != nil {
		return err
	}
	t.errorIf("interval read against a margin", "statements at the margin", about, standing != stats.Inconclusive)
	low, high, err := a.Interval(alpha)
	if err != nil {
		return err
	}
	reached, err := stats.AgainstTarget(low, high, 10, false)
	if err != nil {
		return err
	}
	t.errorIf("interval read against a target", "statements at the target", about, reached != stats.TargetOpen)
	return lifts(r, t)
}

func lifts(r *rand.Rand, t *tally) error {
	control, err := stats.MomentsOf(values(r, 400, normal(10, 20))).Sample()
	if err != nil {
		return err
	}
	treatment, err := stats.MomentsOf(values(r, 400, normal(12, 20))).Sample()
	if err != nil {
		return err
	}
	lift, err := stats.RelativeLift(control, treatment, alpha)
	if err != nil {
		return err
	}
	if lift.Fieller != nil {
		t.errorIf("relative effect, Fieller", missed, about, misses(lift.Fieller.Low, lift.Fieller.High, 0.2))
	}
	if lift.Log != nil {
		t.errorIf("relative effect, log ratio", missed, about, misses(lift.Log.Interval.Low, lift.Log.Interval.High, 0.2))
	}
	t.errorIf("relative effect, delta method", missed, nothing, misses(lift.Delta.Low, lift.Delta.High, 0.2))
	return nil
}
