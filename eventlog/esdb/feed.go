package esdb

import (
	"context"
	"errors"
	"io"
	"time"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// message is one step of a read or a subscription.
type message struct {
	event      *driver.RecordedEvent
	checkpoint *driver.Position
	caughtUp   bool
	opened     bool
	err        error // the last message has one; io.EOF after all that was to be read
}

// ahead is how many messages are read before they are asked for.
const ahead = 64

// feed is a read or a subscription that runs beside its consumer.
type feed struct {
	connection *connection
	messages   chan message
	cancel     context.CancelFunc
}

// source opens a read or a subscription and returns its steps.
type source func(ctx context.Context, client *driver.Client) (next func() message, err error)

// start runs the source on the connection until ctx ends, the source does, or stop is called.
func (l *Log) start(ctx context.Context, c *connection, open source) (*feed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open.Err() != nil {
		return nil, errClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	a, ok := c.enter(ctx)
	if !ok {
		cancel()
		return nil, errNotSent
	}
	f := &feed{connection: c, messages: make(chan message, ahead), cancel: cancel}
	l.readers.Go(func() {
		defer a.leave()
		defer close(f.messages)
		f.run(ctx, a, open)
	})
	return f, nil
}

func (f *feed) stop() { f.cancel() }

func (f *feed) run(ctx context.Context, a *admission, open source) {
	send := func(m message) bool {
		select {
		case f.messages <- m:
			return m.err == nil
		case <-ctx.Done():
			return false
		}
	}
	var panicked error
	defer func() {
		if panicked != nil {
			send(message{err: panicked})
		}
	}()
	defer caught(&panicked)
	next, err := open(a, f.connection.client)
	if !send(message{opened: true, err: err}) {
		return
	}
	for send(next()) {
	}
}

// next waits for the next message, no longer than ctx lasts, and not longer than limit when that is over 0. Without a limit
// it is a subscription, which may be silent for long; so it also ends when others find the connection to be of no use.
func (f *feed) next(ctx context.Context, limit time.Duration) message {
	select {
	case m, more := <-f.messages: // most often there is one
		if more {
			return m
		}
		return message{err: errGivenUp} // its context has ended
	default:
	}
	var late <-chan time.Time
	retired := f.connection.retired
	if limit > 0 {
		retired = nil
		timer := time.NewTimer(limit)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case m, more := <-f.messages:
		if more {
			return m
		}
		return message{err: errGivenUp}
	case <-ctx.Done():
		return message{err: ctx.Err()}
	case <-retired:
		return message{err: errGivenUp}
	case <-late:
		return message{err: errGivenUp}
	}
}

// events makes the steps of a read.
func events(read *driver.ReadStream) func() message {
	return func() message {
		e, err := read.Recv()
		if err != nil {
			return message{err: err}
		}
		return message{event: e.OriginalEvent()}
	}
}

// readStream reads a stream from the revision to its end.
func readStream(name string, from uint64) source {
	return func(ctx context.Context, client *driver.Client) (func() message, error) {
		read, err := client.ReadStream(leading(ctx), name, driver.ReadStreamOptions{From: driver.Revision(from)}, ^uint64(0)>>1)
		if err != nil {
			return nil, err
		}
		return events(read), nil
	}
}

// readBack reads $all from its end towards its start.
func readBack(ctx context.Context, client *driver.Client) (func() message, error) {
	read, err := client.ReadAll(leading(ctx), driver.ReadAllOptions{Direction: driver.Backwards, From: driver.End{}}, ^uint64(0)>>1)
	if err != nil {
		return nil, err
	}
	return events(read), nil
}

// top returns the position of the last record of $all, which always has some of the server's own.
func top(ctx context.Context, client *driver.Client) (uint64, error) {
	read, err := client.ReadAll(ctx, driver.ReadAllOptions{Direction: driver.Backwards, From: driver.End{}}, 1)
	if err != nil {
		return 0, err
	}
	defer read.Close()
	e, err := read.Recv()
	if errors.Is(err, io.EOF) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return e.OriginalEvent().Position.Commit, nil
}

// searchWindow is the default of the driver's 32 raised, or half of the messages would be checkpoints.
const searchWindow = 500

// subscribe follows $all behind the position.
func subscribe(after driver.Position, filter *driver.SubscriptionFilter, window int) source {
	return func(ctx context.Context, client *driver.Client) (func() message, error) {
		o := driver.SubscribeToAllOptions{From: after, Filter: filter, MaxSearchWindow: window, CheckpointInterval: 1}
		if after.Commit == 0 {
			o.From = driver.Start{}
		}
		s, err := client.SubscribeToAll(ctx, o)
		if err != nil {
			return nil, err
		}
		return func() message { return step(s.Recv()) }, nil
	}
}

func step(e *driver.SubscriptionEvent) message {
	switch {
	case e.EventAppeared != nil:
		return message{event: e.EventAppeared.OriginalEvent()}
	case e.CheckPointReached != nil:
		return message{checkpoint: e.CheckPointReached}
	case e.CaughtUp != nil:
		return message{caughtUp: true}
	case e.SubscriptionDropped != nil && e.SubscriptionDropped.Error != nil:
		return message{err: e.SubscriptionDropped.Error}
	case e.SubscriptionDropped != nil:
		return message{err: io.EOF}
	default:
		return message{} // fell behind: the server goes on by itself
	}
}
