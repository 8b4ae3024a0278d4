package command

import (
	"context"
	"fmt"
	"slices"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/layer"
	"github.com/assayhq/assay/domain/metric"
)

// checkPlan refuses a plan that names a flag, variants, metrics or an environment that don't exist.
func (s *Service) checkPlan(ctx context.Context, in domain.ProjectKey, p experiment.Plan) error {
	if err := s.checkPlace(ctx, in, p.Environment); err != nil {
		if r, ok := domain.AsRefusal(err); ok && r.Code == "unknown_environment" {
			return domain.Invalid("/environment", "%s", r.Sentence).WithCode(r.Code)
		}
		return err
	}
	tested, err := load(ctx, s.log, flag.Aggregate, domain.Stream(flag.Aggregate.Category, in, p.Flag))
	if err != nil {
		return err
	}
	if !tested.state.Exists() || tested.state.Archived {
		return domain.Invalid("/flag", "there is no flag %q in service in this project; create or restore it first", p.Flag).WithCode("unknown_flag")
	}
	for i, arm := range p.Arms {
		if !slices.ContainsFunc(tested.state.Variants, func(v flag.Variant) bool { return v.Key == arm.Variant }) {
			return domain.Invalid(fmt.Sprintf("/arms/%d/variant", i), "the flag %q has no variant %q; add it to the flag or choose another arm", p.Flag, arm.Variant).WithCode("unknown_variant")
		}
	}
	if err := s.checkLayer(ctx, in, p); err != nil {
		return err
	}
	return s.checkMetrics(ctx, in, p, nil)
}

// checkLayer refuses a layer that isn't there, or a share that is more than all of it.
func (s *Service) checkLayer(ctx context.Context, in domain.ProjectKey, p experiment.Plan) error {
	if p.Layer == "" {
		return nil
	}
	past, err := load(ctx, s.log, layer.Aggregate, domain.Stream(layer.Aggregate.Category, in, p.Layer))
	if err != nil {
		return err
	}
	if !past.state.Exists() || past.state.Archived {
		return domain.Invalid("/layer", "there is no layer %q in service in this project; create or restore it first", p.Layer).WithCode("unknown_layer")
	}
	if p.By != "" && p.By != past.state.By {
		return domain.Invalid("/by", "the layer %q divides other units (%s) than the experiment (%s), so a unit could be in the layer's part and out of it; choose a layer that divides by %s, or none", p.Layer, byWhat(past.state.By), p.By, p.By).WithCode("wrong_unit_for_layer")
	}
	if p.LayerShare > past.state.Total {
		return domain.Invalid("/layer_share", "the layer %q has %d buckets; take a share of 1 to %d", p.Layer, past.state.Total, past.state.Total).WithCode("bad_share")
	}
	return nil
}

// checkMetrics refuses metrics that don't exist or are archived, except those in known: what a plan names already stays.
func (s *Service) checkMetrics(ctx context.Context, in domain.ProjectKey, p experiment.Plan, known []domain.MetricKey) error {
	kinds := map[domain.MetricKey]metric.Kind{}
	for _, key := range p.Named() {
		if slices.Contains(known, key) {
			continue
		}
		m, err := load(ctx, s.log, metric.Aggregate, domain.Stream(metric.Aggregate.Category, in, key))
		if err != nil {
			return err
		}
		if !m.state.Exists() {
			return domain.Invalid(metricPointer(p, key), "there is no metric %q in this project; create it first", key).WithCode("unknown_metric")
		}
		if m.state.Archived {
			return domain.Invalid(metricPointer(p, key), "the metric %q is archived; restore it or choose another", key).WithCode("archived_metric")
		}
		kinds[key] = m.state.Definition.Kind
	}
	return checkKinds(p, kinds)
}

func metricPointer(p experiment.Plan, key domain.MetricKey) string {
	if p.Primary == key {
		return "/primary"
	}
	for i, k := range p.Secondary {
		if k == key {
			return fmt.Sprintf("/secondary/%d", i)
		}
	}
	for i, k := range p.Guardrails {
		if k == key {
			return fmt.Sprintf("/guardrails/%d", i)
		}
	}
	for i, c := range p.Analysis.Covariates {
		if j := slices.Index(c.Of, key); j >= 0 {
			return fmt.Sprintf("/analysis/covariates/%d/of/%d", i, j)
		}
	}
	return ""
}

// checkKinds refuses analyses that the kinds of the metrics do not allow. Metrics whose kind is not given were in the plan before.
func checkKinds(p experiment.Plan, kinds map[domain.MetricKey]metric.Kind) error {
	for i, t := range p.Analysis.Tests {
		if kind, ok := kinds[t.Metric]; ok && kind != metric.Count && kind != metric.Mean {
			return domain.Invalid(fmt.Sprintf("/analysis/tests/%d/metric", i), "a rank test compares a value per unit, so it is for a metric of kind count or mean; %q is of kind %s", t.Metric, kind).WithCode("cannot_rank")
		}
	}
	for i, c := range p.Analysis.Covariates {
		at := fmt.Sprintf("/analysis/covariates/%d", i)
		if kind, ok := kinds[c.Metric]; ok && !perUnit(kind) {
			return domain.Invalid(at+"/metric", "covariates are for a binary, count or mean metric; %q is of kind %s", c.Metric, kind).WithCode("cannot_adjust")
		}
		for j, key := range c.Of {
			if kind, ok := kinds[key]; ok && !perUnit(kind) {
				return domain.Invalid(fmt.Sprintf("%s/of/%d", at, j), "a covariate is the past of a binary, count or mean metric; %q is of kind %s", key, kind).WithCode("cannot_adjust")
			}
		}
	}
	return nil
}

// perUnit reports whether a metric has one value per unit, also before the exposure.
func perUnit(k metric.Kind) bool { return k == metric.Binary || k == metric.Count || k == metric.Mean }

func byWhat(attribute string) string {
	if attribute == "" {
		return "the targeting key"
	}
	return attribute
}
