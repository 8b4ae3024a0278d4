package stats

import "math"

const (
	// normalReach is how many standard deviations around each mean count: beyond, less than e^-84 of a density is left, which a result of
	// gridLeast does not notice.
	normalReach = 13
	// mostNormalNodes is where lnIntegral is no slower.
	mostNormalNodes = 1_000
)

// normalGrid holds normal posteriors at equidistant nodes. The trapezoidal rule converges exponentially for what is analytic and vanishes at
// both ends (L. N. Trefethen and J. A. C. Weideman, SIAM Review 56, 2014): moved by iy off the real line, a product of normal densities and
// distribution functions grows by e^(y²Σ1/σ²/2) at most, so with the distance h of the nodes the error is e^(-2π²/(h²Σ1/σ²)). False when
// the arms are too different for a common grid.
func normalGrid(arms []arm) (grid, bool) {
	low, high, narrow := math.Inf(1), math.Inf(-1), math.Inf(1)
	for _, a := range arms {
		low = math.Min(low, a.scale.centre-normalReach*a.scale.width)
		high = math.Max(high, a.scale.centre+normalReach*a.scale.width)
		narrow = math.Min(narrow, a.scale.width)
	}
	precision := 0.0 // Σ1/σ², in units of the narrowest arm's
	for _, a := range arms {
		share := narrow / a.scale.width
		precision += share * share
	}
	h := narrow * 2 * math.Pi / math.Sqrt(2*lnRound*precision)
	wanted := math.Ceil((high-low)/h) + 1
	if !(wanted <= mostNormalNodes) {
		return grid{}, false
	}
	n := int(wanted)
	g := roomFor(n, len(arms))
	for k := range n {
		g.weight[k], g.jacobian[k] = h, 1
	}
	for i, a := range arms {
		density, below, above := g.density[i], g.below[i], g.above[i]
		scale := 1 / (a.scale.width * math.Sqrt(2*math.Pi))
		for k := range n {
			z := (low - a.scale.centre + h*float64(k)) / a.scale.width
			density[k] = scale * math.Exp(-0.5*z*z)
			tail := 0.5 * math.Erfc(math.Abs(z)/math.Sqrt2)
			below[k], above[k] = tail, 1-tail
			if z > 0 {
				below[k], above[k] = 1-tail, tail
			}
		}
	}
	return g, true
}
