// Package projectionstest makes histories for the tests of read models: events as the log would yield them, decided by the
// real deciders, so that no test invents a state that could not have come about.
package projectionstest

import (
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/eventlog"
)

// T is the part of testing.TB, and of a property test's handle, that is needed.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
}

// History is a log under construction. The event at position p was asked for at At(p) and recorded a second later.
type History struct {
	// Actor and Reason go with what is added next.
	Actor  domain.Actor
	Reason string

	t       T
	records []eventlog.Recorded
	streams map[string][]eventlog.Recorded
}

// New begins a History.
func New(t T) *History {
	return &History{Actor: "key:ann", Reason: "because", t: t, streams: map[string][]eventlog.Recorded{}}
}

// Records returns all events so far. The caller may not write to them.
func (h *History) Records() []eventlog.Recorded { return h.records }

// Head is the position of the newest event.
func (h *History) Head() eventlog.Position { return eventlog.Position(len(h.records)) }

// At is the time at which the event at a position was asked for: p minutes after nine in the morning.
func At(p eventlog.Position) time.Time {
	return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).Add(time.Duration(p) * time.Minute) //nolint:gosec // tests have few events
}

// Raw adds an event with any name and body, such as one that a newer version might write.
func (h *History) Raw(stream, name, body string) {
	p := h.Head() + 1
	r := eventlog.Recorded{
		Event: eventlog.Event{
			ID: eventlog.NewID(stream, len(h.records)), Type: name, Data: []byte(body),
			Meta: map[string]string{"actor": string(h.Actor), "time": At(p).Format(time.RFC3339Nano)},
		},
		Stream: stream, Revision: eventlog.Revision(len(h.streams[stream])), Position: p, RecordedAt: At(p).Add(time.Second),
	}
	if h.Reason != "" {
		r.Meta["reason"] = h.Reason
	}
	h.records = append(h.records, r)
	h.streams[stream] = append(h.streams[stream], r)
}

// Try decides the command on what its stream holds and adds the events, or returns the refusal. A stream that holds what
// cannot be read refuses everything.
func Try[S, C, E any](h *History, a domain.Aggregate[S, C, E], stream string, command C) error {
	var state S
	for _, r := range h.streams[stream] {
		event, err := a.Decode(r.Type, r.Data)
		if err != nil {
			return err
		}
		state = a.Evolve(state, event)
	}
	events, err := a.Decide(state, command, domain.Envelope{Actor: h.Actor, Reason: h.Reason, At: At(h.Head() + 1)})
	if err != nil {
		return err
	}
	for _, e := range events {
		name, body, err := a.Encode(e)
		if err != nil {
			return err
		}
		h.Raw(stream, name, string(body))
	}
	return nil
}

// Do is Try for commands that must not be refused.
func Do[S, C, E any](h *History, a domain.Aggregate[S, C, E], stream string, command C) {
	h.t.Helper()
	if err := Try(h, a, stream, command); err != nil {
		h.t.Fatalf("%s: %T: %v", stream, command, err)
	}
}
