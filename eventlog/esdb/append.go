package esdb

import (
	"context"
	"errors"
	"fmt"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/metadata"

	"github.com/assayhq/assay/eventlog"
)

// leading asks the server to answer only if it is the leader. The driver's own option writes the header where it is not sent.
func leading(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "requires-leader", "true")
}

func expectedRevision(r eventlog.Revision) driver.ExpectedRevision {
	switch r {
	case eventlog.Any:
		return driver.Any{}
	case eventlog.NoStream:
		return driver.NoStream{}
	default:
		return driver.Revision(uint64(r)) //nolint:gosec // eventlog.Check refuses other negative ones
	}
}

// Append implements eventlog.Log.
func (l *Log) Append(ctx context.Context, stream string, expected eventlog.Revision, events ...eventlog.Event) (eventlog.Position, error) {
	if err := eventlog.Check(stream, expected, events); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	proposed, err := proposals(events)
	if err != nil {
		return 0, err
	}
	trying, cancel := l.within(ctx)
	defer cancel()
	trying, stop := context.WithTimeout(trying, l.patience)
	defer stop()
	a := &appending{log: l, callers: ctx, stream: stream, server: l.prefix + stream, expected: expected, events: proposed}
	position, err := a.until(trying)
	l.count(err)
	l.sees(position)
	return position, err
}

func (l *Log) count(err error) {
	switch {
	case err == nil:
		l.metrics.appends.Add(1)
	case errors.Is(err, eventlog.ErrConflict):
		l.metrics.conflicts.Add(1)
	case errors.Is(err, eventlog.ErrUnknownOutcome):
		l.metrics.unknown.Add(1)
	default:
		l.metrics.failed.Add(1)
	}
}

// appending is one append on its way through as many attempts as it takes.
type appending struct {
	log      *Log
	callers  context.Context //nolint:containedctx // lives as long as one call; tells the caller's end from that of patience
	stream   string
	server   string // the stream's name in the server
	expected eventlog.Revision
	events   []driver.EventData
	doubt    error // why an attempt may have been recorded, though it was not answered
}

// until repeats the append until it is settled or ctx ends.
func (a *appending) until(ctx context.Context) (eventlog.Position, error) {
	for wait := leastPause; ; wait = min(2*wait, mostPause) {
		c, err := a.log.link.acquire(ctx)
		if err != nil {
			return 0, a.gaveUp(err)
		}
		result, err := a.attempt(ctx, c)
		if err == nil {
			return a.position(ctx, result)
		}
		if ctx.Err() == nil {
			c.suspect(err)
		}
		settled, err := a.settle(err)
		if settled {
			return 0, err
		}
		a.log.metrics.retries.Add(1)
		if pause(ctx, wait) != nil {
			return 0, a.gaveUp(err)
		}
	}
}

func (a *appending) attempt(ctx context.Context, c *connection) (*driver.WriteResult, error) {
	ctx, cancel := context.WithTimeout(leading(ctx), a.log.attempt)
	defer cancel()
	options := driver.AppendToStreamOptions{ExpectedRevision: expectedRevision(a.expected)}
	return do(ctx, c, func(ctx context.Context, client *driver.Client) (*driver.WriteResult, error) {
		return client.AppendToStream(ctx, a.server, options, a.events...)
	})
}

// settle tells whether the error is the answer. Otherwise the append must be repeated.
func (a *appending) settle(err error) (settled bool, answer error) {
	switch judge(err) {
	case conflict:
		return true, a.conflict(err)
	case refused:
		return true, refusal(a.stream, err)
	case notSent, elsewhere:
	default:
		a.doubt = err
		if a.expected == eventlog.Any {
			return true, a.gaveUp(err)
		}
	}
	return false, err
}

// conflict explains where the stream is.
func (a *appending) conflict(err error) error {
	at, told := actual(err)
	if !told {
		return fmt.Errorf("%w: the event store did not say where stream %s is: %w", eventlog.ErrConflict, a.stream, err)
	}
	return &eventlog.ConflictError{Stream: a.stream, Expected: a.expected, Actual: at}
}

// gaveUp is the answer when the append could not be settled.
func (a *appending) gaveUp(err error) error {
	switch {
	case a.doubt != nil:
		return fmt.Errorf("%w: appending to stream %s: %s; the same append again settles it", eventlog.ErrUnknownOutcome, a.stream, reason(a.doubt))
	case a.callers.Err() != nil:
		return a.callers.Err()
	default:
		return unavailable("the event store does not take appends now", err)
	}
}

// position is that of the last event. A server that recognises a repetition answers with the first one's, so with several
// events the last is looked up.
func (a *appending) position(ctx context.Context, result *driver.WriteResult) (eventlog.Position, error) {
	if len(a.events) == 1 && result.CommitPosition > 0 {
		return eventlog.Position(result.CommitPosition), nil
	}
	last := eventlog.Revision(result.NextExpectedVersion) //nolint:gosec // the server's are signed, too
	if a.expected != eventlog.Any {
		last = a.expected + eventlog.Revision(len(a.events))
	}
	for e, err := range a.log.Stream(ctx, a.stream, last) {
		if err != nil {
			a.doubt = err
			break
		}
		return e.Position, nil
	}
	if a.doubt == nil {
		a.doubt = fmt.Errorf("revision %d cannot be read", last)
	}
	return 0, a.gaveUp(a.doubt)
}
