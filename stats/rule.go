package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// Rule is how large a statistic has to be to count, and what p value it has. One rule drives the p value, the interval and the
// relative interval of a comparison, so the three never contradict each other: p < Alpha exactly when |z| > Critical (z > Critical
// for a one-sided rule), exactly when the interval difference ∓ Critical·SE leaves out 0.
//
// FixedHorizon, Look, ConfidenceSequence and Mixture make rules. A Rule may be used by many goroutines.
type Rule struct {
	// Method names the rule for the reader of a report.
	Method string
	// Alpha is the error probability: of all sides, and over the whole time that the rule is valid for.
	Alpha float64
	// Critical is the value that the statistic has to exceed.
	Critical float64
	// OneSided rules look at large positive statistics only and give one bound: difference - Critical·SE.
	OneSided bool

	lnP func(z float64) float64 // of |z| for a two-sided rule
	lnE func(z float64) float64 // nil where the rule has no e-value
}

// LnE is the logarithm of the e-value of a standard normal statistic: the evidence against no effect, a test martingale at this moment,
// which EBH takes. Only always-valid rules have one.
func (r Rule) LnE(z float64) (lnE float64, has bool) {
	if r.lnE == nil || math.IsNaN(z) {
		return 0, false
	}
	return r.lnE(z), true
}

// LnP is the logarithm of the p value of a standard normal statistic; at most 0.
func (r Rule) LnP(z float64) float64 {
	if !r.OneSided {
		z = math.Abs(z)
	}
	if r.lnP == nil || math.IsNaN(z) {
		return 0
	}
	return math.Min(0, r.lnP(z))
}

// P is the p value of a standard normal statistic: e^LnP.
func (r Rule) P(z float64) float64 { return math.Exp(r.LnP(z)) }

// FixedHorizon is the classical rule for one look at a sample size fixed in advance, |z| > z_{1-α/2} with p = 2 Φ(-|z|). Looking more often makes its
// error probability larger than alpha: 0.27 after 30 looks.
func FixedHorizon(alpha float64) (Rule, error) {
	if err := checkLevel(alpha); err != nil {
		return Rule{}, err
	}
	return Rule{
		Method: "fixed horizon", Alpha: alpha, Critical: -special.NormalQuantile(alpha / 2),
		lnP: func(z float64) float64 { return math.Ln2 + special.LogNormalSurvival(z) },
	}, nil
}

// FixedHorizonOneSided is FixedHorizon for large positive statistics only.
func FixedHorizonOneSided(alpha float64) (Rule, error) {
	if err := checkLevel(alpha); err != nil {
		return Rule{}, err
	}
	return Rule{
		Method: "fixed horizon, one-sided", Alpha: alpha, Critical: -special.NormalQuantile(alpha), OneSided: true,
		lnP: special.LogNormalSurvival,
	}, nil
}

// Under judges the same difference by another rule; a one-sided one when the comparison was made with a one-sided Test. With finite
// degrees of freedom the statistic and the critical value are carried between Student's t and the normal by equal tail probability
// (the significance level approach; Jennison and Turnbull, Group Sequential Methods, 2000, section 3.8).
func (e Effect) Under(rule Rule) (Effect, error) {
	if rule.lnP == nil || !(rule.Critical > 0) || math.IsInf(rule.Critical, 1) {
		return Effect{}, fail(InvalidInput, "an effect is judged by a rule with a finite critical value")
	}
	if rule.OneSided != (e.Alternative != TwoSided) {
		return Effect{}, fail(InvalidInput, "a one-sided rule judges a one-sided comparison, a two-sided rule a two-sided one")
	}
	if !(e.SE > 0) {
		return Effect{}, fail(ZeroVariance, "the difference has no standard error to judge it by")
	}
	z, limit := e.Alternative.directed(e.Statistic), rule.Critical
	if critical, ok := studentCritical(rule.Critical, e.DF); ok {
		limit = critical
		if carried := math.Copysign(normalOfStudent(math.Abs(z), e.DF), z); !math.IsInf(carried, 0) {
			z = carried
		}
	}
	e.Method += ", " + rule.Method
	e.LnP = rule.LnP(z)
	e.P = math.Exp(e.LnP)
	e.bound(limit)
	return e, nil
}

// studentCritical is the t with the tail probability that z has under the normal; false where that is no help, because there are
// infinitely many degrees of freedom or the tail underflows.
func studentCritical(z, df float64) (float64, bool) {
	if !(df > 0) || math.IsInf(df, 1) {
		return z, false
	}
	tail := special.NormalSurvival(z)
	if tail < 1e-290 || tail >= 0.5 {
		return z, false
	}
	t := -special.StudentQuantile(tail, df)
	return t, t > 0 && !math.IsInf(t, 1)
}

// normalOfStudent is the inverse of studentCritical.
func normalOfStudent(t, df float64) float64 {
	if t == 0 {
		return 0
	}
	return normalOfLogTail(special.LogStudentSurvival(t, df))
}

// normalOfLogTail is the z with ln P(Z > z) = lnTail, by Newton's method in the logarithm of the tail, which is concave; so also
// where the probability underflows.
func normalOfLogTail(lnTail float64) float64 {
	if lnTail >= 0 {
		return math.Inf(-1)
	}
	var z float64
	if lnTail > -700 {
		z = -special.NormalQuantile(math.Exp(lnTail))
	} else {
		z = math.Sqrt(-2 * lnTail)
	}
	for range 40 {
		lnSurvival := special.LogNormalSurvival(z)
		hazard := math.Exp(-0.5*z*z - 0.5*math.Log(2*math.Pi) - lnSurvival)
		step := (lnSurvival - lnTail) / hazard
		z += step
		if math.Abs(step) <= 1e-15*math.Abs(z) {
			break
		}
	}
	return z
}
