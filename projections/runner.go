package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/assayhq/assay/eventlog"
)

// The log's words, for callers that may not know the log itself.
type (
	// Position is the place of an event in the whole log.
	Position = eventlog.Position
	// Revision is the place of an event in its stream.
	Revision = eventlog.Revision
)

// BatchRecords is how many records a Runner applies at most at once. After a batch of as many there is more, as a rule.
const BatchRecords = 500

const (
	leastBackoff = 50 * time.Millisecond
	mostBackoff  = 5 * time.Second
)

// Runner keeps one projection up to date with the log. One Run at a time; everything else from any number of goroutines.
type Runner struct {
	log        eventlog.Log
	projection Projection
	report     func(error)

	mu       sync.Mutex
	position Position
	caughtUp bool
	atHead   bool          // the latest news from the log was that there is no more
	newest   time.Time     // when the newest applied event was recorded
	moved    chan struct{} // closed, and made anew, when position or caughtUp moves
	last     error
	rebuild  Rebuild
	beside   *Runner // folds anew while a rebuild is under way
	aside    bool    // it is the one beside another; set before Run

	applying  sync.Mutex // held while the projection applies, or is replaced
	requested chan struct{}
}

// NewRunner makes a Runner. report, which may be nil, hears of every failed attempt; the Runner goes on by itself.
func NewRunner(log eventlog.Log, p Projection, report func(error)) *Runner {
	if report == nil {
		report = func(error) {}
	}
	return &Runner{log: log, projection: p, report: report, position: p.Position(), moved: make(chan struct{}), requested: make(chan struct{}, 1)}
}

// Projection returns the projection it keeps.
func (r *Runner) Projection() Projection { return r.projection }

// Position is up to where the projection has been applied.
func (r *Runner) Position() Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.position
}

// CaughtUp reports whether the projection has been at the head of the log since the start; LastError is what the latest
// attempt failed with, nil once one succeeds.
func (r *Runner) CaughtUp() (caughtUp bool, lastError error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.caughtUp, r.last
}

// Lag is by how much, at most, the projection is behind at the instant now: 0 at the head of the log, else the age of the
// newest event that was applied. known is false before this Runner has applied any.
func (r *Runner) Lag(now time.Time) (lag time.Duration, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.atHead:
		return 0, true
	case r.newest.IsZero():
		return 0, false
	default:
		return max(0, now.Sub(r.newest)), true
	}
}

// Wait returns once the projection has been applied up to the position, or with ctx's error.
func (r *Runner) Wait(ctx context.Context, to Position) error {
	return r.wait(ctx, func() bool { return r.position >= to })
}

// WaitCaughtUp returns once the projection has been at the head of the log, or with ctx's error.
func (r *Runner) WaitCaughtUp(ctx context.Context) error {
	return r.wait(ctx, func() bool { return r.caughtUp })
}

func (r *Runner) wait(ctx context.Context, there func() bool) error {
	for {
		r.mu.Lock()
		done, moved := there(), r.moved
		r.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		}
	}
}

// Run follows the log until ctx ends, and then returns nil. A failed attempt is reported and repeated after a pause, from
// where the projection stands.
func (r *Runner) Run(ctx context.Context) error {
	var rebuilder sync.WaitGroup
	defer rebuilder.Wait()
	rebuilder.Go(func() { r.rebuilds(ctx) })
	rebuilder.Go(func() { r.mends(ctx) })
	backoff := leastBackoff
	for {
		before := r.projection.Position()
		err := r.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if r.projection.Position() > before {
			backoff = leastBackoff
		}
		err = fmt.Errorf("projection %s at position %d: %w", r.projection.Name(), r.projection.Position(), err)
		r.note(nil, err)
		r.report(err)
		if !pause(ctx, backoff) {
			return nil
		}
		backoff = min(2*backoff, mostBackoff)
	}
}

// pause waits, and reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d) //nolint:forbidigo // a pause between attempts; nothing that is derived depends on it
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// follow applies what the log yields until it fails. It reads ahead by one batch at most.
func (r *Runner) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	records := make(chan eventlog.Recorded, BatchRecords)
	ended := make(chan error, 1)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer cancel()
	reader.Go(func() {
		defer close(records)
		ended <- r.read(ctx, records)
	})
	batch := make([]eventlog.Recorded, 0, BatchRecords)
	for first := range records {
		batch = fill(append(batch[:0], first), records)
		if err := r.apply(ctx, batch); err != nil {
			return err
		}
		r.note(batch, nil)
	}
	return <-ended
}

// fill adds what is there now, and waits for nothing: half a batch is not held back.
func fill(batch []eventlog.Recorded, records <-chan eventlog.Recorded) []eventlog.Recorded {
	for len(batch) < BatchRecords {
		select {
		case next, open := <-records:
			if !open {
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

func (r *Runner) read(ctx context.Context, out chan<- eventlog.Recorded) error {
	for recorded, err := range r.log.All(ctx, r.projection.Position(), r.projection.Filter()) {
		if err != nil {
			return err
		}
		select {
		case out <- recorded:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.New("the log ended")
}

// apply turns a panic of the projection into an error, so that one read model cannot take the server down.
func (r *Runner) apply(ctx context.Context, batch []eventlog.Recorded) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("applying panicked: %v", p)
		}
	}()
	r.applying.Lock()
	defer r.applying.Unlock()
	return r.projection.Apply(ctx, batch)
}

// note publishes the outcome of an attempt: the batch that was applied, or the error.
func (r *Runner) note(applied []eventlog.Recorded, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last, r.atHead = err, false
	for _, record := range applied {
		r.atHead = record.IsCheckpoint()
		if r.atHead {
			// Anywhere in the batch: under steady writing a checkpoint is hardly ever the last record.
			r.caughtUp = true
		} else {
			r.newest = record.RecordedAt
		}
	}
	r.position = r.projection.Position()
	r.wake()
}

// wake lets everybody who waits look again. The caller holds mu.
func (r *Runner) wake() {
	close(r.moved)
	r.moved = make(chan struct{})
}
