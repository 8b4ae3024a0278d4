package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// QuantileInterval is a quantile with an interval that assumes nothing about the distribution.
type QuantileInterval struct {
	Estimate float64
	// Lower and Upper are the order statistics (from 1) at the ends; 0 where there are too few values for an end, which is infinite then.
	Lower, Upper int
	Low, High    float64
	// Coverage is the exact probability that the interval covers the quantile of a continuous distribution.
	Coverage float64
}

// Quantile is the q quantile of values at level 1 - alpha, from order statistics (H. A. David and H. N. Nagaraja, Order Statistics,
// 2003, section 7.1): the lower end is the largest value l with P(Bin(n, q) <= l-1) <= alpha/2, the upper one the smallest u with
// P(Bin(n, q) <= u-1) >= 1 - alpha/2. The estimate is type 7 of R. J. Hyndman and Y. Fan (American Statistician 50, 1996). q is in
// (0, 1); the median is q = ½. It assumes independent values: where a unit has many, use CompareQuantiles.
func Quantile(values []float64, q, alpha float64) (QuantileInterval, error) {
	if err := checkLevel(alpha); err != nil {
		return QuantileInterval{}, err
	}
	if !(q > 0 && q < 1) {
		return QuantileInterval{}, fail(InvalidInput, "the quantile must lie between 0 and 1, not be %v", q)
	}
	if !finite(values...) {
		return QuantileInterval{}, fail(InvalidInput, "a value is no finite number")
	}
	if len(values) == 0 {
		return QuantileInterval{}, fail(InsufficientData, "there are no values")
	}
	v := sorted(values)
	n := float64(len(v))
	tail := alpha / 2 * (1 + 1e-12) // an exact tie is within
	out := QuantileInterval{Estimate: type7(v, q), Low: math.Inf(-1), High: math.Inf(1), Coverage: 1}
	out.Lower = lastWhere(len(v), func(l int) bool { return special.BinomialCDF(float64(l-1), n, q) <= tail })
	out.Upper = len(v) + 1 - lastWhere(len(v), func(k int) bool { return special.BinomialSurvival(float64(len(v)-k), n, q) <= tail })
	if out.Lower > 0 {
		out.Low = v[out.Lower-1]
		out.Coverage -= special.BinomialCDF(float64(out.Lower-1), n, q)
	}
	if out.Upper > len(v) {
		out.Upper = 0
		return out, nil
	}
	out.High = v[out.Upper-1]
	out.Coverage -= special.BinomialSurvival(float64(out.Upper-1), n, q)
	return out, nil
}

// Median is the quantile at ½.
func Median(values []float64, alpha float64) (QuantileInterval, error) {
	return Quantile(values, 0.5, alpha)
}

