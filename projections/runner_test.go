package projections_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/eventlogtest"
	"github.com/assayhq/assay/projections"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tally is a projection that remembers what it was given.
type tally struct {
	mu       sync.Mutex
	position eventlog.Position
	seen     []eventlog.Position // of the events, in order
	batches  []int               // how many records each had
	before   func(batch []eventlog.Recorded) error
}

func (p *tally) Name() string            { return "tally" }
func (p *tally) Version() int            { return 1 }
func (p *tally) Filter() eventlog.Filter { return eventlog.Filter{Categories: []string{"flag"}} }
func (p *tally) Position() eventlog.Position {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.position
}

func (p *tally) Apply(_ context.Context, batch []eventlog.Recorded) error {
	if p.before != nil {
		if err := p.before(batch); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.batches = append(p.batches, len(batch))
	for _, r := range batch {
		if !r.IsCheckpoint() && r.Position > p.position {
			p.seen = append(p.seen, r.Position)
		}
		p.position = max(p.position, r.Position)
	}
	return nil
}

func (p *tally) all() []eventlog.Position {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.seen)
}

// script is a log of which only All is used, and yields what it is told to.
type script struct {
	eventlog.Log
	all func(ctx context.Context, after eventlog.Position, yield func(eventlog.Recorded, error) bool)
}

func (s script) All(ctx context.Context, after eventlog.Position, _ eventlog.Filter) iter.Seq2[eventlog.Recorded, error] {
	return func(yield func(eventlog.Recorded, error) bool) { s.all(ctx, after, yield) }
}

// yields yields the records that come after, then waits like a log at its head.
func yields(records ...eventlog.Recorded) script {
	return script{all: func(ctx context.Context, after eventlog.Position, yield func(eventlog.Recorded, error) bool) {
		for _, r := range records {
			if (r.Position > after || r.IsCheckpoint()) && !yield(r, nil) {
				return
			}
		}
		<-ctx.Done()
		yield(eventlog.Recorded{}, ctx.Err())
	}}
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func event(p eventlog.Position) eventlog.Recorded {
	return eventlog.Recorded{Stream: "flag-shop.a", Position: p, RecordedAt: noon.Add(time.Duration(p) * time.Second)}
}

func events(n int) []eventlog.Recorded {
	var out []eventlog.Recorded
	for i := range n {
		out = append(out, event(eventlog.Position(i+1)))
	}
	return out
}

func checkpoint(p eventlog.Position) eventlog.Recorded { return eventlog.Recorded{Position: p} }

// clock is the bubble's: it stands still until everybody waits.
func clock() time.Time { return time.Now() } //nolint:forbidigo // in a test under synctest no other clock is to be had

// start runs r until stop is called, which returns what Run did.
func start(t *testing.T, r *projections.Runner) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}
}

func appendFlag(t *testing.T, log eventlog.Log, stream string, n int) eventlog.Position {
	t.Helper()
	p, err := log.Append(t.Context(), stream, eventlog.Any, eventlog.Event{ID: eventlog.NewID(stream, n), Type: "FlagTurnedOn"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestHistoryIsAppliedAndThenWhatIsRecorded(t *testing.T) {
	log, p := eventlogtest.Memory(), &tally{}
	appendFlag(t, log, "flag-shop.a", 1)
	appendFlag(t, log, "measurement-shop", 1)
	r := projections.NewRunner(log, p, func(err error) { t.Error(err) })
	stop := start(t, r)
	if err := r.WaitCaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := appendFlag(t, log, "flag-shop.a", 2)
	if err := r.Wait(t.Context(), at); err != nil || r.Position() < at {
		t.Errorf("waited for %d, is at %d, error %v", at, r.Position(), err)
	}
	// Nothing of it is for this projection, but a reader may wait for it all the same.
	other := appendFlag(t, log, "measurement-shop", 2)
	if err := r.Wait(t.Context(), other); err != nil || r.Position() != other {
		t.Errorf("waited for %d, is at %d, error %v", other, r.Position(), err)
	}
	if err := stop(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if got, want := p.all(), []eventlog.Position{1, 3}; !slices.Equal(got, want) {
		t.Errorf("applied %v, want %v", got, want)
	}
}

func TestItGoesOnFromWhereTheProjectionStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &tally{position: 2}
		r := projections.NewRunner(yields(append(events(4), checkpoint(4))...), p, nil)
		if r.Position() != 2 || r.Projection() != projections.Projection(p) {
			t.Errorf("before it runs it is at %d", r.Position())
		}
		stop := start(t, r)
		synctest.Wait()
		if got, want := p.all(), []eventlog.Position{3, 4}; !slices.Equal(got, want) {
			t.Errorf("applied %v, want %v", got, want)
		}
		_ = stop()
	})
}

func TestACheckpointAnywhereMeansCaughtUp(t *testing.T) {
	for name, records := range map[string][]eventlog.Recorded{
		"at the end": {event(1), checkpoint(1)}, "before more events": {event(1), checkpoint(1), event(2)}, "of an empty log": {checkpoint(0)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := projections.NewRunner(yields(records...), &tally{}, nil)
				if up, _ := r.CaughtUp(); up {
					t.Error("it was there before it ran")
				}
				stop := start(t, r)
				synctest.Wait()
				if up, err := r.CaughtUp(); !up || err != nil {
					t.Errorf("caught up: %v, error %v", up, err)
				}
				_ = stop()
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r := projections.NewRunner(yields(events(3)...), &tally{}, nil)
		stop := start(t, r)
		synctest.Wait()
		if up, _ := r.CaughtUp(); up {
			t.Error("it is said to be at the head of a log that has not said so")
		}
		_ = stop()
	})
}

func TestHalfABatchIsNotHeldBackAndNoneIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &tally{}
		gate := make(chan struct{})
		p.before = func([]eventlog.Recorded) error { <-gate; return nil }
		r := projections.NewRunner(yields(events(1_203)...), p, nil)
		stop := start(t, r)
		synctest.Wait() // the reader is as far ahead as it goes
		close(gate)
		synctest.Wait()
		if r.Position() != 1_203 {
			t.Errorf("it is at %d; the last records wait for more", r.Position())
		}
		if largest := slices.Max(p.batches); largest != 500 || len(p.batches) > 20 {
			t.Errorf("batches of %v; at most 500, and all that is there", p.batches)
		}
		if got := p.all(); len(got) != 1_203 || !slices.IsSorted(got) {
			t.Errorf("%d events, in order: %v", len(got), slices.IsSorted(got))
		}
		_ = stop()
	})
}

