package special

import "math"

// BetaQuantile is the x with P(X <= x) = p; NaN for p outside [0, 1] or parameters that are not positive. gonum's is off by 1e-9 to
// 8e-6 for a + b >= 1e8.
func BetaQuantile(p, a, b float64) float64 {
	if p > 0.5 {
		return betaQuantile(1-p, a, b, true)
	}
	return betaQuantile(p, a, b, false)
}

// BetaUpperQuantile is the x with P(X > x) = p, which keeps its precision for tiny p.
func BetaUpperQuantile(p, a, b float64) float64 {
	if p > 0.5 {
		return betaQuantile(1-p, a, b, false)
	}
	return betaQuantile(p, a, b, true)
}

// betaQuantile is on the scale of log odds, where the density is nearly normal, or on that of the logarithm where a parameter is so small that
// it is not.
func betaQuantile(tail, a, b float64, upper bool) float64 {
	if a >= 1 && b >= 1 && a <= 1e15 && b <= 1e15 && tail > 1e-290 && tail <= 0.5 {
		if x, ok := logitQuantile(tail, a, b, upper); ok {
			return x
		}
	}
	return steepQuantile(tail, a, b, upper)
}

// logitQuantile solves for the logarithm of the tail at v = ln(x/y) by Halley's method, from the expansion of E. A. Cornish and R. A. Fisher
// (Revue de l'Institut International de Statistique 5, 1937) with the cumulants of log odds, which are polygammas. A step leaves about the
// cube of the error, so one or two are enough. False where the guess is too far off for that.
func logitQuantile(tail, a, b float64, upper bool) (float64, bool) {
	goal := math.Log(tail)
	z, sign := NormalQuantile(tail), 1.0
	if upper {
		z, sign = -z, -1
	}
	v, sd := logitStart(z, a, b), math.Sqrt(1/a+1/b)
	for range 6 {
		x, y := odds(v)
		if !(x > 0 && y > 0) {
			return 0, false
		}
		at := logBetaTail(x, y, a, b)
		if upper {
			at = logBetaTail(y, x, b, a)
		}
		// the logarithm of the tail grows by ±r with r = density/tail, whose logarithm grows by a y - b x ∓ r
		r := math.Exp(logBetaDensity(x, y, a, b) - at)
		step := sign * (at - goal) / r
		step /= 1 - 0.5*step*(a*y-b*x-sign*r)
		if !(math.Abs(step) < 3*sd) {
			return 0, false
		}
		v -= step
		if math.Abs(step) <= 1e-4*sd { // the cube is less than what the tail itself is known to
			x, _ = odds(v)
			return x, true
		}
	}
	return 0, false
}

// odds are the rate and its complement of log odds.
func odds(v float64) (x, y float64) {
	e := math.Exp(-math.Abs(v))
	if v < 0 {
		return e / (1 + e), 1 / (1 + e)
	}
	return 1 / (1 + e), e / (1 + e)
}

// logitStart is the quantile of log odds where the normal's is z.
func logitStart(z, a, b float64) float64 {
	p, q := polygammas(a), polygammas(b)
	sd := math.Sqrt(p[1] + q[1])
	skew := (p[2] - q[2]) / (sd * sd * sd)
	curtosis := (p[3] + q[3]) / (sd * sd * sd * sd)
	w := z + skew*(z*z-1)/6 + curtosis*z*(z*z-3)/24 - skew*skew*z*(2*z*z-5)/36
	return p[0] - q[0] + sd*w
}

// polygammas are the digamma function and its first three derivatives for x >= 1, to about eight digits, for a guess (NIST DLMF 5.11.2 and
// 5.15.8, after the recurrence 5.15.5).
func polygammas(x float64) (out [4]float64) {
	for x < 6 {
		r := 1 / x
		out[0] -= r
		out[1] += r * r
		out[2] -= 2 * r * r * r
		out[3] += 6 * r * r * r * r
		x++
	}
	r := 1 / x
	s := r * r
	out[0] += math.Log(x) - r/2 - s*(1.0/12-s*(1.0/120-s/252))
	out[1] += r + s/2 + r*s*(1.0/6-s*(1.0/30-s/42))
	out[2] -= s + r*s + s*s*(1.0/2-s*(1.0/6-s/6))
	out[3] += r*s*2 + 3*s*s + r*s*s*(2-s)
	return out
}

// steepQuantile solves for the lower tail, or the upper one, in the logarithms of both x and the tail, in which the tail is nearly
// straight: Newton's method, kept within a bracket by bisection.
func steepQuantile(tail, a, b float64, upper bool) float64 {
	if !(a > 0) || !(b > 0) || !(tail >= 0 && tail <= 1) {
		return math.NaN()
	}
	// the logarithm of the tail as a function of u = ln x, and its sign of growth
	log, sign := func(x, y float64) float64 { return logBetaTail(x, y, a, b) }, 1.0
	if upper {
		log, sign = func(x, y float64) float64 { return logBetaTail(y, x, b, a) }, -1
	}
	if tail == 0 {
		return (1 - sign) / 2
	}
	goal := math.Log(tail)
	u := betaStart(goal, a, b, upper)
	low, high := -750.0, 0.0
	for range 200 {
		x, y := math.Exp(u), -math.Expm1(u)
		at := log(x, y)
		if (at > goal) != upper {
			high = u
		} else {
			low = u
		}
		next, done := u-sign*(at-goal)/math.Exp(logBetaDensity(x, y, a, b)-math.Log(y)-at), false
		if next > low && next < high {
			done = math.Abs(next-u) <= 1e-9*math.Min(1, math.Abs(u)) // a step of Newton's squares the error
		} else {
			next = (low + high) / 2
		}
		u = next
		if done || high-low < 1e-17 {
			break
		}
	}
	return math.Exp(u)
}

// betaStart guesses the logarithm of the quantile: by the power law of the tail where that is small, else by the normal
// approximation of the log odds.
func betaStart(logTail, a, b float64, upper bool) float64 {
	z := NormalQuantile(math.Exp(logTail))
	if math.IsNaN(z) {
		z = -37
	}
	if upper {
		z = -z
	}
	logit := math.Log(a/b) + z*math.Sqrt(1/a+1/b)
	u := -math.Log1p(math.Exp(-logit))
	if !upper && a < 2 {
		// P(X <= x) ~ x^a / (a B(a, b))
		lb := logBetaFront(0.5, 0.5, a, b) + (a+b)*math.Ln2
		u = math.Min((logTail-lb)/a, -1e-3)
	}
	if !(u < 0) || u < -740 {
		u = -0.5
	}
	return u
}
