package analysis_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/internal/analysis"
)

var byRanks = []experiment.MetricTest{{Metric: "m", Test: experiment.MannWhitney}}

// The oracle counts all pairs: U by definition, its variance n_a n_b (n+1)/12 without ties, the median and the ranked ends of all differences. One
// customer of the control spends more than all others together, so that a test of means sees nothing.
func TestAMetricIsComparedByRanks(t *testing.T) {
	const n = 400
	spend := draw(n, 21, func(r *rand.Rand, i int) float64 { return r.ExpFloat64() + 0.4*float64(i%2) })
	spend[0] = 5_000
	tb := table{d: metric.Definition{Kind: metric.Mean}, arm: arms(n), columns: [][]float64{spend}}
	if plain := tb.analyze(t).Metrics[0]; plain.Test != "" || plain.Comparisons[0].Word != analysis.Unclear || plain.Comparisons[0].Rank != nil {
		t.Errorf("by means: %+v", plain.Comparisons[0])
	}
	tb.analysis.Tests = byRanks
	r := tb.analyze(t)
	m, e := r.Metrics[0], r.Metrics[0].Comparisons[0]
	u, all := 0.0, []float64{}
	for i := 0; i < n; i += 2 {
		for j := 1; j < n; j += 2 {
			all = append(all, spend[j]-spend[i])
			if spend[j] > spend[i] {
				u++
			}
		}
	}
	slices.Sort(all)
	sd := math.Sqrt(200 * 200 * 401 / 12.0)
	z := (u - 200*200/2) / sd
	near(t, "z", e.Statistic, z, 1e-12)
	near(t, "p", e.P, math.Erfc(z/math.Sqrt2), 1e-10)
	near(t, "difference", e.Difference.Value, u/40_000-0.5, 1e-12)
	near(t, "superiority", e.Rank.Superiority, u/40_000, 1e-12)
	near(t, "shift", e.Rank.Shift, (all[19_999]+all[20_000])/2, 1e-12)
	k := int(math.Floor(20_000-1.959963984540054*sd)) + 1
	near(t, "shift from", e.Rank.Range.Low, all[k-1], 0)
	near(t, "shift to", e.Rank.Range.High, all[40_000-k], 0)
	if m.Test != "mann_whitney" || e.Method != "Mann-Whitney test" || e.Rule != "fixed horizon" || e.Relative != nil || e.Word != analysis.Better || e.Difference.Interval.Low <= 0 || r.Verdict.Outcome != analysis.Ship {
		t.Errorf("%+v, %+v", e, r.Verdict)
	}
	if !strings.Contains(r.Verdict.Sentence, "with a probability of") || !slices.ContainsFunc(r.Plan.Sentences, func(s string) bool { return strings.Contains(s, "M is compared by the Mann-Whitney test") }) {
		t.Errorf("%q, %q", r.Verdict.Sentence, r.Plan.Sentences)
	}

	// At the first of two looks the boundary is 2.9626 (rpact 3.3.4), and p is that of the look.
	tb.analysis = experiment.Analysis{Method: experiment.GroupSequential, PlannedUnits: 2 * n, Looks: 2, Tests: byRanks}
	tb.look = &analysis.NewLook{Planned: 1, Fraction: 0.5}
	look := tb.analyze(t).Metrics[0].Comparisons[0]
	near(t, "boundary", look.Critical, 2.9626, 1e-4)
	near(t, "z at the look", look.Statistic, z, 1e-12)
	if look.P <= e.P || (look.P < 0.05) != (math.Abs(z) > look.Critical) || !strings.Contains(look.Rule, "look 1") || (look.Word == analysis.Better) != (z > look.Critical) {
		t.Errorf("%+v", look)
	}

	// A plan that got past the decider is told what is wrong, and so is a metric of which all values are one.
	tb.look, tb.analysis = nil, experiment.Analysis{Method: experiment.ConfidenceSequence, Tests: byRanks}
	if p := tb.analyze(t).Metrics[0].Comparisons[0].Problem; !strings.Contains(p, "always-valid") {
		t.Error(p)
	}
	tb.analysis, tb.columns = experiment.Analysis{Tests: byRanks}, [][]float64{make([]float64, n)}
	if p := tb.analyze(t).Metrics[0].Comparisons[0].Problem; !strings.Contains(p, "all values are equal") {
		t.Error(p)
	}
}

