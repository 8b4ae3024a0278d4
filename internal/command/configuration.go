package command

import (
	"context"
	"fmt"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/domain/project"
)

// Project executes a command on a project.
func (s *Service) Project(ctx context.Context, key domain.ProjectKey, c project.Command, o Options) (Result[project.State], error) {
	if err := domain.CheckProjectKey("project", key); err != nil {
		return Result[project.State]{}, err
	}
	return Handle(ctx, s, project.Aggregate, domain.Stream(project.Aggregate.Category, "", key), c, o)
}

// Key executes a command on an API key.
func (s *Service) Key(ctx context.Context, id domain.KeyID, c apikey.Command, o Options) (Result[apikey.State], error) {
	if issue, ok := c.(apikey.Issue); ok && issue.Key.Project != "" {
		if err := s.checkPlace(ctx, issue.Key.Project, issue.Key.Environment); err != nil {
			return Result[apikey.State]{}, err
		}
	}
	return Handle(ctx, s, apikey.Aggregate, domain.Stream(apikey.Aggregate.Category, "", id), c, o)
}

// Flag executes a command on a flag; the project, and the environment a command names, must exist.
func (s *Service) Flag(ctx context.Context, in domain.ProjectKey, key domain.FlagKey, c flag.Command, o Options) (Result[flag.State], error) {
	var environment domain.EnvironmentKey
	switch c := c.(type) {
	case flag.TurnOn:
		environment = c.Environment
	case flag.TurnOff:
		environment = c.Environment
	case flag.ChangeTargeting:
		environment = c.Environment
	case flag.SetEnvironment:
		environment = c.Environment
	default: // the others name no environment
	}
	if err := s.checkPlace(ctx, in, environment); err != nil {
		return Result[flag.State]{}, err
	}
	return Handle(ctx, s, flag.Aggregate, domain.Stream(flag.Aggregate.Category, in, key), c, o)
}

// Metric executes a command on a metric; the project must exist.
func (s *Service) Metric(ctx context.Context, in domain.ProjectKey, key domain.MetricKey, c metric.Command, o Options) (Result[metric.State], error) {
	if err := s.checkPlace(ctx, in, ""); err != nil {
		return Result[metric.State]{}, err
	}
	return Handle(ctx, s, metric.Aggregate, domain.Stream(metric.Aggregate.Category, in, key), c, o)
}

// checkPlace refuses a project, or an environment of it, that doesn't exist.
func (s *Service) checkPlace(ctx context.Context, key domain.ProjectKey, environment domain.EnvironmentKey) error {
	past, err := load(ctx, s.log, project.Aggregate, domain.Stream(project.Aggregate.Category, "", key))
	if err != nil {
		return err
	}
	if !past.state.Exists() {
		return domain.NotFound("there is no project %q; create it first", key).WithCode("unknown_project")
	}
	if environment != "" && !past.state.Has(environment) {
		return domain.NotFound("the project %q has no environment %q; add it first", key, environment).WithCode("unknown_environment")
	}
	return nil
}

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
		if !hasVariant(tested.state, arm.Variant) {
			return domain.Invalid(fmt.Sprintf("/arms/%d/variant", i), "the flag %q has no variant %q; add it to the flag or choose another arm", p.Flag, arm.Variant).WithCode("unknown_variant")
		}
	}
	return s.checkMetrics(ctx, in, p)
}

func (s *Service) checkMetrics(ctx context.Context, in domain.ProjectKey, p experiment.Plan) error {
	for _, key := range p.Metrics() {
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

func hasVariant(s flag.State, key domain.VariantKey) bool {
	for _, v := range s.Variants {
		if v.Key == key {
			return true
		}
	}
	return false
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
