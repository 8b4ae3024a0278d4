package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// Lift is a relative effect, (treatment - control) / |control|, with the intervals that others show beside Fieller's.
type Lift struct {
	Value float64
	// SE is the delta method's standard error, sqrt(V_b/A² + V_a B²/A⁴), and Delta the interval it gives (Deng, Knoblich and Lu, KDD
	// 2018). That interval can contradict the test of the difference when the control's mean is noisy.
	SE    float64
	Delta Range
	// G is Fieller's g = c² V_a / A²; from 1 on no finite interval covers the ratio, and Fieller is nil.
	G       float64
	Fieller *Range
	// Log is the log-ratio form, for skewed rates; nil unless both means are positive.
	Log *LogRatio
	// P is that of the difference, by the z test, and LnP its logarithm. Fieller leaves out 0 exactly when P is below alpha.
	P, LnP float64
}

// LogRatio is ln(treatment / control), its standard error sqrt(V_a/A² + V_b/B²) and the interval of the lift that it gives
// (T. C. Hesterberg, American Statistician 69, 2015, on why ratios are better judged on this scale).
type LogRatio struct {
	Value, SE float64
	Interval  Range
}

// RelativeLift is the relative effect b/a - 1 of two estimates at a fixed horizon with the normal's critical value, by each method in use: Fieller,
// the log ratio, and the delta method with SE² = (V_b + (b/a)² V_a)/a². A control of 0 has none: UndefinedRatio, while the difference still has
// its own test. Assumes estimates that are nearly normal and independent.
func RelativeLift(control, treatment Sample, alpha float64) (Lift, error) {
	e, err := NewEffect("relative lift", control, treatment, math.Inf(1), Test{Alpha: alpha})
	if err != nil {
		return Lift{}, err
	}
	if e.Relative == nil {
		return Lift{}, fail(UndefinedRatio, "the control's mean is 0, so there is no relative effect; the difference is not affected")
	}
	a, b := control.Mean, treatment.Mean
	out := Lift{Value: e.Relative.Value, P: e.P, LnP: e.LnP}
	out.SE = math.Sqrt(control.Variance*(b/a)*(b/a)+treatment.Variance) / math.Abs(a)
	out.Delta = Range{Low: out.Value - e.Critical*out.SE, High: out.Value + e.Critical*out.SE}
	out.G = e.Critical / math.Abs(a) * (e.Critical / math.Abs(a) * control.Variance)
	if !e.Relative.Unbounded {
		out.Fieller = &Range{Low: e.Relative.Low, High: e.Relative.High}
	}
	if a > 0 && b > 0 {
		out.Log = logRatio(control, treatment, e)
	}
	if !finite(out.Value, out.SE, out.Delta.Low, out.Delta.High, out.G) {
		return Lift{}, fail(InvalidInput, "the control's mean %v is too near 0 for a relative effect in floating-point numbers", a)
	}
	return out, nil
}

func logRatio(control, treatment Sample, e Effect) *LogRatio {
	a, b := control.Mean, treatment.Mean
	out := LogRatio{Value: math.Log(b / a), SE: math.Hypot(math.Sqrt(control.Variance)/a, math.Sqrt(treatment.Variance)/b)}
	if d := e.Difference / a; math.Abs(d) < 0.5 {
		out.Value = math.Log1p(d)
	}
	half := e.Critical * out.SE
	out.Interval = Range{Low: math.Expm1(out.Value - half), High: math.Expm1(out.Value + half)}
	if !finite(out.Value, out.SE, out.Interval.Low, out.Interval.High) {
		return nil
	}
	return &out
}

// TwoSidedZ is the two-sided p = 2 Φ(-|z|) of a z statistic, and its logarithm, which is right also where p underflows.
func TwoSidedZ(z float64) (p, lnP float64) {
	z = math.Abs(z)
	return math.Min(1, 2*special.NormalSurvival(z)), math.Min(0, math.Ln2+special.LogNormalSurvival(z))
}
