package stats_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/stats"
)

// R 4.2.2 power.prop.test and power.t.test, and pwr 1.3.0, in the shared worked tables.
func TestSampleSizesAreThoseOfR(t *testing.T) {
	var rates []struct {
		P1, P2, Alpha, Power float64
		Pooled               float64 `json:"n_per_group_power.prop.test"`
		Arcsine              float64 `json:"n_per_group_pwr_arcsine"`
	}
	worked(t, "sample_size_proportions_computed_R", &rates)
	for _, w := range rates {
		n, err := stats.SizeForRates(w.P1, w.P2, 1, w.Alpha, w.Power)
		// pwr counts the far tail too, which is up to 1e-5 of the power here; power.prop.test and our formulas do not.
		if err != nil || math.Abs(n.Pooled/w.Pooled-1) > 1e-8 || math.Abs(n.Arcsine/w.Arcsine-1) > 3e-5 {
			t.Errorf("%+v: %+v, %v", w, n, err)
		}
	}
	var means []struct {
		Delta        float64 `json:"delta_over_sd"`
		Alpha, Power float64
		T            float64 `json:"n_per_group_power.t.test"`
		Z            float64 `json:"n_per_group_normal"`
	}
	worked(t, "sample_size_means_computed_R", &means)
	for _, w := range means {
		n, err := stats.SizeForMeans(w.Delta, 1, 1, 1, w.Alpha, w.Power, stats.TwoSided)
		// power.t.test without strict = TRUE leaves out the far tail.
		if err != nil || math.Abs(n.Z/w.Z-1) > 1e-9 || math.Abs(n.T/w.T-1) > 1e-5 {
			t.Errorf("%+v: %+v, %v", w, n, err)
		}
	}
	var powers []struct{ N, P1, P2, Alpha, Power float64 }
	worked(t, "power_proportions_computed_R", &powers)
	for _, w := range powers {
		p, err := stats.PowerOfRates(w.P1, w.P2, int64(w.N), int64(w.N), w.Alpha)
		// power.prop.test without strict = TRUE counts the main tail alone: less by what is in the other one.
		if err != nil || p.Pooled < w.Power-1e-9 || p.Pooled > w.Power+w.Alpha/2 {
			t.Errorf("%+v: %+v, %v", w, p, err)
		}
	}
	if len(rates) < 40 || len(means) < 10 || len(powers) < 10 {
		t.Errorf("%d, %d and %d rows", len(rates), len(means), len(powers))
	}
}

func TestSizePowerAndDetectableEffectInvertEachOther(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		alpha, power := rapid.Float64Range(0.001, 0.1).Draw(r, "alpha"), rapid.Float64Range(0.5, 0.99).Draw(r, "power")
		sd, delta := rapid.Float64Range(0.1, 50).Draw(r, "sd"), 0.0
		delta = sd * rapid.Float64Range(0.005, 0.5).Draw(r, "delta / sd")
		n, err := stats.SizeForMeans(delta, sd, sd, 1, alpha, power, stats.TwoSided)
		if err != nil {
			r.Fatal(err)
		}
		p, err := stats.PowerOfMeans(int64(n.A), int64(n.B), delta, sd, sd, alpha, stats.TwoSided)
		if err != nil || p.Z < power-1e-9 || p.T > p.Z {
			r.Fatalf("%+v for %v, %v", p, power, err)
		}
		if int64(math.Ceil(n.T)) > 2 {
			p, err := stats.PowerOfMeans(int64(math.Ceil(n.T)), int64(math.Ceil(n.T)), delta, sd, sd, alpha, stats.TwoSided)
			if err != nil || p.T < power-1e-9 {
				r.Fatalf("%+v for %v, %v", p, power, err)
			}
		}
		d, err := stats.DetectableMean(int64(n.A), int64(n.B), sd, sd, alpha, power)
		if err != nil || d > delta*(1+1e-9) {
			r.Fatalf("%v for %v, %v", d, delta, err)
		}
		base := rapid.Float64Range(0.001, 0.6).Draw(r, "rate")
		units := rapid.Int64Range(500, 1e6).Draw(r, "units")
		rate, err := stats.DetectableRate(base, units, units, alpha, power)
		if kindOf(err) == stats.NotAttainable {
			return
		}
		if err != nil {
			r.Fatal(err)
		}
		size, err := stats.SizeForRates(base, rate, 1, alpha, power)
		if err != nil || math.Abs(size.Pooled/float64(units)-1) > 1e-8 {
			r.Fatalf("%+v for %v, %v", size, units, err)
		}
	})
}

func TestMoreUnitsMeanMorePower(t *testing.T) {
	before := 0.0
	for n := int64(10); n < 1e7; n *= 3 {
		p, err := stats.PowerOfRates(0.1, 0.101, n, n, 0.05)
		if err != nil || p.Pooled < before {
			t.Fatalf("%v after %v, %v", p, before, err)
		}
		before = p.Pooled
	}
}

func TestARelativeEffectIsNotDetectedWithTooFewUnits(t *testing.T) {
	// n < k²σ²/μ² with k = 2.8016: 785 units at σ/μ = 10.
	if _, err := stats.DetectableRelativeMean(700, 700, 1, 10, 10, 0.05, 0.8); kindOf(err) != stats.NotAttainable {
		t.Error(err)
	}
	l, err := stats.DetectableRelativeMean(100_000, 100_000, 1, 10, 10, 0.05, 0.8)
	if err != nil {
		t.Fatal(err)
	}
	// The equation it solves: L = k √(V_b + (1+L)² V_a)/μ.
	if k := 1.959963984540054 + 0.8416212335729143; math.Abs(l-k*math.Sqrt(1e-3*(1+(1+l)*(1+l)))) > 1e-12 {
		t.Errorf("%v", l)
	}
	if _, err := stats.DetectableRelativeMean(1_000, 1_000, 0, 10, 10, 0.05, 0.8); kindOf(err) != stats.UndefinedRatio {
		t.Error(err)
	}
}

