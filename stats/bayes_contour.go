package stats

import "math"

// duel is P(V > U) and E[max(V - U, 0)] for independent rates V ~ Beta(a, b) and U ~ Beta(c, d), V having the smaller log odds, as integrals
// along a line in the complex plane. With D = logit V - logit U and K(s) = ln E[e^(sD)], which is a sum of log-gammas,
//
//	P(V > U) = 1/2πi ∫ e^K(s) ds/s,   E[max(V - U, 0)] = κ/2πi ∫ e^K(s) (s - s₀) ds/s,   κ = 1/(a+b) + 1/(c+d),   s₀ = (E U - E V)/κ
//
// over a line Re s > 0 through the saddle point of K, which s₀ is next to, so that nothing cancels however small the result is. The first is the
// inversion of R. Lugannani and S. Rice (Adv. Appl. Prob. 12, 1980) before they approximate it; the second follows from E[V e^(s logit V)] =
// E[e^(s logit V)] (a+s)/(a+b). The trapezoidal rule on such a line converges exponentially (L. N. Trefethen and J. A. C. Weideman, SIAM
// Review 56, 2014): about a dozen nodes are enough where the posteriors are nearly normal.
type duel struct {
	terms [4]gammaTerm
	shift float64 // ln of the shifted parameters' odds ratio, the linear part of K
	s0    float64
	line  float64 // Re s
	kappa float64
	below float64 // the product of all factors below, at s = 0
}

// gammaTerm is ln Γ(p + sign·s) - ln Γ(p), by Stirling's formula at large = p + steps and by the steps factors below it.
type gammaTerm struct {
	p, sign, large float64
	steps          int
	error          float64 // stirlingError(large)
}

const (
	// lnRound is the logarithm of what the trapezoidal rule may miss.
	lnRound = 37
	// mostNodes is where other quadrature is no slower, which is so with parameters well below 1.
	mostNodes = 192
	// stirlingFrom is from which real part on Stirling's series has all digits.
	stirlingFrom = 9
)

// newDuel needs (a, b) to have the smaller log odds.
func newDuel(a, b, c, d float64) duel {
	out := duel{kappa: 1/(a+b) + 1/(c+d), below: 1}
	// E U - E V = (bc - ad)/((a+b)(c+d)), without cancellation
	out.s0 = math.Max(0, crossDifference(b, c, a, d)/(a+b+c+d))
	out.line = saddle(a, b, c, d)
	for i, p := range [4]float64{a, b, c, d} {
		t := gammaTerm{p: p, sign: 1, large: p}
		if i == 1 || i == 2 {
			t.sign = -1
		}
		if real := p + t.sign*out.line; real < stirlingFrom {
			t.steps = int(math.Ceil(stirlingFrom - real))
			t.large = p + float64(t.steps)
		}
		for j := range t.steps {
			out.below *= p + float64(j)
		}
		t.error = stirlingError(t.large)
		out.terms[i] = t
	}
	t := &out.terms
	out.shift = math.Log1p(crossDifference(t[0].large, t[3].large, t[1].large, t[2].large) / (t[1].large * t[2].large))
	return out
}

// saddle is where K'(s) = ψ(a+s) - ψ(b-s) - ψ(c-s) + ψ(d+s) is about 0, by ψ(x) ≈ ln(x - ½), and not below 0. It always lies between the poles
// of K at -min(a, d) and min(b, c).
func saddle(a, b, c, d float64) float64 {
	shifted := func(p float64) float64 {
		if p < 1 {
			return 0.5 * p
		}
		return p - 0.5
	}
	a, b, c, d = shifted(a), shifted(b), shifted(c), shifted(d)
	return math.Max(0, crossDifference(b, c, a, d)/(a+b+c+d))
}

// crossDifference is p·q - r·s with one rounding of the result's size (W. Kahan's use of the fused multiplication).
func crossDifference(p, q, r, s float64) float64 {
	w := r * s
	return math.FMA(p, q, -w) - math.FMA(r, s, -w)
}

// exponential is e^K(s).
func (d *duel) exponential(s complex128) complex128 {
	sum, product := s*complex(d.shift, 0), complex(1, 0)
	for i := range d.terms {
		t := &d.terms[i]
		w := complex(t.sign*real(s), t.sign*imag(s))
		at := complex(t.p+real(w), imag(w))
		for range t.steps {
			product *= at
			at += 1
		}
		sum += t.stirling(w)
	}
	size := d.below * math.Exp(real(sum))
	sin, cos := math.Sincos(imag(sum))
	return complex(size*cos, size*sin) * inverse(product)
}

// inverse is 1/z for what neither overflows nor underflows when squared.
func inverse(z complex128) complex128 {
	scale := 1 / (real(z)*real(z) + imag(z)*imag(z))
	return complex(real(z)*scale, -imag(z)*scale)
}

