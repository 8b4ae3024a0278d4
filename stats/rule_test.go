package stats_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/stats"
)

func TestAnEffectUnderTheFixedRuleIsTheEffectItself(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		alpha := rapid.Float64Range(0.001, 0.3).Draw(r, "alpha")
		e, err := stats.Welch(drawMoments(r, "a"), drawMoments(r, "b"), alpha)
		if err != nil {
			return
		}
		rule, err := stats.FixedHorizon(alpha)
		if err != nil {
			r.Fatal(err)
		}
		same, err := e.Under(rule)
		if err != nil {
			r.Fatal(err)
		}
		if math.Abs(same.Critical/e.Critical-1) > 1e-9 || math.Abs(same.LnP-e.LnP) > 1e-8*(1+math.Abs(e.LnP)) {
			r.Fatalf("%+v, but %+v", same, e)
		}
	})
}

func TestARuleNeedsALevel(t *testing.T) {
	for _, alpha := range []float64{0, 1, -1, math.NaN()} {
		if _, err := stats.FixedHorizon(alpha); err == nil {
			t.Errorf("alpha %v is taken", alpha)
		}
	}
}
