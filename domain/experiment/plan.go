package experiment

import (
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
	if p.Unit == "" {
		p.Unit = domain.DefaultUnit
	}
	if p.Total == 0 {
		p.Total = domain.DefaultTotal
	}
	p.PlannedEnd = p.PlannedEnd.UTC().Truncate(time.Millisecond)
	return p
}

// checkPlan refuses a plan that could not be run. What it names (flag, metrics, environment) must exist; that is for
// internal/command to see, which can look into their streams.
func checkPlan(p Plan) error {
	if err := domain.CheckText("/hypothesis", "hypothesis", p.Hypothesis, true, maxHypothesis); err != nil {
		return err
	}
	if err := at("/flag", domain.CheckKey("flag", p.Flag)); err != nil {
		return err
	}
	if err := at("/environment", domain.CheckProjectKey("environment", p.Environment)); err != nil {
		return err
	}
	if err := at("/unit", domain.CheckKey("unit type", p.Unit)); err != nil {
		return err
	}
	if err := checkArms(p.Arms, p.Total); err != nil {
		return err
	}
	return checkMetrics(p)
}

func checkArms(arms []Arm, total domain.Weight) error {
	if len(arms) < 2 || len(arms) > maxArms {
		return domain.Invalid("/arms", "an experiment has 2 to %d arms, this one %d", maxArms, len(arms)).WithCode("wrong_number_of_arms")
	}
	if total > domain.MaxTotal {
		return domain.Invalid("/total", "the total of the weights is at most %d", domain.MaxTotal)
	}
	var sum uint64
	for i, arm := range arms {
		if err := domain.CheckVariant(arm.Variant); err != nil {
			return err
		}
		if slices.ContainsFunc(arms[:i], func(o Arm) bool { return o.Variant == arm.Variant }) {
			return domain.Invalid("/arms", "the arm %q is there twice; leave one out", arm.Variant).WithCode("duplicate_variant")
		}
		if arm.Weight == 0 {
			return domain.Invalid("/arms", "the arm %q has no weight; give it at least 1 of %d", arm.Variant, total)
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
	metrics := p.Metrics()
	if len(metrics) > maxMetrics {
		return domain.Invalid("/secondary", "an experiment has at most %d metrics, this one %d", maxMetrics, len(metrics))
	}
	for i, m := range metrics {
		if err := domain.CheckKey("metric", m); err != nil {
			return err
		}
		if slices.Contains(metrics[:i], m) {
			return domain.Invalid("/secondary", "the metric %q is there twice; a metric has one role", m).WithCode("duplicate_metric")
		}
	}
	return nil
}

// checkEnd refuses a planned end that does not lie ahead.
func checkEnd(p Plan, now time.Time) error {
	if !p.PlannedEnd.IsZero() && !p.PlannedEnd.After(now) {
		return domain.Invalid("/planned_end", "the planned end %s has passed; choose a later one or leave it out", p.PlannedEnd.Format(time.RFC3339)).WithCode("planned_end_has_passed")
	}
	return nil
}

// sameTest reports whether two plans assign units alike; only then is the one an amendment of the other.
func sameTest(a, b Plan) bool {
	return a.Flag == b.Flag && a.Environment == b.Environment && a.Unit == b.Unit && a.Total == b.Total && slices.Equal(a.Arms, b.Arms)
}

func samePlan(a, b Plan) bool {
	return sameTest(a, b) && a.Hypothesis == b.Hypothesis && a.Primary == b.Primary && slices.Equal(a.Secondary, b.Secondary) &&
		slices.Equal(a.Guardrails, b.Guardrails) && a.PlannedEnd.Equal(b.PlannedEnd)
}

// at puts a pointer into a refusal that has the wrong one.
func at(pointer string, err error) error {
	if r, ok := domain.AsRefusal(err); ok {
		moved := *r
		moved.Pointer = pointer
		return &moved
	}
	return err
}
