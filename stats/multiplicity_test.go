package stats_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/stats"
)

func drawP(r *rapid.T) []float64 {
	return rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(0, 1), rapid.Float64Range(0, 0.01), rapid.SampledFrom([]float64{0, 1, 0.05, 1e-300})), 0, 12).Draw(r, "p")
}

func adjust(r *rapid.T, c stats.Correction, p []float64) []float64 {
	out, err := stats.Adjust(c, p)
	if err != nil {
		r.Fatal(err)
	}
	return out
}

// As the papers prove: BH <= BY, BH <= Hommel <= Hochberg <= Holm <= Bonferroni, and none is below p.
func TestCorrectionsAreOrderedAsTheirPapersSay(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawP(r)
		chain := [][]float64{p}
		for _, c := range []stats.Correction{stats.BenjaminiHochberg, stats.Hommel, stats.Hochberg, stats.Holm, stats.Bonferroni} {
			chain = append(chain, adjust(r, c, p))
		}
		by := adjust(r, stats.BenjaminiYekutieli, p)
		for i := range p {
			for k := 1; k < len(chain); k++ {
				if chain[k][i] < chain[k-1][i]*(1-1e-12) || chain[k][i] > 1 {
					r.Fatalf("step %d: %v after %v of %v", k, chain[k], chain[k-1], p)
				}
			}
			if by[i] < chain[1][i]*(1-1e-12) {
				r.Fatalf("BY %v, BH %v", by, chain[1])
			}
		}
	})
}

func TestLevelsDecideAsTheCorrectionDoes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p, alpha := drawP(r), rapid.Float64Range(0.001, 0.3).Draw(r, "alpha")
		for _, c := range []stats.Correction{stats.NoCorrection, stats.Bonferroni, stats.Holm, stats.BenjaminiHochberg} {
			levels, err := stats.Levels(c, p, alpha)
			if err != nil {
				r.Fatal(err)
			}
			for i, adjusted := range adjust(r, c, p) {
				if math.Abs(adjusted/alpha-1) > 1e-9 && (adjusted < alpha) != (p[i] < levels[i]) {
					r.Fatalf("%s: p %v of %v at level %v, adjusted %v, alpha %v", c, p[i], p, levels[i], adjusted, alpha)
				}
			}
		}
	})
}

// With e = 1/p the e-BH procedure is Benjamini-Hochberg.
func TestEBHIsBHOfReciprocals(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := rapid.SliceOfN(rapid.Float64Range(1e-9, 1), 0, 10).Draw(r, "p")
		lnE := make([]float64, len(p))
		for i, v := range p {
			lnE[i] = -math.Log(v)
		}
		got, err := stats.EBH(lnE)
		if err != nil {
			r.Fatal(err)
		}
		for i, want := range adjust(r, stats.BenjaminiHochberg, p) {
			if math.Abs(got[i]-want) > 1e-12*want {
				r.Fatalf("%v, but %v", got, want)
			}
		}
	})
	if _, err := stats.EBH([]float64{1, math.NaN()}); kindOf(err) != stats.InvalidInput {
		t.Errorf("NaN: %v", err)
	}
}

func TestWeightedLevelsShareAlpha(t *testing.T) {
	got, err := stats.WeightedLevels([]float64{8, 1, 1}, 0.05)
	if err != nil || math.Abs(got[0]-0.04) > 1e-16 || math.Abs(got[1]-0.005) > 1e-17 || math.Abs(got[2]-0.005) > 1e-17 {
		t.Errorf("%v %v", got, err)
	}
	if _, err := stats.WeightedLevels([]float64{1, 0}, 0.05); kindOf(err) != stats.InvalidInput {
		t.Errorf("a weight of 0: %v", err)
	}
}
