package stats_test

import (
	"math"
	"strings"
	"testing"

	"github.com/assayhq/assay/stats"
	"github.com/assayhq/assay/stats/special"
)

// TestEveryTableOfRatesAndMeans recomputes every table of two rates, every pair of means and every sample ratio in the files from its
// counts.
func TestEveryTableOfRatesAndMeans(t *testing.T) {
	c := &checker{t: t}
	for _, name := range []string{"cookie_cats.expected.json", "ab_data.expected.json", "hillstrom.expected.json", "free_trial.expected.json", "worked_tables.json"} {
		walk(strings.TrimSuffix(name, ".json"), readNode(t, name), func(at string, n node) {
			a, b := n.child("control"), n.child("treatment")
			switch {
			case a["x"] != nil && b["x"] != nil:
				c.rates(at, n, stats.Proportion{N: int64(number(a, "n")), X: int64(number(a, "x"))}, stats.Proportion{N: int64(number(b, "n")), X: int64(number(b, "x"))})
			case a["sd"] != nil && b["sd"] != nil:
				arm := func(n node) stats.Moments {
					return stats.MomentsFrom(int64(number(n, "n")), number(n, "mean"), number(n, "sd")*number(n, "sd"))
				}
				c.means(at, n, arm(a), arm(b))
			case n["observed"] != nil && n["expected_weights"] != nil:
				c.sampleRatio(at, n)
			case n["day"] != nil && n["nc"] != nil:
				c.day(at, n)
			}
		})
	}
	if c.compared < 1500 {
		t.Errorf("only %d numbers were compared", c.compared)
	}
	t.Logf("%d numbers compared", c.compared)
}

func (c *checker) rates(at string, n node, a, b stats.Proportion) {
	c.t.Helper()
	for _, arm := range []struct {
		n node
		p stats.Proportion
	}{{n.child("control"), a}, {n.child("treatment"), b}} {
		c.near(at, arm.n, "rate", arm.p.Rate())
		low, high, _ := arm.p.Wilson(0.05)
		c.within(at, arm.n, "wilson95", low, high, 1e-9)
	}
	e, pooled, err := stats.TwoProportions(a, b, 0.05)
	if err != nil {
		c.t.Errorf("%s: %v", at, err)
		return
	}
	c.near(at, n, "abs_diff", e.Difference)
	c.near(at, n, "rel_lift", e.Relative.Value)
	z := n.child("z_pooled")
	c.near(at, z, "se", pooled.SE)
	c.near(at, z, "z", pooled.Z)
	c.near(at, z, "p_two_sided", pooled.P)
	c.near(at, z, "p_greater", special.NormalSurvival(pooled.Z))
	c.near(at, z, "p_less", special.NormalSurvival(-pooled.Z))
	half := 1.96 * pooled.SE // the pooled error in an interval, as a course teaches it
	c.within(at, n, "udacity_style_pooled_ci95", e.Difference-half, e.Difference+half, 1e-9)
	z = n.child("z_unpooled")
	c.near(at, z, "se", e.SE)
	c.near(at, z, "z", e.Statistic)
	c.near(at, z, "p_two_sided", e.P)
	c.within(at, z, "ci95_abs", e.Low, e.High, 1e-9)
	table, err := stats.Independence([][]int64{{a.X, a.N - a.X}, {b.X, b.N - b.X}})
	if err != nil {
		c.t.Error(err)
	}
	c.near(at, n.child("chi2"), "stat", table.Statistic)
	c.near(at, n.child("chi2"), "p", table.P)
	exact, _ := stats.Fisher(a, b)
	c.near(at, n, "fisher_exact_p_two_sided", exact.TwoSided)
	d, _ := stats.RateDifference(a, b, 0.05)
	c.within(at, n, "ci95_abs_newcombe", d.Newcombe.Low, d.Newcombe.High, 1e-9)
	c.within(at, n, "ci95_abs_agresti_caffo", d.AgrestiCaffo.Low, d.AgrestiCaffo.High, 1e-9)
	// statsmodels 0.13.5, which made this field, does not maximise the likelihood (SCHEMA.md of the golden cases); so what holds ours is
	// the definition, and the field only to the size of that error
	if list, there := n["ci95_abs_miettinen_nurminen"].([]any); there {
		mn := d.MiettinenNurminen
		for i, got := range []float64{mn.Low, mn.High} {
			c.compare(at+" score statistic", math.Abs(scoreByBruteForce(a, b, got)), 1.9599639845400545)
			if math.Abs(got-list[i].(float64)) > 0.005*(mn.High-mn.Low) {
				c.t.Errorf("%s miettinen_nurminen: %v, want %v", at, mn, list)
			}
		}
	}
	c.welch(at, n.child("welch_t"), bernoulli(a), bernoulli(b))
	sampleA, _ := a.Sample()
	sampleB, _ := b.Sample()
	lift, _ := stats.RelativeLift(sampleA, sampleB, 0.05)
	c.lift(at, n.child("rel_lift_delta_method"), lift)
	c.within(at, n, "rel_lift_fieller_ci95", e.Relative.Low, e.Relative.High, 1e-9)
	ratio := n.child("risk_ratio")
	c.near(at, ratio, "rr", 1+lift.Value)
	c.near(at, ratio, "se_log", lift.Log.SE)
	c.within(at, ratio, "ci95_log", 1+lift.Log.Interval.Low, 1+lift.Log.Interval.High, 1e-9)
}

