package command_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/internal/command"
)

func (c *trial) experiment(key domain.ExperimentKey, what experiment.Command) (command.Result[experiment.State], error) {
	return c.Experiment(context.Background(), "shop", key, what, o())
}

func unavailable(appending) (eventlog.Position, error) { return 0, eventlog.ErrUnavailable }

func TestWhatAPlanNamesMustExist(t *testing.T) {
	c := shop(t)
	ok(c.Metric(t.Context(), "shop", "old", metric.Create{Definition: metric.Definition{Kind: metric.Binary, Event: "e", Direction: metric.Increase}}, o()))(t)
	ok(c.Metric(t.Context(), "shop", "old", metric.Archive{}, o()))(t)
	ok(c.Flag(t.Context(), "shop", "old", flag.Create{Type: flag.Boolean}, o()))(t)
	ok(c.Flag(t.Context(), "shop", "old", flag.Archive{}, o()))(t)
	for _, s := range []struct {
		code, pointer string
		change        func(*experiment.Plan)
	}{
		{"unknown_environment", "/environment", func(p *experiment.Plan) { p.Environment = "none" }},
		{"unknown_flag", "/flag", func(p *experiment.Plan) { p.Flag = "none" }},
		{"unknown_flag", "/flag", func(p *experiment.Plan) { p.Flag = "old" }},
		{"unknown_variant", "/arms/1/variant", func(p *experiment.Plan) { p.Arms[1].Variant = "blue" }},
		{"unknown_metric", "/primary", func(p *experiment.Plan) { p.Primary = "none" }},
		{"unknown_metric", "/secondary/1", func(p *experiment.Plan) { p.Secondary = []domain.MetricKey{"errors", "none"} }},
		{"archived_metric", "/guardrails/0", func(p *experiment.Plan) { p.Guardrails = []domain.MetricKey{"old"} }},
		// What is malformed is said first.
		{"duplicate_metric", "/guardrails/0", func(p *experiment.Plan) { p.Flag, p.Guardrails = "none", []domain.MetricKey{"purchases"} }},
	} {
		for _, what := range []experiment.Command{experiment.Create{Plan: plan(s.change)}, experiment.Change{Plan: plan(s.change)}} {
			key := domain.ExperimentKey("one")
			if _, create := what.(experiment.Create); create {
				key = "new"
			}
			_, err := c.experiment(key, what)
			if r := refused(t, err, s.code); r.Kind != domain.KindInvalid || r.Pointer != s.pointer {
				t.Errorf("%T: %+v, want %s", what, r, s.pointer)
			}
		}
	}
	if types := c.types("experiment-shop.new"); types != nil {
		t.Errorf("recorded %v", types)
	}
}

