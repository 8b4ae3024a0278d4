package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// Effect is a comparison of a treatment with a control.
type Effect struct {
	// Method names the computation, for the reader of a report.
	Method string
	// Difference is treatment - control, SE its standard error.
	Difference, SE float64
	// Statistic is Difference / SE. DF are its degrees of freedom; +Inf for a z statistic.
	Statistic, DF float64
	// Critical is the value that |Statistic| has to exceed at the level asked for.
	Critical float64
	// P is the two-sided p value and LnP its logarithm, which is right also where P underflows to 0.
	P, LnP float64
	// Low and High bound Difference: Difference ∓ Critical · SE.
	Low, High float64
	// Relative is nil when the control's mean is 0.
	Relative *Relative

	control, treatment sample // what another Rule needs to bound the same difference
}

// Relative is Difference / |control mean| with Fieller's interval.
type Relative struct {
	Value, Low, High float64
	// Unbounded: the control's mean is not significantly different from 0, so no finite interval covers the ratio. Low and High
	// are meaningless then.
	Unbounded bool
}

// sample is what an effect needs of an arm: its mean and the variance of that mean.
type sample struct{ mean, variance float64 }

// effect puts a comparison together from two samples, degrees of freedom (+Inf for z) and a level.
func effect(method string, a, b sample, df, alpha float64) (Effect, error) {
	variance := a.variance + b.variance
	if !(variance > 0) {
		return Effect{}, fail(ZeroVariance, "no unit differs from another within its arm, so there is nothing to judge a difference by")
	}
	e := Effect{Method: method, Difference: b.mean - a.mean, SE: math.Sqrt(variance), DF: df, control: a, treatment: b}
	e.Statistic = e.Difference / e.SE
	size := math.Abs(e.Statistic)
	if math.IsInf(df, 1) {
		e.Critical = -special.NormalQuantile(alpha / 2)
		e.P = 2 * special.NormalSurvival(size)
		e.LnP = math.Ln2 + special.LogNormalSurvival(size)
	} else {
		e.Critical = -special.StudentQuantile(alpha/2, df)
		e.P = 2 * special.StudentSurvival(size, df)
		e.LnP = math.Ln2 + special.LogStudentSurvival(size, df)
	}
	e.P, e.LnP = math.Min(1, e.P), math.Min(0, e.LnP)
	e.Low, e.High = e.Difference-e.Critical*e.SE, e.Difference+e.Critical*e.SE
	e.Relative = fieller(a, b, e.Critical)
	return e, nil
}

// fieller inverts |b - R a| <= c sqrt(Vb + R² Va) for the ratio R of means and returns R - 1 (E. C. Fieller, Some problems in
// interval estimation, JRSS B 16, 1954). It holds for any critical value c, so it excludes 0 exactly when the test of the
// difference rejects. With a negative baseline the sign is that of the difference.
func fieller(a, b sample, c float64) *Relative {
	if a.mean == 0 {
		return nil
	}
	ratio := b.mean / a.mean
	out := &Relative{Value: (b.mean - a.mean) / math.Abs(a.mean)}
	g := c * c * a.variance / (a.mean * a.mean)
	if g >= 1 {
		out.Unbounded = true
		return out
	}
	half := c / (math.Abs(a.mean) * (1 - g)) * math.Sqrt(b.variance*(1-g)+ratio*ratio*a.variance)
	low, high := ratio/(1-g)-half-1, ratio/(1-g)+half-1
	if a.mean < 0 {
		low, high = -high, -low
	}
	out.Low, out.High = low, high
	return out
}

func checkLevel(alpha float64) error {
	if !(alpha > 0 && alpha < 1) {
		return fail(InvalidInput, "the error probability alpha must lie between 0 and 1, not be %v", alpha)
	}
	return nil
}
