package experiment

import (
	"fmt"
	"slices"

	"github.com/assayhq/assay/domain"
)

// Test is a test by which a metric is compared in place of its kind's own.
type Test string

// MannWhitney asks whether a unit of the treatment tends to have a higher value than one of the control. It looks at the order of the
// values alone, so a few giants count no more than anybody else. It is for metrics with a value per unit: counts and means.
const MannWhitney Test = "mann_whitney"

// MetricTest chooses the test of a metric.
type MetricTest struct {
	Metric domain.MetricKey `json:"metric"`
	Test   Test             `json:"test"`
}

// Covariates are what is known of the units from before their first exposure and foretells a metric: the values that other metrics, or it
// itself, had in the Days before. They stand beside the covariate that the metric's definition names.
type Covariates struct {
	Metric domain.MetricKey   `json:"metric"`
	Days   int                `json:"days"`
	Of     []domain.MetricKey `json:"of"`
}

const (
	maxStrata     = 5
	maxCovariates = 10
	maxBefore     = 400 // days, as for a metric's own covariate
)

// TestOf is the test chosen for a metric; empty for that of its kind.
func (a Analysis) TestOf(key domain.MetricKey) Test {
	for _, t := range a.Tests {
		if t.Metric == key {
			return t.Test
		}
	}
	return ""
}

// CovariatesOf are those chosen for a metric; nil for none.
func (a Analysis) CovariatesOf(key domain.MetricKey) *Covariates {
	for i := range a.Covariates {
		if a.Covariates[i].Metric == key {
			return &a.Covariates[i]
		}
	}
	return nil
}

// Named lists all metrics that the plan names: its own, and those whose past is a covariate.
func (p Plan) Named() []domain.MetricKey {
	all := p.Metrics()
	for _, c := range p.Analysis.Covariates {
		for _, key := range c.Of {
			if !slices.Contains(all, key) {
				all = append(all, key)
			}
		}
	}
	return all
}

// willBe is the method that the analysis will have at the start.
func (p Plan) willBe() Method {
	switch {
	case p.Analysis.Method != "":
		return p.Analysis.Method
	case !p.PlannedEnd.IsZero() || p.Analysis.PlannedUnits > 0:
		return GroupSequential
	default:
		return ConfidenceSequence
	}
}

func checkTests(p Plan) error {
	a := p.Analysis
	for i, t := range a.Tests {
		pointer := fmt.Sprintf("/analysis/tests/%d", i)
		if t.Test != MannWhitney {
			return domain.Invalid(pointer+"/test", "the test is mann_whitney, not %q; leave the metric out for the test of its kind", t.Test).WithCode("unknown_test")
		}
		if t.Metric != p.Primary && !slices.Contains(p.Secondary, t.Metric) {
			return domain.Invalid(pointer+"/metric", "%q is neither the primary nor a secondary metric of this plan; guardrails are tested against a margin in their own unit, which a rank test does not have", t.Metric).WithCode("not_a_goal")
		}
		if slices.ContainsFunc(a.Tests[:i], func(o MetricTest) bool { return o.Metric == t.Metric }) {
			return domain.Invalid(pointer+"/metric", "the metric %q has two tests; leave one out", t.Metric).WithCode("duplicate_test")
		}
		if err := checkRankTest(p, pointer, t.Metric); err != nil {
			return err
		}
	}
	return nil
}

// checkRankTest refuses what does not go together with a rank test: it has no mean, so nothing that is said of means.
func checkRankTest(p Plan, pointer string, key domain.MetricKey) error {
	a := p.Analysis
	if m := p.willBe(); m != GroupSequential && m != Fixed {
		return domain.Invalid(pointer+"/test", "the Mann-Whitney test is valid at the looks of a group sequential analysis and at a fixed horizon, and this analysis is a %s; give a planned end or planned units, or leave the test out", m).WithCode("test_not_sequential")
	}
	if a.CovariatesOf(key) != nil {
		return domain.Invalid(pointer+"/metric", "the metric %q has covariates, which adjust a difference of means; a rank test has none, so leave the covariates or the test out", key).WithCode("test_not_adjustable")
	}
	if key == p.Primary && a.Target != (Amount{}) {
		return domain.Invalid("/analysis/target", "a target is a change of the mean, and the primary metric is compared by ranks; leave the target or the test out").WithCode("test_without_mean")
	}
	if key == p.Primary && a.Bayesian != nil {
		return domain.Invalid("/analysis/bayesian", "the Bayesian view is one of means, and the primary metric is compared by ranks; leave one of the two out").WithCode("test_without_mean")
	}
	return nil
}

