// Package esdb is the event log on an EventStoreDB (KurrentDB) cluster, through EventStore-Client-Go v4.2.0. It is for
// installations that have outgrown one machine: any number of assay nodes share one cluster as their only common state.
//
// # The model
//
// The driver is never called directly. It dies for good when a server is away for a second, ignores contexts while it
// connects, may hang and panic, does not send requires-leader, and forgets connections. So a link owns one client at a
// time, publishes it only after it has answered a read, and replaces it as soon as a call finds its node unavailable. Every call
// runs beside its caller, who waits no longer than its context lasts.
//
// Append keeps eventlog's promises: refused before sending when it is too large; sent to the leader; repeated, with the same
// ids at the same exact revision, when its outcome is unknown, which the server recognises, so that it is recorded
// once; answered eventlog.ErrUnknownOutcome when Patience ends before the outcome is known. An append at any revision is
// never repeated here, because the server only remembers recent ids.
//
// Stream reads from the leader and goes on where it was when the connection breaks. All follows $all through filtered
// subscriptions: history through a filter of the categories, then everything of this log, of which it delivers
// what was asked for; so it sees the position of every event and knows how far it is. A server's checkpoint may name an
// event that was not delivered yet, hence a subscription resumes after the last delivered event or the checkpoint before the
// last, whichever is later, and drops what comes again. A break is bridged; when it lasts longer than Patience the
// reader gets eventlog.ErrUnavailable and comes back by itself.
//
// Trim takes a stream out of readers' sight. $all, which all readers follow, knows nothing of that, so a reader asks for a stream's
// metadata when it first meets an event of one that may have been trimmed.
//
// Positions are the commit positions of $all. Streams may carry a common Prefix, which keeps installations that
// share a cluster apart; without one, all streams but the server's own ("$...") belong to this log.
//
// # What was tried against what
//
// No real server has been run against this package yet. Everything said here is held by tests against esdbtest, which serves
// the unmodified driver over TCP and TLS and follows the rules of the servers 24.6 and 26.1 as their source and documentation
// have them. Known only from there: the rule of idempotency for exact revisions, the order of checkpoints and caught-up, that commit and
// prepare positions of an event agree when it was appended through gRPC, that patterns mean the same in the server's regular
// expressions, and names of streams with control characters. eventlog/esdb/conformance is the command that checks a
// real server.
package esdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/assayhq/assay/eventlog"
)

// Options are what a log can be told besides where its server is. The zero value is fine.
type Options struct {
	// Prefix begins the name of every stream of this log in the server. It is not part of the names that callers see.
	Prefix string
	// Patience is how long a call tries before it answers that the event store is unavailable or the outcome unknown; 3 s
	// when 0.
	Patience time.Duration
	// Attempt is how long one attempt waits for an answer before its connection is given up; 2 s when 0.
	Attempt time.Duration
	// Trims lists the categories of streams that Trim may be called for. Readers look up what was trimmed of those.
	Trims []string
	// Warn hears what an operator should know, such as unverified certificates; nobody when nil.
	Warn func(string)
}

const (
	defaultPatience = 3 * time.Second
	defaultAttempt  = 2 * time.Second
	openingTime     = 10 * time.Second
	maxPrefix       = 64
)

// Log is an eventlog.Log in an EventStoreDB cluster.
type Log struct {
	prefix   string
	patience time.Duration
	attempt  time.Duration
	link     *link
	metrics  metrics
	// trimmable are the categories of streams that may have been trimmed.
	trimmable []string
	marker    marker
	seen      atomic.Uint64 // the highest position of an event of this log that has come by
	window    int           // records that the server looks through between two checkpoints

	once    sync.Once
	open    context.Context //nolint:containedctx // ends when the log is closed
	end     context.CancelFunc
	mu      sync.Mutex // keeps readers from starting while Close waits for them
	readers sync.WaitGroup
}

var _ eventlog.Log = (*Log)(nil)

// Open connects to the server of a connection string such as esdb://user:password@host:2113?tls=true, with several hosts or
// esdb+discover:// for a cluster; kurrentdb:// means the same. It returns eventlog.ErrInvalid for a connection string that
// cannot be meant, and eventlog.ErrUnavailable when the server does not answer within 10 s, or Patience if that is longer, or ctx. Close the log after use.
func Open(ctx context.Context, connection string, o Options) (*Log, error) {
	config, warnings, err := parse(connection)
	if err != nil {
		return nil, err
	}
	if len(o.Prefix) > maxPrefix || !utf8.ValidString(o.Prefix) || strings.HasPrefix(o.Prefix, "$") {
		return nil, fmt.Errorf("%w: a prefix of stream names has at most %d bytes, is UTF-8 and does not start with '$'", eventlog.ErrInvalid, maxPrefix)
	}
	if o.Warn != nil {
		for _, w := range warnings {
			o.Warn(w)
		}
	}
	l := &Log{prefix: o.Prefix, patience: o.Patience, attempt: o.Attempt, window: searchWindow, trimmable: slices.Clone(o.Trims)}
	l.open, l.end = context.WithCancel(context.WithoutCancel(ctx))
	if l.patience <= 0 {
		l.patience = defaultPatience
	}
	if l.attempt <= 0 {
		l.attempt = defaultAttempt
	}
	l.link = newLink(*config, max(probeTime, l.attempt), &l.metrics)
	ctx, cancel := context.WithTimeout(ctx, max(openingTime, l.patience))
	defer cancel()
	if _, err := l.link.acquire(ctx); err != nil {
		_ = l.Close() // it always returns nil
		return nil, fmt.Errorf("connecting to %s: %w", Redacted(connection), err)
	}
	return l, nil
}

// Close ends all readers and closes all connections. Calls that wait are answered with eventlog.ErrUnavailable, or
// eventlog.ErrUnknownOutcome when they have been sent. It always returns nil.
func (l *Log) Close() error {
	l.once.Do(func() {
		l.mu.Lock()
		l.end()
		l.mu.Unlock()
		l.link.close()
		l.readers.Wait()
	})
	return nil
}

// within returns a context that also ends when the log is closed.
func (l *Log) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.open, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// ended says why a context of within has ended: errClosed, or the error of the caller's.
func (l *Log) ended(callers context.Context) error {
	if l.open.Err() != nil {
		return errClosed
	}
	return callers.Err()
}
