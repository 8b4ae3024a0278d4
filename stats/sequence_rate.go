package stats

import "math"

// RateSequence is the always-valid confidence interval of one conversion rate at level 1 - alpha: all p with p^x (1-p)^(n-x) >= α
// B(a+x, b+n-x)/B(a, b), the beta-binomial mixture (H. Robbins, Ann. Math. Stat. 41, 1970; Howard et al., Ann. Stat. 49, 2021, section 3). It
// needs no normality, may be looked at after every unit, and exists from the first unit on. a and b, more than 0, say where it is
// narrow early; 1 and 1 are a good start.
func (p Proportion) RateSequence(a, b, alpha float64) (low, high float64, err error) {
	if err := checkLevel(alpha); err != nil {
		return 0, 0, err
	}
	if p.N < 0 || p.X < 0 || p.X > p.N {
		return 0, 0, fail(InvalidInput, "%d conversions of %d units cannot be", p.X, p.N)
	}
	if !(a > 0 && b > 0 && a < 1e15 && b < 1e15) {
		return 0, 0, fail(InvalidInput, "the parameters of the mixture must be more than 0, not %v and %v", a, b)
	}
	if p.N == 0 {
		return 0, 1, nil
	}
	excess := p.mixtureExcess(a, b, alpha)
	rate := p.Rate()
	low, high = 0, 1
	if p.X > 0 {
		// In the logarithm of the rate, so that a tiny bound keeps its digits.
		if l, ok := root(func(l float64) float64 { return excess(math.Exp(-l), -math.Expm1(-l)) }, -math.Log(rate), -math.Log(rate)+1, 1e-15); ok {
			low = math.Exp(-l)
		}
	}
	if p.X < p.N {
		at := func(l float64) float64 { return excess(-math.Expm1(-l), math.Exp(-l)) }
		if l, ok := root(at, -math.Log1p(-rate), -math.Log1p(-rate)+1, 1e-15); ok {
			high = -math.Expm1(-l)
		}
	}
	return low, high, nil
}

// mixtureExcess is ln(p^x (1-p)^(n-x) B(a,b) / (α B(a+x, b+n-x))) as a function of p and 1 - p, with the large parts of the two sides taken
// together before they are subtracted.
func (p Proportion) mixtureExcess(a, b, alpha float64) func(rate, rest float64) float64 {
	x, y := float64(p.X), float64(p.N-p.X)
	s, t := a+x, b+y
	sum := s + t
	constant := -math.Log(alpha) - a*math.Log(s/sum) - b*math.Log(t/sum) + 0.5*math.Log(s*(t/sum)) - 0.5*math.Log(2*math.Pi) -
		stirlingError(s) - stirlingError(t) + stirlingError(sum) + lnBeta(a, b)
	return func(rate, rest float64) float64 {
		out := constant
		if x > 0 {
			out += x * lnShareRatio(rate, rest, s, t)
		}
		if y > 0 {
			out += y * lnShareRatio(rest, rate, t, s)
		}
		return out
	}
}

// lnShareRatio is ln(share / (own/(own+other))) with rest = 1 - share, from the small ones of the numbers.
func lnShareRatio(share, rest, own, other float64) float64 {
	if rest < 0.1 {
		return math.Log1p(-rest) + math.Log1p(other/own)
	}
	return lnRatio(share*(own+other), own)
}

// lnRatio is ln(a/b), right also where a is next to b.
func lnRatio(a, b float64) float64 {
	if a > 0.5*b && a < 2*b {
		return math.Log1p((a - b) / b)
	}
	return math.Log(a / b)
}

// lnBeta is ln B(a, b) without the loss of large ln Γ.
func lnBeta(a, b float64) float64 {
	small, large := math.Min(a, b), math.Max(a, b)
	if small < 15 {
		l, _ := math.Lgamma(small)
		if large < 15 {
			m, _ := math.Lgamma(large)
			n, _ := math.Lgamma(small + large)
			return l + m - n
		}
		sum := small + large
		// ln Γ(large) - ln Γ(sum)
		return l + stirlingError(large) - stirlingError(sum) - (large-0.5)*math.Log1p(small/large) - small*math.Log(sum) + small
	}
	sum := a + b
	return a*math.Log(a/sum) + b*math.Log(b/sum) - 0.5*math.Log(a*(b/sum)) + 0.5*math.Log(2*math.Pi) +
		stirlingError(a) + stirlingError(b) - stirlingError(sum)
}
