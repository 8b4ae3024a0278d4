package stats

import (
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/assayhq/assay/stats/special"
)

// Moments are number, mean and sum of squared deviations of a value per unit.
type Moments struct {
	N        int64
	Mean, M2 float64
}

// MomentsOf takes the moments of values in two passes, so that a large mean takes nothing from a small variance.
func MomentsOf(values []float64) Moments {
	if len(values) == 0 {
		return Moments{}
	}
	mean, variance := stat.MeanVariance(values, nil)
	m := Moments{N: int64(len(values)), Mean: mean}
	if len(values) > 1 {
		m.M2 = variance * float64(len(values)-1)
	}
	return m
}

// Merge adds the units of another part of the same arm (Chan, Golub and LeVeque, 1983).
func (m Moments) Merge(o Moments) Moments {
	switch {
	case m.N == 0:
		return o
	case o.N == 0:
		return m
	}
	n, delta := m.N+o.N, o.Mean-m.Mean
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
	case m.N < 0 || m.M2 < 0 || math.IsNaN(m.Mean+m.M2) || math.IsInf(m.Mean+m.M2, 0):
		return fail(InvalidInput, "the moments of an arm are no finite numbers")
	case m.N < 2:
		return fail(InsufficientData, "an arm has fewer than two units")
	}
	return nil
}

func (m Moments) sample() sample {
	return sample{mean: m.Mean, variance: m.Variance() / float64(m.N)}
}

// Interval is Student's interval of the mean at level 1 - alpha.
func (m Moments) Interval(alpha float64) (low, high float64, err error) {
	if err := checkLevel(alpha); err != nil {
		return 0, 0, err
	}
	if err := m.check(); err != nil {
		return 0, 0, err
	}
	half := -special.StudentQuantile(alpha/2, float64(m.N-1)) * math.Sqrt(m.sample().variance)
	return m.Mean - half, m.Mean + half, nil
}

// Welch compares two means by Welch's t test with the Welch-Satterthwaite degrees of freedom (B. L. Welch, Biometrika 34, 1947;
// F. E. Satterthwaite, Biometrics Bulletin 2, 1946). The arms may vary differently; one of them may not vary at all.
func Welch(control, treatment Moments, alpha float64) (Effect, error) {
	if err := checkLevel(alpha); err != nil {
		return Effect{}, err
	}
	for _, m := range []Moments{control, treatment} {
		if err := m.check(); err != nil {
			return Effect{}, err
		}
	}
	a, b := control.sample(), treatment.sample()
	total := a.variance + b.variance
	share, rest := a.variance/total, b.variance/total // as shares, so that nothing overflows
	df := 1 / (share*share/float64(control.N-1) + rest*rest/float64(treatment.N-1))
	return effect("Welch's t test", a, b, df, alpha)
}
