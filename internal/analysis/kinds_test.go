package analysis_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/internal/analysis"
	"github.com/assayhq/assay/projections/facts"
)

// table is an experiment with one metric and columns as the facts hand them out: those of the metric first.
type table struct {
	d        metric.Definition
	analysis experiment.Analysis
	arm      []uint8
	columns  [][]float64
	given    []bool
	singles  facts.Singles
	firstAt  []int64
	horizon  time.Time
	segments []string // of each dimension
	others   map[domain.MetricKey]metric.Definition
	look     *analysis.NewLook
	guarded  bool // the metric is a guardrail, too, under another key
}

func (tb table) analyze(t *testing.T) analysis.Result {
	t.Helper()
	tb.d.Event, tb.d.Direction = "e", metric.Increase
	in := analysis.Input{
		Position: 1,
		Experiment: experiment.State{Project: "p", Key: "x", Name: "x", Status: experiment.StatusStopped, Plan: experiment.Plan{
			Hypothesis: "h", Flag: "f", Environment: "production", Unit: "user", Total: 2, Primary: "m",
			Arms: []experiment.Arm{{Variant: "a", Weight: 1}, {Variant: "b", Weight: 1}}, Analysis: tb.analysis,
		}},
		Metrics: map[domain.MetricKey]metric.State{"m": {Key: "m", Name: "M", Definition: tb.d}},
	}
	for key, d := range tb.others {
		in.Metrics[key] = metric.State{Key: key, Name: string(key), Definition: d}
	}
	in.Look = tb.look
	if tb.guarded {
		in.Experiment.Plan.Guardrails = []domain.MetricKey{"guard"}
		in.Metrics["guard"] = metric.State{Key: "guard", Name: "Guard", Definition: tb.d}
	}
	if tb.analysis.Method == "" {
		in.Experiment.Plan.Analysis.Method = experiment.Fixed
	}
	in.Experiment.Plan.Analysis.MinRuntimeSeconds = new(int64(0))
	in.Experiment.Plan.Analysis = in.Experiment.Plan.Resolved(end)
	n := len(tb.arm)
	u := &facts.Units{Position: 1, Arm: tb.arm, FirstAt: tb.firstAt, Horizon: tb.horizon}
	if u.FirstAt == nil {
		u.FirstAt = make([]int64, n)
	}
	q := analysis.Query(in)
	for i := range q.Metrics {
		column := make([]float64, n)
		if i < len(tb.columns) {
			column = tb.columns[i]
		}
		u.Values = append(u.Values, column)
		u.Given, u.Each = append(u.Given, nil), append(u.Each, facts.Singles{})
		u.WithoutExposure = append(u.WithoutExposure, 0)
	}
	u.Given[0], u.Each[0] = tb.given, tb.singles
	for _, attribute := range q.Dimensions {
		d := facts.Dimension{Attribute: attribute, Values: slices.Compact(slices.Sorted(slices.Values(tb.segments))), Of: make([]int32, n)}
		for i, s := range tb.segments {
			d.Of[i] = int32(slices.Index(d.Values, s))
		}
		u.Dimensions = append(u.Dimensions, d)
	}
	in.Units = u
	return analysis.Analyze(in)
}

func arms(n int) []uint8 {
	out := make([]uint8, n)
	for i := range out {
		out[i] = uint8(i % 2)
	}
	return out
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Max(1, math.Abs(want))) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// draw makes n numbers; the seed is fixed, so the oracle below sees the same.
func draw(n int, seed uint64, number func(r *rand.Rand, i int) float64) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]float64, n)
	for i := range out {
		out[i] = number(r, i)
	}
	return out
}

// The oracle is the delta method by residuals: Var(R) = Σ(x - R y)² / (n-1) / n / ȳ² (Deng, Knoblich and Lu 2018, equation 3).
func ratioOracle(arm []uint8, x, y []float64, of uint8) (ratio, variance float64) {
	var sx, sy, n float64
	for i := range x {
		if arm[i] == of {
			sx, sy, n = sx+x[i], sy+y[i], n+1
		}
	}
	ratio = sx / sy
	for i := range x {
		if arm[i] == of {
			variance += (x[i] - ratio*y[i]) * (x[i] - ratio*y[i])
		}
	}
	return ratio, variance / (n - 1) / n / (sy / n * sy / n)
}

