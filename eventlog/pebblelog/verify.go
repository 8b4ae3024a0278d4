package pebblelog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/cockroachdb/pebble/v2"

	"github.com/assayhq/assay/eventlog"
)

// Kind says what is wrong with a place in the log.
type Kind string

// The kinds of faults.
const (
	Missing     Kind = "missing"     // there is no event at the position
	Unreadable  Kind = "unreadable"  // its bytes do not read back
	Changed     Kind = "changed"     // it is not the event that was recorded there
	Moved       Kind = "moved"       // it is an event of another position
	Unconfirmed Kind = "unconfirmed" // it follows a place whose chain is lost, so nothing says that it is right
	Index       Kind = "index"       // the event is right, but its stream or category does not lead to it
)

// Fault is one place of the log that is not as it was written.
type Fault struct {
	Position eventlog.Position
	Kind     Kind
	Detail   string // a sentence
}

// Verified is what a check of the whole log has seen.
type Verified struct {
	Tip     Tip
	Events  int // those that are there, trimmed ones included
	Trimmed int
	Faults  int
}

// Verify reads every event and every index, recomputes the chain, and tells found of each fault by its position; it skips
// nothing. Appends may go on meanwhile; what they add is not looked at. The error is only that the check could not be made.
//
// Who can write the folder can write a chain that fits. Compare the chain with a head that was kept elsewhere: see ChainAt.
func (l *Log) Verify(ctx context.Context, found func(Fault)) (Verified, error) {
	v := verifier{log: l, found: found, seed: maphash.MakeSeed(), told: map[eventlog.Position]bool{}}
	v.seen.Tip = l.Tip()
	if err := v.pass(ctx, v.event); err != nil {
		return v.seen, err
	}
	sound := true
	for _, table := range []byte{tableStreams, tableCategories} {
		same, err := v.index(ctx, table)
		if err != nil {
			return v.seen, err
		}
		sound = sound && same
	}
	if sound {
		return v.seen, nil
	}
	return v.seen, v.pass(ctx, v.lookUp)
}

// verifier goes through the log.
type verifier struct {
	log   *Log
	found func(Fault)
	seen  Verified
	// chain is what the log keeps with the event before; lost when that could not be read.
	chain eventlog.Hash
	lost  bool
	// sums are over the hashes of the keys that the events must have in each index, so that an index can be held against the
	// events by reading both in their own order.
	seed maphash.Seed
	sums [256]uint64
	key  []byte
	// told: the positions with a fault.
	told map[eventlog.Position]bool
	// again: this is the second pass, which looks for faults of indexes only.
	again bool
}

// pass hands every event that can be read to do.
func (v *verifier) pass(ctx context.Context, do func(eventlog.Entry)) error {
	for at := eventlog.Position(0); at < v.seen.Tip.Position; {
		if err := ctx.Err(); err != nil {
			return err
		}
		next, err := v.page(at, do)
		if err != nil {
			return err
		}
		at = next
	}
	v.again = true
	return nil
}

func (v *verifier) fault(p eventlog.Position, kind Kind, format string, args ...any) {
	v.seen.Faults++
	v.told[p] = true
	v.found(Fault{Position: p, Kind: kind, Detail: fmt.Sprintf(format, args...)})
}

// page checks some events, and lets go of the database then.
func (v *verifier) page(at eventlog.Position, do func(eventlog.Entry)) (eventlog.Position, error) {
	l := v.log
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.closed {
		return at, l.errClosed()
	}
	events, err := l.openEvents()
	if err != nil {
		return at, err
	}
	defer func() { events.close() }()
	events.digests = true
	for n := 0; n < pageEvents && at < v.seen.Tip.Position; n++ {
		at++
		var p page
		if err := events.read(&p, at); err != nil {
			v.unreadable(at, err)
			events.close()
			if events, err = l.openEvents(); err != nil { // an iterator that met an error is of no more use
				return at, err
			}
			events.digests = true
			continue
		}
		do(p.events[0])
	}
	return at, nil
}

func (v *verifier) unreadable(at eventlog.Position, err error) {
	if v.again {
		return
	}
	v.lost = true
	if _, closer, gone := v.log.db.Get(eventKey(nil, at)); errors.Is(gone, pebble.ErrNotFound) {
		v.fault(at, Missing, "there is no event at position %d", at)
		return
	} else if gone == nil {
		closer.Close() //nolint:errcheck,gosec // releases a cached block
	}
	v.fault(at, Unreadable, "the event at position %d does not read back: %v", at, err)
}