// scoreByBruteForce is Miettinen and Nurminen's statistic of a difference, with the likelihood maximised by bisection of its slope.
func scoreByBruteForce(a, b stats.Proportion, d float64) float64 {
	slope := func(p float64) float64 { // of the log likelihood in the control's rate, which falls
		q := p + d
		return float64(a.X)/p - float64(a.N-a.X)/(1-p) + float64(b.X)/q - float64(b.N-b.X)/(1-q)
	}
	low, high := math.Max(0, -d), math.Min(1, 1-d)
	for range 200 {
		if middle := (low + high) / 2; slope(middle) > 0 {
			low = middle
		} else {
			high = middle
		}
	}
	p, n := (low+high)/2, float64(a.N+b.N)
	q := p + d
	return (b.Rate() - a.Rate() - d) / math.Sqrt((p*(1-p)/float64(a.N)+q*(1-q)/float64(b.N))*n/(n-1))
}

// bernoulli are the moments of a rate's zeros and ones.
func bernoulli(p stats.Proportion) stats.Moments {
	return stats.MomentsFrom(p.N, p.Rate(), p.Rate()*(1-p.Rate())*float64(p.N)/float64(p.N-1))
}

func (c *checker) sampleRatio(at string, n node) {
	c.t.Helper()
	var observed []int64
	var weights []float64
	for i, v := range n["observed"].([]any) {
		observed = append(observed, int64(v.(float64)))
		weights = append(weights, n["expected_weights"].([]any)[i].(float64))
	}
	r, err := stats.SampleShares(observed, weights)
	if err != nil {
		c.t.Errorf("%s: %v", at, err)
	}
	c.near(at, n, "chi2", r.ChiSquare)
	c.near(at, n, "df", float64(r.DF))
	c.near(at, n, "p", r.P)
}

func (c *checker) day(at string, n node) {
	c.t.Helper()
	a, b := stats.Proportion{N: int64(number(n, "nc")), X: int64(number(n, "xc"))}, stats.Proportion{N: int64(number(n, "nt")), X: int64(number(n, "xt"))}
	pooled, err := stats.Pooled(a, b)
	if err != nil {
		c.t.Error(err)
	}
	c.near(at, n, "z", pooled.Z)
	c.near(at, n, "p_two_sided", pooled.P)
	r, _ := stats.SampleRatio([]int64{a.N, b.N}, []int64{1, 1})
	c.near(at, n, "srm_p", r.P)
}