func TestARatioDividesTotals(t *testing.T) {
	const n = 2_000
	visits := draw(n, 1, func(r *rand.Rand, _ int) float64 { return float64(1 + r.IntN(9)) })
	spend := draw(n, 2, func(r *rand.Rand, i int) float64 { return visits[i]*2 + r.Float64()*float64(1+i%2) })
	m := table{d: metric.Definition{Kind: metric.Ratio, Numerator: metric.SumOf, Denominator: metric.CountOf, DenominatorEvent: "v"}, arm: arms(n), columns: [][]float64{spend, visits}}.analyze(t).Metrics[0]
	a, va := ratioOracle(arms(n), spend, visits, 0)
	b, vb := ratioOracle(arms(n), spend, visits, 1)
	near(t, "control", m.Arms[0].Mean, a, 1e-12)
	near(t, "difference", m.Comparisons[0].Difference.Value, b-a, 1e-9)
	near(t, "standard error", m.Comparisons[0].Difference.SE, math.Sqrt(va+vb), 1e-9)
	if m.Arms[0].Denominator == nil || m.Arms[0].Interval == nil || !strings.Contains(m.Comparisons[0].Method, "ratio") {
		t.Errorf("%+v", m)
	}
}

// 500 events over 10,000 days against 400: with the units' own rates equal within an arm the delta method gives nearly Poisson's error.
func TestARateCountsEventsPerDayUnderObservation(t *testing.T) {
	const n = 4_000
	first := make([]int64, n)
	for i := range first {
		first[i] = int64(i%5) * int64(24*time.Hour)
	}
	horizon := time.Unix(0, int64(10*24*time.Hour))
	days := make([]float64, n)
	for i := range days {
		days[i] = min(7, 10-float64(i%5))
	}
	events := draw(n, 3, func(r *rand.Rand, i int) float64 { return float64(r.IntN(2 + i%2)) })
	tb := table{d: metric.Definition{Kind: metric.Rate, WindowSeconds: 7 * 86_400}, arm: arms(n), columns: [][]float64{events}, firstAt: first, horizon: horizon}
	m := tb.analyze(t).Metrics[0]
	a, va := ratioOracle(tb.arm, events, days, 0)
	b, vb := ratioOracle(tb.arm, events, days, 1)
	near(t, "rate", m.Arms[0].Mean, a, 1e-12)
	near(t, "difference", m.Comparisons[0].Difference.Value, b-a, 1e-9)
	near(t, "standard error", m.Comparisons[0].Difference.SE, math.Sqrt(va+vb), 1e-9)

	// Few events: 1 against 12 over equal times is a fair coin thrown 13 times, two-sided mid-p 2·(1/2^13 + 13/2^14)... written out below.
	few := make([]float64, n)
	for i := range 26 {
		if i%2 == 1 && i < 24 || i == 0 {
			few[i] = 1
		}
	}
	tb.columns, tb.firstAt = [][]float64{few}, make([]int64, n)
	e := tb.analyze(t).Metrics[0].Comparisons[0]
	coin := math.Pow(0.5, 13)
	near(t, "exact mid-p", e.P, 2*(1*coin+13*coin)-0.5*13*coin, 1e-9)
	if !strings.Contains(e.Method, "exact") {
		t.Error(e.Method)
	}
}

// With one value per unit the units are no clusters: the oracle is the order statistics' outer interval at q ∓ 1.96·√(q(1-q)/n).
func TestAQuantileLooksAtSingleValues(t *testing.T) {
	const n = 4_000
	values := draw(n, 4, func(r *rand.Rand, i int) float64 { return r.ExpFloat64() * (1 + 0.2*float64(i%2)) })
	tb := table{d: metric.Definition{Kind: metric.Quantile, Quantile: 0.95}, arm: arms(n), columns: [][]float64{make([]float64, n)}}
	for i, v := range values {
		tb.singles.Row, tb.singles.Value = append(tb.singles.Row, int32(i)), append(tb.singles.Value, v)
	}
	m := tb.analyze(t).Metrics[0]
	at := func(arm int, q float64) float64 {
		var own []float64
		for i, v := range values {
			if i%2 == arm {
				own = append(own, v)
			}
		}
		slices.Sort(own)
		k := q * float64(len(own)-1)
		i := int(k)
		return own[i] + (k-float64(i))*(own[min(i+1, len(own)-1)]-own[i])
	}
	near(t, "control's quantile", m.Arms[0].Mean, at(0, 0.95), 1e-12)
	near(t, "difference", m.Comparisons[0].Difference.Value, at(1, 0.95)-at(0, 0.95), 1e-12)
	half := 1.959963984540054 * math.Sqrt(0.95*0.05/2_000)
	var variance float64
	for arm := range 2 {
		se := (at(arm, 0.95+half) - at(arm, 0.95-half)) / (2 * 1.959963984540054)
		variance += se * se
	}
	near(t, "standard error", m.Comparisons[0].Difference.SE, math.Sqrt(variance), 2e-3) // n - 1 against n, and n* within rounding

	// Ten copies of each value in a unit are still one unit: the standard error stays.
	copies := tb
	copies.singles = facts.Singles{}
	for i, v := range values {
		for range 10 {
			copies.singles.Row, copies.singles.Value = append(copies.singles.Row, int32(i)), append(copies.singles.Value, v)
		}
	}
	c := copies.analyze(t).Metrics[0]
	near(t, "standard error with copies", c.Comparisons[0].Difference.SE, m.Comparisons[0].Difference.SE, 0.1*m.Comparisons[0].Difference.SE)
}

