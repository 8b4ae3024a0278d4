package analysis

import (
	"fmt"
	"math"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/stats"
)

// marginOf is how much worse a guardrail may get: what the plan says, else what the metric says, else nothing.
func (a *analyst) marginOf(key domain.MetricKey, d metric.Definition) experiment.Amount {
	for _, m := range a.rules.Margins {
		if m.Metric == key {
			return m.Amount
		}
	}
	if d.Margin.By != "" {
		return experiment.Amount{By: experiment.AmountBy(d.Margin.By), Value: d.Margin.Value}
	}
	return experiment.Amount{By: experiment.Relative}
}

// guardrail judges a guardrail by two one-sided always-valid tests at a level: of harm beyond the margin, and of no harm beyond it.
// The interval it shows is bounded by both tests against 0.
func (a *analyst) guardrail(out Effect, d metric.Definition, c comparison, margin experiment.Amount, level float64) Effect {
	if c.exact != nil {
		c.effect.DF = math.Inf(1) // guardrails are judged by the normal approximation at every moment; the margin needs both samples
	}
	rule, err := a.rules.always().oneSided(level, c.units)
	if err != nil {
		return Effect{Variant: out.Variant, Control: out.Control, Problem: sentence(err), P: 1}
	}
	low, err := c.oneSided(rule, stats.Greater, level)
	high, failed := c.oneSided(rule, stats.Less, level)
	if err == nil {
		err = failed
	}
	var harm, safe stats.Effect
	if err == nil {
		harm, safe, err = c.against(rule, d.Direction, margin, level)
	}
	if err != nil {
		return Effect{Variant: out.Variant, Control: out.Control, Problem: sentence(err), P: 1}
	}
	both := low
	both.High, both.Method = high.High, c.effect.Method
	if both.Relative != nil && high.Relative != nil {
		relative := *both.Relative
		relative.High, relative.Unbounded = high.Relative.High, relative.Unbounded || high.Relative.Unbounded
		both.Relative = &relative
	}
	out = told(out, both)
	out.Statistic, out.P, out.LnP, out.Rule = harm.Statistic, harm.P, harm.LnP, rule.Method
	out.Warnings = c.effect.Warnings
	out.Word = wordOf(out.Difference.Interval, both.Difference, d.Direction)
	out.Guard = guardOf(margin, harm, safe)
	return out
}

func guardOf(margin experiment.Amount, harm, safe stats.Effect) *Guard {
	g := Guard{Margin: margin, State: GuardOpen, HarmP: harm.P, SafeP: safe.P}
	beyond := "at all"
	if margin.Value > 0 {
		beyond = "by more than the margin of " + amountText(margin)
	}
	switch {
	case harm.Significant():
		g.State = GuardBreached
		g.Sentence = fmt.Sprintf("It got worse %s.", beyond)
	case safe.Significant():
		g.State = GuardHolds
		g.Sentence = fmt.Sprintf("It is shown not to have got worse %s.", beyond)
	default:
		g.Sentence = fmt.Sprintf("Whether it got worse %s is not shown yet.", beyond)
	}
	return &g
}

func amountText(a experiment.Amount) string {
	if a.By == experiment.Relative {
		return fmt.Sprintf("%g %%", 100*a.Value)
	}
	return fmt.Sprintf("%g", a.Value)
}

// oneSided is the comparison judged by a one-sided rule.
func (c comparison) oneSided(rule stats.Rule, side stats.Alternative, alpha float64) (stats.Effect, error) {
	e, err := stats.NewEffect(c.effect.Method, c.control, c.treatment, c.effect.DF, stats.Test{Alpha: alpha, Alternative: side})
	if err != nil {
		return e, err
	}
	return e.Under(rule)
}

// against are both tests against a margin. A relative margin m moves the control instead of the difference: B - (1 ∓ m)·A is a
// linear contrast of the two arms, so no ratio is needed.
func (c comparison) against(rule stats.Rule, d metric.Direction, margin experiment.Amount, alpha float64) (harm, safe stats.Effect, err error) {
	worse, better := stats.Less, stats.Greater // an increase is good, so less is worse
	sign := -1.0
	if d == metric.Decrease {
		worse, better, sign = stats.Greater, stats.Less, 1
	}
	control, null := c.control, 0.0
	if margin.By == experiment.Absolute {
		null = sign * margin.Value
	} else {
		// Worse by m means |A| m below (or above) A, whatever the sign of A.
		factor := 1 + sign*margin.Value*math.Copysign(1, control.Mean)
		control = stats.Sample{Mean: factor * control.Mean, Rest: factor * control.Rest, Variance: factor * factor * control.Variance}
	}
	if harm, err = stats.NewEffect(c.effect.Method, control, c.treatment, c.effect.DF, stats.Test{Alpha: alpha, Alternative: worse, Null: null}); err != nil {
		return harm, safe, err
	}
	if safe, err = stats.NewEffect(c.effect.Method, control, c.treatment, c.effect.DF, stats.Test{Alpha: alpha, Alternative: better, Null: null}); err != nil {
		return harm, safe, err
	}
	if harm, err = harm.Under(rule); err != nil {
		return harm, safe, err
	}
	safe, err = safe.Under(rule)
	return harm, safe, err
}

// target is what may be said of the KPI target: whether the whole interval lies beyond it, or below it.
func (a *analyst) target(d metric.Definition, e Effect) *Target {
	t := a.rules.Target
	if t.By == "" {
		return nil
	}
	low, high := e.Difference.Interval.Low, e.Difference.Interval.High
	if t.By == experiment.Relative {
		if e.Relative == nil || e.Relative.Unbounded || e.Relative.Low == nil {
			return &Target{Target: t, Sentence: "The target is relative, and the relative effect is not bounded yet."}
		}
		low, high = *e.Relative.Low, *e.Relative.High
	}
	if d.Direction == metric.Decrease {
		low, high = -high, -low
	}
	out := Target{Target: t, Reached: low >= t.Value, Missed: high < t.Value}
	switch text := amountText(t); {
	case out.Reached:
		out.Sentence = fmt.Sprintf("The target of %s is reached.", text)
	case out.Missed:
		out.Sentence = fmt.Sprintf("The target of %s is missed.", text)
	default:
		out.Sentence = fmt.Sprintf("Whether the target of %s is reached is not shown yet.", text)
	}
	return &out
}
