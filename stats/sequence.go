package stats

import (
	"math"
)

// TunedRho is the parameter with which ConfidenceSequence is narrowest at nStar units: ρ² = (-W₋₁(-α²/e) - 1) / nStar (I. Waudby-Smith,
// D. Arbour, R. Sinha, E. H. Kennedy and A. Ramdas, Time-uniform central limit theory and asymptotic confidence sequences, arXiv
// 2103.06476, eq. 155). Tune it to the planned number of units. For a one-sided sequence give 2·alpha.
func TunedRho(nStar, alpha float64) (float64, error) {
	if err := checkTuning(nStar, alpha); err != nil {
		return 0, err
	}
	return math.Sqrt(lambertShift(alpha) / nStar), nil
}

// TunedRhoApproximate is GrowthBook's closed form in place of TunedRho: √((-2 ln α + ln(1 - 2 ln α)) / nStar), 1.7 % smaller at 5 %.
func TunedRhoApproximate(nStar, alpha float64) (float64, error) {
	if err := checkTuning(nStar, alpha); err != nil {
		return 0, err
	}
	l := -2 * math.Log(alpha)
	return math.Sqrt((l + math.Log1p(l)) / nStar), nil
}

func checkTuning(nStar, alpha float64) error {
	if err := checkLevel(alpha); err != nil {
		return err
	}
	if !(nStar > 0) || math.IsInf(nStar, 1) {
		return fail(InvalidInput, "the size to tune to must be more than 0, not %v", nStar)
	}
	return nil
}

// lambertShift is -W₋₁(-α²/e) - 1 with the lower branch of Lambert's W: the s with s - ln(1 + s) = -2 ln α, by Newton's method.
func lambertShift(alpha float64) float64 {
	l := -2 * math.Log(alpha)
	s := l + math.Sqrt(2*l)
	for range 100 {
		step := (s - math.Log1p(s) - l) * (1 + s) / s
		s -= step
		if math.Abs(step) <= 1e-16*s {
			break
		}
	}
	return s
}

// ConfidenceSequence is the rule of an asymptotic confidence sequence: valid at every moment, for ever, however often one looks
// (Waudby-Smith et al., arXiv 2103.06476, eq. 9). n is the number of units in both arms that the standard error comes from; rho is
// fixed before the start (TunedRho). The interval is difference ∓ Critical·SE with Critical² = 2(nρ²+1)/(nρ²) · ln(√(nρ²+1)/α); its p
// is that of this moment, and the smallest p so far (RunningMinimum) is valid too. Assumes that n is large enough for the difference to
// be nearly normal when the first look is taken.
func ConfidenceSequence(n, rho, alpha float64) (Rule, error) {
	r, err := sequenceScale(n, rho, alpha)
	if err != nil {
		return Rule{}, err
	}
	lnE := func(z float64) float64 { return r/(2*(r+1))*z*z - 0.5*math.Log1p(r) }
	return bounded(Rule{
		Method: "asymptotic confidence sequence", Alpha: alpha,
		Critical: math.Sqrt(2 * (r + 1) / r * (0.5*math.Log1p(r) - math.Log(alpha))),
		lnP:      func(z float64) float64 { return -lnE(z) }, lnE: lnE,
	})
}

// bounded refuses a rule whose critical value is beyond floating point.
func bounded(r Rule) (Rule, error) {
	if !finite(r.Critical) || !(r.Critical > 0) {
		return Rule{}, fail(InvalidInput, "the parameters of the %s are too extreme for floating-point numbers", r.Method)
	}
	return r, nil
}

