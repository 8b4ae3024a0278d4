package command_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/internal/command"
)

func describe(name string) project.Command { return project.Describe{Name: name} }

func TestACommandIsRecordedWithWhoAndWhyAndWhen(t *testing.T) {
	c := try(t)
	options := command.Options{Actor: "key:4f0c", Reason: "We sell “more”.", CommandID: "c-1", Request: "hash"}
	result := ok(c.Project(t.Context(), "shop", project.Create{}, options))(t)
	if result.State.Key != "shop" || result.Revision != 0 || result.Position == 0 || !reflect.DeepEqual(result.Events, []string{project.WireCreated}) {
		t.Errorf("result %+v", result)
	}
	recorded := c.events("project-shop")
	want := map[string]string{
		"actor": "key:4f0c", "reason": "We sell “more”.", "command": "c-1", "$correlationId": "c-1", "time": "2026-03-01T12:00:00.123Z", "request": "hash", "schema": "1",
	}
	if len(recorded) != 1 || recorded[0].ID != eventlog.NewID("c-1", 0) || recorded[0].Position != result.Position || !reflect.DeepEqual(recorded[0].Meta, want) {
		t.Errorf("recorded %+v", recorded)
	}
}

func TestWhatIsSoAlreadyRecordsNothing(t *testing.T) {
	c := shop(t)
	ok(c.Project(t.Context(), "shop", describe("Shop"), o()))(t)
	first := ok(c.Flag(t.Context(), "shop", "page", flag.TurnOn{Environment: "production"}, o()))(t)
	ok(c.Project(t.Context(), "shop", describe("Other"), o()))(t) // elsewhere the log goes on
	again := ok(c.Flag(t.Context(), "shop", "page", flag.TurnOn{Environment: "production"}, o()))(t)
	if again.Events != nil || again.Revision != first.Revision || again.Position != first.Position || !again.State.In("production").On {
		t.Errorf("first %+v, again %+v", first, again)
	}
}

func TestACallerWhoHasSeenAnotherRevisionIsRefused(t *testing.T) {
	c := shop(t)
	options := o()
	for _, seen := range []command.Revision{-1, 1, 7} {
		options.IfRevision = &seen
		_, err := c.Flag(t.Context(), "shop", "page", flag.TurnOn{Environment: "production"}, options)
		if r := refused(t, err, "stale_revision"); r.Kind != domain.KindStale {
			t.Errorf("%+v", r)
		}
		if stale, is := errors.AsType[*command.StaleError](err); !is || stale.Seen != seen || stale.Current != 0 {
			t.Errorf("%+v", stale)
		}
	}
	seen := command.Revision(0)
	options.IfRevision = &seen
	ok(c.Flag(t.Context(), "shop", "page", flag.TurnOn{Environment: "production"}, options))(t)
	_, err := c.Flag(t.Context(), "shop", "none", flag.TurnOn{Environment: "production"}, options)
	refused(t, err, "not_found")
	if types := c.types("flag-shop.page"); len(types) != 2 {
		t.Errorf("recorded %v", types)
	}
}

func TestACommandIsExecutedOnceHoweverOftenItComes(t *testing.T) {
	c := shop(t)
	options := o()
	options.CommandID, options.Request = "same", "turn on"
	first := ok(c.Flag(t.Context(), "shop", "page", flag.TurnOn{Environment: "production"}, options))(t)
	ok(c.Flag(t.Context(), "shop", "page", flag.TurnOff{Environment: "production"}, o()))(t)
	seen := first.Revision - 1 // which would be stale by now
	options.IfRevision = &seen
	again := ok(c.Flag(t.Context(), "shop", "page", flag.TurnOn{Environment: "production"}, options))(t)
	if again.State.In("production").On || again.Events != nil || again.Revision != first.Revision+1 {
		t.Errorf("it was decided again: %+v", again)
	}
	options.Request = "turn off"
	_, err := c.Flag(t.Context(), "shop", "page", flag.TurnOff{Environment: "production"}, options)
	refused(t, err, "idempotency_key_reused")
}

