package analysis_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/internal/analysis"
	"github.com/assayhq/assay/projections/facts"
)

// under gives the world's experiment an analysis, as its start would.
func (w world) under(a experiment.Analysis) analysis.Input {
	in := w.input()
	in.Experiment.Plan.PlannedEnd = time.Time{}
	in.Experiment.Plan.Analysis = a
	in.Experiment.Plan.Analysis = in.Experiment.Plan.Resolved(end.AddDate(0, 0, -30))
	if a.MinRuntimeSeconds == nil {
		in.Experiment.Plan.Analysis.MinRuntimeSeconds = new(int64(0))
	}
	in.Units.FirstAt = make([]int64, len(in.Units.Arm))
	return widened(in)
}

// widened adds the columns that an analysis asks for beside the metrics' own, all 0.
func widened(in analysis.Input) analysis.Input {
	own := in.Units.Values
	in.Units.Values = nil
	for _, m := range analysis.Query(in).Metrics {
		if m.From == 0 && m.Window == 0 && len(own) > 0 {
			in.Units.Values, own = append(in.Units.Values, own[0]), own[1:]
		} else {
			in.Units.Values = append(in.Units.Values, make([]float64, len(in.Units.Arm)))
		}
	}
	in.Units.WithoutExposure = make([]int64, len(in.Units.Values))
	in.Units.Given, in.Units.Each = make([][]bool, len(in.Units.Values)), make([]facts.Singles, len(in.Units.Values))
	return in
}

var even = []float64{0.02, 0.02}

// The oracle is the formula of Waudby-Smith et al. (arXiv 2103.06476, eq. 9 and 155), written down anew: ρ² = s / n* with s - ln(1+s) = -2 ln α.
func TestWithoutAPlannedEndIntervalsAreValidAtEveryMoment(t *testing.T) {
	w := world{units: []int{5_000, 5_000}, primary: []float64{0.10, 0.12}, guardrail: even}
	e := analysis.Analyze(w.under(experiment.Analysis{PlannedUnits: 0})).Metrics[0].Comparisons[0]
	low, high := 1e-9, 100.0
	for range 200 {
		if s := (low + high) / 2; s-math.Log1p(s) < -2*math.Log(0.05) {
			low = s
		} else {
			high = s
		}
	}
	r := 10_000 * low / 10_000
	critical := math.Sqrt(2 * (r + 1) / r * math.Log(math.Sqrt(r+1)/0.05))
	se := math.Sqrt(0.10*0.90/5_000 + 0.12*0.88/5_000)
	if math.Abs(e.Critical-critical) > 1e-9 || math.Abs(e.Difference.Interval.Low-(0.02-critical*se)) > 1e-9 {
		t.Errorf("critical value %v, want %v; %+v", e.Critical, critical, e.Difference)
	}
	if p := math.Sqrt(r+1) * math.Exp(-r/(2*(r+1))*(0.02/se)*(0.02/se)); math.Abs(e.P-p) > 1e-9 {
		t.Errorf("p %v, want %v", e.P, p)
	}
}

// With fixed p values the levels and adjusted p values follow from the papers by hand.
func TestCorrectionsSayTheirLevels(t *testing.T) {
	w := world{units: []int{10_000, 10_000, 10_000, 10_000}, primary: []float64{0.10, 0.12, 0.11, 0.101}, guardrail: []float64{.02, .02, .02, .02}}
	fixed := func(c experiment.Correction) []analysis.Effect {
		return analysis.Analyze(w.under(experiment.Analysis{Method: experiment.Fixed, Correction: c})).Metrics[0].Comparisons
	}
	raw := fixed(experiment.NoCorrection)
	if !(raw[0].P < raw[1].P && raw[1].P < 0.05/2 && raw[2].P > 0.05) {
		t.Fatalf("the p values %v, %v, %v do not serve", raw[0].P, raw[1].P, raw[2].P)
	}
	for c, want := range map[experiment.Correction][3][2]float64{ // level and factor of p
		experiment.Holm:         {{0.05 / 3, 3}, {0.05 / 2, 2}, {0.05, 1}},
		experiment.Bonferroni:   {{0.05 / 3, 3}, {0.05 / 3, 3}, {0.05 / 3, 3}},
		experiment.BH:           {{0.05 * 2 / 3, 3}, {0.05 * 2 / 3, 1.5}, {0.05 * 2 / 3, 1}},
		experiment.NoCorrection: {{0.05, 1}, {0.05, 1}, {0.05, 1}},
	} {
		for i, e := range fixed(c) {
			adjusted := math.Min(1, raw[i].P*want[i][1])
			if math.Abs(*e.Level-want[i][0]) > 1e-12 || math.Abs(*e.AdjustedP-adjusted) > 1e-9*adjusted || e.Family != "primary" {
				t.Errorf("%s, arm %d: level %v and p %v, want %v and %v", c, i, *e.Level, *e.AdjustedP, want[i][0], adjusted)
			}
		}
	}
}

