package special

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
)

// NoncentralTSurvival is P(T > t) of the noncentral t distribution with nu > 0 degrees of freedom and noncentrality ncp: the power
// of a t test. gonum's gives 1 instead of 0 where the tail is far out (t = -2, ncp = 39). Here it is the mean of the normal
// tail over the distribution of the standard deviation,
//
//	P(T > t) = ∫ Q(t·e^u - ncp) f(u) du, f(u) = 2 a^a/Γ(a)·exp(nu·u - a·e^(2u)), a = nu/2,
//
// by Gauss-Legendre panels over the part that is within e^-45 of the integrand's peak; so small tails keep their precision.
func NoncentralTSurvival(t, nu, ncp float64) float64 {
	switch {
	case !(nu > 0) || math.IsNaN(t) || math.IsNaN(ncp) || math.IsInf(ncp, 0):
		return math.NaN()
	case math.IsInf(nu, 1):
		return NormalSurvival(t - ncp)
	case math.IsInf(t, 0):
		if t > 0 {
			return 0
		}
		return 1
	}
	a := nu / 2
	constant := math.Ln2 - stirling(a) + 0.5*math.Log(a) - halfLog2Pi
	log := func(u float64) float64 {
		return constant + nu*(u-math.Expm1(2*u)/2) + LogNormalSurvival(t*math.Exp(u)-ncp)
	}
	peak := highest(log, -700, 10, nu)
	low, high := edge(log, peak, -1/math.Sqrt(nu)), edge(log, peak, 1/math.Sqrt(nu))
	// a panel is at most a few standard deviations of the normal tail wide, as that one falls in u
	panels := math.Ceil(math.Max(48, math.Min(2000, (high-low)*(1+math.Abs(ncp))/3)))
	var nodes, weights [16]float64
	quad.Legendre{}.FixedLocations(nodes[:], weights[:], -1, 1)
	half, sum := (high-low)/panels/2, 0.0
	for i := range int(panels) {
		middle := low + float64(2*i+1)*half
		for j, x := range nodes {
			sum += weights[j] * math.Exp(log(middle+half*x))
		}
	}
	return math.Min(1, sum*half)
}

// NoncentralTCDF is P(T <= t).
func NoncentralTCDF(t, nu, ncp float64) float64 { return NoncentralTSurvival(-t, nu, -ncp) }

// highest is where a function with one peak is highest, by golden sections.
func highest(f func(float64) float64, low, high, nu float64) float64 {
	const golden = 0.6180339887498949
	a, b := high-golden*(high-low), low+golden*(high-low)
	fa, fb := f(a), f(b)
	for high-low > 1e-3/math.Sqrt(nu) {
		if fa < fb {
			low, a, fa = a, b, fb
			b = low + golden*(high-low)
			fb = f(b)
		} else {
			high, b, fb = b, a, fa
			a = high - golden*(high-low)
			fa = f(a)
		}
		if b <= a {
			break
		}
	}
	return (low + high) / 2
}

// edge is about where the function has fallen by 45 from its peak, in the direction of step.
func edge(f func(float64) float64, peak, step float64) float64 {
	floor := f(peak) - 45
	for range 200 {
		if f(peak+step) < floor {
			break
		}
		step *= 1.5
	}
	inside, outside := 0.0, step
	for range 20 {
		middle := (inside + outside) / 2
		if f(peak+middle) < floor {
			outside = middle
		} else {
			inside = middle
		}
	}
	return peak + outside
}
