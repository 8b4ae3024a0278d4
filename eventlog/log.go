// Package eventlog is the port to the one ordered log that everything in assay is derived from. It moves named bytes:
// it knows streams, revisions and positions, and nothing of what an event means.
//
// # The model
//
// A stream is a named sequence of events; the first has revision 0, the next 1, without gaps. Everything that must stay
// consistent with itself is one stream ("flag-shop.checkout"); the part of the name before the first '-' is its category.
// The log is the sequence of all events of all streams; each event has one Position in it, positions grow strictly but may
// have gaps, and position 0 means "before the first event".
//
// An append names the revision at which it expects its stream to be, so two writers that decided on the same state cannot
// both win. When Append returns without an error the events are durable: they survive a power cut. Events of one append
// are all recorded next to each other, or none is.
//
// A reader follows the log with All: history first, then live, until its context ends.
//
// Adapters (pebblelog, esdb) restate and keep these promises; eventlogtest.Run is the suite each of them passes.
package eventlog

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"
)

// Position is the place of an event in the whole log. It is opaque: compare it, never calculate with it. 0 lies before
// the first event. It can exceed 2^53, so JSON carries it as a string.
type Position uint64

// Revision is the place of an event in its stream, counted from 0. The negative values are only for Append's expected.
type Revision int64

// Expected revisions that are not the number of an event.
const (
	// NoStream expects that the stream has no event yet.
	NoStream Revision = -1
	// Any expects nothing. A retry of such an append may record its events twice, so commands never use it.
	Any Revision = -2
)

// Limits that every adapter checks before it sends anything, because the strictest engine (EventStoreDB with its default
// settings) refuses appends over 1 MiB with an answer that loses the reason.
const (
	// MaxEvents is the largest number of events in one append.
	MaxEvents = 1_000
	// MaxAppendBytes is the largest size of one append: types, data and metadata of all its events. It leaves a quarter of
	// that 1 MiB for what the engine counts besides: metadata as JSON, types twice.
	MaxAppendBytes = 768 << 10
	// MaxName is the largest length of a stream name or an event type in bytes.
	MaxName = 512
)

// ID identifies an event for ever. Two appends of the same ids at the same expected revision are one append.
type ID [16]byte

// Event is what a writer hands in.
type Event struct {
	ID   ID     // required: see NewID
	Type string // wire name, a constant in the past tense such as "FlagCreated"; not starting with '$'
	Data []byte // JSON by convention; the log does not look into it. Empty and nil are the same
	// Meta says who, why and when: a flat map, because newer EventStoreDB servers accept nothing else.
	Meta map[string]string
}

// Size returns the number of bytes that count towards MaxAppendBytes: type, data and metadata.
func (e Event) Size() int {
	size := len(e.Type) + len(e.Data)
	for k, v := range e.Meta {
		size += len(k) + len(v)
	}
	return size
}

// Recorded is an event as it stands in the log, or a checkpoint.
type Recorded struct {
	Event
	Stream   string
	Revision Revision
	Position Position
	// RecordedAt is the clock of the log when it took the event in. It never runs backwards within one embedded log, but
	// order is told by Position only.
	RecordedAt time.Time
}

// IsCheckpoint reports whether r is no event but the news that All has delivered, or filtered out, everything up to
// r.Position. All sends one whenever a reader has reached the head, so that a reader whose filter matches little still
// knows how far it is. A checkpoint may repeat a position.
func (r Recorded) IsCheckpoint() bool { return r.Stream == "" }

// Filter chooses the events that All delivers. The zero value chooses all.
type Filter struct {
	// Categories lists the stream categories to deliver, such as "flag" and "experiment". Empty: all of them.
	Categories []string
}

// Matches reports whether an event of the stream passes the filter.
func (f Filter) Matches(stream string) bool {
	return len(f.Categories) == 0 || slices.Contains(f.Categories, Category(stream))
}

// Category returns the part of a stream name before its first '-', or the whole name when it has none.
func Category(stream string) string {
	category, _, _ := strings.Cut(stream, "-")
	return category
}

// Log is one ordered log. All methods may be called from any number of goroutines.
type Log interface {
	// Append records events at the end of stream, all or none, and returns the position of the last one once they are
	// durable.
	//
	// expected is the revision of the stream's last event, NoStream, or Any. When the stream is elsewhere the error is a
	// *ConflictError (errors.Is ErrConflict), unless the events that follow expected carry exactly these ids: then this is
	// a retry, nothing is recorded and the original position is returned.
	//
	// ErrInvalid: no events, an unset or repeated id, a name that is empty, overlong, not UTF-8 or starts with '$'.
	// ErrTooLarge: over the limits above. ErrUnknownOutcome: the events may or may not have been recorded, for instance
	// because ctx ended meanwhile; the same call again settles it. ErrUnavailable: nothing was recorded and the log takes
	// no writes now. The error of ctx itself means that nothing was recorded. The log keeps no reference to events.
	Append(ctx context.Context, stream string, expected Revision, events ...Event) (Position, error)

	// Stream yields the events of a stream from the given revision to its end as it is when the end is reached, in order.
	// A stream that does not exist yields nothing. After an error it yields nothing more. A negative from means 0. The
	// consumer owns what it gets.
	Stream(ctx context.Context, stream string, from Revision) iter.Seq2[Recorded, error]

	// All yields, in order of position, every event after the given position that passes the filter: first those in the
	// log, then new ones as they are recorded, and a checkpoint each time the head is reached. It ends when ctx ends
	// (yielding ctx's error last), when the consumer stops, or after yielding another error. A slow consumer
	// loses nothing and holds nobody up.
	//
	// A position beyond the head comes from another log, or from this one before an older backup was restored: an adapter
	// that can tell yields ErrInvalid, because waiting there would skip events. Rebuild the reader from position 0.
	All(ctx context.Context, after Position, filter Filter) iter.Seq2[Recorded, error]

	// Head returns the position of the last event in the log, 0 when it is empty.
	Head(ctx context.Context) (Position, error)
}
