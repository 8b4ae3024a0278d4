package experiment_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/experiment"
)

type (
	spec   = domaintest.Spec[experiment.State, experiment.Command, experiment.Event]
	events = []experiment.Event
)

const salt = "shop.checkout/experiment/"

// plan is complete; each change makes another one of it.
func plan(changes ...func(*experiment.Plan)) experiment.Plan {
	p := experiment.Plan{
		Hypothesis: "We believe one page will raise purchases because fewer steps lose fewer people.",
		Flag:       "one-page", Environment: "production", Unit: "user",
		Arms: []experiment.Arm{{Variant: "off", Weight: 50_000}, {Variant: "on", Weight: 50_000}}, Total: 100_000,
		Primary: "purchases", Secondary: []domain.MetricKey{"revenue"}, Guardrails: []domain.MetricKey{"errors"},
	}
	for _, change := range changes {
		change(&p)
	}
	return p
}

// openEnded is what a plan that says nothing of its analysis and has no planned end is analysed by.
func openEnded(p *experiment.Plan) {
	p.Analysis = experiment.Analysis{
		Method: experiment.ConfidenceSequence, Alpha: 0.05, Correction: experiment.Holm, Scope: experiment.ScopePrimary, CUPED: experiment.On,
		MinRuntimeSeconds: new(int64(7 * 86_400)),
	}
}

func ending(at time.Time) func(*experiment.Plan) {
	return func(p *experiment.Plan) { p.PlannedEnd = at }
}

func guarding(m domain.MetricKey) func(*experiment.Plan) {
	return func(p *experiment.Plan) { p.Guardrails = []domain.MetricKey{m} }
}

func create(changes ...func(*experiment.Plan)) experiment.Command {
	return experiment.Create{Project: "shop", Key: "checkout", Name: "Checkout", Plan: plan(changes...)}
}

func created(changes ...func(*experiment.Plan)) experiment.Event {
	return experiment.Created{Project: "shop", Key: "checkout", Name: "Checkout", Plan: plan(changes...)}
}

func started(changes ...func(*experiment.Plan)) experiment.Event {
	return experiment.Started{Plan: plan(changes...), Salt: salt, Algorithm: domain.BucketingV1}
}

func draft() events   { return events{created()} }
func running() events { return append(draft(), started()) }
func stopped() events { return append(running(), experiment.Stopped{}) }
func decided() events { return append(stopped(), experiment.DecisionRecorded{Decision: ship()}) }

func ship() experiment.Decision {
	return experiment.Decision{Outcome: experiment.Ship, Variant: "on", Why: "Purchases rose by 3 % and nothing broke."}
}

func TestCreatingAnExperiment(t *testing.T) {
	noon := domaintest.Someone().At
	domaintest.Run(t, experiment.Aggregate, []spec{
		{Name: "a draft", When: create(), Then: draft()},
		{
			Name: "unit and total have defaults, and an experiment without a name has its key for one",
			When: experiment.Create{Project: "shop", Key: "checkout", Plan: plan(func(p *experiment.Plan) { p.Unit, p.Total = "", 0 })},
			Then: events{experiment.Created{Project: "shop", Key: "checkout", Name: "checkout", Plan: plan()}},
		},
		{
			Name: "no secondary metrics are no secondary metrics", When: create(func(p *experiment.Plan) { p.Secondary, p.Guardrails = []domain.MetricKey{}, nil }),
			Then: events{created(func(p *experiment.Plan) { p.Secondary, p.Guardrails = nil, nil })},
		},
		{
			Name: "a planned end is kept in UTC, to the millisecond", When: create(ending(noon.Add(time.Hour + 1_500*time.Microsecond).In(time.FixedZone("", 3600)))),
			Then: events{created(ending(noon.Add(time.Hour + time.Millisecond)))},
		},
		{Name: "the planned end lies ahead", When: create(ending(noon)), Refused: "planned_end_has_passed", Pointer: "/planned_end"},
		{Name: "but not beyond what can be written down", When: create(ending(time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC))), Refused: "invalid", Pointer: "/planned_end"},
		{Name: "it is created once", Given: draft(), When: create(), Refused: "already_exists", Kind: domain.KindExists},
		{Name: "it has a key", When: experiment.Create{Project: "shop", Plan: plan()}, Refused: "bad_key", Pointer: "/key"},
		{Name: "it belongs to a project", When: experiment.Create{Key: "checkout", Plan: plan()}, Refused: "bad_key", Pointer: "/project"},
		{Name: "its name is short", When: experiment.Create{Project: "shop", Key: "checkout", Name: strings.Repeat("n", 201), Plan: plan()}, Refused: "too_long", Pointer: "/name"},
	})
}