func TestAMarginOfZeroIsOneSidedSuperiority(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a, b := drawMoments(r, "a"), drawMoments(r, "b")
		e, err := stats.WelchTest(a, b, stats.Test{Alpha: 0.05, Alternative: stats.Greater})
		if err != nil {
			return
		}
		n, err := stats.NonInferiorMeans(a, b, stats.Margin{}, 0.05)
		if err != nil || !near(n.P, e.P) || n.NonInferior != (n.P < 0.05) {
			r.Fatalf("%+v, but %+v, %v", n, e, err)
		}
		mirror, err := stats.NonInferiorMeans(stats.Moments{N: a.N, Mean: -a.Mean, Rest: -a.Rest, M2: a.M2}, stats.Moments{N: b.N, Mean: -b.Mean, Rest: -b.Rest, M2: b.M2}, stats.Margin{Size: 1, LowerIsBetter: true}, 0.05)
		if err != nil {
			r.Fatal(err)
		}
		same, err := stats.NonInferiorMeans(a, b, stats.Margin{Size: 1}, 0.05)
		if err != nil || !near(mirror.P, same.P) || !near(mirror.Bound, -same.Bound) {
			r.Fatalf("%+v, but %+v, %v", mirror, same, err)
		}
		if same.NonInferior != (same.Bound > -1) && math.Abs(same.Bound+1) > 1e-9 {
			r.Fatalf("%+v", same)
		}
	})
}

func TestARelativeMarginOfANegativeMeanIsOfItsSize(t *testing.T) {
	// -5 less 5 % of 5 is -5.25, which -5.05 is far above.
	n, err := stats.NonInferiorMeans(stats.MomentsFrom(10_000, -5, 4), stats.MomentsFrom(10_000, -5.05, 4), stats.Margin{Size: 0.05, Relative: true}, 0.05)
	if err != nil || !n.NonInferior {
		t.Errorf("%+v %v", n, err)
	}
}

func TestStandings(t *testing.T) {
	for _, c := range []struct {
		low, high, margin float64
		lower             bool
		want              stats.Standing
	}{
		{0.1, 0.3, 0.2, false, stats.Superior},
		{-0.1, 0.3, 0.2, false, stats.NonInferior},
		{-0.3, 0.1, 0.2, false, stats.Inconclusive},
		{-0.5, -0.3, 0.2, false, stats.Inferior},
		{-0.5, -0.1, 0.2, false, stats.Inconclusive},
		{-0.15, -0.05, 0.2, false, stats.NonInferior},
		{-0.3, -0.1, 0.2, true, stats.Superior},
		{-0.1, 0.15, 0.2, true, stats.NonInferior},
		{0.3, 0.5, 0.2, true, stats.Inferior},
		{-0.1, 0.1, 0, false, stats.Inconclusive},
		{-0.2, -0.1, 0, false, stats.Inferior},
		{math.Inf(-1), math.Inf(1), 0.2, false, stats.Inconclusive},
	} {
		if got, err := stats.AgainstMargin(c.low, c.high, c.margin, c.lower); err != nil || got != c.want {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
	if _, err := stats.AgainstMargin(1, 0, 0, false); kindOf(err) != stats.InvalidInput {
		t.Error(err)
	}
	for _, c := range []struct {
		low, high, target float64
		lower             bool
		want              stats.Reached
	}{
		{0.5, 0.6, 0.5, false, stats.TargetReached},
		{0.3, 0.6, 0.5, false, stats.TargetOpen},
		{0.3, 0.4, 0.5, false, stats.TargetMissed},
		{90, 110, 120, true, stats.TargetReached},
		{90, 130, 120, true, stats.TargetOpen},
		{125, 130, 120, true, stats.TargetMissed},
	} {
		if got, err := stats.AgainstTarget(c.low, c.high, c.target, c.lower); err != nil || got != c.want {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
}

// The examples of R's own documentation of power.prop.test and power.t.test, in the shared worked tables.
func TestRsDocumentationExamples(t *testing.T) {
	for _, c := range []struct{ alpha, power, want float64 }{{0.05, 0.9, 76.7069301141}, {0.01, 0.9, 109.095229014}} {
		n, err := stats.SizeForRates(0.5, 0.75, 1, c.alpha, c.power)
		if err != nil || math.Abs(n.Pooled/c.want-1) > 1e-6 { // R solves to a tolerance
			t.Errorf("%+v, want %v, %v", n, c.want, err)
		}
	}
	if p, err := stats.PowerOfRates(0.5, 0.75, 50, 50, 0.05); err != nil || math.Abs(p.Pooled-0.740165901331) > 1e-5 {
		t.Errorf("%+v %v", p, err)
	}
	if p, err := stats.PowerOfMeans(20, 20, 1, 1, 1, 0.05, stats.TwoSided); err != nil || math.Abs(p.T-0.868952801692) > 1e-5 {
		t.Errorf("%+v %v", p, err)
	}
	if n, err := stats.SizeForMeans(1, 1, 1, 1, 0.05, 0.9, stats.TwoSided); err != nil || math.Abs(n.T-22.0210977039) > 1e-5 {
		t.Errorf("%+v %v", n, err)
	}
	// A billion units: Student's t is the normal.
	if p, err := stats.PowerOfMeans(1e9, 1e9, 0.0001, 1, 1, 0.05, stats.TwoSided); err != nil || math.Abs(p.T-p.Z) > 1e-8 {
		t.Errorf("%+v %v", p, err)
	}
}
