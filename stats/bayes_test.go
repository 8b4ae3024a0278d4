package stats_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/stats"
)

// millerSum is P(B > A) for whole parameters by the finite sum of E. Miller (Formulas for Bayesian A/B testing, 2014), in rational
// arithmetic of 300 bits: Σ_{i<αB} B(αA+i, βA+βB) / ((βB+i) B(1+i, βB) B(αA, βA)).
func millerSum(aA, bA, aB, bB int64) float64 {
	f := func(n int64) *big.Float { return new(big.Float).SetPrec(300).SetInt64(n) }
	// The term at i = 0 is B(αA, βA+βB)/B(αA, βA) = Π_{k<βB} (βA+k)/(αA+βA+k).
	term, sum := f(1), f(0)
	for k := range bB {
		term.Mul(term, f(bA+k)).Quo(term, f(aA+bA+k))
	}
	for i := range aB {
		sum.Add(sum, term)
		// B(αA+i+1, β)/B(αA+i, β) = (αA+i)/(αA+βA+βB+i); the denominator's (βB+i) B(1+i, βB) grows by (i+1)/(βB+i).
		term.Mul(term, f(aA+i)).Quo(term, f(aA+bA+bB+i)).Mul(term, f(bB+i)).Quo(term, f(i+1))
	}
	out, _ := sum.Float64()
	return out
}

func TestTheChanceToWinIsMillersSum(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		draw := func(name string) stats.Proportion {
			n := rapid.Int64Range(0, 250).Draw(r, name+" n")
			return stats.Proportion{N: n, X: rapid.Int64Range(0, n).Draw(r, name+" x")}
		}
		a, b := draw("a"), draw("b")
		p, err := stats.BetaBinomial(a, b, stats.BetaPrior{Alpha: 1, Beta: 1}, 0.05)
		if err != nil {
			r.Fatal(err)
		}
		want := millerSum(a.X+1, a.N-a.X+1, b.X+1, b.N-b.X+1)
		// A chance of 1e-99 is the exponential of -228, of which the last digits are rounded: some 1e-12 of it are lost, not more.
		if math.Abs(p.ChanceToWin-want) > 1e-12*(100-math.Log(want))*want {
			r.Fatalf("%v, but %v", p.ChanceToWin, want)
		}
		// E[max(A-B, 0)] = E[A] P(A' > B) - E[B] P(A > B'), where ' has one more success; exact where it does not cancel.
		exact := p.Control.Mean*(1-millerSum(a.X+2, a.N-a.X+1, b.X+1, b.N-b.X+1)) - p.Treatment.Mean*(1-millerSum(a.X+1, a.N-a.X+1, b.X+2, b.N-b.X+1))
		if math.Abs(p.LossTreatment-exact) > 1e-10*exact+1e-14 {
			r.Fatalf("loss %v, but %v", p.LossTreatment, exact)
		}
	})
}

// 60-digit arithmetic (mpmath) in stats-golden beta_binomial/S008, at a relative tolerance that means something there.
func TestATinyExpectedLossKeepsItsDigits(t *testing.T) {
	p, err := stats.BetaBinomial(stats.Proportion{N: 10_000, X: 500}, stats.Proportion{N: 10_000, X: 800}, stats.BetaPrior{Alpha: 1, Beta: 1}, 0.05)
	if err != nil || math.Abs(p.LossTreatment/1.1346326882319412e-21-1) > 1e-8 {
		t.Errorf("%v %v", p.LossTreatment, err)
	}
	mirror, err := stats.BetaBinomial(stats.Proportion{N: 10_000, X: 9_200}, stats.Proportion{N: 10_000, X: 9_500}, stats.BetaPrior{Alpha: 1, Beta: 1}, 0.05)
	if err != nil || math.Abs(mirror.LossTreatment/p.LossTreatment-1) > 1e-8 {
		t.Errorf("%v %v", mirror.LossTreatment, err)
	}
}

