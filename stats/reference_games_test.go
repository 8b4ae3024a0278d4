package stats_test

import (
	"math"
	"strings"
	"testing"

	"github.com/assayhq/assay/stats"
	"github.com/assayhq/assay/stats/special"
)

func TestRoundsOfCookieCats(t *testing.T) {
	c, file := &checker{t: t}, readNode(t, "cookie_cats.expected.json")
	var arms, without [2][]float64
	kept, players := map[string]*armRates{"retention_1": {}, "retention_7": {}}, map[string]*armRates{"retention_1": {}, "retention_7": {}}
	for _, row := range readRows(t, "cookie_cats.csv.gz") {
		arm := 0
		if row["version"] == "gate_40" {
			arm = 1
		}
		v := parsed(t, row["sum_gamerounds"])
		arms[arm] = append(arms[arm], v)
		for _, metric := range []string{"retention_1", "retention_7"} {
			came := row[metric] == "TRUE"
			kept[metric].count(visit{treated: arm == 1, sold: came})
			if v != 0 {
				players[metric].count(visit{treated: arm == 1, sold: came})
			}
		}
		if v != 49854 {
			without[arm] = append(without[arm], v)
		}
	}
	c.near("file", file, "rows", float64(len(arms[0])+len(arms[1])))
	for metric := range kept {
		for side, name := range []string{"control", "treatment"} {
			for at, n := range map[*armRates]node{kept[metric]: file.child(metric), players[metric]: file.child("rows_excluding_zero_round_players").child(metric)} {
				c.near(metric+" "+name, n.child(name), "n", float64(at[side].N))
				c.near(metric+" "+name, n.child(name), "x", float64(at[side].X))
			}
		}
	}
	for side, name := range []string{"gate_30", "gate_40"} {
		c.near("no rounds", file.child("players_with_zero_rounds"), name, float64(kept["retention_1"][side].N-players["retention_1"][side].N))
	}
	c.values("rounds", file.child("sum_gamerounds"), arms[0], arms[1])
	c.values("rounds without the outlier", file.child("sum_gamerounds_without_single_max_row"), without[0], without[1])
	if c.compared < 70 {
		t.Errorf("only %d numbers were compared", c.compared)
	}
}

func TestSpendOfHillstrom(t *testing.T) {
	c, file := &checker{t: t}, readNode(t, "hillstrom.expected.json")
	rows := readRows(t, "hillstrom.csv.gz")
	numbers := map[string][]float64{}
	for _, name := range []string{"visit", "conversion", "spend", "history", "recency"} {
		for _, row := range rows {
			numbers[name] = append(numbers[name], parsed(t, row[name]))
		}
	}
	column := func(arm, name string, keep func(row int) bool) []float64 {
		var out []float64
		for i, row := range rows {
			if row["segment"] == arm && keep(i) {
				out = append(out, numbers[name][i])
			}
		}
		return out
	}
	everybody := func(int) bool { return true }
	for name, value := range file.child("comparisons") {
		n := node(value.(map[string]any))
		treatment, control, _ := strings.Cut(name, " vs ")
		c.values(name+" spend", n.child("spend"), column(control, "spend", everybody), column(treatment, "spend", everybody))
		for _, metric := range []string{"visit", "conversion"} {
			for side, of := range map[string]string{"control": control, "treatment": treatment} {
				own := stats.MomentsOf(column(of, metric, everybody))
				c.near(name+" "+metric, n.child(metric).child(side), "n", float64(own.N))
				c.near(name+" "+metric, n.child(metric).child(side), "x", math.Round(own.Mean*float64(own.N)))
			}
		}
		for _, metric := range []string{"spend", "visit"} {
			c.cuped(name+" "+metric, n.child(metric+"_cuped_history"),
				column(control, metric, everybody), column(control, "history", everybody), column(treatment, metric, everybody), column(treatment, "history", everybody))
		}
	}
	for dimension, segments := range file.child("segments_vs_no_email") {
		for segment, arms := range segments.(map[string]any) {
			in := func(row int) bool { return rows[row][dimension] == segment }
			if dimension == "recency_bin" {
				first, last, _ := strings.Cut(segment, "-")
				from, to := parsed(t, first), parsed(t, last)
				in = func(row int) bool { return numbers["recency"][row] >= from && numbers["recency"][row] <= to }
			}
			for arm, n := range arms.(map[string]any) {
				visits := node(n.(map[string]any)).child("visit")
				for name, of := range map[string]string{"control": "No E-Mail", "treatment": arm} {
					own := stats.MomentsOf(column(of, "visit", in))
					c.near(dimension+" "+segment, visits.child(name), "n", float64(own.N))
					c.near(dimension+" "+segment, visits.child(name), "x", math.Round(own.Mean*float64(own.N)))
				}
				c.welch(dimension+" "+segment+" "+arm, node(n.(map[string]any)).child("spend"),
					stats.MomentsOf(column("No E-Mail", "spend", in)), stats.MomentsOf(column(arm, "spend", in)))
			}
		}
	}
	for key, name := range map[string]string{"visit_3arm_chi2": "visit", "conversion_3arm_chi2": "conversion"} {
		var table [][]int64
		for _, arm := range []string{"No E-Mail", "Mens E-Mail", "Womens E-Mail"} {
			m, err := stats.SumsOf(column(arm, name, everybody))
			if err != nil {
				t.Fatal(err)
			}
			table = append(table, []int64{int64(m.Sum()), m.N() - int64(m.Sum())})
		}
		r, err := stats.Independence(table)
		if err != nil {
			t.Fatal(err)
		}
		c.near(key, file.child(key), "stat", r.Statistic)
		c.near(key, file.child(key), "p", r.P)
		c.near(key, file.child(key), "df", float64(r.DF))
	}
	if c.compared < 700 {
		t.Errorf("only %d numbers were compared", c.compared)
	}
	t.Logf("%d numbers compared", c.compared)
}

