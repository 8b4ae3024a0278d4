package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/layer"
	"github.com/assayhq/assay/eventlog"
)

// patience bounds what goes on without its caller.
const patience = 10 * time.Second

// Experiment executes a command on an experiment, and on the flag that serves it where that is part of it. Whatever a plan
// names must exist.
func (s *Service) Experiment(ctx context.Context, in domain.ProjectKey, key domain.ExperimentKey, c experiment.Command, o Options) (Result[experiment.State], error) {
	if o.CommandID == "" {
		o.CommandID = randomID()
	}
	if err := s.checkPlace(ctx, in, ""); err != nil {
		return Result[experiment.State]{}, err
	}
	e := tested{s: s, in: in, key: key, o: o}
	switch c := c.(type) {
	case experiment.Create:
		c.Project, c.Key = in, key
		return e.plan(ctx, c)
	case experiment.Change:
		return e.plan(ctx, c)
	case experiment.Start:
		return e.start(ctx)
	case experiment.Reweigh:
		return e.reweigh(ctx, c)
	case experiment.TakeReading:
		return e.handle(ctx, c, o)
	default:
		return e.end(ctx, c)
	}
}

// tested is an experiment and the command it is given.
type tested struct {
	s   *Service
	in  domain.ProjectKey
	key domain.ExperimentKey
	o   Options
}

func (e tested) stream() string {
	return domain.Stream(experiment.Aggregate.Category, e.in, e.key)
}

func (e tested) handle(ctx context.Context, c experiment.Command, o Options) (Result[experiment.State], error) {
	return Handle(ctx, e.s, experiment.Aggregate, e.stream(), c, o)
}

// load returns the experiment and every place where it was ever planned, the first first.
func (e tested) load(ctx context.Context) (state experiment.State, planned []place, err error) {
	noting := experiment.Aggregate
	noting.Evolve = func(s experiment.State, event experiment.Event) experiment.State {
		s = experiment.Aggregate.Evolve(s, event)
		if at := placeOf(s.Plan); !slices.Contains(planned, at) {
			planned = append(planned, at)
		}
		return s
	}
	past, err := load(ctx, e.s.log, noting, e.stream())
	return past.state, planned, err
}

// plan creates or changes an experiment. The command is decided before what its plan names is looked up, so that refusals of
// malformed plans come first.
func (e tested) plan(ctx context.Context, c experiment.Command) (Result[experiment.State], error) {
	before, planned, err := e.load(ctx)
	if err != nil {
		return Result[experiment.State]{}, err
	}
	dry := e.o
	dry.DryRun = true
	would, err := e.handle(ctx, c, dry)
	if err != nil {
		return would, err
	}
	switch {
	case slices.Contains(would.Events, experiment.WirePlanAmended):
		err = e.s.checkMetrics(ctx, e.in, would.State.Plan, before.Plan.Named())
	case slices.Contains(would.Events, experiment.WireCreated), slices.Contains(would.Events, experiment.WirePlanChanged):
		err = e.s.checkPlan(ctx, e.in, would.State.Plan)
	}
	if err != nil || e.o.DryRun {
		return would, err
	}
	result, err := e.handle(ctx, c, e.o)
	if err != nil || !slices.ContainsFunc(planned, func(at place) bool { return at != placeOf(result.State.Plan) }) {
		return result, err
	}
	// A start that broke off may have left the draft attached where it was planned before.
	return result, e.settleAfter(ctx)
}

// start attaches the experiment to its flag, then starts it. A crash in between leaves a flag that serves the arms of a draft;
// starting it again completes it, and no other experiment can take the flag meanwhile.
func (e tested) start(ctx context.Context) (Result[experiment.State], error) {
	result, err := e.startOnce(ctx)
	for try := 1; try < conflictTries && e.o.IfRevision == nil; try++ {
		if _, moved := errors.AsType[*StaleError](err); !moved {
			break
		}
		// The plan changed between attaching and starting; what it is now is attached and started.
		result, err = e.startOnce(ctx)
	}
	if _, refused := domain.AsRefusal(err); e.o.DryRun || err != nil && !refused {
		return result, err // it may have started, so it stays attached; repeating the command tells
	}
	return result, errors.Join(err, partly(e.settle(ctx), "the experiment %q was not started, but its flag or layer may keep its part; give the same command again, that takes it back", e.key))
}

