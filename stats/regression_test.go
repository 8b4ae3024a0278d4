package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/assayhq/assay/stats"
)

// lineColumns draws the metric and k covariates of n units.
func lineColumns(r *rand.Rand, n, k int, effect float64) [][]float64 {
	out := make([][]float64, k+1)
	for range n {
		y := effect + r.NormFloat64()
		for j := 1; j <= k; j++ {
			x := r.ExpFloat64()
			y += float64(j) * x
			out[j] = append(out[j], x)
		}
		out[0] = append(out[0], y)
	}
	return out
}

// The oracle solves the whole regression at once by Gauss-Jordan elimination: y on 1, T, x - x̄ and T(x - x̄), with HC2 from its definition,
// (X'X)⁻¹ X' diag(e²/(1-h)) X (X'X)⁻¹.
func TestTheInteractedRegressionIsThatOfAllUnits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for _, k := range []int{0, 1, 3} {
		a, b := lineColumns(r, 40, k, 0), lineColumns(r, 30, k, 0.5)
		e, err := stats.Interacted(a, b, stats.Test{Alpha: 0.05})
		if err != nil {
			t.Fatal(err)
		}
		effect, se := wholeRegression(a, b)
		if math.Abs(e.Difference-effect) > 1e-10 || math.Abs(e.SE-se) > 1e-10*se || math.Abs(e.Statistic-effect/se) > 1e-8 {
			t.Errorf("%d covariates: %v ± %v, want %v ± %v", k, e.Difference, e.SE, effect, se)
		}
		sumsA, _ := stats.CoSumsOf(a...)
		sumsB, _ := stats.CoSumsOf(b...)
		if own, err := stats.CUPEDBy(stats.PerArm, sumsA, sumsB, stats.Test{Alpha: 0.05}); err != nil || math.Abs(own.Difference-e.Difference) > 1e-10 || own.SE > e.SE && k > 0 {
			t.Errorf("with own slopes by sums: %+v, %v", own.Effect, err)
		}
		if k == 0 { // Welch's, because 1 - h is (n-1)/n
			if w, _ := stats.WelchTest(stats.MomentsOf(a[0]), stats.MomentsOf(b[0]), stats.Test{Alpha: 0.05}); math.Abs(w.SE-e.SE) > 1e-12 {
				t.Errorf("without covariates: %v, want %v", e.SE, w.SE)
			}
		}
	}
}

func wholeRegression(a, b [][]float64) (effect, se float64) {
	k, n := len(a)-1, len(a[0])+len(b[0])
	var rows [][]float64
	var y []float64
	mean := make([]float64, k)
	for _, arm := range [][][]float64{a, b} {
		for j := range k {
			for _, v := range arm[j+1] {
				mean[j] += v / float64(n)
			}
		}
	}
	for treated, arm := range [][][]float64{a, b} {
		for i, v := range arm[0] {
			row := []float64{1, float64(treated)}
			for j := range k {
				row = append(row, arm[j+1][i]-mean[j], float64(treated)*(arm[j+1][i]-mean[j]))
			}
			rows, y = append(rows, row), append(y, v)
		}
	}
	p := 2 + 2*k
	gram := make([][]float64, p)
	right := make([]float64, p)
	for i := range gram {
		gram[i] = make([]float64, 2*p)
		gram[i][p+i] = 1
		for u, row := range rows {
			right[i] += row[i] * y[u]
			for j := range p {
				gram[i][j] += row[i] * row[j]
			}
		}
	}
	for i := range p {
		pivot := gram[i][i]
		for j := range gram[i] {
			gram[i][j] /= pivot
		}
		for o := range p {
			if factor := gram[o][i]; o != i {
				for j := range gram[o] {
					gram[o][j] -= factor * gram[i][j]
				}
			}
		}
	}
	inverse := func(i, j int) float64 { return gram[i][p+j] }
	beta := make([]float64, p)
	for i := range p {
		for j := range p {
			beta[i] += inverse(i, j) * right[j]
		}
	}
	variance := 0.0
	for u, row := range rows {
		residual, leverage, weight := y[u], 0.0, 0.0
		for i := range p {
			residual -= row[i] * beta[i]
			weight += inverse(1, i) * row[i]
			for j := range p {
				leverage += row[i] * inverse(i, j) * row[j]
			}
		}
		variance += weight * weight * residual * residual / (1 - leverage)
	}
	return beta[1], math.Sqrt(variance)
}

func TestRegressionsThatCannotBeMade(t *testing.T) {
	good := lineColumns(rand.New(rand.NewPCG(4, 1)), 10, 1, 0)
	test := stats.Test{Alpha: 0.05}
	for name, c := range map[string]struct {
		control, treatment [][]float64
		kind               stats.Kind
	}{
		"nothing":                  {nil, nil, stats.InvalidInput},
		"other covariates":         {good, good[:1], stats.InvalidInput},
		"a value is missing":       {good, [][]float64{good[0], good[1][:9]}, stats.InvalidInput},
		"a value is no number":     {good, [][]float64{{1, 2, math.NaN()}, {1, 2, 3}}, stats.InvalidInput},
		"too few units":            {good, [][]float64{{1, 2}, {1, 2}}, stats.InsufficientData},
		"one unit fixes the slope": {good, [][]float64{{1, 2, 3, 4}, {0, 0, 0, 1}}, stats.InsufficientData},
		"nothing varies":           {[][]float64{{1, 1, 1}}, [][]float64{{2, 2, 2}}, stats.ZeroVariance},
	} {
		if e, err := stats.Interacted(c.control, c.treatment, test); !isKind(err, c.kind) {
			t.Errorf("%s: %v, %+v", name, err, e)
		}
	}
	// A covariate that says the same twice, or nothing, changes nothing.
	twice := func(arm [][]float64) [][]float64 {
		return [][]float64{arm[0], arm[1], arm[1], make([]float64, len(arm[0]))}
	}
	other := lineColumns(rand.New(rand.NewPCG(5, 1)), 12, 1, 1)
	want, err := stats.Interacted(good, other, test)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := stats.Interacted(twice(good), twice(other), test); err != nil || math.Abs(got.Difference-want.Difference) > 1e-12 || math.Abs(got.SE-want.SE) > 1e-12 {
		t.Errorf("%v ± %v, want %v ± %v, %v", got.Difference, got.SE, want.Difference, want.SE, err)
	}
}
