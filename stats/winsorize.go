package stats

import (
	"math"
	"slices"
)

// Caps cut a metric's values at a low and a high value; infinities cut nothing.
type Caps Range

// Uncapped cuts nothing.
func Uncapped() Caps { return Caps{Low: math.Inf(-1), High: math.Inf(1)} }

// Of is the value that counts for v.
func (c Caps) Of(v float64) float64 { return math.Max(c.Low, math.Min(c.High, v)) }

// Percentiles says at which quantiles of all values, over all arms together, a metric is cut: from each arm's own values a cap would
// differ between arms and make a difference of its own. Zero values cut nothing.
type Percentiles struct {
	// Lower and Upper are in (0, 1), Lower below Upper; 0 for none. Upper 1 is the largest value.
	Lower, Upper float64
	// NonZero takes the quantiles of the values that are not 0, for metrics that are 0 for most units.
	NonZero bool
}

// Caps are the type 7 quantiles of the values (R. J. Hyndman and Y. Fan, American Statistician 50, 1996). An end for which there is no value is
// infinite. Take the values of all arms together: caps of each arm would remove a part of the effect.
func (p Percentiles) Caps(values []float64) (Caps, error) {
	if !(p.Lower >= 0 && p.Lower < 1) || !(p.Upper >= 0 && p.Upper <= 1) || p.Upper > 0 && p.Lower >= p.Upper {
		return Caps{}, fail(InvalidInput, "values cannot be cut at the quantiles %v and %v", p.Lower, p.Upper)
	}
	if !finite(values...) {
		return Caps{}, fail(InvalidInput, "a value is no finite number")
	}
	v := sorted(values)
	if p.NonZero {
		v = slices.DeleteFunc(v, func(x float64) bool { return x == 0 })
	}
	out := Uncapped()
	if len(v) == 0 {
		return out, nil
	}
	if p.Lower > 0 {
		out.Low = type7(v, p.Lower)
	}
	if p.Upper > 0 {
		out.High = type7(v, p.Upper)
	}
	return out, nil
}

// Capped are the arms of a metric after its values were cut (W. J. Dixon, Annals of Mathematical Statistics 31, 1960).
type Capped struct {
	Caps
	Arms []*Sums
	// Low and High count the values that were cut at each end.
	Low, High int64
}

// Cap cuts the values of all arms, min(high, max(low, x)), and sums them (winsorizing; R. R. Wilcox, Introduction to Robust Estimation and Hypothesis
// Testing, 2012, section 2.2). The variance is that of the cut values, so intervals speak of the cut metric, and assume nothing about the other. A
// cap that leaves no difference between any two units is refused: of a metric that is 0 for 99 % of units, the 99 % quantile is 0.
func Cap(c Caps, arms ...[]float64) (Capped, error) {
	if math.IsNaN(c.Low) || math.IsNaN(c.High) || c.Low > c.High {
		return Capped{}, fail(InvalidInput, "values cannot be cut at %v and %v", c.Low, c.High)
	}
	out := Capped{Caps: c}
	before, after := newSpan(), newSpan()
	for _, values := range arms {
		sums := &Sums{}
		for _, v := range values {
			cut := c.Of(v)
			if err := sums.Add(cut); err != nil {
				return Capped{}, err
			}
			if v < c.Low {
				out.Low++
			} else if v > c.High {
				out.High++
			}
			before.see(v)
			after.see(cut)
		}
		out.Arms = append(out.Arms, sums)
	}
	if before.varies() && !after.varies() {
		return Capped{}, fail(ZeroVariance, "cut at %v and %v every unit has the same value, so the cap leaves nothing of the metric; take a higher quantile, a fixed value, or the quantile of values that are not 0", c.Low, c.High)
	}
	return out, nil
}

// span is the range of the values seen.
type span struct{ low, high float64 }

func newSpan() span { return span{low: math.Inf(1), high: math.Inf(-1)} }

func (s *span) see(v float64) { s.low, s.high = math.Min(s.low, v), math.Max(s.high, v) }

func (s *span) varies() bool { return s.low < s.high }
