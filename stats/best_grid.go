package stats

import "math"

// grid holds the posteriors of several arms at common nodes of quadrature: density, distribution function and its complement. It costs one
// density per arm and node, where lnIntegral costs a distribution function, which is slow for rates; it serves arms of similar width that
// are not far apart.
type grid struct {
	weight []float64
	// jacobian of the metric's scale.
	jacobian              []float64
	density, below, above [][]float64 // by arm, then node
}

const (
	// gridPanel is a panel's width in widths of the narrowest posterior: interpolation in a panel of 16 nodes is then right to 1e-9 of it at 9
	// widths from the centre, and to 1e-12 within 4.
	gridPanel = 1.25
	// mostPanels is where lnIntegral is no slower.
	mostPanels = 80
	// gridLeast is the result below which the ends of the grid begin to count.
	gridLeast = 1e-22
)

// roomFor makes a grid of n nodes for so many arms in one piece of memory.
func roomFor(n, arms int) grid {
	room := make([]float64, n*(2+3*arms))
	take := func() []float64 { out := room[:n:n]; room = room[n:]; return out }
	g := grid{weight: take(), jacobian: take()}
	lists := make([][]float64, 3*arms)
	for i := range lists {
		lists[i] = take()
	}
	g.density, g.below, g.above = lists[:arms:arms], lists[arms:2*arms:2*arms], lists[2*arms:]
	return g
}

// rateGrid lays panels of 16-point Gauss-Legendre quadrature for rates on the logit scale; false when the arms are too different for a common
// grid.
func rateGrid(arms []arm, parameters betaParameters) (grid, bool) {
	low, high, narrow, middle := math.Inf(1), math.Inf(-1), math.Inf(1), 0.0
	for _, a := range arms {
		top := a.lnDensity(a.scale.centre)
		low = math.Min(low, edge(a.lnDensity, a.scale.centre, top-50, -a.scale.width))
		high = math.Max(high, edge(a.lnDensity, a.scale.centre, top-50, a.scale.width))
		if a.scale.width < narrow {
			narrow, middle = a.scale.width, a.scale.centre
		}
	}
	wanted := math.Ceil((high - low) / math.Min(gridPanel*narrow, 0.5*widestLogit))
	if !(wanted <= mostPanels) {
		return grid{}, false
	}
	panels := int(wanted)
	half := 0.5 * (high - low) / wanted
	g := roomFor(16*panels, len(arms))
	line := newLogitLine(16*panels, middle)
	at, weights := bothSides(legendre16())
	for p := range panels {
		for k := range at {
			n := 16*p + k
			g.weight[n] = half * weights[k]
			g.jacobian[n] = line.put(n, low+half*(float64(2*p+1)+at[k]))
		}
	}
	inner := antiderivative16()
	for i, a := range arms {
		line.densities(g.density[i], parameters[i], a.lnDensity(middle))
		if !g.accumulate(i, half, &inner) {
			return grid{}, false
		}
	}
	return g, true
}