func (c *checker) cuped(at string, n node, ya, xa, yb, xb []float64) {
	c.t.Helper()
	a, errA := stats.CoSumsOf(ya, xa)
	b, errB := stats.CoSumsOf(yb, xb)
	if errA != nil || errB != nil {
		c.t.Fatal(errA, errB)
	}
	c.welch(at, n.child("unadjusted"), a.Moments(0), b.Moments(0))
	both, _ := stats.CoSumsOf(append(append([]float64{}, ya...), yb...), append(append([]float64{}, xa...), xb...))
	c.near(at, n, "corr_xy", both.Covariance(0, 1)/math.Sqrt(both.Covariance(0, 0)*both.Covariance(1, 1)))
	for key, how := range map[string]stats.Coefficients{"cuped_theta_total": stats.Together, "cuped_theta_within_arm": stats.WithinArms} {
		e, err := stats.CUPEDBy(how, a, b, stats.Test{Alpha: 0.05})
		if err != nil {
			c.t.Fatal(err)
		}
		w := n.child(key)
		c.near(at, w, "theta", e.Theta[0])
		c.near(at, w, "control_mean_adj", e.ControlArm.Mean)
		c.near(at, w, "treatment_mean_adj", e.TreatmentArm.Mean)
		c.near(at, w, "se_unadjusted", e.Raw.SE)
		c.near(at, w, "variance_reduction", e.VarianceReduction)
		c.welch(at+" "+key, w.child("welch"), stats.MomentsFrom(a.N(), e.ControlArm.Mean, e.ControlArm.Variance), stats.MomentsFrom(b.N(), e.TreatmentArm.Mean, e.TreatmentArm.Variance))
	}
	// the regression with interactions takes the rows; its effect is that of own slopes by sums
	lin, err := stats.Interacted([][]float64{ya, xa}, [][]float64{yb, xb}, stats.Test{Alpha: 0.05})
	if err != nil {
		c.t.Fatal(err)
	}
	within, err := stats.CUPEDBy(stats.WithinArms, a, b, stats.Test{Alpha: 0.05})
	if err != nil {
		c.t.Fatal(err)
	}
	c.near(at, n.child("ols_ancova"), "effect", within.Difference)
	c.near(at, n.child("ols_ancova"), "slope", within.Theta[0])
	w := n.child("ols_lin_interacted")
	c.near(at, w, "effect", lin.Difference)
	c.near(at, w, "se_hc2", lin.SE)
	c.near(at, w, "p", lin.P)
	own, err := stats.CUPEDBy(stats.PerArm, a, b, stats.Test{Alpha: 0.05})
	if err != nil {
		c.t.Fatal(err)
	}
	c.near(at+" by sums", w, "effect", own.Difference)
}

