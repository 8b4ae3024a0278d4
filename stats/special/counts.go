package special

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// BinomialCDF is P(X <= k) of n trials with probability p each: 0 for k < 0, 1 for k >= n; k is rounded down. gonum's is off by
// 2e-6 at n = 1e9.
func BinomialCDF(k, n, p float64) float64 {
	k = math.Floor(k)
	switch {
	case math.IsNaN(k+n+p) || n < 0 || p < 0 || p > 1:
		return math.NaN()
	case k < 0:
		return 0
	case k >= n:
		return 1
	}
	return BetaSurvival(p, k+1, n-k)
}

// BinomialSurvival is P(X > k).
func BinomialSurvival(k, n, p float64) float64 {
	k = math.Floor(k)
	switch {
	case math.IsNaN(k+n+p) || n < 0 || p < 0 || p > 1:
		return math.NaN()
	case k < 0:
		return 1
	case k >= n:
		return 0
	}
	return BetaCDF(p, k+1, n-k)
}

// LogBinomialProbability is ln P(X = k).
func LogBinomialProbability(k, n, p float64) float64 {
	if !(p >= 0 && p <= 1) || !(k >= 0 && k <= n) {
		return math.Inf(-1)
	}
	return logBinomial(k, n-k, p, 1-p)
}

// FSurvival is P(F > x) with d1 and d2 degrees of freedom. gonum's is off by 7e-10 at d2 = 1e6.
func FSurvival(x, d1, d2 float64) float64 {
	if !(d1 > 0) || !(d2 > 0) || math.IsNaN(x) {
		return math.NaN()
	}
	if x <= 0 {
		return 1
	}
	ratio := x * d1 / d2
	return betaTail(1/(1+ratio), 1/(1+1/ratio), d2/2, d1/2)
}

// ChiSquareSurvival is P(X > x) with k > 0 degrees of freedom, by gonum's incomplete gamma function, which is right to 1e-13.
func ChiSquareSurvival(x, k float64) float64 {
	switch {
	case !(k > 0) || math.IsNaN(x):
		return math.NaN()
	case x <= 0:
		return 1
	case math.IsInf(x, 1):
		return 0
	}
	return mathext.GammaIncRegComp(k/2, x/2)
}

// LogChiSquareSurvival is ln P(X > x), also where the probability underflows: there by Legendre's continued fraction of the
// incomplete gamma function (NIST DLMF 8.9.2).
func LogChiSquareSurvival(x, k float64) float64 {
	if p := ChiSquareSurvival(x, k); p > 1e-290 || math.IsNaN(p) || x <= k {
		return math.Log(p)
	}
	a, z := k/2, x/2
	const tiny = 1e-300
	b := z + 1 - a
	c, d := 1/tiny, 1/b
	h := d
	for i := 1.0; i < 10_000; i++ {
		an := -i * (i - a)
		b += 2
		d = 1 / (an*d + b)
		c = b + an/c
		h *= d * c
		if math.Abs(d*c-1) < 1e-16 {
			break
		}
	}
	lg, _ := math.Lgamma(a)
	return -z + a*math.Log(z) - lg + math.Log(h)
}
