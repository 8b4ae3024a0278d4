package esdb

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/assayhq/assay/eventlog"
)

const (
	leastPause = 2 * time.Millisecond
	mostPause  = time.Second
	probeTime  = 3 * time.Second
)

// link keeps one working connection, and makes a new one when it is gone.
type link struct {
	config  driver.Configuration
	probe   time.Duration // how long a new connection has to answer its first read
	metrics *metrics
	end     context.CancelFunc
	builder sync.WaitGroup
	wanted  chan struct{} // a connection is needed

	mu       sync.Mutex
	current  *connection
	made     []*connection // those that may not be closed yet
	tried    chan struct{} // closed, and made anew, when an attempt to connect has ended
	failure  error         // of the last attempt
	isDenied bool          // by the server, for instance because of the password
	isClosed bool
}

func newLink(config driver.Configuration, probe time.Duration, m *metrics) *link {
	ctx, cancel := context.WithCancel(context.Background())
	l := &link{
		config: config, probe: probe, metrics: m, end: cancel,
		wanted: make(chan struct{}, 1), tried: make(chan struct{}),
	}
	l.builder.Go(func() { l.build(ctx) })
	return l
}

// acquire returns a connection that works as far as is known. When there is none until ctx ends, the error says why.
func (l *link) acquire(ctx context.Context) (*connection, error) {
	for {
		c, tried, err := l.look()
		if c != nil || err != nil {
			return c, err
		}
		select {
		case <-tried:
			if err := l.denied(); err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, l.whyNot()
		}
	}
}

// denied returns the failure of the last attempt when the server answered it: waiting does not help.
func (l *link) denied() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isDenied {
		return l.failure
	}
	return nil
}

func (l *link) look() (*connection, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed {
		return nil, nil, errClosed
	}
	if l.current != nil {
		select {
		case <-l.current.retired:
			l.current = nil
			l.metrics.connected.Store(false)
		default:
			return l.current, nil, nil
		}
	}
	select {
	case l.wanted <- struct{}{}:
	default:
	}
	return nil, l.tried, nil
}

func (l *link) whyNot() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure != nil {
		return l.failure
	}
	return fmt.Errorf("%w: there is no connection to the event store yet", eventlog.ErrUnavailable)
}

// build makes connections whenever one is wanted, with growing pauses between failures.
func (l *link) build(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wanted:
		}
		for wait := leastPause; l.lacks(); wait = min(2*wait, mostPause) {
			c, err := l.connect(ctx)
			l.publish(c, err)
			if err != nil && pause(ctx, wait) != nil {
				return
			}
		}
	}
}

// lacks reports whether there is no usable connection.
func (l *link) lacks() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed || l.current == nil {
		return !l.isClosed
	}
	select {
	case <-l.current.retired:
		return true
	default:
		return false
	}
}

// connect makes a connection and probes it with a read, because a new client has not talked to anybody yet.
func (l *link) connect(ctx context.Context) (*connection, error) {
	c, err := connect(l.config)
	if err != nil {
		return nil, err
	}
	l.keep(c)
	ctx, cancel := context.WithTimeout(ctx, l.probe)
	defer cancel()
	if _, err := do(ctx, c, top); err != nil {
		c.retire()
		return nil, err
	}
	return c, nil
}

// keep remembers a connection so that closing the log closes it.
func (l *link) keep(c *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	open := l.made[:0]
	for _, known := range l.made {
		known.mu.Lock()
		if !known.isClosed {
			open = append(open, known)
		}
		known.mu.Unlock()
	}
	clear(l.made[len(open):])
	l.made = append(open, c)
}

func (l *link) publish(c *connection, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failure, l.isDenied = nil, err != nil && judge(err) == refused
	if err != nil {
		l.failure = unavailable("the event store cannot be reached", err)
	} else {
		l.current = c
		l.metrics.connects.Add(1)
		l.metrics.connected.Store(true)
	}
	close(l.tried)
	l.tried = make(chan struct{})
}

// close ends everything: nothing can be acquired any more, and running calls are waited for, not too long.
func (l *link) close() {
	l.mu.Lock()
	l.isClosed = true
	l.metrics.connected.Store(false)
	close(l.tried)
	l.tried = make(chan struct{})
	made := l.made
	l.mu.Unlock()
	l.end()
	l.builder.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closingTime)
	defer cancel()
	for _, c := range made {
		c.retire()
		c.drain(ctx)
		c.force()
	}
}

const closingTime = 2 * time.Second

// pause waits, jittered by half so that many callers do not come back at once.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d/2 + rand.N(d/2+1)) //nolint:gosec // jitter
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errClosed = fmt.Errorf("%w: the connection to the event store is closed", eventlog.ErrUnavailable)
