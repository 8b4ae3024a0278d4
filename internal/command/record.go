package command

import (
	"context"
	"fmt"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/eventlog"
)

// RecordBatch writes the batch's items down, stamped with the time of receipt, as one event or as several when they are
// many or large, and returns a position at or behind the last of them. The items must have been checked. An error in the middle of
// several leaves the first ones recorded; sending the items again is harmless because each has an event_id.
func (s *Service) RecordBatch(ctx context.Context, b measurement.Batch, actor domain.Actor) (Position, error) {
	if b.Len() == 0 {
		return 0, fmt.Errorf("%w: a batch without items", eventlog.ErrInvalid)
	}
	if b.ReceivedAt.IsZero() {
		b.ReceivedAt = s.now()
	}
	b.ReceivedAt = b.ReceivedAt.UTC().Truncate(time.Millisecond)
	if b.Len() > measurement.MaxItems {
		return s.recordParts(ctx, b, actor)
	}
	name, body, err := measurement.Encode(b)
	if err != nil {
		return 0, err
	}
	if len(body) > measurement.MaxBatchBytes && b.Len() > 1 {
		return s.recordParts(ctx, b, actor)
	}
	command := randomID()
	event := eventlog.Event{
		ID: eventlog.NewID(command, 0), Type: name, Data: body,
		Meta: metadata(Options{CommandID: command}, domain.Envelope{Actor: actor, At: b.ReceivedAt}),
	}
	key := fmt.Sprintf("%s.%s", b.Environment, b.ReceivedAt.Format(time.DateOnly))
	return s.measured.of(domain.Stream(measurement.Category, b.Project, key)).append(ctx, s, event)
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
