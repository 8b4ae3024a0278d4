package experiment

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/assayhq/assay/domain"
)

const (
	minWhy = 20
	maxWhy = 4_096
)

// Aggregate is the law of experiments. Streams: experiment-<project>.<key>.
var Aggregate = domain.Aggregate[State, Command, Event]{
	Decider:  domain.Decider[State, Command, Event]{Decide: decide, Evolve: evolve},
	Category: "experiment",
	Encode:   encode,
	Decode:   wire.Decode,
}

func decide(s State, c Command, e domain.Envelope) ([]Event, error) {
	if c, ok := c.(Create); ok {
		return create(s, c, e)
	}
	if !s.Exists() {
		return nil, domain.NotFound("there is no such experiment; create it first")
	}
	switch c := c.(type) {
	case Change:
		return change(s, c, e)
	case Start:
		return start(s, e)
	case Stop:
		return stop(s, e)
	case Conclude:
		return conclude(s, c)
	case Reweigh:
		return reweigh(s, c, e)
	case TakeReading:
		return take(s, c.Reading)
	default:
		return nil, domain.Invalid("", "experiments know no command %T", c)
	}
}

func create(s State, c Create, e domain.Envelope) ([]Event, error) {
	if s.Exists() {
		return nil, domain.Exists("there is an experiment %q already; choose another key", s.Key)
	}
	if err := domain.At("/project", domain.CheckProjectKey("project", c.Project)); err != nil {
		return nil, err
	}
	if err := domain.CheckKey("experiment", c.Key); err != nil {
		return nil, err
	}
	if c.Name == "" {
		c.Name = string(c.Key)
	}
	if err := domain.CheckText("/name", "name", c.Name, true, domain.MaxName); err != nil {
		return nil, err
	}
	plan := complete(c.Plan)
	if err := checkPlan(plan); err != nil {
		return nil, err
	}
	if err := checkEnd(plan, e.At); err != nil {
		return nil, err
	}
	return []Event{Created{Project: c.Project, Key: c.Key, Name: c.Name, Plan: plan}}, nil
}

func change(s State, c Change, e domain.Envelope) ([]Event, error) {
	if s.Status == StatusDecided {
		return nil, domain.WrongState("the experiment is decided and stays as it is; make a new one").WithCode("decided")
	}
	if c.Name == "" {
		c.Name = s.Name
	}
	if err := domain.CheckText("/name", "name", c.Name, true, domain.MaxName); err != nil {
		return nil, err
	}
	plan := complete(c.Plan)
	if s.Status != StatusDraft {
		plan = s.amendedBy(plan)
	}
	if err := checkPlan(plan); err != nil {
		return nil, err
	}
	var events []Event
	if c.Name != s.Name {
		events = append(events, Renamed{Name: c.Name})
	}
	if samePlan(plan, s.Plan) {
		return events, nil
	}
	if !plan.PlannedEnd.Equal(s.Plan.PlannedEnd) {
		if err := checkEnd(plan, e.At); err != nil {
			return nil, err
		}
	}
	if s.Status == StatusDraft {
		return append(events, PlanChanged{Plan: plan}), nil
	}
	if !sameTest(plan, s.Plan) {
		return nil, domain.WrongState("the experiment has started, so its flag, environment, unit and arms stay as they are; stop it and make a new one to test something else").WithCode("plan_is_frozen")
	}
	if err := checkAmendment(s, plan); err != nil {
		return nil, err
	}
	if err := reasonFor(e, "amending the plan of an experiment that has started"); err != nil {
		return nil, err
	}
	return append(events, PlanAmended{Plan: plan}), nil
}

