package pebblelog

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/assayhq/assay/eventlog"
)

// The layout of the folder, in the settings table under this name. A change of the keys gets the next number.
const (
	layoutName = "layout"
	layout1    = "1"
)

// recover finds where the log ends and checks that this version can read it.
func (l *Log) recover() error {
	last, err := l.lastEvent()
	if err != nil {
		return err
	}
	if err := l.checkLayout(last.Position == 0); err != nil {
		return err
	}
	l.head.Store(uint64(last.Position))
	l.write = newWriter(last)
	return nil
}

// lastEvent returns the event at the end of the log, the zero value when there is none.
func (l *Log) lastEvent() (eventlog.Recorded, error) {
	events, err := l.openEvents()
	if err != nil {
		return eventlog.Recorded{}, err
	}
	defer events.close()
	if !events.it.Last() {
		return eventlog.Recorded{}, readError(events.it.Error())
	}
	value, err := events.it.ValueAndErr()
	if err != nil {
		return eventlog.Recorded{}, readError(err)
	}
	e, err := decode(eventlog.Position(keyNumber(events.it.Key())), value)
	if err != nil {
		return eventlog.Recorded{}, err
	}
	p, err := l.positionOf(e.Stream, e.Revision)
	if err == nil && p != e.Position {
		err = corrupt("the last event, at position %d, is not the one its stream %s knows", e.Position, e.Stream)
	}
	return e, err
}

func (l *Log) checkLayout(empty bool) error {
	key := append([]byte{tableSettings}, layoutName...)
	value, closer, err := l.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		if !empty {
			return corrupt("the folder holds events but not the number of its layout")
		}
		return l.begin(key)
	}
	if err != nil {
		return readError(err)
	}
	found := string(value)
	if err := closer.Close(); err != nil {
		return readError(err)
	}
	if found != layout1 {
		return fmt.Errorf("%w: the folder has layout %q, this version of assay reads layout %s: use a newer one", eventlog.ErrUnavailable, found, layout1)
	}
	return nil
}

// begin writes the layout into a new folder. Pebble opens the first write-ahead log of a new store before it raises the
// store's format, so that file could lose events after a flipped bit without an error; a flush makes it begin the next one.
func (l *Log) begin(layout []byte) error {
	if err := l.db.Set(layout, []byte(layout1), pebble.Sync); err != nil {
		return readError(err)
	}
	if err := l.latch.get(); err != nil {
		return l.errReadOnly(err)
	}
	return l.flush()
}
