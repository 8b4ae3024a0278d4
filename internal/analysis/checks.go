package analysis

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/assayhq/assay/stats"
)

// dayOf is a day (UTC) and how many units first came on it, by period of the weights and arm.
type dayOf struct {
	day   int64 // since 1970
	units [][]int64
}

// days are those on which units first came, in order.
func (a *analyst) days() []dayOf {
	at := map[int64]int{}
	var out []dayOf
	for row, first := range a.in.Now.FirstAt {
		if !a.periods.settled(first) {
			continue
		}
		n := first / int64(day)
		i, ok := at[n]
		if !ok {
			i = len(out)
			at[n] = i
			out = append(out, dayOf{day: n, units: a.periods.counts()})
		}
		out[i].units[a.periods.of(first)][a.in.Now.Arm[row]]++
	}
	slices.SortFunc(out, func(x, y dayOf) int { return cmp.Compare(x.day, y.day) })
	return out
}

// ratioByDay looks for days on which the units were not divided as planned. What several days show is corrected by Holm.
func (a *analyst) ratioByDay(Result) []Check {
	days := a.days()
	if len(days) < 2 {
		return nil
	}
	counts, names := make([][][]int64, len(days)), make([]string, len(days))
	for i, d := range days {
		counts[i], names[i] = d.units, time.Unix(0, d.day*int64(day)).UTC().Format("2 January 2006")
	}
	return a.ratios("Sample ratio by day", "day", counts, names)
}

// ratioBySegment looks for values of the plan's segments within which the units were not divided as planned.
func (a *analyst) ratioBySegment(Result) []Check {
	var out []Check
	for _, dimension := range a.in.Units.Dimensions {
		counts := make([][][]int64, len(dimension.Values))
		for i := range counts {
			counts[i] = a.periods.counts()
		}
		for row, v := range dimension.Of {
			if first := a.in.Units.FirstAt[row]; a.periods.settled(first) {
				counts[v][a.periods.of(first)][a.in.Units.Arm[row]]++
			}
		}
		names := slices.Clone(dimension.Values)
		for i, n := range names {
			if n == "" {
				names[i] = "(none)"
			}
		}
		out = append(out, a.ratios("Sample ratio by "+dimension.Attribute, dimension.Attribute, counts, names)...)
	}
	return out
}

// ratios tests the sample ratio in each of several parts, with Holm's correction.
func (a *analyst) ratios(name, what string, counts [][][]int64, names []string) []Check {
	var ps []float64
	var tested []int
	for i, units := range counts {
		if test, err := a.periods.ratio(units); err == nil {
			ps, tested = append(ps, test.P), append(tested, i)
		}
	}
	adjusted, err := stats.Adjust(stats.Holm, ps)
	if err != nil || len(adjusted) == 0 {
		return nil
	}
	worst := 0
	for i, p := range adjusted {
		if p < adjusted[worst] {
			worst = i
		}
	}
	p := adjusted[worst]
	out := Check{Name: name, State: Pass, P: &p, Sentence: fmt.Sprintf("In each %s of %d the units are divided as planned (smallest p %.3g after Holm's correction).", what, len(ps), p)}
	if p < stats.SRMThreshold {
		out.State = Warn
		out.Sentence = fmt.Sprintf("The units of the %s %s are not divided as planned (p %.2g after Holm's correction for %d); find out what loses units there.", what, names[tested[worst]], p, len(ps))
	}
	return []Check{out}
}

func (a *analyst) runtime(Result) []Check {
	m := a.rules.MinRuntimeSeconds
	if m == nil || *m == 0 {
		return nil
	}
	least := time.Duration(*m) * time.Second
	ran, short := a.ranShort()
	if short {
		return []Check{{Name: "Minimum runtime", State: Warn, Sentence: fmt.Sprintf("Data have come in for %s; the plan asks for %s, so no arm wins before.", span(ran), span(least))}}
	}
	if ran < least {
		return []Check{{Name: "Minimum runtime", State: Pass, Sentence: fmt.Sprintf("Data have come in for %s, until the planned end.", span(ran))}}
	}
	return []Check{{Name: "Minimum runtime", State: Pass, Sentence: fmt.Sprintf("Data have come in for %s, at least the %s of the plan.", span(ran), span(least))}}
}

