package eventlogtest

import (
	"time"

	"github.com/assayhq/assay/eventlog"
)

func restarting() []check {
	return []check{
		{"a restart keeps everything", restartKeeps},
		{"a retry after a restart records nothing", func(t *trial) {
			original := t.append("flag-a", eventlog.NoStream, notes("c1", 2)...)
			t.append("flag-a", 1, note("c2", 0))
			t.reopen()
			t.retry(eventlog.NoStream, original, notes("c1", 2)...)
			t.conflict("flag-a", eventlog.NoStream, 2, note("c3", 0))
			t.holds("flag-a", note("c1", 0), note("c1", 1), note("c2", 0))
		}},
		{"the recorded time never runs backwards", timeGoesOn},
	}
}

func (t *trial) reopen() { t.log = t.harness.Reopen() }

func restartKeeps(t *trial) {
	for i := range 50 {
		t.append("flag-a", eventlog.Revision(2*i)-1, note("a", 2*i), note("a", 2*i+1))
		t.append("experiment-b", eventlog.Revision(i)-1, note("b", i))
	}
	head, err := t.log.Head(t.ctx)
	if err != nil {
		t.Fatal(err)
	}
	before := t.history(head)
	t.reopen()
	if got, err := t.log.Head(t.ctx); err != nil || got != head {
		t.Errorf("the head is %d after the restart (%v), was %d", got, err, head)
	}
	after := t.history(head)
	if len(after) != len(before) {
		t.Fatalf("%d events after the restart, %d before", len(after), len(before))
	}
	for i, e := range after {
		t.same(e, before[i].Event)
		if b := before[i]; e.Stream != b.Stream || e.Revision != b.Revision || e.Position != b.Position || !e.RecordedAt.Equal(b.RecordedAt) {
			t.Errorf("after the restart %+v, before %+v", e, b)
		}
	}
	if next := t.append("flag-a", 99, note("a", 100)); next <= head {
		t.Errorf("position %d after a restart at %d", next, head)
	}
	t.holds("flag-a", notes("a", 101)...)
	r := t.follow(head, eventlog.Filter{Categories: []string{"flag"}})
	defer r.stop()
	t.same(r.event(), note("a", 100))
}

func timeGoesOn(t *trial) {
	start := time.Date(2026, 11, 22, 12, 0, 0, 123456700, time.UTC)
	clock := func(at time.Time) {
		if t.harness.SetClock != nil {
			t.harness.SetClock(at)
		}
	}
	clock(start)
	t.append("flag-a", eventlog.NoStream, note("c", 0))
	clock(start.Add(-time.Hour))
	t.append("flag-a", 0, note("c", 1))
	t.reopen()
	t.append("flag-a", 1, note("c", 2))
	clock(start.Add(time.Second))
	t.append("flag-a", 2, note("c", 3))
	got := t.holds("flag-a", notes("c", 4)...)
	for i := 1; i < len(got); i++ {
		if got[i].RecordedAt.Before(got[i-1].RecordedAt) {
			t.Errorf("revision %d recorded at %v, before %v", i, got[i].RecordedAt, got[i-1].RecordedAt)
		}
	}
	if t.harness.SetClock == nil {
		return
	}
	for i, want := range []time.Time{start, start, start, start.Add(time.Second)} {
		if !got[i].RecordedAt.Equal(want) {
			t.Errorf("revision %d recorded at %v, want %v", i, got[i].RecordedAt, want)
		}
	}
}
