package command

import (
	"context"
	"errors"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/eventlog"
)

// Experiment executes a command on an experiment, and on the flag that serves it where that is part of it. Whatever a plan
// names must exist.
func (s *Service) Experiment(ctx context.Context, in domain.ProjectKey, key domain.ExperimentKey, c experiment.Command, o Options) (Result[experiment.State], error) {
	if o.CommandID == "" {
		o.CommandID = randomID()
	}
	if err := s.checkPlace(ctx, in, ""); err != nil {
		return Result[experiment.State]{}, err
	}
	switch c := c.(type) {
	case experiment.Create:
		// The decider sees malformed plans first, so that its refusals come before those about what a plan names.
		if err := s.checkNamed(ctx, in, key, c, c.Plan, o); err != nil {
			return Result[experiment.State]{}, err
		}
	case experiment.Change:
		if err := s.checkNamed(ctx, in, key, c, c.Plan, o); err != nil {
			return Result[experiment.State]{}, err
		}
	case experiment.Start:
		return s.start(ctx, in, key, o)
	case experiment.Stop, experiment.Conclude:
		return s.end(ctx, in, key, c, o)
	}
	return s.handleExperiment(ctx, in, key, c, o)
}

func (s *Service) handleExperiment(ctx context.Context, in domain.ProjectKey, key domain.ExperimentKey, c experiment.Command, o Options) (Result[experiment.State], error) {
	return Handle(ctx, s, experiment.Aggregate, experimentStream(in, key), c, o)
}

func experimentStream(in domain.ProjectKey, key domain.ExperimentKey) string {
	return domain.Stream(experiment.Aggregate.Category, in, key)
}

// checkNamed decides the command without recording it, then looks up what its plan names.
func (s *Service) checkNamed(ctx context.Context, in domain.ProjectKey, key domain.ExperimentKey, c experiment.Command, p experiment.Plan, o Options) error {
	o.DryRun = true
	if _, err := s.handleExperiment(ctx, in, key, c, o); err != nil {
		return err
	}
	return s.checkPlan(ctx, in, p)
}

// start attaches the experiment to its flag, then starts it. A crash in between leaves a flag that serves the arms of a draft;
// starting it again completes it, and no other experiment can take the flag meanwhile.
func (s *Service) start(ctx context.Context, in domain.ProjectKey, key domain.ExperimentKey, o Options) (Result[experiment.State], error) {
	for try := 1; ; try++ {
		result, err := s.startOnce(ctx, in, key, o)
		if _, moved := errors.AsType[*StaleError](err); !moved || o.IfRevision != nil || try == conflictTries {
			return result, err
		}
		// The plan changed between attaching and starting; what it is now is attached and started.
	}
}

func (s *Service) startOnce(ctx context.Context, in domain.ProjectKey, key domain.ExperimentKey, o Options) (Result[experiment.State], error) {
	dry := o
	dry.DryRun = true
	would, err := s.handleExperiment(ctx, in, key, experiment.Start{}, dry)
	if err != nil || would.State.Status != experiment.StatusRunning {
		// When it is not running, this very command was executed before and the experiment has ended since.
		return would, err
	}
	if err := s.checkPlan(ctx, in, would.State.Plan); err != nil || o.DryRun {
		return would, err
	}
	if err := s.attach(ctx, in, would.State, o); err != nil || len(would.Events) == 0 {
		return would, err
	}
	exact := o
	exact.IfRevision = &would.Revision // whose arms the flag serves now
	return s.handleExperiment(ctx, in, key, experiment.Start{}, exact)
}

func (s *Service) attach(ctx context.Context, in domain.ProjectKey, e experiment.State, o Options) error {
	split := flag.Split{Algorithm: e.Algorithm, Salt: e.Salt, Total: e.Plan.Total}
	for _, arm := range e.Plan.Arms {
		split.Weights = append(split.Weights, flag.VariantWeight{Variant: arm.Variant, Weight: arm.Weight})
	}
	c := flag.AttachExperiment{Environment: e.Plan.Environment, Experiment: e.Key, Unit: e.Plan.Unit, Split: split}
	_, err := Handle(ctx, s, flag.Aggregate, domain.Stream(flag.Aggregate.Category, in, e.Plan.Flag), flag.Command(c), onFlag(o, "attach"))
	return err
}

// end records that the experiment stopped, then detaches it from its flag. A crash in between leaves a flag that serves the
// arms of an experiment that has ended; ending it again completes it.
func (s *Service) end(ctx context.Context, in domain.ProjectKey, key domain.ExperimentKey, c experiment.Command, o Options) (Result[experiment.State], error) {
	result, err := s.handleExperiment(ctx, in, key, c, o)
	if err != nil || o.DryRun {
		return result, err
	}
	e := result.State
	detach := flag.DetachExperiment{Environment: e.Plan.Environment, Experiment: key}
	_, err = Handle(ctx, s, flag.Aggregate, domain.Stream(flag.Aggregate.Category, in, e.Plan.Flag), flag.Command(detach), onFlag(o, "detach"))
	return result, err
}

// onFlag is the second command that a command on an experiment gives to the flag: same actor and reason, an id of its own.
func onFlag(o Options, what string) Options {
	o.IfRevision = nil
	o.CommandID = eventlog.NewID(o.CommandID+"/"+what, 0).String()
	return o
}
