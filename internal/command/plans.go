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
	if p.LayerShare > past.state.Total {
		return domain.Invalid("/layer_share", "the layer %q has %d buckets; take a share of 1 to %d", p.Layer, past.state.Total, past.state.Total).WithCode("bad_share")
	}
	return nil
}

// checkMetrics refuses metrics that don't exist or are archived, except those in known: what a plan names already stays.
func (s *Service) checkMetrics(ctx context.Context, in domain.ProjectKey, p experiment.Plan, known []domain.MetricKey) error {
	for _, key := range p.Metrics() {
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
	}
	return nil
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
	return ""
}