func (v *verifier) event(e eventlog.Entry) {
	v.seen.Events++
	if e.Trimmed {
		v.seen.Trimmed++
	}
	v.key = binary.BigEndian.AppendUint64(streamKey(v.key[:0], e.Stream, e.Revision), uint64(e.Position))
	v.sums[tableStreams] += maphash.Bytes(v.seed, v.key)
	v.key = categoryKey(v.key[:0], eventlog.Category(e.Stream), e.Position)
	v.sums[tableCategories] += maphash.Bytes(v.seed, v.key)
	fits := e.Chain == v.chain.Link(e.Digest)
	lost := v.lost
	v.chain, v.lost = e.Chain, false
	if fits {
		return
	}
	where, err := v.log.positionOf(e.Stream, e.Revision)
	switch {
	case err == nil && where != e.Position:
		v.lost = true // the chain of the right event is lost with it
		v.fault(e.Position, Moved, "what is at position %d is revision %d of stream %s, which belongs at position %d", e.Position, e.Revision, e.Stream, where)
	case lost:
		v.fault(e.Position, Unconfirmed, "the event before position %d is damaged, so nothing confirms revision %d of stream %s", e.Position, e.Revision, e.Stream)
	default:
		v.fault(e.Position, Changed, "the event at position %d, revision %d of stream %s, is not the one that was recorded", e.Position, e.Revision, e.Stream)
	}
}

// lookUp names the events that an index does not lead to.
func (v *verifier) lookUp(e eventlog.Entry) {
	if v.told[e.Position] {
		return
	}
	where, err := v.log.positionOf(e.Stream, e.Revision)
	if err != nil || where != e.Position {
		v.fault(e.Position, Index, "revision %d of stream %s does not lead to position %d", e.Revision, e.Stream, e.Position)
		return
	}
	_, closer, err := v.log.db.Get(categoryKey(nil, eventlog.Category(e.Stream), e.Position))
	if err != nil {
		v.fault(e.Position, Index, "category %s does not lead to position %d", eventlog.Category(e.Stream), e.Position)
		return
	}
	closer.Close() //nolint:errcheck,gosec // releases a cached block
}

// index reads an index, and tells whether its keys are exactly those of the events.
func (v *verifier) index(ctx context.Context, table byte) (bool, error) {
	l := v.log
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.closed {
		return false, l.errClosed()
	}
	it, err := l.openIterator([]byte{table}, []byte{table + 1})
	if err != nil {
		return false, err
	}
	defer it.Close() //nolint:errcheck // its error is asked for
	keys, sum := 0, uint64(0)
	for it.First(); it.Valid(); it.Next() {
		if keys%pageEvents == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		v.key = append(append(v.key[:0], it.Key()...), it.Value()...)
		if eventlog.Position(keyNumber(v.key)) <= v.seen.Tip.Position {
			keys++
			sum += maphash.Bytes(v.seed, v.key)
		}
	}
	if err := it.Error(); err != nil {
		v.fault(v.seen.Tip.Position, Index, "an index does not read back: %v", readError(err))
		return false, nil
	}
	if keys > int(v.seen.Tip.Position) { //nolint:gosec // positions count the events of this log
		v.fault(v.seen.Tip.Position, Index, "an index has %d keys for %d events", keys, v.seen.Tip.Position)
	}
	return sum == v.sums[table], nil
}

// ChainAt returns the chain that the log keeps with the event at the position; the zero Hash for position 0. It is
// eventlog.ErrInvalid to ask for a position beyond the head.
func (l *Log) ChainAt(p eventlog.Position) (eventlog.Hash, error) {
	l.gate.RLock()
	defer l.gate.RUnlock()
	switch {
	case l.closed:
		return eventlog.Hash{}, l.errClosed()
	case p == 0:
		return eventlog.Hash{}, nil
	case p > eventlog.Position(l.head.Load()):
		return eventlog.Hash{}, errBeyond(p, eventlog.Position(l.head.Load()))
	}
	e, err := l.entryAt(p)
	return e.Chain, err
}
