package experiment

import (
	"fmt"
	"slices"
	"time"

	"github.com/assayhq/assay/domain"
)

const (
	maxHypothesis = 4_096
	maxArms       = 20
	maxMetrics    = 50
)

// complete fills in the plan's defaults.
func complete(p Plan) Plan {
	if p.By == targetingKey {
		p.By = "" // which goes without saying
	}
	if p.Unit == "" && p.By == "" {
		p.Unit = domain.DefaultUnit
	}
	if p.Total == 0 {
		p.Total = domain.DefaultTotal
	}
	p.PlannedEnd = p.PlannedEnd.UTC().Truncate(time.Millisecond)
	p.Arms = slices.Clone(p.Arms)
	p.Secondary, p.Guardrails = listed(p.Secondary), listed(p.Guardrails)
	p.Analysis = clean(p.Analysis)
	return p
}

// checkPlan refuses a plan that could not be run. What it names (flag, metrics, environment) must exist; that is for
// internal/command to see, which can look into their streams.
func checkPlan(p Plan) error {
	if err := domain.CheckText("/hypothesis", "hypothesis", p.Hypothesis, true, maxHypothesis); err != nil {
		return err
	}
	if err := domain.At("/flag", domain.CheckBroughtKey("flag", p.Flag)); err != nil {
		return err
	}
	if err := domain.At("/environment", domain.CheckProjectKey("environment", p.Environment)); err != nil {
		return err
	}
	if err := checkBy(p); err != nil {
		return err
	}
	if err := domain.At("/unit", domain.CheckKey("unit type", p.Unit)); err != nil {
		return err
	}
	if err := checkArms(p.Arms, p.Total); err != nil {
		return err
	}
	if err := checkLayer(p); err != nil {
		return err
	}
	if err := checkMetrics(p); err != nil {
		return err
	}
	return checkAnalysis(p)
}

func checkLayer(p Plan) error {
	switch {
	case p.Layer == "" && p.LayerShare == 0:
		return nil
	case p.Layer == "" || p.LayerShare == 0 || p.LayerShare > domain.MaxTotal:
		return domain.Invalid("/layer_share", "an experiment in a layer names the layer and takes a share of it, at least 1").WithCode("bad_share")
	}
	return domain.At("/layer", domain.CheckKey("layer", p.Layer))
}

func checkArms(arms []Arm, total domain.Weight) error {
	if len(arms) < 2 || len(arms) > maxArms {
		return domain.Invalid("/arms", "an experiment has 2 to %d arms, this one %d", maxArms, len(arms)).WithCode("wrong_number_of_arms")
	}
	if total > domain.MaxTotal {
		return domain.Invalid("/total", "the total of the weights is at most %d; choose a smaller one", domain.MaxTotal).WithCode("total_too_large")
	}
	var sum uint64
	for i, arm := range arms {
		pointer := fmt.Sprintf("/arms/%d/variant", i)
		if err := domain.CheckVariant(arm.Variant); err != nil {
			return domain.At(pointer, err)
		}
		if slices.ContainsFunc(arms[:i], func(o Arm) bool { return o.Variant == arm.Variant }) {
			return domain.Invalid(pointer, "the arm %q is there twice; leave one out", arm.Variant).WithCode("duplicate_variant")
		}
		if arm.Weight == 0 {
			return domain.Invalid(fmt.Sprintf("/arms/%d/weight", i), "the arm %q has no weight; give it at least 1 of %d", arm.Variant, total).WithCode("weight_missing")
		}
		sum += uint64(arm.Weight)
	}
	if sum != uint64(total) {
		return domain.Invalid("/arms", "the weights of the arms add up to %d, but must add up to %d; change the weights or the total", sum, total).WithCode("weights_do_not_sum")
	}
	return nil
}

func checkMetrics(p Plan) error {
	if p.Primary == "" {
		return domain.Invalid("/primary", "the primary metric is missing; name the one that decides").WithCode("missing_primary_metric")
	}
	all := p.Metrics()
	if len(all) > maxMetrics {
		return domain.Invalid("/secondary", "an experiment has at most %d metrics, this one %d; leave some out", maxMetrics, len(all)).WithCode("too_many_metrics")
	}
	for i, m := range all {
		pointer := metricPointer(p, i)
		if err := domain.CheckKey("metric", m); err != nil {
			return domain.At(pointer, err)
		}
		if slices.Contains(all[:i], m) {
			return domain.Invalid(pointer, "the metric %q is there twice; a metric has one role", m).WithCode("duplicate_metric")
		}
	}
	return nil
}

// metricPointer says where in the plan the i-th of its Metrics lies.
func metricPointer(p Plan, i int) string {
	switch secondary := 1 + len(p.Secondary); {
	case i == 0:
		return "/primary"
	case i < secondary:
		return fmt.Sprintf("/secondary/%d", i-1)
	default:
		return fmt.Sprintf("/guardrails/%d", i-secondary)
	}
}

// checkEnd refuses a planned end that does not lie ahead.
func checkEnd(p Plan, now time.Time) error {
	if p.PlannedEnd.Year() > 9999 {
		return domain.Invalid("/planned_end", "the planned end lies after the year 9999; choose an earlier one or leave it out")
	}
	if !p.PlannedEnd.IsZero() && !p.PlannedEnd.After(now) {
		return domain.Invalid("/planned_end", "the planned end %s has passed; choose a later one or leave it out", p.PlannedEnd.Format(time.RFC3339)).WithCode("planned_end_has_passed")
	}
	return nil
}

// sameTest reports whether two plans assign units alike; only then is the one an amendment of the other.
func sameTest(a, b Plan) bool {
	return a.Flag == b.Flag && a.Environment == b.Environment && a.Unit == b.Unit && a.By == b.By && a.Total == b.Total && a.Layer == b.Layer && a.LayerShare == b.LayerShare &&
		slices.Equal(a.Arms, b.Arms)
}

func samePlan(a, b Plan) bool {
	return sameTest(a, b) && a.Hypothesis == b.Hypothesis && a.Primary == b.Primary && slices.Equal(a.Secondary, b.Secondary) &&
		slices.Equal(a.Guardrails, b.Guardrails) && a.PlannedEnd.Equal(b.PlannedEnd) && sameRules(a.Analysis, b.Analysis)
}
