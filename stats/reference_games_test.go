package stats_test

import (
	"math"
	"strings"
	"testing"

	"github.com/assayhq/assay/stats"
)

func TestRoundsOfCookieCats(t *testing.T) {
	c, file := &checker{t: t}, readNode(t, "cookie_cats.expected.json")
	var arms, without [2][]float64
	for _, row := range readRows(t, "cookie_cats.csv.gz") {
		arm := 0
		if row["version"] == "gate_40" {
			arm = 1
		}
		v := parsed(t, row["sum_gamerounds"])
		arms[arm] = append(arms[arm], v)
		if v != 49854 {
			without[arm] = append(without[arm], v)
		}
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
}