// stumbling is a log with two events at first and a third once live is closed, and a projection that fails nine times on it.
// tried gets the milliseconds between the attempts.
func stumbling(live <-chan struct{}) (log script, p *tally, tried *[]int64) {
	tried = &[]int64{}
	last, failures := time.Time{}, 0
	p = &tally{before: func(batch []eventlog.Recorded) error {
		if batch[len(batch)-1].Position < 3 {
			return nil
		}
		if failures++; failures > 1 {
			*tried = append(*tried, clock().Sub(last).Milliseconds())
		}
		if last = clock(); failures < 10 {
			return errors.New("the disk is full")
		}
		return nil
	}}
	return script{all: func(ctx context.Context, after eventlog.Position, yield func(eventlog.Recorded, error) bool) {
		if after < 2 {
			yield(event(1), nil)
			yield(event(2), nil)
		}
		<-live
		yields(event(3), checkpoint(3)).all(ctx, after, yield)
	}}, p, tried
}

func TestAFailureIsRepeatedFromWhereTheProjectionStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live, reported := make(chan struct{}), 0
		log, p, tried := stumbling(live)
		r := projections.NewRunner(log, p, func(error) { reported++ })
		stop := start(t, r)
		synctest.Wait()
		close(live)
		synctest.Wait()
		if up, err := r.CaughtUp(); up || err == nil || !strings.Contains(err.Error(), "tally at position 2: the disk is full") {
			t.Errorf("after the first failure: caught up %v, error %v", up, err)
		}
		if err := r.WaitCaughtUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if up, err := r.CaughtUp(); !up || err != nil {
			t.Errorf("after it was mended: caught up %v, error %v", up, err)
		}
		_ = stop()
		// Each pause is twice the one before, and 5 s at most.
		if got, want := fmt.Sprint(*tried), "[50 100 200 400 800 1600 3200 5000 5000]"; got != want || reported != 9 {
			t.Errorf("pauses %s ms, want %s; %d failures reported, want 9", got, want, reported)
		}
		if got, want := p.all(), []eventlog.Position{1, 2, 3}; !slices.Equal(got, want) {
			t.Errorf("applied %v, want %v: nothing lost, nothing doubled", got, want)
		}
	})
}

func TestProgressMakesThePauseShortAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []int64
		began := clock()
		log := script{all: func(ctx context.Context, after eventlog.Position, yield func(eventlog.Recorded, error) bool) {
			asked = append(asked, clock().Sub(began).Milliseconds())
			switch len(asked) {
			case 4:
				yield(event(1), nil)
			case 6:
				yields(checkpoint(1)).all(ctx, after, yield)
				return
			}
			yield(eventlog.Recorded{}, eventlog.ErrUnavailable)
		}}
		r := projections.NewRunner(log, &tally{}, nil)
		stop := start(t, r)
		if err := r.WaitCaughtUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = stop()
		// Pauses of 50, 100 and 200 ms; the fourth attempt gets on, so 50 ms follow, then 100.
		if got, want := fmt.Sprint(asked), "[0 50 150 350 400 500]"; got != want {
			t.Errorf("asked at %s, want %s", got, want)
		}
	})
}

func TestWhateverGoesWrongIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		log    script
		before func([]eventlog.Recorded) error
		want   string
	}{
		"a panic of the projection": {yields(events(1)...), func([]eventlog.Recorded) error { panic("no such thing") }, "applying panicked: no such thing"},
		"an error of the log": {script{all: func(_ context.Context, _ eventlog.Position, yield func(eventlog.Recorded, error) bool) {
			yield(eventlog.Recorded{}, eventlog.ErrUnavailable)
		}}, nil, eventlog.ErrUnavailable.Error()},
		"a log that ends": {script{all: func(context.Context, eventlog.Position, func(eventlog.Recorded, error) bool) {}}, nil, "the log ended"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { reports(t, c.log, &tally{before: c.before}, c.want) })
		})
	}
}

func reports(t *testing.T, log script, p *tally, want string) {
	reported := make(chan error, 1_000)
	r := projections.NewRunner(log, p, func(err error) { reported <- err })
	stop := start(t, r)
	if err := <-reported; !strings.Contains(err.Error(), want) {
		t.Errorf("reported %q, want %q", err, want)
	}
	// It pauses now; its end does not wait for that.
	began := clock()
	if err := stop(); err != nil || !clock().Equal(began) {
		t.Errorf("it ended with %v after %v", err, clock().Sub(began))
	}
}

func TestWhatALogYieldsBeforeItFailsIsApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &tally{}
		log := script{all: func(_ context.Context, after eventlog.Position, yield func(eventlog.Recorded, error) bool) {
			yield(event(after+1), nil)
			yield(eventlog.Recorded{}, eventlog.ErrUnavailable)
		}}
		r := projections.NewRunner(log, p, nil)
		stop := start(t, r)
		if err := r.Wait(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		_ = stop()
		if got := p.all(); !slices.Equal(got[:3], []eventlog.Position{1, 2, 3}) {
			t.Errorf("applied %v", got)
		}
	})
}

func TestItEndsWithItsContextWhileTheProjectionIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := &tally{before: func([]eventlog.Recorded) error { cancel(); return errors.New("too late") }}
		r := projections.NewRunner(yields(events(5_000)...), p, func(err error) { t.Errorf("reported %v", err) })
		if err := r.Run(ctx); err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
}

func TestWhoWaitsIsNotHeldForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := projections.NewRunner(yields(event(1)), &tally{}, nil)
		stop := start(t, r)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := r.Wait(ctx, 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting for what does not come ended with %v", err)
		}
		if err := r.WaitCaughtUp(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting for the head that does not come ended with %v", err)
		}
		if err := r.Wait(ctx, 1); err != nil {
			t.Errorf("what is there already needs no time, but %v", err)
		}
		_ = stop()
	})
}

func TestTheLagIsTheAgeOfTheNewestEventUntilTheHeadIsReached(t *testing.T) {
	now := noon.Add(time.Minute)
	for _, c := range []struct {
		name    string
		records []eventlog.Recorded
		want    time.Duration
		known   bool
	}{
		{"nothing yet", nil, 0, false},
		{"in the middle", events(10), 50 * time.Second, true},
		{"at the head", append(events(10), checkpoint(10)), 0, true},
		{"something new", append(events(10), checkpoint(10), event(20)), 40 * time.Second, true},
		{"a clock that is behind", []eventlog.Recorded{event(90)}, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := projections.NewRunner(yields(c.records...), &tally{}, nil)
				stop := start(t, r)
				synctest.Wait()
				if lag, known := r.Lag(now); lag != c.want || known != c.known {
					t.Errorf("the lag is %v, known %v; want %v, %v", lag, known, c.want, c.known)
				}
				_ = stop()
			})
		})
	}
}

func TestTheHeadIsLostWithAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, news := &tally{}, make(chan struct{})
		log := script{all: func(ctx context.Context, after eventlog.Position, yield func(eventlog.Recorded, error) bool) {
			yield(event(1), nil)
			yield(checkpoint(1), nil)
			<-news
			yields(event(2)).all(ctx, after, yield)
		}}
		r := projections.NewRunner(log, p, nil)
		stop := start(t, r)
		if err := r.WaitCaughtUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		p.before = func([]eventlog.Recorded) error { return errors.New("the disk is full") }
		close(news)
		synctest.Wait()
		if lag, known := r.Lag(noon.Add(time.Minute)); lag != 59*time.Second || !known {
			t.Errorf("the lag is %v, known %v; the newest applied event is 59 s old", lag, known)
		}
		if up, err := r.CaughtUp(); !up || err == nil {
			t.Errorf("caught up since the start: %v, want true; the latest error: %v", up, err)
		}
		_ = stop()
	})
}