func TestTwoGaussianArmsAreTheClosedForm(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := rapid.SliceOfN(rapid.Float64Range(-5, 5), 2, 2).Draw(r, "means")
		s := []float64{math.Exp(rapid.Float64Range(-9, 3).Draw(r, "ln sd")), math.Exp(rapid.Float64Range(-9, 3).Draw(r, "ln sd"))}
		best, err := stats.BestOfGaussians(m, s, false)
		if err != nil {
			r.Fatal(err)
		}
		loss, err := stats.LossOfGaussians(m, s, false)
		if err != nil {
			r.Fatal(err)
		}
		d, err := stats.GaussianPosterior(m[1]-m[0], math.Hypot(s[0], s[1]), nil, 0.05)
		if err != nil {
			r.Fatal(err)
		}
		if math.Abs(best[1]-d.ChanceToWin) > 1e-9*d.ChanceToWin+1e-300 {
			r.Fatalf("%v, but %v", best, d.ChanceToWin)
		}
		if math.Abs(loss[0]-d.RiskControl) > 1e-9*d.RiskControl+1e-300 || math.Abs(loss[1]-d.RiskTreatment) > 1e-9*d.RiskTreatment+1e-300 {
			r.Fatalf("%v, but %v and %v", loss, d.RiskControl, d.RiskTreatment)
		}
	})
}

func TestTheChancesOfManyArmsSumToOneAndMirror(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		k := rapid.IntRange(1, 6).Draw(r, "arms")
		arms, mirrored := make([]stats.Proportion, k), make([]stats.Proportion, k)
		for i := range arms {
			n := rapid.Int64Range(0, 1e6).Draw(r, "n")
			arms[i] = stats.Proportion{N: n, X: rapid.Int64Range(0, n).Draw(r, "x")}
			mirrored[i] = stats.Proportion{N: n, X: n - arms[i].X}
		}
		prior := stats.BetaPrior{Alpha: rapid.Float64Range(0.3, 50).Draw(r, "alpha"), Beta: rapid.Float64Range(0.3, 50).Draw(r, "beta")}
		best, err := stats.BestOfRates(arms, prior, false)
		if err != nil {
			r.Fatal(err)
		}
		other, err := stats.BestOfRates(mirrored, stats.BetaPrior{Alpha: prior.Beta, Beta: prior.Alpha}, true)
		if err != nil {
			r.Fatal(err)
		}
		sum := 0.0
		for i := range best {
			sum += best[i]
			if math.Abs(best[i]-other[i]) > 1e-10 {
				r.Fatalf("%v, mirrored %v", best, other)
			}
		}
		if math.Abs(sum-1) > 1e-12 {
			r.Fatalf("%v", best)
		}
		loss, err := stats.LossOfRates(arms, prior, false)
		if err != nil {
			r.Fatal(err)
		}
		for _, l := range loss {
			if !(l >= 0 && l <= 1) {
				r.Fatalf("%v", loss)
			}
		}
	})
}

// gbstats' bandit has the prior N(0, 1e4) on the metric's own scale, so revenue in cents decides nothing (statistics.md 6.1, 8).
func TestDefect8ABanditOnALargeScaleStillKnowsItsBestArm(t *testing.T) {
	best, err := stats.BestOfGaussians([]float64{1e6, 1.3e6}, []float64{70_710.678, 70_710.678}, false)
	if err != nil || math.Abs(best[1]-0.9986501019906803) > 1e-9 {
		t.Errorf("%v %v", best, err)
	}
}

// gbstats took the second and third rank of a lower-is-better metric as the top two (statistics.md 6.1, 9).
func TestDefect9LowerIsBetterPicksTheLowest(t *testing.T) {
	best, err := stats.BestOfGaussians([]float64{120, 118}, []float64{2, 2.5}, true)
	if err != nil || !(best[1] > best[0]) {
		t.Errorf("%v %v", best, err)
	}
}

