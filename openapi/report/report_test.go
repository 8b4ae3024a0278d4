package report_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/internal/analysis"
	"github.com/assayhq/assay/openapi/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample is a result with everything a report can show; its numbers are those of cookie_cats, rounded.
func sample() analysis.Result {
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return analysis.Result{
		AnalysisVersion: "1", Position: "4711", Project: "games", Alpha: 0.05,
		Experiment: analysis.Experiment{
			Key: "gate", Name: "Gate at level 40 <script>alert(1)</script>", Status: "decided", Hypothesis: "We believe & hope that \x1b[31ma later gate keeps players.",
			Flag: "gate", Environment: "production", UnitType: "user", UnitBy: "playerId", PlannedEnd: day, StartedAt: day.AddDate(0, 0, -14), StoppedAt: day, DecidedAt: day,
			Decision:   &experiment.Decision{Outcome: experiment.Keep, Why: "Retention fell, so the gate stays."},
			Amendments: []analysis.Amendment{{At: day, By: "key:1", Reason: "One more week.", Changed: []string{"planned end", "segments"}}},
		},
		Plan: analysis.Plan{
			Analysis:  experiment.Analysis{Method: experiment.GroupSequential, Alpha: 0.05, Spending: experiment.SpendOBrienFleming, Looks: 2},
			Sentences: []string{"Group sequential: 2 planned looks by time.", "Holm's correction for 2 comparisons in <b>all</b> metrics."},
		},
		Looks: &analysis.Looks{
			Planned: 2, Position: "4700", UnitsSince: 1_500, Next: day, NextFraction: 1, Bounds: []float64{2.96}, Sentence: "One look was taken; the figures are those of the last, at 50 % of the planned information.",
			Taken: []analysis.Look{{Look: 1, Planned: 1, Position: "4700", At: day.AddDate(0, 0, -7), Fraction: 0.5, Units: []int64{44_700, 45_489}, Verdict: "do_not_ship", Compared: []experiment.Compared{
				{Metric: "retention-7", Variant: "gate_40", Difference: -0.0082, SE: 0.0026, Statistic: -3.164, Boundary: 2.963, P: 0.0263, Crossed: true},
			}}},
		},
		Weighings: []analysis.Weighing{{At: day.AddDate(0, 0, -5), By: "key:1", Reason: "The <later> gate loses.", Weights: []int64{80_000, 20_000}}},
		Bandit: &analysis.Thompson{
			Method: "beta-binomial, prior Beta(1, 1)", Floor: 0.05, Sentence: "Thompson's weights: gate_30 94.9 %, gate_40 5.07 %.",
			Arms: []analysis.ThompsonArm{{Variant: "gate_30", Best: 0.99922, Loss: 5.4e-7, Weight: 94_930, Now: 80_000}, {Variant: "gate_40", Best: 0.00078, Loss: 0.0082, Weight: 5_070, Now: 20_000}},
		},
		Segments: []analysis.Segmented{{
			Attribute: "platform", Sentence: "1 comparison that is not corrected and decides nothing.",
			Segments: []analysis.Segment{{
				Value: "iOS & co", Arms: []analysis.MetricArm{{Variant: "gate_30", Units: 700}, {Variant: "gate_40", Units: 800}},
				Comparisons: []analysis.Effect{{
					Variant: "gate_40", Control: "gate_30", Method: "z", P: 0.2, LnP: -1.6, Word: analysis.Unclear,
					Difference: &analysis.Estimate{Value: -0.01, SE: 0.01, Interval: analysis.Interval{Low: -0.03, High: 0.01}}, Relative: &analysis.Relative{Value: -0.05, Low: new(-0.1), High: new(0.01)},
				}},
			}},
			Interactions: []analysis.Interaction{{Variant: "gate_40", P: 0.031, Method: "Cochran's Q"}},
		}},
		Verdict: analysis.Verdict{Outcome: analysis.DoNotShip, Variant: "gate_40", Sentence: "Don't ship gate_40: retention got worse."},
		Arms:    []analysis.Arm{{Variant: "gate_30", Control: true, ExpectedShare: 0.5, Units: 44_700}, {Variant: "gate_40", ExpectedShare: 0.5, Units: 45_489}},
		Metrics: []analysis.Metric{
			{
				Key: "retention-7", Name: "7-day retention", Role: analysis.Primary, Kind: "binary", Direction: "increase", UnitsWithoutExposure: 3,
				Arms: []analysis.MetricArm{
					{Variant: "gate_30", Units: 44_700, Conversions: new(int64(8_502)), Mean: 0.1902013, Interval: &analysis.Interval{Low: 0.1866, High: 0.1939}},
					{Variant: "gate_40", Units: 45_489, Conversions: new(int64(8_279)), Mean: 0.1820000, Interval: &analysis.Interval{Low: 0.1785, High: 0.1856}},
				},
				Comparisons: []analysis.Effect{{
					Variant: "gate_40", Control: "gate_30", Method: "two-proportion z test (unpooled)", Statistic: -3.164, Critical: 1.96, P: 0.0015558, LnP: -6.4658, Word: analysis.Worse,
					Difference: &analysis.Estimate{Value: -0.0082013, SE: 0.002592, Interval: analysis.Interval{Low: -0.0132816, High: -0.0031210}},
					Relative:   &analysis.Relative{Value: -0.043119, Low: new(-0.068901), High: new(-0.016636)},
					Rule:       "look 1 of a group sequential design", Level: new(0.025), AdjustedP: new(0.0031116), Family: "primary",
					Target:   &analysis.Target{Target: experiment.Amount{By: experiment.Relative, Value: 0.02}, Missed: true, Sentence: "The target of 2 % is missed."},
					Bayesian: &analysis.Bayesian{ChanceToWin: 0.00077734, LossIfShipped: 0.0082017, LossIfKept: 5.478e-7, Method: "beta-binomial"},
					Warnings: []string{"A warning."},
					Running: &analysis.Running{
						P: 0.0004, LnP: -7.8, Look: 4, Position: "3000", At: day.AddDate(0, 0, -3), Moments: 9, CrossedAtLook: 3, Interval: &analysis.Interval{Low: -0.0110, High: -0.0040},
						Sentence: "The smallest p of 9 was reached at look 4 on 26 February 2026; it counts as well.",
					},
				}},
			},
			{
				Key: "rounds", Name: "Game rounds", Role: analysis.Secondary, Kind: "mean", Direction: "increase", Unit: "rounds",
				Capped:   &analysis.Capped{Upper: new(493.0), Units: []int64{446, 452}},
				Adjusted: &analysis.Adjusted{Covariate: "game_rounds, measurements before the first exposure, 14 days", Comparisons: []analysis.AdjustedArm{{Variant: "gate_40", Theta: 0.9, VarianceReduction: 0.41, Unadjusted: analysis.Estimate{Value: -1.2}}}},
				Arms:     []analysis.MetricArm{{Variant: "gate_30", Units: 44_700, Mean: 52.456264}, {Variant: "gate_40", Units: 45_489, Mean: 51.298776}},
				Comparisons: []analysis.Effect{{
					Variant: "gate_40", Control: "gate_30", Method: "Welch's t test", Statistic: -0.885, DF: new(58595.5), Critical: 1.96, P: 0.375924, LnP: -0.978, Word: analysis.Unclear,
					Difference: &analysis.Estimate{Value: -1.157488, SE: 1.30725, Interval: analysis.Interval{Low: -3.719705, High: 1.404728}},
					Relative:   &analysis.Relative{Value: -0.022066, Unbounded: true},
				}},
			},
			{
				Key: "session", Name: "Longest session", Role: analysis.Secondary, Kind: "mean", Direction: "increase", Unit: "min", Test: "mann_whitney",
				Arms: []analysis.MetricArm{{Variant: "gate_30", Units: 44_700, Mean: 21.5}, {Variant: "gate_40", Units: 45_489, Mean: 21.1}},
				Comparisons: []analysis.Effect{{
					Variant: "gate_40", Control: "gate_30", Method: "Mann-Whitney test", Rule: "look 1 of a group sequential design", Statistic: -5.2, Critical: 2.96, P: 0.00001, LnP: -11.5, Word: analysis.Worse,
					Difference: &analysis.Estimate{Value: -0.01, SE: 0.00192, Interval: analysis.Interval{Low: -0.0157, High: -0.0043}},
					Rank:       &analysis.Rank{Superiority: 0.49, Interval: analysis.Interval{Low: 0.4843, High: 0.4957}, Shift: -0.35, Range: analysis.Interval{Low: -0.55, High: -0.15}, U: 996_343_317},
				}},
			},
			{
				Key: "spend", Name: "Spending", Role: analysis.Secondary, Kind: "mean", Direction: "increase", Unit: "EUR",
				Stratified: &analysis.Stratified{Attributes: []string{"platform", "country"}, Comparisons: []analysis.StratifiedArm{{Variant: "gate_40", Strata: 7, Merged: 3, VarianceReduction: 0.31, Unadjusted: analysis.Estimate{Value: 0.12}}}},
				Adjusted: &analysis.Adjusted{
					Covariate: "purchase, measurements before the first exposure, 14 days; rounds, measurements before the first exposure, 14 days", Covariates: []string{"purchase", "rounds"},
					Comparisons: []analysis.AdjustedArm{{Variant: "gate_40", Theta: 0.7, Thetas: []float64{0.7, 0.02}, VarianceReduction: 0.31, Unadjusted: analysis.Estimate{Value: 0.12}}},
				},
				Arms: []analysis.MetricArm{{Variant: "gate_30", Units: 44_700, Mean: 4.2}, {Variant: "gate_40", Units: 45_489, Mean: 4.32}},
				Comparisons: []analysis.Effect{{
					Variant: "gate_40", Control: "gate_30", Method: "z test, post-stratified, with CUPED", Rule: "look 1 of a group sequential design", Statistic: 1.5, Critical: 2.96, P: 0.13, LnP: -2.04, Word: analysis.Unclear,
					Difference: &analysis.Estimate{Value: 0.09, SE: 0.06, Interval: analysis.Interval{Low: -0.0876, High: 0.2676}}, Relative: &analysis.Relative{Value: 0.0214, Low: new(-0.0209), High: new(0.0637)},
				}},
			},
			{
				Key: "crashes", Name: "Crashes", Role: analysis.Guardrail, Kind: "count", Direction: "decrease",
				Arms:        []analysis.MetricArm{{Variant: "gate_30", Units: 44_700}, {Variant: "gate_40", Units: 45_489}},
				Comparisons: []analysis.Effect{{Variant: "gate_40", Control: "gate_30", Problem: "Not computed: nobody differs.", P: 1}},
			},
			{
				Key: "happy", Name: "Satisfied", Role: analysis.Guardrail, Kind: "csat", Direction: "increase", Notes: []string{"Few answered."},
				Arms: []analysis.MetricArm{{Variant: "gate_30", Units: 400, Conversions: new(int64(300)), Mean: 0.75}, {Variant: "gate_40", Units: 410, Conversions: new(int64(300)), Mean: 0.7317}},
				Comparisons: []analysis.Effect{{
					Variant: "gate_40", Control: "gate_30", Method: "z", Rule: "asymptotic confidence sequence, one-sided", P: 0.4, LnP: -0.9, Word: analysis.Unclear,
					Difference: &analysis.Estimate{Value: -0.0183, SE: 0.03, Interval: analysis.Interval{Low: -0.12, High: 0.09}}, Relative: &analysis.Relative{Value: -0.0244, Low: new(-0.15), High: new(0.12)},
					Guard: &analysis.Guard{Margin: experiment.Amount{By: experiment.Relative, Value: 0.02}, State: analysis.GuardOpen, HarmP: 0.4, SafeP: 0.9, Sentence: "Whether it got worse by more than the margin of 2 % is not shown yet."},
				}},
			},
		},
		Health: analysis.Health{
			Checks:     []analysis.Check{{Name: "Minimum runtime", State: analysis.Warn, Sentence: "Data have come in for 3 days; the plan asks for 7 days.", P: new(0.5)}},
			SRM:        analysis.SRM{State: analysis.Pass, Sentence: "The units are divided as planned.", SequentialP: new(0.71)},
			Crossovers: analysis.Crossovers{State: analysis.Warn, Sentence: "2 % were seen in both arms."},
		},
		Data: analysis.Data{FirstExposure: day.AddDate(0, 0, -14), LastExposure: day, AssumedTimes: true, UnknownVariantUnits: 1_234},
	}
}

