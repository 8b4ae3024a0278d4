package stats

import "math"

// Sample is what a comparison needs of an arm: an estimate and the variance of that estimate, not of a unit. Every metric kind
// makes one: Moments.Sample, Proportion.Sample, Ratio.Sample, CUPED.
type Sample struct {
	Mean float64
	// Rest is what rounding took from the estimate, which is Mean + Rest: with means near 1e9 the difference of two arms would lose
	// seven digits without it. 0 where it is not known.
	Rest     float64
	Variance float64
}

func (s Sample) check() error {
	if !finite(s.Mean, s.Rest, s.Variance) || s.Variance < 0 {
		return fail(InvalidInput, "an arm's estimate %v with variance %v is no result of a measurement", s.Mean, s.Variance)
	}
	return nil
}

// Effect is a comparison of a treatment with a control.
type Effect struct {
	// Method names the computation, for the reader of a report.
	Method string
	// Difference is treatment - control, SE its standard error.
	Difference, SE float64
	// Statistic is (Difference - Null) / SE. DF are its degrees of freedom; +Inf for a z statistic.
	Statistic, DF float64
	// Alternative and Null say what P tests: by default whether the difference is 0, two-sided.
	Alternative Alternative
	Null        float64
	// Critical is the value that the statistic has to exceed at the level asked for: its size when two-sided, its value in the
	// direction of the alternative otherwise.
	Critical float64
	// P is the p value and LnP its logarithm, which is right also where P underflows to 0.
	P, LnP float64
	// Low and High bound Difference: Difference ∓ Critical · SE. A one-sided comparison has an infinite end.
	Low, High float64
	// Relative is nil when the control's mean is 0.
	Relative *Relative
	// Warnings are sentences for the reader: what holds only nearly, or was left out.
	Warnings []string

	control, treatment Sample    // what another Rule needs to bound the same difference
	baseline           *baseline // set when the relative effect is not over the control's own estimate
}

// baseline is a denominator of the relative effect with its variance and its covariance with the difference.
type baseline struct{ mean, variance, covariance float64 }

// Relative is Difference / |control mean| with Fieller's interval.
type Relative struct {
	Value, Low, High float64
	// Unbounded: the control's mean is not significantly different from 0, so no finite interval covers the ratio. Low and High
	// are meaningless then.
	Unbounded bool
}

// Significant reports whether the statistic lies beyond the critical value; with Null 0 exactly when the interval, and the
// relative interval if it is bounded, exclude 0.
func (e Effect) Significant() bool { return e.Alternative.directed(e.Statistic) > e.Critical }

// NewEffect compares two estimates at a fixed horizon, with df degrees of freedom (+Inf: the normal). One critical value makes the
// interval of the difference and Fieller's interval of the relative difference, and p belongs to it; so the three never contradict
// each other. Under judges the same effect by another rule: a group-sequential look's, a confidence sequence's.
func NewEffect(method string, control, treatment Sample, df float64, t Test) (Effect, error) {
	return newEffect(Effect{Method: method, DF: df, control: control, treatment: treatment}, t)
}

// newEffect finishes an effect whose method, degrees of freedom, samples and baseline are set.
func newEffect(e Effect, t Test) (Effect, error) {
	if err := t.check(); err != nil {
		return Effect{}, err
	}
	if !(e.DF > 0) {
		return Effect{}, fail(InvalidInput, "there cannot be %v degrees of freedom", e.DF)
	}
	for _, s := range [...]Sample{e.control, e.treatment} {
		if err := s.check(); err != nil {
			return Effect{}, err
		}
	}
	variance := e.control.Variance + e.treatment.Variance
	if !(variance > 0) {
		return Effect{}, fail(ZeroVariance, "no unit differs from another within its arm, so there is nothing to judge a difference by")
	}
	e.Difference = (e.treatment.Mean - e.control.Mean) + (e.treatment.Rest - e.control.Rest)
	e.SE = math.Sqrt(variance)
	e.Alternative, e.Null = t.Alternative, t.Null
	e.Statistic = (e.Difference - e.Null) / e.SE
	e.P, e.LnP = t.p(e.Alternative.directed(e.Statistic), e.DF)
	e.bound(t.critical(e.DF))
	if !finite(e.Difference, e.SE, e.Statistic, e.Critical, e.LnP) {
		return Effect{}, fail(InvalidInput, "the arms are too far apart, or vary too little or too much, for floating-point numbers")
	}
	return e, nil
}

// bound makes both intervals from a critical value.
func (e *Effect) bound(critical float64) {
	half := critical * e.SE
	e.Critical = critical
	e.Low, e.High = e.Alternative.bounds(e.Difference-half, e.Difference+half)
	e.Relative = e.relative()
}

// relative is Fieller's interval (E. C. Fieller, Some problems in interval estimation, JRSS B 16, 1954): all L for which the
// difference d - L·m is not significant, m being the baseline. It holds for any critical value c, so it excludes 0 exactly when the
// test of the difference rejects. With a negative baseline the sign is that of the difference.
func (e *Effect) relative() *Relative {
	a, b, base := e.control, e.treatment, e.baseline
	plain := base == nil
	if plain {
		base = &baseline{mean: a.Mean, variance: a.Variance, covariance: -a.Variance}
	}
	if base.mean == 0 {
		return nil
	}
	ratio, c := e.Difference/base.mean, e.Critical/math.Abs(base.mean)
	g := c * (c * base.variance)
	if !(g < 1) {
		return &Relative{Value: e.Difference / math.Abs(base.mean), Unbounded: true}
	}
	var spread float64
	if plain { // b/a = R: Vb(1-g) + R²Va, in which nothing cancels
		spread = b.Variance*(1-g) + (b.Mean/a.Mean)*(b.Mean/a.Mean)*a.Variance
	} else {
		k := c * base.covariance
		spread = math.Max(0, e.SE*e.SE*(1-g)-2*ratio*base.covariance+ratio*ratio*base.variance+k*k)
	}
	centre, half := (ratio-c*(c*base.covariance))/(1-g), c/(1-g)*math.Sqrt(spread)
	if base.mean < 0 {
		centre = -centre
	}
	out := &Relative{Value: e.Difference / math.Abs(base.mean)}
	if !finite(centre, half) {
		out.Unbounded = true
		return out
	}
	out.Low, out.High = e.Alternative.bounds(centre-half, centre+half)
	return out
}

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

func checkLevel(alpha float64) error {
	if !(alpha > 0 && alpha < 1) {
		return fail(InvalidInput, "the error probability alpha must lie between 0 and 1, not be %v", alpha)
	}
	return nil
}

// RelativeSE is the delta method's standard error of the relative effect; NaN when there is none. Fieller's interval is the one to
// show: this one can contradict p.
func (e Effect) RelativeSE() float64 { return e.relativeSE(e.Difference) }

// relativeSE linearises the relative effect at a difference.
func (e Effect) relativeSE(difference float64) float64 {
	base := e.baseline
	if base == nil {
		base = &baseline{mean: e.control.Mean, variance: e.control.Variance, covariance: -e.control.Variance}
	}
	if base.mean == 0 {
		return math.NaN()
	}
	ratio := difference / base.mean
	return math.Sqrt(math.Max(0, e.SE*e.SE-2*ratio*base.covariance+ratio*ratio*base.variance)) / math.Abs(base.mean)
}
