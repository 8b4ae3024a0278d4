package stats

import (
	"math"
	"testing"
)

func TestTheTableOfAntiderivativesIsItsFormula(t *testing.T) {
	at, weight := bothSides(legendre16())
	table := antiderivative16()
	for i, row := range antiderivative(at, weight) {
		for k, want := range row {
			got := weight[k]
			if i < 8 {
				got = table[i][k]
			} else {
				got -= table[15-i][15-k]
			}
			if math.Abs(got-want) > 3e-16 {
				t.Errorf("%d, %d: %v, by the formula %v", i, k, got, want)
			}
		}
	}
}

// What the line tells of a beta density is what Loader's deviances tell, from rates of a ten-millionth to their complement.
func TestDensitiesOnTheLineAreTheDensities(t *testing.T) {
	for _, ab := range [][2]float64{{1, 1}, {3, 9}, {40, 2}, {800, 9_000}, {9_000, 800}, {100, 1e9}, {1e9, 100}, {5e8, 5e8}, {0.01, 3}} {
		a := betaArm(ab[0], ab[1])
		for _, middle := range []float64{a.scale.centre, a.scale.centre + 3*a.scale.width} {
			const nodes = 41
			line, got := newLogitLine(nodes, middle), make([]float64, nodes)
			u := make([]float64, nodes)
			for k := range nodes {
				u[k] = a.scale.centre + 0.5*float64(k-20)*a.scale.width
				jacobian := line.put(k, u[k])
				if want := math.Exp(a.lnJacobian(u[k])); math.Abs(jacobian/want-1) > 1e-12 {
					t.Errorf("%v at %v: jacobian %v, want %v", ab, u[k], jacobian, want)
				}
			}
			line.densities(got, ab, a.lnDensity(middle))
			for k := range nodes {
				// at 1e9 the deviances see a rate that is rounded: 1e-7 units of 5e8
				if want := math.Exp(a.lnDensity(u[k])); math.Abs(got[k]-want) > 1e-10*want {
					t.Errorf("%v at %v: density %v, want %v, %v off", ab, u[k], got[k], want, got[k]/want-1)
				}
			}
		}
	}
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
