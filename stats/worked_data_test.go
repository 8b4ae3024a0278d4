package stats_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/assayhq/assay/stats"
)

// workedArm is a rate when it has X, otherwise a mean.
type workedArm struct {
	N, X int64
	Mean *float64
}

func (a workedArm) mean() float64 {
	if a.Mean != nil {
		return *a.Mean
	}
	return float64(a.X) / float64(a.N)
}

func (a workedArm) rate() stats.Proportion { return stats.Proportion{N: a.N, X: a.X} }

// comparison is a place of the shared expectations where two rates are compared (statsmodels 0.13.5, scipy 1.10.1, gbstats 0.8.0).
type comparison struct {
	Control, Treatment workedArm
	Bayes              *struct {
		Prior     []float64
		Better    float64 `json:"prob_treatment_better"`
		LossKeep  float64 `json:"expected_loss_choose_control"`
		LossShips float64 `json:"expected_loss_choose_treatment"`
	} `json:"bayes_beta_1_1"`
	Gbstats *struct{ Relative, Absolute *gbstats }
}

type gbstats struct {
	Effect, SE float64
	Sequential struct {
		CI []float64 `json:"ci95"`
		P  float64
	} `json:"sequential_n5000"`
	Flat struct {
		Chance float64   `json:"chance_to_win"`
		CI     []float64 `json:"ci95"`
		Risk   []float64 `json:"risk_control_treatment"`
	} `json:"bayes_flat"`
	Prior struct {
		Chance float64   `json:"chance_to_win"`
		Effect float64   `json:"effect"`
		CI     []float64 `json:"ci95"`
	} `json:"bayes_prior_N0_sd0_3"`
}

// everywhere calls visit for each object of a document.
func everywhere(path string, text json.RawMessage, visit func(path string, object json.RawMessage)) {
	var object map[string]json.RawMessage
	if json.Unmarshal(text, &object) == nil && object != nil {
		visit(path, text)
		for name, part := range object {
			everywhere(path+"/"+name, part, visit)
		}
		return
	}
	var list []json.RawMessage
	if json.Unmarshal(text, &list) == nil {
		for _, part := range list {
			everywhere(path, part, visit)
		}
	}
}

func relNear(got, want, tol float64) bool { return math.Abs(got-want) <= tol*math.Abs(want)+1e-12 }

func TestTheSharedRealDataAreReproduced(t *testing.T) {
	bayes, frequentist := 0, 0
	for _, name := range []string{"ab_data", "cookie_cats", "free_trial", "hillstrom", "worked_tables"} {
		file := name + ".expected.json"
		if name == "worked_tables" {
			file = "worked_tables.json"
		}
		text, err := os.ReadFile("../../shared/data/" + file)
		if err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal("the reference data are missing: ", err)
			}
			t.Skip("the reference data are not beside the checkout")
		}
		everywhere(name, text, func(path string, object json.RawMessage) {
			var c comparison
			if json.Unmarshal(object, &c) != nil || c.Control.N == 0 {
				return
			}
			if c.Bayes != nil {
				bayes++
				c.checkBayes(t, path)
			}
			if c.Gbstats != nil && c.Gbstats.Absolute != nil && c.Gbstats.Relative != nil {
				frequentist++
				c.check(t, path+" relative", *c.Gbstats.Relative, 1)
				c.check(t, path+" absolute", *c.Gbstats.Absolute, c.Control.mean())
			}
		})
	}
	if bayes < 15 || frequentist < 15 {
		t.Errorf("%d Bayesian and %d other comparisons were found", bayes, frequentist)
	}
}

func (c comparison) checkBayes(t *testing.T, path string) {
	t.Helper()
	p, err := stats.BetaBinomial(c.Control.rate(), c.Treatment.rate(), stats.BetaPrior{Alpha: c.Bayes.Prior[0], Beta: c.Bayes.Prior[1]}, 0.05)
	if err != nil {
		t.Fatal(path, err)
	}
	// The reference cancels where the loss is tiny, so an absolute allowance stands beside the relative one.
	if !relNear(p.ChanceToWin, c.Bayes.Better, 1e-7) || math.Abs(p.LossControl-c.Bayes.LossKeep) > 1e-7*c.Bayes.LossKeep+1e-11 || math.Abs(p.LossTreatment-c.Bayes.LossShips) > 1e-7*c.Bayes.LossShips+1e-11 {
		t.Errorf("%s: %+v, want %+v", path, p, *c.Bayes)
	}
}

