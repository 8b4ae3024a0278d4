package stats

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Two ways that have nothing in common: the line in the complex plane, and panels of Gauss-Legendre over density and distribution function.
// Their parameters reach from a prior of Jeffreys without data to a hundred million units; a rate may be ten deviations behind.
func TestTheContourIntegralsAreTheQuadratures(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		prior := rapid.SampledFrom([]float64{0.5, 1, 1.7, 20}).Draw(r, "prior")
		units := func(name string) (n, p float64) {
			n = math.Exp(rapid.Float64Range(0, math.Log(1e8)).Draw(r, name+"'s units"))
			return n, 1 / (1 + math.Exp(rapid.Float64Range(-12, 12).Draw(r, name+"'s log odds")))
		}
		n, p := units("control")
		m, _ := units("treatment")
		q := p + rapid.Float64Range(-10, 10).Draw(r, "deviations")*math.Sqrt(p*(1-p)*(1/n+1/m))
		q = math.Min(1, math.Max(0, q))
		n, m = math.Round(n), math.Round(m)
		x, y := math.Round(n*p), math.Round(m*q)
		compareWays(r, betaParameters{{prior + x, prior + n - x}, {prior + y, prior + m - y}})
	})
}

type failer interface {
	Fatalf(format string, args ...any)
}

func compareWays(t failer, p betaParameters) {
	best, loss, ok := p.duel()
	if !ok {
		return // the quadrature is what answers then
	}
	slow := p.posteriors()
	wantBest, wantLoss := slow.best(), slow.loss()
	for i := range best {
		tolerance := 1e-10
		if wantBest[i] < 1e-9 || wantBest[1-i] < 1e-9 {
			tolerance = 5e-9 // the quadrature is right to 1e-9 at nine deviations
		}
		if math.Abs(best[i]-wantBest[i]) > tolerance*wantBest[i] || math.Abs(loss[i]-wantLoss[i]) > tolerance*wantLoss[i] {
			t.Fatalf("%v: best %v, loss %v; by quadrature %v and %v", p, best, loss, wantBest, wantLoss)
		}
	}
}

// Miller's sum and Stucchio's formula for the loss in 60 digits (mpmath 1.3.0), rounded once: {behind, ahead, chance, expected excess}.
func TestTheContourIntegralsAreMillersSums(t *testing.T) {
	for _, c := range []struct {
		a, b, c, d, chance, excess float64
	}{
		{168, 5_389_570, 22, 36_334, 1.5298309163366114e-20, 2.4544046727649197e-26},
		{8_280, 37_211, 8_503, 36_199, 0.00077733866457621167, 5.4781316064081173e-7},
		{401, 9_501, 800, 9_401, 1.0703762679333181e-30, 3.1078886711226563e-34},
		{1, 10_001, 51, 9_951, 4.1659745823450136e-16, 4.1545220359991248e-20},
		{70, 130, 90, 110, 0.020260910641841692, 0.00036492109421707699},
		{100, 1e9, 200, 1e9, 2.6465614070024087e-9, 7.5211590369226841e-18},
	} {
		best, loss, ok := betaParameters{{c.a, c.b}, {c.c, c.d}}.duel()
		if !ok || math.Abs(best[0]/c.chance-1) > 1e-12 || math.Abs(loss[1]/c.excess-1) > 1e-12 {
			t.Errorf("%+v: chance %v, excess %v", c, best, loss)
		}
		if chance, _, ok := func() (float64, float64, bool) { d := newDuel(c.a, c.b, c.c, c.d); return d.solve() }(); ok && math.Abs(chance/c.chance-1) > 1e-12 {
			t.Errorf("%+v: chance %v by the contour", c, chance)
		}
	}
}

// Which of them takes over where: the contour serves everything from a prior of Jeffreys on.
func TestTheContourServesAllUsualPriors(t *testing.T) {
	for _, p := range []betaParameters{
		{{0.5, 0.5}, {0.5, 0.5}}, {{1, 1}, {1, 1}}, {{0.5, 0.5}, {0.5, 5.5}}, {{1, 1001}, {1, 501}}, {{1, 10_001}, {51, 9_951}}, {{1, 1e6}, {100, 1e9}}, {{1e12, 1e12}, {1, 3}}, {{1e9, 9e9}, {1.00003e9, 9e9}},
	} {
		if _, _, ok := p.duel(); !ok {
			t.Errorf("%v: left to the quadrature", p)
		}
		compareWays(t, p)
	}
}

// The same comparison both ways in one process.
func BenchmarkTwoRates(b *testing.B) {
	for _, c := range []struct {
		name string
		p    betaParameters
	}{{"45,000 units", betaParameters{{8503, 36199}, {8280, 37211}}}, {"300 units", betaParameters{{6, 300}, {12, 290}}}, {"no data", betaParameters{{1, 1}, {1, 1}}}} {
		b.Run("contour/"+c.name, func(b *testing.B) {
			for b.Loop() {
				if _, _, ok := c.p.duel(); !ok {
					b.Fatal("left to the quadrature")
				}
			}
		})
		b.Run("quadrature/"+c.name, func(b *testing.B) {
			for b.Loop() {
				slow := c.p.posteriors()
				slow.best()
				slow.loss()
			}
		})
	}
}