// gbstats draws 10,000 random numbers (statistics.md 6.1, 12).
func TestDefect12ThompsonsWeightsAreTheSameEveryTime(t *testing.T) {
	arms := []stats.Proportion{{N: 1_000, X: 100}, {N: 1_000, X: 120}, {N: 1_000, X: 90}}
	first, err := stats.BestOfRates(arms, stats.BetaPrior{Alpha: 1, Beta: 1}, false)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		again, err := stats.BestOfRates(arms, stats.BetaPrior{Alpha: 1, Beta: 1}, false)
		if err != nil || again[0] != first[0] || again[1] != first[1] || again[2] != first[2] {
			t.Fatalf("%v, then %v, %v", first, again, err)
		}
	}
}

func TestThompsonWeightsKeepTheFloorAndTheOrder(t *testing.T) {
	w, err := stats.ThompsonWeights([]float64{0.001, 0.9, 0.099}, 0.1)
	if err != nil || math.Abs(w[0]-0.1007) > 1e-12 || math.Abs(w[1]-0.73) > 1e-12 || math.Abs(w[2]-0.1693) > 1e-12 {
		t.Errorf("%v %v", w, err) // 0.1 + 0.7 p, by hand
	}
	for _, bad := range [][]float64{nil, {0.5, 0.4}, {1.2, -0.2}} {
		if _, err := stats.ThompsonWeights(bad, 0.1); kindOf(err) != stats.InvalidInput {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if _, err := stats.ThompsonWeights([]float64{0.5, 0.5}, 0.6); kindOf(err) != stats.InvalidInput {
		t.Errorf("a floor of 60 %% for two arms: %v", err)
	}
}

// A statement of significance from a posterior follows the interval (statistics.md 2.8; PostHog 72503 says significant beside an interval
// across 0).
func TestTheChanceToWinAgreesWithTheCredibleInterval(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		alpha := rapid.Float64Range(0.001, 0.3).Draw(r, "alpha")
		var prior *stats.GaussianPrior
		if rapid.Bool().Draw(r, "proper") {
			prior = &stats.GaussianPrior{Mean: rapid.Float64Range(-1, 1).Draw(r, "mean"), Variance: rapid.Float64Range(1e-4, 10).Draw(r, "variance")}
		}
		p, err := stats.GaussianPosterior(rapid.Float64Range(-3, 3).Draw(r, "effect"), rapid.Float64Range(1e-3, 3).Draw(r, "se"), prior, alpha)
		if err != nil {
			r.Fatal(err)
		}
		tail := math.Min(p.ChanceToWin, 1-p.ChanceToWin)
		if math.Abs(tail/(alpha/2)-1) > 1e-9 && (p.Low > 0 || p.High < 0) != (tail < alpha/2) {
			r.Fatalf("%+v", p)
		}
		if math.Abs(p.RiskControl-p.RiskTreatment-p.Mean) > 1e-12 {
			r.Fatalf("%+v", p)
		}
	})
}

func BenchmarkGaussianPosterior(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := stats.GaussianPosterior(0.05, 0.03, &stats.GaussianPrior{Variance: 0.09}, 0.05); err != nil {
			b.Fatal(err)
		}
	}
}

// gbstats has no result for an arm at 0 %: p = 1, an interval of (0, 0) and a chance to win of .5 for 0 against 50 of 10,000 (statistics.md 6.1, 1).
// By Miller's sum the chance that the control is better is Σ_{j<1} ... ≈ 2^-51.
func TestDefect1NoConversionsInControlIsNoCoinFlip(t *testing.T) {
	p, err := stats.BetaBinomial(stats.Proportion{N: 10_000}, stats.Proportion{N: 10_000, X: 50}, stats.BetaPrior{Alpha: 1, Beta: 1}, 0.05)
	if err != nil || 1-p.ChanceToWin > 1e-12 || !(p.LossTreatment > 0 && p.LossTreatment < 1e-15) || math.Abs(p.LossControl-(p.Treatment.Mean-p.Control.Mean)) > 1e-15 {
		t.Errorf("%+v %v", p, err)
	}
	mirror, err := stats.BetaBinomial(stats.Proportion{N: 10_000, X: 50}, stats.Proportion{N: 10_000}, stats.BetaPrior{Alpha: 1, Beta: 1}, 0.05)
	want := millerSum(51, 9_951, 1, 10_001)
	if err != nil || math.Abs(mirror.ChanceToWin/want-1) > 1e-9 {
		t.Errorf("%v, want %v, %v", mirror.ChanceToWin, want, err)
	}
}

