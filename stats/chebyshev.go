package stats

import "math"

// chebyshev is a growing function's interpolant at Chebyshev points of the second kind, from the first point up.
type chebyshev struct{ x, f []float64 }

func newChebyshev(f func(float64) float64, low, high float64, points int) chebyshev {
	c := chebyshev{x: make([]float64, points), f: make([]float64, points)}
	for i := range points {
		c.x[i] = 0.5*(low+high) - 0.5*(high-low)*math.Cos(math.Pi*float64(i)/float64(points-1))
		c.f[i] = f(c.x[i])
	}
	return c
}

func (c chebyshev) first() float64 { return c.f[0] }
func (c chebyshev) last() float64  { return c.f[len(c.f)-1] }

// at interpolates by the barycentric formula (Berrut and Trefethen, Barycentric Lagrange interpolation, SIAM Review 46, 2004,
// section 5).
func (c chebyshev) at(x float64) float64 {
	numerator, denominator, sign := 0.0, 0.0, 1.0
	for i, node := range c.x {
		if x == node {
			return c.f[i]
		}
		weight := sign / (x - node)
		if i == 0 || i == len(c.x)-1 {
			weight *= 0.5
		}
		numerator, denominator, sign = numerator+weight*c.f[i], denominator+weight, -sign
	}
	return numerator / denominator
}

// inverse is the x at which the interpolant has the value, within the points.
func (c chebyshev) inverse(value float64) float64 {
	low, high := c.x[0], c.x[len(c.x)-1]
	if value >= c.last() {
		return high
	}
	x, ok := root(func(x float64) float64 { return c.at(x) - value }, low, high, 1e-14)
	if !ok {
		return low
	}
	return math.Min(high, math.Max(low, x))
}
