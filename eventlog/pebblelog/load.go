package pebblelog

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/assayhq/assay/eventlog"
)

const bulkBytes = 1 << 20

// bulk writes many records with few syncs.
type bulk struct {
	log   *Log
	batch *pebble.Batch
	done  func() // called after each sync
}

func (l *Log) newBulk(done func()) *bulk {
	return &bulk{log: l, batch: l.db.NewBatch(), done: done}
}

// spill writes what there is once it is much.
func (b *bulk) spill() error {
	if b.batch.Len() < bulkBytes {
		return nil
	}
	return b.flush()
}

func (b *bulk) flush() error {
	if b.batch.Empty() {
		return nil
	}
	if err := b.log.room.check(time.Now(), b.batch.Len()); err != nil {
		return err
	}
	if err := b.log.sync(b.batch, 0); err != nil {
		return b.log.errUnknown(err)
	}
	b.done()
	err := b.batch.Close()
	b.batch = b.log.db.NewBatch()
	return err
}

func (b *bulk) close() { b.batch.Close() } //nolint:errcheck,gosec // returns the memory of a batch

// Load adds events of another log to the end of this one, in their order, with ids, revisions, recorded times and what
// retention has left, and returns how many. It is for a log that nothing else writes to: a fresh one, or one that an
// earlier Load has begun to fill. Many events share one sync, so what an error or a crash cuts short ends between any two of
// them; the head says where to go on.
func (l *Log) Load(ctx context.Context, entries iter.Seq2[eventlog.Entry, error]) (int, error) {
	w, before := l.write, l.write.last // the committer is idle: nothing else writes
	w.groups = map[string]*tail{}
	b := l.newBulk(func() { l.finishLoad(&w) })
	defer b.close()
	for e, err := range entries {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = l.addEntry(&w, b.batch, e)
		}
		if err == nil {
			err = b.spill()
		}
		if err != nil {
			return int(l.write.last - before), err //nolint:gosec // the number of events
		}
	}
	err := b.flush()
	return int(l.write.last - before), err //nolint:gosec // the number of events
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
