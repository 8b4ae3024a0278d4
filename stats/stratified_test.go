package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/assayhq/assay/stats"
)

// unitsOf draws units of a world with three strata, whose levels differ by 10, and a covariate that explains most of the rest: y = 10·stratum
// + 2·x + noise, with an effect that is 0.5 in every stratum.
func unitsOf(r *rand.Rand, n int) (stratum, arm []int, x, y []float64) {
	for range n {
		s, a, known := r.IntN(3), r.IntN(2), r.NormFloat64()
		stratum, arm = append(stratum, s), append(arm, a)
		x, y = append(x, known+float64(s)), append(y, 10*float64(s)+2*known+r.NormFloat64()+0.5*float64(a))
	}
	return stratum, arm, x, y
}

func strataOf(t *testing.T, stratum, arm []int, columns ...[]float64) []stats.StratumSums {
	t.Helper()
	out := make([]stats.StratumSums, 3)
	for i := range out {
		out[i] = stats.StratumSums{Control: stats.NewCoSums(len(columns)), Treatment: stats.NewCoSums(len(columns))}
	}
	values := make([]float64, len(columns))
	for i, s := range stratum {
		for c := range columns {
			values[c] = columns[c][i]
		}
		sums := out[s].Control
		if arm[i] == 1 {
			sums = out[s].Treatment
		}
		if err := sums.Add(values...); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// The oracles are the formula over rows in two passes, and PostStratify, which has cases of its own (gbstats 0.8.0).
func TestStrataAndCovariatesTogether(t *testing.T) {
	stratum, arm, x, y := unitsOf(rand.New(rand.NewPCG(5, 1)), 3_000)
	test := stats.Test{Alpha: 0.05}
	sums := strataOf(t, stratum, arm, y)
	plain, err := stats.PostStratifySums(sums, test)
	if err != nil {
		t.Fatal(err)
	}
	var moments []stats.Stratum
	for _, s := range sums {
		moments = append(moments, stats.Stratum{Control: s.Control.Moments(0), Treatment: s.Treatment.Moments(0)})
	}
	want, err := stats.PostStratify(moments, test)
	if err != nil || math.Abs(plain.Difference-want.Difference) > 1e-13 || math.Abs(plain.SE-want.SE) > 1e-13 || plain.Theta != nil {
		t.Errorf("without covariates: %+v, want %+v, %v", plain, want, err)
	}
	var control, treatment []float64
	for i, a := range arm {
		if a == 0 {
			control = append(control, y[i])
		} else {
			treatment = append(treatment, y[i])
		}
	}
	raw, err := stats.WelchTest(stats.MomentsOf(control), stats.MomentsOf(treatment), test)
	if err != nil || plain.Raw.Difference != raw.Difference || math.Abs(plain.VarianceReduction-(1-plain.SE*plain.SE/raw.SE/raw.SE)) > 1e-12 || plain.VarianceReduction < 0.85 {
		t.Errorf("raw: %+v, want %+v, %v", plain.Raw, raw, err)
	}

	both, err := stats.PostStratifySums(strataOf(t, stratum, arm, y, x), test)
	if err != nil {
		t.Fatal(err)
	}
	difference, se, theta := covarianceByRows(stratum, arm, x, y)
	if math.Abs(both.Theta[0]-theta) > 1e-10 || math.Abs(both.Difference-difference) > 1e-10 || math.Abs(both.SE-se) > 1e-10 || both.VarianceReduction < plain.VarianceReduction {
		t.Errorf("%+v, want %v with standard error %v and theta %v", both, difference, se, theta)
	}
	if math.Abs((both.TreatmentArm.Mean-both.ControlArm.Mean)-both.Difference) > 1e-10 || math.Abs(both.TreatmentArm.Variance+both.ControlArm.Variance-both.SE*both.SE) > 1e-12 {
		t.Errorf("the arms are %+v and %+v", both.ControlArm, both.TreatmentArm)
	}

	// A second covariate that says the same adds nothing and is dropped.
	twice := make([]float64, len(x))
	for i := range x {
		twice[i] = 2*x[i] + 1
	}
	again, err := stats.PostStratifySums(strataOf(t, stratum, arm, y, x, twice), test)
	if err != nil || len(again.Dropped) != 1 || again.Dropped[0] != 1 || again.Theta[1] != 0 || math.Abs(again.SE-both.SE) > 1e-10 {
		t.Errorf("%+v, %v", again, err)
	}
}

// covarianceByRows is the analysis of covariance with an intercept for each arm of each stratum, in two passes over rows.
func covarianceByRows(stratum, arm []int, x, y []float64) (difference, se, theta float64) {
	var n, mx, my [3][2]float64
	for i := range x {
		n[stratum[i]][arm[i]]++
		mx[stratum[i]][arm[i]] += x[i]
		my[stratum[i]][arm[i]] += y[i]
	}
	var xx, xy float64
	for i := range x {
		s, a := stratum[i], arm[i]
		dx, dy := x[i]-mx[s][a]/n[s][a], y[i]-my[s][a]/n[s][a]
		xx, xy = xx+dx*dx, xy+dx*dy
	}
	theta = xy / xx
	var squares [3][2]float64
	for i := range x {
		s, a := stratum[i], arm[i]
		residual := y[i] - my[s][a]/n[s][a] - theta*(x[i]-mx[s][a]/n[s][a])
		squares[s][a] += residual * residual
	}
	var effects, shares [3]float64
	variance := 0.0
	for s := range 3 {
		shares[s] = (n[s][0] + n[s][1]) / float64(len(x))
		effects[s] = my[s][1]/n[s][1] - my[s][0]/n[s][0] - theta*(mx[s][1]/n[s][1]-mx[s][0]/n[s][0])
		difference += shares[s] * effects[s]
		for a := range 2 {
			variance += shares[s] * shares[s] * squares[s][a] / (n[s][a] - 1) / n[s][a]
		}
	}
	for s := range 3 {
		variance += shares[s] * (effects[s] - difference) * (effects[s] - difference) / float64(len(x))
	}
	return difference, math.Sqrt(variance), theta
}

// The true effect is 0.5 in every stratum; in 2,000 experiments of 300 units it is covered in 95 % within Monte-Carlo error (four standard
// errors: 1.95 points), with strata alone and with both.
func TestStratifiedIntervalsCover(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	const trials = 2_000
	var covered [2]int
	for range trials {
		stratum, arm, x, y := unitsOf(r, 300)
		for i, columns := range [][][]float64{{y}, {y, x}} {
			e, err := stats.PostStratifySums(strataOf(t, stratum, arm, columns...), stats.Test{Alpha: 0.05})
			if err != nil {
				t.Fatal(err)
			}
			if e.Low <= 0.5 && 0.5 <= e.High {
				covered[i]++
			}
		}
	}
	for i, n := range covered {
		if share := float64(n) / trials; math.Abs(share-0.95) > 0.0195 {
			t.Errorf("with %d covariates the effect is covered in %v of cases", i, share)
		}
	}
}

func TestStrataThatTellNothingAreRefused(t *testing.T) {
	few, perfect := strataOf(t, []int{0, 0, 0}, []int{0, 0, 1}, []float64{1, 2, 3}), strataOf(t, nil, nil, nil)
	wide := strataOf(t, nil, nil, nil, nil)
	for i := range perfect {
		for u := range 4 {
			v := float64(i*10 + u*u)
			for _, sums := range []*stats.CoSums{perfect[i].Control, perfect[i].Treatment} {
				if err := sums.Add(float64(i)); err != nil {
					t.Fatal(err)
				}
			}
			for _, sums := range []*stats.CoSums{wide[i].Control, wide[i].Treatment} {
				if err := sums.Add(3*v+1, v); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, c := range map[string]struct {
		strata []stats.StratumSums
		kind   stats.Kind
	}{
		"none":                             {nil, stats.InsufficientData},
		"one unit in an arm":               {few[:1], stats.InsufficientData},
		"other covariates than the others": {append(perfect[:1:1], wide[1]), stats.InvalidInput},
		"nothing varies within strata":     {perfect, stats.ZeroVariance},
		"the covariate explains it all":    {wide, stats.ZeroVariance},
	} {
		if e, err := stats.PostStratifySums(c.strata, stats.Test{Alpha: 0.05}); !isKind(err, c.kind) {
			t.Errorf("%s: %v, %+v", name, err, e)
		}
	}
}
