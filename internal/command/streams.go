package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/assayhq/assay/eventlog"
)

// measuredStreams remembers where each measurement stream is, so that a batch is appended at its exact revision without
// reading the stream. Writers elsewhere (another node) are met by their conflicts.
type measuredStreams struct {
	mu      sync.Mutex
	streams map[string]*measuredStream
}

// maxRemembered bounds the streams remembered: one per environment and day.
const maxRemembered = 4_096

func (m *measuredStreams) of(name string) *measuredStream {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.streams == nil || len(m.streams) >= maxRemembered {
		m.streams = map[string]*measuredStream{}
	}
	s, ok := m.streams[name]
	if !ok {
		s = &measuredStream{name: name, last: eventlog.NoStream}
		m.streams[name] = s
	}
	return s
}

// measuredStream lets the writers of one stream share appends: while one append is under way the next events queue up, and
// the first of them then writes all that fit. So many small batches need few waits for the disk, and never conflict.
type measuredStream struct {
	name string

	mu      sync.Mutex
	last    Revision   // of the stream, as far as is known
	queue   []*waiting // in the order of arrival; the first leads
	writing int        // how many at the front of the queue are being written
}

// waiting is an event on its way into the log.
type waiting struct {
	event eventlog.Event
	lead  chan struct{} // holds one when it is this one's turn to write
	done  chan written  // holds the outcome when another one wrote it
}

type written struct {
	position Position
	err      error
}

// append writes the event at the end of the stream and returns a position at or behind it.
func (m *measuredStream) append(ctx context.Context, s *Service, event eventlog.Event) (Position, error) {
	w := &waiting{event: event, lead: make(chan struct{}, 1), done: make(chan written, 1)}
	m.mu.Lock()
	m.queue = append(m.queue, w)
	if len(m.queue) == 1 {
		w.lead <- struct{}{}
	}
	m.mu.Unlock()
	select {
	case <-w.lead:
		return m.write(ctx, s)
	case out := <-w.done:
		return out.position, out.err
	case <-ctx.Done():
		return m.leave(ctx, w)
	}
}

// leave gives up waiting. What is being written already may be recorded.
func (m *measuredStream) leave(ctx context.Context, w *waiting) (Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.Index(m.queue, w)
	if at < 0 {
		out := <-w.done // it was written a moment ago
		return out.position, out.err
	}
	if at < m.writing {
		return 0, fmt.Errorf("%w: the caller left meanwhile", eventlog.ErrUnknownOutcome) // not ctx's: that would say that nothing was recorded
	}
	m.queue = slices.Delete(m.queue, at, at+1)
	if at == 0 {
		m.pass()
	}
	return 0, ctx.Err()
}

// pass lets the first of the queue lead. The lock is held.
func (m *measuredStream) pass() {
	if len(m.queue) > 0 {
		m.queue[0].lead <- struct{}{}
	}
}

// write appends as much of the queue as one append takes, tells the others and passes the lead on.
func (m *measuredStream) write(ctx context.Context, s *Service) (Position, error) {
	m.mu.Lock()
	group := m.group()
	m.writing = len(group)
	m.mu.Unlock()
	if len(group) > 1 {
		// The others must not fail because the leader's caller has left.
		shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		ctx = shared
	}
	position, err := m.appendGroup(ctx, s, group)
	m.mu.Lock()
	m.queue, m.writing = slices.Delete(m.queue, 0, len(group)), 0
	for _, other := range group[1:] {
		other.done <- written{position: position, err: err}
	}
	m.pass()
	m.mu.Unlock()
	return position, err
}

// group is a copy of the front of the queue that fits into one append. The lock is held.
func (m *measuredStream) group() []*waiting {
	size := 0
	for i, w := range m.queue {
		if size += w.event.Size(); i > 0 && (size > eventlog.MaxAppendBytes || i == eventlog.MaxEvents) {
			return slices.Clone(m.queue[:i])
		}
	}
	return slices.Clone(m.queue)
}

// appendGroup is called by the leader only, which alone touches last.
func (m *measuredStream) appendGroup(ctx context.Context, s *Service, group []*waiting) (Position, error) {
	events := make([]eventlog.Event, len(group))
	for i, w := range group {
		events[i] = w.event
	}
	for try := 1; ; try++ {
		position, err := s.appendSurely(ctx, m.name, m.last, events)
		if err == nil {
			m.last += Revision(len(events))
			return position, nil
		}
		conflict, ok := errors.AsType[*eventlog.ConflictError](err)
		if !ok || try == conflictTries {
			return 0, err
		}
		m.last = conflict.Actual
	}
}
