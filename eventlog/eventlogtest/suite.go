// Package eventlogtest holds what every event log must do, as a suite that each adapter passes, and a log in memory for the
// tests of packages that need one. The suite is what makes "embedded" and "cluster" the same product: a promise of the
// port that no test here would notice being broken is not yet a promise.
package eventlogtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/assayhq/assay/eventlog"
)

// Harness is one fresh, empty log of an adapter. Whoever opens it closes it with t.Cleanup.
type Harness struct {
	Log eventlog.Log
	// Reopen closes the log and opens the same store again. The suite does not use the old log afterwards.
	Reopen func() eventlog.Log
	// SetClock sets the clock of the log. Nil when the log has a clock of its own.
	SetClock func(time.Time)
}

// patience ends a test that waits for something that never comes.
const patience = time.Minute

// Run checks the promises of eventlog.Log. It calls open for each of them.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	t.Helper()
	for _, part := range [][]check{appending(), retrying(), reading(), following(), restarting(), crowding()} {
		for _, c := range part {
			t.Run(c.promise, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				h := open(t)
				c.holds(&trial{T: t, ctx: ctx, harness: h, log: h.Log})
			})
		}
	}
}

type check struct {
	promise string
	holds   func(*trial)
}

// trial is one log under test.
type trial struct {
	*testing.T
	ctx     context.Context //nolint:containedctx // lives as long as one test
	harness Harness
	log     eventlog.Log
}

// note returns an event of a command.
func note(command string, index int) eventlog.Event {
	return eventlog.Event{
		ID:   eventlog.NewID(command, index),
		Type: "Noted",
		Data: fmt.Appendf(nil, `{"command":%q,"index":%d}`, command, index),
		Meta: map[string]string{"actor": "ann", "reason": "größer \x00 \"quoted\"", "commandId": command},
	}
}

// notes returns the first n events of a command.
func notes(command string, n int) []eventlog.Event {
	events := make([]eventlog.Event, n)
	for i := range events {
		events[i] = note(command, i)
	}
	return events
}

// append records events that must be accepted.
func (t *trial) append(stream string, expected eventlog.Revision, events ...eventlog.Event) eventlog.Position {
	t.Helper()
	p, err := t.log.Append(t.ctx, stream, expected, events...)
	if err != nil {
		t.Fatalf("appending to %s at %d: %v", stream, expected, err)
	}
	if p == 0 {
		t.Fatalf("appending to %s at %d: position 0 lies before the first event", stream, expected)
	}
	return p
}

// conflict appends events that must be refused because the stream is elsewhere.
func (t *trial) conflict(stream string, expected, actual eventlog.Revision, events ...eventlog.Event) {
	t.Helper()
	_, err := t.log.Append(t.ctx, stream, expected, events...)
	var conflict *eventlog.ConflictError
	if !errors.Is(err, eventlog.ErrConflict) || !errors.As(err, &conflict) {
		t.Fatalf("appending to %s at %d: got %v, want a conflict", stream, expected, err)
	}
	if want := (eventlog.ConflictError{Stream: stream, Expected: expected, Actual: actual}); *conflict != want {
		t.Errorf("got conflict %+v, want %+v", *conflict, want)
	}
}

// stream reads a stream to its end.
func (t *trial) stream(stream string, from eventlog.Revision) []eventlog.Recorded {
	t.Helper()
	var events []eventlog.Recorded
	for e, err := range t.log.Stream(t.ctx, stream, from) {
		if err != nil {
			t.Fatalf("reading %s from %d: %v", stream, from, err)
		}
		events = append(events, e)
	}
	return events
}

// history reads the log up to the position at least, and to the checkpoint behind it.
func (t *trial) history(upTo eventlog.Position) []eventlog.Recorded {
	t.Helper()
	r := t.follow(0, eventlog.Filter{})
	defer r.stop()
	var events []eventlog.Recorded
	for {
		e := r.next()
		if !e.IsCheckpoint() {
			events = append(events, e)
		} else if e.Position >= upTo {
			return events
		}
	}
}

