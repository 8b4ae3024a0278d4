package pebblelog

import (
	"context"
	"encoding/binary"
	"iter"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/assayhq/assay/eventlog"
)

// Readers copy a page and let go of the database before they hand it out, so a consumer that takes its time pins nothing.
const (
	pageEvents = 256
	pageBytes  = 1 << 20
)

// page is the part of the log a reader copied last.
type page struct {
	events []eventlog.Entry
	bytes  int
}

func (p *page) full() bool { return len(p.events) >= pageEvents || p.bytes >= pageBytes }

func (p *page) add(e eventlog.Entry, size int) {
	p.events = append(p.events, e)
	p.bytes += size
}

func (p *page) reset() {
	clear(p.events)
	p.events, p.bytes = p.events[:0], 0
}

// yield hands the page out and tells whether the consumer wants more.
func (p *page) yield(ctx context.Context, yield func(eventlog.Recorded, error) bool) bool {
	for _, e := range p.events {
		if err := ctx.Err(); err != nil {
			yield(eventlog.Recorded{}, err)
			return false
		}
		if !e.Trimmed && !yield(e.Recorded, nil) {
			return false
		}
	}
	return true
}

// Stream implements eventlog.Log.
func (l *Log) Stream(ctx context.Context, stream string, from eventlog.Revision) iter.Seq2[eventlog.Recorded, error] {
	return func(yield func(eventlog.Recorded, error) bool) {
		var p page
		for next, more := max(from, 0), true; more; {
			if err := ctx.Err(); err != nil {
				yield(eventlog.Recorded{}, err)
				return
			}
			var err error
			p.reset()
			more, err = l.readStream(&p, stream, next)
			if !p.yield(ctx, yield) {
				return
			}
			if err != nil {
				yield(eventlog.Recorded{}, err)
				return
			}
			next += eventlog.Revision(len(p.events))
		}
	}
}

// All implements eventlog.Log.
func (l *Log) All(ctx context.Context, after eventlog.Position, filter eventlog.Filter) iter.Seq2[eventlog.Recorded, error] {
	categories := slices.Compact(slices.Sorted(slices.Values(filter.Categories)))
	return func(yield func(eventlog.Recorded, error) bool) {
		if head := eventlog.Position(l.head.Load()); after > head {
			yield(eventlog.Recorded{}, errBeyond(after, head))
			return
		}
		var p page
		at := after
		for {
			news := l.news.next()
			var ok bool
			if at, ok = l.catchUp(ctx, &p, at, categories, yield); !ok {
				return
			}
			if !yield(eventlog.Recorded{Position: at}, nil) {
				return
			}
			select {
			case <-news:
			case <-ctx.Done():
			case <-l.closing:
			}
		}
	}
}

// catchUp hands out what lies between at and the head, and tells whether the reader should go on from there.
func (l *Log) catchUp(ctx context.Context, p *page, at eventlog.Position, categories []string, yield func(eventlog.Recorded, error) bool) (eventlog.Position, bool) {
	head := eventlog.Position(l.head.Load())
	for {
		if err := ctx.Err(); err != nil {
			yield(eventlog.Recorded{}, err)
			return at, false
		}
		p.reset()
		upTo, err := l.readLog(p, at, head, categories)
		if !p.yield(ctx, yield) {
			return at, false
		}
		if err != nil {
			yield(eventlog.Recorded{}, err)
			return at, false
		}
		if at = upTo; at >= head {
			return at, true
		}
	}
}

// readStream copies a page of the stream, beginning with the given revision, and tells whether there may be more.
func (l *Log) readStream(p *page, stream string, from eventlog.Revision) (more bool, err error) {
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.closed {
		return false, l.errClosed()
	}
	head := eventlog.Position(l.head.Load())
	index, err := l.openIterator(streamKey(nil, stream, from), namedAfter(tableStreams, stream))
	if err != nil {
		return false, err
	}
	defer index.Close() //nolint:errcheck // its error has been asked for
	events, err := l.openEvents()
	if err != nil {
		return false, err
	}
	defer events.close()
	for index.First(); index.Valid() && !p.full(); index.Next() {
		revision := from + eventlog.Revision(len(p.events)) // trimmed ones are in the page, so the count tells the revision
		value := index.Value()
		if len(value) != 8 || keyNumber(index.Key()) != uint64(revision) { //nolint:gosec // not negative
			return false, corrupt("revision %d of stream %s is missing", revision, stream)
		}
		position := eventlog.Position(binary.BigEndian.Uint64(value))
		if position > head { // written, but not yet known to be durable
			return false, nil
		}
		if err := events.read(p, position); err != nil {
			return false, err
		}
		if e := p.events[len(p.events)-1]; e.Stream != stream || e.Revision != revision {
			p.events = p.events[:len(p.events)-1]
			return false, corrupt("position %d is not revision %d of stream %s", position, revision, stream)
		}
	}
	return index.Valid(), readError(index.Error())
}

// readLog copies a page of what lies after the position at, up to the head at most, and returns how far it got.
func (l *Log) readLog(p *page, at, head eventlog.Position, categories []string) (eventlog.Position, error) {
	if at >= head {
		select {
		case <-l.closing:
			return at, l.errClosed()
		default:
			return at, nil
		}
	}
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
	if len(categories) > 0 {
		return l.readCategories(p, events, at, head, categories)
	}
	for at < head && !p.full() {
		if err := events.read(p, at+1); err != nil {
			return at, err
		}
		at++
	}
	return at, nil
}

// readCategories merges the indexes of the categories by position.
func (l *Log) readCategories(p *page, events *events, at, head eventlog.Position, categories []string) (eventlog.Position, error) {
	indexes := make([]*pebble.Iterator, 0, len(categories))
	defer func() {
		for _, index := range indexes {
			index.Close() //nolint:errcheck,gosec // its error has been asked for
		}
	}()
	for _, c := range categories {
		index, err := l.openIterator(categoryKey(nil, c, at+1), categoryKey(nil, c, head+1))
		if err != nil {
			return at, err
		}
		indexes = append(indexes, index)
		index.First()
	}
	for !p.full() {
		first, position, err := earliest(indexes)
		if err != nil {
			return at, err
		}
		if first == nil {
			return head, nil
		}
		if err := events.read(p, position); err != nil {
			return at, err
		}
		at = position
		first.Next()
	}
	return at, nil
}

// earliest returns the index whose next position is the lowest, nil when all are at their end.
func earliest(indexes []*pebble.Iterator) (first *pebble.Iterator, lowest eventlog.Position, err error) {
	for _, index := range indexes {
		if !index.Valid() {
			if err := index.Error(); err != nil {
				return nil, 0, readError(err)
			}
			continue
		}
		if p := eventlog.Position(keyNumber(index.Key())); first == nil || p < lowest {
			first, lowest = index, p
		}
	}
	return first, lowest, nil
}

// storedEnd returns the revision of the last event of the stream that is in the database.
func (l *Log) storedEnd(stream string) (eventlog.Revision, error) {
	index, err := l.openIterator(streamKey(nil, stream, 0), namedAfter(tableStreams, stream))
	if err != nil {
		return 0, err
	}
	defer index.Close() //nolint:errcheck // its error has been asked for
	if index.Last() {
		return eventlog.Revision(keyNumber(index.Key())), nil //nolint:gosec // written from a Revision
	}
	return eventlog.NoStream, readError(index.Error())
}
