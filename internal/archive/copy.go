package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/pebblelog"
)

// Copied is what a copy has done.
type Copied struct {
	Found int // events that the target held from an earlier run
	Added int
	// Skipped are trimmed events, which only an embedded log can take.
	Skipped int
	Head    Head // of the target
}

// Copy adds the entries to the target in their order, with ids, revisions and metadata; recorded times are kept by an embedded
// log only. A target that holds a beginning of the entries is completed; one that holds anything else is refused before
// anything is written. At the end the target is read back and its chain compared.
func Copy(ctx context.Context, entries iter.Seq2[eventlog.Entry, error], to eventlog.Log, progress func(int64)) (c Copied, err error) {
	embedded, isEmbedded := to.(*pebblelog.Log)
	r := remainder{entries: entries, progress: progress, trimmed: isEmbedded}
	if r.had, err = HeadOf(ctx, to); err != nil {
		return c, fmt.Errorf("reading the target: %w", err)
	}
	c.Found = r.had.Events
	if isEmbedded {
		c.Added, err = embedded.Load(ctx, r.yield)
	} else {
		c.Added, err = appendAll(ctx, r.yield, to)
	}
	c.Skipped = r.skipped
	if err != nil {
		return c, err
	}
	if c.Head, err = HeadOf(ctx, to); err != nil {
		return c, fmt.Errorf("reading the target back: %w", err)
	}
	if c.Head.Events != r.seen.Events || c.Head.Chain != r.seen.Chain {
		return c, fmt.Errorf("the target does not read back as what was copied: %d events with chain %v, want %d with %v; has something else written to it?", c.Head.Events, c.Head.Chain, r.seen.Events, r.seen.Chain)
	}
	return c, nil
}

// remainder is what of the entries the target does not hold yet.
type remainder struct {
	entries  iter.Seq2[eventlog.Entry, error]
	progress func(int64)
	trimmed  bool // the target takes trimmed events
	had      Head // of the target
	seen     Head // of the entries that the target takes
	skipped  int
}

func (r *remainder) yield(yield func(eventlog.Entry, error) bool) {
	for e, err := range r.entries {
		wanted := false
		if err == nil {
			wanted, err = r.next(e)
		}
		if (wanted || err != nil) && !yield(e, err) || err != nil {
			return
		}
	}
	if r.seen.Events < r.had.Events {
		yield(eventlog.Entry{}, fmt.Errorf("the target holds %d events, the source only %d; copy into an empty one", r.had.Events, r.seen.Events))
	}
}

// next tells whether the target needs the entry, and refuses when what it holds is something else.
func (r *remainder) next(e eventlog.Entry) (bool, error) {
	if e.Trimmed && !r.trimmed {
		r.skipped++
		return false, nil
	}
	r.seen.add(e)
	r.progress(1)
	if r.seen.Events == r.had.Events && r.seen.Chain != r.had.Chain {
		return false, fmt.Errorf("the target holds %d events that are not the first %d of the source; copy into an empty one", r.had.Events, r.had.Events)
	}
	return r.seen.Events > r.had.Events, nil
}

// appendAll appends runs of events of the same stream, one after the other, because their order is the log's.
func appendAll(ctx context.Context, entries iter.Seq2[eventlog.Entry, error], to eventlog.Log) (added int, err error) {
	a := appender{to: to, ends: map[string]eventlog.Revision{}}
	for e, err := range entries {
		if err == nil {
			err = a.add(ctx, e)
		}
		if err != nil {
			return a.added, err
		}
	}
	err = a.flush(ctx)
	return a.added, err
}

type appender struct {
	to     eventlog.Log
	stream string
	events []eventlog.Event
	size   int
	added  int
	ends   map[string]eventlog.Revision // of the streams that were written
}

func (a *appender) add(ctx context.Context, e eventlog.Entry) error {
	if e.Stream != a.stream || len(a.events) == eventlog.MaxEvents || a.size+e.Size() > eventlog.MaxAppendBytes {
		if err := a.flush(ctx); err != nil {
			return err
		}
		a.stream = e.Stream
	}
	a.events, a.size = append(a.events, e.Event), a.size+e.Size()
	return nil
}

func (a *appender) flush(ctx context.Context) error {
	if len(a.events) == 0 {
		return nil
	}
	end, known := a.ends[a.stream]
	if !known {
		end = eventlog.NoStream
		for e, err := range a.to.Stream(ctx, a.stream, 0) {
			if err != nil {
				return fmt.Errorf("reading stream %s of the target: %w", a.stream, err)
			}
			end = e.Revision
		}
	}
	if err := a.surely(ctx, end); err != nil {
		return fmt.Errorf("appending to stream %s of the target: %w", a.stream, err)
	}
	a.ends[a.stream] = end + eventlog.Revision(len(a.events))
	a.added += len(a.events)
	a.events, a.size = a.events[:0], 0
	return nil
}

const (
	appendTries = 10
	appendPause = 500 * time.Millisecond
)

// surely repeats what may not have arrived: with the same ids at the same revision it is one append.
func (a *appender) surely(ctx context.Context, expected eventlog.Revision) error {
	for try := 1; ; try++ {
		_, err := a.to.Append(ctx, a.stream, expected, a.events...)
		if err == nil || try == appendTries || !errors.Is(err, eventlog.ErrUnknownOutcome) && !errors.Is(err, eventlog.ErrUnavailable) {
			return err
		}
		timer := time.NewTimer(appendPause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}
