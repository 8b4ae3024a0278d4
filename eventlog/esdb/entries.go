package esdb

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/assayhq/assay/eventlog"
)

// Entries yields what is in the log now, after the given position: trimmed events included, whether or not the server has been
// scavenged since. It is what the chain is computed over, so trimming changes no chain.
func (l *Log) Entries(ctx context.Context, after eventlog.Position) iter.Seq2[eventlog.Entry, error] {
	return func(yield func(eventlog.Entry, error) bool) {
		if err := l.entries(ctx, after, yield); err != nil {
			yield(eventlog.Entry{}, err)
		}
	}
}

// entries yields them, but for the error, after which nothing may be yielded.
func (l *Log) entries(ctx context.Context, after eventlog.Position, yield func(eventlog.Entry, error) bool) error {
	head, err := l.Head(ctx)
	if err != nil || after >= head {
		return err
	}
	gone, err := l.allTrimmed(ctx)
	if err != nil {
		return err
	}
	m := merge{gone: gone, yield: yield}
	m.until(after, func(eventlog.Entry) bool { return true }) // those are not asked for
	for r, err := range l.all(ctx, after, eventlog.Filter{}, true) {
		if err != nil {
			return err
		}
		if !m.take(r) {
			return nil
		}
		if r.Position >= head {
			break
		}
	}
	m.until(head, m.entry)
	return nil
}

// merge puts trimmed events back among the others.
type merge struct {
	gone  []eventlog.Entry // in order
	yield func(eventlog.Entry, error) bool
}

func (m *merge) entry(e eventlog.Entry) bool { return m.yield(e, nil) }

// until takes the trimmed events up to the position.
func (m *merge) until(p eventlog.Position, take func(eventlog.Entry) bool) bool {
	for len(m.gone) > 0 && m.gone[0].Position <= p {
		e := m.gone[0]
		if m.gone = m.gone[1:]; !take(e) {
			return false
		}
	}
	return true
}

// take takes an event or a checkpoint as the server has it. A trimmed event that is still there is told as it is there: its digest is
// that of its content, so that a changed one does not hide behind the record.
func (m *merge) take(r eventlog.Recorded) bool {
	if r.Position > 0 && !m.until(r.Position-1, m.entry) {
		return false
	}
	if r.IsCheckpoint() || r.Type == trimmedType {
		return true
	}
	e := eventlog.Entry{Recorded: r, Digest: eventlog.Digest(r.Stream, r.Event)}
	if len(m.gone) > 0 && m.gone[0].Position == r.Position {
		m.gone = m.gone[1:]
		e.Trimmed, e.Data, e.Meta = true, nil, nil
	}
	return m.yield(e, nil)
}

// allTrimmed collects the trimmed events of all streams, in order.
func (l *Log) allTrimmed(ctx context.Context) ([]eventlog.Entry, error) {
	if len(l.trimmable) == 0 {
		return nil, nil
	}
	var gone []eventlog.Entry
	f := &follower{log: l}
	err := f.through(ctx, &driver.SubscriptionFilter{Type: driver.EventFilterType, Prefixes: []string{trimmedType}}, func(m message, _ bool) error {
		if m.caughtUp {
			return errCaughtUp
		}
		if m.event == nil || m.event.Position.Commit <= f.marks.applied {
			return nil
		}
		f.marks.applied = m.event.Position.Commit
		if m.event.EventType != trimmedType || !l.ours(m.event.StreamID) {
			return nil
		}
		of, err := l.trimmedBy(l.recorded(m.event))
		gone = append(gone, of...)
		return err
	})
	if !errors.Is(err, errCaughtUp) {
		return nil, f.error(ctx, err)
	}
	slices.SortFunc(gone, func(a, b eventlog.Entry) int { return cmp.Compare(a.Position, b.Position) })
	return slices.CompactFunc(gone, func(a, b eventlog.Entry) bool { return a.Position == b.Position }), nil
}

// trimmedBy reads one record.
func (l *Log) trimmedBy(r eventlog.Recorded) ([]eventlog.Entry, error) {
	record, err := parseTrimmed(r)
	if err != nil {
		return nil, err
	}
	out := make([]eventlog.Entry, len(record.Events))
	for i, e := range record.Events {
		id, err := eventlog.ParseID(e.ID)
		if err != nil {
			return nil, err
		}
		out[i] = eventlog.Entry{Trimmed: true, Digest: e.Digest, Recorded: eventlog.Recorded{
			Event: eventlog.Event{ID: id, Type: e.Type}, Stream: r.Stream, Revision: e.Revision, Position: e.Position, RecordedAt: e.At,
		}}
	}
	return out, nil
}
