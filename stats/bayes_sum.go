package stats

import "math"

// mostTerms is the largest whole parameter for which sums are made.
const mostTerms = 64

// sums is solve by finite sums, for whole parameters of which one is small: few conversions, or few that did not convert, under a prior of whole
// numbers (E. Miller, Formulas for Bayesian A/B testing, 2014; J. D. Cook, Exact calculation of beta inequalities, 2005). With the density
// g(0) = B(a+c, b+d)/(B(a, b) B(c, d)) of the difference of log odds at 0 the expected excess is κ g(0) - (E U - E V) P(V > U). False where no
// parameter is small, or where a sum is so near 1, or an excess so small beside what it is the rest of, that digits would be lost.
func (d *duel) sums() (chance, excess float64, ok bool) {
	a, b, c, e := d.terms[0].p, d.terms[1].p, d.terms[2].p, d.terms[3].p
	direct := few(a) || few(e) // a sum of positive terms
	switch {
	case few(a):
		chance = tailSum(c, e, a, b)
	case few(e):
		chance = tailSum(b, a, e, c)
	case few(c):
		chance = 1 - tailSum(a, b, c, e)
	case few(b):
		chance = 1 - tailSum(e, c, b, a)
	default:
		return 0, 0, false
	}
	lost := d.s0 * d.kappa * chance
	excess = d.kappa*meeting(a, b, c, e) - lost
	return chance, excess, excess > 0.01*lost && chance <= 1 && (chance > 1e-3 || direct && chance > 0)
}

// few is a whole number of terms that is small.
func few(p float64) bool { return p <= mostTerms && p == math.Trunc(p) }

// tailSum is P(V > U) for U ~ Beta(c, d) and V ~ Beta(a, b) with a whole a: Σ over i < a of C(b+i-1, i) E[Uⁱ(1-U)ᵇ], whose first term is
// B(c, d+b)/B(c, d) and whose others follow by their ratios.
func tailSum(c, d, a, b float64) float64 {
	n := c + d
	lnFirst := b*math.Log1p(-c/(n+b)) + (d-0.5)*math.Log1p(c*b/(d*(n+b))) - c*math.Log1p(b/n) +
		(stirlingError(d+b) - stirlingError(d)) - (stirlingError(n+b) - stirlingError(n))
	sum, term := 1.0, 1.0
	for i := 0.0; i < a-1; i++ {
		term *= (c + i) / (n + b + i) * ((b + i) / (i + 1))
		sum += term
	}
	return math.Exp(lnFirst + math.Log(sum))
}

// meeting is B(a+c, b+d)/(B(a, b) B(c, d)), by deviances from the common rate, so that no large logarithms cancel.
func meeting(a, b, c, d float64) float64 {
	all, one, other := a+b+c+d, a+b, c+d
	yes, no := a+c, b+d
	gap := crossDifference(a, d, b, c) / all // a less what the common rate expects
	ln := -deviance(a, one*(yes/all), gap) - deviance(b, one*(no/all), -gap) - deviance(c, other*(yes/all), -gap) - deviance(d, other*(no/all), gap)
	ln += stirlingError(yes) + stirlingError(no) - stirlingError(all)
	ln -= stirlingError(a) + stirlingError(b) - stirlingError(one) + stirlingError(c) + stirlingError(d) - stirlingError(other)
	return math.Exp(ln) * math.Sqrt(a/one*b*(c/other*d)/(yes/all*no)/(2*math.Pi))
}
