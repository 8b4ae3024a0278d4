package eventlogtest_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/eventlogtest"
)

// clock is the machine's until it is set.
type clock struct{ set atomic.Pointer[time.Time] }

func (c *clock) now() time.Time {
	if at := c.set.Load(); at != nil {
		return *at
	}
	return time.Now()
}

func TestTheLogInMemoryKeepsThePromises(t *testing.T) {
	eventlogtest.Run(t, func(*testing.T) eventlogtest.Harness {
		var c clock
		log := eventlogtest.MemoryAt(c.now)
		return eventlogtest.Harness{
			Log: log,
			Reopen: func() eventlog.Log {
				log = log.Reopen()
				return log
			},
			SetClock: func(at time.Time) { c.set.Store(&at) },
		}
	})
}

func TestAClosedLogInMemoryAnswersNothing(t *testing.T) {
	log := eventlogtest.Memory()
	var got error
	for e, err := range log.All(t.Context(), 0, eventlog.Filter{}) {
		if e.IsCheckpoint() && err == nil {
			_ = log.Close()
		}
		got = err
	}
	if !errors.Is(got, eventlog.ErrUnavailable) {
		t.Errorf("following ended with %v, want unavailable", got)
	}
	event := eventlog.Event{ID: eventlog.NewID("c", 0), Type: "Noted"}
	if _, err := log.Append(t.Context(), "flag-a", eventlog.NoStream, event); !errors.Is(err, eventlog.ErrUnavailable) {
		t.Errorf("appending: %v, want unavailable", err)
	}
	if _, err := log.Head(t.Context()); !errors.Is(err, eventlog.ErrUnavailable) {
		t.Errorf("head: %v, want unavailable", err)
	}
}

func TestAPositionBeyondTheHeadIsRefused(t *testing.T) {
	for _, err := range eventlogtest.Memory().All(t.Context(), 1, eventlog.Filter{}) {
		if !errors.Is(err, eventlog.ErrInvalid) {
			t.Errorf("got %v, want invalid", err)
		}
	}
}
