package esdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/assayhq/assay/eventlog"
)

// All implements eventlog.Log.
func (l *Log) All(ctx context.Context, after eventlog.Position, filter eventlog.Filter) iter.Seq2[eventlog.Recorded, error] {
	return l.all(ctx, after, filter, false)
}

// all is All; raw with what was trimmed and is still there, and with what Trim has recorded.
func (l *Log) all(ctx context.Context, after eventlog.Position, filter eventlog.Filter, raw bool) iter.Seq2[eventlog.Recorded, error] {
	return func(yield func(eventlog.Recorded, error) bool) {
		f := &follower{log: l, filter: filter, yield: yield, at: after, marks: marks{applied: uint64(after)}, raw: raw, before: map[string]uint64{}}
		err := f.check(ctx)
		if err == nil && len(filter.Categories) > 0 {
			err = f.history(ctx)
		}
		if err == nil {
			err = f.live(ctx)
		}
		if !errors.Is(err, errStopped) {
			yield(eventlog.Recorded{}, f.error(ctx, err))
		}
	}
}

// marks say where a subscription goes on after a break.
type marks struct {
	applied uint64 // the last event delivered, or where the reader began
	resume  uint64 // the checkpoint before the last
	last    uint64 // the last checkpoint; it may name an event that has not been delivered
}

func (m *marks) checkpoint(p uint64) {
	if p > m.last {
		m.resume, m.last = m.last, p
	}
}

// behind is where to go on: everything up to there has been delivered or filtered out.
func (m *marks) behind() uint64 { return max(m.applied, m.resume) }

// restart forgets what a broken subscription said last: it never became the checkpoint before the last.
func (m *marks) restart() {
	m.applied = m.behind()
	m.resume, m.last = 0, 0
}

// follower is one reader of the whole log.
type follower struct {
	log    *Log
	filter eventlog.Filter
	yield  func(eventlog.Recorded, error) bool
	marks  marks
	at     eventlog.Position // of what was yielded last
	opened int
	raw    bool
	before map[string]uint64 // revisions under these are hidden, for the streams that were met
}

// check refuses a position that this $all has not reached.
func (f *follower) check(ctx context.Context) error {
	if f.at == 0 {
		return nil
	}
	end, err := f.log.lastRecord(ctx)
	if err == nil && uint64(f.at) > end {
		return fmt.Errorf("%w: position %d lies beyond the end of the event store at %d; rebuild the reader from 0", eventlog.ErrInvalid, f.at, end)
	}
	return err
}

func (f *follower) error(callers context.Context, err error) error {
	if errors.Is(err, eventlog.ErrInvalid) {
		return err
	}
	return f.log.readError(callers, "$all", err)
}

// history delivers the categories until the server has no more of them. It spares the reader the bodies of other categories.
func (f *follower) history(ctx context.Context) error {
	err := f.through(ctx, f.log.narrow(f.filter.Categories), func(m message, _ bool) error {
		switch {
		case m.caughtUp:
			return errCaughtUp
		case m.event != nil:
			return f.deliver(ctx, m.event)
		}
		return nil
	})
	if errors.Is(err, errCaughtUp) {
		f.marks.restart()
		return nil
	}
	return err
}

// live delivers what comes from there on, looking at every event of this log, and says so whenever it has seen the last.
func (f *follower) live(ctx context.Context) error {
	isLive, silent := false, true
	return f.through(ctx, f.log.filter(), func(m message, more bool) error {
		switch {
		case m.opened:
			isLive = false
		case m.caughtUp:
			isLive, silent = true, false
		case m.event != nil:
			silent = false
			if err := f.deliver(ctx, m.event); err != nil {
				return err
			}
		}
		if !isLive || silent || more {
			return nil
		}
		silent = true
		f.at = max(f.at, eventlog.Position(f.marks.behind()))
		if !f.yield(eventlog.Recorded{Position: f.at}, nil) {
			return errStopped
		}
		return nil
	})
}

// deliver yields an event that is new and asked for.
func (f *follower) deliver(ctx context.Context, e *driver.RecordedEvent) error {
	if e.Position.Commit <= f.marks.applied {
		return nil
	}
	hidden, err := f.hides(ctx, e)
	if err != nil {
		return err
	}
	f.marks.applied = e.Position.Commit
	if !f.log.ours(e.StreamID) {
		return nil
	}
	f.log.sees(eventlog.Position(e.Position.Commit))
	r := f.log.recorded(e)
	if hidden || !f.filter.Matches(r.Stream) {
		return nil
	}
	f.at = r.Position
	if !f.yield(r, nil) {
		return errStopped
	}
	return nil
}

// hides tells whether an event was trimmed, or says what was. A stream is looked up once in the life of a reader: what is trimmed later
// lies behind it.
func (f *follower) hides(ctx context.Context, e *driver.RecordedEvent) (bool, error) {
	stream := strings.TrimPrefix(e.StreamID, f.log.prefix)
	if f.raw || !f.log.ours(e.StreamID) || !f.log.trims(stream) || !f.filter.Matches(stream) {
		return false, nil
	}
	before, known := f.before[stream]
	if !known {
		fields, _, err := f.log.metadata(ctx, stream)
		if err != nil {
			return false, err
		}
		before = fields.before()
		f.before[stream] = before
	}
	return e.EventNumber < before || e.EventType == trimmedType, nil
}

// through hands the messages of a subscription to take, and opens another one whenever it breaks.
func (f *follower) through(ctx context.Context, filter *driver.SubscriptionFilter, take func(m message, more bool) error) error {
	return f.log.persist(ctx, func(ctx context.Context, c *connection) (bool, error) {
		f.marks.restart()
		opened, err := f.subscribe(ctx, c, filter, take)
		if errors.Is(err, io.EOF) {
			err = errEnded
		}
		return opened, err
	})
}

// errEnded: a subscription has no orderly end.
var errEnded = errors.New("the event store ended the subscription")

// subscribe runs one subscription until it breaks, and tells whether it had begun.
func (f *follower) subscribe(ctx context.Context, c *connection, filter *driver.SubscriptionFilter, take func(m message, more bool) error) (opened bool, err error) {
	from := driver.Position{Commit: f.marks.applied, Prepare: f.marks.applied}
	s, err := f.log.start(ctx, c, subscribe(from, filter, f.log.window))
	if err != nil {
		return false, err
	}
	defer s.stop()
	f.log.metrics.subscriptions.Add(1)
	if f.opened++; f.opened > 1 {
		f.log.metrics.resumed.Add(1)
	}
	limit := f.log.attempt // for the first message; a quiet log is no reason to give up
	for {
		m := s.next(ctx, limit)
		limit = 0
		if m.err != nil {
			return opened, m.err
		}
		opened = true
		if err := ctx.Err(); err != nil {
			return opened, err
		}
		if m.checkpoint != nil {
			f.marks.checkpoint(m.checkpoint.Commit)
		}
		if err := take(m, len(s.messages) > 0); err != nil {
			return opened, err
		}
	}
}
