package pebblelog

import (
	"context"

	"github.com/cockroachdb/pebble/v2"

	"github.com/assayhq/assay/eventlog"
)

// Trim removes data and metadata of all events that are in the stream now, and returns how many had any left. Readers no
// longer get these events; their places stay: revisions and positions keep counting, ids still recognise a retry, and the
// digests stay, so the chain is what it was and Verify still confirms every other event. The space comes back as Pebble
// rewrites its tables.
func (l *Log) Trim(ctx context.Context, stream string) (int, error) {
	l.trimming.Lock()
	defer l.trimming.Unlock()
	total := 0
	for from := eventlog.Revision(0); ; {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		if err := l.latch.get(); err != nil {
			return total, l.errReadOnly(err)
		}
		next, n, err := l.trimPage(stream, from)
		total += n
		if err != nil || next == from {
			return total, err
		}
		from = next
	}
}

// trimPage trims some events from a revision on, and returns the revision behind them.
func (l *Log) trimPage(stream string, from eventlog.Revision) (eventlog.Revision, int, error) {
	var p page
	if _, err := l.readStream(&p, stream, from); err != nil {
		return from, 0, err
	}
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.closed {
		return from, 0, l.errClosed()
	}
	batch := l.db.NewBatch()
	defer batch.Close() //nolint:errcheck // returns the memory of a batch; it cannot fail after a commit
	n := 0
	for _, e := range p.events {
		if e.Trimmed {
			continue
		}
		if err := l.trimEvent(batch, e.Position); err != nil {
			return from, 0, err
		}
		n++
	}
	if n > 0 {
		if err := batch.Commit(pebble.Sync); err != nil {
			l.latch.set(err)
		}
		if err := l.latch.get(); err != nil {
			return from, 0, l.errUnknown(err)
		}
	}
	return from + eventlog.Revision(len(p.events)), n, nil
}

func (l *Log) trimEvent(batch *pebble.Batch, p eventlog.Position) error {
	record, closer, err := l.db.Get(eventKey(nil, p))
	if err != nil {
		return missing(err, "position %d", p)
	}
	defer closer.Close() //nolint:errcheck // releases a cached block
	e, err := decode(p, record, true)
	if err != nil {
		return err
	}
	return batch.Set(eventKey(nil, p), trimmed(record, e), nil)
}