func (e tested) startOnce(ctx context.Context) (Result[experiment.State], error) {
	dry := e.o
	dry.DryRun = true
	would, err := e.handle(ctx, experiment.Start{}, dry)
	if err != nil || len(would.Events) == 0 {
		return would, err
	}
	if err := e.s.checkPlan(ctx, e.in, would.State.Plan); err != nil {
		return Result[experiment.State]{}, err
	}
	if err := e.attach(ctx, would.State); err != nil || e.o.DryRun {
		return would, err
	}
	exact := e.o
	exact.IfRevision = &would.Revision // whose arms the flag serves now
	result, err := e.handle(ctx, experiment.Start{}, exact)
	return result, partly(err, "the flag %q serves the arms of the experiment %q already, but its start is not recorded; give the same command again, that completes it", would.State.Plan.Flag, e.key)
}

// end stops or concludes an experiment, or changes its weights, then has its flag serve it as it is by now. A crash in between leaves a flag that serves the arms
// of an experiment that has ended; ending it again completes it.
func (e tested) end(ctx context.Context, c experiment.Command) (Result[experiment.State], error) {
	result, err := e.handle(ctx, c, e.o)
	if err != nil || e.o.DryRun {
		return result, err
	}
	return result, e.settleAfter(ctx)
}

// reweigh changes the weights of a running experiment, then has its flag divide units by them. What the flag refuses is refused before
// anything is recorded. A crash in between leaves the flag with the old weights; changing them again completes it.
func (e tested) reweigh(ctx context.Context, c experiment.Reweigh) (Result[experiment.State], error) {
	dry := e
	dry.o.DryRun = true
	would, err := dry.handle(ctx, c, dry.o)
	if err != nil {
		return would, err
	}
	if len(would.Events) > 0 {
		if err := dry.attach(ctx, would.State); err != nil {
			return Result[experiment.State]{}, err
		}
	}
	return e.end(ctx, c)
}

// settleAfter settles what is recorded already. When the log fails meanwhile, "nothing was recorded" would be wrong: the command's outcome
// is open until it is given again.
func (e tested) settleAfter(ctx context.Context) error {
	err := e.settle(ctx)
	if _, refused := domain.AsRefusal(err); err == nil || refused {
		return err
	}
	return &PartlyError{
		Recorded: fmt.Sprintf("what the experiment %q itself has to do is recorded, but its flag or layer does not follow yet; give the same command again, that completes it", e.key),
		cause:    fmt.Errorf("%w: %w", eventlog.ErrUnknownOutcome, err),
	}
}

// settle sees to it that flags serve the experiment exactly where it runs, wherever it was ever planned. Others may start,
// stop and change it at the same time, each settling after the last thing they recorded; so whoever writes to a flag last
// looks at the experiment once more. What the experiment's stream says by now stands, so this goes on when the caller has
// left.
func (e tested) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var (
		refusal error
		settled *experiment.State
	)
	for range conflictTries {
		state, planned, err := e.load(ctx)
		if err != nil || settled != nil && settled.Status == state.Status && placeOf(settled.Plan) == placeOf(state.Plan) && slices.Equal(settled.Plan.Arms, state.Plan.Arms) {
			return errors.Join(refusal, err)
		}
		for _, at := range planned {
			if !servesAt(state, at) {
				err = errors.Join(err, e.detach(ctx, at))
				continue
			}
			attaching := e.attach(ctx, state)
			if r, refused := domain.AsRefusal(attaching); refused {
				refusal, attaching = attaching, e.abandon(ctx, r)
			}
			err = errors.Join(err, attaching)
		}
		if err = errors.Join(err, e.release(ctx, state)); err != nil {
			return err
		}
		settled = &state
	}
	return refusal
}