// gbstats ignores whether a prior is on the relative or the absolute effect (statistics.md 6.1, 6). Here the caller says so by scaling it.
func TestDefect6APriorOnTheRelativeEffectIsScaledToTheAbsoluteOne(t *testing.T) {
	relative := stats.GaussianPrior{Mean: 0.02, Variance: 0.09}
	const baseline = 40
	absolute := relative.Scaled(baseline)
	a, err := stats.GaussianPosterior(0.05*baseline, 0.03*baseline, &absolute, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	r, err := stats.GaussianPosterior(0.05, 0.03, &relative, 0.05)
	if err != nil || !near(a.ChanceToWin, r.ChanceToWin) || !near(a.Mean, r.Mean*baseline) || !near(a.RiskTreatment, r.RiskTreatment*baseline) {
		t.Errorf("%+v, but %+v, %v", a, r, err)
	}
	unscaled, err := stats.GaussianPosterior(0.05*baseline, 0.03*baseline, &relative, 0.05)
	if err != nil || near(unscaled.ChanceToWin, r.ChanceToWin) {
		t.Errorf("%+v, %v", unscaled, err)
	}
}

// A weak prior has long tails on the logit scale. Beta(0.01, 0.01) without data is symmetric.
func TestAWeakPriorIsIntegratedToItsEnds(t *testing.T) {
	p, err := stats.BetaBinomial(stats.Proportion{}, stats.Proportion{}, stats.BetaPrior{Alpha: 0.01, Beta: 0.01}, 0.05)
	if err != nil || math.Abs(p.ChanceToWin-0.5) > 1e-10 {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzPosteriorsGiveANumberOrAReason(f *testing.F) {
	f.Add(int64(100), int64(10), int64(120), int64(15), 1.0, 1.0, 0.1, 0.2, 0.01, 0.02)
	f.Add(int64(0), int64(0), int64(1e12), int64(1e12), 0.5, 0.5, -1e300, 1e300, 1e-300, 1e300)
	f.Add(int64(1), int64(1), int64(1e9), int64(0), 1e6, 0.01, 0.0, 0.0, 1e-9, 1e9)
	f.Fuzz(func(t *testing.T, n1, x1, n2, x2 int64, a, b, m1, m2, s1, s2 float64) {
		if a < 0.1 || b < 0.1 {
			return // right, but a second each
		}
		p, err := stats.BetaBinomial(stats.Proportion{N: n1, X: x1}, stats.Proportion{N: n2, X: x2}, stats.BetaPrior{Alpha: a, Beta: b}, 0.05)
		if err == nil && !(p.ChanceToWin >= 0 && p.ChanceToWin <= 1 && p.LossControl >= 0 && p.LossControl <= 1 && p.LossTreatment >= 0 && p.LossTreatment <= 1 &&
			p.Control.Low >= 0 && p.Control.Low <= p.Control.High && p.Control.High <= 1) {
			t.Errorf("%+v", p)
		}
		if best, err := stats.BestOfGaussians([]float64{m1, m2, 0}, []float64{s1, s2, 1}, false); err == nil && !(math.Abs(best[0]+best[1]+best[2]-1) < 1e-9) {
			t.Errorf("%v", best)
		}
		if loss, err := stats.LossOfGaussians([]float64{m1, m2}, []float64{s1, s2}, false); err == nil && !(loss[0] >= 0 && loss[1] >= 0) {
			t.Errorf("%v", loss)
		}
	})
}
