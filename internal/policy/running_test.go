package policy_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/internal/analysis"
)

// An experiment is read every day by the schedule. An effect that was there at first and goes away takes p up, and the smallest p so far never:
// at each later position it is the smallest of the p values that were told at the daily ones.
func TestTheSmallestPNeverGoesUpAgain(t *testing.T) {
	for _, plan := range []experiment.Analysis{
		{}, {Method: experiment.MixtureSPRT, Mixture: experiment.Amount{By: experiment.Relative, Value: 0.3}},
	} {
		synctest.Test(t, func(t *testing.T) {
			tm := newTeam(t)
			tm.start(experiment.Plan{Analysis: plan})
			sources, stop := tm.reader()
			defer stop()
			least, rose := 1.0, false
			for n := range 5 {
				if n < 2 {
					tm.ordering(400, 10, 5)
				} else {
					tm.ordering(400, 5, 10)
				}
				time.Sleep(day)
				synctest.Wait()
				in, ok, err := sources.Read(t.Context(), "shop", "trial", sources.Position(), nil)
				if err != nil || !ok {
					t.Fatal(err)
				}
				e := analysis.Analyze(in).Metrics[0].Comparisons[0]
				if e.Problem != "" || e.Running == nil {
					t.Fatalf("%+v", e)
				}
				rose = rose || e.P > least
				least = min(least, e.P)
				if e.Running.P != least {
					t.Errorf("day %d: p %v, the smallest so far %v, want %v of %d readings", n, e.P, e.Running.P, least, len(tm.readings()))
				}
			}
			if !rose {
				t.Error("p never went up, so this proves nothing")
			}
			// At the position of a reading the answer is what it was then, whatever came since.
			first := tm.readings()[0]
			in, _, err := sources.Read(t.Context(), "shop", "trial", sources.Position(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if r := analysis.Analyze(in).Metrics[0].Comparisons[0].Running; r.Moments != 1+len(tm.readings()) || r.Look == 0 || r.P > first.Comparisons[0].P {
				t.Errorf("%+v", r)
			}
		})
	}
}