// Three against three, all of the treatment above: 1 of 20 arrangements in either direction, so the exact p is 0.1.
func TestFewUnitsAreRankedExactlyToo(t *testing.T) {
	tb := table{d: metric.Definition{Kind: metric.Mean}, arm: arms(6), columns: [][]float64{{1, 10, 2, 11, 3, 12}}, analysis: experiment.Analysis{Tests: byRanks}}
	e := tb.analyze(t).Metrics[0].Comparisons[0]
	if e.Exact == nil || e.Exact.P != 0.1 || e.Rank.U != 9 || e.Rank.Superiority != 1 || e.Rank.Shift != 9 {
		t.Errorf("%+v, %+v", e.Exact, e.Rank)
	}
}

// levels is a world in which countries differ far more than the arms, the treatment adds 1, and three countries are too small by themselves.
func levels(n int) (country []string, value []float64) {
	r := rand.New(rand.NewPCG(31, 1))
	for i := range n {
		switch {
		case i < 12:
			country = append(country, []string{"LI", "MC", "SM"}[i%3])
		case i%5 == 0:
			country = append(country, "")
		default:
			country = append(country, []string{"DE", "FR", "US"}[i%3])
		}
		level := map[string]float64{"DE": 10, "FR": 30, "US": 70}[country[i]]
		value = append(value, level+float64(i%2)+3*r.NormFloat64())
	}
	return country, value
}

// The oracle is the formula (Miratrix, Sekhon and Yu 2013) over rows in two passes, with the three small countries as one stratum: 4 units each,
// which are 6 in either arm together, so they go to the smallest of the others.
func TestMetricsAreComparedWithinStrata(t *testing.T) {
	const n = 900
	country, value := levels(n)
	group := slices.Clone(country)
	sizes := map[string]int{}
	for _, c := range country {
		sizes[c]++
	}
	smallest := "US"
	for _, c := range []string{"", "DE", "FR"} {
		if sizes[c] < sizes[smallest] {
			smallest = c
		}
	}
	for i, c := range group {
		if sizes[c] < 10 {
			group[i] = smallest
		}
	}
	difference, se := stratifiedOracle(group, value)
	tb := table{d: metric.Definition{Kind: metric.Mean}, arm: arms(n), columns: [][]float64{value}, segments: country, analysis: experiment.Analysis{PostStratify: []string{"country"}}}
	r := tb.analyze(t)
	m, e := r.Metrics[0], r.Metrics[0].Comparisons[0]
	near(t, "difference", e.Difference.Value, difference, 1e-10)
	near(t, "standard error", e.Difference.SE, se, 1e-10)
	near(t, "interval", e.Difference.Interval.Low, difference-1.959963984540054*se, 1e-10)
	s := m.Stratified
	if s == nil || !slices.Equal(s.Attributes, []string{"country"}) || s.Comparisons[0].Strata != 4 || s.Comparisons[0].Merged != 3 || s.Comparisons[0].Variant != "b" {
		t.Fatalf("%+v", s)
	}
	raw := s.Comparisons[0].Unadjusted
	near(t, "variance removed", s.Comparisons[0].VarianceReduction, 1-se*se/raw.SE/raw.SE, 1e-9)
	if raw.Interval.Low > 0 || e.Word != analysis.Better || !strings.Contains(e.Method, "post-stratified") || len(r.Segments) != 0 || s.Comparisons[0].VarianceReduction < 0.9 {
		t.Errorf("%+v, %+v, %+v", raw, e, r.Segments)
	}
	if !slices.ContainsFunc(r.Plan.Sentences, func(s string) bool { return strings.Contains(s, "within strata by country") }) {
		t.Errorf("%q", r.Plan.Sentences)
	}

	// One country for everybody divides nothing, and so do countries of one unit each: the comparison is the plain one.
	tb.analysis.PostStratify = nil
	plain := tb.analyze(t).Metrics[0].Comparisons[0]
	tb.analysis.PostStratify = []string{"country"}
	for _, one := range []func(i int) string{func(int) string { return "DE" }, func(i int) string { return fmt.Sprint(i) }} {
		tb.segments = make([]string, n)
		for i := range tb.segments {
			tb.segments[i] = one(i)
		}
		m := tb.analyze(t).Metrics[0]
		if c := m.Comparisons[0]; *c.Difference != *plain.Difference || c.P != plain.P || m.Stratified != nil || !strings.Contains(c.Warnings[0], "not divided") {
			t.Errorf("%+v, want %+v", c, plain)
		}
	}
}

