package eventlogtest

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/assayhq/assay/eventlog"
)

func appending() []check {
	return []check{
		{"an event reads back as it was handed in", func(t *trial) {
			t.append("flag-a", eventlog.NoStream, note("c1", 0))
			t.holds("flag-a", note("c1", 0))
		}},
		{"an event may have neither data nor metadata", func(t *trial) {
			bare := eventlog.Event{ID: eventlog.NewID("c1", 0), Type: "Noted"}
			t.append("flag-a", eventlog.NoStream, bare)
			t.holds("flag-a", bare)
		}},
		{"any bytes may be data", func(t *trial) {
			e := note("c1", 0)
			e.Data = []byte{0, 0xff, 0xfe, '\n', 0}
			t.append("flag-a", eventlog.NoStream, e)
			t.holds("flag-a", e)
		}},
		{"the exact revision is accepted", exactRevision},
		{"any revision is accepted", anyRevision},
		{"a stream that exists is not new", func(t *trial) {
			t.append("flag-a", eventlog.NoStream, notes("c1", 2)...)
			t.conflict("flag-a", eventlog.NoStream, 1, note("c2", 0))
			t.holds("flag-a", notes("c1", 2)...)
		}},
		{"a stale revision is a conflict", func(t *trial) {
			t.append("flag-a", eventlog.NoStream, notes("c1", 3)...)
			t.conflict("flag-a", 1, 2, note("c2", 0))
			t.holds("flag-a", notes("c1", 3)...)
		}},
		{"a future revision is a conflict", func(t *trial) {
			t.conflict("flag-a", 0, eventlog.NoStream, note("c1", 0))
			t.append("flag-a", eventlog.NoStream, note("c1", 0))
			t.conflict("flag-a", 5, 0, note("c2", 0))
			t.conflict("flag-a", 1<<62, 0, note("c2", 0))
			t.holds("flag-a", note("c1", 0))
		}},
		{"streams do not share revisions", nobodyShares},
		{"an append that cannot be recorded records nothing", refusals},
		{"an append of the largest size is recorded", largest},
		{"an append whose context has ended records nothing", func(t *trial) {
			ended, cancel := context.WithCancel(t.ctx)
			cancel()
			if _, err := t.log.Append(ended, "flag-a", eventlog.NoStream, note("c1", 0)); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want the error of the context", err)
			}
			t.append("flag-a", eventlog.NoStream, note("c2", 0))
			t.holds("flag-a", note("c2", 0))
		}},
		{"the writer may reuse what it handed in", func(t *trial) {
			e := note("c1", 0)
			t.append("flag-a", eventlog.NoStream, e)
			e.Data[0], e.Meta["actor"] = 'X', "bob"
			t.holds("flag-a", note("c1", 0))
		}},
		{"the head is the position of the last event", heads},
	}
}

func exactRevision(t *trial) {
	var last eventlog.Position
	for i := range 5 {
		p := t.append("flag-a", eventlog.Revision(i)-1, note("c", i))
		if p <= last {
			t.Errorf("position %d follows %d", p, last)
		}
		last = p
	}
	if got := t.holds("flag-a", notes("c", 5)...); got[4].Position != last {
		t.Errorf("the last event is at %d, the append answered %d", got[4].Position, last)
	}
}

func anyRevision(t *trial) {
	t.append("flag-a", eventlog.Any, note("c", 0))
	t.append("flag-a", eventlog.Any, note("c", 1), note("c", 2))
	t.append("flag-a", 2, note("c", 3))
	t.holds("flag-a", notes("c", 4)...)
}

