package stats

import "math"

// grid holds the posteriors of several arms on common panels of 16-point Gauss-Legendre quadrature: density, distribution function and its
// complement at every node. It costs one density per arm and node, where lnIntegral costs a distribution function, which is slow for rates;
// it serves arms of similar width that are not far apart.
type grid struct {
	weight []float64
	// jacobian of the metric's scale.
	jacobian              []float64
	density, below, above [][]float64 // by arm, then node
}

const (
	// gridPanel is a panel's width in widths of the narrowest posterior: interpolation in a panel is then right to 1e-9 of it at 9 widths from
	// the centre, and to 1e-12 within 4.
	gridPanel = 1.25
	// mostPanels is where lnIntegral is no slower.
	mostPanels = 80
	// gridLeast is the result below which the ends of the grid begin to count.
	gridLeast = 1e-22
)

// newGrid lays the panels; false when the arms are too different for a common grid.
func newGrid(arms []arm, widest float64) (grid, bool) {
	low, high, narrow := math.Inf(1), math.Inf(-1), math.Inf(1)
	for _, a := range arms {
		top := a.lnDensity(a.scale.centre)
		low = math.Min(low, edge(a.lnDensity, a.scale.centre, top-50, -a.scale.width))
		high = math.Max(high, edge(a.lnDensity, a.scale.centre, top-50, a.scale.width))
		narrow = math.Min(narrow, a.scale.width)
	}
	wanted := math.Ceil((high - low) / math.Min(gridPanel*narrow, 0.5*widest))
	if !(wanted <= mostPanels) {
		return grid{}, false
	}
	panels := int(wanted)
	half := 0.5 * (high - low) / wanted
	at, weights := bothSides(legendre16())
	g := grid{weight: make([]float64, 16*panels), jacobian: make([]float64, 16*panels)}
	u := make([]float64, 16*panels)
	for p := range panels {
		for k := range at {
			u[16*p+k] = low + half*(float64(2*p+1)+at[k])
			g.weight[16*p+k] = half * weights[k]
			g.jacobian[16*p+k] = math.Exp(arms[0].lnJacobian(u[16*p+k]))
		}
	}
	inner := antiderivative(at, weights)
	for _, a := range arms {
		if !g.add(a, u, half, &inner) {
			return grid{}, false
		}
	}
	return g, true
}

// add tabulates an arm; false when its density does not sum to 1, so that the panels are no good for it.
func (g *grid) add(a arm, u []float64, half float64, inner *[16][16]float64) bool {
	n := len(u)
	density, below, above := make([]float64, n), make([]float64, n), make([]float64, n)
	mass := make([]float64, n/16+1)
	for p := range n / 16 {
		for k := 16 * p; k < 16*p+16; k++ {
			density[k] = math.Exp(a.lnDensity(u[k]))
			mass[p] += g.weight[k] * density[k]
		}
	}
	left := 0.0
	for p := range n / 16 {
		for i := range 16 {
			part := 0.0
			for k, c := range inner[i] {
				part += c * density[16*p+k]
			}
			part = math.Min(mass[p], math.Max(0, half*part))
			below[16*p+i], above[16*p+i] = left+part, mass[p]-part
		}
		left += mass[p]
	}
	right := 0.0
	for p := n/16 - 1; p >= 0; p-- {
		for i := range 16 {
			above[16*p+i] += right
		}
		right += mass[p]
	}
	g.density, g.below, g.above = append(g.density, density), append(g.below, below), append(g.above, above)
	return math.Abs(left-1) < 1e-9
}

// best is the probability that arm i is the best.
func (g *grid) best(i int) float64 {
	sum := 0.0
	for n, w := range g.weight {
		product := w * g.density[i][n]
		for j := range g.below {
			if j != i {
				product *= g.below[j][n]
			}
		}
		sum += product
	}
	return sum
}

// loss is E[max - leader] = ∫ F (1 - Π F of the others).
func (g *grid) loss(leader int) float64 {
	sum := 0.0
	for n, w := range g.weight {
		beaten := 0.0 // 1 - Π(1 - above)
		for j := range g.above {
			if j != leader {
				beaten += g.above[j][n] * (1 - beaten)
			}
		}
		sum += w * g.below[leader][n] * beaten * g.jacobian[n]
	}
	return sum
}

// bothSides are all 16 nodes in growing order with their weights.
func bothSides(nodes, weights [8]float64) (at, weight [16]float64) {
	for i := range nodes {
		at[7-i], at[8+i] = -nodes[i], nodes[i]
		weight[7-i], weight[8+i] = weights[i], weights[i]
	}
	return at, weight
}

// antiderivative are the weights with which values at the nodes give the integral from -1 to each node: that of the interpolating polynomial,
// by its Legendre series, w_k/2 · (x+1 + Σ P_l(x_k) (P_{l+1}(x) - P_{l-1}(x))).
func antiderivative(at, weight [16]float64) (out [16][16]float64) {
	var legendre [16][17]float64
	for i, x := range at {
		legendre[i][0], legendre[i][1] = 1, x
		for l := 1; l < 16; l++ {
			legendre[i][l+1] = (float64(2*l+1)*x*legendre[i][l] - float64(l)*legendre[i][l-1]) / float64(l+1)
		}
	}
	for i, x := range at {
		for k := range at {
			sum := x + 1
			for l := 1; l < 16; l++ {
				sum += legendre[k][l] * (legendre[i][l+1] - legendre[i][l-1])
			}
			out[i][k] = 0.5 * weight[k] * sum
		}
	}
	return out
}