// abandon stops an experiment that its flag cannot serve: somebody detached it before it was recorded as started, and
// another one was attached, or the flag archived, before it could be attached again.
func (e tested) abandon(ctx context.Context, why *domain.Refusal) error {
	_, err := e.handle(ctx, experiment.Stop{}, Options{
		Actor: e.o.Actor, Reason: "Stopped by assay, because the flag cannot serve it: " + why.Sentence, correlation: e.o.CommandID,
	})
	return err
}

// servesAt reports whether the flag there has to serve the experiment.
func servesAt(state experiment.State, at place) bool {
	return state.Status == experiment.StatusRunning && placeOf(state.Plan) == at
}

// place is where an experiment is attached.
type place struct {
	flag        domain.FlagKey
	environment domain.EnvironmentKey
}

func placeOf(p experiment.Plan) place { return place{flag: p.Flag, environment: p.Environment} }

func (e tested) attach(ctx context.Context, state experiment.State) error {
	split := flag.Split{Algorithm: state.Algorithm, Salt: state.Salt, Total: state.Plan.Total, By: state.Plan.By}
	for _, arm := range state.Plan.Arms {
		split.Weights = append(split.Weights, flag.VariantWeight{Variant: arm.Variant, Weight: arm.Weight})
	}
	c := flag.AttachExperiment{Environment: state.Plan.Environment, Experiment: e.key, Unit: state.Plan.Unit, Split: split, Layer: state.Plan.Layer}
	if c.Layer == "" {
		return e.onFlag(ctx, state.Plan.Flag, c)
	}
	if _, err := load(ctx, e.s.log, flag.Aggregate, domain.Stream(flag.Aggregate.Category, e.in, state.Plan.Flag)); err != nil {
		return err // before the layer keeps a part for a flag that cannot be changed
	}
	part, err := e.allocate(ctx, state.Plan)
	if err != nil {
		return err
	}
	c.Within = []domain.Slice{part}
	if err = e.onFlag(ctx, state.Plan.Flag, c); e.o.DryRun {
		return err
	}
	return partly(err, "the layer %q keeps a part for the experiment %q, but its flag does not serve it yet; give the same command again, that completes it", c.Layer, e.key)
}

// allocate gives the experiment its part of the layer; one that it has already stays.
func (e tested) allocate(ctx context.Context, p experiment.Plan) (domain.Slice, error) {
	result, err := e.onLayer(ctx, p.Layer, layer.Allocate{Experiment: e.key, Share: p.LayerShare})
	if err != nil {
		return domain.Slice{}, err
	}
	part, _ := result.State.Slice(e.key)
	return part, nil
}

// release takes the part back from an experiment that does not run.
func (e tested) release(ctx context.Context, state experiment.State) error {
	if state.Plan.Layer == "" || state.Status == experiment.StatusRunning {
		return nil
	}
	_, err := e.onLayer(ctx, state.Plan.Layer, layer.Release{Experiment: e.key})
	if r, refused := domain.AsRefusal(err); refused && r.Kind == domain.KindNotFound {
		return nil // a draft may name a layer that is yet to be made
	}
	return err
}

func (e tested) onLayer(ctx context.Context, key domain.LayerKey, c layer.Command) (Result[layer.State], error) {
	o := Options{Actor: e.o.Actor, Reason: e.o.Reason, DryRun: e.o.DryRun, correlation: e.o.CommandID}
	return Handle(ctx, e.s, layer.Aggregate, domain.Stream(layer.Aggregate.Category, e.in, key), c, o)
}

func (e tested) detach(ctx context.Context, at place) error {
	return e.onFlag(ctx, at.flag, flag.DetachExperiment{Environment: at.environment, Experiment: e.key})
}

// onFlag gives the flag a command on behalf of the one given to the experiment: same actor and reason, another id each time,
// because an experiment that was detached may have to be attached again by the same command.
func (e tested) onFlag(ctx context.Context, key domain.FlagKey, c flag.Command) error {
	o := Options{Actor: e.o.Actor, Reason: e.o.Reason, DryRun: e.o.DryRun, correlation: e.o.CommandID}
	_, err := Handle(ctx, e.s, flag.Aggregate, domain.Stream(flag.Aggregate.Category, e.in, key), c, o)
	return err
}
