package pebblelog

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/assayhq/assay/eventlog"
)

const loadBytes = 1 << 20

// Load adds events of another log to the end of this one, in their order, with ids, revisions, recorded times and what
// retention has left, and returns how many. It is for a log that nothing else writes to: a fresh one, or one that an
// earlier Load has begun to fill. Many events share one sync, so what an error or a crash cuts short ends between any two of
// them; the head says where to go on.
func (l *Log) Load(ctx context.Context, entries iter.Seq2[eventlog.Entry, error]) (int, error) {
	w := l.write // the committer is idle: nothing else writes
	w.groups = map[string]*tail{}
	batch := l.db.NewBatch()
	defer func() { batch.Close() }() //nolint:errcheck,gosec // returns the memory of a batch
	total, pending := 0, 0
	commit := func() error {
		if pending == 0 {
			return nil
		}
		if err := l.room.check(time.Now(), batch.Len()); err != nil {
			return err
		}
		if err := l.sync(batch, 0); err != nil {
			return l.errUnknown(err)
		}
		l.finishLoad(&w)
		total, pending = total+pending, 0
		err := batch.Close()
		batch = l.db.NewBatch()
		return err
	}
	for e, err := range entries {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = l.addEntry(&w, batch, e)
		}
		if err != nil {
			return total, err
		}
		pending++
		if batch.Len() >= loadBytes {
			if err := commit(); err != nil {
				return total, err
			}
		}
	}
	return total + pending, commit()
}

// finishLoad publishes what a batch of Load has made durable.
func (l *Log) finishLoad(w *writer) {
	for stream, t := range w.groups {
		w.remember(stream, t.end())
	}
	clear(w.groups)
	tip := Tip{Position: w.last, Chain: w.chain, RecordedAt: w.at}
	l.advance(tip)
	l.write = *w
	l.publish(tip)
	l.news.announce()
}

// addEntry adds one event to the batch, after checking that it is the next of its stream.
func (l *Log) addEntry(w *writer, batch *pebble.Batch, e eventlog.Entry) error {
	if !e.Trimmed {
		if err := eventlog.Check(e.Stream, eventlog.Any, []eventlog.Event{e.Event}); err != nil {
			return err
		}
	}
	end, err := l.endFor(w, e.Stream)
	if err != nil {
		return err
	}
	if e.Revision != end+1 {
		return fmt.Errorf("%w: revision %d of stream %s cannot follow revision %d: events are missing or come twice", eventlog.ErrInvalid, e.Revision, e.Stream, end)
	}
	record, digest := appendRecord(nil, e.Stream, e.Event)
	if e.Trimmed {
		record, digest = trimmed(record, e), e.Digest
	}
	if e.RecordedAt.After(w.at) {
		w.at = e.RecordedAt
	}
	w.last++
	w.chain = w.chain.Link(digest)
	stamp(record, w.at, e.Revision, w.chain)
	t := w.groups[e.Stream]
	if t == nil {
		t = &tail{first: e.Revision}
		w.groups[e.Stream] = t
	}
	t.ids, t.positions = append(t.ids, e.ID), append(t.positions, w.last)
	return l.put(w, batch, e.Stream, e.Revision, record)
}

// endFor is endOf for a writer of its own.
func (l *Log) endFor(w *writer, stream string) (eventlog.Revision, error) {
	if t := w.groups[stream]; t != nil {
		return t.end(), nil
	}
	if end, known := w.ends[stream]; known {
		return end, nil
	}
	return l.storedEnd(stream)
}
