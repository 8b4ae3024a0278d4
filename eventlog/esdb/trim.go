package esdb

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/assayhq/assay/eventlog"
)

const (
	// trimmedType is the type of the records that Trim leaves at the end of a stream. Readers never see them.
	trimmedType = "assay.Trimmed"
	// perRecord is how many events one of them speaks of: some 250 bytes each.
	perRecord = 2_500
)

// trimmedRecord says what was trimmed: all that the chain over the log needs.
type trimmedRecord struct {
	Events []trimmedEvent `json:"events"`
}

type trimmedEvent struct {
	Revision eventlog.Revision `json:"revision"`
	ID       string            `json:"id"`
	Type     string            `json:"type"`
	Position eventlog.Position `json:"position,string"`
	At       time.Time         `json:"at"`
	Digest   eventlog.Hash     `json:"digest"`
}

// Trim hides all events that are in the stream now from readers, for good, and returns how many of its events are hidden. Only
// streams of Options.Trims can be trimmed.
//
// First it records ids, positions and digests of the events behind them, so that Entries still tells of each and the chain over the
// log stays what it was; then it tells the server in the stream's metadata ($tb) that they are not needed. The server shows them in
// $all, to others, until it has been scavenged on every node; that is when their space comes back. Doing it again, after a
// crash in between or at another node, completes it.
func (l *Log) Trim(ctx context.Context, stream string) (int, error) {
	if !l.trims(stream) {
		return 0, fmt.Errorf("%w: the log was not opened to trim the stream %s", eventlog.ErrInvalid, stream)
	}
	var gone []trimmedEvent
	hidden := 0
	for e, err := range l.stream(ctx, stream, 0) {
		switch {
		case err != nil:
			return 0, err
		case e.Type != trimmedType:
			gone = append(gone, trimmedEvent{Revision: e.Revision, ID: e.ID.String(), Type: e.Type, Position: e.Position, At: e.RecordedAt, Digest: eventlog.Digest(stream, e.Event)})
		default:
			record, err := parseTrimmed(e)
			if err != nil {
				return 0, err
			}
			hidden += len(record.Events)
		}
	}
	if len(gone) == 0 {
		return hidden, nil
	}
	last := gone[len(gone)-1].Revision
	at := last
	for part := range slices.Chunk(gone, perRecord) {
		if err := l.appendTrimmed(ctx, stream, at, part); err != nil {
			return 0, err
		}
		at++
	}
	return len(gone), l.truncate(ctx, stream, last+1)
}

// appendTrimmed records what is going to be trimmed. Whoever trims the same stream at the same time records the same.
func (l *Log) appendTrimmed(ctx context.Context, stream string, expected eventlog.Revision, events []trimmedEvent) error {
	body, err := json.Marshal(trimmedRecord{Events: events})
	if err != nil {
		return fmt.Errorf("recording what is trimmed of %s: %w", stream, err)
	}
	_, err = l.Append(ctx, stream, expected, eventlog.Event{ID: eventlog.NewID("trimmed "+stream, int(expected)), Type: trimmedType, Data: body})
	return err
}

func parseTrimmed(e eventlog.Recorded) (r trimmedRecord, err error) {
	if err := json.Unmarshal(e.Data, &r); err != nil {
		return r, fmt.Errorf("%w: revision %d of stream %s should say what was trimmed: %w", eventlog.ErrInvalid, e.Revision, e.Stream, err)
	}
	return r, nil
}

// truncate sets the stream's $tb, and leaves all else that its metadata say as it is.
func (l *Log) truncate(ctx context.Context, stream string, before eventlog.Revision) error {
	known, at, err := l.metadata(ctx, stream)
	if err != nil {
		return err
	}
	if known.before() >= uint64(before) { //nolint:gosec // a revision behind an event is positive
		return nil
	}
	known["$tb"] = json.RawMessage(fmt.Sprint(int64(before)))
	body, err := json.Marshal(known)
	if err != nil {
		return fmt.Errorf("the metadata of stream %s: %w", stream, err)
	}
	id := eventlog.NewID(fmt.Sprintf("truncate %s at %d", stream, before), int(at+1))
	trying, cancel := l.within(ctx)
	defer cancel()
	trying, stop := context.WithTimeout(trying, l.patience)
	defer stop()
	a := &appending{log: l, callers: ctx, stream: stream, server: metadataPrefix + l.prefix + stream, expected: at, events: []driver.EventData{{
		EventID: [16]byte(id), EventType: metadataType, ContentType: driver.ContentTypeJson, Data: body,
	}}}
	_, err = a.until(trying)
	return err
}

const (
	metadataPrefix = "$$"
	metadataType   = "$metadata"
)

// fields are the metadata of a stream, as they are written.
type fields map[string]json.RawMessage

// before is the revision under which events are not to be shown; 0 for all are.
func (s fields) before() uint64 {
	var n uint64
	if json.Unmarshal(s["$tb"], &n) != nil {
		return 0
	}
	return n
}

// metadata reads what the server holds about a stream, and the revision that it is at. The driver's own call would refuse some of it.
func (l *Log) metadata(ctx context.Context, stream string) (s fields, at eventlog.Revision, err error) {
	err = l.persist(ctx, func(ctx context.Context, c *connection) (bool, error) {
		s, at = fields{}, eventlog.NoStream
		last, err := l.last(ctx, c, metadataPrefix+l.prefix+stream)
		if err != nil {
			return false, err
		}
		at = eventlog.Revision(last.EventNumber) //nolint:gosec // the server's are signed, too
		if json.Unmarshal(last.Data, &s) != nil || s == nil {
			s = fields{} // what the server cannot read does not count there either
		}
		return false, nil
	})
	if finished(err) || judge(err) == missing {
		return s, at, nil
	}
	return s, at, l.readError(ctx, stream, err)
}

// last returns the last event of a stream of the server; io.EOF when all of it is hidden.
func (l *Log) last(ctx context.Context, c *connection, name string) (*driver.RecordedEvent, error) {
	f, err := l.start(ctx, c, readLast(name))
	if err != nil {
		return nil, err
	}
	defer f.stop()
	for {
		if m := f.next(ctx, l.attempt); m.err != nil || m.event != nil {
			return m.event, m.err
		}
	}
}

// readLast reads the last event of a stream.
func readLast(name string) source {
	return func(ctx context.Context, client *driver.Client) (func() message, error) {
		read, err := client.ReadStream(leading(ctx), name, driver.ReadStreamOptions{Direction: driver.Backwards, From: driver.End{}}, 1)
		if err != nil {
			return nil, err
		}
		return events(read), nil
	}
}

// trims reports whether the stream may be trimmed.
func (l *Log) trims(stream string) bool {
	return slices.Contains(l.trimmable, eventlog.Category(stream))
}
