package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// Proportion is a binary metric in an arm: X of N units converted.
type Proportion struct{ N, X int64 }

// Merge adds the units of another part of the same arm.
func (p Proportion) Merge(o Proportion) Proportion { return Proportion{N: p.N + o.N, X: p.X + o.X} }

// Rate is X / N; NaN for no units.
func (p Proportion) Rate() float64 { return float64(p.X) / float64(p.N) }

func (p Proportion) check() error {
	switch {
	case p.N < 0 || p.X < 0 || p.X > p.N:
		return fail(InvalidInput, "%d conversions of %d units cannot be", p.X, p.N)
	case p.N == 0:
		return fail(InsufficientData, "an arm has no units yet")
	}
	return nil
}

// rest is what rounding took from the rate: two rates near 1 differ by little, of which it would be the most.
func (p Proportion) rest() float64 {
	return math.FMA(-p.Rate(), float64(p.N), float64(p.X)) / float64(p.N)
}

// rateDifference is treatment - control, right to its last digits.
func rateDifference(control, treatment Proportion) float64 {
	return (treatment.Rate() - control.Rate()) + (treatment.rest() - control.rest())
}

// Sample is the rate with its variance p(1-p)/n, for a comparison under any rule. It takes one unit.
func (p Proportion) Sample() (Sample, error) {
	if err := p.check(); err != nil {
		return Sample{}, err
	}
	rate := p.Rate()
	return Sample{Mean: rate, Rest: p.rest(), Variance: rate * (float64(p.N-p.X) / float64(p.N)) / float64(p.N)}, nil
}

// PooledZ is the classical test of two proportions with the variance under equality.
type PooledZ struct{ SE, Z, P, LnP float64 }

// Pooled is the pooled z test of two rates, two-sided: z = (p_b - p_a) / sqrt(p(1-p)(1/n_a + 1/n_b)) with the rate p of both arms
// together (J. L. Fleiss, B. Levin and M. C. Paik, Statistical Methods for Rates and Proportions, 2003, chapter 3). When nobody
// converted, or everybody, z is 0 and p is 1 by convention.
func Pooled(control, treatment Proportion) (PooledZ, error) {
	if err := checkBoth(control, treatment); err != nil {
		return PooledZ{}, err
	}
	all := control.Merge(treatment)
	difference := rateDifference(control, treatment)
	n := float64(all.N)
	pooled := PooledZ{SE: math.Sqrt(all.Rate() * (float64(all.N-all.X) / n) * (n / float64(control.N) / float64(treatment.N)))}
	if pooled.SE > 0 {
		pooled.Z = difference / pooled.SE
	}
	size := math.Abs(pooled.Z)
	pooled.P, pooled.LnP = 2*special.NormalSurvival(size), math.Ln2+special.LogNormalSurvival(size)
	return pooled, nil
}

// checkBoth refuses impossible counts before empty arms.
func checkBoth(control, treatment Proportion) error {
	return graver(control.check(), treatment.check())
}

// TwoProportions compares two rates by the z test with the unpooled variance of each arm (A. Agresti, Categorical Data Analysis, 2002, section
// 3.1), whose interval and p agree; the pooled test, which is the better known one, is returned beside it:
//
//	z = (p_b - p_a) / √(p_a(1-p_a)/n_a + p_b(1-p_b)/n_b)
//
// It assumes units that convert independently, and expected counts of 5 and more in each cell (Small).
func TwoProportions(control, treatment Proportion, alpha float64) (Effect, PooledZ, error) {
	pooled, err := Pooled(control, treatment)
	if err != nil {
		return Effect{}, PooledZ{}, err
	}
	a, _ := control.Sample() // both were checked
	b, _ := treatment.Sample()
	e, err := NewEffect("two-proportion z test (unpooled)", a, b, math.Inf(1), Test{Alpha: alpha})
	if err != nil {
		return Effect{}, PooledZ{}, err
	}
	return e, pooled, nil
}