func start(s State, e domain.Envelope) ([]Event, error) {
	switch s.Status {
	case StatusRunning:
		return nil, nil
	case StatusDraft:
	default:
		return nil, domain.WrongState("the experiment is %s; make a new one to test again", s.Status).WithCode("not_draft")
	}
	if err := checkEnd(s.Plan, e.At); err != nil {
		return nil, err
	}
	plan := s.Plan
	plan.Analysis = plan.Resolved(e.At)
	return []Event{Started{Plan: plan, Salt: Salt(s.Project, s.Key), Algorithm: domain.BucketingV1}}, nil
}

// Salt is what an experiment's assignment is salted with: its own, so that it correlates with no other split. Keys
// contain no '/', so no two experiments share one.
func Salt(project domain.ProjectKey, key domain.ExperimentKey) string {
	return fmt.Sprintf("%s.%s/experiment/", project, key)
}

func stop(s State, e domain.Envelope) ([]Event, error) {
	switch s.Status {
	case StatusStopped, StatusDecided:
		return nil, nil
	case StatusRunning:
	default:
		return nil, domain.WrongState("the experiment has not started; there is nothing to stop").WithCode("not_running")
	}
	if err := reasonFor(e, "stopping an experiment"); err != nil {
		return nil, err
	}
	return []Event{Stopped{}}, nil
}

func conclude(s State, c Conclude) ([]Event, error) {
	d := c.Decision
	if s.Status == StatusDecided {
		if *s.Decision == d {
			return nil, nil
		}
		return nil, domain.WrongState("the experiment is decided already; the decision stays on record").WithCode("decided")
	}
	if s.Status == StatusDraft {
		return nil, domain.WrongState("the experiment has not started; there is nothing to decide").WithCode("not_running")
	}
	if err := checkDecision(s, d); err != nil {
		return nil, err
	}
	var events []Event
	if s.Status == StatusRunning {
		events = append(events, Stopped{})
	}
	return append(events, DecisionRecorded{Decision: d}), nil
}

func checkDecision(s State, d Decision) error {
	switch d.Outcome {
	case Ship:
		if !slices.ContainsFunc(s.Plan.Arms, func(a Arm) bool { return a.Variant == d.Variant }) {
			return domain.Invalid("/variant", "%q is no arm of the experiment; name the arm to ship", d.Variant).WithCode("unknown_variant")
		}
	case Keep, Iterate, Rerun:
		if d.Variant != "" {
			return domain.Invalid("/variant", "only the outcome ship names a variant; leave it out").WithCode("variant_not_needed")
		}
	default:
		return domain.Invalid("/outcome", "the outcome is ship, keep, iterate or rerun, not %q", d.Outcome).WithCode("unknown_outcome")
	}
	if err := domain.CheckText("/why", "why", d.Why, true, maxWhy); err != nil {
		return err
	}
	if utf8.RuneCountInString(strings.TrimSpace(d.Why)) < minWhy {
		return domain.Invalid("/why", "say why in at least %d characters, for those who ask in a year", minWhy).WithCode("why_too_short")
	}
	return nil
}

func reasonFor(e domain.Envelope, doing string) error {
	if strings.TrimSpace(e.Reason) == "" {
		return domain.Invalid("/reason", "%s needs a reason; say why in a few words", doing).WithCode("reason_required")
	}
	return nil
}

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Created:
		return State{Project: e.Project, Key: e.Key, Name: e.Name, Plan: e.Plan, Status: StatusDraft}
	case Renamed:
		s.Name = e.Name
	case PlanChanged:
		s.Plan = e.Plan
	case Started:
		s.Status, s.Plan, s.Frozen, s.Salt, s.Algorithm = StatusRunning, e.Plan, e.Plan, e.Salt, e.Algorithm
	case PlanAmended:
		s.Plan = e.Plan
		s.Amendments++
	case WeightsChanged:
		s.Plan.Arms = e.Arms
	case ReadingTaken:
		s = s.withReading(e.Reading)
	case Stopped:
		s.Status = StatusStopped
	case DecisionRecorded:
		s.Status = StatusDecided
		s.Decision = &e.Decision
	}
	return s
}
