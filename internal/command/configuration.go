package command

import (
	"context"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/domain/feedback"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/holdout"
	"github.com/assayhq/assay/domain/installation"
	"github.com/assayhq/assay/domain/layer"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/domain/segment"
)

// Project executes a command on a project. What the command itself says about which project it is gives way to key; so it is
// with all things below.
func (s *Service) Project(ctx context.Context, key domain.ProjectKey, c project.Command, o Options) (Result[project.State], error) {
	if err := domain.CheckProjectKey("project", key); err != nil {
		return Result[project.State]{}, err
	}
	if create, ok := c.(project.Create); ok {
		create.Key = key
		c = create
	}
	return Handle(ctx, s, project.Aggregate, domain.Stream(project.Aggregate.Category, "", key), c, o)
}

// Feedback executes a command on what a subject said.
func (s *Service) Feedback(ctx context.Context, in domain.ProjectKey, subject string, c feedback.Command, o Options) (Result[feedback.State], error) {
	return Handle(ctx, s, feedback.Aggregate, domain.Stream(feedback.Aggregate.Category, in, subject), c, o)
}

// IntroduceSecret says with which secret a node starts.
func (s *Service) IntroduceSecret(ctx context.Context, c installation.IntroduceSecret, o Options) (Result[installation.State], error) {
	return Handle(ctx, s, installation.Aggregate, installation.Stream, installation.Command(c), o)
}

// Key executes a command on an API key.
func (s *Service) Key(ctx context.Context, id domain.KeyID, c apikey.Command, o Options) (Result[apikey.State], error) {
	if issue, ok := c.(apikey.Issue); ok {
		issue.Key.ID = id
		c = issue
		if issue.Key.Project != "" {
			if err := s.checkPlace(ctx, issue.Key.Project, issue.Key.Environment); err != nil {
				return Result[apikey.State]{}, err
			}
		}
	}
	return Handle(ctx, s, apikey.Aggregate, domain.Stream(apikey.Aggregate.Category, "", id), c, o)
}

// Flag executes a command on a flag; the project, and the environment a command names, must exist.
func (s *Service) Flag(ctx context.Context, in domain.ProjectKey, key domain.FlagKey, c flag.Command, o Options) (Result[flag.State], error) {
	var (
		environment domain.EnvironmentKey
		rules       []flag.Rule
		holdouts    []domain.HoldoutKey
	)
	switch given := c.(type) {
	case flag.Create:
		given.Project, given.Key = in, key
		c = given
	case flag.TurnOn:
		environment = given.Environment
	case flag.TurnOff:
		environment = given.Environment
	case flag.ChangeTargeting:
		environment, rules, holdouts = given.Environment, given.Targeting.Rules, given.Targeting.Holdouts
	case flag.SetEnvironment:
		environment = given.Environment
		if given.Rules != nil {
			rules = *given.Rules
		}
		if given.Holdouts != nil {
			holdouts = *given.Holdouts
		}
	default: // the others name no environment
	}
	if err := s.checkPlace(ctx, in, environment); err != nil {
		return Result[flag.State]{}, err
	}
	stream := domain.Stream(flag.Aggregate.Category, in, key)
	if len(rules)+len(holdouts) > 0 {
		// The command is decided before what it asks for is looked up, so that refusals of malformed ones come first.
		dry := o
		dry.DryRun = true
		if would, err := Handle(ctx, s, flag.Aggregate, stream, c, dry); err != nil || len(would.Events) == 0 {
			return would, err
		}
		if err := s.checkAsked(ctx, in, key, environment, rules, holdouts); err != nil {
			return Result[flag.State]{}, err
		}
	}
	return Handle(ctx, s, flag.Aggregate, stream, c, o)
}

// Segment executes a command on a segment; the project, and the segments that its rules ask for, must exist.
func (s *Service) Segment(ctx context.Context, in domain.ProjectKey, key domain.SegmentKey, c segment.Command, o Options) (Result[segment.State], error) {
	if err := s.checkPlace(ctx, in, ""); err != nil {
		return Result[segment.State]{}, err
	}
	var rules []segment.Rule
	switch given := c.(type) {
	case segment.Create:
		given.Project, given.Key = in, key
		c, rules = given, given.Rules
	case segment.ChangeRules:
		rules = given.Rules
	default: // the others ask for nothing
	}
	stream := domain.Stream(segment.Aggregate.Category, in, key)
	if len(rules) > 0 {
		dry := o
		dry.DryRun = true
		if would, err := Handle(ctx, s, segment.Aggregate, stream, c, dry); err != nil || len(would.Events) == 0 {
			return would, err
		}
		if err := s.checkNested(ctx, in, []domain.SegmentKey{key}, rules); err != nil {
			return Result[segment.State]{}, err
		}
	}
	return Handle(ctx, s, segment.Aggregate, stream, c, o)
}

// SegmentLists reads a segment with its lists, which no read model keeps as they are.
func (s *Service) SegmentLists(ctx context.Context, in domain.ProjectKey, key domain.SegmentKey) (Result[segment.State], error) {
	past, err := load(ctx, s.log, segment.Aggregate, domain.Stream(segment.Aggregate.Category, in, key))
	return Result[segment.State]{State: past.state, Revision: past.revision, Position: past.position}, err
}

// Layer executes a command on a layer; the project must exist.
func (s *Service) Layer(ctx context.Context, in domain.ProjectKey, key domain.LayerKey, c layer.Command, o Options) (Result[layer.State], error) {
	if err := s.checkPlace(ctx, in, ""); err != nil {
		return Result[layer.State]{}, err
	}
	if create, ok := c.(layer.Create); ok {
		create.Project, create.Key = in, key
		c = create
	}
	return Handle(ctx, s, layer.Aggregate, domain.Stream(layer.Aggregate.Category, in, key), c, o)
}

// Holdout executes a command on a holdout; the project must exist.
func (s *Service) Holdout(ctx context.Context, in domain.ProjectKey, key domain.HoldoutKey, c holdout.Command, o Options) (Result[holdout.State], error) {
	if err := s.checkPlace(ctx, in, ""); err != nil {
		return Result[holdout.State]{}, err
	}
	if create, ok := c.(holdout.Create); ok {
		create.Project, create.Key = in, key
		c = create
	}
	return Handle(ctx, s, holdout.Aggregate, domain.Stream(holdout.Aggregate.Category, in, key), c, o)
}

// Metric executes a command on a metric; the project must exist.
func (s *Service) Metric(ctx context.Context, in domain.ProjectKey, key domain.MetricKey, c metric.Command, o Options) (Result[metric.State], error) {
	if err := s.checkPlace(ctx, in, ""); err != nil {
		return Result[metric.State]{}, err
	}
	if create, ok := c.(metric.Create); ok {
		create.Project, create.Key = in, key
		c = create
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
