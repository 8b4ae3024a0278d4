package special

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Both ways to a quantile meet, and its tail is the one asked for.
func TestQuantilesOnBothScalesMeet(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a := math.Exp(rapid.Float64Range(0, math.Log(1e9)).Draw(r, "ln a"))
		b := math.Exp(rapid.Float64Range(0, math.Log(1e9)).Draw(r, "ln b"))
		tail := math.Exp(rapid.Float64Range(-40, math.Log(0.5)).Draw(r, "ln tail"))
		upper := rapid.Bool().Draw(r, "upper")
		x, ok := logitQuantile(tail, a, b, upper)
		if !ok {
			return
		}
		slow := steepQuantile(tail, a, b, upper)
		// the slow one stops at 1e-9 of its own scale: at 5e8 its tail is 3e-10 off, where this one's is 1.5e-11 (mpmath 1.3.0, by quadrature)
		if mean := a / (a + b); math.Abs(x-slow) > 5e-10*math.Min(slow, math.Sqrt(mean*(1-mean)/(a+b)))+4e-16*slow {
			r.Fatalf("Beta(%v, %v) at %v, upper %v: %v, on the other scale %v", a, b, tail, upper, x, slow)
		}
	})
}

func TestTheUsualQuantilesAreOnTheScaleOfLogOdds(t *testing.T) {
	for _, c := range [][2]float64{{1, 1}, {1, 1_001}, {6, 296}, {8_503, 36_199}, {1e8, 9e8}, {1e9, 1}} {
		for _, upper := range []bool{false, true} {
			for _, tail := range []float64{0.5, 0.025, 0.005, 1e-6} {
				if _, ok := logitQuantile(tail, c[0], c[1], upper); !ok {
					t.Errorf("%v at %v, upper %v: left to the other scale", c, tail, upper)
				}
			}
		}
	}
}

// Digamma and its derivatives at 1 and at 10, by mpmath 1.3.0.
func TestPolygammas(t *testing.T) {
	for x, want := range map[float64][4]float64{
		1:  {-0.57721566490153286, 1.6449340668482264, -2.4041138063191886, 6.4939394022668291},
		10: {2.2517525890667211, 0.10516633568168575, -0.011049834970802067, 0.0023199013042898684},
	} {
		for i, got := range polygammas(x) {
			if math.Abs(got/want[i]-1) > 1e-5 {
				t.Errorf("derivative %d at %v: %v, want %v", i, x, got, want[i])
			}
		}
	}
}

func BenchmarkBetaQuantile(b *testing.B) {
	for b.Loop() {
		BetaQuantile(0.025, 8_503, 36_199)
	}
}
