package report

import (
	"fmt"
	"strings"

	"github.com/assayhq/assay/internal/analysis"
)

// checks lists all health checks, the two that every experiment has first.
func checks(r analysis.Result) []analysis.Check {
	srm := analysis.Check{Name: "Sample ratio", State: r.Health.SRM.State, Sentence: r.Health.SRM.Sentence}
	if p := r.Health.SRM.SequentialP; p != nil && srm.State == analysis.Pass {
		srm.Sentence += fmt.Sprintf(" Watched day by day: p %.3g.", *p)
	}
	out := []analysis.Check{srm, {Name: "Crossovers", State: r.Health.Crossovers.State, Sentence: r.Health.Crossovers.Sentence}}
	return append(out, r.Health.Checks...)
}

// amended is why a plan was amended, and what of it.
func amended(a analysis.Amendment) string {
	if len(a.Changed) == 0 {
		return a.Reason
	}
	return a.Reason + " (" + strings.Join(a.Changed, ", ") + ")"
}

// looked tells which looks there were, the last three of them one by one.
func looked(r analysis.Result) []string {
	l := r.Looks
	if l == nil {
		return nil
	}
	out := []string{l.Sentence}
	for _, look := range l.Taken[max(0, len(l.Taken)-3):] {
		for _, c := range look.Compared {
			verdict := "not crossed"
			if c.Crossed {
				verdict = "crossed"
			}
			out = append(out, fmt.Sprintf("Look %d on %s, %s of the information: %s has z %s, boundary %s, %s.", look.Look, moment(look.At), percent(look.Fraction), c.Variant, significant(c.Statistic, 3), significant(c.Boundary, 3), verdict))
		}
	}
	if l.UnitsSince > 0 {
		out = append(out, fmt.Sprintf("%s units came after the last look; they are not in the figures.", count(l.UnitsSince)))
	}
	switch {
	case !l.Next.IsZero():
		out = append(out, fmt.Sprintf("The next look is due on %s.", moment(l.Next)))
	case l.NextFraction > 0:
		out = append(out, fmt.Sprintf("The next look is due at %s of the planned information.", percent(l.NextFraction)))
	}
	return out
}

// remarks are what is said below a metric: what was done to its values, and verdicts beside the comparison itself.
func remarks(r analysis.Result, m analysis.Metric) []string {
	out := append([]string(nil), m.Notes...)
	if c := m.Capped; c != nil {
		out = append(out, cappedText(m, *c))
	}
	out = append(out, adjustments(m)...)
	for _, e := range m.Comparisons {
		out = append(out, effectRemarks(r, m, e)...)
	}
	return out
}

// adjustments tell what strata and covariates did.
func adjustments(m analysis.Metric) (out []string) {
	strata := map[string]bool{}
	if s := m.Stratified; s != nil {
		for _, c := range s.Comparisons {
			strata[c.Variant] = true
			merged, with := "", ""
			if c.Merged > 0 {
				merged = fmt.Sprintf(", %d small ones merged", c.Merged)
			}
			if m.Adjusted != nil {
				with = " with the covariates"
			}
			out = append(out, fmt.Sprintf("%s is compared within %d strata by %s%s, which takes %s of the variance away%s (unadjusted difference %s).",
				c.Variant, c.Strata, strings.Join(s.Attributes, " and "), merged, percent(c.VarianceReduction), with, difference(m, c.Unadjusted.Value)))
		}
	}
	if m.Adjusted == nil {
		return out
	}
	for _, c := range m.Adjusted.Comparisons {
		thetas := []string{significant(c.Theta, 3)}
		for _, t := range c.Thetas[min(1, len(c.Thetas)):] {
			thetas = append(thetas, significant(t, 3))
		}
		theta := strings.Join(thetas, ", ")
		if strata[c.Variant] {
			out = append(out, fmt.Sprintf("%s is adjusted by %s (theta %s).", c.Variant, m.Adjusted.Covariate, theta))
			continue
		}
		out = append(out, fmt.Sprintf("%s is adjusted by %s, which takes %s of the variance away (theta %s; unadjusted difference %s).", c.Variant, m.Adjusted.Covariate, percent(c.VarianceReduction), theta, difference(m, c.Unadjusted.Value)))
	}
	return out
}

