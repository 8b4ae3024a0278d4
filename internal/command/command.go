// Package command is the only write path of assay: load, fold, decide, append. It is for whoever lets people or policies
// change something; nothing else may append to the log.
//
// # The model
//
// A command is decided on the state its stream has now, and recorded at exactly the revision that was decided on. When
// somebody else was faster, it is decided again on the new state. When the log cannot say whether it took the events, the
// same append is repeated: event ids are derived from the command's id, so it is recorded once. A command whose id the
// stream already holds was executed before; its outcome is returned and nothing is decided again.
//
// Commands that need two streams (an experiment and its flag) write them one after the other, each step idempotent, and see
// to it afterwards that the two agree; repeating the command after a crash completes it.
package command

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/eventlog"
)

// The log's own numbers, for callers that may not know the log itself.
type (
	// Revision is a place in a stream.
	Revision = eventlog.Revision
	// Position is a place in the log.
	Position = eventlog.Position
)

const (
	conflictTries = 12
	unknownTries  = 4
)

// Service executes commands. All methods may be called from any number of goroutines.
type Service struct {
	log      eventlog.Log
	now      func() time.Time
	measured measuredStreams
}

// New makes a Service on a log; now is the clock that stamps commands.
func New(log eventlog.Log, now func() time.Time) *Service {
	return &Service{log: log, now: now}
}

// Options say on whose behalf and on what condition a command is executed.
type Options struct {
	Actor  domain.Actor
	Reason string
	// IfRevision, when given, is the revision the caller has seen: anywhere else the command is refused as stale.
	IfRevision *Revision
	// CommandID makes the command idempotent: executed once however often it comes. Empty: a random one.
	CommandID string
	// Request, when given, is a hash of what was asked for. It is recorded, and a CommandID that comes again with another
	// one is refused.
	Request string
	// DryRun decides without recording.
	DryRun bool

	// correlation is the id of the command that this one is a part of, if any.
	correlation string
}

const (
	maxReason    = 2_000 // bytes
	maxCommandID = 1_024 // bytes
)

// check refuses what could not be written into an event's metadata.
func (o Options) check() error {
	if err := domain.CheckText("/reason", "reason", o.Reason, false, maxReason); err != nil {
		return err
	}
	return domain.CheckText("", "Idempotency-Key", o.CommandID, false, maxCommandID)
}

// Result is the outcome of a command.
type Result[S any] struct {
	State S
	// Revision is the stream's after the command, Position that of the stream's last event.
	Revision Revision
	Position Position
	// Events are the wire names of what was recorded, or would have been in a dry run; none when there was nothing to do.
	Events []string
}

// StaleError refuses a command because the caller has seen an older (or another) revision. It wraps a *domain.Refusal of
// KindStale.
type StaleError struct {
	Seen, Current Revision
	refusal       *domain.Refusal
}

// Error says what to do.
func (e *StaleError) Error() string { return e.refusal.Sentence }

// Unwrap returns the refusal.
func (e *StaleError) Unwrap() error { return e.refusal }

func stale(seen, current Revision) error {
	refusal := &domain.Refusal{
		Kind: domain.KindStale, Code: "stale_revision",
		Sentence: fmt.Sprintf("you have seen revision %d, but it is at %d now; load it again, look at what changed and repeat", seen, current),
	}
	return &StaleError{Seen: seen, Current: current, refusal: refusal}
}

// Handle executes a command on one stream. The error is a *domain.Refusal, a *StaleError, an *UnreadableError, the context's (nothing was
// recorded) or one of the log's.
func Handle[S, C, E any](ctx context.Context, s *Service, a domain.Aggregate[S, C, E], stream string, c C, o Options) (Result[S], error) {
	if o.CommandID == "" {
		o.CommandID = randomID()
	}
	if err := o.check(); err != nil {
		return Result[S]{}, err
	}
	envelope := domain.Envelope{Actor: o.Actor, Reason: o.Reason, At: s.now().UTC().Truncate(time.Millisecond)}
	for try := 1; ; try++ {
		result, err := once(ctx, s, a, stream, c, o, envelope)
		if err == nil || !errors.Is(err, eventlog.ErrConflict) || try == conflictTries {
			return result, err
		}
		if err := pause(ctx, try); err != nil {
			return result, err
		}
	}
}

// once loads, decides and appends one time.
func once[S, C, E any](ctx context.Context, s *Service, a domain.Aggregate[S, C, E], stream string, c C, o Options, envelope domain.Envelope) (Result[S], error) {
	past, err := loadFor(ctx, s.log, a, stream, eventlog.NewID(o.CommandID, 0))
	if err != nil {
		return Result[S]{}, err
	}
	result := Result[S]{State: past.state, Revision: past.revision, Position: past.position}
	if past.executed {
		if o.Request != past.request && o.Request != "" && past.request != "" {
			return Result[S]{}, domain.Invalid("", "this Idempotency-Key was used for another request; take a new key for a new request").WithCode("idempotency_key_reused")
		}
		return result, nil
	}
	if o.IfRevision != nil && *o.IfRevision != past.revision && past.revision != eventlog.NoStream {
		return Result[S]{}, stale(*o.IfRevision, past.revision)
	}
	decided, err := a.Decide(past.state, c, envelope)
	if err != nil {
		return Result[S]{}, err
	}
	if len(decided) == 0 {
		return result, nil
	}
	events, err := encodeAll(a, decided, o, envelope)
	if err != nil {
		return Result[S]{}, err
	}
	for i, e := range decided {
		result.State = a.Evolve(result.State, e)
		result.Events = append(result.Events, events[i].Type)
	}
	if o.DryRun {
		return result, nil
	}
	if result.Position, err = s.appendSurely(ctx, stream, past.revision, events); err != nil {
		return Result[S]{}, err
	}
	result.Revision += Revision(len(events))
	return result, nil
}

