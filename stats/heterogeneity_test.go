package stats_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/stats"
)

func drawEffects(r *rapid.T) (effects, ses []float64) {
	k := rapid.IntRange(2, 8).Draw(r, "segments")
	for range k {
		effects = append(effects, rapid.Float64Range(-10, 10).Draw(r, "effect"))
		ses = append(ses, rapid.Float64Range(0.01, 5).Draw(r, "se"))
	}
	return effects, ses
}

// Shifting all effects changes the pooled one alone; scaling everything changes Q not at all.
func TestHeterogeneityDoesNotDependOnShiftAndScale(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		effects, ses := drawEffects(r)
		h, err := stats.Heterogeneous(effects, ses)
		if err != nil {
			r.Fatal(err)
		}
		shifted, scaled, scaledSE := make([]float64, len(effects)), make([]float64, len(effects)), make([]float64, len(effects))
		for i := range effects {
			shifted[i], scaled[i], scaledSE[i] = effects[i]+100, effects[i]*1e-6, ses[i]*1e-6
		}
		s, err := stats.Heterogeneous(shifted, ses)
		if err != nil || math.Abs(s.Q-h.Q) > 1e-6*(1+h.Q) || math.Abs(s.Pooled-h.Pooled-100) > 1e-9 {
			r.Fatalf("%+v, but %+v, %v", s, h, err)
		}
		c, err := stats.Heterogeneous(scaled, scaledSE)
		if err != nil || math.Abs(c.Q-h.Q) > 1e-6*(1+h.Q) || h.I2 < 0 || h.I2 > 1 || h.P < 0 || h.P > 1 {
			r.Fatalf("%+v, but %+v, %v", c, h, err)
		}
	})
}

// With two segments, Cochran's Q is the square of the z of their difference, and so is each segment against the rest.
func TestTwoSegmentsAreOneContrast(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		effects, ses := drawEffects(r)
		effects, ses = effects[:2], ses[:2]
		h, err := stats.Heterogeneous(effects, ses)
		if err != nil {
			r.Fatal(err)
		}
		c, err := stats.SegmentsAgainstRest(effects, ses)
		if err != nil {
			r.Fatal(err)
		}
		z := (effects[0] - effects[1]) / math.Hypot(ses[0], ses[1])
		if math.Abs(h.Q-z*z) > 1e-9*(1+z*z) || math.Abs(c[0].Z-z) > 1e-9*(1+math.Abs(z)) || math.Abs(c[1].Z+z) > 1e-9*(1+math.Abs(z)) || c[0].Holm < c[0].P {
			r.Fatalf("%+v %+v z %v", h, c, z)
		}
	})
}

func TestOneSegmentIsNotHeterogeneous(t *testing.T) {
	if _, err := stats.Heterogeneous([]float64{1}, []float64{1}); kindOf(err) != stats.InsufficientData {
		t.Error(err)
	}
	if _, err := stats.Heterogeneous([]float64{1, 2}, []float64{1, 0}); kindOf(err) != stats.ZeroVariance {
		t.Error(err)
	}
	if _, err := stats.SegmentsAgainstRest([]float64{1, math.NaN()}, []float64{1, 1}); kindOf(err) != stats.InvalidInput {
		t.Error(err)
	}
}
