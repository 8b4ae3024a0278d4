package pebblelog

import (
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"github.com/assayhq/assay/eventlog"
)

func (l *Log) openIterator(from, before []byte) (*pebble.Iterator, error) {
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: before})
	return it, readError(err)
}

// namedAfter returns the key behind all keys of a name: a stored number never has its highest bit set.
func namedAfter(table byte, name string) []byte {
	return append(namedKey(nil, table, name), 0xff)
}

// events reads events by rising positions.
type events struct {
	it      *pebble.Iterator
	at      eventlog.Position // where it stands, 0 before the first read
	digests bool              // compute the digests of events
}

func (l *Log) openEvents() (*events, error) {
	it, err := l.openIterator(eventKey(nil, 0), eventKey(nil, math.MaxUint64))
	if err != nil {
		return nil, err
	}
	return &events{it: it}, nil
}

func (e *events) close() { e.it.Close() } //nolint:errcheck,gosec // its error has been asked for

// read adds the event at the position to the page. Neighbours cost a step, others a seek.
func (e *events) read(p *page, position eventlog.Position) error {
	var found bool
	if e.at > 0 && position == e.at+1 {
		found = e.it.Next()
	} else {
		found = e.it.SeekGE(eventKey(make([]byte, 0, 16), position))
	}
	if !found || eventlog.Position(keyNumber(e.it.Key())) != position {
		e.at = 0
		if err := e.it.Error(); err != nil {
			return unreadable(position, err)
		}
		return corrupt("position %d is missing", position)
	}
	e.at = position
	value, err := e.it.ValueAndErr()
	if err != nil {
		return unreadable(position, err)
	}
	entry, err := decode(position, value, e.digests)
	if err != nil {
		return err
	}
	p.add(entry, len(value))
	return nil
}

func unreadable(position eventlog.Position, err error) error {
	return fmt.Errorf("the event at position %d: %w", position, readError(err))
}

func errBeyond(after, head eventlog.Position) error {
	return fmt.Errorf("%w: position %d lies beyond the head %d of this log: the reader's checkpoint is of another log or of a time after the restored backup; "+
		"rebuild the reader from position 0", eventlog.ErrInvalid, after, head)
}
