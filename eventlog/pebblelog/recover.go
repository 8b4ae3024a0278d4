package pebblelog

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/assayhq/assay/eventlog"
)

// The layout of the folder, in the settings table under this name. A change of keys or records gets the next number.
const (
	layoutName    = "layout"
	layoutPlain   = "1" // records without a chain
	layoutBetween = "1>2"
	layoutChained = "2"
)

// recover finds where the log ends and checks that this version can read it; an older layout becomes the present one.
func (l *Log) recover() error {
	last, err := l.lastEvent()
	if err != nil {
		return err
	}
	if err := l.checkLayout(last.Position == 0); err != nil {
		return err
	}
	if last, err = l.lastEvent(); err != nil { // with its chain now
		return err
	}
	l.publish(Tip{Position: last.Position, Chain: last.Chain, RecordedAt: last.RecordedAt})
	l.write = newWriter(last)
	return nil
}

// lastEvent returns the event at the end of the log, the zero value when there is none.
func (l *Log) lastEvent() (eventlog.Entry, error) {
	events, err := l.openEvents()
	if err != nil {
		return eventlog.Entry{}, err
	}
	defer events.close()
	if !events.it.Last() {
		return eventlog.Entry{}, readError(events.it.Error())
	}
	value, err := events.it.ValueAndErr()
	if err != nil {
		return eventlog.Entry{}, readError(err)
	}
	e, err := decode(eventlog.Position(keyNumber(events.it.Key())), value, false)
	if err != nil {
		return eventlog.Entry{}, err
	}
	p, err := l.positionOf(e.Stream, e.Revision)
	if err == nil && p != e.Position {
		err = corrupt("the last event, at position %d, is not the one its stream %s knows", e.Position, e.Stream)
	}
	return e, err
}

func settingKey(name string) []byte { return append([]byte{tableSettings}, name...) }

func (l *Log) checkLayout(empty bool) error {
	value, closer, err := l.db.Get(settingKey(layoutName))
	if errors.Is(err, pebble.ErrNotFound) {
		if !empty {
			return corrupt("the folder holds events but not the number of its layout")
		}
		return l.begin()
	}
	if err != nil {
		return readError(err)
	}
	found := string(value)
	if err := closer.Close(); err != nil {
		return readError(err)
	}
	switch found {
	case layoutChained:
		return nil
	case layoutPlain, layoutBetween:
		return l.upgrade()
	}
	return fmt.Errorf("%w: the folder has layout %q, this version of assay reads layouts up to %s: use a newer one", eventlog.ErrUnavailable, found, layoutChained)
}

// begin writes the layout into a new folder. Pebble opens the first write-ahead log of a new store before it raises the
// store's format, so that file could lose events after a flipped bit without an error; a flush makes it begin the next one.
func (l *Log) begin() error {
	if err := l.setLayout(layoutChained); err != nil {
		return err
	}
	return l.flush()
}

func (l *Log) setLayout(layout string) error {
	if err := l.db.Set(settingKey(layoutName), []byte(layout), pebble.Sync); err != nil {
		return readError(err)
	}
	if err := l.latch.get(); err != nil {
		return l.errReadOnly(err)
	}
	return nil
}

// upgrade gives every record of an older folder its chain. It may be cut short anywhere: what has its chain keeps it, and
// the next opening goes on behind it. An older version of assay refuses the folder from the first moment on.
func (l *Log) upgrade() error {
	if err := l.setLayout(layoutBetween); err != nil {
		return err
	}
	events, err := l.openEvents()
	if err != nil {
		return err
	}
	defer events.close()
	b := l.newBulk(func() {})
	defer b.close()
	var chain eventlog.Hash
	at := eventlog.Position(0)
	for events.it.First(); events.it.Valid(); events.it.Next() {
		at++
		if chain, err = upgradeEvent(b, events.it, at, chain); err != nil {
			return err
		}
	}
	if err := events.it.Error(); err != nil {
		return unreadable(at+1, err)
	}
	if err := b.flush(); err != nil {
		return err
	}
	return l.setLayout(layoutChained)
}

func upgradeEvent(b *bulk, it *pebble.Iterator, at eventlog.Position, before eventlog.Hash) (eventlog.Hash, error) {
	if eventlog.Position(keyNumber(it.Key())) != at {
		return before, corrupt("position %d is missing", at)
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return before, unreadable(at, err)
	}
	fresh, chain, err := chained(at, value, before)
	if err != nil || fresh == nil {
		return chain, err
	}
	if err := b.batch.Set(eventKey(nil, at), fresh, nil); err != nil {
		return chain, readError(err)
	}
	return chain, b.spill()
}

// chained returns the record with its chain, nil when it has one already, and the chain after it.
func chained(at eventlog.Position, record []byte, before eventlog.Hash) ([]byte, eventlog.Hash, error) {
	r, err := takeApart(at, record)
	if err != nil {
		return nil, before, err
	}
	if r.format != formatPlain {
		return nil, r.chain, nil
	}
	chain := before.Link(sha256.Sum256(r.event))
	fresh := append([]byte{formatChained}, record[atTime:atChain]...)
	fresh = append(fresh, chain[:]...)
	return append(fresh, r.event...), chain, nil
}