// accumulate makes the distribution function of an arm from its density; false when that does not sum to 1, so that the panels are no good for it.
func (g *grid) accumulate(arm int, half float64, inner *[8][16]float64) bool {
	density, below, above := g.density[arm], g.below[arm], g.above[arm]
	var masses [mostPanels]float64
	left := 0.0
	for from := 0; from < len(density); from += 16 {
		values, mass := (*[16]float64)(density[from:]), 0.0
		for k, v := range values {
			mass += g.weight[from+k] * v
		}
		for i := range inner { // up to a node of the left half, and from its mirror image on
			up, down := 0.0, 0.0
			for k, c := range inner[i] {
				up += c * values[k]
				down += c * values[15-k]
			}
			up, down = math.Min(mass, math.Max(0, half*up)), math.Min(mass, math.Max(0, half*down))
			below[from+i], above[from+i] = left+up, mass-up
			below[from+15-i], above[from+15-i] = left+(mass-down), down
		}
		masses[from/16] = mass
		left += mass
	}
	right := 0.0
	for from := len(density) - 16; from >= 0; from -= 16 {
		for i := from; i < from+16; i++ {
			above[i] += right
		}
		right += masses[from/16]
	}
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

// antiderivative16 are the weights with which values at the nodes give the integral from -1 to each node of the left half: that of the
// interpolating polynomial, by its Legendre series, w_k/2 · (x+1 + Σ P_l(x_k) (P_{l+1}(x) - P_{l-1}(x))), in 40 digits (mpmath 1.3.0) and
// rounded. The right half mirrors it.
func antiderivative16() [8][16]float64 {
	return [8][16]float64{
		{
			0.013576229705877047, -0.0050996312033328412, 0.0038181983562734471, -0.0031058791727089171,
			0.0026007727233467058, -0.0021988279562093499, 0.0018576207649223316, -0.0015568005852760339,
			0.0012858261461163831, -0.0010391835292346015, 0.00081424264204070069, -0.00061022567746870931,
			0.00042773747884618425, -0.00026868550311722707, 0.00013670218627611364, -3.9031368001166188e-5,
		},
		{
			0.029376711478189277, 0.031126761969323946, -0.0082826543519352799, 0.0056324813265835945,
			-0.0043869096513559603, 0.0035748783630724835, -0.0029565997913398509, 0.0024449669837802973,
			-0.0020015786713166197, 0.0016077696445598819, -0.0012543032578900473, 0.00093710920598300987,
			-0.00065541203492686656, 0.00041106728354149453, -0.00020893551252592146, 5.962394302398492e-5,
		},
		{
			0.026062977514005848, 0.067672108276055236, 0.047579255841246392, -0.011003785268004389,
			0.0069930443456466752, -0.0052236793822689838, 0.0041252446026767402, -0.0033185416475974285,
			0.0026689035017544171, -0.0021182004713637917, 0.0016387214572379895, -0.0012170585794612735,
			0.00084763203235243991, -0.00053008187049701527, 0.00026892378331568102, -7.6666522930280903e-5,
		},
		{
			0.027829125979127744, 0.059440038377738318, 0.1035602806967784, 0.062314485627766936,
			-0.013279834728940337, 0.0080190701028913075, -0.0057684563267201294, 0.0044114359173682523,
			-0.0034404429283933808, 0.0026764050367488882, -0.0020425553977894576, 0.0015026564619405528,
			-0.0010396176008027148, 0.00064719624851660046, -0.00032738542567554017, 9.3189604441522214e-5,
		},
		{
			0.026680405472550857, 0.06407911155739233, 0.090710212651712415, 0.13569245065631276,
			0.074797994408288366, -0.01505432422777233, 0.0087159646384717669, -0.0060524768474403656,
			0.004477219535120987, -0.003372063080393232, 0.0025196553890028375, -0.0018273016714768658,
			0.0012518686529205888, -0.00077417505621721843, 0.00038997269144242022, -0.00011075917255906563,
		},
		{
			0.027505408189891276, 0.060937885756038999, 0.098097077439822532, 0.11872078361414831,
			0.16290949589790938, 0.084578259697501269, -0.016272056891369268, 0.0090741473733127265,
			-0.006085289719405302, 0.0043424019014123588, -0.0031392413746453238, 0.0022282933034033069,
			-0.0015048877741714664, 0.00092185802528128733, -0.00046161270148296156, 0.00013069960512549249,
		},
		{
			0.02687623800368472, 0.063261493892779885, 0.093008759244290135, 0.12856601031668582,
			0.14245552351771184, 0.18423030378432692, 0.091301707522461794, -0.016892855870461497,
			0.0090876023984194642, -0.0058748730423584719, 0.0040226278970546345, -0.0027625283499719572,
			0.0018266778105496129, -0.0011038391820358052, 0.00054812406455167513, -0.00015452278694768207,
		},
		{
			0.027375583341533819, 0.061450107099354735, 0.096825370835826752, 0.12172693405005487,
			0.15437520940925472, 0.16105440147382051, 0.19888572294775055, 0.094725305227534248,
			-0.016896066842075367, 0.0087591548453489649, -0.0054334289341808411, 0.0035353493023669438,
			-0.0022632751712918644, 0.0013405545880327302, -0.00065771931497390737, 0.00018428730400569276,
		},
	}
}