// Under every method and correction: the interval, the relative interval, the word and the corrected p value say the same.
func TestPIntervalsAndWordsNeverContradictEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		arms := rapid.IntRange(2, 4).Draw(t, "arms")
		w := world{}
		for range arms {
			w.units = append(w.units, rapid.IntRange(200, 3_000).Draw(t, "units"))
			w.primary = append(w.primary, rapid.Float64Range(0.05, 0.2).Draw(t, "rate"))
			w.guardrail = append(w.guardrail, 0.02)
		}
		a := experiment.Analysis{
			Method:       rapid.SampledFrom([]experiment.Method{experiment.Fixed, experiment.ConfidenceSequence, experiment.GroupSequential, experiment.MixtureSPRT}).Draw(t, "method"),
			Correction:   rapid.SampledFrom([]experiment.Correction{experiment.Holm, experiment.Bonferroni, experiment.BH, experiment.NoCorrection}).Draw(t, "correction"),
			PlannedUnits: 10_000,
		}
		if a.Method == experiment.MixtureSPRT {
			a.Mixture = rapid.SampledFrom([]experiment.Amount{{By: experiment.Relative, Value: 0.1}, {By: experiment.Absolute, Value: 0.01}}).Draw(t, "mixture")
		}
		if a.Method.AlwaysValid() && rapid.Bool().Draw(t, "by e-values") {
			a.Correction = experiment.EBH
		}
		in := w.under(a)
		if a.Method == experiment.GroupSequential {
			in.Look = &analysis.NewLook{Fraction: rapid.SampledFrom([]float64{0.3, 0.6, 1}).Draw(t, "fraction")}
			in.Look.Final = in.Look.Fraction == 1
		}
		for _, e := range analysis.Analyze(in).Metrics[0].Comparisons {
			if e.Problem != "" {
				t.Fatal(e.Problem)
			}
			clear := e.Word != analysis.Unclear
			if excludes := e.Difference.Interval.Low > 0 || e.Difference.Interval.High < 0; excludes != clear || clear != (*e.AdjustedP < 0.05) {
				t.Fatalf("the interval, the word and the corrected p value differ: %+v, level %v, p %v", e, *e.Level, *e.AdjustedP)
			}
			if r := e.Relative; !r.Unbounded && (*r.Low > 0 || *r.High < 0) != clear {
				t.Fatalf("the relative interval says something else: %+v", *r)
			}
		}
	})
}