func checkStrata(p Plan) error {
	attributes := p.Analysis.PostStratify
	if len(attributes) > maxStrata {
		return domain.Invalid("/analysis/post_stratify", "at most %d attributes make strata, not %d; every combination of their values is one, and small ones tell nothing", maxStrata, len(attributes)).WithCode("too_many_strata")
	}
	for i, attribute := range attributes {
		pointer := fmt.Sprintf("/analysis/post_stratify/%d", i)
		if err := domain.CheckText(pointer, "attribute", attribute, true, 128); err != nil {
			return err
		}
		if slices.Contains(attributes[:i], attribute) {
			return domain.Invalid(pointer, "the attribute %q is there twice; leave one out", attribute).WithCode("duplicate_stratum")
		}
	}
	return nil
}

func checkCovariates(p Plan) error {
	a := p.Analysis
	if len(a.Covariates) > 0 && a.CUPED == Off {
		return domain.Invalid("/analysis/cuped", "cuped is off, and there are covariates; turn it on or leave them out").WithCode("covariates_unused")
	}
	for i, c := range a.Covariates {
		pointer := fmt.Sprintf("/analysis/covariates/%d", i)
		if !slices.Contains(p.Metrics(), c.Metric) {
			return domain.Invalid(pointer+"/metric", "%q is no metric of this plan; covariates adjust one of its metrics", c.Metric).WithCode("not_in_plan")
		}
		if slices.ContainsFunc(a.Covariates[:i], func(o Covariates) bool { return o.Metric == c.Metric }) {
			return domain.Invalid(pointer+"/metric", "the metric %q has covariates twice; put them into one list", c.Metric).WithCode("duplicate_covariates")
		}
		if c.Days < 1 || c.Days > maxBefore {
			return domain.Invalid(pointer+"/days", "covariates look back 1 to %d days, not %d; 14 is usual", maxBefore, c.Days).WithCode("covariate_out_of_range")
		}
		if err := checkCovariatesOf(pointer+"/of", c.Of); err != nil {
			return err
		}
	}
	return nil
}

func checkCovariatesOf(pointer string, of []domain.MetricKey) error {
	if len(of) == 0 || len(of) > maxCovariates {
		return domain.Invalid(pointer, "a metric is adjusted by the past of 1 to %d metrics, not of %d", maxCovariates, len(of)).WithCode("wrong_number_of_covariates")
	}
	for i, key := range of {
		at := fmt.Sprintf("%s/%d", pointer, i)
		if err := domain.At(at, domain.CheckKey("metric", key)); err != nil {
			return err
		}
		if slices.Contains(of[:i], key) {
			return domain.Invalid(at, "the metric %q is there twice; leave one out", key).WithCode("duplicate_covariates")
		}
	}
	return nil
}

// checkBy refuses units that have no name: a measurement says what type of unit it is about.
func checkBy(p Plan) error {
	if p.By == "" {
		return nil
	}
	if err := domain.CheckText("/by", "attribute to split by", p.By, true, maxBy); err != nil {
		return err
	}
	if p.Unit == "" {
		return domain.Invalid("/unit", "split by the attribute %q, the units are others than users; name their type, such as company, as the measurements do", p.By).WithCode("missing_unit")
	}
	return nil
}

const (
	maxBy = 256
	// targetingKey is what everybody is split by unless told otherwise.
	targetingKey = "targetingKey"
)
