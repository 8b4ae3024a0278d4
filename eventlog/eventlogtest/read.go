package eventlogtest

import (
	"context"
	"errors"
	"iter"

	"github.com/assayhq/assay/eventlog"
)

func reading() []check {
	return []check{
		{"a stream reads from any revision", func(t *trial) {
			t.append("flag-a", eventlog.NoStream, notes("c1", 10)...)
			all := t.stream("flag-a", 0)
			for from := range eventlog.Revision(12) {
				equal(t, "from a revision", positions(t.stream("flag-a", from)), positions(all[min(int(from), 10):]))
			}
			equal(t, "from a negative revision", positions(t.stream("flag-a", -1)), positions(all))
		}},
		{"a missing stream yields nothing", func(t *trial) {
			t.append("flag-ab", eventlog.NoStream, note("c1", 0))
			for _, stream := range []string{"flag-a", "flag-abc", "flag", "experiment-x"} {
				if got := t.stream(stream, 0); len(got) != 0 {
					t.Errorf("%s yields %d events", stream, len(got))
				}
			}
		}},
		{"a stream is in order whatever lies between its events", func(t *trial) {
			for i := range 700 {
				t.append("flag-a", eventlog.Revision(i)-1, note("a", i))
				t.append([]string{"measurement-b", "flag-b"}[i%2], eventlog.Any, note("b", i))
			}
			t.holds("flag-a", notes("a", 700)...)
		}},
		{"a consumer may stop reading a stream", func(t *trial) {
			t.append("flag-a", eventlog.NoStream, notes("c1", 10)...)
			t.stops(t.log.Stream(t.ctx, "flag-a", 0))
			t.append("flag-a", 9, note("c2", 0))
		}},
		{"a stream read ends with its context", streamEnds},
		{"a reader owns what it gets", func(t *trial) {
			t.append("flag-a", eventlog.NoStream, note("c1", 0))
			e := t.stream("flag-a", 0)[0]
			e.Data[0], e.Meta["actor"] = 'X', "bob"
			t.holds("flag-a", note("c1", 0))
		}},
	}
}

func following() []check {
	return []check{
		{"the log is read in order of position", orderOfPosition},
		{"reading begins after the given position", afterPosition},
		{"history turns into live without gap or repetition", historyThenLive(eventlog.Filter{})},
		{"a filtered history turns into live without gap or repetition", historyThenLive(eventlog.Filter{Categories: []string{"flag", "experiment", "flag"}})},
		{"an empty log has its head at 0", func(t *trial) {
			r := t.follow(0, eventlog.Filter{})
			defer r.stop()
			r.quiet(0)
			t.append("flag-a", eventlog.NoStream, note("c1", 0))
			t.same(r.event(), note("c1", 0))
		}},
		{"a filtered reader learns the head", func(t *trial) {
			last := t.append("measurement-a", eventlog.NoStream, notes("c1", 50)...)
			r := t.follow(0, eventlog.Filter{Categories: []string{"flag"}})
			defer r.stop()
			r.quiet(last)
			last = t.append("measurement-a", 49, notes("c2", 50)...)
			r.quiet(last)
			t.append("flag-a", eventlog.NoStream, note("c3", 0))
			t.same(r.event(), note("c3", 0))
		}},
		{"a category is no prefix", categoryIsNoPrefix},
		{"following ends with its context", followingEnds},
		{"a consumer may stop following", func(t *trial) {
			t.append("flag-a", eventlog.NoStream, notes("c1", 10)...)
			t.stops(t.log.All(t.ctx, 0, eventlog.Filter{}))
			t.append("flag-a", 9, note("c2", 0))
		}},
		{"a slow reader loses nothing and holds nobody up", slowReader},
	}
}