func refusals(t *trial) {
	head := t.append("flag-a", eventlog.NoStream, note("c", 0))
	change := func(f func(*eventlog.Event)) []eventlog.Event {
		events := notes("c2", 2)
		f(&events[1])
		return events
	}
	for name, c := range map[string]struct {
		stream   string
		expected eventlog.Revision
		events   []eventlog.Event
		want     error
	}{
		"no stream":       {"", eventlog.NoStream, notes("c2", 2), eventlog.ErrInvalid},
		"a system stream": {"$all", eventlog.NoStream, notes("c2", 2), eventlog.ErrInvalid},
		"no revision":     {"flag-a", eventlog.Any - 1, notes("c2", 2), eventlog.ErrInvalid},
		"no events":       {"flag-a", 0, nil, eventlog.ErrInvalid},
		"no type":         {"flag-a", 0, change(func(e *eventlog.Event) { e.Type = "" }), eventlog.ErrInvalid},
		"no id":           {"flag-a", 0, change(func(e *eventlog.Event) { e.ID = eventlog.ID{} }), eventlog.ErrInvalid},
		"the same id":     {"flag-a", 0, change(func(e *eventlog.Event) { e.ID = eventlog.NewID("c2", 0) }), eventlog.ErrInvalid},
		"overlong type":   {"flag-a", 0, change(func(e *eventlog.Event) { e.Type = strings.Repeat("T", eventlog.MaxName+1) }), eventlog.ErrInvalid},
		"overlong stream": {strings.Repeat("s", eventlog.MaxName+1), eventlog.NoStream, notes("c2", 2), eventlog.ErrInvalid},
		"too many":        {"flag-a", 0, notes("c2", eventlog.MaxEvents+1), eventlog.ErrTooLarge},
		"too large":       {"flag-a", 0, change(func(e *eventlog.Event) { e.Data = make([]byte, eventlog.MaxAppendBytes) }), eventlog.ErrTooLarge},
	} {
		if _, err := t.log.Append(t.ctx, c.stream, c.expected, c.events...); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	t.holds("flag-a", note("c", 0))
	if got := t.history(head); len(got) != 1 {
		t.Errorf("the log holds %d events, want 1", len(got))
	}
}

func largest(t *trial) {
	many := notes("many", eventlog.MaxEvents)
	t.append("flag-a", eventlog.NoStream, many...)
	t.holds("flag-a", many...)

	big := note("big", 0)
	big.Data = slices.Repeat([]byte{0xa5}, eventlog.MaxAppendBytes-(big.Size()-len(big.Data)))
	t.append("flag-b", eventlog.NoStream, big)
	t.holds("flag-b", big)
}

func heads(t *trial) {
	check := func(want eventlog.Position) {
		t.Helper()
		if got, err := t.log.Head(t.ctx); err != nil || got != want {
			t.Errorf("the head is %d (%v), want %d", got, err, want)
		}
	}
	check(0)
	check(t.append("flag-a", eventlog.NoStream, notes("c1", 3)...))
	second := t.append("flag-b", eventlog.NoStream, note("c2", 0))
	check(second)
	t.conflict("flag-b", eventlog.NoStream, 0, note("c3", 0))
	check(second)
}

func retrying() []check {
	return []check{
		{"a retry at the exact revision records nothing and answers the original position", func(t *trial) {
			t.append("flag-a", eventlog.NoStream, note("c1", 0))
			original := t.append("flag-a", 0, notes("c2", 2)...)
			t.retry(0, original, notes("c2", 2)...)
			t.append("flag-a", 2, note("c3", 0))
			t.retry(0, original, notes("c2", 2)...)
			t.holds("flag-a", note("c1", 0), note("c2", 0), note("c2", 1), note("c3", 0))
		}},
		{"a retry at no stream records nothing and answers the original position", func(t *trial) {
			original := t.append("flag-a", eventlog.NoStream, notes("c1", 3)...)
			t.append("flag-b", eventlog.NoStream, note("c2", 0))
			t.retry(eventlog.NoStream, original, notes("c1", 3)...)
			t.holds("flag-a", notes("c1", 3)...)
		}},
		{"partly different ids are a conflict", func(t *trial) {
			t.append("flag-a", eventlog.NoStream, notes("c1", 2)...)
			t.conflict("flag-a", eventlog.NoStream, 1, note("c1", 0), note("c2", 0))
			t.conflict("flag-a", eventlog.NoStream, 1, note("c2", 0), note("c1", 1))
			t.conflict("flag-a", eventlog.NoStream, 1, note("c1", 1), note("c1", 0))
			t.conflict("flag-a", 0, 1, note("c1", 0))
			t.holds("flag-a", notes("c1", 2)...)
		}},
		{"more events than were recorded are a conflict", func(t *trial) {
			t.append("flag-a", eventlog.NoStream, notes("c1", 2)...)
			t.conflict("flag-a", eventlog.NoStream, 1, notes("c1", 3)...)
			t.holds("flag-a", notes("c1", 2)...)
		}},
		{"the same ids in another stream are another append", func(t *trial) {
			first := t.append("flag-a", eventlog.NoStream, note("c1", 0))
			if second := t.append("flag-b", eventlog.NoStream, note("c1", 0)); second <= first {
				t.Errorf("positions %d and %d, want a new one", first, second)
			}
			t.holds("flag-b", note("c1", 0))
		}},
	}
}

// retry repeats an append to flag-a that was recorded.
func (t *trial) retry(expected eventlog.Revision, original eventlog.Position, events ...eventlog.Event) {
	t.Helper()
	if got := t.append("flag-a", expected, events...); got != original {
		t.Errorf("a retry answered position %d, the original append %d", got, original)
	}
}

func nobodyShares(t *trial) {
	// names that a careless index would mix up
	for _, stream := range []string{"flag-a", "flag-ab", "flag", "flag-a\x00", "flag-a\x00\x00\x00\x00\x00\x00\x00\x00\x00", "f"} {
		t.append(stream, eventlog.NoStream, note(stream, 0))
		t.append(stream, 0, note(stream, 1))
		t.holds(stream, notes(stream, 2)...)
	}
}