// NPS by hand: of 400 answers an arm 50 % promoters and 20 % detractors make 30, its variance per answer is 100²·(0.7 - 0.09).
func TestSurveysCountOnlyWhoAnswered(t *testing.T) {
	const n = 2_000
	answers, given := make([]float64, n), make([]bool, n)
	for i := range 800 {
		given[i] = true
		answers[i] = []float64{9, 10, 9, 10, 10, 8, 7, 7, 3, 6}[(i/2)%10]
		if i%2 == 1 && (i/2)%10 == 8 {
			answers[i] = 9 // one detractor in ten of the treatment becomes a promoter
		}
	}
	m := table{d: metric.Definition{Kind: metric.NPS}, arm: arms(n), columns: [][]float64{answers}, given: given}.analyze(t).Metrics[0]
	if m.Arms[0].Units != 400 || m.Arms[0].Mean != 30 || m.Comparisons[0].Difference.Value != 20 {
		t.Errorf("%+v", m.Arms)
	}
	// The treatment has 60 % and 10 %: 100²·(0.7 - 0.25). With n - 1 as for any mean.
	near(t, "standard error", m.Comparisons[0].Difference.SE, 100*math.Sqrt((0.61+0.45)/399), 1e-9)

	m = table{d: metric.Definition{Kind: metric.CSAT, Satisfied: 8}, arm: arms(n), columns: [][]float64{answers}, given: given}.analyze(t).Metrics[0]
	if *m.Arms[0].Conversions != 240 || m.Arms[0].Mean != 0.6 || m.Arms[1].Mean != 0.7 {
		t.Errorf("%+v", m.Arms)
	}
	near(t, "standard error", m.Comparisons[0].Difference.SE, math.Sqrt(0.24/400+0.21/400), 1e-12)
}

func TestCapsAreThoseOfAllArmsAndRefusedWhenNothingIsLeft(t *testing.T) {
	const n = 1_000
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(i)
	}
	values[n-1] = 1e9
	d := metric.Definition{Kind: metric.Mean, Winsorize: metric.Winsorize{Lower: metric.Cap{By: metric.ByValue, At: 10}, Upper: metric.Cap{By: metric.ByPercentile, At: 99}}}
	m := table{d: d, arm: arms(n), columns: [][]float64{values}}.analyze(t).Metrics[0]
	near(t, "the 99th percentile of 0 … 999", *m.Capped.Upper, 0.99*999, 1e-12)
	if *m.Capped.Lower != 10 || m.Capped.Units[0]+m.Capped.Units[1] != 10+10 || m.Arms[1].Mean > 600 {
		t.Errorf("%+v, %+v", m.Capped, m.Arms)
	}
	rare := make([]float64, n)
	rare[0] = 5
	d.Winsorize.Lower = metric.Cap{}
	e := table{d: d, arm: arms(n), columns: [][]float64{rare}}.analyze(t).Metrics[0].Comparisons[0]
	if !strings.Contains(e.Problem, "nothing is left of it") {
		t.Errorf("%+v", e)
	}
}

// The metric is twice the covariate plus noise of variance 1: 80 % of the variance goes (4·1 of 4·1 + 1).
func TestACovariateTakesItsVarianceAway(t *testing.T) {
	const n = 20_000
	before := draw(n, 5, func(r *rand.Rand, _ int) float64 { return r.NormFloat64() })
	value := draw(n, 6, func(r *rand.Rand, i int) float64 { return 2*before[i] + r.NormFloat64() + 0.1*float64(i%2) })
	tb := table{d: metric.Definition{Kind: metric.Mean, CovariateDays: 14}, arm: arms(n), columns: [][]float64{value, before}}
	m := tb.analyze(t).Metrics[0]
	a := m.Adjusted.Comparisons[0]
	near(t, "theta", a.Theta, 2, 0.02)
	near(t, "variance reduction", a.VarianceReduction, 0.8, 0.02)
	near(t, "difference", m.Comparisons[0].Difference.Value, 0.1, 0.05)
	if !(m.Comparisons[0].Difference.SE < 0.5*a.Unadjusted.SE) {
		t.Errorf("%+v against %+v", m.Comparisons[0].Difference, a.Unadjusted)
	}
	tb.analysis.CUPED = experiment.Off
	tb.columns = tb.columns[:1]
	if m := tb.analyze(t).Metrics[0]; m.Adjusted != nil || math.Abs(m.Comparisons[0].Difference.SE-a.Unadjusted.SE) > 1e-12 {
		t.Errorf("switched off: %+v", m.Adjusted)
	}
}

