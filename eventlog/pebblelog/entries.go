package pebblelog

import (
	"context"
	"iter"

	"github.com/assayhq/assay/eventlog"
)

// Entries yields what is in the log now, after the given position: trimmed events and hashes included. It stops at the
// first that does not read back; Verify goes on behind it.
func (l *Log) Entries(ctx context.Context, after eventlog.Position) iter.Seq2[eventlog.Entry, error] {
	return func(yield func(eventlog.Entry, error) bool) {
		head := eventlog.Position(l.head.Load())
		var p page
		for at := after; at < head; {
			if err := ctx.Err(); err != nil {
				yield(eventlog.Entry{}, err)
				return
			}
			p.reset()
			next, err := l.readEntries(&p, at, head)
			for _, e := range p.events {
				if !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(eventlog.Entry{}, err)
				return
			}
			at = next
		}
	}
}

// readEntries copies a page of what lies after the position at, and returns how far it got.
func (l *Log) readEntries(p *page, at, head eventlog.Position) (eventlog.Position, error) {
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.closed {
		return at, l.errClosed()
	}
	events, err := l.openEvents()
	if err != nil {
		return at, err
	}
	defer events.close()
	events.digests = true
	for at < head && !p.full() {
		if err := events.read(p, at+1); err != nil {
			return at, err
		}
		at++
	}
	return at, nil
}
