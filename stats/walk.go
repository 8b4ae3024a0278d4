package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// walk is where the score of an experiment, a Brownian motion B(t) = Z√t with an optional drift, may be at a look without having
// crossed a bound before: a density as nodes of a quadrature and the mass at each. The recursion from look to look is that of
// Armitage, McPherson and Rowe (Repeated significance tests on accumulating data, JRSS A 132, 1969); the nodes are those
// of 16-point Gauss-Legendre panels, a few standard deviations wide of what smooths the integrand.
type walk struct {
	at, mass []float64
	t        float64
	drift    float64
	// even: the density is symmetric about 0, so the nodes cover only 0 and above. Without drift and with symmetric bounds.
	even bool
	// width of the panels, in standard deviations of what smooths.
	width float64
}

// What a walk resolves: panels of fine leave an error below 1e-13, those of coarse one below 1e-6.
const (
	fine   = 4.0
	coarse = 7.0
)

// startWalk is the walk before the first look: all mass at 0.
func startWalk(even bool, drift, width float64) walk {
	w := walk{width: width, at: []float64{0}, mass: []float64{1}, even: even, drift: drift}
	if even {
		w.mass[0] = 0.5
	}
	return w
}

// above is the probability of being above b at t, having crossed nothing before, and the density there.
func (w walk) above(b, t float64) (probability, density float64) {
	sd, shift := math.Sqrt(t-w.t), w.drift*(t-w.t)
	for i, u := range w.at {
		x := (b - u - shift) / sd
		p, d := special.NormalSurvival(x), math.Exp(-0.5*x*x)
		if w.even {
			x = (b + u) / sd
			p += special.NormalSurvival(x)
			d += math.Exp(-0.5 * x * x)
		}
		probability += w.mass[i] * p
		density += w.mass[i] * d
	}
	return probability, density / (sd * math.Sqrt(2*math.Pi))
}

// below is above's mirror: the probability of being below b at t.
func (w walk) below(b, t float64) float64 {
	sd, shift, p := math.Sqrt(t-w.t), w.drift*(t-w.t), 0.0
	for i, u := range w.at {
		p += w.mass[i] * special.NormalSurvival((u+shift-b)/sd)
	}
	return p
}

// advance moves the walk to a look at t and drops what is outside of low and high (only high matters when even). next is the time
// of the look after it, whose kernel the nodes have to resolve too. Mass further out than reach standard deviations is dropped.
func (w walk) advance(t, next, low, high, reach float64) walk {
	step, ahead := t-w.t, next-t
	sd, shift := math.Sqrt(step), w.drift*step
	low, high = math.Max(low, w.drift*t-reach*math.Sqrt(t)), math.Min(high, w.drift*t+reach*math.Sqrt(t))
	if w.even {
		low = 0
	}
	out := walk{t: t, drift: w.drift, even: w.even, width: w.width}
	if !(high > low) {
		return out
	}
	panels := int(math.Ceil((high - low) / (w.width * math.Sqrt(2*step*ahead/(step+ahead)))))
	half := (high - low) / float64(2*panels)
	nodes, weights := legendre16()
	out.at, out.mass = make([]float64, 0, 16*panels), make([]float64, 0, 16*panels)
	scale := half / (sd * math.Sqrt(2*math.Pi))
	for panel := range panels {
		centre := low + half*float64(2*panel+1)
		for i := range nodes {
			for _, side := range [2]float64{-1, 1} {
				b := centre + side*half*nodes[i]
				out.at = append(out.at, b)
				out.mass = append(out.mass, scale*weights[i]*w.kernel((b-shift)/sd, 1/sd, reach))
			}
		}
	}
	return out
}

// kernel is the sum of mass · exp(-(x - at·scale)²/2), and of its mirror when even.
func (w walk) kernel(x, scale, reach float64) float64 {
	sum, far := 0.0, 0.5*(reach+2)*(reach+2)
	for i, u := range w.at {
		u *= scale
		if e := 0.5 * (x - u) * (x - u); e < far {
			sum += w.mass[i] * math.Exp(-e)
		}
		if !w.even {
			continue
		}
		if e := 0.5 * (x + u) * (x + u); e < far {
			sum += w.mass[i] * math.Exp(-e)
		}
	}
	return sum
}

// legendre16 are the positive nodes and the weights of the 16-point Gauss-Legendre rule on (-1, 1) (Abramowitz and Stegun, table
// 25.4).
func legendre16() (nodes, weights [8]float64) {
	nodes = [8]float64{
		0.0950125098376374402, 0.2816035507792589132, 0.4580167776572273863, 0.6178762444026437484,
		0.7554044083550030339, 0.8656312023878317439, 0.9445750230732325761, 0.9894009349916499326,
	}
	weights = [8]float64{
		0.1894506104550684963, 0.1826034150449235889, 0.1691565193950025382, 0.1495959888165767321,
		0.1246289712555338720, 0.0951585116824927848, 0.0622535239386478929, 0.0271524594117540949,
	}
	return nodes, weights
}
