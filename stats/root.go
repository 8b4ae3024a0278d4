package stats

import "math"

// root finds where f crosses 0 between low and high, which it widens upwards if need be, by Brent's method (R. P. Brent, Algorithms
// for minimization without derivatives, 1973, chapter 4) to the relative tolerance; false when there is no change of sign.
func root(f func(float64) float64, low, high, tolerance float64) (float64, bool) {
	a, b, fa, fb := low, high, f(low), f(high)
	for range 60 {
		if math.IsNaN(fa+fb) || fa == 0 || fb == 0 || math.Signbit(fa) != math.Signbit(fb) {
			break
		}
		a, fa = b, fb
		b += 2*(b-low) + 1e-300
		fb = f(b)
	}
	if fa == 0 {
		return a, true
	}
	if math.IsNaN(fa+fb) || math.IsInf(b, 0) || fb != 0 && math.Signbit(fa) == math.Signbit(fb) {
		return math.NaN(), false
	}
	return brent(f, a, b, fa, fb, tolerance), true
}

// brent is the loop of root on a bracket: a and b with values of different signs. b is the best guess, c the other end.
func brent(f func(float64) float64, a, b, fa, fb, tolerance float64) float64 {
	c, fc, step, last := a, fa, b-a, b-a
	for range 200 {
		if math.Abs(fc) < math.Abs(fb) {
			a, b, c, fa, fb, fc = b, c, b, fb, fc, fb
		}
		small := 2*1.2e-16*math.Abs(b) + 0.5*tolerance*math.Abs(b)
		middle := 0.5 * (c - b)
		if math.Abs(middle) <= small || fb == 0 {
			return b
		}
		step, last = brentStep(a, b, c, fa, fb, fc, middle, step, last, small)
		a, fa = b, fb
		if math.Abs(step) > small {
			b += step
		} else {
			b += math.Copysign(small, middle)
		}
		fb = f(b)
		if math.Signbit(fb) == math.Signbit(fc) && fb != 0 {
			c, fc, step, last = a, fa, b-a, b-a
		}
	}
	return b
}

// brentStep is inverse quadratic interpolation or the secant where it makes progress, and bisection where it does not.
func brentStep(a, b, c, fa, fb, fc, middle, step, last, small float64) (next, previous float64) {
	if math.Abs(last) < small || math.Abs(fa) <= math.Abs(fb) {
		return middle, middle
	}
	s := fb / fa
	var p, q float64
	if a == c {
		p, q = 2*middle*s, 1-s
	} else {
		q, r := fa/fc, fb/fc
		p = s * (2*middle*q*(q-r) - (b-a)*(r-1))
		return brentAccept(p, (q-1)*(r-1)*(s-1), middle, step, last, small)
	}
	return brentAccept(p, q, middle, step, last, small)
}

func brentAccept(p, q, middle, step, last, small float64) (next, previous float64) {
	if p > 0 {
		q = -q
	}
	p = math.Abs(p)
	if 2*p < math.Min(3*middle*q-math.Abs(small*q), math.Abs(last*q)) {
		return p / q, step
	}
	return middle, middle
}