func TestAPlan(t *testing.T) {
	refuse := func(name, code, pointer string, change func(*experiment.Plan)) spec {
		return spec{Name: name, When: create(change), Refused: code, Kind: domain.KindInvalid, Pointer: pointer}
	}
	arms := func(arms ...experiment.Arm) func(*experiment.Plan) {
		return func(p *experiment.Plan) { p.Arms = arms }
	}
	manyArms := func(p *experiment.Plan) {
		p.Arms, p.Total = nil, 21
		for i := range 21 {
			p.Arms = append(p.Arms, experiment.Arm{Variant: domain.VariantKey(fmt.Sprint("v", i)), Weight: 1})
		}
	}
	domaintest.Run(t, experiment.Aggregate, []spec{
		refuse("says what it tests", "missing", "/hypothesis", func(p *experiment.Plan) { p.Hypothesis = "  " }),
		refuse("says it in 4 KiB", "too_long", "/hypothesis", func(p *experiment.Plan) { p.Hypothesis = strings.Repeat("h", 4097) }),
		refuse("names a flag", "bad_key", "/flag", func(p *experiment.Plan) { p.Flag = "" }),
		refuse("names an environment", "bad_key", "/environment", func(p *experiment.Plan) { p.Environment = "a.b" }),
		refuse("has a unit type that is a key", "bad_key", "/unit", func(p *experiment.Plan) { p.Unit = "User Id" }),
		refuse("has an arm beside the control", "wrong_number_of_arms", "/arms", arms(experiment.Arm{Variant: "on", Weight: 100_000})),
		refuse("has at most 20 arms", "wrong_number_of_arms", "/arms", manyArms),
		refuse("has no arm twice", "duplicate_variant", "/arms/1/variant", arms(experiment.Arm{Variant: "on", Weight: 50_000}, experiment.Arm{Variant: "on", Weight: 50_000})),
		refuse("has arms that can be variants", "bad_key", "/arms/1/variant", arms(experiment.Arm{Variant: "on", Weight: 50_000}, experiment.Arm{Variant: " on", Weight: 50_000})),
		refuse("gives every arm a weight", "weight_missing", "/arms/1/weight", arms(experiment.Arm{Variant: "off", Weight: 100_000}, experiment.Arm{Variant: "on"})),
		refuse("has weights that add up", "weights_do_not_sum", "/arms", arms(experiment.Arm{Variant: "off", Weight: 50_000}, experiment.Arm{Variant: "on", Weight: 49_999})),
		refuse("has weights that add up without running over", "weights_do_not_sum", "/arms", func(p *experiment.Plan) {
			// 2^31 + 2^31 is 0 in 32 bits, 2^31 + (2^31 + 100,000) is 100,000.
			p.Arms = []experiment.Arm{{Variant: "off", Weight: 1 << 31}, {Variant: "on", Weight: 1<<31 + 100_000}}
		}),
		refuse("has a total that can be counted", "total_too_large", "/total", func(p *experiment.Plan) { p.Total = domain.MaxTotal + 1 }),
		refuse("has a metric that decides", "missing_primary_metric", "/primary", func(p *experiment.Plan) { p.Primary = "" }),
		refuse("has metrics with keys", "bad_key", "/guardrails/0", guarding("Errors")),
		refuse("gives a metric one role", "duplicate_metric", "/guardrails/0", guarding("purchases")),
		refuse("names a secondary metric once", "duplicate_metric", "/secondary/1", func(p *experiment.Plan) { p.Secondary = []domain.MetricKey{"a", "a"} }),
		refuse("has at most 50 metrics", "too_many_metrics", "/secondary", func(p *experiment.Plan) { p.Secondary = make([]domain.MetricKey, 49) }),
	})
	_, err := experiment.Aggregate.Decide(experiment.State{}, create(arms(experiment.Arm{Variant: "off", Weight: 1}, experiment.Arm{Variant: "on", Weight: 2})), domaintest.Someone())
	if err == nil || !strings.Contains(err.Error(), " 3,") || !strings.Contains(err.Error(), " 100000;") {
		t.Errorf("the sentence %q does not say both sums", err)
	}
}

func TestStartingAnExperiment(t *testing.T) {
	noon := domaintest.Someone().At
	ended := ending(noon.Add(-time.Hour))
	domaintest.Run(t, experiment.Aggregate, []spec{
		{Name: "starting freezes the plan and records salt and algorithm", Given: draft(), When: experiment.Start{}, Then: events{started(openEnded)}},
		{Name: "starting twice records nothing", Given: running(), When: experiment.Start{}},
		{Name: "what was stopped is not started again", Given: stopped(), When: experiment.Start{}, Refused: "not_draft", Kind: domain.KindState},
		{Name: "nor what was decided", Given: decided(), When: experiment.Start{}, Refused: "not_draft", Kind: domain.KindState},
		{Name: "nor what does not exist", When: experiment.Start{}, Refused: "not_found", Kind: domain.KindNotFound},
		{Name: "a planned end that has passed is no plan", Given: events{created(ended)}, When: experiment.Start{}, Refused: "planned_end_has_passed"},
	})
	s := experiment.Aggregate.Fold(append(running(), experiment.PlanAmended{Plan: plan(guarding("returns"))})...)
	if s.Frozen.Guardrails[0] != "errors" || s.Plan.Guardrails[0] != "returns" || s.Amendments != 1 || s.Salt != salt || s.Status != experiment.StatusRunning {
		t.Errorf("an amendment leaves the frozen plan, but the state is %+v", s)
	}
}