// lastWhere is the largest of 1..n for which a condition holds that holds up to some number only; 0 when it never does.
func lastWhere(n int, holds func(int) bool) int {
	low, high := 0, n
	for low < high {
		middle := (low + high + 1) / 2
		if holds(middle) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}

// type7 is the linear quantile of sorted values, R's default.
func type7(v []float64, q float64) float64 {
	at := q * float64(len(v)-1)
	i := int(at)
	if i+1 >= len(v) {
		return v[len(v)-1]
	}
	part := at - float64(i)
	return v[i]*(1-part) + v[i+1]*part
}

// OuterQuantile is a sample quantile in an arm whose units may have many values each, by the values at its outer interval.
type OuterQuantile struct {
	// N are the units that were randomised (clusters) or the values, if each unit has one. Star is the number of independent values
	// that the outer interval was made for; the same as N when there are no clusters.
	N, Star int64
	// Value is the sample quantile, Lower and Upper the ones at OuterRanks' probabilities.
	Value, Lower, Upper float64
}

// outerZ is the two-sided 95 % quantile that outer intervals are made with.
const outerZ = 1.959963984540054

// OuterRanks are the probabilities at which Lower and Upper of an OuterQuantile are taken: q ∓ z·sqrt(q(1-q)/n), z at 95 %.
func OuterRanks(q float64, star int64) (low, high float64) {
	half := outerZ * math.Sqrt(q*(1-q)/float64(star))
	return math.Max(0, q-half), math.Min(1, q+half)
}

// OuterQuantileOf is the q quantile of one independent value per unit, with the values at OuterRanks; ClusteredQuantile is for units with several.
func OuterQuantileOf(values []float64, q float64) (OuterQuantile, error) {
	if !(q > 0 && q < 1) || !finite(values...) {
		return OuterQuantile{}, fail(InvalidInput, "a quantile in (0, 1) of finite values was expected, not %v", q)
	}
	n := int64(len(values))
	if n < 2 {
		return OuterQuantile{}, fail(InsufficientData, "an arm has fewer than two units")
	}
	v := sorted(values)
	low, high := OuterRanks(q, n)
	return OuterQuantile{N: n, Star: n, Value: type7(v, q), Lower: type7(v, low), Upper: type7(v, high)}, nil
}

// ClusteredQuantile is the q quantile of all values of an arm whose units may have any number of them (A. Deng, U. Knoblich and J. Lu, KDD
// 2018, section 4): the share of values at or below the quantile is a ratio metric over units, so the delta method says how uncertain that
// share is (CoSums.Ratio), and the outer interval is taken at q ∓ z times its standard error. It holds whether values of a unit resemble
// each other or not; Star is N, because nothing is left to correct. It takes two units with values, and assumes many.
func ClusteredQuantile(units [][]float64, q float64) (OuterQuantile, error) {
	var values []float64
	for _, own := range units {
		values = append(values, own...)
	}
	if !(q > 0 && q < 1) || !finite(values...) {
		return OuterQuantile{}, fail(InvalidInput, "a quantile in (0, 1) of finite values was expected, not %v", q)
	}
	if len(values) == 0 {
		return OuterQuantile{}, fail(InsufficientData, "there are no values")
	}
	v := sorted(values)
	at, below := type7(v, q), NewCoSums(2)
	for _, own := range units {
		if len(own) == 0 {
			continue
		}
		if err := below.Add(float64(countAtMost(own, at)), float64(len(own))); err != nil {
			return OuterQuantile{}, err
		}
	}
	share, err := below.Ratio(0, 1)
	if err != nil {
		return OuterQuantile{}, err
	}
	if share.Variance == 0 { // each unit has the same share below: as if all values were independent
		share.Variance = q * (1 - q) / float64(len(v))
	}
	half := outerZ * math.Sqrt(share.Variance)
	return OuterQuantile{
		N: below.N(), Star: below.N(), Value: at,
		Lower: type7(v, math.Max(0, q-half)), Upper: type7(v, math.Min(1, q+half)),
	}, nil
}

// countAtMost is how many values are not above a limit.
func countAtMost(values []float64, limit float64) int {
	n := 0
	for _, v := range values {
		if v <= limit {
			n++
		}
	}
	return n
}

// UnitVariance is (n*/n)(n-1)((upper - lower)/(2z))², the variance of the quantile times N.
func (o OuterQuantile) UnitVariance() float64 {
	sd := (o.Upper - o.Lower) / (2 * outerZ)
	return float64(o.Star) / float64(o.N) * float64(o.N-1) * sd * sd
}

// Sample is the quantile for a comparison under any rule.
func (o OuterQuantile) Sample() (Sample, error) {
	switch {
	case o.N < 0 || o.Star < 0 || !finite(o.Value, o.Lower, o.Upper) || o.Lower > o.Upper:
		return Sample{}, fail(InvalidInput, "a quantile of %v between %v and %v cannot be", o.Value, o.Lower, o.Upper)
	case o.N < 2 || o.Star < 1:
		return Sample{}, fail(InsufficientData, "an arm has fewer than two units")
	case o.Lower == o.Upper:
		return Sample{}, fail(ZeroVariance, "the values around the quantile are all equal, so there is nothing to judge a difference by")
	}
	return Sample{Mean: o.Value, Variance: o.UnitVariance() / float64(o.N)}, nil
}

// CompareQuantiles compares a quantile of two arms by the z test with the outer interval's variances (A. Deng, U. Knoblich and J. Lu,
// KDD 2018, section 4), which hold for clustered units. There is no floor under the variance: seconds and milliseconds give the
// same answer.
func CompareQuantiles(control, treatment OuterQuantile, t Test) (Effect, error) {
	a, errA := control.Sample()
	b, errB := treatment.Sample()
	if err := graver(errA, errB); err != nil {
		return Effect{}, err
	}
	return NewEffect("z test of quantiles (outer interval)", a, b, math.Inf(1), t)
}