// The effect is +10 points in one segment and -10 in the other: z of the interaction is about 0.2/√(2·2·0.25/1000·2), far beyond chance.
func TestSegmentsAreAPartitionAndTellWhenEffectsDiffer(t *testing.T) {
	const n = 4_000
	value, segments := make([]float64, n), make([]string, n)
	for i := range n {
		segments[i] = []string{"free", "paid"}[(i/2)%2]
		rate := 0.5
		if i%2 == 1 {
			rate += map[string]float64{"free": 0.1, "paid": -0.1}[segments[i]]
		}
		if float64((i/4)%100)/100 < rate {
			value[i] = 1
		}
	}
	tb := table{d: metric.Definition{Kind: metric.Binary}, arm: arms(n), columns: [][]float64{value}, segments: segments, analysis: experiment.Analysis{Segments: []string{"plan"}}}
	r := tb.analyze(t)
	s := r.Segments[0]
	if len(s.Segments) != 2 || s.Segments[0].Comparisons[0].Word == s.Segments[1].Comparisons[0].Word || !(s.Interactions[0].P < 1e-6) {
		t.Errorf("%+v", s)
	}
	var units int64
	for _, one := range s.Segments {
		units += one.Arms[0].Units + one.Arms[1].Units
	}
	if units != n {
		t.Errorf("the segments have %d units of %d", units, n)
	}
}

func check(r analysis.Result, name string) analysis.Check {
	for _, c := range r.Health.Checks {
		if strings.HasPrefix(c.Name, name) {
			return c
		}
	}
	return analysis.Check{}
}

func TestHealthChecksFindWhatIsWrongAndNothingElse(t *testing.T) {
	const n = 6_000
	const day = int64(24 * time.Hour)
	noise := draw(n, 7, func(r *rand.Rand, _ int) float64 { return float64(r.IntN(3)) })
	first := make([]int64, n)
	for i := range first {
		first[i] = int64(i/1_000) * day
	}
	horizon := time.Unix(0, 30*day)
	healthy := table{d: metric.Definition{Kind: metric.Mean, CovariateDays: 7}, arm: arms(n), columns: [][]float64{noise, noise, noise, noise}, firstAt: first, horizon: horizon}
	r := healthy.analyze(t)
	for _, name := range []string{"Sample ratio by day", "Novelty", "Before the exposure"} {
		if c := check(r, name); c.State != analysis.Pass {
			t.Errorf("of a healthy experiment: %+v", c)
		}
	}
	if r.Health.SRM.SequentialP == nil || *r.Health.SRM.SequentialP < 0.5 || check(r, "Too good").State != "" {
		t.Errorf("%+v", r.Health)
	}

	// On one day of six most units of the control are lost.
	sick := healthy
	sick.arm = arms(n)
	for i := 2_000; i < 2_400; i++ {
		sick.arm[i] = 1
	}
	if c := check(sick.analyze(t), "Sample ratio by day"); c.State != analysis.Warn || !strings.Contains(c.Sentence, "3 January 1970") {
		t.Errorf("%+v", c)
	}
	// In the first week the treatment does 7 more, afterwards nothing more.
	sick = healthy
	early, late := make([]float64, n), slices.Repeat([]float64{0}, n)
	for i := range early {
		early[i] = noise[i] + 7*float64(i%2)
		late[i] = noise[i]
	}
	sick.columns = [][]float64{noise, noise, early, late}
	if c := check(sick.analyze(t), "Novelty"); c.State != analysis.Warn {
		t.Errorf("%+v", c)
	}
	// The arms differ before anybody is exposed.
	sick.columns = [][]float64{noise, early, noise, noise}
	if c := check(sick.analyze(t), "Before the exposure"); c.State != analysis.Warn {
		t.Errorf("%+v", c)
	}
	// The treatment does ten times as much.
	tenfold := make([]float64, n)
	for i := range tenfold {
		tenfold[i] = noise[i] * (1 + 9*float64(i%2))
	}
	sick.columns = [][]float64{tenfold, noise, noise, noise}
	if c := check(sick.analyze(t), "Too good"); c.State != analysis.Warn {
		t.Errorf("%+v", c)
	}
}