// historyThenLive appends to three categories before and while a reader follows.
func historyThenLive(filter eventlog.Filter) func(*trial) {
	return func(t *trial) {
		streams := []string{"flag-a", "measurement-a", "experiment-a", "flag-b"}
		var want []eventlog.ID
		write := func(i int) {
			stream := streams[i%len(streams)]
			t.append(stream, eventlog.Revision(i/len(streams)*2)-1, note(stream, 2*i), note(stream, 2*i+1))
			if filter.Matches(stream) {
				want = append(want, eventlog.NewID(stream, 2*i), eventlog.NewID(stream, 2*i+1))
			}
		}
		const history, live = 400, 100
		for i := range history {
			write(i)
		}
		r := t.follow(0, filter)
		defer r.stop()
		got := ids(r.events(len(want)))
		for i := range live {
			before := len(want)
			write(history + i)
			got = append(got, ids(r.events(len(want)-before))...)
		}
		equal(t, "events", got, want)
	}
}

func followingEnds(t *trial) {
	t.append("flag-a", eventlog.NoStream, notes("c1", 10)...)
	for _, when := range []string{"in history", "at the head"} {
		ctx, cancel := context.WithCancel(t.ctx)
		var last error
		events := 0
		for e, err := range t.log.All(ctx, 0, eventlog.Filter{}) {
			last = err
			if err == nil && !e.IsCheckpoint() {
				events++
			}
			if events > 0 && (when == "in history" || e.IsCheckpoint()) {
				cancel()
			}
		}
		cancel()
		if want := map[string]int{"in history": 1, "at the head": 10}[when]; events != want || !errors.Is(last, context.Canceled) {
			t.Errorf("cancelled %s: %d events, want %d, then %v", when, events, want, last)
		}
	}
}

func orderOfPosition(t *trial) {
	t.append("flag-a", eventlog.NoStream, notes("c1", 2)...)
	t.append("experiment-b", eventlog.NoStream, notes("c2", 3)...)
	last := t.append("flag-a", 1, notes("c3", 2)...)
	got := t.history(last)
	want := append(append(notes("c1", 2), notes("c2", 3)...), notes("c3", 2)...)
	if len(got) != len(want) || got[len(got)-1].Position != last {
		t.Fatalf("got %d events, want %d up to position %d", len(got), len(want), last)
	}
	for i := range got {
		t.same(got[i], want[i])
	}
	equal(t, "the stream has the same positions", positions(t.stream("flag-a", 0)), positions(append(got[:2:2], got[5:]...)))
}

func afterPosition(t *trial) {
	t.append("flag-a", eventlog.NoStream, notes("c1", 5)...)
	all := t.stream("flag-a", 0)
	for i, e := range all {
		r := t.follow(e.Position, eventlog.Filter{})
		equal(t, "after a position", ids(r.events(4-i)), ids(all[i+1:]))
		r.quiet(all[4].Position)
		r.stop()
	}
}

func categoryIsNoPrefix(t *trial) {
	for _, stream := range []string{"flags-a", "fla-a", "flag", "flag-a", "x-flag-a"} {
		t.append(stream, eventlog.NoStream, note(stream, 0))
	}
	r := t.follow(0, eventlog.Filter{Categories: []string{"flag"}})
	defer r.stop()
	for _, want := range []string{"flag", "flag-a"} {
		if e := r.event(); e.Stream != want {
			t.Errorf("got an event of %s, want %s", e.Stream, want)
		}
	}
}

func slowReader(t *trial) {
	t.append("flag-a", eventlog.NoStream, note("slow", 0))
	r := t.follow(0, eventlog.Filter{})
	defer r.stop()
	t.same(r.event(), note("slow", 0)) // it now stands in the middle, and does not move
	for i := range 2_000 {
		t.append("flag-a", eventlog.Revision(i), note("slow", i+1))
	}
	for i, e := range r.events(2_000) {
		t.same(e, note("slow", i+1))
	}
}

// stops breaks off a read after three events.
func (t *trial) stops(read iter.Seq2[eventlog.Recorded, error]) {
	t.Helper()
	count := 0
	for _, err := range read {
		if err != nil {
			t.Fatal(err)
		}
		if count++; count == 3 {
			break
		}
	}
	if count != 3 {
		t.Errorf("read %d events, want 3", count)
	}
}

func streamEnds(t *trial) {
	t.append("flag-a", eventlog.NoStream, notes("c1", 10)...)
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	var last error
	count := 0
	for _, err := range t.log.Stream(ctx, "flag-a", 0) {
		last = err
		if err == nil {
			count++
			cancel()
		}
	}
	if count != 1 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d events after the context ended, then %v", count-1, last)
	}
}