func stratifiedOracle(group []string, value []float64) (difference, se float64) {
	type cell struct{ n, sum, squares float64 }
	cells := map[string]*[2]cell{}
	for i, v := range value {
		if cells[group[i]] == nil {
			cells[group[i]] = &[2]cell{}
		}
		c := &cells[group[i]][i%2]
		c.n, c.sum = c.n+1, c.sum+v
	}
	for i, v := range value {
		c := &cells[group[i]][i%2]
		c.squares += (v - c.sum/c.n) * (v - c.sum/c.n)
	}
	total := float64(len(value))
	for _, c := range cells {
		difference += (c[0].n + c[1].n) / total * (c[1].sum/c[1].n - c[0].sum/c[0].n)
	}
	variance := 0.0
	for _, c := range cells {
		share, gap := (c[0].n+c[1].n)/total, c[1].sum/c[1].n-c[0].sum/c[0].n-difference
		variance += share*share*(c[0].squares/(c[0].n-1)/c[0].n+c[1].squares/(c[1].n-1)/c[1].n) + share*gap*gap/total
	}
	return difference, math.Sqrt(variance)
}

// A share is a mean of zeros and ones, but few conversions keep their exact test.
func TestSharesAreComparedWithinStrata(t *testing.T) {
	const n = 2_000
	country := make([]string, n)
	bought := draw(n, 41, func(r *rand.Rand, i int) float64 {
		country[i] = []string{"DE", "FR"}[r.IntN(2)]
		if r.Float64() < map[string]float64{"DE": 0.1, "FR": 0.8}[country[i]]+0.03*float64(i%2) {
			return 1
		}
		return 0
	})
	difference, se := stratifiedOracle(country, bought)
	tb := table{
		d: metric.Definition{Kind: metric.Binary}, arm: arms(n), columns: [][]float64{bought}, segments: country,
		analysis: experiment.Analysis{PostStratify: []string{"country"}, Segments: []string{"country"}, Bayesian: &experiment.Bayesian{}},
	}
	r := tb.analyze(t)
	e := r.Metrics[0].Comparisons[0]
	near(t, "difference", e.Difference.Value, difference, 1e-12)
	near(t, "standard error", e.Difference.SE, se, 1e-10)
	// The posterior of the adjusted difference with a flat prior is normal around it.
	near(t, "chance to win", e.Bayesian.ChanceToWin, 0.5*math.Erfc(-difference/se/math.Sqrt2), 1e-9)
	if r.Metrics[0].Stratified.Comparisons[0].VarianceReduction < 0.4 || len(r.Segments) != 1 || len(r.Segments[0].Segments) != 2 {
		t.Errorf("%+v, %+v", r.Metrics[0].Stratified, r.Segments)
	}
	few := make([]float64, n)
	few[0], few[1], few[3] = 1, 1, 1
	tb.columns = [][]float64{few}
	if e := tb.analyze(t).Metrics[0].Comparisons[0]; e.Exact == nil || !strings.Contains(e.Method, "score test") {
		t.Errorf("%+v", e)
	}
}

