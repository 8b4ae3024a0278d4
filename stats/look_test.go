package stats_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/stats"
)

func obf(alpha float64) stats.GroupSequentialPlan {
	return stats.GroupSequentialPlan{Spending: stats.Spending{Kind: stats.OBrienFlemingSpending}, Alpha: alpha}
}

func kindOf(err error) stats.Kind {
	if failure, ok := errors.AsType[*stats.Error](err); ok {
		return failure.Kind
	}
	return ""
}

// The repeated p of a z that is the bound at another alpha is that alpha. The bounds are exact, so this is the error of the curve.
func TestRepeatedPIsTheAlphaWhoseBoundIsMet(t *testing.T) {
	for _, kind := range []stats.SpendingKind{stats.OBrienFlemingSpending, stats.PocockSpending} {
		for _, looks := range [][]float64{{0.3}, {1}, equalLooks(5), equalLooks(5)[:3], equalLooks(12), {0.05, 0.5, 0.9}, {0.2, 0.5, 0.501, 1.2}} {
			plan := stats.GroupSequentialPlan{Spending: stats.Spending{Kind: kind}, Alpha: 0.05}
			look, err := plan.Look(looks, false)
			if err != nil {
				t.Fatal(err)
			}
			rule, err := look.Rule()
			if err != nil {
				t.Fatal(err)
			}
			if p := rule.P(rule.Critical); math.Abs(p/0.05-1) > 1e-9 {
				t.Errorf("%s %v: p of the bound is %v", kind, looks, p)
			}
			for _, alpha := range []float64{0.5, 0.3, 0.1, 0.01, 1e-3, 1e-5, 2e-8} {
				other, err := look.RuleAt(alpha)
				if err != nil {
					t.Fatal(err)
				}
				if p := rule.P(other.Critical); math.Abs(p/alpha-1) > 1e-3 {
					t.Errorf("%s %v: p of the bound at %v is %v", kind, looks, alpha, p)
				}
			}
		}
	}
}

func TestAFinalLookSpendsTheRest(t *testing.T) {
	// At the information 1 and at 0.8 the last bound differs, but all of alpha is spent.
	for _, information := range [][]float64{{0.3, 0.6, 0.8}, {0.3, 0.6, 1}, {0.3, 0.6, 1.3}} {
		look, err := obf(0.05).Look(information, true)
		if err != nil {
			t.Fatal(err)
		}
		crossing, err := look.Boundary.Crossing(0)
		if err != nil || math.Abs(crossing.Total-0.05) > 1e-11 || !look.Final || look.OverRun != (information[2] > 1) {
			t.Errorf("%v: %v spent, final %v, %v", information, crossing.Total, look.Final, err)
		}
	}
	early, err := obf(0.05).Look([]float64{0.3, 0.6, 0.8}, false)
	if err != nil {
		t.Fatal(err)
	}
	if crossing, err := early.Boundary.Crossing(0); err != nil || math.Abs(crossing.Total-early.Boundary.Spent[2]) > 1e-11 || early.Final || crossing.Total > 0.03 {
		t.Errorf("%v of %v, %v", crossing.Total, early.Boundary.Spent, err)
	}
	_, err = obf(0.05).Look([]float64{0.3, 1, 1.2}, false)
	if kindOf(err) != stats.InvalidInput {
		t.Errorf("a look after everything is spent: %v", err)
	}
}

func TestALookAgreesWithItsIntervals(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		looks := rapid.IntRange(1, 6).Draw(r, "looks")
		information, at := []float64{}, 0.0
		for range looks {
			at += rapid.Float64Range(0.01, 0.3).Draw(r, "step")
			information = append(information, at)
			if at >= 1 {
				break
			}
		}
		alpha := rapid.Float64Range(0.001, 0.2).Draw(r, "alpha")
		look, err := obf(alpha).Look(information, rapid.Bool().Draw(r, "final"))
		if err != nil {
			r.Fatal(err)
		}
		rule, err := look.Rule()
		if err != nil {
			r.Fatal(err)
		}
		n := rapid.Int64Range(50, 5_000).Draw(r, "n")
		e, _, err := stats.TwoProportions(stats.Proportion{N: n, X: rapid.Int64Range(1, n-1).Draw(r, "a")}, stats.Proportion{N: n, X: rapid.Int64Range(1, n-1).Draw(r, "b")}, alpha)
		if err != nil {
			r.Fatal(err)
		}
		e, err = e.Under(rule)
		if err != nil {
			r.Fatal(err)
		}
		if math.Abs(math.Abs(e.Statistic)-e.Critical) < 1e-7*e.Critical {
			return
		}
		excludes := e.Low > 0 || e.High < 0
		if excludes != (e.P < alpha) || e.P < 0 || e.P > 1 || math.IsNaN(e.LnP) {
			r.Fatalf("%+v", e)
		}
		if f := e.Relative; f != nil && !f.Unbounded && excludes != (f.Low > 0 || f.High < 0) {
			r.Fatalf("%+v", e)
		}
	})
}

