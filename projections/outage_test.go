package projections_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/eventlogtest"
	"github.com/assayhq/assay/projections"
)

// away is a log whose subscriptions break, and cannot be made again, while it is away; others write meanwhile.
type away struct {
	*eventlogtest.MemoryLog
	gone  atomic.Bool
	tries atomic.Int64
}

var errAway = errors.New("the network is away")

func (l *away) All(ctx context.Context, after eventlog.Position, f eventlog.Filter) iter.Seq2[eventlog.Recorded, error] {
	return func(yield func(eventlog.Recorded, error) bool) {
		l.tries.Add(1)
		if l.gone.Load() {
			yield(eventlog.Recorded{}, errAway)
			return
		}
		for r, err := range l.MemoryLog.All(ctx, after, f) {
			if l.gone.Load() {
				r, err = eventlog.Recorded{}, errAway
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// Two hours without the log, while 20,000 events are written: the lag is told and goes up, the attempts stay few, and once the log is
// back every event is applied once, in order, and the lag is gone. Time is the bubble's.
func TestAReadModelCatchesUpAfterALongOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const before, during = 10, 20_000
		log := &away{MemoryLog: eventlogtest.MemoryAt(clock)}
		write := func(from, n int) {
			for i := from; i < from+n; i++ {
				e := eventlog.Event{ID: eventlog.NewID("e", i), Type: "Noted"}
				if _, err := log.Append(t.Context(), fmt.Sprint("flag-", i%7), eventlog.Any, e); err != nil {
					t.Fatal(err)
				}
			}
		}
		var hold atomic.Pointer[chan struct{}]
		p := &tally{before: func([]eventlog.Recorded) error {
			if c := hold.Load(); c != nil {
				<-*c
			}
			return nil
		}}
		r := projections.NewRunner(log, p, nil)
		stop := start(t, r)
		tells := func(when string, behind int, lag time.Duration, failing bool) {
			t.Helper()
			if n, err := r.Behind(t.Context()); err != nil || n != behind {
				t.Errorf("%s: %d events behind (%v), want %d", when, n, err, behind)
			}
			if got, known := r.Lag(clock()); !known || got != lag {
				t.Errorf("%s: %v behind (known: %v), want %v", when, got, known, lag)
			}
			if caughtUp, err := r.CaughtUp(); !caughtUp || (err != nil) != failing {
				t.Errorf("%s: caught up %v, failing with %v; want it to have been at the head, failing: %v", when, caughtUp, err, failing)
			}
		}
		write(0, before)
		synctest.Wait()
		tells("before", 0, 0, false)

		log.gone.Store(true)
		write(before, 1) // the subscription breaks on it
		letPass(time.Hour)
		write(before+1, during/2)
		letPass(time.Hour)
		write(before+1+during/2, during/2)
		synctest.Wait()
		if lag, known := r.Lag(clock()); !known || lag != 2*time.Hour {
			t.Errorf("during the outage it is %v behind (known: %v), want the 2 h since its newest event", lag, known)
		}
		if _, err := r.CaughtUp(); !errors.Is(err, errAway) {
			t.Errorf("during the outage it fails with %v", err)
		}
		if n := log.tries.Load(); n < 1_000 || n > 2_000 {
			t.Errorf("%d attempts in two hours, want one every 5 s", n)
		}

		gate := make(chan struct{})
		hold.Store(&gate)
		log.gone.Store(false)
		letPass(6 * time.Second) // the longest pause between attempts
		synctest.Wait()
		if n, err := r.Behind(t.Context()); err != nil || n != projections.MostBehind {
			t.Errorf("back again: %d events behind (%v), want %d or more", n, err, projections.MostBehind)
		}
		hold.Store(nil)
		close(gate)
		synctest.Wait()
		tells("afterwards", 0, 0, false)
		var want []eventlog.Position
		for i := range before + 1 + during {
			want = append(want, eventlog.Position(i+1))
		}
		if got := p.all(); !slices.Equal(got, want) {
			t.Errorf("%d events were applied, want the %d of the log, each once and in order", len(got), len(want))
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// letPass moves the bubble's clock on.
func letPass(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // under synctest nobody waits for real
