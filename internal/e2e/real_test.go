package e2e

import (
	"encoding/json"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/analysis"
	"github.com/assayhq/assay/internal/client"
	"github.com/assayhq/assay/internal/importer"
)

// tree is a reference file: numbers computed by scipy and statsmodels, each file names versions and conventions.
type tree map[string]any

func reference(t *testing.T, name string) tree {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(shared(t), "data", name))
	if err != nil {
		t.Fatal(err)
	}
	var out tree
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func (r tree) at(t *testing.T, path ...string) tree {
	t.Helper()
	for _, p := range path {
		next, ok := r[p].(map[string]any)
		if !ok {
			t.Fatalf("the reference has no %v", path)
		}
		r = next
	}
	return r
}

func (r tree) number(t *testing.T, key string) float64 {
	t.Helper()
	x, ok := r[key].(float64)
	if !ok {
		t.Fatalf("the reference has no number %q", key)
	}
	return x
}

func (r tree) pair(t *testing.T, key string) (low, high float64) {
	t.Helper()
	list, ok := r[key].([]any)
	if !ok || len(list) != 2 {
		t.Fatalf("the reference has no pair %q", key)
	}
	return list[0].(float64), list[1].(float64)
}

// close compares at the tolerance of the reference: 1e-9 relative; p values below 1e-12 at 1e-6 of their logarithm.
func close(t *testing.T, what string, got, want float64) {
	t.Helper()
	compared++
	if math.Abs(got-want) > 1e-9*math.Abs(want) && !(math.Abs(want) < 1e-12 && math.Abs(math.Log(got)-math.Log(want)) <= 1e-6*math.Abs(math.Log(want))) {
		t.Errorf("%s: got %.17g, want %.17g", what, got, want)
	}
}

var compared int

