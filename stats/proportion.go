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

// Wilson is the score interval of a rate at level 1 - alpha (E. B. Wilson, JASA 22, 1927). It stays within [0, 1] and exists for
// 0 and N conversions.
func (p Proportion) Wilson(alpha float64) (low, high float64, err error) {
	if err := checkLevel(alpha); err != nil {
		return 0, 0, err
	}
	if err := p.check(); err != nil {
		return 0, 0, err
	}
	z := -special.NormalQuantile(alpha / 2)
	n, rate := float64(p.N), p.Rate()
	scale := 1 + z*z/n
	centre := (rate + z*z/(2*n)) / scale
	half := z * math.Sqrt(rate*(1-rate)/n+z*z/(4*n*n)) / scale
	return math.Max(0, centre-half), math.Min(1, centre+half), nil
}

// PooledZ is the classical test of two proportions with the variance under equality.
type PooledZ struct{ SE, Z, P, LnP float64 }

// TwoProportions compares two rates by the z test with the unpooled variance p(1-p)/n of each arm, whose interval and p agree; the
// pooled test, which is the better known one, is returned beside it. Both are large-sample methods.
func TwoProportions(control, treatment Proportion, alpha float64) (Effect, PooledZ, error) {
	if err := checkLevel(alpha); err != nil {
		return Effect{}, PooledZ{}, err
	}
	for _, p := range []Proportion{control, treatment} {
		if err := p.check(); err != nil {
			return Effect{}, PooledZ{}, err
		}
	}
	e, err := effect("two-proportion z test (unpooled)", control.sample(), treatment.sample(), math.Inf(1), alpha)
	if err != nil {
		return Effect{}, PooledZ{}, err
	}
	all := control.Merge(treatment)
	rate := all.Rate()
	pooled := PooledZ{SE: math.Sqrt(rate * (1 - rate) * (1/float64(control.N) + 1/float64(treatment.N)))}
	pooled.Z = e.Difference / pooled.SE
	pooled.P = 2 * special.NormalSurvival(math.Abs(pooled.Z))
	pooled.LnP = math.Ln2 + special.LogNormalSurvival(math.Abs(pooled.Z))
	return e, pooled, nil
}

func (p Proportion) sample() sample {
	rate := p.Rate()
	return sample{mean: rate, variance: rate * (1 - rate) / float64(p.N)}
}
