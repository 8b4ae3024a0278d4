package analysis_test

import (
	"math"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/internal/analysis"
)

func relative(x float64) *experiment.Amount {
	return &experiment.Amount{By: experiment.Relative, Value: x}
}

// R 4.2.2: power.prop.test(p1 = .1, p2 = .11, power = .8) gives n = 14750.79 a group; power.t.test(delta = 1, sd = 4, power = .9) by the normal
// formula 2·(1.959964 + 1.281552)²·16 = 336.24. O'Brien and Fleming's classic design of five looks needs 1.02841097815 times the units
// at 5 % and 80 % (rpact 3.3.4).
func TestDesigns(t *testing.T) {
	rate := analysis.DesignQuestion{Kind: "binary", Baseline: 0.1, Effect: relative(0.1)}
	a, err := analysis.Design(rate)
	if err != nil || len(a.Arms) != 2 || math.Abs(float64(a.Arms[0])-14_751) > 1 || a.Units != a.Arms[0]+a.Arms[1] || a.Formula == "" {
		t.Errorf("%+v, %v", a, err)
	}
	mean := analysis.DesignQuestion{Kind: "mean", Baseline: 20, SD: 4, Effect: &experiment.Amount{By: experiment.Absolute, Value: 1}, Power: 0.9}
	if m, err := analysis.Design(mean); err != nil || math.Abs(float64(m.Arms[0])-337) > 2 {
		t.Errorf("%+v, %v", m, err)
	}
	sequential := rate
	sequential.Method, sequential.Spending = experiment.GroupSequential, experiment.ClassicOBrienFleming
	s, err := analysis.Design(sequential)
	if err != nil || math.Abs(s.Inflation-1.02841097815) > 1e-6 || math.Abs(float64(s.Units)/float64(a.Units)-s.Inflation) > 1e-3 {
		t.Errorf("%+v, %v", s, err)
	}
	always := rate
	always.Method = experiment.ConfidenceSequence
	if c, err := analysis.Design(always); err != nil || c.Inflation < 1.5 {
		t.Errorf("%+v, %v", c, err)
	}
	many := rate
	many.Weights = []int64{2, 1, 1}
	if m, err := analysis.Design(many); err != nil || m.Alpha != 0.025 || m.Arms[0] < 2*m.Arms[1]-2 || m.Units <= a.Units {
		t.Errorf("%+v, %v", m, err)
	}

	// What it takes and what it finds are inverse to each other.
	back := rate
	back.Effect, back.Units = nil, a.Units
	if b, err := analysis.Design(back); err != nil || math.Abs(b.Effect.Value-0.1) > 1e-3 || b.Effect.By != experiment.Relative {
		t.Errorf("%+v, %v", b, err)
	}
	back.Effect = rate.Effect
	if b, err := analysis.Design(back); err != nil || math.Abs(b.Power-0.8) > 1e-3 {
		t.Errorf("%+v, %v", b, err)
	}
	unharmed := analysis.DesignQuestion{Kind: "binary", Baseline: 0.1, Margin: relative(0.05), UnitsPerDay: 10_000}
	if u, err := analysis.Design(unharmed); err != nil || u.Days%7 != 0 || u.Days == 0 || !strings.Contains(u.Sentence, "not worse by more than 5 %") {
		t.Errorf("%+v, %v", u, err)
	}
	for _, wrong := range []analysis.DesignQuestion{
		{Kind: "median", Baseline: 1, Units: 100},
		{Kind: "binary", Baseline: 0.1},
		{Kind: "binary", Baseline: 2, Effect: relative(0.1)},
		{Kind: "mean", Baseline: 1, Effect: relative(0.1)},
		{Kind: "binary", Baseline: 0.1, Effect: relative(0.1), Weights: []int64{1}},
		{Kind: "binary", Baseline: 0.1, Effect: relative(0.1), Weights: []int64{1, 0}},
		{Kind: "binary", Baseline: 0.1, Effect: relative(0.1), Method: "guess"},
		{Kind: "binary", Baseline: 0.1, Effect: relative(0.1), Method: experiment.GroupSequential, Looks: 1_000},
		{Kind: "binary", Baseline: 0.1, Effect: relative(0.1), Margin: &experiment.Amount{By: experiment.Absolute, Value: 0.01}},
	} {
		if a, err := analysis.Design(wrong); err == nil {
			t.Errorf("%+v was answered by %+v", wrong, a)
		}
	}
}
