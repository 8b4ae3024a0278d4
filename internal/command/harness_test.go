package command_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/eventlogtest"
	"github.com/assayhq/assay/internal/command"
)

// trial is a service on a log in memory whose appends a test can meddle with.
type trial struct {
	testing.TB
	*command.Service
	log *meddled
	now time.Time
}

// meddled asks meddle instead of appending, once for each append, when there is one.
type meddled struct {
	eventlog.Log
	mu     sync.Mutex
	meddle func(append appending) (eventlog.Position, error)
	count  int
}

// appending is an append that a test may let happen or not.
type appending struct {
	stream string
	events []eventlog.Event
	do     func() (eventlog.Position, error)
}

func (a appending) records(name string) bool { return a.events[0].Type == name }

func (m *meddled) Append(ctx context.Context, stream string, expected eventlog.Revision, events ...eventlog.Event) (eventlog.Position, error) {
	m.mu.Lock()
	meddle := m.meddle
	m.count++
	m.mu.Unlock()
	do := func() (eventlog.Position, error) { return m.Log.Append(ctx, stream, expected, events...) }
	if meddle == nil {
		return do()
	}
	return meddle(appending{stream: stream, events: events, do: do})
}

func (m *meddled) set(meddle func(append appending) (eventlog.Position, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.meddle, m.count = meddle, 0
}

// once meddles with the first append that records the event, and lets all others be.
func (m *meddled) once(name string, meddle func(append appending) (eventlog.Position, error)) {
	done := false
	m.set(func(a appending) (eventlog.Position, error) {
		m.mu.Lock()
		first := !done && a.records(name)
		done = done || first
		m.mu.Unlock()
		if first {
			return meddle(a)
		}
		return a.do()
	})
}

func try(t testing.TB) *trial {
	log := &meddled{Log: eventlogtest.Memory()}
	c := &trial{TB: t, log: log, now: time.Date(2026, 3, 1, 13, 0, 0, 123_456_789, time.FixedZone("", 3600))}
	c.Service = command.New(log, func() time.Time { return c.now })
	return c
}

// shop is a project with what experiments need: two flags, two metrics, and two experiments on the first flag.
func shop(t testing.TB) *trial {
	c := try(t)
	ok(c.Project(t.Context(), "shop", project.Create{Key: "shop"}, o()))(t)
	for _, key := range []domain.FlagKey{"page", "banner"} {
		ok(c.Flag(t.Context(), "shop", key, flag.Create{Type: flag.Boolean}, o()))(t)
	}
	for _, key := range []domain.MetricKey{"purchases", "errors"} {
		ok(c.Metric(t.Context(), "shop", key, metric.Create{Definition: metric.Definition{Kind: metric.Binary, Event: "e", Direction: metric.Increase}}, o()))(t)
	}
	for _, key := range []domain.ExperimentKey{"one", "two"} {
		ok(c.Experiment(t.Context(), "shop", key, experiment.Create{Plan: plan()}, o()))(t)
	}
	return c
}

func plan(changes ...func(*experiment.Plan)) experiment.Plan {
	p := experiment.Plan{
		Hypothesis: "One page sells more.", Flag: "page", Environment: "production",
		Arms: []experiment.Arm{{Variant: "off", Weight: 50_000}, {Variant: "on", Weight: 50_000}}, Primary: "purchases",
	}
	for _, change := range changes {
		change(&p)
	}
	return p
}

func onBanner(p *experiment.Plan) { p.Flag = "banner" }

func o() command.Options { return command.Options{Actor: "key:test", Reason: "Because."} }

// ok passes a result on and fails the test on an error.
func ok[S any](result command.Result[S], err error) func(testing.TB) command.Result[S] {
	return func(t testing.TB) command.Result[S] {
		t.Helper()
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		return result
	}
}

// refused fails the test unless the error is a refusal with the code; it returns it.
func refused(t testing.TB, err error, code string) domain.Refusal {
	t.Helper()
	r, is := domain.AsRefusal(err)
	if !is || r.Code != code {
		t.Fatalf("the error is %v, want the refusal %s", err, code)
	}
	return *r
}

func is(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("the error is %v, want %v", err, want)
	}
}

// types are the wire names in a stream.
func (c *trial) types(stream string) []string {
	c.Helper()
	var out []string
	for _, e := range c.events(stream) {
		out = append(out, e.Type)
	}
	return out
}

func (c *trial) events(stream string) []eventlog.Recorded {
	c.Helper()
	var out []eventlog.Recorded
	for e, err := range c.log.Stream(context.Background(), stream, 0) {
		if err != nil {
			c.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func state[S, C, E any](c *trial, a domain.Aggregate[S, C, E], stream string) S {
	c.Helper()
	var s S
	for _, recorded := range c.events(stream) {
		e, err := a.Decode(recorded.Type, recorded.Data)
		if err != nil {
			c.Fatal(err)
		}
		s = a.Evolve(s, e)
	}
	return s
}

// attached is the experiment that a flag serves in production; empty: none.
func (c *trial) attached(key domain.FlagKey) domain.ExperimentKey {
	c.Helper()
	if a := state(c, flag.Aggregate, "flag-shop."+string(key)).In("production").Experiment; a != nil {
		return a.Experiment
	}
	return ""
}

func (c *trial) status(key domain.ExperimentKey) experiment.Status {
	c.Helper()
	return state(c, experiment.Aggregate, "experiment-shop."+string(key)).Status
}

// serves fails the test unless each flag serves the experiment that is given for it, and those have the status.
func (c *trial) serves(page, banner domain.ExperimentKey, status experiment.Status) {
	c.Helper()
	if c.attached("page") != page || c.attached("banner") != banner {
		c.Errorf("page serves %q and banner %q, want %q and %q", c.attached("page"), c.attached("banner"), page, banner)
	}
	if c.status("one") != status {
		c.Errorf("the experiment is %s, want %s", c.status("one"), status)
	}
}
