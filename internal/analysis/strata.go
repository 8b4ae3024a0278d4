package analysis

import (
	"errors"
	"slices"

	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/projections/facts"
	"github.com/assayhq/assay/stats"
)

// leastInStratum is how many units of each arm a stratum needs: fewer say too little of their own variance.
const leastInStratum = 10

// strata divide the units by the values of attributes that were known before the exposure.
type strata struct {
	attributes []string
	of         []int32 // each unit's stratum; nil: units are not divided
	steady     bool    // periods whose arms may have few units are among them
	n          int
}

// Stratified is what strata did to a metric.
type Stratified struct {
	// Attributes are those by whose values the units are divided.
	Attributes  []string        `json:"attributes"`
	Comparisons []StratifiedArm `json:"comparisons"`
}

// StratifiedArm is one comparison within strata.
type StratifiedArm struct {
	Variant string `json:"variant"`
	// Strata are how many there were, Merged how many of the attributes' were too small and went into one with others.
	Strata int `json:"strata"`
	Merged int `json:"merged,omitempty"`
	// VarianceReduction is the share of the variance of the difference that was removed, by covariates too where there are any.
	VarianceReduction float64 `json:"variance_reduction"`
	// Unadjusted is the difference of all units without strata.
	Unadjusted Estimate `json:"unadjusted"`
}

// strataOf numbers the combinations of the attributes' values that units have, in the order of the values.
func strataOf(u *facts.Units, attributes []string) strata {
	if len(attributes) == 0 || u == nil {
		return strata{}
	}
	out := strata{attributes: attributes, of: make([]int32, len(u.Arm)), n: 1}
	for _, attribute := range attributes {
		i := slices.IndexFunc(u.Dimensions, func(d facts.Dimension) bool { return d.Attribute == attribute })
		if i < 0 {
			continue
		}
		d := u.Dimensions[i]
		keys := make([]int64, len(out.of))
		for row, s := range out.of {
			keys[row] = int64(s)*int64(len(d.Values)) + int64(d.Of[row])
		}
		there := slices.Compact(slices.Sorted(slices.Values(keys)))
		number := make(map[int64]int32, len(there))
		for n, key := range there {
			number[key] = int32(n)
		}
		for row, key := range keys {
			out.of[row] = number[key]
		}
		out.n = len(there)
	}
	return out
}

// grouping says which strata of a comparison are one.
type grouping struct {
	of     []int32 // by stratum
	n      int
	merged int
}

// unitsByStratum are those of both arms that have a value.
func (p *prepared) unitsByStratum(control, treatment summary) [][2]int64 {
	units := make([][2]int64, p.strata.n)
	for arm, s := range [2]summary{control, treatment} {
		_ = p.each(s, func(row int32, _ []float64) error { units[p.strata.of[row]][arm]++; return nil })
	}
	return units
}

// group merges the strata with too few units in one of the arms: into one, and that into the smallest of the others if it is too small
// still. Only numbers of units decide it, nothing that was measured.
func (p *prepared) group(control, treatment summary) grouping {
	units := p.unitsByStratum(control, treatment)
	out := grouping{of: make([]int32, p.strata.n)}
	var rest [2]int64
	var small []int
	smallest, fewest := int32(-1), int64(0)
	for s, n := range units {
		switch {
		case n == [2]int64{}:
		case min(n[0], n[1]) < leastInStratum:
			small = append(small, s)
			rest[0], rest[1] = rest[0]+n[0], rest[1]+n[1]
		default:
			out.of[s] = int32(out.n) //nolint:gosec // at most one a unit
			if smallest < 0 || n[0]+n[1] < fewest {
				smallest, fewest = out.of[s], n[0]+n[1]
			}
			out.n++
		}
	}
	out.merged = len(small)
	if len(small) == 0 {
		return out
	}
	into := smallest
	if into < 0 || min(rest[0], rest[1]) >= leastInStratum {
		into = int32(out.n) //nolint:gosec // at most one a unit
		out.n++
	}
	for _, s := range small {
		out.of[s] = into
	}
	return out
}

// stratify compares within strata. Counts that are too small for large-sample tests are not divided further, nor are units of which no two
// strata have enough.
func (p *prepared) stratify(out *pair, control, treatment summary, test stats.Test) error {
	whole := func(because string) error {
		err := p.compareAll(out, control, treatment, test)
		out.effect.Warnings = append(out.effect.Warnings, because)
		return err
	}
	if a, b := control.rate, treatment.rate; p.isRate() && len(p.covariates) == 0 && p.mayBeExact && a.N > 0 && b.N > 0 && stats.Small(a, b) {
		return whole("There are too few conversions to divide them into strata.")
	}
	g := p.group(control, treatment)
	if g.n < 2 {
		return whole("No two strata have enough units in both arms, so they are not divided.")
	}
	sums, err := p.sumsByGroup(g, control, treatment)
	if err != nil {
		return err
	}
	compare := stats.PostStratifySums
	if p.strata.steady {
		compare = stats.PostStratifySteady
	}
	e, err := compare(sums, test)
	if err != nil {
		return err
	}
	out.effect, out.control, out.treatment = e.Effect, e.ControlArm, e.TreatmentArm
	if p.d.Kind == metric.NPS {
		out.effect.Method += ", of net promoter scores"
	}
	unadjusted := Estimate{Value: e.Raw.Difference, SE: e.Raw.SE, Interval: Interval{Low: e.Raw.Low, High: e.Raw.High}}
	out.stratified = &StratifiedArm{Strata: g.n, Merged: g.merged, VarianceReduction: e.VarianceReduction, Unadjusted: unadjusted}
	if len(e.Theta) > 0 {
		out.adjusted = &AdjustedArm{Theta: e.Theta[0], Thetas: several(e.Theta), VarianceReduction: e.VarianceReduction, Unadjusted: unadjusted}
	}
	return nil
}

func (p *prepared) sumsByGroup(g grouping, control, treatment summary) ([]stats.StratumSums, error) {
	k := len(p.columns())
	out := make([]stats.StratumSums, g.n)
	for i := range out {
		out[i] = stats.StratumSums{Control: stats.NewCoSums(k), Treatment: stats.NewCoSums(k)}
	}
	first := p.each(control, func(row int32, values []float64) error { return out[g.of[p.strata.of[row]]].Control.Add(values...) })
	second := p.each(treatment, func(row int32, values []float64) error { return out[g.of[p.strata.of[row]]].Treatment.Add(values...) })
	return out, errors.Join(first, second)
}

// stratifiedOf tells what the strata did, where there are any.
func (a *analyst) stratifiedOf(made []comparison) *Stratified {
	out := Stratified{Attributes: a.strata.attributes}
	for arm := 1; arm < len(made); arm++ {
		if s := made[arm].stratified; s != nil && made[arm].err == nil {
			s.Variant = string(a.in.Experiment.Plan.Arms[arm].Variant)
			out.Comparisons = append(out.Comparisons, *s)
		}
	}
	if len(out.Comparisons) == 0 {
		return nil
	}
	return &out
}
