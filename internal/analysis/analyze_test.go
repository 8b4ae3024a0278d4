package analysis_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/internal/analysis"
	"github.com/assayhq/assay/projections/facts"
)

var end = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// world is an experiment with a binary primary metric and a guardrail; rates are per arm.
type world struct {
	units     []int
	primary   []float64
	guardrail []float64
	crossed   int64
	status    experiment.Status
	last      time.Time
}

func (w world) input() analysis.Input {
	if w.status == "" {
		w.status = experiment.StatusStopped
	}
	in := analysis.Input{
		Position: 42,
		Experiment: experiment.State{
			Project: "shop", Key: "test", Name: "Test", Status: w.status,
			Plan: experiment.Plan{
				Hypothesis: "It helps.", Flag: "f", Environment: "production", Unit: "user", Total: domain.Weight(len(w.units)),
				Primary: "conversion", Guardrails: []domain.MetricKey{"refunds"}, PlannedEnd: end,
			},
		},
		Metrics: map[domain.MetricKey]metric.State{
			"conversion": {Key: "conversion", Name: "Conversion", Definition: metric.Definition{Kind: metric.Binary, Event: "buy", Direction: metric.Increase}},
			"refunds":    {Key: "refunds", Name: "Refunds", Definition: metric.Definition{Kind: metric.Binary, Event: "refund", Direction: metric.Decrease}},
		},
		Units: &facts.Units{Position: 42, Values: make([][]float64, 2), WithoutExposure: []int64{0, 0}, Crossovers: w.crossed, LastExposure: w.last},
	}
	for arm, n := range w.units {
		in.Experiment.Plan.Arms = append(in.Experiment.Plan.Arms, experiment.Arm{Variant: domain.VariantKey("arm-" + string(rune('a'+arm))), Weight: 1})
		for i := range n {
			in.Units.Arm = append(in.Units.Arm, uint8(arm))
			for m, rates := range [][]float64{w.primary, w.guardrail} {
				value := 0.0
				if float64(i) < math.Round(rates[arm]*float64(n)) {
					value = 1
				}
				in.Units.Values[m] = append(in.Units.Values[m], value)
			}
		}
	}
	return in
}

// Whether a difference is clear follows from the z test by hand: at 10,000 units an arm and a rate of 10 % the standard error of the
// difference is 0.42 points, so 1 point (z 2.3) is clear and 0.5 points (z 1.2) is not.
func TestVerdicts(t *testing.T) {
	even := []float64{0.02, 0.02}
	for _, c := range []struct {
		name    string
		world   world
		outcome analysis.Outcome
		variant string
		says    string
	}{
		{"a clear improvement ships", world{units: []int{10_000, 10_000}, primary: []float64{0.10, 0.11}, guardrail: even}, analysis.Ship, "arm-b", "from 10.00 % to 11.00 % (+10.0 %"},
		{"a small difference is none", world{units: []int{10_000, 10_000}, primary: []float64{0.10, 0.105}, guardrail: even}, analysis.NoDifference, "", "No clear difference in Conversion"},
		{"a clear loss does not ship", world{units: []int{10_000, 10_000}, primary: []float64{0.11, 0.10}, guardrail: even}, analysis.DoNotShip, "arm-b", "got worse"},
		{"a guardrail that got worse stops an improvement", world{units: []int{10_000, 10_000}, primary: []float64{0.10, 0.12}, guardrail: []float64{0.02, 0.03}}, analysis.DoNotShip, "arm-b", "the guardrail Refunds got worse"},
		{"a guardrail that got better does not", world{units: []int{10_000, 10_000}, primary: []float64{0.10, 0.12}, guardrail: []float64{0.03, 0.02}}, analysis.Ship, "arm-b", "No guardrail got worse"},
		{"a sample ratio mismatch blocks everything", world{units: []int{10_000, 11_000}, primary: []float64{0.10, 0.12}, guardrail: even}, analysis.DoNotTrust, "", "not divided"},
		{"nobody yet is not enough", world{units: []int{0, 0}, primary: even, guardrail: even}, analysis.NotEnough, "", "not enough data yet"},
		{"nobody converted is not enough", world{units: []int{100, 100}, primary: []float64{0, 0}, guardrail: even}, analysis.NotEnough, "", "not enough data yet"},
		{"before the planned end nothing is decided", world{units: []int{10_000, 10_000}, primary: []float64{0.10, 0.12}, guardrail: even, status: experiment.StatusRunning, last: end.Add(-time.Second)}, analysis.NotEnough, "", "runs until 1 March 2026"},
		{"once the data reach it, it is", world{units: []int{10_000, 10_000}, primary: []float64{0.10, 0.12}, guardrail: even, status: experiment.StatusRunning, last: end}, analysis.Ship, "arm-b", ""},
		// z is 2.1 for each of three arms: p 0.036, which one comparison passes and the best of three (Holm: 0.05 / 3) does not.
		{"the best of many must be better than one", world{units: []int{10_000, 10_000, 10_000, 10_000}, primary: []float64{0.10, 0.109, 0.109, 0.109}, guardrail: []float64{0.02, 0.02, 0.02, 0.02}}, analysis.NoDifference, "", ""},
		{"of several arms the better one ships", world{units: []int{10_000, 10_000, 10_000}, primary: []float64{0.10, 0.12, 0.13}, guardrail: []float64{0.02, 0.02, 0.02}}, analysis.Ship, "arm-c", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := analysis.Analyze(c.world.input()).Verdict
			if v.Outcome != c.outcome || v.Variant != c.variant || !strings.Contains(v.Sentence, c.says) {
				t.Errorf("%+v", v)
			}
		})
	}
}

func TestCrossoversAreCountedAndManyOfThemAreAWarning(t *testing.T) {
	few := analysis.Analyze(world{units: []int{1000, 1000}, primary: []float64{.1, .1}, guardrail: []float64{.1, .1}, crossed: 10}.input()).Health.Crossovers
	many := analysis.Analyze(world{units: []int{1000, 1000}, primary: []float64{.1, .1}, guardrail: []float64{.1, .1}, crossed: 100}.input()).Health.Crossovers
	if few.State != analysis.Pass || few.Units != 10 || math.Abs(few.Share-10.0/2010) > 1e-12 || many.State != analysis.Warn {
		t.Errorf("%+v, %+v", few, many)
	}
}

// What is wrong with one metric stays in it.
func TestAMetricThatCannotBeJudgedTakesNoOtherDown(t *testing.T) {
	in := world{units: []int{1000, 1000}, primary: []float64{.1, .2}, guardrail: []float64{0, 0}}.input()
	r := analysis.Analyze(in)
	if r.Verdict.Outcome != analysis.Ship || !strings.HasPrefix(r.Metrics[1].Comparisons[0].Problem, "Not computed: ") {
		t.Errorf("%+v", r)
	}
	delete(in.Metrics, "refunds")
	if r := analysis.Analyze(in); !strings.Contains(r.Metrics[1].Comparisons[0].Problem, "not known") {
		t.Errorf("%+v", r.Metrics[1])
	}
}
