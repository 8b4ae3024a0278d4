package analysis

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/projections/facts"
)

// adjust adds the columns of a metric's covariates: that of its definition first, then those of the plan.
func (l *layout) adjust(in Input, r rules, key domain.MetricKey, d metric.Definition, c *columns) {
	if !perUnit(d.Kind) || r.TestOf(key) != "" {
		return
	}
	add := func(event string, kind facts.Kind, days int) {
		c.covariates = append(c.covariates, l.add(facts.Metric{Event: event, Kind: kind, Before: time.Duration(days) * day}))
		c.names = append(c.names, fmt.Sprintf("%s, %s, %d days", event, covariates, days))
	}
	if d.CovariateDays > 0 {
		event := d.CovariateEvent
		if event == "" {
			event = d.Event
		}
		add(event, covariateKind(d), d.CovariateDays)
	}
	chosen := r.CovariatesOf(key)
	if chosen == nil {
		return
	}
	for _, other := range chosen.Of {
		if of := in.Metrics[other].Definition; perUnit(of.Kind) {
			add(of.Event, covariateKind(of), chosen.Days)
		}
	}
}

// perUnit reports whether a metric has one value per unit, also before the exposure.
func perUnit(k metric.Kind) bool {
	return k == metric.Binary || k == metric.Count || k == metric.Mean
}

// several are the slopes where there is more than one.
func several(thetas []float64) []float64 {
	if len(thetas) < 2 {
		return nil
	}
	return thetas
}

// adjustedOf tells what the covariates did, where there are any.
func adjustedOf(names []string, arms []experiment.Arm, made []comparison) *Adjusted {
	out := Adjusted{Covariate: strings.Join(names, "; ")}
	if len(names) > 1 {
		out.Covariates = names
	}
	for arm := 1; arm < len(made); arm++ {
		if adjusted := made[arm].adjusted; adjusted != nil && made[arm].err == nil {
			adjusted.Variant = string(arms[arm].Variant)
			out.Comparisons = append(out.Comparisons, *adjusted)
		}
	}
	if len(out.Comparisons) == 0 {
		return nil
	}
	return &out
}

// choose tells a prepared metric what the plan chose for it.
func (a *analyst) choose(p *prepared, key domain.MetricKey) {
	switch {
	case a.rules.TestOf(key) == experiment.MannWhitney:
		p.ranked = true
		if p.d.CovariateDays > 0 || a.strata.of != nil {
			p.notes = append(p.notes, "A comparison by ranks takes neither covariates nor strata into account.")
		}
	case a.strata.of == nil:
	case perUnit(p.d.Kind) || p.d.Kind == metric.NPS || p.d.Kind == metric.CSAT:
		p.strata = a.strata
	default:
		p.notes = append(p.notes, fmt.Sprintf("A metric of kind %s is not compared within strata.", p.d.Kind))
	}
}

// dimensionsOf are the attributes that the analysis tells units apart by: for segments, and for strata.
func dimensionsOf(a experiment.Analysis) []string {
	out := slices.Clone(a.Segments)
	for _, attribute := range a.PostStratify {
		if !slices.Contains(out, attribute) {
			out = append(out, attribute)
		}
	}
	return out
}

// comparisonSentences tell what the plan chose beside the rule of validity.
func (a *analyst) comparisonSentences(add func(string, ...any)) {
	name := func(key domain.MetricKey) string {
		if n := a.in.Metrics[key].Name; n != "" {
			return n
		}
		return string(key)
	}
	names := func(keys []domain.MetricKey) string {
		var all []string
		for _, key := range keys {
			all = append(all, name(key))
		}
		return listed(all)
	}
	for _, t := range a.rules.Tests {
		add("%s is compared by the Mann-Whitney test: by which arm's units rank higher, however large their values are.", name(t.Metric))
	}
	for _, c := range a.rules.Covariates {
		add("%s is adjusted (CUPED) by what is known of %s in the %d days before each unit's first exposure.", name(c.Metric), names(c.Of), c.Days)
	}
	if by := a.rules.PostStratify; len(by) > 0 {
		add("Means and shares are compared within strata by %s and weighed by the strata's sizes (post-stratification). Units without the attribute are a stratum, too; strata with fewer than %d units in an arm are merged.", listed(by), leastInStratum)
	}
}

// listed joins words for a sentence.
func listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