// The bounds come from a hand calculation with the one-sided always-valid critical value (eq. 134): at 20,000 units tuned for 10,000 it is about
// 2.64 at 5 %, so with rates near 10 % and 10,000 units an arm (standard error 0.42 points) 1.1 points either way are shown.
func TestGuardrailsAreJudgedAgainstTheirMargin(t *testing.T) {
	for _, c := range []struct {
		name    string
		rates   []float64
		margin  float64
		state   analysis.GuardState
		outcome analysis.Outcome
	}{
		{"clear harm", []float64{0.10, 0.12}, 0, analysis.GuardBreached, analysis.DoNotShip},
		{"no harm is shown, nor its absence", []float64{0.10, 0.103}, 0, analysis.GuardOpen, analysis.Ship},
		{"clearly better", []float64{0.12, 0.10}, 0, analysis.GuardHolds, analysis.Ship},
		{"within a wide margin", []float64{0.10, 0.10}, 0.15, analysis.GuardHolds, analysis.Ship},
		{"a narrow margin takes more data", []float64{0.10, 0.10}, 0.02, analysis.GuardOpen, analysis.NotEnough},
		{"harm within the margin is no breach", []float64{0.10, 0.115}, 0.10, analysis.GuardOpen, analysis.NotEnough},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := world{units: []int{10_000, 10_000}, primary: []float64{0.10, 0.13}, guardrail: c.rates}
			a := experiment.Analysis{}
			if c.margin > 0 {
				a.Margins = []experiment.Margin{{Metric: "refunds", Amount: experiment.Amount{By: experiment.Relative, Value: c.margin}}}
			}
			r := analysis.Analyze(w.under(a))
			if g := r.Metrics[1].Comparisons[0].Guard; g == nil || g.State != c.state || r.Verdict.Outcome != c.outcome {
				t.Errorf("%+v, %+v", g, r.Verdict)
			}
		})
	}
}

func TestATargetIsReachedMissedOrOpen(t *testing.T) {
	for value, want := range map[float64]string{0.02: "is reached", 0.20: "is not shown yet", 0.9: "is missed"} {
		w := world{units: []int{20_000, 20_000}, primary: []float64{0.10, 0.12}, guardrail: even}
		e := analysis.Analyze(w.under(experiment.Analysis{Target: experiment.Amount{By: experiment.Relative, Value: value}})).Metrics[0].Comparisons[0]
		if e.Target == nil || !strings.Contains(e.Target.Sentence, want) || e.Target.Reached != (want == "is reached") || e.Target.Missed != (want == "is missed") {
			t.Errorf("a target of %v: %+v", value, e.Target)
		}
	}
}

func TestNothingWinsBeforeItsTime(t *testing.T) {
	w := world{units: []int{10_000, 10_000}, primary: []float64{0.10, 0.13}, guardrail: even, status: experiment.StatusRunning}
	in := w.under(experiment.Analysis{MinRuntimeSeconds: new(int64(7 * 86_400))})
	in.Units.FirstExposure, in.Units.LastExposure = end, end.AddDate(0, 0, 6)
	r := analysis.Analyze(in)
	if r.Verdict.Outcome != analysis.NotEnough || r.Verdict.Variant != "arm-b" || !strings.Contains(r.Verdict.Sentence, "6 days") {
		t.Errorf("%+v", r.Verdict)
	}
	in.Units.LastExposure = end.AddDate(0, 0, 7)
	if v := analysis.Analyze(in).Verdict; v.Outcome != analysis.Ship {
		t.Errorf("%+v", v)
	}
	w.guardrail = []float64{0.02, 0.04}
	in = w.under(experiment.Analysis{MinRuntimeSeconds: new(int64(7 * 86_400))})
	in.Units.FirstExposure, in.Units.LastExposure = end, end.Add(time.Hour)
	if v := analysis.Analyze(in).Verdict; v.Outcome != analysis.DoNotShip {
		t.Errorf("harm does not wait: %+v", v)
	}
}

