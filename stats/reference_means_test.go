package stats_test

import (
	"github.com/assayhq/assay/stats"
)

func (c *checker) means(at string, n node, a, b stats.Moments) {
	c.t.Helper()
	w := n.child("welch")
	c.welch(at, w, a, b)
}

func (c *checker) welch(at string, w node, a, b stats.Moments) {
	c.t.Helper()
	e, err := stats.Welch(a, b, 0.05)
	if err != nil {
		c.t.Errorf("%s: %v", at, err)
		return
	}
	at += " welch"
	c.near(at, w, "abs_diff", e.Difference)
	c.near(at, w, "se", e.SE)
	c.near(at, w, "t", e.Statistic)
	c.near(at, w, "df", e.DF)
	c.near(at, w, "p_two_sided", e.P)
	c.within(at, w, "ci95_abs", e.Low, e.High, 1e-9)
	z, _ := stats.ZTest(a, b, stats.Test{Alpha: 0.05})
	c.near(at, w, "p_two_sided_normal", z.P)
	sampleA, _ := a.Sample()
	sampleB, _ := b.Sample()
	lift, err := stats.RelativeLift(sampleA, sampleB, 0.05)
	if err != nil {
		c.t.Errorf("%s: %v", at, err)
		return
	}
	r := w.child("rel_lift")
	c.lift(at, r, lift)
	if lift.Fieller != nil {
		c.within(at, r, "fieller_ci95", lift.Fieller.Low, lift.Fieller.High, 1e-9)
	} else if r["fieller_ci95"] != nil {
		c.t.Errorf("%s: no Fieller interval, want %v", at, r["fieller_ci95"])
	}
}

func (c *checker) lift(at string, r node, lift stats.Lift) {
	c.t.Helper()
	c.near(at, r, "lift", lift.Value)
	c.near(at, r, "se", lift.SE)
	c.within(at, r, "ci95", lift.Delta.Low, lift.Delta.High, 1e-9)
	p, _ := stats.TwoSidedZ(lift.Value / lift.SE)
	c.near(at, r, "p_delta_method", p)
	c.near(at, r, "p_two_sided", p)
}
