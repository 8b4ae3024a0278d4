package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// Twyman's law: any figure that looks interesting or different is usually wrong.
const (
	TwymanLift  = 0.5    // a significant relative effect of this size and more
	TwymanP     = 1e-10  // a p value below this
	TwymanUnits = 10_000 // from fewer units than this
)

// Twyman reports whether a result is too good or too bad to be believed before somebody has looked for a mistake, and says why. units is the
// number in both arms.
func Twyman(e Effect, units int64) (why string, suspicious bool) {
	switch {
	case !e.Significant():
		return "", false
	case e.Relative != nil && math.Abs(e.Relative.Value) >= TwymanLift:
		return "an effect of half the control's value and more is rarer than a mistake in tracking", true
	case units < TwymanUnits && e.LnP < math.Log(TwymanP):
		return "so few units rarely give such certainty; look for units that are counted twice or for bots", true
	}
	return "", false
}

// Trend is whether an effect changes while it is used: novelty when it fades, learning when it grows.
type Trend struct {
	// Slope is the weighted change of the effect per unit of time, with its standard error.
	Slope, SlopeSE, SlopeP float64
	// Early and Late are the pooled effects of the first and the last periods, Change is Late - Early.
	Early, Late, Change, ChangeSE, ChangeP float64
	// Changing: either p value is below alpha/2, so that both together are wrong with probability alpha at most.
	Changing bool
}

// Novelty looks for a trend in effects per period (days since exposure, or calendar days) with their standard errors, in order of time at: the
// weighted slope Σw(t-t̄)d/Σw(t-t̄)² with w = 1/se², and the first periods against the later ones, each group pooled by w. early is how many
// periods are the first ones (7 days for a week); 0 compares the first third with the last third. The periods' effects must come from different
// units or measurements, and be nearly normal.
func Novelty(at, effects, ses []float64, early int, alpha float64) (Trend, error) {
	if err := checkLevel(alpha); err != nil {
		return Trend{}, err
	}
	if err := checkEffects(effects, ses); err != nil {
		return Trend{}, err
	}
	if len(at) != len(effects) || !finite(at...) {
		return Trend{}, fail(InvalidInput, "every effect needs the time it is of, and there are %d times for %d effects", len(at), len(effects))
	}
	n := len(effects)
	first, last := early, n-early
	if early == 0 {
		first, last = n/3, n/3
	}
	if n < 3 || first < 1 || last < 1 {
		return Trend{}, fail(InsufficientData, "%d periods are too few to tell the first from the later ones", n)
	}
	var out Trend
	if err := out.slope(at, effects, ses); err != nil {
		return Trend{}, err
	}
	var seEarly, seLate float64
	out.Early, seEarly = randomEffects(effects[:first], ses[:first], 0)
	out.Late, seLate = randomEffects(effects[n-last:], ses[n-last:], 0)
	out.Change, out.ChangeSE = out.Late-out.Early, math.Hypot(seEarly, seLate)
	out.ChangeP, _ = TwoSidedZ(out.Change / out.ChangeSE)
	if !finite(out.Slope, out.SlopeSE, out.SlopeP, out.Change, out.ChangeSE, out.ChangeP) {
		return Trend{}, fail(InvalidInput, "the effects or their standard errors are too far apart for floating-point numbers")
	}
	out.Changing = math.Min(out.SlopeP, out.ChangeP) < alpha/2
	return out, nil
}

func (t *Trend) slope(at, effects, ses []float64) error {
	sum, mean := 0.0, 0.0
	for i, se := range ses {
		w := 1 / (se * se)
		sum += w
		mean += w * at[i]
	}
	mean /= sum
	spread, cross := 0.0, 0.0
	for i, se := range ses {
		d := at[i] - mean
		spread += d * d / (se * se)
		cross += d * effects[i] / (se * se)
	}
	if !(spread > 0) {
		return fail(InvalidInput, "all effects are of the same time, so there is no trend")
	}
	t.Slope, t.SlopeSE = cross/spread, 1/math.Sqrt(spread)
	t.SlopeP, _ = TwoSidedZ(t.Slope / t.SlopeSE)
	return nil
}

// CrossoverLimit is the share of units in more than one arm above which assignment is not what it should be.
const CrossoverLimit = 0.01

// Crossover is the share of units that were seen in more than one arm. They are left out of a comparison; this says whether they are a fault.
type Crossover struct {
	Share, Low, High float64 // with Wilson's interval at 95 %
	Alarm            bool    // the whole interval is above CrossoverLimit
}

// CrossoverShare judges units seen in several arms, of all units seen, by Wilson's interval at 95 % against CrossoverLimit: an alarm at the limit
// itself is 2.5 % likely. It assumes units that cross over independently.
func CrossoverShare(several, all int64) (Crossover, error) {
	p := Proportion{N: all, X: several}
	low, high, err := p.Wilson(0.05)
	if err != nil {
		return Crossover{}, err
	}
	return Crossover{Share: p.Rate(), Low: low, High: high, Alarm: low > CrossoverLimit}, nil
}

// ImbalanceLevel is the error probability of all comparisons before the exposure together.
const ImbalanceLevel = 0.001

// Imbalance compares what was measured before anybody was exposed, by Welch's test. comparisons is how many such comparisons are made (arms ×
// metrics); each has ImbalanceLevel/comparisons (Bonferroni). An imbalance means that assignment or logging is at fault: no treatment works
// backwards. It assumes what WelchTest does.
func Imbalance(control, treatment Moments, comparisons int) (e Effect, imbalanced bool, err error) {
	if comparisons < 1 {
		return Effect{}, false, fail(InvalidInput, "there is at least one comparison, not %d", comparisons)
	}
	e, err = Welch(control, treatment, ImbalanceLevel/float64(comparisons))
	return e, err == nil && e.Significant(), err
}

// Interaction is whether two experiments on the same units change each other's effect, from the means of the four cells (control or treatment of
// the first, then of the second): z = (B₁B₂ - B₁A₂ - A₁B₂ + A₁A₂) / √ΣV, two-sided. It assumes experiments that are assigned independently of
// each other, and means that are nearly normal.
func Interaction(aa, ab, ba, bb Sample) (difference, se, p float64, err error) {
	variance := 0.0
	for _, s := range [...]Sample{aa, ab, ba, bb} {
		if err := s.check(); err != nil {
			return 0, 0, 0, err
		}
		variance += s.Variance
	}
	if !(variance > 0) {
		return 0, 0, 0, fail(ZeroVariance, "no unit differs from another within its cell")
	}
	difference, se = (bb.Mean-ba.Mean)-(ab.Mean-aa.Mean), math.Sqrt(variance)
	return difference, se, math.Min(1, 2*special.NormalSurvival(math.Abs(difference/se))), nil
}
