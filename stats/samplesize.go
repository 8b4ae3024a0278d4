package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// MeansSize is how many units the control needs; the treatment needs kappa times as many.
type MeansSize struct {
	// Z is the normal formula (z_{1-α/2} + z_power)² (σ_a² + σ_b²/κ)/δ², not rounded; A and B are the arms' whole units by it.
	Z    float64
	A, B float64
	// T is the real number of units at which the power of Student's t test is the one asked for; NaN when the standard deviations differ.
	T float64
}

// SizeForMeans is the sample size to find a difference of delta between two means with the power given, by the normal and by the t test (see
// MeansSize; S.-C. Chow, J. Shao and H. Wang, Sample Size Calculations in Clinical Research, 2008, section 3.2). It assumes means that are
// nearly normal at that size.
func SizeForMeans(delta, sdA, sdB, kappa, alpha, power float64, alternative Alternative) (MeansSize, error) {
	if err := checkSize(kappa, alpha, power); err != nil {
		return MeansSize{}, err
	}
	if delta == 0 || math.IsNaN(delta) || math.IsInf(delta, 0) {
		return MeansSize{}, fail(InvalidInput, "the difference to find must be finite and not 0, not %v", delta)
	}
	if err := checkDeviations(sdA, sdB); err != nil {
		return MeansSize{}, err
	}
	oneSided := alternative != TwoSided
	if oneSided && (delta < 0) != (alternative == Less) {
		return MeansSize{}, fail(NotAttainable, "a one-sided test does not find a difference on the other side")
	}
	level := alpha / 2
	if oneSided {
		level = alpha
	}
	n := normalUnits(delta, sdA*sdA, sdB*sdB, kappa, level, power)
	if math.IsInf(n, 1) || !(n > 0) {
		return MeansSize{}, fail(NotAttainable, "no sample is large enough to find a difference of %v", delta)
	}
	out := MeansSize{Z: n, A: math.Ceil(n), B: math.Ceil(kappa * n), T: math.NaN()}
	if sdA == sdB {
		out.T = sizeForStudent(n, math.Abs(delta), sdA, kappa, alpha, power, oneSided)
	}
	return out, nil
}

// normalUnits is (z_{1-level} + z_power)² (V_a + V_b/κ)/δ² with the variances of a unit.
func normalUnits(delta, va, vb, kappa, level, power float64) float64 {
	k := special.NormalQuantile(level) + special.NormalQuantile(1-power)
	return k * k * (va + vb/kappa) / (delta * delta)
}

// sizeForStudent solves for the noncentral t power, starting from the normal formula, which is a little too small.
func sizeForStudent(n, delta, sd, kappa, alpha, power float64, oneSided bool) float64 {
	excess := func(size float64) float64 {
		return meansPower(size, kappa*size, delta, sd, sd, alpha, oneSided).T - power
	}
	least := 2.2 / (1 + kappa) // a fifth of a degree of freedom
	low := math.Max(least, 0.5*n)
	if excess(low) > 0 {
		low = least
	}
	size, ok := root(excess, low, math.Max(2*low, 1.1*n+3), 1e-13)
	if !ok {
		return math.NaN()
	}
	return size
}

func checkSize(kappa, alpha, power float64) error {
	if err := checkLevel(alpha); err != nil {
		return err
	}
	if !(power > 0 && power < 1) {
		return fail(InvalidInput, "the power must lie between 0 and 1, not be %v", power)
	}
	if !(kappa > 0) || math.IsInf(kappa, 1) {
		return fail(InvalidInput, "the treatment's share of the control's units must be more than 0, not %v", kappa)
	}
	return nil
}

// RatesSize is how many units the control needs in a two-sided comparison of rates; the treatment needs kappa times as many. The three
// formulas in use differ by a few units in ten thousand, so say which one a plan was made with.
type RatesSize struct {
	// Unpooled is (z_{1-α/2} + z_power)² (p_a q_a + p_b q_b/κ)/δ².
	Unpooled float64
	// Pooled has the pooled variance under equality (Fleiss, Levin and Paik 2003, eq. 4.14; R's power.prop.test), PooledCorrected with Fleiss'
	// continuity correction (eq. 4.19).
	Pooled, PooledCorrected float64
	// Arcsine is by Cohen's h, which is H (Cohen 1988; R's pwr).
	Arcsine, H float64
}

