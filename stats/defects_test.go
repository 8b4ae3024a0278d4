package stats_test

import (
	"math"
	"testing"

	"github.com/assayhq/assay/stats"
)

// Every test here is a fault of gbstats 0.8.0 that was seen when it was run (numbers as in the reference on experiment statistics,
// part 6.1), with what is right. The oracles are 60-digit arithmetic and R; each test says more.

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestDefect1AnArmWithoutConversionsHasAResult(t *testing.T) {
	// gbstats: p 1, interval (0, 0), chance to win ½. Fisher by R: 1.6705660392257555e-15.
	none, some := stats.Proportion{N: 10_000}, stats.Proportion{N: 10_000, X: 50}
	if exact := must[stats.ExactP](t)(stats.Fisher(none, some)); math.Abs(exact.TwoSided/1.6705660392257555e-15-1) > 1e-9 {
		t.Errorf("Fisher: %v", exact)
	}
	e, _, err := stats.TwoProportions(none, some, 0.05)
	if err != nil || !(e.P < 1e-11) || !(e.Low > 0.003) || e.Relative != nil {
		t.Errorf("z: %+v, %v", e, err)
	}
	d := must[stats.DifferenceIntervals](t)(stats.RateDifference(none, some, 0.05))
	if math.Abs(d.Newcombe.Low-0.003735200340864556) > 1e-12 || math.Abs(d.Newcombe.High-0.006585257316131604) > 1e-12 {
		t.Errorf("Newcombe: %v", d.Newcombe)
	}
	rule := must[stats.Rule](t)(stats.FixedHorizon(0.05))
	if s := must[stats.Effect](t)(stats.ScoreProportions(none, some, rule)); !s.Significant() || !(s.Low > 0) || !(s.P < 1e-11) {
		t.Errorf("score: %+v", s)
	}
	if !stats.Small(none, some) {
		t.Error("counts with an empty arm are not called small")
	}
	// nobody in either arm: there is an interval, and no claim
	if s := must[stats.Effect](t)(stats.ScoreProportions(none, none, rule)); s.P != 1 || !(s.Low < 0) || !(s.High > 0) {
		t.Errorf("nobody converted: %+v", s)
	}
	all := stats.Proportion{N: 100, X: 100}
	if s := must[stats.Effect](t)(stats.ScoreProportions(all, stats.Proportion{N: 100, X: 80}, rule)); !s.Significant() || !(s.High < 0) {
		t.Errorf("everybody in control converted: %+v", s)
	}
}

func TestDefect2PGoesOnBelowOneMinusCDF(t *testing.T) {
	// gbstats: t 9.81 gives p 0; mpmath: 1.0265444368726345e-22. Beyond the smallest float the logarithm goes on: -1602.98.
	e := must[stats.Effect](t)(stats.Welch(stats.MomentsFrom(100_000, 0.05, 0.0475), stats.MomentsFrom(100_000, 0.06, 0.0564), 0.05))
	if math.Abs(e.P/1.0265444368726345e-22-1) > 1e-10 {
		t.Errorf("p %v", e.P)
	}
	e = must[stats.Effect](t)(stats.Welch(stats.MomentsFrom(1_000_000, 1, 1), stats.MomentsFrom(1_000_000, 1.08, 1), 0.05))
	if e.P > 1e-300 || math.Abs(e.LnP/-1602.9821198362365-1) > 1e-10 {
		t.Errorf("p %v, ln p %v", e.P, e.LnP)
	}
	// sample ratio, where PostHog and Spotify use 1 - cdf: 600,000 to 400,000
	r := must[stats.SRM](t)(stats.SampleRatio([]int64{600_000, 400_000}, []int64{1, 1}))
	if math.Abs(r.LnP/-20005.52413371763-1) > 1e-10 {
		t.Errorf("sample ratio: ln p %v", r.LnP)
	}
}

func TestDefect3ALargeOffsetTakesNothingFromTheVariance(t *testing.T) {
	// gbstats: at an offset of 1e7 p is .0361 instead of .0360, at 1e9 there is no result. Offsets of whole numbers change nothing at all.
	values := func(offset float64) (a, b []float64) {
		for i := range 60 {
			a = append(a, offset+float64(i%7))
			b = append(b, offset+float64(i%7)+float64(i%3))
		}
		return a, b
	}
	var p []float64
	for _, offset := range []float64{0, 1e7, 1e9, 1e12} {
		a, b := values(offset)
		e := must[stats.Effect](t)(stats.Welch(stats.MomentsOf(a), stats.MomentsOf(b), 0.05))
		p = append(p, e.P)
	}
	for _, other := range p[1:] {
		if other != p[0] {
			t.Errorf("p at four offsets: %v", p)
		}
	}
}

func TestDefect4RelativeAndAbsoluteAgree(t *testing.T) {
	// gbstats: 5/200 against 14/200 gives .034 for the difference and .210 for the lift, whose interval is -102 % to +462 %. The z test by
	// mpmath has p .03337567892009547, Fieller's interval 9.66 % to 2022 %.
	e, _, err := stats.TwoProportions(stats.Proportion{N: 200, X: 5}, stats.Proportion{N: 200, X: 14}, 0.05)
	if err != nil || math.Abs(e.P-0.03337567892009547) > 1e-12 || math.Abs(e.Relative.Low-0.0966281383609335) > 1e-9 || math.Abs(e.Relative.High-20.221639689816346) > 1e-7 {
		t.Errorf("%+v, %+v, %v", e, e.Relative, err)
	}
}

