// Package special holds the distribution functions that the estimators in stats stand on, right at every size. It is for stats
// alone. gonum is used where it is right; where it is not (the survival of the normal beyond 8 standard deviations, Student's t
// with many degrees of freedom) the functions here replace it, each saying how.
package special

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// NormalSurvival is P(Z > z) of the standard normal, by the complementary error function: relative error below 2e-13 as far as
// the result is a normal float (z up to 37). 1 - CDF would be 0 from 8.3 on.
func NormalSurvival(z float64) float64 { return 0.5 * math.Erfc(z/math.Sqrt2) }

// LogNormalSurvival is ln P(Z > z), also where the probability underflows. For z > 30 it uses the asymptotic series of Mills'
// ratio (Abramowitz and Stegun 26.2.12), whose next term is below 1e-15 there.
func LogNormalSurvival(z float64) float64 {
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

// manyDegrees is where Hill's transform becomes better than the incomplete beta function.
const manyDegrees = 1000

// transforms reports whether Hill's transform is the better way: with many degrees of freedom, unless t is extreme for them.
func transforms(t, nu float64) bool { return nu >= manyDegrees && t*t <= 64*nu/manyDegrees }

// studentAsNormal is the standard normal deviate with the same tail as t with nu degrees of freedom, by Hill's normalising
// transform (G. W. Hill, Algorithm 395: Student's t-distribution, CACM 13, 1970). From 1,000 degrees on it is exact to 1e-14 for
// t up to 8.
func studentAsNormal(t, nu float64) float64 {
	a := nu - 0.5
	b := 48 * a * a
	y := a * math.Log1p(t*t/nu)
	corrected := (((((-0.4*y-3.3)*y-24)*y-85.5)/(0.8*y*y+100+b)+y+3)/b + 1) * math.Sqrt(y)
	return math.Copysign(corrected, t)
}

// StudentSurvival is P(T > t) with nu > 0 degrees of freedom.
func StudentSurvival(t, nu float64) float64 {
	if transforms(t, nu) {
		return NormalSurvival(studentAsNormal(t, nu))
	}
	if t < 0 {
		return 1 - StudentSurvival(-t, nu)
	}
	if t*t*(nu+2) < 3*nu { // where the other tail's fraction converges, and a digit is all that the difference costs
		return 0.5 - 0.5*lowerBeta(0.5, nu/2, t*t/(nu+t*t))
	}
	return 0.5 * lowerBeta(nu/2, 0.5, nu/(nu+t*t))
}

// lowerBeta is the regularised incomplete beta function I_x(a, b) for 0 <= x < (a+1)/(a+b+2), by its continued fraction (NIST DLMF
// 8.17.22) with the modified Lentz algorithm: all terms keep their relative precision, so small tails are right.
func lowerBeta(a, b, x float64) float64 {
	if x <= 0 {
		return 0
	}
	const tiny, enough = 1e-300, 1e-16
	front := math.Exp(a*math.Log(x)+b*math.Log1p(-x)-mathext.Lbeta(a, b)) / a
	c, d := 1.0, 1-(a+b)*x/(a+1)
	if math.Abs(d) < tiny {
		d = tiny
	}
	d = 1 / d
	sum := d
	for m := 1.0; m < 10_000; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		change := 1.0
		for _, coefficient := range [2]float64{even, odd} {
			d, c = 1+coefficient*d, 1+coefficient/c
			if math.Abs(d) < tiny {
				d = tiny
			}
			if math.Abs(c) < tiny {
				c = tiny
			}
			d = 1 / d
			change = c * d
			sum *= change
		}
		if math.Abs(change-1) < enough {
			break
		}
	}
	return front * sum
}

// LogStudentSurvival is ln P(T > t).
func LogStudentSurvival(t, nu float64) float64 {
	if transforms(t, nu) {
		return LogNormalSurvival(studentAsNormal(t, nu))
	}
	return math.Log(StudentSurvival(t, nu))
}

// StudentQuantile is the t with P(T <= t) = p, for p in (0, 1) and nu > 0; NaN elsewhere. Newton's method in the logarithm of
// the smaller tail, from the Cornish-Fisher expansion.
func StudentQuantile(p, nu float64) float64 {
	if !(p > 0 && p < 1) || !(nu > 0) {
		return math.NaN()
	}
	if p == 0.5 {
		return 0
	}
	tail, sign := p, -1.0
	if p > 0.5 {
		tail, sign = 1-p, 1
	}
	if nu < 3 {
		return sign * math.Abs(distuv.StudentsT{Mu: 0, Sigma: 1, Nu: nu}.Quantile(tail))
	}
	z := -mathext.NormalQuantile(tail)
	t := z + (z*z*z+z)/(4*nu) + (5*math.Pow(z, 5)+16*z*z*z+3*z)/(96*nu*nu)
	for range 50 {
		slope := -math.Exp(logStudentDensity(t, nu) - LogStudentSurvival(t, nu))
		step := (LogStudentSurvival(t, nu) - math.Log(tail)) / slope
		t -= step
		if math.Abs(step) < 1e-15*math.Abs(t) {
			break
		}
	}
	return sign * t
}

func logStudentDensity(t, nu float64) float64 {
	if nu >= 1e8 {
		return -0.5*t*t - 0.5*math.Log(2*math.Pi)
	}
	a, _ := math.Lgamma((nu + 1) / 2)
	b, _ := math.Lgamma(nu / 2)
	return a - b - 0.5*math.Log(nu*math.Pi) - (nu+1)/2*math.Log1p(t*t/nu)
}

// ChiSquareSurvival is P(X > x) with k > 0 degrees of freedom.
func ChiSquareSurvival(x, k float64) float64 {
	if x <= 0 {
		return 1
	}
	return mathext.GammaIncRegComp(k/2, x/2)
}
