package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// DifferenceIntervals are intervals of a difference of two rates, treatment - control. They exist for 0 % and 100 %.
type DifferenceIntervals struct {
	// Newcombe is the hybrid score interval (R. G. Newcombe, Statistics in Medicine 17, 1998, method 10): the default for one look.
	Newcombe Range
	// AgrestiCaffo is Wald's with one more success and failure in each arm (A. Agresti and B. Caffo, American Statistician 54, 2000).
	AgrestiCaffo Range
	// MiettinenNurminen inverts the score test with N/(N-1) (O. Miettinen and M. Nurminen, Statistics in Medicine 4, 1985).
	MiettinenNurminen Range
}

// RateDifference are the intervals of treatment - control with error probability alpha: Newcombe's d ∓ √((p_b - l_b)² + (u_a - p_a)²) with Wilson's
// limits, Agresti and Caffo's, and Miettinen and Nurminen's (see DifferenceIntervals). They assume units that convert independently.
func RateDifference(control, treatment Proportion, alpha float64) (DifferenceIntervals, error) {
	if err := checkLevel(alpha); err != nil {
		return DifferenceIntervals{}, err
	}
	if err := checkBoth(control, treatment); err != nil {
		return DifferenceIntervals{}, err
	}
	z := -special.NormalQuantile(alpha / 2)
	out := DifferenceIntervals{Newcombe: newcombe(control, treatment, z)}
	one := func(p Proportion) (rate, variance float64) {
		n := float64(p.N) + 2
		rate = (float64(p.X) + 1) / n
		return rate, rate * ((float64(p.N-p.X) + 1) / n) / n
	}
	rateA, varianceA := one(control)
	rateB, varianceB := one(treatment)
	half := z * math.Sqrt(varianceA+varianceB)
	out.AgrestiCaffo = cut(rateB-rateA-half, rateB-rateA+half, -1)
	out.MiettinenNurminen = scoreOf(control, treatment).differences(z)
	return out, nil
}

func newcombe(control, treatment Proportion, z float64) Range {
	a, b := control.wilson(z), treatment.wilson(z)
	rateA, rateB := control.Rate(), treatment.Rate()
	d := rateB - rateA
	return cut(d-math.Hypot(rateB-b.Low, a.High-rateA), d+math.Hypot(b.High-rateB, rateA-a.Low), -1)
}

// score is the score test of two rates: of a difference, with the variance at the most likely rates that differ by it.
type score struct{ xa, na, xb, nb, rateA, rateB float64 }

func scoreOf(control, treatment Proportion) score {
	return score{
		xa: float64(control.X), na: float64(control.N), xb: float64(treatment.X), nb: float64(treatment.N),
		rateA: control.Rate(), rateB: treatment.Rate(),
	}
}

// statistic of the hypothesis that the difference is d.
func (s score) statistic(d float64) float64 {
	a := s.restricted(d)
	b := a + d
	n := s.na + s.nb
	variance := (a*(1-a)/s.na + b*(1-b)/s.nb) * n / (n - 1)
	gap := s.rateB - s.rateA - d
	if gap == 0 {
		return 0
	}
	return gap / math.Sqrt(math.Max(0, variance))
}

// restricted is the most likely rate of the control if the treatment's lies d above it: the root of the cubic of C. P. Farrington and
// G. Manning (Statistics in Medicine 9, 1990, appendix), polished on the likelihood's derivative, which falls.
func (s score) restricted(d float64) float64 {
	least, most := math.Max(0, -d), math.Min(1, 1-d)
	slope := func(a float64) float64 {
		b := a + d
		return share(s.xa, a) - share(s.na-s.xa, 1-a) + share(s.xb, b) - share(s.nb-s.xb, 1-b)
	}
	a := math.Max(least, math.Min(most, s.cubic(d)))
	low, high := least, most
	for range 60 {
		f := slope(a)
		if f > 0 {
			low = a
		} else {
			high = a
		}
		b := a + d
		curve := share(s.xa, a*a) + share(s.na-s.xa, (1-a)*(1-a)) + share(s.xb, b*b) + share(s.nb-s.xb, (1-b)*(1-b))
		next := a + f/curve
		if !(next > low && next < high) {
			next = (low + high) / 2
		}
		// a step of Newton's squares the error, in units of the distance to the next pole
		if gone := math.Abs(next - a); gone <= 1e-16 || gone <= 1e-9*math.Min(next-least, most-next) || next == low || next == high {
			return next
		}
		a = next
	}
	return a
}

// share is x/y, and 0 for x = 0 whatever y is.
func share(x, y float64) float64 {
	if x == 0 {
		return 0
	}
	return x / y
}

func (s score) cubic(d float64) float64 {
	t := s.na / s.nb
	a := 1 + t
	b := -(1 + t + s.rateB + t*s.rateA + d*(t+2))
	c := d*d + d*(2*s.rateB+t+1) + s.rateB + t*s.rateA
	e := -s.rateB * d * (1 + d)
	v := b*b*b/(27*a*a*a) - b*c/(6*a*a) + e/(2*a)
	u := math.Copysign(math.Sqrt(math.Max(0, b*b/(9*a*a)-c/(3*a))), v)
	if u == 0 {
		return -b/(3*a) - d
	}
	w := (math.Pi + math.Acos(math.Max(-1, math.Min(1, v/(u*u*u))))) / 3
	return 2*u*math.Cos(w) - b/(3*a) - d
}

// differences are all d whose statistic lies within ∓z.
func (s score) differences(z float64) Range {
	d := s.rateB - s.rateA
	// a guess of the ends, with a success and a failure more in each arm
	a, b := (s.xa+1)/(s.na+2), (s.xb+1)/(s.nb+2)
	reach := 2 * z * math.Sqrt(a*(1-a)/s.na+b*(1-b)/s.nb)
	out := Range{Low: -1, High: 1}
	if d > -1 {
		above := func(x float64) float64 { return s.statistic(x) - z }
		from := math.Max(-1, d-reach)
		if !(above(from) > 0) {
			from = -1
		}
		out.Low = crossing(above, from, d)
	}
	if d < 1 {
		below := func(x float64) float64 { return s.statistic(x) + z }
		to := math.Min(1, d+reach)
		if !(below(to) < 0) {
			to = 1
		}
		out.High = crossing(below, d, to)
	}
	return out
}

// crossing is where a falling function crosses 0 between low and high, by the Illinois variant of the secant and, where that is
// slow, by bisection. Where the function does not cross it is the end that is nearer to doing so.
func crossing(f func(float64) float64, low, high float64) float64 {
	fl, fh := f(low), f(high)
	if !(fl > 0) {
		return low
	}
	if !(fh < 0) {
		return high
	}
	x := low
	for i := range 200 {
		x = between(low, high, fl, fh, i%3 != 2)
		if high-low <= 4e-16*math.Max(math.Abs(low), math.Abs(high)) || x == low || x == high {
			break
		}
		switch fx := f(x); {
		case math.Abs(fx) < 1e-13: // in standard errors
			return x
		case fx > 0:
			low, fl, fh = x, fx, fh/2
		case fx < 0:
			high, fh, fl = x, fx, fl/2
		}
	}
	return x
}

// between is where the secant crosses 0, or the middle when that is asked for or better.
func between(low, high, fl, fh float64, secant bool) float64 {
	if x := low + (high-low)*(fl/(fl-fh)); secant && x > low && x < high {
		return x
	}
	return (low + high) / 2
}