// gbstats' own test vectors give the difference and its test to five digits; those of its relative mode are a delta method's and not
// targets. The sums are of values, so the variance is made of Σx².
func TestVectorsOfGrowthBook(t *testing.T) {
	arm := func(n int64, sum, squares float64) stats.Moments {
		return stats.Moments{N: n, Mean: sum / float64(n), M2: squares - sum*sum/float64(n)}
	}
	e, err := stats.Welch(arm(3407, 1396.87, 52377.9767), arm(3461, 2422.7, 134698.29), 0.05)
	if err != nil {
		t.Fatal(err)
	}
	for i, pair := range [][2]float64{{e.Difference, 0.29}, {e.Low, 0.04538}, {e.High, 0.53462}, {e.SE, 0.12478}, {e.P, 0.02016}} {
		if math.Abs(pair[0]-pair[1]) > 5e-6 {
			t.Errorf("%d: got %v, want %v", i, pair[0], pair[1])
		}
	}
	if math.Abs(e.Relative.Value-0.70732) > 5e-6 || math.Abs(e.RelativeSE()-0.37879) > 5e-6 {
		t.Errorf("lift %+v, se %v", e.Relative, e.RelativeSE())
	}
	// Their relative interval and p take the delta method's error with Welch's degrees of freedom.
	half := -special.StudentQuantile(0.025, e.DF) * e.RelativeSE()
	p := 2 * special.StudentSurvival(e.Relative.Value/e.RelativeSE(), e.DF)
	for i, pair := range [][2]float64{{e.Relative.Value - half, -0.03526}, {e.Relative.Value + half, 1.44989}, {p, 0.06191}} {
		if math.Abs(pair[0]-pair[1]) > 6e-6 {
			t.Errorf("relative, %d: got %v, want %v", i, pair[0], pair[1])
		}
	}
	few, _, err := stats.TwoProportions(stats.Proportion{N: 28, X: 14}, stats.Proportion{N: 30, X: 16}, 0.05)
	if err != nil || math.Abs(few.Relative.Value-0.06667) > 5e-6 || math.Abs(few.RelativeSE()-0.2717) > 5e-5 {
		t.Errorf("%+v, %v, %v", few, few.RelativeSE(), err)
	}
	sequences(t, arm)
}

// sequences are their two vectors of confidence sequences of the relative effect, tuned for 1,000 and for 5,000 units.
func sequences(t *testing.T, arm func(n int64, sum, squares float64) stats.Moments) {
	t.Helper()
	means, err := stats.Welch(arm(3000, 1396.87, 52377.9767), arm(3461, 2422.7, 134698.29), 0.05)
	if err != nil {
		t.Fatal(err)
	}
	rates, _, err := stats.TwoProportions(stats.Proportion{N: 3000, X: 1396}, stats.Proportion{N: 3461, X: 2422}, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		e                           stats.Effect
		tuned, effect, low, high, p float64
	}{{means, 1_000, 0.50336, -0.55844, 1.56516, 1}, {rates, 5_000, 0.50386, 0.40098, 0.60675, 0}} {
		rho, err := stats.TunedRhoApproximate(v.tuned, 0.05)
		if err != nil {
			t.Fatal(err)
		}
		rule, err := stats.ConfidenceSequence(6461, rho, 0.05)
		if err != nil {
			t.Fatal(err)
		}
		effect, half := v.e.Relative.Value, rule.Critical*v.e.RelativeSE()
		if math.Abs(effect-v.effect) > 6e-6 || math.Abs(effect-half-v.low) > 6e-6 || math.Abs(effect+half-v.high) > 6e-6 || math.Abs(rule.P(effect/v.e.RelativeSE())-v.p) > 1e-6 {
			t.Errorf("%v from %v to %v with p %v, want %+v", effect, effect-half, effect+half, rule.P(effect/v.e.RelativeSE()), v)
		}
	}
}