// stirling is ln Γ(large + w) - ln Γ(large) - w ln large.
func (t *gammaTerm) stirling(w complex128) complex128 {
	q := complex(real(w)/t.large, imag(w)/t.large)
	var half, bend complex128 // ½ ln(1+q) and (1+q) ln(1+q) - q
	if size := real(q)*real(q) + imag(q)*imag(q); size < 0.04 {
		v := q * inverse(2+q) // ln(1+q) = 2 artanh v
		y := v * v
		rest := y * complex(1.0/7, 0)
		if size > 1e-5 {
			rest = y * (1.0/7 + y*(1.0/9+y*(1.0/11+y*(1.0/13+y*(1.0/15+y*(1.0/17))))))
		}
		rest = v * y * (1.0/3 + y*(1.0/5+rest))
		half = v + rest
		bend = (y + (1+v)*rest) * inverse(1-v)
		bend += bend
	} else {
		x, y := real(q), imag(q)
		half = complex(0.25*math.Log1p(x*(2+x)+y*y), 0.5*math.Atan2(y, 1+x))
		bend = 2*(1+q)*half - q
	}
	return complex(t.large*real(bend)-t.error, t.large*imag(bend)) - half + stirlingSeries(complex(t.large+real(w), imag(w)))
}

// stirlingSeries is stirlingError of a complex number whose real part is at least stirlingFrom.
func stirlingSeries(z complex128) complex128 {
	r := inverse(z)
	y := r * r
	if real(z) > 1e3 {
		return r * (1.0/12 - y*(1.0/360-y*(1.0/1260)))
	}
	return r * (1.0/12 - y*(1.0/360-y*(1.0/1260-y*(1.0/1680-y*(1.0/1188-y*(691.0/360360-y*(1.0/156)))))))
}

// step is the distance of the nodes, and how far to the left of the line the integrand is analytic but for the pole at 0.
func (d *duel) step() (h, left float64) {
	variance, room := 0.0, [2]float64{math.Inf(1), math.Inf(1)} // to the left and to the right, to the next pole of a gamma function
	for _, t := range d.terms {
		at := t.p + t.sign*d.line
		variance += 1/at + 0.5/(at*at)
		side := 0
		if t.sign < 0 {
			side = 1
		}
		room[side] = math.Min(room[side], at)
	}
	normal := math.Sqrt(2 * lnRound / variance) // the best distance for a normal density
	left, h = d.reach(-1, room[0], normal)
	if _, other := d.reach(1, room[1], normal); other < h {
		h = other
	}
	return h, left
}

// reach is how far off the line it pays to look at one side, and the distance of the nodes that this allows.
func (d *duel) reach(sign, room, normal float64) (best, h float64) {
	for _, away := range [...]float64{math.Min(0.95*normal, 0.8*room), math.Min(0.6*normal, 0.9*room), 0.5 * room} {
		if v := 2 * math.Pi * away / (lnRound + d.growth(sign*away)); v > h {
			best, h = away, v
		}
		if 4*normal < room {
			break
		}
	}
	return best, h
}

// growth is about K(s₀ + away) - K(s₀) - away·K'(s₀).
func (d *duel) growth(away float64) float64 {
	sum := 0.0
	for _, t := range d.terms {
		at := t.p + t.sign*d.line
		q := t.sign * away / at
		l := math.Log1p(q)
		sum += at*((1+q)*l-q) - 0.5*(l-q)
	}
	return sum
}

// solve is the chance and the expected excess; false where too many nodes would be needed.
func (d *duel) solve() (chance, excess float64, ok bool) {
	h, left := d.step()
	if !(h > 0) {
		return 0, 0, false
	}
	largest := 0.0
	for k := 0; ; k++ {
		if k == mostNodes {
			return 0, 0, false
		}
		omega := (float64(k) + 0.5) * h
		e := d.exponential(complex(d.line, omega))
		size := math.Max(math.Abs(real(e)), math.Abs(imag(e)))
		largest = math.Max(largest, size)
		over := e * inverse(complex(d.line, omega))
		chance += real(over)
		excess += (d.line-d.s0)*real(over) - omega*imag(over) // of (s - s₀)/s
		if size < 1e-18*largest || size == 0 {
			break
		}
	}
	chance *= h / math.Pi
	excess *= d.kappa * h / math.Pi
	if d.line < left { // the pole at 0 is within what the rule sees, which is then known exactly
		pole := 1 / (math.Exp(2*math.Pi*d.line/h) + 1)
		chance += pole
		excess -= d.kappa * d.s0 * pole
	}
	// far out in a skewed tail the excess is a difference that has lost its digits
	return chance, excess, chance > 0 && chance <= 1 && excess > 1e-4*d.s0*d.kappa*chance
}
