package stats

import "math"

// pair is an unevaluated sum hi + lo of two floats, about 32 digits: what is left of a variance after a covariate explained nearly all
// of it keeps its own 16. (T. J. Dekker, Numerische Mathematik 18, 1971.)
type pair struct{ hi, lo float64 }

func plus(a, b float64) pair {
	s := a + b
	part := s - a
	return pair{s, (a - (s - part)) + (b - part)}
}

func pairOf(x float64) pair { return pair{hi: x} }

func (a pair) float() float64 { return a.hi + a.lo }

func (a pair) add(b pair) pair {
	s, t := plus(a.hi, b.hi), plus(a.lo, b.lo)
	s = plus(s.hi, s.lo+t.hi)
	return plus(s.hi, s.lo+t.lo)
}

func (a pair) neg() pair { return pair{-a.hi, -a.lo} }

func (a pair) sub(b pair) pair { return a.add(b.neg()) }

func (a pair) mul(b pair) pair {
	p := a.hi * b.hi
	return plus(p, math.FMA(a.hi, b.hi, -p)+(a.hi*b.lo+a.lo*b.hi))
}

func (a pair) div(b pair) pair {
	first := a.hi / b.hi
	rest := a.sub(b.mul(pairOf(first)))
	second := rest.hi / b.hi
	rest = rest.sub(b.mul(pairOf(second)))
	return plus(first, second).add(pairOf(rest.hi / b.hi))
}
