package special

import "math"

// The saddle-point pieces of C. Loader, Fast and accurate computation of binomial probabilities (2000). They keep the relative
// precision of a probability at any size of its parameters, where differences of log-gammas of 1e9 would lose seven digits.

const halfLog2Pi = 0.91893853320467274178032973640561763986

// stirling is lnΓ(n+1) - (n+½)ln n + n - ½ln 2π, the error of Stirling's formula, for n > 0.
func stirling(n float64) float64 {
	if n < 15 {
		lg, _ := math.Lgamma(n + 1)
		return lg - (n+0.5)*math.Log(n) + n - halfLog2Pi
	}
	x := 1 / (n * n)
	return (1./12 - (1./360-(1./1260-(1./1680-(1./1188-691./360360*x)*x)*x)*x)*x) / n
}

// deviance is x·ln(x/m) + m - x, without cancellation near x = m.
func deviance(x, m float64) float64 {
	if x == 0 {
		return m
	}
	if d := x - m; math.Abs(d) < 0.1*(x+m) {
		v := d / (x + m)
		sum, term := d*v, 2*x*v
		for j := 3.0; j < 2000; j += 2 {
			term *= v * v
			next := sum + term/j
			if next == sum {
				break
			}
			sum = next
		}
		return sum
	}
	return x*math.Log(x/m) + m - x
}

// logBinomial is the logarithm of Γ(n+1)/(Γ(k+1)Γ(n-k+1))·p^k·q^(n-k) for real 0 <= k <= n; q = 1 - p is an argument so that a
// caller who knows the small one of the two loses nothing.
func logBinomial(k, rest, p, q float64) float64 {
	n := k + rest
	switch {
	case k == 0 && rest == 0:
		return 0
	case k == 0:
		return rest * logOf(q, p)
	case rest == 0:
		return k * logOf(p, q)
	case p == 0 || q == 0:
		return math.Inf(-1)
	}
	return stirling(n) - stirling(k) - stirling(rest) - deviance(k, n*p) - deviance(rest, n*q) + 0.5*math.Log(n/k/rest) - halfLog2Pi
}

// logOf is ln p where other = 1 - p.
func logOf(p, other float64) float64 {
	if other < 0.5 {
		return math.Log1p(-other)
	}
	return math.Log(p)
}