func cappedText(m analysis.Metric, c analysis.Capped) string {
	var ends []string
	if c.Lower != nil {
		ends = append(ends, "below "+figure(m, *c.Lower))
	}
	if c.Upper != nil {
		ends = append(ends, "above "+figure(m, *c.Upper))
	}
	var units int64
	for _, n := range c.Units {
		units += n
	}
	return fmt.Sprintf("Values %s are capped (%s units).", strings.Join(ends, " and "), count(units))
}

func effectRemarks(r analysis.Result, m analysis.Metric, e analysis.Effect) []string {
	var out []string
	say := func(format string, args ...any) {
		out = append(out, e.Variant+": "+fmt.Sprintf(format, args...))
	}
	if e.Guard != nil {
		say("%s", e.Guard.Sentence)
	}
	if e.Target != nil {
		say("%s", e.Target.Sentence)
	}
	if e.AdjustedP != nil && e.Level != nil && *e.Level != r.Alpha {
		say("p after the correction %s; its ranges cover %s.", pvalue(*e.AdjustedP, e.LnP), percent(1-*e.Level))
	}
	if text := runningText(m, e.Running); text != "" {
		say("%s", text)
	}
	if k := e.Rank; k != nil {
		own := m
		own.Test = ""
		say("a unit of it is above one of the control with a probability of %s (%s to %s), ties counting half; its values are shifted by %s (%s, Hodges and Lehmann).",
			percent(k.Superiority), percent(k.Interval.Low), percent(k.Interval.High), difference(own, k.Shift), differenceRange(own, k.Range))
	}
	if x := e.Exact; x != nil {
		say("%s: p %s.", x.Method, pvalue(x.P, x.LnP))
	}
	if b := e.Bayesian; b != nil {
		say("chance to win %s, expected loss %s if shipped and %s if not (%s).", percent(b.ChanceToWin), loss(m, b.LossIfShipped), loss(m, b.LossIfKept), b.Method)
	}
	for _, w := range e.Warnings {
		say("%s", w)
	}
	return out
}

// loss is a difference without its sign.
func loss(m analysis.Metric, x float64) string { return strings.TrimPrefix(difference(m, x), "+") }

func segmentRemarks(s analysis.Segmented) []string {
	var out []string
	for _, i := range s.Interactions {
		verdict := "no sign that the effect differs between them"
		if i.P < 0.05 {
			verdict = "the effect may differ between them"
		}
		out = append(out, fmt.Sprintf("%s: interaction p %s, %s.", i.Variant, pvalue(i.P, 0), verdict))
	}
	return append(out, s.Sentence)
}

func unitsOf(s analysis.Segment) int64 {
	var n int64
	for _, a := range s.Arms {
		n += a.Units
	}
	return n
}

// methods names the method and the rule of each metric.
func methods(r analysis.Result) []string {
	var out []string
	for _, m := range r.Metrics {
		method := "not computed"
		for _, e := range m.Comparisons {
			if e.Method != "" {
				method = e.Method
				if e.Rule != "" {
					method += ", " + e.Rule
				}
				break
			}
		}
		out = append(out, m.Name+": "+method)
	}
	return out
}

// notes are what a careful reader has to know beside the checks.
func notes(r analysis.Result) []string {
	var out []string
	d := r.Data
	if !d.FirstExposure.IsZero() {
		out = append(out, fmt.Sprintf("Exposures from %s to %s.", moment(d.FirstExposure), moment(d.LastExposure)))
	}
	if d.AssumedTimes {
		out = append(out, "The source gave no time stamps for some rows; their dates are assumed.")
	}
	if d.UnknownVariantUnits > 0 {
		out = append(out, fmt.Sprintf("%s units were exposed only to variants that are no arms; they are left out.", count(d.UnknownVariantUnits)))
	}
	for _, m := range r.Metrics {
		if m.UnitsWithoutExposure > 0 {
			out = append(out, fmt.Sprintf("%s units have measurements for %q but no exposure; they are left out.", count(m.UnitsWithoutExposure), plain(m.Name)))
		}
	}
	return out
}
