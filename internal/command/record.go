package command

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/eventlog"
)

// measuredStreams remembers where each measurement stream is, so that a batch is appended at its exact revision without
// reading the stream. Writers of one stream take turns; writers elsewhere (another node) are met by their conflicts.
type measuredStreams struct {
	mu      sync.Mutex
	streams map[string]*measuredStream
}

type measuredStream struct {
	mu   sync.Mutex
	last Revision
}

// maxRemembered bounds the streams remembered: one per environment and day.
const maxRemembered = 4_096

func (m *measuredStreams) of(stream string) *measuredStream {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.streams == nil || len(m.streams) >= maxRemembered {
		m.streams = map[string]*measuredStream{}
	}
	s, ok := m.streams[stream]
	if !ok {
		s = &measuredStream{last: eventlog.NoStream}
		m.streams[stream] = s
	}
	return s
}

// RecordBatch writes the batch's items down, stamped with the time of receipt, as one event or as several when they are
// many or large, and returns the position of the last. The items must have been checked. An error in the middle of
// several leaves the first ones recorded; sending the items again is harmless because each has an event_id.
func (s *Service) RecordBatch(ctx context.Context, b measurement.Batch, actor domain.Actor) (Position, error) {
	if b.Len() == 0 {
		return 0, fmt.Errorf("%w: a batch without items", eventlog.ErrInvalid)
	}
	if b.ReceivedAt.IsZero() {
		b.ReceivedAt = s.now().UTC().Truncate(time.Millisecond)
	}
	if b.Len() > measurement.MaxItems {
		return s.recordParts(ctx, b, actor)
	}
	body, err := measurement.Encode(b)
	if err != nil {
		return 0, err
	}
	if len(body) > measurement.MaxBatchBytes && b.Len() > 1 {
		return s.recordParts(ctx, b, actor)
	}
	command := randomID()
	event := eventlog.Event{
		ID: eventlog.NewID(command, 0), Type: measurement.WireBatchRecorded, Data: body,
		Meta: metadata(Options{CommandID: command}, domain.Envelope{Actor: actor, At: b.ReceivedAt}),
	}
	key := fmt.Sprintf("%s.%s", b.Environment, b.ReceivedAt.Format(time.DateOnly))
	return s.appendMeasured(ctx, domain.Stream(measurement.Category, b.Project, key), event)
}

func (s *Service) recordParts(ctx context.Context, b measurement.Batch, actor domain.Actor) (Position, error) {
	first, second := halves(b)
	if _, err := s.RecordBatch(ctx, first, actor); err != nil {
		return 0, err
	}
	return s.RecordBatch(ctx, second, actor)
}

// halves splits a batch of at least two items.
func halves(b measurement.Batch) (first, second measurement.Batch) {
	first, second = b, b
	half := b.Len() / 2
	if x := len(b.Exposures); half <= x {
		first.Exposures, first.Measurements = b.Exposures[:half], nil
		second.Exposures = b.Exposures[half:]
	} else {
		first.Measurements = b.Measurements[:half-x]
		second.Exposures, second.Measurements = nil, b.Measurements[half-x:]
	}
	return first, second
}

func (s *Service) appendMeasured(ctx context.Context, stream string, event eventlog.Event) (Position, error) {
	at := s.measured.of(stream)
	at.mu.Lock()
	defer at.mu.Unlock()
	for try := 1; ; try++ {
		position, err := s.appendSurely(ctx, stream, at.last, []eventlog.Event{event})
		if err == nil {
			at.last++
			return position, nil
		}
		conflict, ok := errors.AsType[*eventlog.ConflictError](err)
		if !ok || try == conflictTries {
			return 0, err
		}
		at.last = conflict.Actual
	}
}