// SizeForRates is the sample size to find that the rate is pB in the treatment when it is pA in control, by the formulas of RatesSize (J. L.
// Fleiss, B. Levin and M. C. Paik, Statistical Methods for Rates and Proportions, 2003, section 4.2). It assumes independent units.
func SizeForRates(pA, pB, kappa, alpha, power float64) (RatesSize, error) {
	if err := checkSize(kappa, alpha, power); err != nil {
		return RatesSize{}, err
	}
	if !(pA > 0 && pA < 1 && pB > 0 && pB < 1) || pA == pB {
		return RatesSize{}, fail(InvalidInput, "the rates must differ and lie between 0 and 1, not be %v and %v", pA, pB)
	}
	za, zb := -special.NormalQuantile(alpha/2), -special.NormalQuantile(1-power)
	d, own := math.Abs(pB-pA), pA*(1-pA)+pB*(1-pB)/kappa
	pooled := (pA + kappa*pB) / (1 + kappa)
	out := RatesSize{H: cohensH(pA, pB)}
	out.Unpooled = (za + zb) * (za + zb) * own / (d * d)
	k := za*math.Sqrt(pooled*(1-pooled)*(1+1/kappa)) + zb*math.Sqrt(own)
	out.Pooled = k * k / (d * d)
	step := 1 + math.Sqrt(1+2*(kappa+1)/(out.Pooled*kappa*d))
	out.PooledCorrected = out.Pooled / 4 * step * step
	out.Arcsine = (za + zb) * (za + zb) * (1 + 1/kappa) / (out.H * out.H)
	return out, nil
}

// DetectableMean is the difference of means that is found with the power given: (z_{1-α/2} + z_power) √(σ_a²/n_a + σ_b²/n_b), the main tail of
// a two-sided test.
func DetectableMean(nA, nB int64, sdA, sdB, alpha, power float64) (float64, error) {
	if err := checkSize(1, alpha, power); err != nil {
		return 0, err
	}
	if err := checkDeviations(sdA, sdB); err != nil {
		return 0, err
	}
	if nA < 0 || nB < 0 {
		return 0, fail(InvalidInput, "an arm cannot have %d and %d units", nA, nB)
	}
	if nA == 0 || nB == 0 {
		return 0, fail(InsufficientData, "an arm has no units")
	}
	k := -special.NormalQuantile(alpha/2) - special.NormalQuantile(1-power)
	if !(k > 0) {
		return 0, fail(NotAttainable, "a test has the power %v without any effect", power)
	}
	return k * math.Sqrt(sdA*sdA/float64(nA)+sdB*sdB/float64(nB)), nil
}

// DetectableRelativeMean is the smallest relative difference L of means (of |meanA|) that is found when the comparison is of the ratio, whose
// variance grows with L: L = k √(V_b + (1+L)² V_a)/|meanA|. It is not attainable when n < k²σ²/μ².
func DetectableRelativeMean(nA, nB int64, meanA, sdA, sdB, alpha, power float64) (float64, error) {
	unit, err := DetectableMean(nA, nB, sdA, sdB, alpha, power)
	if err != nil {
		return 0, err
	}
	if meanA == 0 || math.IsNaN(meanA) || math.IsInf(meanA, 0) {
		return 0, fail(UndefinedRatio, "the control's mean is %v, so there is no relative difference", meanA)
	}
	va, vb := sdA*sdA/float64(nA), sdB*sdB/float64(nB)
	r := unit * unit / (va + vb) / (meanA * meanA) // k²/μ²
	// (1 - r va) L² - 2 r va L - r (va + vb) = 0
	lead := 1 - r*va
	if !(lead > 0) {
		return 0, fail(NotAttainable, "with so few units no relative difference is found with this power")
	}
	return (r*va + math.Sqrt(r*va*r*va+lead*r*(va+vb))) / lead, nil
}

// DetectableRate is the rate above pA that is found in the treatment with the power given: where the main tail of the pooled z test has it,
// z_{1-α/2} se₀ + z_power se₁ = p_b - p_a with the standard errors of PowerOfRates under equality and under the two rates.
func DetectableRate(pA float64, nA, nB int64, alpha, power float64) (float64, error) {
	if err := checkSize(1, alpha, power); err != nil {
		return 0, err
	}
	if !(pA >= 0 && pA < 1) || nA < 0 || nB < 0 {
		return 0, fail(InvalidInput, "a rate of %v with %d and %d units cannot be", pA, nA, nB)
	}
	if nA == 0 || nB == 0 {
		return 0, fail(InsufficientData, "an arm has no units")
	}
	z, target := -special.NormalQuantile(alpha/2), -special.NormalQuantile(1-power)
	if !(z+target > 0) {
		return 0, fail(NotAttainable, "a test has the power %v without any effect", power)
	}
	a, b := float64(nA), float64(nB)
	excess := func(d float64) float64 {
		null, alternative := ratesDeviations(pA, pA+d, a, b)
		return d - z*null - target*alternative
	}
	if excess(1-pA) < 0 {
		return 0, fail(NotAttainable, "with so few units not even a rate of 100 %% is found with the power %v", power)
	}
	least := 1e-15 * (1 - pA)
	d := brent(excess, least, 1-pA, excess(least), excess(1-pA), 1e-16)
	return pA + d, nil
}