// appendSurely repeats an append whose outcome is unknown: with the same ids at the same revision it is one append. A log that
// is gone when it is asked again says nothing of the first time: the outcome stays unknown.
func (s *Service) appendSurely(ctx context.Context, stream string, expected Revision, events []eventlog.Event) (Position, error) {
	var unknown error
	for try := 1; ; try++ {
		position, err := s.log.Append(ctx, stream, expected, events...)
		if unknown != nil && (errors.Is(err, eventlog.ErrUnavailable) || ctx.Err() != nil && errors.Is(err, ctx.Err())) {
			return 0, unknown
		}
		unknown = err
		if err == nil || !errors.Is(err, eventlog.ErrUnknownOutcome) || try == unknownTries {
			return position, err
		}
		if pause(ctx, try) != nil {
			return 0, err // not ctx's: that would say that nothing was recorded
		}
	}
}

// history is a stream as it was read.
type history[S any] struct {
	state    S
	revision Revision
	position Position
	// executed: the stream holds the event that was looked for; request is the hash of the request it comes from.
	executed bool
	request  string
}

func load[S, C, E any](ctx context.Context, log eventlog.Log, a domain.Aggregate[S, C, E], stream string) (history[S], error) {
	return loadFor(ctx, log, a, stream, eventlog.ID{})
}

// loadFor reads a stream and looks for an event on the way.
func loadFor[S, C, E any](ctx context.Context, log eventlog.Log, a domain.Aggregate[S, C, E], stream string, wanted eventlog.ID) (history[S], error) {
	past := history[S]{revision: eventlog.NoStream}
	for recorded, err := range log.Stream(ctx, stream, 0) {
		if err != nil {
			return past, fmt.Errorf("reading stream %s: %w", stream, err)
		}
		event, err := a.Decode(recorded.Type, recorded.Data)
		if err != nil {
			return past, &UnreadableError{Stream: stream, Revision: recorded.Revision, Position: recorded.Position, cause: err}
		}
		past.state = a.Evolve(past.state, event)
		past.revision, past.position = recorded.Revision, recorded.Position
		if recorded.ID == wanted {
			past.executed, past.request = true, recorded.Meta[MetaRequest]
		}
	}
	return past, nil
}

func encodeAll[S, C, E any](a domain.Aggregate[S, C, E], decided []E, o Options, envelope domain.Envelope) ([]eventlog.Event, error) {
	events := make([]eventlog.Event, len(decided))
	for i, e := range decided {
		name, body, err := a.Encode(e)
		if err != nil {
			return nil, err
		}
		events[i] = eventlog.Event{ID: eventlog.NewID(o.CommandID, i), Type: name, Data: body, Meta: metadata(o, envelope)}
	}
	return events, nil
}

// The metadata's keys. They are written into the log and never change.
const (
	MetaActor   = "actor"
	MetaReason  = "reason"
	MetaCommand = "command"
	MetaTime    = "time"    // when the command was given, RFC 3339
	MetaRequest = "request" // hash of the request, when it could be repeated
)

func metadata(o Options, envelope domain.Envelope) map[string]string {
	if o.correlation == "" {
		o.correlation = o.CommandID
	}
	meta := map[string]string{
		MetaActor: string(envelope.Actor), MetaCommand: o.CommandID, "$correlationId": o.correlation,
		MetaTime: envelope.At.Format(time.RFC3339Nano), "schema": "1",
	}
	if o.Request != "" {
		meta[MetaRequest] = o.Request
	}
	if envelope.Reason != "" {
		meta[MetaReason] = envelope.Reason
	}
	return meta
}

func randomID() string {
	var b [16]byte
	rand.Read(b[:]) // it never returns an error
	return hex.EncodeToString(b[:])
}

// pause waits a little, longer with each try and never quite as long as somebody else, unless ctx ends first.
func pause(ctx context.Context, try int) error {
	var b [1]byte
	rand.Read(b[:]) // it never returns an error
	wait := time.Duration(try) * time.Millisecond * time.Duration(1+b[0]%8)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Failures of the log that callers tell apart; see eventlog.
var (
	ErrConflict       = eventlog.ErrConflict
	ErrTooLarge       = eventlog.ErrTooLarge
	ErrUnknownOutcome = eventlog.ErrUnknownOutcome
	ErrUnavailable    = eventlog.ErrUnavailable
)