// ConfidenceSequenceOneSided is the always-valid test of a guardrail (Waudby-Smith et al., arXiv 2103.06476, eq. 134): it bounds the
// difference from below, by difference - Critical·SE with Critical² = 2(nρ²+1)/(nρ²) · ln(1 + √(nρ²+1)/(2α)). Give it the z of what
// would be harm, with a positive sign.
func ConfidenceSequenceOneSided(n, rho, alpha float64) (Rule, error) {
	r, err := sequenceScale(n, rho, alpha)
	if err != nil {
		return Rule{}, err
	}
	half := 0.5*math.Log1p(r) - math.Ln2 // ln(√(nρ²+1)/2)
	lnE := func(z float64) float64 {
		if z <= 0 {
			return math.Inf(-1)
		}
		x := r / (2 * (r + 1)) * z * z
		if x > 700 {
			return x - half
		}
		return math.Log(math.Expm1(x)) - half
	}
	return bounded(Rule{
		Method: "asymptotic confidence sequence, one-sided", Alpha: alpha, OneSided: true,
		Critical: math.Sqrt(2 * (r + 1) / r * math.Log1p(math.Exp(half)/alpha)),
		lnP:      func(z float64) float64 { return -lnE(z) },
	})
}

// sequenceScale is nρ².
func sequenceScale(n, rho, alpha float64) (float64, error) {
	if err := checkLevel(alpha); err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, fail(InsufficientData, "there are no units yet")
	}
	r := n * rho * rho
	if !(n > 0) || !(rho > 0) || !(r > 0) || math.IsInf(r, 1) {
		return 0, fail(InvalidInput, "a confidence sequence needs at least one unit and a rho of more than 0, not %v and %v", n, rho)
	}
	return r, nil
}

// Mixture is the rule of the mixture sequential probability ratio test with N(0, tau2) over the effect (R. Johari, L. Pekelis and D.
// Walsh, Always valid inference, arXiv 1512.04922; H. Robbins, Ann. Math. Stat. 41, 1970), for a difference whose estimate has the given
// variance V now: Λ = √(V/(V+τ²)) · e^(τ²d²/(2V(V+τ²))), p = 1/Λ. tau2 must be fixed before the data, for instance the square of the
// effect looked for; it must not depend on the number of units.
func Mixture(variance, tau2, alpha float64) (Rule, error) {
	if err := checkLevel(alpha); err != nil {
		return Rule{}, err
	}
	if !(tau2 > 0) || math.IsInf(tau2, 1) || !(variance >= 0) || math.IsInf(variance, 1) {
		return Rule{}, fail(InvalidInput, "the variances of the mixture and of the estimate must be finite and not negative, not %v and %v", tau2, variance)
	}
	if variance == 0 {
		return Rule{}, fail(ZeroVariance, "the difference has no variance to judge it by")
	}
	ratio := tau2 / variance
	if math.IsInf(ratio, 1) || ratio == 0 {
		return Rule{}, fail(InvalidInput, "the variances of the mixture and of the estimate differ too much: %v and %v", tau2, variance)
	}
	lnE := func(z float64) float64 { return ratio/(2*(1+ratio))*z*z - 0.5*math.Log1p(ratio) }
	return bounded(Rule{
		Method: "mixture sequential test", Alpha: alpha,
		Critical: math.Sqrt((1 + ratio) / ratio * (math.Log1p(ratio) - 2*math.Log(alpha))),
		lnP:      func(z float64) float64 { return -lnE(z) }, lnE: lnE,
	})
}

// RunningMinimum is the smallest p so far at each look. For always-valid p values it is an always-valid p value itself.
func RunningMinimum(p []float64) []float64 {
	out := make([]float64, len(p))
	least := 1.0
	for i, v := range p {
		least = math.Min(least, v)
		out[i] = least
	}
	return out
}

// NormalMixtureBound is the two-sided normal-mixture boundary of a sub-Gaussian process with intrinsic time v, narrowest at best:
// u(v) = √((v+ρ) ln((v+ρ)/(ρα²))) with ρ = best / (-W₋₁(-α²/e) - 1) (S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, Time-uniform,
// nonparametric, nonasymptotic confidence sequences, Ann. Stat. 49, 2021, eq. 14 and proposition 3).
func NormalMixtureBound(v, best, alpha float64) (rho, bound float64, err error) {
	if err := checkTuning(best, alpha); err != nil {
		return 0, 0, err
	}
	if !(v >= 0) || math.IsInf(v, 1) {
		return 0, 0, fail(InvalidInput, "an intrinsic time cannot be %v", v)
	}
	rho = best / lambertShift(alpha)
	return rho, math.Sqrt((v + rho) * (math.Log1p(v/rho) - 2*math.Log(alpha))), nil
}