func TestADryRunDecidesAndRecordsNothing(t *testing.T) {
	c := shop(t)
	head, _ := c.log.Head(t.Context())
	options := o()
	options.DryRun = true
	would := ok(c.Flag(t.Context(), "shop", "page", flag.TurnOn{Environment: "production"}, options))(t)
	if !would.State.In("production").On || !reflect.DeepEqual(would.Events, []string{flag.WireTurnedOn}) || would.Revision != 0 {
		t.Errorf("%+v", would)
	}
	_, err := c.Flag(t.Context(), "shop", "page", flag.TurnOn{}, options)
	refused(t, err, "bad_key")
	if now, _ := c.log.Head(t.Context()); now != head {
		t.Error("something was recorded")
	}
}

func TestWhatMetadataCannotHoldIsRefused(t *testing.T) {
	c := shop(t)
	for _, options := range []command.Options{{Reason: strings.Repeat("r", 2001)}, {Reason: "\xff"}, {CommandID: "\xff"}, {CommandID: strings.Repeat("i", 1025)}} {
		_, err := c.Project(t.Context(), "shop", describe("x"), options)
		if r, is := domain.AsRefusal(err); !is || r.Kind != domain.KindInvalid {
			t.Errorf("%.20v: %v", options, err)
		}
	}
	ok(c.Project(t.Context(), "shop", describe("x"), command.Options{Reason: strings.Repeat("r", 2000)}))(t)
}

func TestTheAddressSaysWhatIsMeant(t *testing.T) {
	c := shop(t)
	made := ok(c.Flag(t.Context(), "shop", "new", flag.Create{Project: "other", Key: "other", Type: flag.Boolean}, o()))(t)
	if made.State.Key != "new" || made.State.Project != "shop" {
		t.Errorf("%+v", made.State)
	}
}

func TestThePlaceMustExist(t *testing.T) {
	c := shop(t)
	_, err := c.Flag(t.Context(), "none", "page", flag.Archive{}, o())
	refused(t, err, "unknown_project")
	_, err = c.Metric(t.Context(), "", "m", nil, o())
	refused(t, err, "unknown_project")
	_, err = c.Experiment(t.Context(), "none", "one", nil, o())
	refused(t, err, "unknown_project")
	for _, command := range []flag.Command{
		flag.TurnOn{Environment: "none"}, flag.TurnOff{Environment: "none"}, flag.ChangeTargeting{Environment: "none"}, flag.SetEnvironment{Environment: "none"},
	} {
		_, err := c.Flag(t.Context(), "shop", "page", command, o())
		refused(t, err, "unknown_environment")
	}
}

func TestManyWritersOfOneStreamAreAllRecordedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := try(t)
		ok(c.Project(t.Context(), "shop", project.Create{}, o()))(t)
		const writers = 30
		var wait sync.WaitGroup
		positions := make([]command.Position, writers)
		for i := range writers {
			wait.Go(func() {
				key := domain.EnvironmentKey(fmt.Sprintf("e%d", i))
				result, err := c.Project(context.Background(), "shop", project.AddEnvironment{Environment: project.Environment{Key: key}}, o())
				if err != nil || !result.State.Has(key) {
					t.Errorf("%s: %v", key, err)
				}
				positions[i] = result.Position
			})
		}
		wait.Wait()
		if s := state(c, project.Aggregate, "project-shop"); len(s.Environments) != writers+2 {
			t.Errorf("%d environments", len(s.Environments))
		}
		seen := map[command.Position]bool{}
		for _, p := range positions {
			if seen[p] {
				t.Errorf("position %d was given twice", p)
			}
			seen[p] = true
		}
	})
}

func TestWhenTheStreamMovedTheCommandIsDecidedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := shop(t)
		c.log.once(flag.WireTurnedOn, func(a appending) (eventlog.Position, error) {
			ok(c.Flag(context.Background(), "shop", "page", flag.Archive{}, o()))(t)
			return a.do()
		})
		_, err := c.Flag(t.Context(), "shop", "page", flag.TurnOn{Environment: "production"}, o())
		refused(t, err, "archived")
	})
}

func TestEndlessConflictsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := shop(t)
		conflict := func(appending) (eventlog.Position, error) { return 0, &eventlog.ConflictError{} }
		c.log.set(conflict)
		_, err := c.Project(t.Context(), "shop", describe("x"), o())
		is(t, err, command.ErrConflict)
		if c.log.count < 10 {
			t.Errorf("given up after %d tries", c.log.count)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond/2)
		defer cancel()
		_, err = c.Project(ctx, "shop", describe("x"), o())
		is(t, err, context.DeadlineExceeded)
	})
}

func TestAnUnknownOutcomeIsSettledByRepeatingTheAppend(t *testing.T) {
	lost := func(recorded bool) func(a appending) (eventlog.Position, error) {
		return func(a appending) (eventlog.Position, error) {
			if recorded {
				if _, err := a.do(); err != nil {
					return 0, err
				}
			}
			return 0, fmt.Errorf("%w: the line broke", eventlog.ErrUnknownOutcome)
		}
	}
	for name, recorded := range map[string]bool{"it was recorded": true, "it was not": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := shop(t)
				c.log.once(project.WireDescribed, lost(recorded))
				result := ok(c.Project(t.Context(), "shop", describe("x"), o()))(t)
				head, _ := c.log.Head(t.Context())
				if types := c.types("project-shop"); len(types) != 2 || result.Position != head || result.Revision != 1 {
					t.Errorf("%v, %+v", types, result)
				}
			})
		})
		t.Run("for good, "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := shop(t)
				c.log.set(lost(recorded))
				options := o()
				options.CommandID = "again"
				_, err := c.Project(t.Context(), "shop", describe("x"), options)
				is(t, err, command.ErrUnknownOutcome)
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond/2)
				defer cancel()
				if recorded {
					c = shop(t)
					c.log.set(lost(true))
				}
				_, err = c.Project(ctx, "shop", describe("x"), options)
				if is(t, err, command.ErrUnknownOutcome); errors.Is(err, context.DeadlineExceeded) {
					t.Error("the context's error would say that nothing was recorded")
				}
				c.log.set(nil)
				ok(c.Project(t.Context(), "shop", describe("x"), options))(t)
				if types := c.types("project-shop"); len(types) != 2 {
					t.Errorf("recorded %v", types)
				}
			})
		})
	}
}

// A log that turned read-only after a failed sync refuses the repetition; that says nothing of the first time.
func TestAnOutcomeStaysUnknownWhenTheLogIsGoneAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := shop(t)
		tries := 0
		c.log.set(func(appending) (eventlog.Position, error) {
			if tries++; tries == 1 {
				return 0, fmt.Errorf("%w: the sync failed", eventlog.ErrUnknownOutcome)
			}
			return 0, eventlog.ErrUnavailable
		})
		_, err := c.Project(t.Context(), "shop", describe("x"), o())
		if is(t, err, command.ErrUnknownOutcome); errors.Is(err, command.ErrUnavailable) || tries != 2 {
			t.Errorf("after %d tries: %v; unavailable would say that nothing was recorded", tries, err)
		}
	})
}

func TestAFailureOfTheLogIsPassedOn(t *testing.T) {
	c := shop(t)
	c.log.set(func(appending) (eventlog.Position, error) { return 0, eventlog.ErrUnavailable })
	result, err := c.Project(t.Context(), "shop", describe("x"), o())
	is(t, err, command.ErrUnavailable)
	if result.Revision != 0 || result.Events != nil {
		t.Errorf("nothing was recorded, but the result says %+v", result)
	}
	c = try(t)
	_, err = c.log.Append(t.Context(), "project-shop", eventlog.NoStream, eventlog.Event{ID: eventlog.NewID("x", 0), Type: "Later", Data: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Project(t.Context(), "shop", describe("x"), o()); err == nil || !strings.Contains(err.Error(), "Later") {
		t.Errorf("an event of a later version: %v", err)
	}
}