func TestGoldenReports(t *testing.T) {
	for format, name := range map[report.Format]string{report.HTML: "report.html", report.Text: "report.txt"} {
		got, err := report.Render(sample(), format)
		if err != nil {
			t.Fatal(err)
		}
		name = "testdata/" + name
		if *update {
			if err := os.WriteFile(name, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s differs from what the report is now; look at it and run with -update:\n%s", name, got)
		}
	}
}

// A page that comes from people's words must not run them, load anything, or break.
func TestThePageIsSelfContainedAndShowsWordsAsWords(t *testing.T) {
	page, err := report.Render(sample(), report.HTML)
	if err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"<script", "http://", "https://", "src=", "@import", "url("} {
		if strings.Contains(string(page), never) {
			t.Errorf("the page contains %q", never)
		}
	}
	for _, must := range []string{"Don&#39;t ship", "Gate at level 40 &lt;script&gt;", "4711", "<svg", "8,502", "The units are divided as planned.", "assumed"} {
		if !strings.Contains(string(page), must) {
			t.Errorf("the page lacks %q", must)
		}
	}
	start := strings.Index(string(page), "<svg")
	picture := string(page)[start : strings.Index(string(page), "</svg>")+6]
	decoder := xml.NewDecoder(strings.NewReader(picture))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal("the plot is no XML: ", err)
		}
	}
}

func TestTextCannotSteerATerminal(t *testing.T) {
	text, err := report.Render(sample(), report.Text)
	if err != nil || strings.ContainsRune(string(text), 0x1b) {
		t.Errorf("an escape character is in the text, %v", err)
	}
}

func TestJSONHoldsTheWholeResult(t *testing.T) {
	text, err := report.Render(sample(), report.JSON)
	if err != nil {
		t.Fatal(err)
	}
	var back analysis.Result
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, sample()) {
		t.Errorf("%v: %+v", err, back)
	}
}

func TestAnUnknownFormatIsRefused(t *testing.T) {
	if _, err := report.Render(sample(), "pdf"); err == nil || !strings.Contains(err.Error(), "html") {
		t.Error(err)
	}
}

func BenchmarkHTML(b *testing.B) {
	r := sample()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := report.Render(r, report.HTML); err != nil {
			b.Fatal(err)
		}
	}
}
