package policy_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/eventlogtest"
	"github.com/assayhq/assay/internal/analysis"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/internal/policy"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/facts"
)

// team is a log with an experiment and people who change it. Time is the test's own.
type team struct {
	*testing.T
	log      *eventlogtest.MemoryLog
	commands *command.Service
}

func newTeam(t *testing.T) *team {
	log := eventlogtest.Memory()
	return &team{T: t, log: log, commands: command.New(log, time.Now)}
}

var because = command.Options{Actor: "key:test", Reason: "Because."}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// start runs an experiment of ten days with five looks.
func (tm *team) start(plan experiment.Plan) {
	ctx := tm.Context()
	must[command.Result[project.State]](tm.T)(tm.commands.Project(ctx, "shop", project.Create{}, because))
	must[command.Result[flag.State]](tm.T)(tm.commands.Flag(ctx, "shop", "banner", flag.Create{Type: flag.Boolean}, because))
	must[command.Result[metric.State]](tm.T)(tm.commands.Metric(ctx, "shop", "orders", metric.Create{Definition: metric.Definition{Kind: metric.Binary, Event: "order", Direction: metric.Increase}}, because))
	plan.Hypothesis, plan.Flag, plan.Environment, plan.Primary = "It helps.", "banner", "production", "orders"
	plan.Arms = []experiment.Arm{{Variant: "off", Weight: 50_000}, {Variant: "on", Weight: 50_000}}
	must[command.Result[experiment.State]](tm.T)(tm.commands.Experiment(ctx, "shop", "trial", experiment.Create{Plan: plan}, because))
	must[command.Result[experiment.State]](tm.T)(tm.commands.Experiment(ctx, "shop", "trial", experiment.Start{}, because))
}

// units sends so many units an arm, all new; every tenth of them orders.
func (tm *team) units(n int) { tm.ordering(n, 10, 10) }

// ordering sends so many units an arm, all new; of the control every one in off orders, of the treatment every one in on.
func (tm *team) ordering(n, off, on int) {
	b := measurement.Batch{Project: "shop", Environment: "production"}
	now := time.Now()
	for i := range n {
		for _, arm := range []domain.VariantKey{"off", "on"} {
			unit := fmt.Sprint(arm, now.UnixNano(), i)
			b.Exposures = append(b.Exposures, measurement.Exposure{EventID: "x" + unit, Experiment: "trial", Variant: arm, UnitType: "user", Unit: unit, OccurredAt: now})
			if every := map[domain.VariantKey]int{"off": off, "on": on}[arm]; i%every == 0 {
				b.Measurements = append(b.Measurements, measurement.Measurement{EventID: "m" + unit, Event: "order", UnitType: "user", Unit: unit, OccurredAt: now, Value: 1})
			}
		}
	}
	must[command.Position](tm.T)(tm.commands.RecordBatch(tm.Context(), b, "key:test"))
}

// readings are those in the log.
func (tm *team) readings() []experiment.Reading {
	var s experiment.State
	for r, err := range tm.log.Stream(tm.Context(), "experiment-shop.trial", 0) {
		if err != nil {
			tm.Fatal(err)
		}
		e, err := experiment.Aggregate.Decode(r.Type, r.Data)
		if err != nil {
			tm.Fatal(err)
		}
		s = experiment.Aggregate.Evolve(s, e)
	}
	return s.Readings
}

// node is a server of the installation: read models of its own and the loop. It ends with stop.
func (tm *team) node() (stop func()) {
	_, stop = tm.reader()
	return stop
}

// reader is a node and its read models.
func (tm *team) reader() (from analysis.Sources, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	store := must[*facts.Store](tm.T)(facts.Open(tm.TempDir(), facts.Options{}))
	sources := analysis.Sources{Catalog: catalog.New(), Facts: store}
	var running sync.WaitGroup
	for _, p := range []projections.Projection{sources.Catalog, store} {
		runner := projections.NewRunner(tm.log, p, func(err error) { tm.Error(err) })
		running.Go(func() { _ = runner.Run(ctx) })
	}
	loop := policy.Readings{Sources: sources, Commands: tm.commands, Now: time.Now, Every: 10 * time.Minute, Report: func(err error) { tm.Error(err) }}
	running.Go(func() { _ = loop.Run(ctx) })
	moving := policy.Bandits{Sources: sources, Commands: tm.commands, Now: time.Now, Every: 10 * time.Minute, Report: func(err error) { tm.Error(err) }}
	running.Go(func() { _ = moving.Run(ctx) })
	return sources, func() {
		cancel()
		running.Wait() // the store is left open: sealing it compresses with a pool of the whole process, which no bubble may wait for
	}
}

const day = 24 * time.Hour

func ten() experiment.Plan {
	return experiment.Plan{PlannedEnd: time.Now().Add(10 * day), Analysis: experiment.Analysis{Looks: 5}}
}

