package special

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// NormalSurvival is P(Z > z) of the standard normal, by the complementary error function: relative error below 2e-13 as far as
// the result is a normal float (z up to 37). 1 - CDF would be 0 from 8.3 on.
func NormalSurvival(z float64) float64 { return 0.5 * math.Erfc(z/math.Sqrt2) }

// LogNormalSurvival is ln P(Z > z), also where the probability underflows. For z > 30 it uses the asymptotic series of Mills'
// ratio (Abramowitz and Stegun 26.2.12), whose next term is below 1e-15 there.
func LogNormalSurvival(z float64) float64 {
	if z < 0 {
		return math.Log1p(-NormalSurvival(-z))
	}
	if z <= 30 {
		return math.Log(NormalSurvival(z))
	}
	s, term, x := 1.0, 1.0, 1/(z*z)
	for k := 1.0; k < 20; k += 2 {
		term *= -k * x
		s += term
	}
	return -z*z/2 - math.Log(z) - 0.5*math.Log(2*math.Pi) + math.Log(s)
}

// NormalQuantile is the z with P(Z <= z) = p, for p in (0, 1); NaN elsewhere.
func NormalQuantile(p float64) float64 {
	if !(p > 0 && p < 1) {
		return math.NaN()
	}
	return mathext.NormalQuantile(p)
}
