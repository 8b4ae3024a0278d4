package esdb

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"time"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/assayhq/assay/eventlog"
)

// Stream implements eventlog.Log.
func (l *Log) Stream(ctx context.Context, stream string, from eventlog.Revision) iter.Seq2[eventlog.Recorded, error] {
	return func(yield func(eventlog.Recorded, error) bool) {
		for r, err := range l.stream(ctx, stream, from) {
			if (err != nil || r.Type != trimmedType) && !yield(r, err) {
				return
			}
		}
	}
}

// stream is Stream with what Trim has recorded.
func (l *Log) stream(ctx context.Context, stream string, from eventlog.Revision) iter.Seq2[eventlog.Recorded, error] {
	return func(yield func(eventlog.Recorded, error) bool) {
		next := max(from, 0)
		err := l.persist(ctx, func(ctx context.Context, c *connection) (progress bool, err error) {
			start := next
			next, err = l.readOn(ctx, c, stream, next, yield)
			return next > start, err
		})
		if !finished(err) && judge(err) != missing {
			yield(eventlog.Recorded{}, l.readError(ctx, stream, err))
		}
	}
}

var (
	// errStopped: the consumer wants no more.
	errStopped = errors.New("the consumer stopped")
	// errCaughtUp: there is no more history.
	errCaughtUp = errors.New("history has ended")
)

// finished reports whether a read is over because it has done what it was for.
func finished(err error) bool {
	return err == nil || errors.Is(err, io.EOF) || errors.Is(err, errStopped) || errors.Is(err, errCaughtUp)
}

// readOn delivers the stream from a revision on, and returns the revision it got to. io.EOF is the orderly end.
func (l *Log) readOn(ctx context.Context, c *connection, stream string, next eventlog.Revision, yield func(eventlog.Recorded, error) bool) (eventlog.Revision, error) {
	f, err := l.start(ctx, c, readStream(l.prefix+stream, uint64(next))) //nolint:gosec // not negative
	if err != nil {
		return next, err
	}
	defer f.stop()
	for {
		m := f.next(ctx, l.attempt)
		if m.err != nil {
			return next, m.err
		}
		if err := ctx.Err(); err != nil {
			return next, err
		}
		if m.event == nil {
			continue
		}
		r := l.recorded(m.event)
		if !yield(r, nil) {
			return next, errStopped
		}
		next = r.Revision + 1
	}
}

// persist repeats a read until it has ended in order, is refused, or has made no progress for as long as patience lasts.
func (l *Log) persist(callers context.Context, read func(context.Context, *connection) (progress bool, err error)) error {
	ctx, cancel := l.within(callers)
	defer cancel()
	wait, stuck := leastPause, time.Now()
	for {
		if callers.Err() != nil {
			return callers.Err()
		}
		progress, err := l.attemptRead(ctx, stuck.Add(l.patience), read)
		if finished(err) || ctx.Err() != nil {
			return err
		}
		if fate := judge(err); fate == refused || fate == missing || errors.Is(err, eventlog.ErrUnavailable) {
			return err
		}
		if progress {
			wait, stuck = leastPause, time.Now()
		}
		if time.Since(stuck) > l.patience || pause(ctx, wait) != nil {
			return err
		}
		wait = min(2*wait, mostPause)
	}
}

// attemptRead makes one attempt, on a connection that must be there before the deadline.
func (l *Log) attemptRead(ctx context.Context, deadline time.Time, read func(context.Context, *connection) (bool, error)) (bool, error) {
	connecting, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	c, err := l.link.acquire(connecting)
	if err != nil {
		return false, err
	}
	progress, err := read(ctx, c)
	if err != nil && ctx.Err() == nil {
		c.suspect(err)
	}
	return progress, err
}

// readError is what a reader is told.
func (l *Log) readError(callers context.Context, of string, err error) error {
	switch {
	case callers.Err() != nil || l.open.Err() != nil:
		return l.ended(callers)
	case judge(err) == refused:
		return refusal(of, err)
	default:
		return unavailable("the event store cannot be read now", err)
	}
}

// marker remembers where Head has looked, so that it reads each record of $all once at most.
type marker struct {
	mu     sync.Mutex
	looked uint64 // $all has been looked through up to here
	head   eventlog.Position
}

// Head implements eventlog.Log. It reads $all backwards from its end to the last event of this log.
func (l *Log) Head(ctx context.Context) (eventlog.Position, error) {
	l.marker.mu.Lock()
	known := struct {
		looked uint64
		head   eventlog.Position
	}{l.marker.looked, l.marker.head}
	l.marker.mu.Unlock()
	var looked uint64
	head := known.head
	err := l.persist(ctx, func(ctx context.Context, c *connection) (bool, error) {
		var err error
		looked, head, err = l.lookBack(ctx, c, known.looked, known.head)
		return false, err
	})
	if err != nil {
		return 0, l.readError(ctx, "$all", err)
	}
	l.marker.mu.Lock()
	defer l.marker.mu.Unlock()
	if looked > l.marker.looked {
		l.marker.looked, l.marker.head = looked, head
	}
	l.sees(head)
	return head, nil
}

// Seen returns the highest position of an event of this log that has come by since it was opened: appended, read or followed. It asks
// nobody, so it never waits, and is 0 before the first.
func (l *Log) Seen() eventlog.Position { return eventlog.Position(l.seen.Load()) }

func (l *Log) sees(p eventlog.Position) {
	for {
		known := l.seen.Load()
		if uint64(p) <= known || l.seen.CompareAndSwap(known, uint64(p)) {
			return
		}
	}
}

// lookBack finds the last event of this log behind the position; otherwise it is the known one.
func (l *Log) lookBack(ctx context.Context, c *connection, behind uint64, known eventlog.Position) (looked uint64, head eventlog.Position, err error) {
	f, err := l.start(ctx, c, readBack)
	if err != nil {
		return 0, known, err
	}
	defer f.stop()
	for {
		m := f.next(ctx, l.attempt)
		if errors.Is(m.err, io.EOF) {
			return looked, known, nil
		}
		if m.err != nil {
			return 0, known, m.err
		}
		if m.event == nil {
			continue
		}
		if looked == 0 {
			looked = m.event.Position.Commit
		}
		if m.event.Position.Commit <= behind {
			return looked, known, nil
		}
		if l.ours(m.event.StreamID) {
			return looked, eventlog.Position(m.event.Position.Commit), nil
		}
	}
}

// lastRecord returns the position of the last record of $all, whosever it is.
func (l *Log) lastRecord(ctx context.Context) (end uint64, err error) {
	err = l.persist(ctx, func(ctx context.Context, c *connection) (bool, error) {
		ctx, cancel := context.WithTimeout(leading(ctx), l.attempt)
		defer cancel()
		end, err = do(ctx, c, func(ctx context.Context, client *driver.Client) (uint64, error) { return top(ctx, client) })
		return false, err
	})
	return end, err
}
