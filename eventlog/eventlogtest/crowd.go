package eventlogtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/assayhq/assay/eventlog"
)

func crowding() []check {
	return []check{
		{"many writers of one stream each win in turn", oneStream},
		{"many writers of many streams do not disturb each other", manyStreams},
		{"the same append many times at once is one append", func(t *trial) {
			const writers = 16
			answers := make([]eventlog.Position, writers)
			t.together(writers, func(i int) error {
				var err error
				answers[i], err = t.log.Append(t.ctx, "flag-a", eventlog.NoStream, notes("c1", 3)...)
				return err
			})
			got := t.holds("flag-a", notes("c1", 3)...)
			equal(t, "answers", answers, slices.Repeat([]eventlog.Position{got[2].Position}, writers))
		}},
		{"one of many different appends at once wins", func(t *trial) {
			const writers = 16
			wins := make([]bool, writers)
			t.together(writers, func(i int) error {
				_, err := t.log.Append(t.ctx, "flag-a", eventlog.NoStream, notes(fmt.Sprint(i), 2)...)
				wins[i] = err == nil
				if errors.Is(err, eventlog.ErrConflict) {
					return nil
				}
				return err
			})
			winner := slices.Index(wins, true)
			if winner < 0 || slices.Contains(wins[winner+1:], true) {
				t.Fatalf("winners: %v, want one", wins)
			}
			t.holds("flag-a", notes(fmt.Sprint(winner), 2)...)
		}},
	}
}

// together runs n writers at once and waits for them.
func (t *trial) together(n int, write func(i int) error) {
	t.Helper()
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			if err := write(i); err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	group.Wait()
}

// watch follows the log in a goroutine of its own until it has seen n events; the function returned waits for them.
func (t *trial) watch(n int, filter eventlog.Filter) func() []eventlog.Recorded {
	seen := make(chan []eventlog.Recorded, 1)
	ctx, cancel := context.WithCancel(t.ctx)
	go func() { seen <- t.take(ctx, n, filter) }()
	return func() []eventlog.Recorded {
		t.Helper()
		if t.Failed() {
			cancel() // what it waits for will not come
		}
		defer cancel()
		events := <-seen
		for i := 1; i < len(events); i++ {
			if events[i].Position <= events[i-1].Position {
				t.Errorf("the follower saw position %d after %d", events[i].Position, events[i-1].Position)
			}
		}
		return events
	}
}

// take follows the log until it has seen n events.
func (t *trial) take(ctx context.Context, n int, filter eventlog.Filter) []eventlog.Recorded {
	var events []eventlog.Recorded
	for e, err := range t.log.All(ctx, 0, filter) {
		if err != nil {
			t.Errorf("following: %v after %d of %d events", err, len(events), n)
			break
		}
		if !e.IsCheckpoint() {
			events = append(events, e)
		}
		if len(events) == n {
			break
		}
	}
	return events
}

func oneStream(t *trial) {
	const writers, each = 8, 25
	watched := t.watch(writers*each*2, eventlog.Filter{})
	t.together(writers, func(writer int) error {
		at := eventlog.NoStream
		for i := 0; i < each; {
			name := fmt.Sprintf("writer %d append %d", writer, i)
			_, err := t.log.Append(t.ctx, "flag-a", at, notes(name, 2)...)
			var conflict *eventlog.ConflictError
			switch {
			case errors.As(err, &conflict):
				if conflict.Actual <= at {
					return fmt.Errorf("conflict at %d though the stream is at %d", at, conflict.Actual)
				}
				at = conflict.Actual
			case err != nil:
				return err
			default:
				at += 2
				i++
			}
		}
		return nil
	})
	seen, stored := watched(), t.stream("flag-a", 0)
	equal(t, "the follower sees the stream", ids(seen), ids(stored))
	t.whole(stored, writers*each)
}

func manyStreams(t *trial) {
	const writers, each = 8, 40
	flags := t.watch(writers/2*each*2, eventlog.Filter{Categories: []string{"flag"}})
	watched := t.watch(writers*each*2, eventlog.Filter{})
	t.together(writers, func(writer int) error {
		stream := []string{"flag-", "measurement-"}[writer%2] + fmt.Sprint(writer)
		for i := range each {
			if _, err := t.log.Append(t.ctx, stream, eventlog.Revision(2*i)-1, notes(fmt.Sprintf("%s append %d", stream, i), 2)...); err != nil {
				return err
			}
		}
		return nil
	})
	seen, seenFlags := watched(), flags()
	t.whole(seen, writers*each)
	next := map[string]eventlog.Revision{}
	for _, e := range seen {
		if e.Revision != next[e.Stream] {
			t.Errorf("the follower saw revision %d of %s, want %d", e.Revision, e.Stream, next[e.Stream])
		}
		next[e.Stream]++
	}
	onlyFlags := slices.DeleteFunc(slices.Clone(seen), func(e eventlog.Recorded) bool { return eventlog.Category(e.Stream) != "flag" })
	equal(t, "the filtered follower sees its part", ids(seenFlags), ids(onlyFlags))
}

// whole checks that the events are n appends of two notes each, next to each other, none twice.
func (t *trial) whole(events []eventlog.Recorded, n int) {
	t.Helper()
	if len(events) != 2*n {
		t.Fatalf("%d events, want %d", len(events), 2*n)
	}
	commands := map[string]bool{}
	for i := 0; i < len(events); i += 2 {
		command := events[i].Meta["commandId"]
		t.same(events[i], note(command, 0))
		t.same(events[i+1], note(command, 1))
		if commands[command] {
			t.Errorf("%s is recorded twice", command)
		}
		commands[command] = true
	}
}
