package eventlogtest

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/assayhq/assay/eventlog"
)

// MemoryLog is an eventlog.Log that forgets everything with its process. It keeps all promises of the port but
// durability, so tests of other packages can use it as the log. Positions count from 1 without gaps.
type MemoryLog struct {
	store   *store
	now     func() time.Time
	once    sync.Once
	closing chan struct{}
}

// store is what survives Reopen.
type store struct {
	mu      sync.Mutex
	events  []eventlog.Recorded // position p is at index p-1; never changed once added
	streams map[string][]eventlog.Position
	news    chan struct{} // closed and replaced by every append
}

var _ eventlog.Log = (*MemoryLog)(nil)

// Memory returns an empty log whose clock is the machine's.
func Memory() *MemoryLog { return MemoryAt(time.Now) }

// MemoryAt returns an empty log with a clock of the caller's.
func MemoryAt(now func() time.Time) *MemoryLog {
	s := &store{streams: make(map[string][]eventlog.Position), news: make(chan struct{})}
	return &MemoryLog{store: s, now: now, closing: make(chan struct{})}
}

// Close ends all readers; every later call answers eventlog.ErrUnavailable.
func (l *MemoryLog) Close() error {
	l.once.Do(func() { close(l.closing) })
	return nil
}

// Reopen closes the log and returns another one with the same events, as a restart of the process would.
func (l *MemoryLog) Reopen() *MemoryLog {
	_ = l.Close() // it cannot fail
	return &MemoryLog{store: l.store, now: l.now, closing: make(chan struct{})}
}

// open returns why the log cannot be used now, if so.
func (l *MemoryLog) open(ctx context.Context) error {
	select {
	case <-l.closing:
		return fmt.Errorf("%w: the log in memory is closed", eventlog.ErrUnavailable)
	default:
		return ctx.Err()
	}
}

// Append implements eventlog.Log.
func (l *MemoryLog) Append(ctx context.Context, stream string, expected eventlog.Revision, events ...eventlog.Event) (eventlog.Position, error) {
	if err := eventlog.Check(stream, expected, events); err != nil {
		return 0, err
	}
	if err := l.open(ctx); err != nil {
		return 0, err
	}
	s := l.store
	s.mu.Lock()
	defer s.mu.Unlock()
	end := eventlog.Revision(len(s.streams[stream])) - 1
	if expected != eventlog.Any && expected != end {
		if p, found := s.original(stream, expected, events); found {
			return p, nil
		}
		return 0, &eventlog.ConflictError{Stream: stream, Expected: expected, Actual: end}
	}
	at := l.now().UTC()
	if n := len(s.events); n > 0 && at.Before(s.events[n-1].RecordedAt) {
		at = s.events[n-1].RecordedAt
	}
	for i, e := range events {
		p := eventlog.Position(len(s.events) + 1)
		s.events = append(s.events, eventlog.Recorded{
			Event: own(e), Stream: stream, Revision: end + 1 + eventlog.Revision(i), Position: p, RecordedAt: at,
		})
		s.streams[stream] = append(s.streams[stream], p)
	}
	close(s.news)
	s.news = make(chan struct{})
	return eventlog.Position(len(s.events)), nil
}

// original finds events that already follow the expected revision.
func (s *store) original(stream string, expected eventlog.Revision, events []eventlog.Event) (eventlog.Position, bool) {
	recorded := s.streams[stream]
	if expected >= eventlog.Revision(len(recorded)) {
		return 0, false
	}
	recorded = recorded[expected+1:]
	if len(recorded) < len(events) {
		return 0, false
	}
	for i, e := range events {
		if s.events[recorded[i]-1].ID != e.ID {
			return 0, false
		}
	}
	return recorded[len(events)-1], true
}

// own copies what a writer or a reader may change.
func own(e eventlog.Event) eventlog.Event {
	e.Data, e.Meta = bytes.Clone(e.Data), maps.Clone(e.Meta)
	return e
}

// Stream implements eventlog.Log.
func (l *MemoryLog) Stream(ctx context.Context, stream string, from eventlog.Revision) iter.Seq2[eventlog.Recorded, error] {
	return func(yield func(eventlog.Recorded, error) bool) {
		for r := max(from, 0); ; r++ {
			if err := l.open(ctx); err != nil {
				yield(eventlog.Recorded{}, err)
				return
			}
			e, found := l.store.at(stream, r)
			if !found || !yield(e, nil) {
				return
			}
		}
	}
}

func (s *store) at(stream string, r eventlog.Revision) (eventlog.Recorded, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r >= eventlog.Revision(len(s.streams[stream])) {
		return eventlog.Recorded{}, false
	}
	e := s.events[s.streams[stream][r]-1]
	e.Event = own(e.Event)
	return e, true
}

// after returns the events behind the position, the head, and a channel that is closed when there are more.
func (s *store) after(p eventlog.Position) ([]eventlog.Recorded, eventlog.Position, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	head := eventlog.Position(len(s.events))
	return slices.Clip(s.events[min(p, head):]), head, s.news
}

// All implements eventlog.Log.
func (l *MemoryLog) All(ctx context.Context, after eventlog.Position, filter eventlog.Filter) iter.Seq2[eventlog.Recorded, error] {
	return func(yield func(eventlog.Recorded, error) bool) {
		at := after
		for {
			events, head, news := l.store.after(at)
			if at > head {
				yield(eventlog.Recorded{}, fmt.Errorf("%w: position %d lies beyond the head %d", eventlog.ErrInvalid, at, head))
				return
			}
			if !l.deliver(ctx, events, filter, yield) {
				return
			}
			at = head
			if !yield(eventlog.Recorded{Position: at}, nil) {
				return
			}
			select {
			case <-news:
			case <-ctx.Done():
			case <-l.closing:
			}
		}
	}
}

// deliver hands out what passes the filter and tells whether the reader should go on.
func (l *MemoryLog) deliver(ctx context.Context, events []eventlog.Recorded, filter eventlog.Filter, yield func(eventlog.Recorded, error) bool) bool {
	for _, e := range events {
		if err := l.open(ctx); err != nil {
			yield(eventlog.Recorded{}, err)
			return false
		}
		if !filter.Matches(e.Stream) {
			continue
		}
		e.Event = own(e.Event)
		if !yield(e, nil) {
			return false
		}
	}
	if err := l.open(ctx); err != nil {
		yield(eventlog.Recorded{}, err)
		return false
	}
	return true
}

// Head implements eventlog.Log.
func (l *MemoryLog) Head(ctx context.Context) (eventlog.Position, error) {
	if err := l.open(ctx); err != nil {
		return 0, err
	}
	_, head, _ := l.store.after(0)
	return head, nil
}