// The oracle solves the two normal equations over both arms together by Cramer's rule over rows (Deng, Xu, Kohavi and Walker 2013): own spending
// before and visits before foretell spending; a third covariate that is twice the visits adds nothing.
func TestAMetricIsAdjustedByThePastOfSeveral(t *testing.T) {
	const n = 1_200
	own := draw(n, 51, func(r *rand.Rand, _ int) float64 { return 10 * r.ExpFloat64() })
	visits := draw(n, 52, func(r *rand.Rand, i int) float64 { return math.Floor(own[i]/5) + float64(r.IntN(6)) })
	twice := make([]float64, n)
	for i, v := range visits {
		twice[i] = 2 * v
	}
	spend := draw(n, 53, func(r *rand.Rand, i int) float64 { return 2*own[i] + 3*visits[i] + 4*r.NormFloat64() + float64(i%2) })
	tb := table{
		d: metric.Definition{Kind: metric.Mean, CovariateDays: 7}, arm: arms(n), columns: [][]float64{spend, own, visits, twice},
		others: map[domain.MetricKey]metric.Definition{
			"visits": {Kind: metric.Count, Event: "visit", Direction: metric.Increase}, "paid": {Kind: metric.Mean, Event: "pay", Direction: metric.Increase},
		},
		analysis: experiment.Analysis{Covariates: []experiment.Covariates{{Metric: "m", Days: 14, Of: []domain.MetricKey{"visits", "paid"}}}},
	}
	r := tb.analyze(t)
	m, e := r.Metrics[0], r.Metrics[0].Comparisons[0]
	theta := [2]float64{}
	s := func(x, y []float64) (sum float64) {
		var mx, my float64
		for i := range x {
			mx, my = mx+x[i]/n, my+y[i]/n
		}
		for i := range x {
			sum += (x[i] - mx) * (y[i] - my)
		}
		return sum
	}
	det := s(own, own)*s(visits, visits) - s(own, visits)*s(own, visits)
	theta[0] = (s(own, spend)*s(visits, visits) - s(visits, spend)*s(own, visits)) / det
	theta[1] = (s(visits, spend)*s(own, own) - s(own, spend)*s(own, visits)) / det
	left := make([]float64, n)
	for i := range left {
		left[i] = spend[i] - theta[0]*own[i] - theta[1]*visits[i]
	}
	a, va := momentsOracle(left, 0)
	b, vb := momentsOracle(left, 1)
	near(t, "difference", e.Difference.Value, b-a, 1e-9)
	near(t, "standard error", e.Difference.SE, math.Sqrt(va+vb), 1e-9)
	c := m.Adjusted.Comparisons[0]
	near(t, "theta of one's own", c.Theta, theta[0], 1e-9)
	near(t, "theta of visits", c.Thetas[1], theta[1], 1e-9)
	if len(c.Thetas) != 3 || c.Thetas[2] != 0 || c.VarianceReduction < 0.9 || len(m.Adjusted.Covariates) != 3 || !strings.HasPrefix(m.Adjusted.Covariates[1], "visit, measurements before") {
		t.Errorf("%+v", m.Adjusted)
	}
	if !slices.ContainsFunc(r.Plan.Sentences, func(s string) bool {
		return strings.Contains(s, "M is adjusted (CUPED) by what is known of visits and paid in the 14 days")
	}) {
		t.Errorf("%q", r.Plan.Sentences)
	}
	if !slices.ContainsFunc(r.Health.Checks, func(c analysis.Check) bool { return c.Name == "Before the exposure" && c.State == analysis.Pass }) {
		t.Errorf("%+v", r.Health.Checks)
	}

	// With strata as well both are taken out; a stratum that means nothing changes next to nothing.
	tb.segments = make([]string, n)
	for i := range tb.segments {
		tb.segments[i] = []string{"a", "b"}[i/2%2]
	}
	tb.analysis.PostStratify = []string{"half"}
	both := tb.analyze(t).Metrics[0]
	if math.Abs(both.Comparisons[0].Difference.SE/e.Difference.SE-1) > 0.02 || both.Stratified == nil || len(both.Adjusted.Comparisons[0].Thetas) != 3 || !strings.Contains(both.Comparisons[0].Method, "with CUPED") {
		t.Errorf("%+v, %+v", both.Comparisons[0], both.Adjusted)
	}
	// Ranks take neither into account, and say so.
	tb.analysis.Tests, tb.analysis.Covariates = byRanks, nil
	ranks := tb.analyze(t).Metrics[0]
	if ranks.Adjusted != nil || ranks.Stratified != nil || len(ranks.Notes) != 1 || ranks.Comparisons[0].Rank == nil {
		t.Errorf("%+v", ranks)
	}
	// With CUPED off there are no covariates.
	off := tb
	off.analysis = experiment.Analysis{CUPED: experiment.Off}
	if m := off.analyze(t).Metrics[0]; m.Adjusted != nil {
		t.Errorf("%+v", m.Adjusted)
	}
}

// momentsOracle are the mean of an arm and its variance over n, in two passes.
func momentsOracle(values []float64, arm int) (mean, variance float64) {
	n := 0.0
	for i := arm; i < len(values); i += 2 {
		mean, n = mean+values[i], n+1
	}
	mean /= n
	for i := arm; i < len(values); i += 2 {
		variance += (values[i] - mean) * (values[i] - mean)
	}
	return mean, variance / (n - 1) / n
}

// A guardrail within strata is judged with their smaller standard error: by hand, the one-sided bounds are critical value times it.
func TestGuardrailsAreComparedWithinStrataToo(t *testing.T) {
	const n = 900
	country, value := levels(n)
	in := func(by []string) analysis.Effect {
		tb := table{d: metric.Definition{Kind: metric.Mean, WindowSeconds: 86_400}, arm: arms(n), columns: [][]float64{value, value}, segments: country, guarded: true, analysis: experiment.Analysis{PostStratify: by}}
		return tb.analyze(t).Metrics[1].Comparisons[0]
	}
	plain, within := in(nil), in([]string{"country"})
	if within.Guard == nil || plain.Guard == nil || within.Difference.SE > 0.3*plain.Difference.SE || within.Guard.SafeP > plain.Guard.SafeP {
		t.Errorf("%+v, %+v", plain, within)
	}
	near(t, "bound", within.Difference.Interval.Low, within.Difference.Value-within.Critical*within.Difference.SE, 1e-9)
}
