package analysis

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/assayhq/assay/projections/facts"
	"github.com/assayhq/assay/stats"
)

// maxSegments bounds how many values of an attribute are shown; the others are one segment.
const maxSegments = 12

// others is the name of the segment of all values beyond maxSegments.
const others = "(others)"

// segments are the primary metric by the plan's attributes.
func (a *analyst) segments() []Segmented {
	p := a.metrics[0]
	if p == nil || a.broken != nil {
		return nil
	}
	var out []Segmented
	for _, dimension := range a.in.Units.Dimensions {
		if slices.Contains(a.rules.Segments, dimension.Attribute) { // others only make strata
			out = append(out, a.segmented(p, dimension))
		}
	}
	return out
}

// part is a segment's rows by arm.
type part struct {
	value string
	rows  [][]int32
	units int
}

func (a *analyst) segmented(p *prepared, dimension facts.Dimension) Segmented {
	out := Segmented{Attribute: dimension.Attribute, Segments: []Segment{}, Interactions: []Interaction{}}
	arms := a.in.Experiment.Plan.Arms
	effects := make([][]stats.Effect, len(arms)) // by treatment arm, of the segments
	for _, s := range partsOf(a.in.Units, dimension, len(arms)) {
		segment, made := a.segment(p, s)
		for arm, e := range made {
			effects[arm] = append(effects[arm], e...)
		}
		out.Segments = append(out.Segments, segment)
	}
	for arm := 1; arm < len(arms); arm++ {
		if i, ok := interaction(effects[arm]); ok {
			i.Variant = string(arms[arm].Variant)
			out.Interactions = append(out.Interactions, i)
		}
	}
	n := len(out.Segments) * (len(arms) - 1)
	out.Sentence = fmt.Sprintf("%d comparisons that are not corrected and decide nothing: expect about %.2g false signals among them.", n, float64(n)*a.rules.Alpha)
	return out
}

// segment is the metric in one part of the units, and by treatment arm the effects that may be compared with those of other parts.
func (a *analyst) segment(p *prepared, s part) (Segment, [][]stats.Effect) {
	arms := a.in.Experiment.Plan.Arms
	out := Segment{Value: s.value, Comparisons: []Effect{}}
	if out.Value == "" {
		out.Value = "(none)"
	}
	effects, summaries := make([][]stats.Effect, len(arms)), make([]summary, len(arms))
	for arm := range arms {
		var err error
		if summaries[arm], err = p.summarize(s.rows[arm]); err != nil {
			return out, effects
		}
		out.Arms = append(out.Arms, p.figures(string(arms[arm].Variant), summaries[arm]))
	}
	for arm := 1; arm < len(arms); arm++ {
		e, base, ok := a.inSegment(p, summaries[0], summaries[arm])
		e.Variant, e.Control = string(arms[arm].Variant), string(arms[0].Variant)
		out.Comparisons = append(out.Comparisons, e)
		if ok {
			effects[arm] = append(effects[arm], base)
		}
	}
	if test, err := a.periods.ratio(a.unitsByPeriod(s.rows)); err == nil {
		out.SRMP = &test.P
	}
	return out, effects
}

// inSegment is the comparison within a segment, by the plan's rule at alpha.
func (a *analyst) inSegment(p *prepared, control, treatment summary) (Effect, stats.Effect, bool) {
	made, err := p.compare(control, treatment)
	if err != nil {
		return Effect{Problem: sentence(err), P: 1}, stats.Effect{}, false
	}
	effect, name, err := a.judged(comparison{pair: made}, a.rules.Alpha)
	if err != nil {
		return Effect{Problem: sentence(err), P: 1}, stats.Effect{}, false
	}
	out := told(Effect{}, effect)
	out.Rule = name
	out.Word = wordOf(out.Difference.Interval, effect.Difference, p.d.Direction)
	if effect.SE > 0 {
		return out, effect, true
	}
	return out, effect, false
}

// interaction tests whether the effects of several segments are one: Cochran's Q (W. G. Cochran, Biometrics 10, 1954).
func interaction(effects []stats.Effect) (Interaction, bool) {
	if len(effects) < 2 {
		return Interaction{}, false
	}
	differences, errors := make([]float64, len(effects)), make([]float64, len(effects))
	for i, e := range effects {
		differences[i], errors[i] = e.Difference, e.SE
	}
	test, err := stats.Heterogeneous(differences, errors)
	return Interaction{P: test.P, Method: "Cochran's Q of the effects in the segments"}, err == nil
}

// partsOf divides the rows by the values of a dimension, the largest segments by themselves and the rest together.
func partsOf(u *facts.Units, dimension facts.Dimension, arms int) []part {
	all := make([]part, len(dimension.Values))
	for i, value := range dimension.Values {
		all[i] = part{value: value, rows: make([][]int32, arms)}
	}
	for row, v := range dimension.Of {
		arm := u.Arm[row]
		all[v].rows[arm] = append(all[v].rows[arm], int32(row))
		all[v].units++
	}
	slices.SortStableFunc(all, func(x, y part) int { return cmp.Or(cmp.Compare(y.units, x.units), cmp.Compare(x.value, y.value)) })
	if len(all) <= maxSegments {
		return all
	}
	rest := part{value: others, rows: make([][]int32, arms)}
	for _, p := range all[maxSegments-1:] {
		rest.units += p.units
		for arm := range p.rows {
			rest.rows[arm] = append(rest.rows[arm], p.rows[arm]...)
		}
	}
	for arm := range rest.rows {
		slices.Sort(rest.rows[arm])
	}
	return append(slices.Clip(all[:maxSegments-1]), rest)
}
