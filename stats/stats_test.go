package stats_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/stats"
)

func drawMoments(r *rapid.T, name string) stats.Moments {
	return stats.MomentsOf(rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 2, 40).Draw(r, name))
}

// near compares within a small multiple of the last digit.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b))+1e-300 }

func TestSwappingTheArmsFlipsTheSignAndNothingElse(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a, b := drawMoments(r, "a"), drawMoments(r, "b")
		x, errX := stats.Welch(a, b, 0.05)
		y, errY := stats.Welch(b, a, 0.05)
		if (errX == nil) != (errY == nil) {
			r.Fatalf("%v, but %v", errX, errY)
		}
		if errX == nil && (x.Difference != -y.Difference || !near(x.P, y.P) || !near(x.Low, -y.High)) {
			r.Fatalf("%+v, but %+v", x, y)
		}
	})
}

func TestPAndBothIntervalsAlwaysAgree(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		alpha := rapid.Float64Range(0.001, 0.3).Draw(r, "alpha")
		var e stats.Effect
		var err error
		if rapid.Bool().Draw(r, "binary") {
			draw := func(name string) stats.Proportion {
				n := rapid.Int64Range(1, 5_000).Draw(r, name+" n")
				return stats.Proportion{N: n, X: rapid.Int64Range(0, n).Draw(r, name+" x")}
			}
			e, _, err = stats.TwoProportions(draw("a"), draw("b"), alpha)
		} else {
			e, err = stats.Welch(drawMoments(r, "a"), drawMoments(r, "b"), alpha)
		}
		if err != nil {
			return
		}
		if math.Abs(math.Abs(e.Statistic)-e.Critical) < 1e-9*e.Critical {
			return // on the edge, rounding decides
		}
		excludes := e.Low > 0 || e.High < 0
		if excludes != (e.P < alpha) {
			r.Fatalf("p %v at level %v, but the interval is %v to %v", e.P, alpha, e.Low, e.High)
		}
		if f := e.Relative; f != nil && !f.Unbounded && excludes != (f.Low > 0 || f.High < 0) {
			r.Fatalf("p %v at level %v, but the relative interval is %v to %v", e.P, alpha, f.Low, f.High)
		}
	})
}

func TestMergingPartsGivesTheWhole(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 1, 60).Draw(r, "values")
		cut := rapid.IntRange(0, len(values)).Draw(r, "cut")
		whole, parts := stats.MomentsOf(values), stats.MomentsOf(values[:cut]).Merge(stats.MomentsOf(values[cut:]))
		if whole.N != parts.N || math.Abs(whole.Mean-parts.Mean) > 1e-6 || math.Abs(whole.M2-parts.M2) > 1e-9*whole.M2+1e-3 {
			r.Fatalf("%+v, but %+v", whole, parts)
		}
	})
}

func TestALargeMeanTakesNothingFromASmallVariance(t *testing.T) {
	// 1e9 + {0, 1, 2}: variance 1, by hand.
	if v := stats.MomentsOf([]float64{1e9, 1e9 + 1, 1e9 + 2}).Variance(); v != 1 {
		t.Errorf("variance %v", v)
	}
}

func TestPIsToldAlsoWhereItUnderflows(t *testing.T) {
	e, _, err := stats.TwoProportions(stats.Proportion{N: 1_000_000, X: 100_000}, stats.Proportion{N: 1_000_000, X: 150_000}, 0.05)
	if err != nil || e.P != 0 && e.P > 1e-300 || !(e.LnP < -5_000) || math.IsInf(e.LnP, 0) {
		t.Errorf("p %v, ln p %v, %v", e.P, e.LnP, err)
	}
}

func ExampleTwoProportions() {
	e, _, err := stats.TwoProportions(stats.Proportion{N: 44_700, X: 8_502}, stats.Proportion{N: 45_489, X: 8_279}, 0.05)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%+.4f, 95%% from %+.4f to %+.4f, p %.4f\n", e.Difference, e.Low, e.High, e.P)
	// Output: -0.0082, 95% from -0.0133 to -0.0031, p 0.0016
}

func isKind(err error, kind stats.Kind) bool { return errors.Is(err, &stats.Error{Kind: kind}) }