// twyman looks for effects that are too good to be true (Kohavi, Tang and Xu, Trustworthy Online Controlled Experiments, 2020, chapter 3).
func (a *analyst) twyman(r Result) []Check {
	for _, e := range r.Metrics[0].Comparisons {
		if e.Problem != "" || e.Relative == nil || e.Word == Unclear {
			continue
		}
		var units int64
		for _, arm := range r.Metrics[0].Arms {
			units += arm.Units
		}
		switch {
		case math.Abs(e.Relative.Value) >= stats.TwymanLift:
			return []Check{{Name: "Too good to be true", State: Warn, Sentence: fmt.Sprintf("The effect on %s in %s is %.0f %%. Effects of this size are usually mistakes in the data: check how it is measured before believing it.", r.Metrics[0].Name, e.Variant, 100*e.Relative.Value)}}
		case e.LnP < math.Log(stats.TwymanP) && units < stats.TwymanUnits:
			return []Check{{Name: "Too good to be true", State: Warn, Sentence: fmt.Sprintf("So clear an effect on %s from only %d units is usually a mistake in the data: check how it is measured.", r.Metrics[0].Name, units)}}
		}
	}
	return nil
}

// noveltyAlarm is the p value below which the effect of the first week counts as another one than later.
const noveltyAlarm = 0.01

// novelty compares the effect in the first week after a unit's exposure with the effect after it: per unit the rate a day after the first
// week less that within it, and of these the difference between the arms. Units that were not seen for a day after their first
// week are left out.
func (a *analyst) novelty(r Result) []Check {
	c := a.layout.of[0]
	if c.early == none || a.metrics[0] == nil {
		return nil
	}
	u := a.in.Units
	horizon := u.Horizon.UnixNano()
	window := time.Duration(a.definition(0).WindowSeconds) * time.Second
	sums := make([]stats.Sums, len(r.Arms))
	for row, first := range u.FirstAt {
		seen := horizon - first
		if window > 0 {
			seen = min(seen, int64(window))
		}
		later := seen - int64(earlyWeek)
		if later < int64(day) {
			continue
		}
		change := u.Values[c.late][row]/(float64(later)/float64(day)) - u.Values[c.early][row]/7
		if sums[u.Arm[row]].Add(change) != nil {
			return nil
		}
	}
	var out []Check
	for arm := 1; arm < len(sums); arm++ {
		e, err := stats.Welch(sums[0].Moments(), sums[arm].Moments(), noveltyAlarm)
		if err != nil {
			continue
		}
		p := math.Min(1, e.P*float64(len(sums)-1))
		check := Check{Name: "Novelty", State: Pass, P: &p, Sentence: fmt.Sprintf("The effect of %s does not change after a unit's first week (p %.3g).", r.Arms[arm].Variant, p)}
		if p < noveltyAlarm {
			check.State = Warn
			check.Sentence = fmt.Sprintf("The effect of %s after a unit's first week is another one than within it (%+.3g a day, p %.2g): a new thing wears off, or has to be learned. Judge by what stays.", r.Arms[arm].Variant, e.Difference, p)
		}
		out = append(out, check)
	}
	return out
}

// imbalanceAlarm is the p value, over all covariates and arms together, below which the arms differed before anything began.
const imbalanceAlarm = 0.001

// imbalance looks at the covariates: the arms must not differ before the exposure.
func (a *analyst) imbalance(r Result) []Check {
	var ps []float64
	var places []place
	for i, p := range a.metrics {
		if p == nil {
			continue
		}
		for _, covariate := range p.covariates {
			own, arms := a.unlike(covariate)
			ps = append(ps, own...)
			for _, arm := range arms {
				places = append(places, place{i, arm})
			}
		}
	}
	adjusted, err := stats.Adjust(stats.Bonferroni, ps)
	if err != nil || len(adjusted) == 0 {
		return nil
	}
	worst := 0
	for i, p := range adjusted {
		if p < adjusted[worst] {
			worst = i
		}
	}
	p := adjusted[worst]
	if p < imbalanceAlarm {
		return []Check{{Name: "Before the exposure", State: Warn, P: &p, Sentence: fmt.Sprintf("%s of %s differed from the control before anybody was exposed (p %.2g, corrected): the arms are not alike, so look into how units were assigned.", r.Metrics[places[worst].metric].Name, r.Arms[places[worst].arm].Variant, p)}}
	}
	return []Check{{Name: "Before the exposure", State: Pass, P: &p, Sentence: fmt.Sprintf("The arms were alike before the exposure (smallest p %.3g, corrected).", p)}}
}

// unlike tests a covariate of each arm against the control's.
func (a *analyst) unlike(covariate []float64) (ps []float64, arms []int) {
	control := momentsOf(covariate, a.rows[0])
	for arm := 1; arm < len(a.rows); arm++ {
		if e, err := stats.Welch(control, momentsOf(covariate, a.rows[arm]), imbalanceAlarm); err == nil {
			ps, arms = append(ps, e.P), append(arms, arm)
		}
	}
	return ps, arms
}

func momentsOf(values []float64, rows []int32) stats.Moments {
	var s stats.Sums
	for _, row := range rows {
		_ = s.Add(values[row]) // the facts hold finite values only
	}
	return s.Moments()
}
