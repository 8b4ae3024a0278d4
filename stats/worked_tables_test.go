package stats_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/assayhq/assay/stats"
)

// worked reads a part of the shared worked_tables.json, whose numbers name the program that made them (rpact 3.3.4, R 4.2.2).
func worked(t *testing.T, part string, into any) {
	t.Helper()
	readShared(t, "worked_tables.json", part, into)
}

func readShared(t *testing.T, file, part string, into any) {
	t.Helper()
	text, err := os.ReadFile("../../shared/data/" + file)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the reference tables are missing: ", err)
		}
		t.Skip("the reference tables are not beside the checkout")
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(parts[part], into); err != nil {
		t.Fatal(part, ": ", err)
	}
}

// design is a row of rpact's boundaries.
type design struct {
	Design      string
	K           int
	Gamma       float64
	OneSided    float64 `json:"alpha_one_sided"`
	TwoSided    float64 `json:"alpha_two_sided"`
	Information []float64
	Z           []*float64
	Spent       []float64 `json:"alpha_spent"`
	Stage       []float64 `json:"stage_p_one_sided"`
}

func (d design) boundary() (stats.Boundary, error) {
	information := d.Information
	if information == nil {
		information = equalLooks(d.K)
	}
	if len(information) > 0 && information[0] == 0.333333333333 { // written with 12 digits
		information = equalLooks(3)
	}
	alpha, oneSided := d.TwoSided, d.OneSided > 0
	if oneSided {
		alpha = d.OneSided
	}
	spending := stats.Spending{Kind: map[string]stats.SpendingKind{
		"asOF": stats.OBrienFlemingSpending, "asP": stats.PocockSpending, "kim-demets power": stats.PowerSpending, "hwang-shih-decani": stats.HwangSpending,
	}[d.Design], Parameter: d.Gamma}
	return stats.SpendingBoundary(spending, information, alpha, oneSided)
}

// rpact stops its search at 1e-8 of alpha; its early bounds are good to 1e-4 there, and one is missing where its alpha underflows.
func TestBoundsAreThoseOfRpact(t *testing.T) {
	var designs map[string]design
	worked(t, "group_sequential_boundaries_computed_rpact", &designs)
	checked := 0
	for name, d := range designs {
		rise, classical := map[string]float64{"OF": -0.5, "P": 0}[d.Design]
		var b stats.Boundary
		var err error
		switch {
		case classical && d.OneSided > 0:
			b, _, err = stats.ClassicalBoundaryOneSided(rise, d.K, d.OneSided)
		case classical:
			b, _, err = stats.ClassicalBoundary(rise, d.K, d.TwoSided)
		default:
			b, err = d.boundary()
		}
		if err != nil {
			t.Fatal(name, err)
		}
		checked++
		for k, z := range d.Z {
			if z == nil {
				continue
			}
			if math.Abs(b.Bounds[k]-*z) > 2e-4**z {
				t.Errorf("%s look %d: %v, rpact %v", name, k+1, b.Bounds[k], *z)
			}
			if k < len(d.Stage) && math.Abs(b.NominalP[k]-d.Stage[k]) > 1e-3*d.Stage[k] {
				t.Errorf("%s look %d: nominal p %v, rpact %v", name, k+1, b.NominalP[k], d.Stage[k])
			}
			if k < len(d.Spent) && math.Abs(b.Spent[k]-d.Spent[k]) > 2e-8 {
				t.Errorf("%s look %d: spent %v, rpact %v", name, k+1, b.Spent[k], d.Spent[k])
			}
		}
	}
	if checked < 52 {
		t.Errorf("only %d designs", checked)
	}
}

func TestInflationIsThatOfRpact(t *testing.T) {
	var factors map[string]struct {
		Factor float64 `json:"inflation_factor"`
	}
	worked(t, "group_sequential_inflation_factors_computed_rpact", &factors)
	for name, want := range factors {
		kind, looks, _ := strings.Cut(name, "_K")
		k := int(looks[0] - '0')
		var b stats.Boundary
		var err error
		switch kind {
		case "asOF":
			b, err = stats.SpendingBoundary(stats.Spending{Kind: stats.OBrienFlemingSpending}, equalLooks(k), 0.025, true)
		case "asP":
			b, err = stats.SpendingBoundary(stats.Spending{Kind: stats.PocockSpending}, equalLooks(k), 0.025, true)
		default:
			b, _, err = stats.ClassicalBoundary(map[string]float64{"OF": -0.5, "P": 0}[kind], k, 0.05)
			b.OneSided = true // the probability to cross below is a millionth of the power
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.Inflation(0.025, 0.8)
		if err != nil || math.Abs(got/want.Factor-1) > 3e-5 {
			t.Errorf("%s: %v, rpact %v, %v", name, got, want.Factor, err)
		}
	}
	if len(factors) < 16 {
		t.Errorf("%d factors", len(factors))
	}
}

func Test181RealLooks(t *testing.T) {
	var x struct {
		Information []float64
		Alpha       float64   `json:"alpha_two_sided"`
		Exact       []float64 `json:"z_exact"`
	}
	worked(t, "group_sequential_181_real_looks", &x)
	b, err := stats.SpendingBoundary(stats.Spending{Kind: stats.PowerSpending, Parameter: 2}, x.Information, x.Alpha, false)
	if err != nil || len(b.Bounds) != 181 {
		t.Fatal(len(b.Bounds), err)
	}
	for k, want := range x.Exact {
		if math.Abs(b.Bounds[k]-want) > 5e-7 {
			t.Errorf("look %d: %v, want %v", k+1, b.Bounds[k], want)
		}
	}
}
