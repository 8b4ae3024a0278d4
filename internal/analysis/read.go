package analysis

import (
	"context"
	"fmt"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/facts"
)

// Sources are the read models that an analysis is made from.
type Sources struct {
	Catalog *catalog.Projection
	Facts   *facts.Store
}

// Position is up to where both sources have applied the log.
func (s Sources) Position() facts.Position { return min(s.Catalog.Position(), s.Facts.Position()) }

// Read gathers what an experiment's analysis at a position needs. look, when given, is a reading about to be taken there; without
// one the comparisons are those of the last reading, if the method has readings. ok is false when there was no such experiment.
func (s Sources) Read(ctx context.Context, in domain.ProjectKey, key domain.ExperimentKey, at facts.Position, look *NewLook) (input Input, ok bool, err error) {
	e, course, ok := s.Catalog.ExperimentAt(in, key, at)
	if !ok {
		return Input{}, false, nil
	}
	input = Input{
		Position: at, Experiment: e.State, StartedAt: course.StartedAt, StoppedAt: course.StoppedAt, DecidedAt: course.DecidedAt, ChangedAt: e.UpdatedAt, Look: look,
		Metrics: map[domain.MetricKey]metric.State{},
	}
	input.Weighings = weighings(course.Weights)
	input.Amendments = amendments(e.State.Frozen, course.Amendments)
	for _, m := range e.State.Plan.Named() {
		if entry, ok := s.Catalog.MetricAt(in, m, at); ok {
			input.Metrics[m] = entry.State
		}
	}
	q := Query(input)
	if input.Units, err = s.Facts.Units(ctx, q); err != nil {
		return Input{}, true, fmt.Errorf("reading the units of the experiment: %w", err)
	}
	input.Now = input.Units
	if q.At != at {
		q.At, q.Metrics, q.Dimensions = at, nil, nil
		if input.Now, err = s.Facts.Units(ctx, q); err != nil {
			return Input{}, true, fmt.Errorf("reading the units of the experiment: %w", err)
		}
	}
	return input, true, nil
}

// amendments tells what each change of the plan since the start changed.
func amendments(plan experiment.Plan, changes []catalog.Change) []Amendment {
	var out []Amendment
	for _, c := range changes {
		a := Amendment{At: c.At, By: string(c.Actor), Reason: c.Reason}
		event, err := experiment.Aggregate.Decode(c.Event, c.Data)
		if amended, ok := event.(experiment.PlanAmended); ok && err == nil {
			a.Changed = experiment.Changes(plan, amended.Plan)
			plan = amended.Plan
		}
		out = append(out, a)
	}
	return out
}

// weighings tells the changes of the arms' weights.
func weighings(changes []catalog.Change) []Weighing {
	var out []Weighing
	for _, c := range changes {
		event, err := experiment.Aggregate.Decode(c.Event, c.Data)
		if changed, ok := event.(experiment.WeightsChanged); ok && err == nil {
			out = append(out, Weighing{At: c.At, By: string(c.Actor), Reason: c.Reason, Weights: weightsIn(changed.Arms)})
		}
	}
	return out
}

// Query is the question to the facts that an analysis needs answered.
func Query(in Input) facts.Query {
	plan := in.Experiment.Plan
	q := facts.Query{
		Project: in.Experiment.Project, Environment: plan.Environment, Experiment: in.Experiment.Key, UnitType: plan.Unit, At: in.Position,
		KeepFirst: len(in.Weighings) > 0, // where units were moved, leaving out who was seen in both arms would take away those who come back
	}
	if last := in.Experiment.LastReading(); last != nil && in.Look == nil && rulesOf(in).sequential() {
		q.At = facts.Position(last.Position)
	}
	for _, arm := range plan.Arms {
		q.Arms = append(q.Arms, arm.Variant)
	}
	q.Metrics = layoutOf(in).metrics
	q.Dimensions = dimensionsOf(plan.Analysis)
	return q
}

// rulesOf is the analysis section that counts: the frozen one, the one a draft would start with, or, for an experiment that
// started before there was such a section, what was the law then.
func rulesOf(in Input) rules {
	e := in.Experiment
	a := e.Plan.Analysis
	switch {
	case e.Status == experiment.StatusDraft:
		return rules{Analysis: e.Plan.Resolved(in.ChangedAt)}
	case a.Method == "":
		return rules{Analysis: experiment.Analysis{Method: experiment.Fixed, Alpha: 0.05, Correction: experiment.NoCorrection, Scope: experiment.ScopePrimary}, old: true}
	default:
		return rules{Analysis: a}
	}
}

// rules are those an experiment is judged by.
type rules struct {
	experiment.Analysis
	// old: the plan is from before plans had a section on their analysis. The verdict takes Holm's correction into account and
	// intervals do not; guardrails are tested like other metrics.
	old bool
}

func (r rules) sequential() bool { return r.Method == experiment.GroupSequential }