// In a group sequential design only looks conclude.
func TestLooksConclude(t *testing.T) {
	w := world{units: []int{10_000, 10_000}, primary: []float64{0.10, 0.13}, guardrail: even, status: experiment.StatusRunning}
	a := experiment.Analysis{Method: experiment.GroupSequential, PlannedUnits: 100_000, Looks: 5}
	in := w.under(a)
	r := analysis.Analyze(in)
	if r.Verdict.Outcome != analysis.NotEnough || !strings.Contains(r.Verdict.Sentence, "no look") || r.Looks.NextFraction != 0.2 || r.Looks.Planned != 5 {
		t.Errorf("without a look: %+v, %+v", r.Verdict, r.Looks)
	}
	in.Look = &analysis.NewLook{Planned: 1, Fraction: 0.2}
	if r = analysis.Analyze(in); r.Verdict.Outcome != analysis.Ship || math.Abs(r.Metrics[0].Comparisons[0].Critical-4.8769) > 1e-4 {
		t.Errorf("z is 6.6, the boundary 4.8769: %+v, %+v", r.Verdict, r.Metrics[0].Comparisons[0])
	}
	w.primary = []float64{0.10, 0.115} // z 3.4
	in = w.under(a)
	in.Look = &analysis.NewLook{Planned: 1, Fraction: 0.2}
	if r = analysis.Analyze(in); r.Verdict.Outcome != analysis.NotEnough || !strings.Contains(r.Verdict.Sentence, "no boundary was crossed at look 1") {
		t.Errorf("%+v", r.Verdict)
	}
	// rpact 3.3.4: the second of five equal looks has the boundary 3.3570.
	in.Experiment.Readings = []experiment.Reading{{Look: 1, Planned: 1, Fraction: 0.2, Position: 1, Units: []int64{1, 1}}}
	in.Look = &analysis.NewLook{Planned: 2, Fraction: 0.4}
	if r = analysis.Analyze(in); r.Verdict.Outcome != analysis.Ship || math.Abs(r.Metrics[0].Comparisons[0].Critical-3.3570) > 1e-4 {
		t.Errorf("%+v, %+v", r.Verdict, r.Metrics[0].Comparisons[0])
	}
	// Classic bounds of five looks (Jennison and Turnbull 2000): O'Brien and Fleming 2.0401·√(5/2), Pocock 2.4132.
	for spending, bound := range map[experiment.Spending]float64{experiment.ClassicOBrienFleming: 3.2256, experiment.ClassicPocock: 2.4132} {
		a.Spending = spending
		in := w.under(a)
		in.Experiment.Readings = []experiment.Reading{{Look: 1, Planned: 1, Fraction: 0.2, Position: 1, Units: []int64{1, 1}}}
		in.Look = &analysis.NewLook{Planned: 2, Fraction: 0.4}
		if e := analysis.Analyze(in).Metrics[0].Comparisons[0]; math.Abs(e.Critical-bound) > 1e-4 {
			t.Errorf("%s: boundary %v, want %v", spending, e.Critical, bound)
		}
	}
	// Readings in a fixed design are counted, and said to be a danger.
	in = w.under(experiment.Analysis{Method: experiment.Fixed})
	in.Experiment.Readings = make([]experiment.Reading, 3)
	if r = analysis.Analyze(in); !strings.Contains(r.Looks.Sentence, "3 looks were recorded") || !strings.Contains(r.Looks.Sentence, "false alarms") {
		t.Errorf("%+v", r.Looks)
	}
}

func TestWhenLooksAreDue(t *testing.T) {
	begin := end.AddDate(0, 0, -10)
	plan := experiment.Plan{PlannedEnd: end}
	byUnits := experiment.Plan{PlannedEnd: end, Analysis: experiment.Analysis{PlannedUnits: 1_000}}
	for _, c := range []struct {
		plan  experiment.Plan
		at    time.Time
		units int64
		want  float64
	}{
		{plan, begin, 0, 0},
		{plan, begin.AddDate(0, 0, 5), 0, 0.5},
		{plan, end, 0, 1},
		{plan, end.AddDate(1, 0, 0), 0, 1},
		{byUnits, begin.AddDate(0, 0, 9), 250, 0.25},
		{byUnits, begin, 2_000, 1},
		{byUnits, end, 1, 1},
		{experiment.Plan{}, begin, 5, 1},
	} {
		if got := analysis.Fraction(c.plan, begin, c.at, c.units); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%+v: %v", c, got)
		}
	}
	a := experiment.Analysis{Method: experiment.GroupSequential, Looks: 5}
	taken := func(planned int, fraction float64) experiment.Reading {
		return experiment.Reading{Planned: planned, Fraction: fraction, Final: fraction == 1}
	}
	for _, c := range []struct {
		name     string
		readings []experiment.Reading
		fraction float64
		want     int
	}{
		{"none before the first", nil, 0.19, 0},
		{"the first", nil, 0.2, 1},
		{"overdue ones are one", nil, 0.7, 3},
		{"the last", nil, 1, 5},
		{"none twice", []experiment.Reading{taken(1, 0.2)}, 0.39, 0},
		{"the next", []experiment.Reading{taken(1, 0.2)}, 0.4, 2},
		{"one in between stands for a planned one that saw no more", []experiment.Reading{taken(0, 0.45)}, 0.45, 0},
		{"after the last there is none", []experiment.Reading{taken(5, 1)}, 1, 0},
	} {
		if got := analysis.Due(a, c.readings, c.fraction); got != c.want {
			t.Errorf("%s: look %d, want %d", c.name, got, c.want)
		}
	}
}

