package stats_test

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assayhq/assay/stats"
)

// Sizes that were published, by the program that each names: R's power.prop.test and power.t.test as far as their search goes, G*Power's totals within
// the half percent that their source allows.
func TestPublishedSizes(t *testing.T) {
	size := func(p1, p2, alpha, power float64) stats.RatesSize {
		n, err := stats.SizeForRates(p1, p2, 1, alpha, power)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	means := func(delta, sd, alpha, power float64) stats.MeansSize {
		n, err := stats.SizeForMeans(delta, sd, sd, 1, alpha, power, stats.TwoSided)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var list []map[string]any
	worked(t, "sample_size_published", &list)
	c := &checker{t: t}
	within := func(what string, got, want, tolerance float64) {
		c.compared++
		if !(math.Abs(got/want-1) <= tolerance) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	within("5 % and a twentieth of it", size(0.05, 0.0525, 0.05, 0.8).Pooled, number(list[0], "exact_power_prop_test"), 1e-9)
	within("1 % and a tenth of it", size(0.01, 0.011, 0.05, 0.8).Pooled, number(list[2], "computed_power_prop_test"), 1e-9)
	within("gross conversion", size(0.20625, 0.21625, 0.05, 0.8).Pooled, number(list[3], "power_prop_test"), 1e-9)
	within("net conversion", size(0.1093125, 0.1168125, 0.05, 0.8).Pooled, number(list[4], "power_prop_test"), 1e-9)
	documented := node(list[6]).child("values")
	within("documented size", size(0.5, 0.75, 0.05, 0.9).Pooled, number(documented, "power.prop.test_p.5_.75_power.9"), 1e-7)
	within("documented size at 1 %", size(0.5, 0.75, 0.01, 0.9).Pooled, number(documented, "power.prop.test_p.5_.75_power.9_sig.01"), 1e-7)
	// power.t.test and power.prop.test leave out the far tail unless told otherwise.
	within("documented size of a mean", means(1, 1, 0.05, 0.9).T, number(documented, "power.t.test_power.9_delta1"), 1e-6)
	power, err := stats.PowerOfRates(0.5, 0.75, 50, 50, 0.05)
	within("documented power", power.Pooled, number(documented, "power.prop.test_n50_p.5_.75"), 1e-5)
	if err != nil {
		t.Error(err)
	}
	ofMeans, err := stats.PowerOfMeans(20, 20, 1, 1, 1, 0.05, stats.TwoSided)
	within("documented power of a mean", ofMeans.T, number(documented, "power.t.test_n20_delta1"), 1e-6)
	if err != nil {
		t.Error(err)
	}
	for i, entry := range list[7]["cases"].([]any) {
		n := node(entry.(map[string]any))
		total := publishedTotal(t, n)
		c.compared++
		if want := number(n, "n_total"); math.Abs(total/want-1) > 0.005 {
			t.Errorf("G*Power's case %d: %v, want %v", i, total, want)
		}
	}
	for name, value := range readNode(t, "free_trial.expected.json").child("sample_size_per_group") {
		n := node(value.(map[string]any))
		within(name, size(number(n, "baseline"), number(n, "baseline")+number(n, "dmin"), number(n, "alpha"), number(n, "power")).Arcsine, number(n, "n_cohen_h_arcsine"), 3e-5)
	}
	if c.compared < 19 {
		t.Errorf("only %d sizes", c.compared)
	}
}

// publishedTotal is the size of all arms together for a case of G*Power's.
func publishedTotal(t *testing.T, n node) float64 {
	t.Helper()
	// The totals noted at a power of 0.8, or at none, are those of 0.85: 39,906 = 4·100·(1.95996 + 1.03643)²/0.3².
	alpha, power := 0.05, 0.85
	if n["alpha"] != nil {
		alpha = number(n, "alpha")
	}
	if n["power"] != nil && number(n, "power") != 0.8 {
		power = number(n, "power")
	}
	// Three arms are not corrected for: each is as large as for two, in the control's multiples.
	arms, ratio := 2.0, 1.0
	if n["arms"] != nil {
		arms = 3
		if _, uneven := n["allocation"].([]any); uneven { // half of all in the control, a quarter in each treatment
			arms, ratio = 2, 0.5
		}
	}
	control, err := 0.0, error(nil)
	if n["kind"] == "continuous" {
		var size stats.MeansSize
		sd := math.Sqrt(number(n, "variance"))
		size, err = stats.SizeForMeans(number(n, "mde_abs"), sd, sd, ratio, alpha, power, stats.TwoSided)
		control = size.Z
	} else {
		var size stats.RatesSize
		size, err = stats.SizeForRates(number(n, "p"), number(n, "p")+number(n, "mde_abs"), ratio, alpha, power)
		control = size.Pooled
	}
	if err != nil {
		t.Fatal(err)
	}
	return arms * control
}

// The totals of the trial are those of its days, and what the file says of rates is of them.
func TestTotalsOfFreeTrial(t *testing.T) {
	c, file := &checker{t: t}, readNode(t, "free_trial.expected.json")
	for arm, name := range []string{"free_trial_control.csv", "free_trial_experiment.csv"} {
		text, err := os.ReadFile(filepath.Join(sharedData(t), name))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		all, complete := map[string]float64{}, map[string]float64{}
		days := 0.0
		for _, row := range rows[1:] {
			if row[3] != "" {
				days++
			}
			for i := 1; i < len(row); i++ {
				if row[i] == "" {
					continue
				}
				all[rows[0][i]] += parsed(t, row[i])
				if row[3] != "" {
					complete[rows[0][i]] += parsed(t, row[i])
				}
			}
		}
		c.near(name, file, "days", float64(len(rows)-1))
		c.near(name, file, "days_with_outcomes", days)
		for key, totals := range map[string]map[string]float64{"totals_all_37_days": all, "totals_first_23_days": complete} {
			for step, want := range file.child(key) {
				c.compare(name+" "+step, totals[step], want.([]any)[arm].(float64))
			}
		}
	}
	for step, value := range file.child("invariants") {
		share := node(value.(map[string]any))
		n := file.child("totals_all_37_days")[step].([]any)
		a, b := n[0].(float64), n[1].(float64)
		c.near(step, share, "control_share", a/(a+b))
		c.near(step, share, "se", math.Sqrt(0.25/(a+b)))
	}
	if c.compared < 20 {
		t.Errorf("only %d totals", c.compared)
	}
}