func importAll(t *testing.T, s *server, e experiment, name string) importer.Report {
	t.Helper()
	c, err := client.New(s.URL, s.key(t, e.project, "server", "production"), nil)
	if err != nil {
		t.Fatal(err)
	}
	report, err := importer.Run(t.Context(), importer.Options{Client: c, Files: []string{
		filepath.Join(shared(t), "data/events", name+".exposures.jsonl.gz"), filepath.Join(shared(t), "data/events", name+".measurements.jsonl.gz"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if report.Rejected != 0 || report.Duplicates != 0 || report.Accepted != report.Read {
		t.Fatalf("import report: %+v", report)
	}
	return report
}

func results(t *testing.T, s *server, e experiment, position string) analysis.Result {
	t.Helper()
	var r analysis.Result
	request := client.Request{Path: "/api/v1/projects/" + e.project + "/experiments/" + e.key + "/results", Query: url.Values{"min_position": {position}}}
	if _, err := s.DoPatiently(t.Context(), request, &r, 20); err != nil {
		t.Fatal(err)
	}
	return r
}

func binaryMatches(t *testing.T, what string, m analysis.Metric, c analysis.Effect, want tree) {
	t.Helper()
	for i, arm := range []string{"control", "treatment"} {
		side := want.at(t, arm)
		figures := m.Arms[0]
		if i == 1 {
			figures = armOf(m, c.Variant)
		}
		close(t, what+" n", float64(figures.Units), side.number(t, "n"))
		close(t, what+" x", float64(*figures.Conversions), side.number(t, "x"))
		close(t, what+" rate", figures.Mean, side.number(t, "rate"))
		low, high := side.pair(t, "wilson95")
		close(t, what+" Wilson low", figures.Interval.Low, low)
		close(t, what+" Wilson high", figures.Interval.High, high)
	}
	close(t, what+" difference", c.Difference.Value, want.number(t, "abs_diff"))
	close(t, what+" lift", c.Relative.Value, want.number(t, "rel_lift"))
	z := want.at(t, "z_unpooled")
	close(t, what+" se", c.Difference.SE, z.number(t, "se"))
	close(t, what+" z", c.Statistic, z.number(t, "z"))
	close(t, what+" p", c.P, z.number(t, "p_two_sided"))
	low, high := z.pair(t, "ci95_abs")
	close(t, what+" low", c.Difference.Interval.Low, low)
	close(t, what+" high", c.Difference.Interval.High, high)
	pooled := want.at(t, "z_pooled")
	close(t, what+" pooled se", c.Pooled.SE, pooled.number(t, "se"))
	close(t, what+" pooled z", c.Pooled.Z, pooled.number(t, "z"))
	close(t, what+" pooled p", c.Pooled.P, pooled.number(t, "p_two_sided"))
	low, high = want.pair(t, "rel_lift_fieller_ci95")
	close(t, what+" Fieller low", *c.Relative.Low, low)
	close(t, what+" Fieller high", *c.Relative.High, high)
}

func meanMatches(t *testing.T, what string, m analysis.Metric, c analysis.Effect, want tree) {
	t.Helper()
	for i, arm := range []string{"control", "treatment"} {
		side := want.at(t, arm)
		figures := m.Arms[0]
		if i == 1 {
			figures = armOf(m, c.Variant)
		}
		close(t, what+" n", float64(figures.Units), side.number(t, "n"))
		close(t, what+" sum", figures.Sum, side.number(t, "sum"))
		close(t, what+" sum of squares", figures.SumSquares, side.number(t, "sum_squares"))
		close(t, what+" mean", figures.Mean, side.number(t, "mean"))
		close(t, what+" sd", *figures.SD, side.number(t, "sd"))
	}
	welch := want.at(t, "welch")
	close(t, what+" difference", c.Difference.Value, welch.number(t, "abs_diff"))
	close(t, what+" se", c.Difference.SE, welch.number(t, "se"))
	close(t, what+" t", c.Statistic, welch.number(t, "t"))
	close(t, what+" df", *c.DF, welch.number(t, "df"))
	close(t, what+" p", c.P, welch.number(t, "p_two_sided"))
	low, high := welch.pair(t, "ci95_abs")
	close(t, what+" low", c.Difference.Interval.Low, low)
	close(t, what+" high", c.Difference.Interval.High, high)
	lift := welch.at(t, "rel_lift")
	close(t, what+" lift", c.Relative.Value, lift.number(t, "lift"))
	// The reference takes Fieller's interval of means with the normal quantile, the product with the critical value of the t test,
	// so that interval and p never contradict each other. The same formula must give both.
	control, treatment := m.Arms[0], armOf(m, c.Variant)
	low, high = fieller(control, treatment, 1.959963984540054) // R: qnorm(.975)
	wantLow, wantHigh := lift.pair(t, "fieller_ci95")
	close(t, what+" Fieller low", low, wantLow)
	close(t, what+" Fieller high", high, wantHigh)
	low, high = fieller(control, treatment, c.Critical)
	close(t, what+" Fieller low by t", *c.Relative.Low, low)
	close(t, what+" Fieller high by t", *c.Relative.High, high)
}

// meansMatch compares Welch's test.
func meansMatch(t *testing.T, what string, c analysis.Effect, welch tree) {
	t.Helper()
	close(t, what+" difference", c.Difference.Value, welch.number(t, "abs_diff"))
	close(t, what+" se", c.Difference.SE, welch.number(t, "se"))
	close(t, what+" t", c.Statistic, welch.number(t, "t"))
	close(t, what+" df", *c.DF, welch.number(t, "df"))
	close(t, what+" p", c.P, welch.number(t, "p_two_sided"))
	low, high := welch.pair(t, "ci95_abs")
	close(t, what+" low", c.Difference.Interval.Low, low)
	close(t, what+" high", c.Difference.Interval.High, high)
}

func cappedMatches(t *testing.T, what string, m analysis.Metric, comparison int, want tree) {
	t.Helper()
	close(t, what+" cap", *m.Capped.Upper, want.number(t, "cap"))
	for i, n := range want["n_capped"].([]any) {
		close(t, what+" capped units", float64(m.Capped.Units[i]), n.(float64))
	}
	close(t, what+" control", m.Arms[0].Mean, want.number(t, "control_mean"))
	close(t, what+" treatment", m.Arms[comparison+1].Mean, want.number(t, "treatment_mean"))
	meansMatch(t, what, m.Comparisons[comparison], want.at(t, "welch"))
}

// bayesMatches compares at 1e-6, the tolerance that the reference gives for quadrature.
func bayesMatches(t *testing.T, what string, c analysis.Effect, want tree) {
	t.Helper()
	for name, got := range map[string]float64{
		"prob_treatment_better": c.Bayesian.ChanceToWin, "expected_loss_choose_control": c.Bayesian.LossIfKept, "expected_loss_choose_treatment": c.Bayesian.LossIfShipped,
	} {
		compared++
		if math.Abs(got-want.number(t, name)) > 1e-6 {
			t.Errorf("%s, %s: got %v, want %v", what, name, got, want.number(t, name))
		}
	}
}

func adjustedMatches(t *testing.T, what string, m analysis.Metric, comparison int, want tree) {
	t.Helper()
	got, cuped := m.Adjusted.Comparisons[comparison], want.at(t, "cuped_theta_total")
	close(t, what+" theta", got.Theta, cuped.number(t, "theta"))
	meansMatch(t, what, m.Comparisons[comparison], cuped.at(t, "welch"))
	close(t, what+" unadjusted", got.Unadjusted.Value, want.at(t, "unadjusted").number(t, "abs_diff"))
	// 1 - V/V has lost digits: the reduction is 0.04 %.
	if math.Abs(got.VarianceReduction-cuped.number(t, "variance_reduction")) > 1e-12 {
		t.Errorf("%s variance reduction: got %v, want %v", what, got.VarianceReduction, cuped.number(t, "variance_reduction"))
	}
}

// countriesAddUp: the segments of ab_data are a partition of its units. (The reference has countries under another rule of assignment.)
func countriesAddUp(t *testing.T, r analysis.Result) {
	t.Helper()
	var units, converted int64
	var names []string
	for _, s := range r.Segments[0].Segments {
		names = append(names, s.Value)
		units, converted = units+s.Arms[1].Units, converted+*s.Arms[1].Conversions
	}
	if strings.Join(names, " ") != "US UK CA" || units != r.Metrics[0].Arms[1].Units || converted != *r.Metrics[0].Arms[1].Conversions || len(r.Segments[0].Interactions) != 1 {
		t.Errorf("countries %v have %d units and %d conversions: %+v", names, units, converted, r.Segments[0].Interactions)
	}
}

// fieller solves (b - Ra)² = c² (Vb + R² Va) for R, written down anew as a quadratic in R, and returns R - 1.
func fieller(control, treatment analysis.MetricArm, c float64) (low, high float64) {
	va, vb := *control.SD**control.SD/float64(control.Units), *treatment.SD**treatment.SD/float64(treatment.Units)
	p, q, r := control.Mean*control.Mean-c*c*va, control.Mean*treatment.Mean, treatment.Mean*treatment.Mean-c*c*vb
	root := math.Sqrt(q*q - p*r)
	return (q-root)/p - 1, (q+root)/p - 1
}

func armOf(m analysis.Metric, variant string) analysis.MetricArm {
	for _, a := range m.Arms {
		if a.Variant == variant {
			return a
		}
	}
	return analysis.MetricArm{}
}

func srmMatches(t *testing.T, what string, got analysis.SRM, want tree) {
	t.Helper()
	close(t, what+" chi-square", got.ChiSquare, want.number(t, "chi2"))
	close(t, what+" SRM p", got.P, want.number(t, "p"))
	close(t, what+" SRM df", float64(got.DF), want.number(t, "df"))
	for i, n := range want["observed"].([]any) {
		close(t, what+" observed", float64(got.Observed[i]), n.(float64))
	}
}

func binary(key, event string) map[string]any {
	return map[string]any{"key": key, "kind": "binary", "event": event, "direction": "increase"}
}

// onRequest is an analysis with a fixed horizon and no correction, which is what the reference files hold, with a Bayesian view.
func onRequest(segments []string) map[string]any {
	return map[string]any{"method": "fixed", "correction": "none", "bayesian": map[string]any{}, "segments": append([]string{}, segments...)}
}

// capped is a mean whose values end somewhere.
func capped(key, event, by string, at float64) map[string]any {
	m := mean(key, event)
	m["winsorize"] = map[string]any{"upper": map[string]any{"by": by, "at": at}}
	return m
}

func mean(key, event string) map[string]any {
	return map[string]any{"key": key, "kind": "mean", "event": event, "direction": "increase"}
}

// Three published experiments go in through the HTTP API of a running server and come out with the numbers that scipy and
// statsmodels compute from the published files. The server is restarted in between and answers the same.
func TestRealExperimentsComeOutAsTheReferenceSays(t *testing.T) {
	folder := t.TempDir()
	shared(t)
	s := start(t, folder, "")
	cats := experiment{
		project: "cookie-cats", key: "cookie-cats-gate", arms: []string{"gate_30", "gate_40"}, weights: []int{50_000, 50_000},
		metrics: []map[string]any{
			binary("retention-7", "return_day_7"), binary("retention-1", "return_day_1"), mean("rounds", "game_rounds"),
			capped("rounds-99", "game_rounds", "percentile", 99), capped("rounds-99-9", "game_rounds", "percentile", 99.9),
		},
		analysis: onRequest(nil),
	}
	pages := experiment{
		project: "ab-data", key: "landing-page", arms: []string{"control", "treatment"}, weights: []int{50_000, 50_000},
		metrics:  []map[string]any{binary("converted", "converted")},
		analysis: onRequest([]string{"country"}),
	}
	mails := experiment{
		project: "hillstrom", key: "hillstrom-email", arms: []string{"No E-Mail", "Mens E-Mail", "Womens E-Mail"}, weights: []int{1, 1, 1}, total: 3,
		metrics: []map[string]any{
			mean("spend", "purchase"), binary("visit", "visit"), binary("conversion", "purchase"),
			capped("spend-capped", "purchase", "value", 233.3000799999939), capped("spend-99", "purchase", "percentile", 99),
			{"key": "spend-adjusted", "kind": "mean", "event": "purchase", "direction": "increase", "covariate_days": 400},
		},
		analysis: onRequest([]string{"channel"}),
	}
	positions := map[string]string{}
	for name, e := range map[string]experiment{"cookie_cats": cats, "ab_data": pages, "hillstrom": mails} {
		s.run(t, e)
		positions[name] = importAll(t, s, e, name).Position
	}
	check := func(t *testing.T) {
		compared = 0
		r := results(t, s, cats, positions["cookie_cats"])
		want := reference(t, "cookie_cats.expected.json")
		srmMatches(t, "cookie_cats", r.Health.SRM, want.at(t, "srm_50_50"))
		binaryMatches(t, "retention 7", r.Metrics[0], r.Metrics[0].Comparisons[0], want.at(t, "retention_7"))
		binaryMatches(t, "retention 1", r.Metrics[1], r.Metrics[1].Comparisons[0], want.at(t, "retention_1"))
		meanMatches(t, "rounds", r.Metrics[2], r.Metrics[2].Comparisons[0], want.at(t, "sum_gamerounds"))
		cappedMatches(t, "rounds capped at 99 %", r.Metrics[3], 0, want.at(t, "sum_gamerounds", "winsorized_p99"))
		cappedMatches(t, "rounds capped at 99.9 %", r.Metrics[4], 0, want.at(t, "sum_gamerounds", "winsorized_p99.9"))
		bayesMatches(t, "retention 7", r.Metrics[0].Comparisons[0], want.at(t, "retention_7", "bayes_beta_1_1"))
		if !r.Data.AssumedTimes {
			t.Error("the assumed dates of cookie_cats are not mentioned")
		}

		r = results(t, s, pages, positions["ab_data"])
		want = reference(t, "ab_data.expected.json").at(t, "policy_C_by_group_column_exclude_users_in_both")
		srmMatches(t, "ab_data", r.Health.SRM, want.at(t, "srm"))
		binaryMatches(t, "converted", r.Metrics[0], r.Metrics[0].Comparisons[0], want.at(t, "converted"))
		close(t, "crossovers", float64(r.Health.Crossovers.Units), want.number(t, "users_in_both_groups"))
		close(t, "share of crossovers", r.Health.Crossovers.Share, want.number(t, "share"))
		bayesMatches(t, "converted", r.Metrics[0].Comparisons[0], want.at(t, "converted", "bayes_beta_1_1"))
		countriesAddUp(t, r)

		r = results(t, s, mails, positions["hillstrom"])
		want = reference(t, "hillstrom.expected.json")
		srmMatches(t, "hillstrom", r.Health.SRM, want.at(t, "srm_equal_thirds"))
		for i, arm := range []string{"Mens E-Mail", "Womens E-Mail"} {
			pair := want.at(t, "comparisons", arm+" vs No E-Mail")
			meanMatches(t, arm+" spend", r.Metrics[0], r.Metrics[0].Comparisons[i], pair.at(t, "spend"))
			binaryMatches(t, arm+" visit", r.Metrics[1], r.Metrics[1].Comparisons[i], pair.at(t, "visit"))
			binaryMatches(t, arm+" conversion", r.Metrics[2], r.Metrics[2].Comparisons[i], pair.at(t, "conversion"))
			adjustedMatches(t, arm+" spend adjusted", r.Metrics[5], i, pair.at(t, "spend_cuped_history"))
			if problem := r.Metrics[4].Comparisons[i].Problem; !strings.Contains(problem, "nothing is left of it") {
				t.Errorf("a cap that makes every value 0 is told as %q", problem)
			}
			for _, s := range r.Segments[0].Segments {
				meansMatch(t, arm+" spend, "+s.Value, s.Comparisons[i], want.at(t, "segments_vs_no_email", "channel", s.Value, arm, "spend"))
			}
		}
		cappedMatches(t, "spend capped", r.Metrics[3], 0, want.at(t, "comparisons", "Mens E-Mail vs No E-Mail", "spend", "winsorized_p99.9"))
		t.Logf("%d numbers compared", compared)
		if compared < 300 {
			t.Errorf("only %d numbers were compared", compared)
		}
	}
	t.Run("imported", check)
	before := results(t, s, cats, positions["cookie_cats"])
	at := before.Position
	s.shutdown(t)
	s = start(t, folder, s.AdminKey)
	t.Run("after a restart", check)
	again, err := s.Do(t.Context(), client.Request{Path: "/api/v1/projects/cookie-cats/experiments/cookie-cats-gate/results", Query: url.Values{"as_of": {at}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	was, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	if string(was)+"\n" != string(again.Body) {
		t.Error("the result at the same position is not the same to the byte")
	}
}
