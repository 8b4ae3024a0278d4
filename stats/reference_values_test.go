package stats_test

import (
	"compress/gzip"
	"encoding/csv"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/assayhq/assay/stats"
)

// readRows reads a gzipped table of the reference data as one map per row.
func readRows(t *testing.T, name string) []map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(sharedData(t), name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(z)
	head, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for {
		fields, err := r.Read()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		row := map[string]string{}
		for i, f := range fields {
			row[head[i]] = f
		}
		out = append(out, row)
	}
}

func parsed(t *testing.T, text string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// values checks everything that a file says about a metric of which the values are known.
func (c *checker) values(at string, n node, a, b []float64) {
	c.t.Helper()
	for _, arm := range []struct {
		n node
		v []float64
	}{{n.child("control"), a}, {n.child("treatment"), b}} {
		s, err := stats.SumsOf(arm.v)
		if err != nil {
			c.t.Fatal(err)
		}
		m := s.Moments()
		c.near(at, arm.n, "n", float64(m.N))
		c.near(at, arm.n, "mean", m.Mean)
		c.near(at, arm.n, "sd", math.Sqrt(m.Variance()))
		c.near(at, arm.n, "sum", s.Sum())
		c.near(at, arm.n, "sum_squares", s.SumSquares())
		nonzero := 0.0
		for _, v := range arm.v {
			if v != 0 {
				nonzero++
			}
		}
		c.near(at, arm.n, "min", slices.Min(arm.v))
		c.near(at, arm.n, "max", slices.Max(arm.v))
		c.near(at, arm.n, "nonzero", nonzero)
		for q := range arm.n.child("quantiles_linear") {
			p, _ := strconv.ParseFloat(q, 64)
			r, err := stats.Quantile(arm.v, p, 0.05)
			if err != nil {
				c.t.Error(err)
			}
			c.near(at, arm.n.child("quantiles_linear"), q, r.Estimate)
		}
	}
	c.welch(at, n.child("welch"), stats.MomentsOf(a), stats.MomentsOf(b))
	ranks, err := stats.MannWhitney(a, b)
	if err != nil {
		c.t.Error(err)
	}
	mw := n.child("mann_whitney")
	c.near(at, mw, "u_treatment", ranks.U)
	c.near(at, mw, "p_two_sided", ranks.PContinuity)
	// the file's is P(b > a) + P(b = a)/2
	c.near(at, mw, "prob_treatment_gt_control", ranks.Superiority)
	for key, upper := range map[string]float64{"winsorized_p99": 0.99, "winsorized_p99.9": 0.999} {
		if w := n.child(key); w != nil {
			c.winsorized(at+" "+key, w, upper, a, b)
		}
	}
}

func (c *checker) winsorized(at string, w node, upper float64, a, b []float64) {
	c.t.Helper()
	caps, err := stats.Percentiles{Upper: upper}.Caps(append(append([]float64{}, a...), b...))
	if err != nil {
		c.t.Fatal(err)
	}
	c.near(at, w, "cap", caps.High)
	capped, err := stats.Cap(caps, a, b)
	if w.child("welch")["p_two_sided"] == nil {
		if err == nil {
			c.t.Errorf("%s: a cap of %v leaves nothing, but is taken", at, caps.High)
		}
		return
	}
	if err != nil {
		c.t.Errorf("%s: %v", at, err)
		return
	}
	cutOf := func(values []float64) (n float64) {
		for _, v := range values {
			if v > caps.High {
				n++
			}
		}
		return n
	}
	c.within(at, w, "n_capped", cutOf(a), cutOf(b), 0)
	if capped.High != int64(cutOf(a)+cutOf(b)) {
		c.t.Errorf("%s: %d values were cut", at, capped.High)
	}
	c.near(at, w, "control_mean", capped.Arms[0].Moments().Mean)
	c.near(at, w, "treatment_mean", capped.Arms[1].Moments().Mean)
	c.welch(at, w.child("welch"), capped.Arms[0].Moments(), capped.Arms[1].Moments())
}
