package stats_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/stats"
)

// alwaysValid draws a rule of each kind that has a critical value in closed form.
func alwaysValid(r *rapid.T, alpha float64) stats.Rule {
	n := float64(rapid.Int64Range(2, 1e9).Draw(r, "n"))
	rho, err := stats.TunedRho(rapid.Float64Range(10, 1e7).Draw(r, "tuned to"), alpha)
	if err != nil {
		r.Fatal(err)
	}
	var rule stats.Rule
	switch rapid.IntRange(0, 2).Draw(r, "rule") {
	case 0:
		rule, err = stats.ConfidenceSequence(n, rho, alpha)
	case 1:
		rule, err = stats.ConfidenceSequenceOneSided(n, rho, alpha)
	default:
		rule, err = stats.Mixture(rapid.Float64Range(1e-9, 10).Draw(r, "variance"), rapid.Float64Range(1e-9, 10).Draw(r, "tau2"), alpha)
	}
	if err != nil {
		r.Fatal(err)
	}
	return rule
}

func TestPOfAnAlwaysValidRuleIsAlphaAtItsCriticalValue(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		alpha := rapid.Float64Range(1e-6, 0.49).Draw(r, "alpha")
		rule := alwaysValid(r, alpha)
		if p := rule.P(rule.Critical); math.Abs(p/alpha-1) > 1e-9 {
			r.Fatalf("%s: p of the critical value %v is %v, not %v", rule.Method, rule.Critical, p, alpha)
		}
		fixed, err := stats.FixedHorizonOneSided(alpha)
		if err != nil {
			r.Fatal(err)
		}
		if rule.Critical <= fixed.Critical {
			r.Fatalf("%s: the critical value %v is below that of one look, %v", rule.Method, rule.Critical, fixed.Critical)
		}
		z := rapid.Float64Range(-1e3, 1e3).Draw(r, "z")
		p := rule.LnP(z)
		if math.IsNaN(p) || p > 0 {
			r.Fatalf("ln p of %v is %v", z, p)
		}
		if lnE, has := rule.LnE(z); has && math.Abs(math.Min(0, -lnE)-p) > 1e-12*math.Abs(p) {
			r.Fatalf("ln e %v, ln p %v", lnE, p)
		}
	})
}

// No rho makes the sequence narrower at the size it is tuned to; found by trying others.
func TestTheTunedRhoIsTheBestAtItsSize(t *testing.T) {
	for _, alpha := range []float64{0.2, 0.05, 1e-3, 1e-8} {
		rho, err := stats.TunedRho(5_000, alpha)
		if err != nil {
			t.Fatal(err)
		}
		width := func(rho float64) float64 {
			rule, err := stats.ConfidenceSequence(5_000, rho, alpha)
			if err != nil {
				t.Fatal(err)
			}
			return rule.Critical
		}
		best := width(rho)
		for _, factor := range []float64{0.9, 0.98, 0.999, 1.001, 1.02, 1.1} {
			if width(rho*factor) <= best {
				t.Errorf("alpha %v: %v is narrower with %v of rho", alpha, width(rho*factor), factor)
			}
		}
	}
}

func TestTheRunningMinimumNeverRises(t *testing.T) {
	got := stats.RunningMinimum([]float64{0.5, 0.7, 0.02, 1, 0.03, 0.001})
	for i, want := range []float64{0.5, 0.5, 0.02, 0.02, 0.02, 0.001} {
		if got[i] != want {
			t.Errorf("%v", got)
		}
	}
}

// By the law of total probability: the Bayes factor of the sequential test is the ratio of two predictive probabilities, so it averages 1
// over all counts when the shares are right. Summed over all outcomes of 40 units with binomial probabilities.
func TestTheEvidenceOfTheSequentialSRMAveragesOneUnderItsShares(t *testing.T) {
	const n = 40
	for _, flat := range []bool{false, true} {
		sum := 0.0
		for x := int64(0); x <= n; x++ {
			test := func() (stats.SequentialSRM, error) {
				if flat {
					return stats.SampleRatioSequenceFlat([][]int64{{x, n - x}}, []float64{3, 1})
				}
				return stats.SampleRatioSequence([][]int64{{x, n - x}}, []float64{3, 1}, 50)
			}
			s, err := test()
			if err != nil {
				t.Fatal(err)
			}
			a, _ := math.Lgamma(n + 1)
			b, _ := math.Lgamma(float64(x + 1))
			c, _ := math.Lgamma(float64(n - x + 1))
			sum += math.Exp(a - b - c + float64(x)*math.Log(0.75) + float64(n-x)*math.Log(0.25) + s.LnBayesFactor[0])
		}
		if math.Abs(sum-1) > 1e-10 {
			t.Errorf("flat %v: %v", flat, sum)
		}
	}
}

func TestASequentialSRMOverABillionUnitsKeepsItsDigits(t *testing.T) {
	// 60-digit arithmetic (mpmath) in stats-golden srm_sequential/S005: -2.5568206976807133.
	s, err := stats.SampleRatioSequence([][]int64{{500_000_000, 500_080_000}}, []float64{0.5, 0.5}, 1e4)
	if err != nil || math.Abs(s.LnBayesFactor[0]+2.5568206976807133) > 1e-9 {
		t.Errorf("%v %v", s.LnBayesFactor, err)
	}
	if _, err := stats.SampleRatioSequence([][]int64{{5, 5, 1}}, []float64{1, 1, 0}, 1e4); kindOf(err) != stats.TrafficInZeroWeightArm {
		t.Errorf("units in an arm without weight: %v", err)
	}
}

func TestARateSequenceHoldsTheRateAndIsWiderThanWilson(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.Int64Range(1, 1e9).Draw(r, "n")
		p := stats.Proportion{N: n, X: rapid.Int64Range(0, n).Draw(r, "x")}
		low, high, err := p.RateSequence(1, 1, 0.05)
		if err != nil || !(low >= 0 && low <= p.Rate() && high >= p.Rate() && high <= 1) {
			r.Fatalf("%v to %v of %v, %v", low, high, p.Rate(), err)
		}
		wilsonLow, wilsonHigh, err := p.Wilson(0.05)
		if err != nil || high-low < wilsonHigh-wilsonLow {
			r.Fatalf("%v to %v is narrower than %v to %v", low, high, wilsonLow, wilsonHigh)
		}
	})
}

// gbstats finds the one-sided sequential p by bisection and never below 1e-5 (statistics.md 6.1, 11).
func TestDefect11AOneSidedSequentialPHasNoFloor(t *testing.T) {
	rho, err := stats.TunedRho(100_000, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	rule, err := stats.ConfidenceSequenceOneSided(100_000, rho, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	// By the formula: ln p = ½ ln(r+1) - ln 2 - ln(e^x - 1) with r = nρ² and x = r z²/(2(r+1)).
	r := 100_000 * rho * rho
	for _, z := range []float64{8, 20, 60} {
		want := 0.5*math.Log1p(r) - math.Ln2 - r/(2*(r+1))*z*z
		if got := rule.LnP(z); math.Abs(got-want) > 1e-9*math.Abs(want) || rule.P(20) > 1e-60 {
			t.Errorf("z %v: ln p %v, want %v", z, got, want)
		}
	}
	if rule.P(-3) != 1 {
		t.Errorf("p of good news is %v", rule.P(-3))
	}
}
