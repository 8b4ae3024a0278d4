package analysis_test

import (
	"math"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/internal/analysis"
)

// seenAt is a reading with what it saw of arm-b.
func seenAt(look int, p, level, low, high float64, crossed bool) experiment.Reading {
	return experiment.Reading{
		Look: look, Planned: look, Position: uint64(10 * look), At: end.AddDate(0, 0, look-30), Fraction: 1, Units: []int64{1, 1},
		Comparisons: []experiment.Compared{
			{Metric: "conversion", Variant: "arm-b", P: p, LnP: math.Log(p), Level: level, Low: low, High: high, Crossed: crossed},
			{Metric: "conversion", Variant: "arm-c", P: 1e-9},
			{Metric: domain.MetricKey("another"), Variant: "arm-b", P: 1e-9},
		},
	}
}

// What the readings say is given, so the smallest of them and what they have in common follow by hand.
func TestTheSmallestPSoFarIsToldWithItsPlace(t *testing.T) {
	w := world{units: []int{5_000, 5_000}, primary: []float64{0.10, 0.11}, guardrail: even, status: experiment.StatusRunning}
	for _, a := range []experiment.Analysis{{}, {Method: experiment.MixtureSPRT, Mixture: sized(0.1)}} {
		in := w.under(a)
		alone := analysis.Analyze(in)
		now := alone.Metrics[0].Comparisons[0]
		if r := now.Running; r == nil || r.P != now.P || r.Moments != 1 || r.Look != 0 || r.Position != "42" || *r.Interval != now.Difference.Interval {
			t.Errorf("without a reading: %+v", r)
		}
		if now.P < 0.05 {
			t.Fatalf("p %v does not serve", now.P)
		}
		in.Experiment.Readings = []experiment.Reading{
			seenAt(1, 0.6, 0.05, -0.05, 0.09, false), seenAt(2, 0.004, 0.025, 0.002, 0.08, true), seenAt(3, 0.03, 0.05, 0.001, 0.015, true), seenAt(4, 0.2, 0.1, 0.014, 0.0141, false),
		}
		got := analysis.Analyze(in)
		e := got.Metrics[0].Comparisons[0]
		r := e.Running
		if r == nil || r.P != 0.004 || r.LnP != math.Log(0.004) || r.Look != 2 || r.Position != "20" || !r.At.Equal(end.AddDate(0, 0, -28)) || r.Moments != 5 || r.CrossedAtLook != 2 {
			t.Fatalf("%+v", r)
		}
		// The fourth reading's range was made at a larger error probability, so it takes no part.
		if r.Interval == nil || r.Interval.Low != 0.002 || r.Interval.High != 0.015 {
			t.Errorf("%+v", r.Interval)
		}
		if e.P != now.P || !strings.Contains(r.Sentence, "look 2 on 1 February 2026") {
			t.Errorf("p now %v, want %v; %s", e.P, now.P, r.Sentence)
		}
		if !strings.Contains(got.Verdict.Sentence, "At look 2 arm-b was clear in Conversion") {
			t.Error(got.Verdict.Sentence)
		}
		in.Experiment.Readings = append(in.Experiment.Readings, seenAt(5, 0.5, 0.05, 0.02, 0.03, false))
		if r := analysis.Analyze(in).Metrics[0].Comparisons[0].Running; r.Interval != nil {
			t.Errorf("ranges without anything in common have %+v in common", r.Interval)
		}
	}
}

// Readings of older versions tell neither the logarithm nor the range; what they tell counts.
func TestReadingsOfOlderVersionsCount(t *testing.T) {
	w := world{units: []int{5_000, 5_000}, primary: []float64{0.10, 0.11}, guardrail: even}
	in := w.under(experiment.Analysis{})
	old := seenAt(1, 0.01, 0, 0, 0, true)
	old.Comparisons[0].LnP = 0
	in.Experiment.Readings = []experiment.Reading{old}
	e := analysis.Analyze(in).Metrics[0].Comparisons[0]
	if r := e.Running; r.P != 0.01 || math.Abs(r.LnP-math.Log(0.01)) > 1e-12 || *r.Interval != e.Difference.Interval {
		t.Errorf("%+v", r)
	}
	in.Experiment.Readings[0].Comparisons[0].P = 0 // it underflowed
	if r := analysis.Analyze(in).Metrics[0].Comparisons[0].Running; r.P != 0 || r.LnP > -700 || math.IsInf(r.LnP, 0) {
		t.Errorf("%+v", r)
	}
}

// A method that is valid at its looks only, or once, has no smallest p.
func TestOnlyWhatIsValidAtEveryMomentHasASmallestP(t *testing.T) {
	w := world{units: []int{5_000, 5_000}, primary: []float64{0.10, 0.11}, guardrail: even}
	for _, a := range []experiment.Analysis{{Method: experiment.Fixed}, {Method: experiment.GroupSequential, PlannedUnits: 10_000, Looks: 2}} {
		in := w.under(a)
		in.Experiment.Readings = []experiment.Reading{seenAt(1, 0.01, 0.05, 0, 1, true)}
		in.Experiment.Readings[0].Fraction = 0.5
		if r := analysis.Analyze(in).Metrics[0].Comparisons[0].Running; r != nil {
			t.Errorf("%s: %+v", a.Method, r)
		}
	}
}
