package main

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/assayhq/assay/stats"
)

func binomial(r *rand.Rand, n, p float64) float64 {
	return distuv.Binomial{N: n, P: p, Src: r}.Rand()
}

func poisson(r *rand.Rand, mean float64) float64 {
	return distuv.Poisson{Lambda: mean, Src: r}.Rand()
}

func beta(r *rand.Rand, a, b float64) float64 { return distuv.Beta{Alpha: a, Beta: b, Src: r}.Rand() }

// lognormal has the mean e^(sigma²/2).
func lognormal(r *rand.Rand, sigma float64) float64 { return math.Exp(sigma * r.NormFloat64()) }

// values are n draws of a value.
func values(r *rand.Rand, n int, draw func(*rand.Rand) float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = draw(r)
	}
	return out
}

// twoSided is the test of all fixed-horizon rows.
func twoSided() stats.Test { return stats.Test{Alpha: alpha} }

// misses reports whether an interval leaves out the truth.
func misses(low, high, truth float64) bool { return truth < low || truth > high }

// fixed notes a comparison at a fixed horizon: its test when there is no effect, its intervals.
func (t *tally) fixed(method string, e stats.Effect, truth, baseline float64) {
	if truth == 0 {
		t.errorIf(method, rejected, about, e.P < alpha)
	} else {
		t.note(method, "power", nothing, 0, indicator(e.P < alpha))
	}
	t.errorIf(method, missed, about, misses(e.Low, e.High, truth))
	if f := e.Relative; f != nil && baseline != 0 {
		t.errorIf(method+", relative (Fieller)", missed, about, !f.Unbounded && misses(f.Low, f.High, truth/baseline))
	}
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
