package report

import (
	"math"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/internal/analysis"
)

// The edges follow by hand: a margin of 0.01 of a control at 0.05 is 20 % of it, on the side that is worse.
func TestShadesLieWhereTheMarginAndTheTargetAre(t *testing.T) {
	by := func(b experiment.AmountBy, v float64) experiment.Amount { return experiment.Amount{By: b, Value: v} }
	metric := func(direction string, mean float64) analysis.Metric {
		return analysis.Metric{Direction: direction, Arms: []analysis.MetricArm{{Variant: "off", Mean: mean}, {Variant: "on", Mean: 9}}}
	}
	guard := func(a experiment.Amount) analysis.Effect {
		return analysis.Effect{Variant: "on", Control: "off", Guard: &analysis.Guard{Margin: a}}
	}
	target := func(a experiment.Amount) analysis.Effect {
		return analysis.Effect{Variant: "on", Control: "off", Target: &analysis.Target{Target: a}}
	}
	for name, c := range map[string]struct {
		metric analysis.Metric
		effect analysis.Effect
		class  string
		edge   float64
		above  bool
		none   bool
	}{
		"more errors are worse":               {metric("decrease", 0.05), guard(by(experiment.Absolute, 0.01)), "harm", 0.2, true, false},
		"less revenue is worse":               {metric("increase", 0.05), guard(by(experiment.Relative, 0.02)), "harm", -0.02, false, false},
		"a loss may not get larger":           {metric("increase", -50), guard(by(experiment.Absolute, 5)), "harm", -0.1, false, false},
		"more reach a target":                 {metric("increase", 4), target(by(experiment.Absolute, 1)), "goal", 0.25, true, false},
		"fewer reach a target":                {metric("decrease", 4), target(by(experiment.Relative, 0.1)), "goal", -0.1, false, false},
		"no margin":                           {metric("decrease", 4), guard(by(experiment.Relative, 0)), "", 0, false, true},
		"a margin of nothing":                 {metric("decrease", 0), guard(by(experiment.Absolute, 1)), "", 0, false, true},
		"neither a guardrail nor with target": {metric("decrease", 1), analysis.Effect{Variant: "on", Control: "off"}, "", 0, false, true},
	} {
		z, ok := zoneOf(c.metric, c.effect)
		if ok == c.none || ok && (z.class != c.class || math.Abs(z.edge-c.edge) > 1e-12 || z.above != c.above) {
			t.Errorf("%s: %+v, %t", name, z, ok)
		}
	}
	var b strings.Builder
	z, _ := zoneOf(metric("decrease", 0.05), guard(by(experiment.Absolute, 0.01)))
	z.draw(&b, 100, func(float64) float64 { return 400 })
	if !strings.Contains(b.String(), `<rect x="400.0" y="87.0" width="210.0" height="26"/>`) || !strings.Contains(b.String(), "beyond +20.00") {
		t.Error(b.String())
	}
}
