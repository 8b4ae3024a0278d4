package conformance

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/esdb"
)

// check is one promise, and how it is held against a log.
type check struct {
	promise string
	holds   func(*testing.T, *esdb.Log)
}

// ofAServer are the checks of what this package relies on and the suite of all engines cannot ask for.
func ofAServer() []check {
	return []check{
		{"a retry is recognised long after the server has forgotten its id", oldRetry},
		{"a retry with another event in it is refused", mixedRetry},
		{"a deleted stream is hidden, takes events as a new one, and counts on", revival},
		{"a trimmed stream is hidden from readers of everything, and its events are accounted for", trimming},
		{"nodes that trim the same stream at once trim it once", trimmingAtOnce},
		{"more calls at once than a connection carries take turns", manyCalls},
		{"a position told once is taken again", positionsAgain},
	}
}

func noted(stream string, i int) eventlog.Event {
	return eventlog.Event{ID: eventlog.NewID(stream, i), Type: "Noted", Data: fmt.Appendf(nil, `{"n":%d}`, i), Meta: map[string]string{"actor": "ann"}}
}

func record(t *testing.T, log *esdb.Log, stream string, from, n int) eventlog.Position {
	t.Helper()
	events := make([]eventlog.Event, n)
	for i := range events {
		events[i] = noted(stream, from+i)
	}
	p, err := log.Append(t.Context(), stream, eventlog.Revision(from)-1, events...)
	if err != nil {
		t.Fatalf("appending to %s behind %d: %v", stream, from-1, err)
	}
	return p
}

func revisions(t *testing.T, log *esdb.Log, stream string) (all []eventlog.Revision) {
	t.Helper()
	for e, err := range log.Stream(t.Context(), stream, 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Revision)
	}
	return all
}

// oldRetry writes more than the cache of recent ids holds (8 MiB) before it tries again.
func oldRetry(t *testing.T, log *esdb.Log) {
	first := record(t, log, "flag-a", 0, 3)
	record(t, log, "flag-a", 3, 1)
	big := make([]byte, 500<<10)
	for i := range 20 {
		e := eventlog.Event{ID: eventlog.NewID("big", i), Type: "Noted", Data: big}
		if _, err := log.Append(t.Context(), "measurement-a", eventlog.Revision(i)-1, e); err != nil {
			t.Fatal(err)
		}
	}
	if again := record(t, log, "flag-a", 0, 3); again != first {
		t.Errorf("the retry is at %d, the original at %d", again, first)
	}
	if got := revisions(t, log, "flag-a"); len(got) != 4 {
		t.Errorf("the stream has the revisions %v, want 4", got)
	}
}

func mixedRetry(t *testing.T, log *esdb.Log) {
	record(t, log, "flag-a", 0, 3)
	_, err := log.Append(t.Context(), "flag-a", eventlog.NoStream, noted("flag-a", 0), noted("other", 1))
	if !errors.Is(err, eventlog.ErrConflict) {
		t.Errorf("the first event again and another behind it: %v, want a conflict", err)
	}
	if got := revisions(t, log, "flag-a"); len(got) != 3 {
		t.Errorf("the stream has the revisions %v, want 3", got)
	}
}

func revival(t *testing.T, log *esdb.Log) {
	record(t, log, "flag-a", 0, 3)
	for range 2 {
		if err := log.Delete(t.Context(), "flag-a"); err != nil {
			t.Fatal(err)
		}
	}
	if got := revisions(t, log, "flag-a"); len(got) != 0 {
		t.Errorf("the deleted stream shows %v", got)
	}
	if _, err := log.Append(t.Context(), "flag-a", eventlog.NoStream, noted("flag-a", 3)); err != nil {
		t.Fatal(err)
	}
	if got := revisions(t, log, "flag-a"); !slices.Equal(got, []eventlog.Revision{3}) {
		t.Errorf("revived, it shows %v, want 3", got)
	}
}

// read returns how many events of each stream a reader of everything sees, and how many entries there are, trimmed or not.
func read(t *testing.T, log *esdb.Log) (seen map[string]int, entries, trimmed int, chain eventlog.Hash) {
	t.Helper()
	seen = map[string]int{}
	for e, err := range log.All(t.Context(), 0, eventlog.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.IsCheckpoint() {
			break
		}
		seen[e.Stream]++
	}
	for e, err := range log.Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if entries++; e.Trimmed {
			trimmed++
		}
		chain = chain.Link(e.Digest)
	}
	return seen, entries, trimmed, chain
}

func trimming(t *testing.T, log *esdb.Log) {
	record(t, log, "measurement-a", 0, 10)
	record(t, log, "flag-a", 0, 1)
	record(t, log, "measurement-b", 0, 2)
	_, _, _, before := read(t, log)
	if n, err := log.Trim(t.Context(), "measurement-a"); err != nil || n != 10 {
		t.Fatalf("trimmed %d, %v, want 10", n, err)
	}
	seen, entries, trimmed, chain := read(t, log)
	if len(seen) != 2 || seen["flag-a"] != 1 || seen["measurement-b"] != 2 || entries != 13 || trimmed != 10 || chain != before {
		t.Errorf("readers see %v; %d entries, %d trimmed, want 13 and 10; the chain is %s, was %s", seen, entries, trimmed, chain, before)
	}
	if got := revisions(t, log, "measurement-a"); len(got) != 0 {
		t.Errorf("the trimmed stream shows %v", got)
	}
}

func trimmingAtOnce(t *testing.T, log *esdb.Log) {
	record(t, log, "measurement-a", 0, 10)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if n, err := log.Trim(t.Context(), "measurement-a"); err != nil || n != 10 {
				t.Errorf("trimmed %d, %v, want 10", n, err)
			}
		})
	}
	group.Wait()
	if seen, entries, trimmed, _ := read(t, log); len(seen) != 0 || entries != 10 || trimmed != 10 {
		t.Errorf("readers see %v; %d entries, %d trimmed, want 10 of 10", seen, entries, trimmed)
	}
}

func manyCalls(t *testing.T, log *esdb.Log) {
	var group sync.WaitGroup
	for w := range 150 {
		stream := fmt.Sprintf("flag-%d", w)
		group.Go(func() {
			if _, err := log.Append(t.Context(), stream, eventlog.NoStream, noted(stream, 0)); err != nil {
				t.Errorf("%s: %v", stream, err)
			}
		})
	}
	group.Wait()
	if seen, _, _, _ := read(t, log); len(seen) != 150 {
		t.Errorf("%d streams are there, want 150", len(seen))
	}
}

// positionsAgain holds what positions are used for against the server: commit and prepare position of an event agree, so the one number
// that is kept names a place to go on from.
func positionsAgain(t *testing.T, log *esdb.Log) {
	for i := range 20 {
		record(t, log, "flag-a", 3*i, 3)
	}
	var all []eventlog.Position
	for e, err := range log.All(t.Context(), 0, eventlog.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.IsCheckpoint() {
			break
		}
		all = append(all, e.Position)
	}
	for i, p := range all {
		n := i + 1
		for e, err := range log.All(t.Context(), p, eventlog.Filter{Categories: []string{"flag"}}) {
			if err != nil {
				t.Fatalf("behind %d: %v", p, err)
			}
			if e.IsCheckpoint() {
				break
			}
			if n == len(all) || e.Position != all[n] {
				t.Fatalf("behind position %d comes %d, want number %d of %v", p, e.Position, n, all)
			}
			n++
		}
		if n != len(all) {
			t.Errorf("behind position %d come %d events, want %d", p, n-i-1, len(all)-i-1)
		}
	}
}