func TestStoppingAnExperiment(t *testing.T) {
	because := domaintest.Because("The new page loses orders.")
	domaintest.Run(t, experiment.Aggregate, []spec{
		{Name: "stopping", Given: running(), When: experiment.Stop{}, By: because, Then: events{experiment.Stopped{}}},
		{Name: "stopping without a reason", Given: running(), When: experiment.Stop{}, Refused: "reason_required", Pointer: "/reason"},
		{Name: "spaces are no reason", Given: running(), When: experiment.Stop{}, By: domaintest.Because(" \n"), Refused: "reason_required"},
		{Name: "stopping twice records nothing", Given: stopped(), When: experiment.Stop{}},
		{Name: "stopping what was decided records nothing", Given: decided(), When: experiment.Stop{}},
		{Name: "a draft cannot be stopped", Given: draft(), When: experiment.Stop{}, By: because, Refused: "not_running", Kind: domain.KindState},
		{Name: "nor what does not exist", When: experiment.Stop{}, By: because, Refused: "not_found", Kind: domain.KindNotFound},
	})
}

func TestConcludingAnExperiment(t *testing.T) {
	conclude := func(o experiment.Outcome, v domain.VariantKey, why string) experiment.Command {
		return experiment.Conclude{Decision: experiment.Decision{Outcome: o, Variant: v, Why: why}}
	}
	why := ship().Why
	keep := experiment.Decision{Outcome: experiment.Keep, Why: why}
	domaintest.Run(t, experiment.Aggregate, []spec{
		{Name: "a running one is stopped by it", Given: running(), When: experiment.Conclude{Decision: ship()}, Then: events{experiment.Stopped{}, experiment.DecisionRecorded{Decision: ship()}}},
		{Name: "a stopped one is decided", Given: stopped(), When: experiment.Conclude{Decision: keep}, Then: events{experiment.DecisionRecorded{Decision: keep}}},
		{Name: "iterate is a decision", Given: stopped(), When: conclude(experiment.Iterate, "", why), Then: events{experiment.DecisionRecorded{Decision: experiment.Decision{Outcome: "iterate", Why: why}}}},
		{Name: "rerun is a decision", Given: stopped(), When: conclude(experiment.Rerun, "", why), Then: events{experiment.DecisionRecorded{Decision: experiment.Decision{Outcome: "rerun", Why: why}}}},
		{Name: "the same decision twice records nothing", Given: decided(), When: experiment.Conclude{Decision: ship()}},
		{Name: "another decision is refused", Given: decided(), When: experiment.Conclude{Decision: keep}, Refused: "decided", Kind: domain.KindState},
		{Name: "a draft has nothing to decide", Given: draft(), When: experiment.Conclude{Decision: ship()}, Refused: "not_running", Kind: domain.KindState},
		{Name: "nor has what does not exist", When: experiment.Conclude{Decision: ship()}, Refused: "not_found", Kind: domain.KindNotFound},
		{Name: "shipping names an arm", Given: running(), When: conclude(experiment.Ship, "blue", why), Refused: "unknown_variant", Pointer: "/variant"},
		{Name: "shipping names something", Given: running(), When: conclude(experiment.Ship, "", why), Refused: "unknown_variant", Pointer: "/variant"},
		{Name: "keeping names nothing", Given: running(), When: conclude(experiment.Keep, "on", why), Refused: "variant_not_needed", Pointer: "/variant"},
		{Name: "the outcome is known", Given: running(), When: conclude("maybe", "", why), Refused: "unknown_outcome", Pointer: "/outcome"},
		{Name: "why is said", Given: running(), When: conclude(experiment.Keep, "", ""), Refused: "missing", Pointer: "/why"},
		{Name: "why is said in 20 characters", Given: running(), When: conclude(experiment.Keep, "", "äöüäöüäöüäöüäöüäöüä"), Refused: "why_too_short", Pointer: "/why"},
		{
			Name: "20 characters are enough", Given: stopped(), When: conclude(experiment.Keep, "", strings.Repeat("ä", 20)),
			Then: events{experiment.DecisionRecorded{Decision: experiment.Decision{Outcome: experiment.Keep, Why: strings.Repeat("ä", 20)}}},
		},
		{Name: "why has an end", Given: running(), When: conclude(experiment.Keep, "", strings.Repeat("w", 4097)), Refused: "too_long", Pointer: "/why"},
		{Name: "no command at all", Given: running(), When: nil, Refused: "invalid"},
	})
}
