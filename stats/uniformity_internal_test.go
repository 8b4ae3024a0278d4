package stats

import (
	"math"
	"testing"
)

// Every way to the distribution of Kolmogorov's statistic gives the same where two of them hold. Massey's table (JASA 46, 1951): P(D_20 >= 0.294)
// is 0.05.
func TestTheWaysToKolmogorovsDistributionMeet(t *testing.T) {
	for _, n := range []int{2, 5, 20, 100, 1_000, 1_800} {
		d := math.Max(math.Sqrt(4/float64(n)), 0.5/float64(n))
		if d < 1 && n <= 1_000 {
			exactP, disjoint := 1-kolmogorovMatrix(n, d), 2*smirnovTail(n, d)
			if math.Abs(exactP-disjoint) > 1e-11 {
				t.Errorf("n %d, d %v: %v and %v", n, d, exactP, disjoint)
			}
		}
		if n >= 1_000 {
			for _, z := range []float64{0.5, 0.8, 1.3, 1.9} {
				d := z / math.Sqrt(float64(n))
				exactP, series := 1-kolmogorovMatrix(n, d), 1-pelzGood(float64(n), d)
				if math.Abs(exactP-series) > 1e-7 {
					t.Errorf("n %d, d %v: %v and %v", n, d, exactP, series)
				}
			}
		}
	}
	if p := kolmogorovSurvival(20, 0.294); math.Abs(p-0.05) > 5e-4 {
		t.Errorf("P(D_20 >= 0.294) is %v", p)
	}
	// One value: D is at least 1/2, and P(D >= d) = 2(1-d) from there on.
	if p := kolmogorovSurvival(1, 0.7); math.Abs(p-0.6) > 1e-12 {
		t.Errorf("P(D_1 >= 0.7) is %v", p)
	}
}