// holds checks that the stream consists of exactly these events.
func (t *trial) holds(stream string, want ...eventlog.Event) []eventlog.Recorded {
	t.Helper()
	got := t.stream(stream, 0)
	if len(got) != len(want) {
		t.Fatalf("stream %s has %d events, want %d", stream, len(got), len(want))
	}
	for i, w := range want {
		e := got[i]
		t.same(e, w)
		if e.Stream != stream || e.Revision != eventlog.Revision(i) {
			t.Errorf("got revision %d of %q, want revision %d of %q", e.Revision, e.Stream, i, stream)
		}
		if e.RecordedAt.IsZero() || e.RecordedAt.Location() != time.UTC {
			t.Errorf("recorded at %v, want an instant in UTC", e.RecordedAt)
		}
		if i > 0 && e.Position <= got[i-1].Position {
			t.Errorf("revision %d has position %d, after position %d", i, e.Position, got[i-1].Position)
		}
	}
	return got
}

// same checks what the writer handed in; empty and nil are the same.
func (t *trial) same(got eventlog.Recorded, want eventlog.Event) {
	t.Helper()
	if got.ID != want.ID || got.Type != want.Type || !bytes.Equal(got.Data, want.Data) || !maps.Equal(got.Meta, want.Meta) {
		t.Errorf("position %d holds %+v, want %+v", got.Position, got.Event, want)
	}
}

func positions(events []eventlog.Recorded) []eventlog.Position {
	all := make([]eventlog.Position, len(events))
	for i, e := range events {
		all[i] = e.Position
	}
	return all
}

func ids(events []eventlog.Recorded) []eventlog.ID {
	all := make([]eventlog.ID, len(events))
	for i, e := range events {
		all[i] = e.ID
	}
	return all
}

// reader pulls from All and checks on every step that nothing comes twice, out of order or unasked for.
type reader struct {
	t      *trial
	pull   func() (eventlog.Recorded, error, bool)
	stop   func()
	filter eventlog.Filter
	at     eventlog.Position // of the last event or checkpoint
}

func (t *trial) follow(after eventlog.Position, filter eventlog.Filter) *reader {
	r := &reader{t: t, filter: filter, at: after}
	r.pull, r.stop = iter.Pull2(t.log.All(t.ctx, after, filter))
	return r
}

// next returns the next event or checkpoint.
func (r *reader) next() eventlog.Recorded {
	r.t.Helper()
	e, err, ok := r.pull()
	if err != nil || !ok {
		r.t.Fatalf("following after %d: ended with %v", r.at, err)
	}
	switch {
	case e.Position < r.at:
		r.t.Fatalf("following: position %d after %d", e.Position, r.at)
	case e.Position == r.at && !e.IsCheckpoint():
		r.t.Fatalf("following: the event at %d comes after a checkpoint or an event there", e.Position)
	case !e.IsCheckpoint() && !r.filter.Matches(e.Stream):
		r.t.Fatalf("following %v: got an event of %s", r.filter.Categories, e.Stream)
	}
	r.at = e.Position
	return e
}

// event returns the next event, passing over checkpoints.
func (r *reader) event() eventlog.Recorded {
	r.t.Helper()
	for {
		if e := r.next(); !e.IsCheckpoint() {
			return e
		}
	}
}

// events returns the next n events.
func (r *reader) events(n int) []eventlog.Recorded {
	r.t.Helper()
	all := make([]eventlog.Recorded, n)
	for i := range all {
		all[i] = r.event()
	}
	return all
}

// quiet expects no event up to the position, and a checkpoint there.
func (r *reader) quiet(upTo eventlog.Position) {
	r.t.Helper()
	for {
		e := r.next()
		if !e.IsCheckpoint() {
			r.t.Fatalf("following: unexpected event of %s at %d", e.Stream, e.Position)
		}
		if e.Position >= upTo {
			return
		}
	}
}

func equal[T comparable](t *trial, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