func (tm *team) wants(planned ...int) {
	tm.Helper()
	synctest.Wait()
	got := tm.readings()
	if len(got) != len(planned) {
		tm.Fatalf("%d readings, want the planned looks %v: %+v", len(got), planned, got)
	}
	for i, r := range got {
		if r.Planned != planned[i] || r.Look != i+1 {
			tm.Errorf("reading %d is look %d, planned %d; want planned %d", i, r.Look, r.Planned, planned[i])
		}
	}
}

// Three nodes take every planned look, and each look is recorded once.
func TestPlannedLooksAreTakenOnceHoweverManyNodesThereAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tm := newTeam(t)
		tm.start(ten())
		for range 3 {
			defer tm.node()()
		}
		time.Sleep(day)
		tm.units(50)
		tm.wants()
		for look := 1; look <= 5; look++ {
			time.Sleep(day + time.Hour)
			tm.units(50)
			time.Sleep(day - time.Hour)
			tm.wants([]int{1, 2, 3, 4, 5}[:look]...)
		}
		last := tm.readings()[4]
		if !last.Final || last.Fraction != 1 || last.Verdict != "no_clear_difference" || last.Units[0] != 250 { // of the days 1, 2, 4, 6 and 8
			t.Errorf("the last look: %+v", last)
		}
		tm.units(50)
		time.Sleep(10 * day)
		tm.wants(1, 2, 3, 4, 5)
	})
}

// A server that was away takes the looks it has missed as one.
func TestMissedLooksAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tm := newTeam(t)
		tm.start(ten())
		tm.units(20)
		time.Sleep(7 * day)
		defer tm.node()()
		time.Sleep(time.Hour)
		tm.wants(3)
		if r := tm.readings()[0]; r.Fraction < 0.69 || r.Fraction > 0.71 {
			t.Errorf("the look at seven of ten days is at %v", r.Fraction)
		}
	})
}

// Without anything to compare no look is taken, and nothing is spent; it is made up for when data come.
func TestALookAtNothingIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tm := newTeam(t)
		tm.start(ten())
		defer tm.node()()
		time.Sleep(5 * day)
		tm.wants()
		tm.units(20)
		time.Sleep(time.Hour)
		tm.wants(2)
		time.Sleep(10 * day)
		tm.wants(2) // the end came, but no unit since: there is nothing new to test
	})
}

func TestAStoppedExperimentIsClosedByOneReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tm := newTeam(t)
		tm.start(ten())
		defer tm.node()()
		tm.units(20)
		time.Sleep(3 * day)
		tm.wants(1)
		tm.units(20)
		must[command.Result[experiment.State]](t)(tm.commands.Experiment(t.Context(), "shop", "trial", experiment.Stop{}, because))
		time.Sleep(time.Hour)
		tm.wants(1, 0)
		tm.units(20)
		time.Sleep(5 * day)
		tm.wants(1, 0)
		if r := tm.readings()[1]; r.Final || r.Fraction < 0.29 || r.Fraction > 0.31 {
			t.Errorf("the closing reading is at the fraction of the stop: %+v", r)
		}
	})
}

func TestLooksByUnitsComeWithTheUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tm := newTeam(t)
		tm.start(experiment.Plan{Analysis: experiment.Analysis{PlannedUnits: 200, Looks: 2}})
		defer tm.node()()
		tm.units(40)
		time.Sleep(day)
		tm.wants()
		tm.units(15)
		time.Sleep(time.Hour)
		tm.wants(1)
		tm.units(60)
		time.Sleep(time.Hour)
		tm.wants(1, 2)
	})
}

func TestOpenEndedExperimentsAreReadOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tm := newTeam(t)
		tm.start(experiment.Plan{})
		defer tm.node()()
		tm.units(20)
		time.Sleep(3*day + time.Hour)
		tm.wants(1, 2, 3)
	})
}

// A log that takes no writes is told of, and the look is taken when it does again.
func TestAFailureIsReportedAndTheLookTakenLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tm := newTeam(t)
		tm.start(ten())
		tm.units(20)
		store := must[*facts.Store](t)(facts.Open(t.TempDir(), facts.Options{}))
		sources := analysis.Sources{Catalog: catalog.New(), Facts: store}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for _, p := range []projections.Projection{sources.Catalog, store} {
			runner := projections.NewRunner(tm.log, p, func(error) {})
			running.Go(func() { _ = runner.Run(ctx) })
		}
		defer running.Wait()
		defer cancel()
		time.Sleep(3 * day)
		synctest.Wait()
		loop := policy.Readings{Sources: sources, Commands: command.New(away{tm.log}, time.Now), Now: time.Now}
		if err := loop.Take(t.Context()); err == nil {
			t.Error("the log was away, but nobody was told")
		}
		loop.Commands = tm.commands
		if err := loop.Take(t.Context()); err != nil {
			t.Error(err)
		}
		tm.wants(1)
	})
}

// away is a log that takes no writes.
type away struct{ eventlog.Log }

func (away) Append(context.Context, string, eventlog.Revision, ...eventlog.Event) (eventlog.Position, error) {
	return 0, eventlog.ErrUnavailable
}
