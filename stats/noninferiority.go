package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// Margin is what a treatment may be worse by without harm.
type Margin struct {
	// Size is on the metric's scale, or a share of the control's mean when Relative.
	Size     float64
	Relative bool
	// LowerIsBetter: worse is more, as for latency.
	LowerIsBetter bool
}

// NonInferiority is the test of whether a treatment is not worse than control by the margin or more.
type NonInferiority struct {
	// Statistic is large when the treatment is well inside the margin. DF are its degrees of freedom; +Inf for z.
	Statistic, DF float64
	// P is one-sided: small means not inferior.
	P, LnP float64
	// NonInferior: P < alpha.
	NonInferior bool
	// Bound is the one-sided bound of the difference at alpha on the harmful side, EquivalenceP the p value of two one-sided tests (the
	// difference is within the margin on both sides). Only for an absolute margin.
	Bound, EquivalenceP float64
	Absolute            bool
}

// NonInferiorMeans tests two means against a margin (D. J. Schuirmann, J. Pharmacokinet. Biopharm. 15, 1987; S. Wellek, Testing statistical
// hypotheses of equivalence and noninferiority, 2010): Welch's t for an absolute margin; for a relative one the linear contrast B -
// (1 - m)A, or (1 + m)A - B when less is better, by z, so that no ratio is taken. With a negative control mean a share of m is m|A|.
func NonInferiorMeans(control, treatment Moments, margin Margin, alpha float64) (NonInferiority, error) {
	e, err := Welch(control, treatment, alpha)
	if err != nil {
		return NonInferiority{}, err
	}
	return e.NonInferior(margin, alpha)
}

// NonInferior is NonInferiorMeans for any effect, for instance one of ratio metrics or with variance reduction.
func (e Effect) NonInferior(margin Margin, alpha float64) (NonInferiority, error) {
	if err := checkLevel(alpha); err != nil {
		return NonInferiority{}, err
	}
	if math.IsNaN(margin.Size) || math.IsInf(margin.Size, 0) {
		return NonInferiority{}, fail(InvalidInput, "a margin must be finite, not %v", margin.Size)
	}
	if !(e.SE > 0) {
		return NonInferiority{}, fail(ZeroVariance, "the difference has no standard error to judge it by")
	}
	if margin.Relative {
		return e.nonInferiorShare(margin, alpha)
	}
	good := e.Difference // the margin takes the place of Null and Alternative
	if margin.LowerIsBetter {
		good = -good
	}
	out := NonInferiority{Statistic: (good + margin.Size) / e.SE, DF: e.DF, Absolute: true}
	out.LnP, out.P = tail(out.Statistic, e.DF)
	_, other := tail((margin.Size-good)/e.SE, e.DF)
	out.EquivalenceP = math.Max(out.P, other)
	critical := -special.NormalQuantile(alpha)
	if !math.IsInf(e.DF, 1) {
		critical = -special.StudentQuantile(alpha, e.DF)
	}
	out.Bound = good - critical*e.SE
	if margin.LowerIsBetter {
		out.Bound = -out.Bound
	}
	out.NonInferior = out.P < alpha
	return out, nil
}

func (e Effect) nonInferiorShare(margin Margin, alpha float64) (NonInferiority, error) {
	a, b, share := e.control, e.treatment, margin.Size
	if a.Mean < 0 {
		share = -share
	}
	keep, sign := 1-share, 1.0
	if margin.LowerIsBetter {
		keep, sign = 1+share, -1
	}
	variance := b.Variance + keep*keep*a.Variance
	if !(variance > 0) {
		return NonInferiority{}, fail(ZeroVariance, "no unit differs from another within its arm, so there is nothing to judge a difference by")
	}
	out := NonInferiority{Statistic: sign * ((b.Mean - keep*a.Mean) + (b.Rest - keep*a.Rest)) / math.Sqrt(variance), DF: math.Inf(1)}
	out.LnP, out.P = tail(out.Statistic, out.DF)
	out.NonInferior = out.P < alpha
	return out, nil
}

// tail is P(T > t) and its logarithm; of the normal with infinitely many degrees of freedom.
func tail(t, df float64) (ln, p float64) {
	if math.IsInf(df, 1) {
		return special.LogNormalSurvival(t), special.NormalSurvival(t)
	}
	return special.LogStudentSurvival(t, df), special.StudentSurvival(t, df)
}

// NonInferiorityRates is the test of two rates against an absolute margin; more is better (count the units that did not convert when less
// is).
type NonInferiorityRates struct {
	// Z and P use the variance under the hypothesis that the treatment is worse by exactly the margin (C. P. Farrington and G. Manning, Stat.
	// Med. 9, 1990): the restricted maximum likelihood estimate of the rates, without the factor N/(N-1).
	Z, P float64
	// WaldZ and WaldP use the unpooled variance; NaN when no arm varies.
	WaldZ, WaldP float64
}

// NonInferiorRates tests whether the treatment's rate is above the control's less the margin: z = (p_b - p_a + margin)/se, one-sided, with the
// standard errors that NonInferiorityRates names. It assumes expected counts of 5 and more.
func NonInferiorRates(control, treatment Proportion, margin float64) (NonInferiorityRates, error) {
	for _, p := range []Proportion{control, treatment} {
		if err := p.check(); err != nil {
			return NonInferiorityRates{}, err
		}
	}
	if !(math.Abs(margin) < 1) {
		return NonInferiorityRates{}, fail(InvalidInput, "the margin of two rates must lie between -1 and 1, not be %v", margin)
	}
	a, b := control.Rate(), treatment.Rate()
	estimate := b - a + margin
	restricted := restrictedRate(control, treatment, margin)
	variance := restricted*(1-restricted)/float64(treatment.N) + (restricted+margin)*(1-restricted-margin)/float64(control.N)
	if !(variance > 0) {
		return NonInferiorityRates{}, fail(ZeroVariance, "no unit differs from another, so there is nothing to judge a difference by")
	}
	out := NonInferiorityRates{Z: estimate / math.Sqrt(variance), WaldZ: math.NaN(), WaldP: math.NaN()}
	out.P = special.NormalSurvival(out.Z)
	if wald := a*(1-a)/float64(control.N) + b*(1-b)/float64(treatment.N); wald > 0 {
		out.WaldZ = estimate / math.Sqrt(wald)
		out.WaldP = special.NormalSurvival(out.WaldZ)
	}
	return out, nil
}

// restrictedRate is the treatment's rate that is most likely when the control's is larger by the margin: the root of the score, which falls
// from +Inf to -Inf over the rates that are possible, or the end at which it has the same sign throughout.
func restrictedRate(control, treatment Proportion, margin float64) float64 {
	low, high := math.Max(0, -margin), math.Min(1, 1-margin)
	xb, yb := float64(treatment.X), float64(treatment.N-treatment.X)
	xa, ya := float64(control.X), float64(control.N-control.X)
	part := func(count, p float64) float64 {
		if count == 0 {
			return 0
		}
		return count / math.Max(p, 1e-300)
	}
	score := func(p float64) float64 {
		return part(xb, p) - part(yb, 1-p) + part(xa, p+margin) - part(ya, 1-p-margin)
	}
	if score(low) <= 0 {
		return low
	}
	if score(high) >= 0 {
		return high
	}
	p := brent(score, low, high, score(low), score(high), 1e-16)
	return math.Min(high, math.Max(low, p))
}
