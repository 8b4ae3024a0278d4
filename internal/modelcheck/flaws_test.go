package modelcheck_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/eventlogtest"
)

// flawed is a log that does one thing wrong, a few times.
type flawed struct {
	eventlog.Log
	mu     sync.Mutex
	calls  int
	append func(ctx context.Context, log eventlog.Log, n int, stream string, expected eventlog.Revision, events []eventlog.Event) (eventlog.Position, error)
	stream func(n int, all []eventlog.Recorded) []eventlog.Recorded
	all    func(n int, r eventlog.Recorded) (out []eventlog.Recorded)
}

func (f *flawed) next() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	return f.calls
}

func (f *flawed) Append(ctx context.Context, stream string, expected eventlog.Revision, events ...eventlog.Event) (eventlog.Position, error) {
	if f.append == nil {
		return f.Log.Append(ctx, stream, expected, events...)
	}
	return f.append(ctx, f.Log, f.next(), stream, expected, events)
}

func (f *flawed) Stream(ctx context.Context, stream string, from eventlog.Revision) iter.Seq2[eventlog.Recorded, error] {
	if f.stream == nil {
		return f.Log.Stream(ctx, stream, from)
	}
	return func(yield func(eventlog.Recorded, error) bool) {
		var all []eventlog.Recorded
		for r, err := range f.Log.Stream(ctx, stream, from) {
			if err != nil {
				yield(r, err)
				return
			}
			all = append(all, r)
		}
		for _, r := range f.stream(f.next(), all) {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (f *flawed) All(ctx context.Context, after eventlog.Position, filter eventlog.Filter) iter.Seq2[eventlog.Recorded, error] {
	if f.all == nil {
		return f.Log.All(ctx, after, filter)
	}
	return func(yield func(eventlog.Recorded, error) bool) {
		for r, err := range f.Log.All(ctx, after, filter) {
			if err != nil {
				yield(r, err)
				return
			}
			out := []eventlog.Recorded{r}
			if !r.IsCheckpoint() {
				out = f.all(f.next(), r)
			}
			for _, one := range out {
				if !yield(one, nil) {
					return
				}
			}
		}
	}
}

const lateEnough = 25 // calls; the ground is laid by then

// again is the events with new ids, as a careless retry makes them.
func again(events []eventlog.Event, n int) []eventlog.Event {
	out := make([]eventlog.Event, len(events))
	for i, e := range events {
		e.ID = eventlog.NewID(fmt.Sprint("again ", n), i)
		out[i] = e
	}
	return out
}

func inLog(f *flawed) flaw {
	return flaw{log: func(_ *world, log eventlog.Log) eventlog.Log {
		return &flawed{Log: log, append: f.append, stream: f.stream, all: f.all}
	}}
}

// forgetful loses the last event that it acknowledged when its process ends.
type forgetful struct{ inMemory }

func (e *forgetful) open(w *world, died func()) (eventlog.Log, error) {
	was := e.log
	if was == nil {
		return e.inMemory.open(w, died)
	}
	was = was.Reopen()
	all, err := readAll(context.Background(), was)
	if err != nil {
		return nil, err
	}
	e.log = eventlogtest.Memory()
	for _, r := range all.events[:len(all.events)-1] {
		if _, err := e.log.Append(context.Background(), r.Stream, r.Revision-1, r.Event); err != nil {
			return nil, err
		}
	}
	return e.log, was.Close()
}

// The check is worth what it finds: each of these does one thing wrong, and is found out within a few seeds.
func TestTheCheckFindsOutEveryFlaw(t *testing.T) {
	memory := func(uint64) engine { return &inMemory{} }
	for _, one := range []struct {
		name   string
		engine func(uint64) engine
		flaw   flaw
		says   string // a part of what one of the findings must be
	}{
		{"an acknowledged append is not recorded", memory, inLog(&flawed{append: func(ctx context.Context, log eventlog.Log, n int, stream string, expected eventlog.Revision, events []eventlog.Event) (eventlog.Position, error) {
			if n == lateEnough {
				return log.Head(ctx)
			}
			return log.Append(ctx, stream, expected, events...)
		}}), "acknowledged"},
		{"an append is recorded twice", memory, inLog(&flawed{append: func(ctx context.Context, log eventlog.Log, n int, stream string, expected eventlog.Revision, events []eventlog.Event) (eventlog.Position, error) {
			p, err := log.Append(ctx, stream, expected, events...)
			if n%lateEnough == 0 && err == nil {
				_, _ = log.Append(ctx, stream, expected+eventlog.Revision(len(events)), again(events, n)...)
			}
			return p, err
		}}), "nobody asked for"},
		{"an expected revision is not looked at", memory, inLog(&flawed{append: func(ctx context.Context, log eventlog.Log, _ int, stream string, expected eventlog.Revision, events []eventlog.Event) (eventlog.Position, error) {
			p, err := log.Append(ctx, stream, expected, events...)
			if conflict, is := errors.AsType[*eventlog.ConflictError](err); is {
				return log.Append(ctx, stream, conflict.Actual, events...)
			}
			return p, err
		}}), "not linearizable"},
		{"a refused append is recorded", memory, inLog(&flawed{append: func(ctx context.Context, log eventlog.Log, n int, stream string, expected eventlog.Revision, events []eventlog.Event) (eventlog.Position, error) {
			p, err := log.Append(ctx, stream, expected, events...)
			if n%lateEnough == 0 && err == nil {
				return 0, fmt.Errorf("%w: so it says", eventlog.ErrUnavailable)
			}
			return p, err
		}}), "nobody was told so"},
		{"a stream is read without its end", memory, inLog(&flawed{stream: func(n int, all []eventlog.Recorded) []eventlog.Recorded {
			if n%lateEnough == 0 && len(all) > 0 {
				return all[:len(all)-1]
			}
			return all
		}}), "the calls of the log"},
		{"a subscription leaves one event out", memory, inLog(&flawed{all: func(n int, r eventlog.Recorded) []eventlog.Recorded {
			if n%lateEnough == 0 {
				return nil
			}
			return []eventlog.Recorded{r}
		}}), "follower"},
		{"a subscription delivers one event twice", memory, inLog(&flawed{all: func(n int, r eventlog.Recorded) []eventlog.Recorded {
			if n%lateEnough == 0 {
				return []eventlog.Recorded{r, r}
			}
			return []eventlog.Recorded{r}
		}}), "follower"},
		{"a subscription swaps two events", memory, swapping(), "follower"},
		{"a restart loses the last event", func(uint64) engine { return &forgetful{} }, flaw{}, "not the"},
		{"a service retries with new ids", memory, flaw{service: func(_ *world, log eventlog.Log) eventlog.Log {
			return &flawed{Log: log, append: func(ctx context.Context, log eventlog.Log, n int, stream string, expected eventlog.Revision, events []eventlog.Event) (eventlog.Position, error) {
				p, err := log.Append(ctx, stream, expected, events...)
				if !errors.Is(err, eventlog.ErrUnknownOutcome) {
					return p, err
				}
				p, err = log.Append(ctx, stream, expected, again(events, n)...)
				if conflict, is := errors.AsType[*eventlog.ConflictError](err); is {
					return log.Append(ctx, stream, conflict.Actual, again(events, n)...)
				}
				return p, err
			}}
		}}, "nobody asked for"},
	} {
		t.Run(one.name, func(t *testing.T) {
			var found []string
			for seed := uint64(1); seed <= 20; seed++ {
				out := simulate(t, seed, one.engine, usual, one.flaw)
				found = append(found, out.wrong...)
				if strings.Contains(strings.Join(out.wrong, "\n"), one.says) {
					t.Logf("seed %d: %s", seed, out.wrong[0])
					return
				}
			}
			t.Errorf("nobody notices in 20 histories, or not as %q:\n%s", one.says, strings.Join(found, "\n"))
		})
	}
}

// swapping holds one event back until the next has come.
func swapping() flaw {
	return flaw{log: func(_ *world, log eventlog.Log) eventlog.Log {
		var (
			mu   sync.Mutex
			held *eventlog.Recorded
		)
		return &flawed{Log: log, all: func(n int, r eventlog.Recorded) []eventlog.Recorded {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case held != nil && held.Position+1 == r.Position:
				out := []eventlog.Recorded{r, *held}
				held = nil
				return out
			case held == nil && n%lateEnough == 0:
				held = &r
				return nil
			default:
				return []eventlog.Recorded{r}
			}
		}}
	}}
}