func TestRepeatedPFallsWithZ(t *testing.T) {
	look, err := obf(0.05).Look([]float64{0.1, 0.4, 0.7}, false)
	if err != nil {
		t.Fatal(err)
	}
	rule, err := look.Rule()
	if err != nil {
		t.Fatal(err)
	}
	before := 0.0
	for z := 0.0; z < 60; z += 0.03 {
		p := rule.LnP(z)
		if p > before || math.IsNaN(p) || p != rule.LnP(-z) {
			t.Fatalf("ln p is %v at %v after %v", p, z, before)
		}
		before = p
	}
	if before > -300 {
		t.Errorf("ln p of z = 60 is %v", before)
	}
}

func TestLooksThatCannotBe(t *testing.T) {
	for _, information := range [][]float64{nil, {0}, {-1}, {0.5, 0.5}, {0.5, 0.4}, {math.NaN()}, {math.Inf(1)}, {0.5, 0.5 + 1e-9}} {
		if _, err := obf(0.05).Look(information, true); kindOf(err) != stats.InvalidInput {
			t.Errorf("%v: %v", information, err)
		}
	}
	if _, err := (stats.GroupSequentialPlan{Alpha: 0.05}).Look([]float64{1}, true); kindOf(err) != stats.InvalidInput {
		t.Errorf("no spending function: %v", err)
	}
}

func BenchmarkLook(b *testing.B) {
	for _, looks := range []int{5, 30} {
		b.Run(fmt.Sprint(looks), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := obf(0.05).Look(equalLooks(looks), false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEffectUnderALook(b *testing.B) {
	look, err := obf(0.05).Look(equalLooks(5), false)
	if err != nil {
		b.Fatal(err)
	}
	rule, err := look.Rule()
	if err != nil {
		b.Fatal(err)
	}
	e, err := stats.Welch(stats.Moments{N: 44_700, Mean: 52.4, M2: 3e9}, stats.Moments{N: 45_489, Mean: 54.3, M2: 5e8}, 0.05)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Under(rule); err != nil {
			b.Fatal(err)
		}
	}
}

// With alpha spent by time and information by units: half of the time is over with a fifth of the units. The oracle integrates the two looks'
// bivariate normal by Simpson's rule: crossing at the second look and not at the first has the probability that is left to spend.
func TestAlphaIsSpentByTimeAndLooksAreRelatedByInformation(t *testing.T) {
	look, err := obf(0.05).LookInTime([]float64{0.2, 1}, []float64{0.5, 1}, true)
	if err != nil {
		t.Fatal(err)
	}
	survival := func(x float64) float64 { return 0.5 * math.Erfc(x/math.Sqrt2) }
	first, second := look.Boundary.Bounds[0], look.Boundary.Bounds[1]
	spent, err := stats.Spending{Kind: stats.OBrienFlemingSpending}.Spent(0.5, 0.05)
	if err != nil || math.Abs(2*survival(first)-spent) > 1e-12 {
		t.Errorf("the first look spends %v, not %v (%v)", 2*survival(first), spent, err)
	}
	rho := math.Sqrt(0.2)
	crossing := func(x float64) float64 {
		sd := math.Sqrt(1 - rho*rho)
		return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) * (survival((second-rho*x)/sd) + survival((second+rho*x)/sd))
	}
	const steps = 20_000
	h, sum := 2*first/steps, crossing(-first)+crossing(first)
	for i := 1; i < steps; i++ {
		sum += float64(2+2*(i%2)) * crossing(-first+float64(i)*h)
	}
	if got := sum * h / 3; math.Abs(got-(0.05-spent)) > 1e-9 {
		t.Errorf("the second look spends %v, not %v", got, 0.05-spent)
	}
	if rule, err := look.Rule(); err != nil || math.Abs(rule.P(second)-0.05) > 1e-9 {
		t.Errorf("p at the bound is %v (%v)", rule.P(second), err)
	}
	if _, err := obf(0.05).LookInTime([]float64{0.2, 1}, []float64{0.5}, true); kindOf(err) != stats.InvalidInput {
		t.Errorf("two looks with one time: %v", err)
	}
}