func TestStartingAttachesTheExperimentAndStoppingDetachesIt(t *testing.T) {
	c := shop(t)
	options := o()
	options.CommandID = "start"
	started := ok(c.Experiment(t.Context(), "shop", "one", experiment.Start{}, options))(t)
	if started.State.Status != experiment.StatusRunning || !reflect.DeepEqual(started.Events, []string{experiment.WireStarted}) {
		t.Errorf("%+v", started)
	}
	c.serves("one", "", experiment.StatusRunning)
	got := state(c, flag.Aggregate, "flag-shop.page").In("production").Experiment
	want := &flag.Attachment{Experiment: "one", Unit: "user", Split: flag.Split{
		Algorithm: domain.BucketingV1, Salt: "shop.one/experiment/", Total: 100_000, Weights: []flag.VariantWeight{{Variant: "off", Weight: 50_000}, {Variant: "on", Weight: 50_000}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("attached %+v, want %+v", got, want)
	}
	on := c.events("flag-shop.page")[1]
	if on.Meta["$correlationId"] != "start" || on.Meta["actor"] != "key:test" || on.Meta["reason"] != "Because." {
		t.Errorf("the flag's event says %v", on.Meta)
	}
	_, err := c.experiment("two", experiment.Start{})
	if r := refused(t, err, "flag_busy"); r.Kind != domain.KindState || r.Sentence != `the experiment "one" runs on this flag in production; stop it before starting another` {
		t.Errorf("%+v", r)
	}
	_, err = c.Experiment(t.Context(), "shop", "one", experiment.Stop{}, command.Options{})
	refused(t, err, "reason_required")
	ok(c.experiment("one", experiment.Stop{}))(t)
	c.serves("", "", experiment.StatusStopped)
	ok(c.experiment("two", experiment.Start{}))(t)
	ok(c.experiment("two", experiment.Conclude{Decision: experiment.Decision{Outcome: experiment.Ship, Variant: "on", Why: "It sold more, and nothing broke."}}))(t)
	c.serves("", "", experiment.StatusStopped)
	if in := state(c, flag.Aggregate, "flag-shop.page").In("production"); in.On || in.Targeting.Default.Variant != "on" || len(c.events("flag-shop.page")) != 5 {
		t.Errorf("deciding changed what the flag serves: %+v", in)
	}
}

func TestRepeatingIsHarmless(t *testing.T) {
	c := shop(t)
	ok(c.experiment("one", experiment.Start{}))(t)
	head, _ := c.log.Head(t.Context())
	ok(c.experiment("one", experiment.Start{}))(t)
	ok(c.Metric(t.Context(), "shop", "purchases", metric.Archive{}, o()))(t)
	ok(c.experiment("one", experiment.Start{}))(t) // it names an archived metric by now, but it runs
	if now, _ := c.log.Head(t.Context()); now != head+1 {
		t.Errorf("%v %v", c.types("flag-shop.page"), c.types("experiment-shop.one"))
	}
	ok(c.experiment("one", experiment.Stop{}))(t)
	head, _ = c.log.Head(t.Context())
	ok(c.experiment("one", experiment.Stop{}))(t)
	if now, _ := c.log.Head(t.Context()); now != head {
		t.Errorf("%v %v", c.types("flag-shop.page"), c.types("experiment-shop.one"))
	}
}

func TestADryRunOfAStartSaysWhetherTheFlagIsFree(t *testing.T) {
	c := shop(t)
	options := o()
	options.DryRun = true
	would := ok(c.Experiment(t.Context(), "shop", "one", experiment.Start{}, options))(t)
	if would.State.Status != experiment.StatusRunning {
		t.Errorf("%+v", would)
	}
	c.serves("", "", experiment.StatusDraft)
	ok(c.experiment("one", experiment.Start{}))(t)
	_, err := c.Experiment(t.Context(), "shop", "two", experiment.Start{}, options)
	refused(t, err, "flag_busy")
	options.DryRun, options.IfRevision = true, nil
	ok(c.Experiment(t.Context(), "shop", "one", experiment.Stop{}, options))(t)
	c.serves("one", "", experiment.StatusRunning)
}

func TestAStartThatBreaksOffIsCompletedByRepeatingIt(t *testing.T) {
	c := shop(t)
	c.log.once(experiment.WireStarted, unavailable)
	options := o()
	options.CommandID = "start"
	_, err := c.Experiment(t.Context(), "shop", "one", experiment.Start{}, options)
	is(t, err, command.ErrUnavailable)
	c.serves("one", "", experiment.StatusDraft)
	_, err = c.experiment("two", experiment.Start{})
	refused(t, err, "flag_busy")
	ok(c.Experiment(t.Context(), "shop", "one", experiment.Start{}, options))(t)
	c.serves("one", "", experiment.StatusRunning)
	if types := c.types("flag-shop.page"); len(types) != 2 {
		t.Errorf("attached again: %v", types)
	}
}

func TestAStopThatBreaksOffIsCompletedByRepeatingIt(t *testing.T) {
	for name, what := range map[string]experiment.Command{
		"stop": experiment.Stop{}, "conclude": experiment.Conclude{Decision: experiment.Decision{Outcome: experiment.Keep, Why: "It sold just the same."}},
	} {
		t.Run(name, func(t *testing.T) {
			c := shop(t)
			ok(c.experiment("one", experiment.Start{}))(t)
			c.log.once(flag.WireExperimentDetached, unavailable)
			_, err := c.experiment("one", what)
			is(t, err, command.ErrUnavailable)
			if c.attached("page") != "one" || c.status("one") == experiment.StatusRunning {
				t.Errorf("nothing broke off: %q, %s", c.attached("page"), c.status("one"))
			}
			ok(c.experiment("one", what))(t)
			if c.attached("page") != "" {
				t.Error("the flag still serves it")
			}
		})
	}
}

func TestADraftThatMovesLeavesNothingBehind(t *testing.T) {
	c := shop(t)
	c.log.once(experiment.WireStarted, unavailable)
	_, err := c.experiment("one", experiment.Start{})
	is(t, err, command.ErrUnavailable)
	ok(c.experiment("one", experiment.Change{Plan: plan(onBanner)}))(t)
	c.serves("", "", experiment.StatusDraft)
	ok(c.experiment("one", experiment.Start{}))(t)
	c.serves("", "one", experiment.StatusRunning)
}

// meanwhile does something to the experiment between attaching it and recording that it started.
func (c *trial) meanwhile(do func()) {
	c.log.once(flag.WireExperimentAttached, func(a appending) (eventlog.Position, error) {
		position, err := a.do()
		do()
		return position, err
	})
}

func TestAPlanThatChangesWhileItStartsIsStartedAsItIs(t *testing.T) {
	for name, change := range map[string]func(*experiment.Plan){
		"other weights": func(p *experiment.Plan) { p.Arms[0].Weight, p.Arms[1].Weight = 90_000, 10_000 },
		"another flag":  onBanner,
	} {
		t.Run(name, func(t *testing.T) {
			c := shop(t)
			c.meanwhile(func() { ok(c.experiment("one", experiment.Change{Plan: plan(change)}))(t) })
			started := ok(c.experiment("one", experiment.Start{}))(t)
			page, banner := started.State.Key, domain.ExperimentKey("")
			if started.State.Plan.Flag == "banner" {
				page, banner = banner, page
			}
			c.serves(page, banner, experiment.StatusRunning)
			on := state(c, flag.Aggregate, "flag-shop."+string(started.State.Plan.Flag)).In("production").Experiment
			if on == nil || on.Split.Weights[0].Weight != started.State.Frozen.Arms[0].Weight {
				t.Errorf("the flag serves %+v, the plan says %+v", on, started.State.Frozen)
			}
		})
	}
}

func TestAStartThatIsRefusedAfterAttachingDetaches(t *testing.T) {
	t.Run("because the caller has seen an older plan", func(t *testing.T) {
		c := shop(t)
		c.meanwhile(func() { ok(c.experiment("one", experiment.Change{Name: "Other", Plan: plan()}))(t) })
		seen, options := command.Revision(0), o()
		options.IfRevision = &seen
		_, err := c.Experiment(t.Context(), "shop", "one", experiment.Start{}, options)
		refused(t, err, "stale_revision")
		c.serves("", "", experiment.StatusDraft)
	})
	t.Run("because it was started and stopped meanwhile", func(t *testing.T) {
		c := shop(t)
		c.meanwhile(func() {
			ok(c.experiment("one", experiment.Start{}))(t)
			ok(c.experiment("one", experiment.Stop{}))(t)
		})
		_, err := c.experiment("one", experiment.Start{})
		refused(t, err, "not_draft")
		c.serves("", "", experiment.StatusStopped)
	})
	t.Run("but what somebody else started stays", func(t *testing.T) {
		c := shop(t)
		c.meanwhile(func() { ok(c.experiment("one", experiment.Start{}))(t) })
		ok(c.experiment("one", experiment.Start{}))(t)
		c.serves("one", "", experiment.StatusRunning)
	})
}

// lostPlace detaches the experiment right after it is recorded as started, as another start of it does that is refused.
func (c *trial) lostPlace(then func()) {
	c.log.once(experiment.WireStarted, func(a appending) (eventlog.Position, error) {
		position, err := a.do()
		detach := flag.Command(flag.DetachExperiment{Environment: "production", Experiment: "one"})
		ok(command.Handle(context.Background(), c.Service, flag.Aggregate, "flag-shop.page", detach, o()))(c)
		then()
		return position, err
	})
}

func TestAStartThatLostItsPlaceTakesItAgain(t *testing.T) {
	c := shop(t)
	c.lostPlace(func() {})
	ok(c.experiment("one", experiment.Start{}))(t)
	c.serves("one", "", experiment.StatusRunning)
}

func TestAStartThatLostItsPlaceToAnotherIsStopped(t *testing.T) {
	c := shop(t)
	c.lostPlace(func() { ok(c.experiment("two", experiment.Start{}))(t) })
	_, err := c.experiment("one", experiment.Start{})
	refused(t, err, "flag_busy")
	c.serves("two", "", experiment.StatusStopped)
	last := c.events("experiment-shop.one")[2]
	if last.Type != experiment.WireStopped || !strings.Contains(last.Meta["reason"], `"two" runs on this flag`) {
		t.Errorf("%s because %q", last.Type, last.Meta["reason"])
	}
}

func TestAFlagIsNotLeftWithWhatEndedWhileItWasAttached(t *testing.T) {
	c := shop(t)
	c.lostPlace(func() {
		c.log.once(flag.WireExperimentAttached, func(a appending) (eventlog.Position, error) {
			ok(c.experiment("one", experiment.Stop{}))(t) // finds nothing to detach yet
			return a.do()
		})
	})
	ok(c.experiment("one", experiment.Start{}))(t)
	c.serves("", "", experiment.StatusStopped)
}

func TestAnAmendmentLooksOnlyAtWhatIsNew(t *testing.T) {
	c := shop(t)
	ok(c.experiment("one", experiment.Start{}))(t)
	ok(c.experiment("one", experiment.Stop{}))(t)
	ok(c.Flag(t.Context(), "shop", "page", flag.Archive{}, o()))(t)
	ok(c.Metric(t.Context(), "shop", "purchases", metric.Archive{}, o()))(t)
	guarding := func(m domain.MetricKey) experiment.Command {
		return experiment.Change{Plan: plan(func(p *experiment.Plan) { p.Guardrails = []domain.MetricKey{m} })}
	}
	ok(c.experiment("one", guarding("errors")))(t)
	_, err := c.experiment("one", guarding("none"))
	refused(t, err, "unknown_metric")
	ok(c.experiment("one", experiment.Change{Name: "Renamed", Plan: plan(func(p *experiment.Plan) { p.Guardrails = []domain.MetricKey{"errors"} })}))(t)
	c.serves("", "", experiment.StatusStopped)
}

// However many people start, stop, change and conclude two experiments on one flag at once, over a log that fails now and
// then: once each of them has been asked for again, a flag serves an experiment exactly when that runs on it.
func TestAtTheEndFlagsServeWhatRuns(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			c := shop(t)
			random := rand.New(rand.NewPCG(seed, 7))
			var mu sync.Mutex
			c.log.set(func(a appending) (eventlog.Position, error) {
				mu.Lock()
				n := random.IntN(12)
				mu.Unlock()
				switch n {
				case 0:
					return 0, eventlog.ErrUnavailable
				case 1:
					return 0, eventlog.ErrUnknownOutcome
				case 2:
					if _, err := a.do(); err != nil {
						return 0, err
					}
					return 0, eventlog.ErrUnknownOutcome
				}
				return a.do()
			})
			all := []experiment.Command{
				experiment.Start{},
				experiment.Start{},
				experiment.Start{},
				experiment.Stop{},
				experiment.Change{Plan: plan(onBanner)},
				experiment.Change{Plan: plan()},
				experiment.Conclude{Decision: experiment.Decision{Outcome: experiment.Keep, Why: "Nothing that we looked at moved."}},
			}
			var wait sync.WaitGroup
			for range 8 {
				mu.Lock()
				key, what := domain.ExperimentKey([]string{"one", "two"}[random.IntN(2)]), all[random.IntN(len(all))]
				mu.Unlock()
				wait.Go(func() {
					for range 2 {
						_, _ = c.experiment(key, what) // refused or broken off, or not
					}
				})
			}
			wait.Wait()
			c.log.set(nil)
			runs := map[string]bool{}
			for _, key := range []domain.ExperimentKey{"one", "two"} {
				s := state(c, experiment.Aggregate, "experiment-shop."+string(key))
				again := experiment.Command(experiment.Stop{})
				if s.Status == experiment.StatusDraft || s.Status == experiment.StatusRunning {
					again = experiment.Start{}
				}
				result, err := c.experiment(key, again)
				if r, refused := domain.AsRefusal(err); err != nil && (!refused || r.Code != "flag_busy" || c.status(key) == experiment.StatusRunning) {
					t.Fatalf("seed %d: %s %T: %v", seed, key, again, err)
				}
				if err == nil && result.State.Status == experiment.StatusRunning {
					runs[fmt.Sprintf("%s serves %s", result.State.Plan.Flag, key)] = true
				}
			}
			serves := map[string]bool{}
			for _, key := range []domain.FlagKey{"page", "banner"} {
				if on := c.attached(key); on != "" {
					serves[fmt.Sprintf("%s serves %s", key, on)] = true
				}
			}
			if !reflect.DeepEqual(runs, serves) {
				t.Errorf("seed %d: running %v, served %v\n%v\n%v", seed, runs, serves, c.types("experiment-shop.one"), c.types("experiment-shop.two"))
			}
		})
	}
}
