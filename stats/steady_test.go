package stats_test

import (
	"math"
	"testing"

	"github.com/assayhq/assay/stats"
)

// By hand: in the second stratum nobody of four converted in the control and 100 of 400 in the treatment, so M2 is 0 and 75, and both have
// s_p² = 75/402. The first stratum has nearly equal variances, 9.5 and 10.7 units² on 99 degrees: the smaller becomes (9.5+10.7)/198 a unit.
func TestAnArmOfFewUnitsHasAtLeastTheVarianceOfItsStratum(t *testing.T) {
	sums := func(n, ones int) *stats.CoSums {
		s := stats.NewCoSums(1)
		for i := range n {
			v := 0.0
			if i < ones {
				v = 1
			}
			if err := s.Add(v); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	strata := []stats.StratumSums{{Control: sums(100, 10), Treatment: sums(100, 12)}, {Control: sums(4, 0), Treatment: sums(400, 100)}}
	plain, err := stats.PostStratifySums(strata, stats.Test{Alpha: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	steady, err := stats.PostStratifySteady(strata, stats.Test{Alpha: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	m2 := func(n, ones float64) float64 { return ones * (1 - ones/n) }
	own := func(m2, n float64) float64 { return m2 / (n - 1) / n }

	first, second := (m2(100, 10)+m2(100, 12))/198, m2(400, 100)/402
	share := [2]float64{200.0 / 604, 404.0 / 604}
	d := [2]float64{0.02, 0.25}
	mean := share[0]*d[0] + share[1]*d[1]
	spread := (share[0]*d[0]*d[0] + share[1]*d[1]*d[1] - mean*mean) / 604
	want := share[0]*share[0]*(math.Max(own(m2(100, 10), 100), first/100)+math.Max(own(m2(100, 12), 100), first/100)) +
		share[1]*share[1]*(second/4+math.Max(own(m2(400, 100), 400), second/400)) + spread
	if math.Abs(steady.Difference-mean) > 1e-15 || math.Abs(steady.SE*steady.SE-want) > 1e-15 || steady.Difference != plain.Difference {
		t.Errorf("%v ± %v, want %v ± %v", steady.Difference, steady.SE, mean, math.Sqrt(want))
	}
	if !(steady.SE > plain.SE) {
		t.Errorf("%v is no larger than %v", steady.SE, plain.SE)
	}
}