// check takes gbstats' own effect and standard error, and holds what follows from them against ours: GrowthBook's rho for 5,000 units, the
// flat posterior and the one with the prior N(0, 0.3²) of the relative effect.
func (c comparison) check(t *testing.T, path string, g gbstats, baseline float64) {
	t.Helper()
	rho, err := stats.TunedRhoApproximate(5_000, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	rule, err := stats.ConfidenceSequence(float64(c.Control.N+c.Treatment.N), rho, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	half := rule.Critical * g.SE
	if !relNear(g.Effect-half, g.Sequential.CI[0], 1e-8) || !relNear(g.Effect+half, g.Sequential.CI[1], 1e-8) || !relNear(rule.P(g.Effect/g.SE), g.Sequential.P, 1e-7) {
		t.Errorf("%s: sequence %v to %v with p %v, want %+v", path, g.Effect-half, g.Effect+half, rule.P(g.Effect/g.SE), g.Sequential)
	}
	flat, err := stats.GaussianPosterior(g.Effect, g.SE, nil, 0.05)
	if err != nil || !relNear(flat.ChanceToWin, g.Flat.Chance, 1e-8) || !relNear(flat.Low, g.Flat.CI[0], 1e-8) || !relNear(flat.High, g.Flat.CI[1], 1e-8) {
		t.Errorf("%s: %+v, want %+v, %v", path, flat, g.Flat, err)
	}
	// gbstats' risks cancel below 1e-12.
	if len(g.Flat.Risk) == 2 && (!relNear(flat.RiskControl, g.Flat.Risk[0], 1e-7) || !relNear(flat.RiskTreatment, g.Flat.Risk[1], 1e-7)) {
		t.Errorf("%s: risks %v and %v, want %v", path, flat.RiskControl, flat.RiskTreatment, g.Flat.Risk)
	}
	prior := stats.GaussianPrior{Variance: 0.09}.Scaled(baseline)
	proper, err := stats.GaussianPosterior(g.Effect, g.SE, &prior, 0.05)
	if err != nil || !relNear(proper.ChanceToWin, g.Prior.Chance, 1e-7) || !relNear(proper.Mean, g.Prior.Effect, 1e-8) || !relNear(proper.Low, g.Prior.CI[0], 1e-7) || !relNear(proper.High, g.Prior.CI[1], 1e-7) {
		t.Errorf("%s: %+v, want %+v, %v", path, proper, g.Prior, err)
	}
}

func TestTheSharedSequentialSampleRatiosAreReproduced(t *testing.T) {
	var tables map[string]json.RawMessage
	worked(t, "sequential_srm_dirichlet_1", &tables)
	checked := 0
	for name, text := range tables {
		var looks []struct {
			Cumulative []int64
			Ln         float64 `json:"log_bayes_factor"`
			P          float64 `json:"sequential_p"`
		}
		if name == "definition" || json.Unmarshal(text, &looks) != nil {
			continue
		}
		table := make([][]int64, len(looks))
		for i, look := range looks {
			table[i] = look.Cumulative
		}
		s, err := stats.SampleRatioSequenceFlat(table, []float64{1, 1})
		if err != nil {
			t.Fatal(name, err)
		}
		for i, look := range looks {
			checked++
			// The reference takes differences of ln Γ, which is 1e-9 at these sizes.
			if math.Abs(s.LnBayesFactor[i]-look.Ln) > 1e-8 || !relNear(s.P[i], look.P, 1e-8) {
				t.Errorf("%s look %d: %v %v, want %+v", name, i+1, s.LnBayesFactor[i], s.P[i], look)
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d looks", checked)
	}
}

func TestTheSharedCorrectionsAreReproduced(t *testing.T) {
	checked := 0
	for _, name := range []string{"cookie_cats", "hillstrom"} {
		text, err := os.ReadFile("../../shared/data/" + name + ".expected.json")
		if err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal("the reference data are missing: ", err)
			}
			t.Skip("the reference data are not beside the checkout")
		}
		everywhere(name, text, func(path string, object json.RawMessage) {
			var c struct{ Raw, Bonferroni, Holm, Hommel, FDRBH, FDRBY []float64 }
			if json.Unmarshal([]byte(strings.ReplaceAll(string(object), "fdr_", "fdr")), &c) != nil || len(c.Raw) == 0 || len(c.Holm) == 0 {
				return
			}
			checked++
			for correction, want := range map[stats.Correction][]float64{
				stats.Bonferroni: c.Bonferroni, stats.Holm: c.Holm, stats.Hommel: c.Hommel, stats.BenjaminiHochberg: c.FDRBH, stats.BenjaminiYekutieli: c.FDRBY,
			} {
				got, err := stats.Adjust(correction, c.Raw)
				if err != nil || len(got) != len(want) {
					t.Fatal(path, correction, got, want, err)
				}
				for i := range want {
					if !relNear(got[i], want[i], 1e-12) {
						t.Errorf("%s: %s gives %v, want %v", path, correction, got, want)
					}
				}
			}
		})
	}
	if checked < 2 {
		t.Errorf("only %d families", checked)
	}
}
