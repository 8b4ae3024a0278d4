package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// Moments are number, mean and sum of squared deviations of a value per unit.
type Moments struct {
	N        int64
	Mean, M2 float64
	// Rest is what rounding took from the mean, which is Mean + Rest; 0 where it is not known.
	Rest float64
}

// MomentsOf takes the moments of values by exact sums. Values that are no finite numbers make moments that every method refuses;
// SumsOf says which.
func MomentsOf(values []float64) Moments {
	s, err := SumsOf(values)
	if err != nil {
		return Moments{N: int64(len(values)), Mean: math.NaN(), M2: math.NaN()}
	}
	return s.Moments()
}

// MomentsFrom are the moments of an arm of which only number, mean and sample variance (with n - 1) are known.
func MomentsFrom(n int64, mean, variance float64) Moments {
	return Moments{N: n, Mean: mean, M2: variance * math.Max(1, float64(n-1))}
}

// Merge adds the units of another part of the same arm (Chan, Golub and LeVeque, 1983). It is for arms whose sums are not known;
// Sums merge exactly.
func (m Moments) Merge(o Moments) Moments {
	switch {
	case m.N == 0:
		return o
	case o.N == 0:
		return m
	}
	n, delta := m.N+o.N, (o.Mean-m.Mean)+(o.Rest-m.Rest)
	part := float64(o.N) / float64(n)
	return Moments{N: n, Mean: m.Mean + delta*part, M2: m.M2 + o.M2 + delta*delta*float64(m.N)*part}
}

// Variance is the sample variance with N - 1; NaN with fewer than two units.
func (m Moments) Variance() float64 {
	if m.N < 2 {
		return math.NaN()
	}
	return m.M2 / float64(m.N-1)
}

func (m Moments) check() error {
	switch {
	case m.N < 0 || m.M2 < 0 || !finite(m.Mean, m.M2, m.Rest):
		return fail(InvalidInput, "the moments of an arm are no finite numbers, or negative where they cannot be")
	case m.N < 2:
		return fail(InsufficientData, "an arm has fewer than two units")
	}
	return nil
}

// Sample is the mean with its variance s²/n, for a comparison under any rule. It takes two units.
func (m Moments) Sample() (Sample, error) {
	if err := m.check(); err != nil {
		return Sample{}, err
	}
	return Sample{Mean: m.Mean, Rest: m.Rest, Variance: m.Variance() / float64(m.N)}, nil
}

// Interval is Student's interval of the mean at level 1 - alpha, m ∓ t_{1-α/2}(n-1) s/√n. It assumes a mean that is nearly normal.
func (m Moments) Interval(alpha float64) (low, high float64, err error) {
	if err := checkLevel(alpha); err != nil {
		return 0, 0, err
	}
	sample, err := m.Sample()
	if err != nil {
		return 0, 0, err
	}
	half := -special.StudentQuantile(alpha/2, float64(m.N-1)) * math.Sqrt(sample.Variance)
	return m.Mean - half, m.Mean + half, nil
}

// Welch compares two means by Welch's t test, two-sided at level alpha: WelchTest with the zero alternative.
func Welch(control, treatment Moments, alpha float64) (Effect, error) {
	return WelchTest(control, treatment, Test{Alpha: alpha})
}

// WelchTest compares two means by Welch's t test with the Welch-Satterthwaite degrees of freedom (B. L. Welch, Biometrika 34,
// 1947; F. E. Satterthwaite, Biometrics Bulletin 2, 1946):
//
//	t = (m_b - m_a - null) / se, se² = V_a + V_b, V = s²/n, df = se⁴ / (V_a²/(n_a-1) + V_b²/(n_b-1))
//
// The arms may vary differently; one of them may not vary at all. It assumes independent units and means that are nearly normal,
// which they are with many units unless single values carry most of the sum.
func WelchTest(control, treatment Moments, t Test) (Effect, error) {
	a, b, err := samples(control, treatment)
	if err != nil {
		return Effect{}, err
	}
	return NewEffect("Welch's t test", a, b, satterthwaite(a.Variance, b.Variance, control.N, treatment.N), t)
}

// ZTest compares two means by the large-sample z test with the variance of each arm, z = (m_b - m_a - null)/√(s_a²/n_a + s_b²/n_b). Below some
// hundred units Welch's test is the better one.
func ZTest(control, treatment Moments, t Test) (Effect, error) {
	a, b, err := samples(control, treatment)
	if err != nil {
		return Effect{}, err
	}
	return NewEffect("z test of means", a, b, math.Inf(1), t)
}

func samples(control, treatment Moments) (a, b Sample, err error) {
	a, errA := control.Sample()
	b, errB := treatment.Sample()
	return a, b, graver(errA, errB)
}

// satterthwaite are the degrees of freedom of a difference of means with variances va and vb, as shares so that nothing overflows.
// It is +Inf, the normal's, when no variance is left to weigh.
func satterthwaite(va, vb float64, na, nb int64) float64 {
	total := va + vb
	if !(total > 0) || math.IsInf(total, 0) {
		return math.Inf(1)
	}
	share, rest := va/total, vb/total
	return 1 / (share*share/float64(na-1) + rest*rest/float64(nb-1))
}
