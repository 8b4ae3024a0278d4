package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

func (q Question) check() error {
	if err := q.checkMetric(); err != nil {
		return err
	}
	if err := q.checkArms(); err != nil {
		return err
	}
	if err := checkLevel(q.Alpha); err != nil {
		return err
	}
	level := q.alpha()
	if q.Margin == 0 {
		level /= 2
	}
	if !(q.Power > level && q.Power < 1) {
		return fail(InvalidInput, "the power must lie between the level of a comparison and 1, not be %v", q.Power)
	}
	if !(q.VarianceExplained >= 0 && q.VarianceExplained < 1) {
		return fail(InvalidInput, "a covariate explains a share of the variance from 0 to less than 1, not %v", q.VarianceExplained)
	}
	for _, factor := range []float64{q.DesignEffect, q.Inflation} {
		if factor != 0 && !(factor > 0 && factor < 1e6) {
			return fail(InvalidInput, "a factor of the sample must be more than 0, not %v", factor)
		}
	}
	return nil
}

func (q Question) checkMetric() error {
	if !finite(q.Baseline, q.SD, q.Effect, q.Margin) || q.SD < 0 || q.Margin < 0 {
		return fail(InvalidInput, "baseline, standard deviation, effect and margin must be finite, and the second and the last not negative")
	}
	switch q.Kind {
	case RateMetric:
		if !(q.Baseline > 0 && q.Baseline < 1) {
			return fail(InvalidInput, "the baseline of a rate must lie between 0 and 1, not be %v", q.Baseline)
		}
	case MeanMetric, RatioMetric:
		if q.SD == 0 {
			return fail(ZeroVariance, "the metric needs the standard deviation of a unit")
		}
	default:
		return fail(InvalidInput, "%q is no kind of metric; there are rate, mean and ratio", q.Kind)
	}
	if q.Relative && q.Baseline == 0 {
		return fail(UndefinedRatio, "the baseline is 0, so there is no relative effect; ask for an absolute one")
	}
	if q.Margin == 0 && q.Effect == 0 {
		return fail(InvalidInput, "an effect of 0 is never found; give the smallest effect that matters")
	}
	return nil
}

func (q Question) checkArms() error {
	sum := 0.0
	for _, share := range q.Shares {
		if !(share > 0) {
			return fail(InvalidInput, "every arm needs a share of more than 0, not %v", share)
		}
		sum += share
	}
	if len(q.Shares) < 2 || math.Abs(sum-1) > 1e-6 {
		return fail(InvalidInput, "there are at least two arms, control first, whose shares sum to 1, not %v", q.Shares)
	}
	if q.Comparisons < 0 || q.Comparisons > 1e6 {
		return fail(InvalidInput, "a family of %d comparisons cannot be", q.Comparisons)
	}
	return nil
}

// SequenceInflation is the factor of the sample by which a confidence sequence keeps the power at its planned end, when it is tuned to it:
// ((c + z_power)/(z_{1-α/2} + z_power))² with the critical value c there. It stops earlier on the average.
func SequenceInflation(alpha, power float64) (float64, error) {
	if err := checkSize(1, alpha, power); err != nil {
		return 0, err
	}
	rho, err := TunedRho(1, alpha)
	if err != nil {
		return 0, err
	}
	rule, err := ConfidenceSequence(1, rho, alpha)
	if err != nil {
		return 0, err
	}
	z, b := -special.NormalQuantile(alpha/2), -special.NormalQuantile(1-power)
	if !(z+b > 0) {
		return 0, fail(NotAttainable, "a test has the power %v without any effect", power)
	}
	ratio := (rule.Critical + b) / (z + b)
	return ratio * ratio, nil
}

// RunTime is how long a sample takes.
type RunTime struct {
	// Days are those until the units are there, Planned those rounded up to whole weeks: at least one, and at least the metric's window.
	Days, Planned int
	// Extrapolated: the curve ended before the units were there, and its last day was taken to go on.
	Extrapolated bool
}

// RunTime reads the number of new units on each day since a start (distinct ones: returning visitors count once, so the numbers fall) until
// total is reached, and adds the days of the metric's window. Whole weeks, because weekdays differ.
func (d Design) RunTime(newUnits []float64, windowDays int) (RunTime, error) {
	if len(newUnits) == 0 || windowDays < 0 {
		return RunTime{}, fail(InvalidInput, "a run time needs the new units of at least one day and a window that is not negative")
	}
	need, out := float64(d.Total), RunTime{}
	for day, units := range newUnits {
		if !finite(units) || units < 0 {
			return RunTime{}, fail(InvalidInput, "day %d cannot have %v new units", day+1, units)
		}
		if need > 0 {
			need -= units
			out.Days++
		}
	}
	if need > 0 {
		daily := newUnits[len(newUnits)-1]
		if !(daily > 0) || need/daily > 36_500 {
			return RunTime{}, fail(NotAttainable, "with %v new units a day the sample of %d is not there in a hundred years", daily, d.Total)
		}
		out.Days += int(math.Ceil(need / daily))
		out.Extrapolated = true
	}
	out.Planned = max(7, (out.Days+windowDays+6)/7*7)
	return out, nil
}
