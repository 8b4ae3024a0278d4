package stats

import "math"

// logitLine are nodes on the logit scale with what all beta densities share there. Around a middle u₀ = logit x₀
//
//	ln f(u₀+δ) = ln f(u₀) + (a - n x₀) δ + n bend(δ),   bend(δ) = x₀δ - ln(1 + x₀(e^δ - 1)),   n = a + b
//
// in which no large numbers cancel, and bend is the same for every arm. Above a rate of a half the complement takes the place of the rate.
type logitLine struct {
	middle float64
	x, y   float64 // rate and complement in the middle, x <= y
	sign   float64 // -1 where they are exchanged
	away   []float64
	bend   []float64
}

func newLogitLine(nodes int, middle float64) logitLine {
	room := make([]float64, 2*nodes)
	out := logitLine{middle: middle, sign: 1, away: room[:nodes], bend: room[nodes:]}
	if middle > 0 {
		out.sign = -1
	}
	out.x, out.y = logistic(-math.Abs(middle))
	return out
}

// put sets a node and is rate times complement there, the rate's derivative.
func (l *logitLine) put(n int, u float64) float64 {
	d := l.sign * (u - l.middle)
	rise := math.Expm1(d)
	t := l.x * rise
	l.away[n], l.bend[n] = d, l.bendAt(d, t)
	grown := rise + 1
	if d < -1 {
		grown = math.Exp(d)
	}
	return l.x * grown / (1 + t) * (l.y / (1 + t))
}

// bendAt takes t = x₀(e^δ - 1).
func (l *logitLine) bendAt(d, t float64) float64 {
	if math.Abs(d) > 0.3 {
		return l.x*d - math.Log1p(t)
	}
	// e^δ - 1 - δ and t - ln(1+t), each by its series
	curve := d * d * (1.0/2 + d*(1.0/6+d*(1.0/24+d*(1.0/120+d*(1.0/720+d*(1.0/5040+d*(1.0/40320+d*(1.0/362880+d*(1.0/3628800+d*(1.0/39916800))))))))))
	v := t / (2 + t)
	y := v * v
	series := v * y * (2.0/3 + y*(2.0/5+y*(2.0/7+y*(2.0/9+y*(2.0/11+y*(2.0/13+y*(2.0/15)))))))
	return t*v - series - l.x*curve
}

// densities are those of Beta(a, b) at the nodes, given its logarithm in the middle.
func (l *logitLine) densities(out []float64, ab [2]float64, lnMiddle float64) {
	a, n := ab[0], ab[0]+ab[1]
	if l.sign < 0 {
		a = ab[1]
	}
	slope := math.FMA(-n, l.x, a)
	bend := l.bend[:len(out)]
	for k, d := range l.away[:len(out)] {
		out[k] = math.Exp(lnMiddle + slope*d + n*bend[k])
	}
}
