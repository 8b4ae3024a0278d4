package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// MeansPower is the power of a test of two means.
type MeansPower struct {
	// Z is by the normal distribution, T by the noncentral t distribution (J. Cohen, Statistical power analysis, 1988; R's power.t.test with
	// strict = TRUE), with n_a+n_b-2 degrees of freedom when the standard deviations are equal and Satterthwaite's otherwise.
	Z, T float64
}

// PowerOfMeans is the probability to find a difference of delta between two means with these standard deviations and numbers of units: by the
// normal, P(|Z + δ/√(σ_a²/n_a + σ_b²/n_b)| > z), and by Student's t with the noncentral t distribution (J. Cohen, Statistical Power Analysis,
// 1988; R's power.t.test, strict). Two-sided tests count both tails; a one-sided test (Greater) looks for delta > 0, Less for delta < 0.
func PowerOfMeans(nA, nB int64, delta, sdA, sdB, alpha float64, alternative Alternative) (MeansPower, error) {
	if err := checkLevel(alpha); err != nil {
		return MeansPower{}, err
	}
	if math.IsNaN(delta) || math.IsInf(delta, 0) || nA < 0 || nB < 0 {
		return MeansPower{}, fail(InvalidInput, "a difference of %v with %d and %d units cannot be", delta, nA, nB)
	}
	if err := checkDeviations(sdA, sdB); err != nil {
		return MeansPower{}, err
	}
	if nA < 2 || nB < 2 {
		return MeansPower{}, fail(InsufficientData, "an arm has fewer than two units")
	}
	if alternative == Less {
		delta = -delta
	}
	out := meansPower(float64(nA), float64(nB), delta, sdA, sdB, alpha, alternative != TwoSided)
	if !finite(out.Z, out.T) {
		return MeansPower{}, fail(InvalidInput, "the difference and the standard deviations are too far apart for floating-point numbers")
	}
	return out, nil
}

func checkDeviations(sdA, sdB float64) error {
	if !(sdA >= 0) || !(sdB >= 0) || math.IsInf(sdA+sdB, 1) {
		return fail(InvalidInput, "standard deviations must be finite and not negative, not %v and %v", sdA, sdB)
	}
	if sdA == 0 && sdB == 0 {
		return fail(ZeroVariance, "nothing varies, so every difference is found")
	}
	return nil
}

// meansPower takes numbers of units that need not be whole.
func meansPower(nA, nB, delta, sdA, sdB, alpha float64, oneSided bool) MeansPower {
	va, vb := sdA*sdA/nA, sdB*sdB/nB
	ncp := delta / math.Sqrt(va+vb)
	df := nA + nB - 2
	if sdA != sdB {
		share, rest := va/(va+vb), vb/(va+vb)
		df = 1 / (share*share/(nA-1) + rest*rest/(nB-1))
	}
	if oneSided {
		return MeansPower{
			Z: special.NormalSurvival(-special.NormalQuantile(alpha) - ncp),
			T: special.NoncentralTSurvival(-special.StudentQuantile(alpha, df), df, ncp),
		}
	}
	z, t := -special.NormalQuantile(alpha/2), -special.StudentQuantile(alpha/2, df)
	return MeansPower{
		Z: special.NormalSurvival(z-ncp) + special.NormalSurvival(z+ncp),
		T: special.NoncentralTSurvival(t, df, ncp) + special.NoncentralTSurvival(t, df, -ncp),
	}
}

// RatesPower is the power of a two-sided test of two rates.
type RatesPower struct {
	// Pooled is that of the pooled z test (J. L. Fleiss, B. Levin and M. C. Paik, Statistical methods for rates and proportions, 2003, eq. 4.18;
	// R's power.prop.test with strict = TRUE), Arcsine that of the test of arcsine transformed rates (Cohen 1988). Both count both tails.
	Pooled, Arcsine float64
}

// PowerOfRates is the probability to find that the rate is pB in the treatment when it is pA in control, by the normal approximation of the
// pooled z test (J. L. Fleiss, B. Levin and M. C. Paik, Statistical Methods for Rates and Proportions, 2003, section 4.2; both tails), and by
// Cohen's h (J. Cohen, Statistical Power Analysis, 1988). It assumes expected counts of 5 and more.
func PowerOfRates(pA, pB float64, nA, nB int64, alpha float64) (RatesPower, error) {
	if err := checkLevel(alpha); err != nil {
		return RatesPower{}, err
	}
	if !(pA >= 0 && pA <= 1 && pB >= 0 && pB <= 1) || nA < 0 || nB < 0 {
		return RatesPower{}, fail(InvalidInput, "rates of %v and %v with %d and %d units cannot be", pA, pB, nA, nB)
	}
	if nA == 0 || nB == 0 {
		return RatesPower{}, fail(InsufficientData, "an arm has no units")
	}
	a, b := float64(nA), float64(nB)
	null, alternative := ratesDeviations(pA, pB, a, b)
	if null == 0 {
		return RatesPower{}, fail(ZeroVariance, "nobody or everybody converts in both arms, so nothing varies")
	}
	z, d := -special.NormalQuantile(alpha/2), math.Abs(pB-pA)
	h := cohensH(pA, pB) * math.Sqrt(a*(b/(a+b)))
	out := RatesPower{Arcsine: special.NormalSurvival(z-h) + special.NormalSurvival(z+h)}
	switch {
	case alternative > 0:
		out.Pooled = special.NormalSurvival((z*null-d)/alternative) + special.NormalSurvival((z*null+d)/alternative)
	case d > z*null: // 0 % against 100 %: the difference is certain
		out.Pooled = 1
	}
	return out, nil
}

// ratesDeviations are the standard errors of the difference of rates under equality and under the two rates.
func ratesDeviations(pA, pB, nA, nB float64) (null, alternative float64) {
	pooled := (nA*pA + nB*pB) / (nA + nB)
	return math.Sqrt(pooled * (1 - pooled) * (1/nA + 1/nB)), math.Sqrt(pA*(1-pA)/nA + pB*(1-pB)/nB)
}

// cohensH is the difference of rates on the arcsine scale.
func cohensH(pA, pB float64) float64 {
	return math.Abs(2*math.Asin(math.Sqrt(pB)) - 2*math.Asin(math.Sqrt(pA)))
}