// Nobody against fifty: the peers report p = 1 and no effect. Fisher's exact p is 1.7e-15 (R: fisher.test), its mid-p is half of that less
// what the far tail has. The score test has z = 0.005/√(0.0025·0.9975·2/10,000·N/(N-1)) = 7.080, p 1.4e-12.
func TestSmallCountsAreJudgedExactly(t *testing.T) {
	w := world{units: []int{10_000, 10_000}, primary: []float64{0, 0.005}, guardrail: even}
	r := analysis.Analyze(w.under(experiment.Analysis{Method: experiment.Fixed}))
	e := r.Metrics[0].Comparisons[0]
	z := 0.005 / math.Sqrt(0.0025*0.9975*2/10_000*20_000/19_999)
	if math.Abs(e.Statistic-z) > 1e-9 || math.Abs(e.P-math.Erfc(z/math.Sqrt2)) > 1e-15 || e.Difference.Interval.Low <= 0 || e.Word != analysis.Better || r.Verdict.Outcome != analysis.Ship {
		t.Errorf("%+v, %+v", e, r.Verdict)
	}
	if e.Exact == nil || !(e.Exact.P < 1.7e-15 && e.Exact.P > 5e-16) || !strings.Contains(e.Exact.Method, "Fisher") {
		t.Errorf("%+v", e.Exact)
	}
	w.primary = []float64{0, 0}
	if e := analysis.Analyze(w.under(experiment.Analysis{})).Metrics[0].Comparisons[0]; e.Problem != "" || e.P != 1 || e.Word != analysis.Unclear {
		t.Errorf("nobody in either arm: %+v", e)
	}
}

// An experiment from before plans had an analysis gives what a fixed analysis without a correction gives, but for what the rules added.
func TestOldPlansAreJudgedAsTheyWere(t *testing.T) {
	w := world{units: []int{10_000, 10_000, 10_000}, primary: []float64{0.10, 0.11, 0.108}, guardrail: []float64{0.02, 0.021, 0.019}}
	in := w.input()
	in.Units.FirstAt = make([]int64, len(in.Units.Arm))
	old := analysis.Analyze(in)
	for i, e := range old.Metrics[0].Comparisons {
		p1, p2 := w.primary[0], w.primary[i+1]
		se := math.Sqrt(p1*(1-p1)/10_000 + p2*(1-p2)/10_000)
		if math.Abs(e.Critical-1.959963984540054) > 1e-12 || math.Abs(e.Difference.Interval.Low-(p2-p1-1.959963984540054*se)) > 1e-12 || e.Level != nil || e.Guard != nil {
			t.Errorf("%+v", e)
		}
	}
	if g := old.Metrics[1].Comparisons[0]; g.Guard != nil || math.Abs(g.Critical-1.959963984540054) > 1e-12 || old.Looks != nil || len(old.Health.Checks) != 0 {
		t.Errorf("%+v, %+v", g, old.Looks)
	}
}

func TestTheSameInputGivesTheSameBytes(t *testing.T) {
	w := world{units: []int{2_000, 2_000}, primary: []float64{0.10, 0.12}, guardrail: even}
	a := experiment.Analysis{Method: experiment.GroupSequential, PlannedUnits: 5_000, Bayesian: &experiment.Bayesian{}}
	first, err := json.Marshal(analysis.Analyze(w.under(a)))
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if again, err := json.Marshal(analysis.Analyze(w.under(a))); err != nil || !slices.Equal(first, again) {
			t.Fatalf("%v\n%s\n%s", err, first, again)
		}
	}
}