func TestDefect5ABaselineOfZeroStillHasADifference(t *testing.T) {
	// gbstats: net revenue with mean 0 in control is an error with p 1.
	e := must[stats.Effect](t)(stats.Welch(stats.MomentsFrom(500, 0, 40), stats.MomentsFrom(500, 3, 40), 0.05))
	if e.Relative != nil || !(e.P < 1e-12) || !(e.Low > 2) {
		t.Errorf("%+v", e)
	}
}

func TestDefect7ArmsWithoutWeightAreNoDegreeOfFreedom(t *testing.T) {
	// gbstats: 550/450/0 has p .0067; R with two arms: .0015654022580025497.
	r := must[stats.SRM](t)(stats.SampleRatio([]int64{550, 450, 0}, []int64{1, 1, 0}))
	if r.DF != 1 || math.Abs(r.P/0.0015654022580025497-1) > 1e-10 {
		t.Errorf("%+v", r)
	}
	if _, err := stats.SampleRatio([]int64{500, 500, 3}, []int64{1, 1, 0}); !isKind(err, stats.TrafficInZeroWeightArm) {
		t.Errorf("users in an arm without weight: %v", err)
	}
}

func TestDefect10AQuantileKnowsNoScale(t *testing.T) {
	// gbstats: a floor of 1e-5 makes the error of a median of 0.001 seconds 77 times too large. In milliseconds and in seconds z is the same.
	arm := func(q, unit float64) stats.OuterQuantile {
		return stats.OuterQuantile{N: 10_000, Star: 6_400, Value: q * unit, Lower: (q - 0.001) * unit, Upper: (q + 0.001) * unit}
	}
	seconds := must[stats.Effect](t)(stats.CompareQuantiles(arm(1, 0.001), arm(1.01, 0.001), stats.Test{Alpha: 0.05}))
	millis := must[stats.Effect](t)(stats.CompareQuantiles(arm(1, 1), arm(1.01, 1), stats.Test{Alpha: 0.05}))
	// mpmath: 17.324664059231413
	if math.Abs(seconds.Statistic-17.324664059231413) > 1e-9 || math.Abs(seconds.Statistic-millis.Statistic) > 1e-9 {
		t.Errorf("z %v in seconds, %v in milliseconds", seconds.Statistic, millis.Statistic)
	}
}

func TestDefect13AdjustedMeansHaveDegreesOfFreedomOfTheirOwn(t *testing.T) {
	// gbstats takes the raw test's degrees of freedom for CUPED and lifts. Here the covariate explains nearly all of one arm only, so that
	// the adjusted test has hardly more degrees of freedom than the other arm alone: Welch-Satterthwaite of the adjusted variances.
	var ya, xa, yb, xb []float64
	for i := range 40 {
		v := float64(i*i%17) - 8
		noise := float64(i*7%5) - 2
		xa, ya = append(xa, v), append(ya, 3*v+noise/100)
		xb, yb = append(xb, v), append(yb, 3*v+4*noise)
	}
	a, _ := stats.CoSumsOf(ya, xa)
	b, _ := stats.CoSumsOf(yb, xb)
	e := must[stats.CUPEDEffect](t)(stats.CUPED(a, b, stats.Test{Alpha: 0.05}))
	va, vb := e.ControlArm.Variance/40, e.TreatmentArm.Variance/40
	want := (va + vb) * (va + vb) / (va*va/39 + vb*vb/39)
	if math.Abs(e.DF/want-1) > 1e-9 || !(e.Raw.DF > 1.8*e.DF) {
		t.Errorf("%v degrees of freedom, want %v; the raw test has %v", e.DF, want, e.Raw.DF)
	}
}

func TestACapThatEmptiesTheMetricIsRefusedInWords(t *testing.T) {
	// 1 % of units spend: the 99 % quantile is 0, and cut there nothing is left. Others print NaN or "no effect".
	a, b := make([]float64, 1_000), make([]float64, 1_000)
	for i := range 9 {
		a[i], b[i] = 10, 20
	}
	caps := must[stats.Caps](t)(stats.Percentiles{Upper: 0.99}.Caps(append(append([]float64{}, a...), b...)))
	if _, err := stats.Cap(caps, a, b); !isKind(err, stats.ZeroVariance) {
		t.Errorf("cut at %v: %v", caps, err)
	}
	caps = must[stats.Caps](t)(stats.Percentiles{Upper: 0.99, NonZero: true}.Caps(append(append([]float64{}, a...), b...)))
	if capped := must[stats.Capped](t)(stats.Cap(caps, a, b)); capped.Arms[1].Sum() != 180 {
		t.Errorf("cut at %v: %v", caps, capped.Arms[1].Sum())
	}
	both := must[stats.Caps](t)(stats.Percentiles{Lower: 0.1, Upper: 0.9}.Caps([]float64{-100, 1, 2, 3, 4, 5, 6, 7, 8, 1000, 9}))
	if both.Low != 1 || both.High != 9 || both.Of(-100) != 1 || both.Of(1000) != 9 || both.Of(4) != 4 {
		t.Errorf("both tails: %v", both)
	}
}

func TestUnitsWithoutEarlierDataAreKept(t *testing.T) {
	nan := math.NaN()
	before := []float64{1, 2, nan, 3, nan, 4}
	value, missing := stats.WithMissing(before)
	y := []float64{2, 4, 9, 6, 11, 8}
	arm := must[*stats.CoSums](t)(stats.CoSumsOf(y, value, missing))
	other := must[*stats.CoSums](t)(stats.CoSumsOf([]float64{3, 5, 10, 7.5, 12, 9}, value, missing))
	e := must[stats.CUPEDEffect](t)(stats.CUPED(arm, other, stats.Test{Alpha: 0.05}))
	if arm.N() != 6 || len(e.Theta) != 2 || len(e.Dropped) != 0 || !(e.VarianceReduction > 0.8) {
		t.Errorf("%+v", e)
	}
}
