package esdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/esdb/esdbtest"
)

const day, nextDay = "measurement-shop.production.2026-11-22", "measurement-shop.production.2026-11-23"

// filled is a log with two days of measurements and some of a flag between them.
func filled(t *testing.T, cluster *esdbtest.Cluster, perDay int) *Log {
	t.Helper()
	log := open(t, cluster.ConnectionString(), Options{Prefix: "ours.", Trims: []string{"measurement"}})
	next := map[string]int{}
	write := func(stream string, n int) {
		events := make([]eventlog.Event, n)
		for i := range events {
			events[i] = noted(stream, next[stream]+i)
		}
		if _, err := log.Append(t.Context(), stream, eventlog.Revision(next[stream])-1, events...); err != nil {
			t.Fatal(err)
		}
		next[stream] += n
	}
	for next[day] < perDay {
		write(day, min(perDay-next[day], 500))
		write("flag-shop.banner", 1)
		write(nextDay, 2)
	}
	return log
}

// census is what a log tells of itself: the events of every stream that readers see, the same for entries, and the chain.
type census struct {
	shown, entries map[string]int
	trimmed        int
	chain          eventlog.Hash
}

func count(t *testing.T, log *Log, filter eventlog.Filter) census {
	t.Helper()
	c := census{shown: map[string]int{}, entries: map[string]int{}}
	for e, err := range log.All(t.Context(), 0, filter) {
		if err != nil {
			t.Fatal(err)
		}
		if e.IsCheckpoint() {
			break
		}
		c.shown[e.Stream]++
	}
	var at eventlog.Position
	for e, err := range eventlog.Entries(t.Context(), log, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Position <= at || e.Revision != eventlog.Revision(c.entries[e.Stream]) {
			t.Fatalf("entry at %d after %d: revision %d of %s", e.Position, at, e.Revision, e.Stream)
		}
		if e.Trimmed != (e.Data == nil) || e.ID != noted(e.Stream, int(e.Revision)).ID || e.Type != "Noted" || e.RecordedAt.IsZero() {
			t.Fatalf("entry at %d: %+v", e.Position, e)
		}
		if at = e.Position; e.Trimmed {
			c.trimmed++
		}
		c.entries[e.Stream]++
		c.chain = c.chain.Link(e.Digest)
	}
	return c
}

// What is trimmed is seen by no reader any more; every event is still accounted for, so the chain is what it was, before the server is
// scavenged and after. More events than one record speaks of are as good.
func TestATrimmedStreamIsHiddenAndTheChainStays(t *testing.T) {
	t.Parallel()
	const perDay = 2*perRecord + 7
	cluster := esdbtest.Start(t, esdbtest.Options{})
	log := filled(t, cluster, perDay)
	before := count(t, log, eventlog.Filter{})
	if before.shown[day] != perDay || before.entries[day] != perDay || before.trimmed != 0 {
		t.Fatalf("before: %+v", before)
	}
	var heads []eventlog.Position
	for range 2 { // again is no news
		if n, err := log.Trim(t.Context(), day); err != nil || n != perDay {
			t.Fatalf("trimmed %d, %v", n, err)
		}
		head, err := log.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		heads = append(heads, head)
	}
	if heads[0] != heads[1] {
		t.Errorf("trimming again has written something: %v", heads)
	}
	gone := 0
	for _, when := range []string{"before the scavenge", "after it", "after another"} {
		for _, filter := range []eventlog.Filter{{}, {Categories: []string{"measurement", "flag"}}} {
			after := count(t, log, filter)
			if after.shown[day] != 0 || after.shown[nextDay] != before.shown[nextDay] || after.shown["flag-shop.banner"] != before.shown["flag-shop.banner"] || len(after.shown) != 2 {
				t.Errorf("%s readers see %v, of %v", when, after.shown, before.shown)
			}
			if fmt.Sprint(after.entries) != fmt.Sprint(before.entries) || after.chain != before.chain || after.trimmed != perDay {
				t.Errorf("%s the entries are %v (%d trimmed) with chain %s, want %v and %s", when, after.entries, after.trimmed, after.chain, before.entries, before.chain)
			}
		}
		for e, err := range log.Stream(t.Context(), day, 0) {
			t.Errorf("%s the stream still has %+v, %v", when, e, err)
		}
		gone = max(gone, cluster.Scavenge())
	}
	if gone != perDay {
		t.Errorf("the scavenge removed %d events, want %d", gone, perDay)
	}
	// Entries from somewhere in the middle, where the trimmed ones are gone from the server.
	all, last := 0, eventlog.Position(0)
	for e := range eventlog.Entries(t.Context(), log, 0) {
		if all++; all == perDay/2 {
			last = e.Position
		}
	}
	rest := 0
	for e, err := range eventlog.Entries(t.Context(), log, last) {
		if err != nil || e.Position <= last {
			t.Fatalf("after %d comes %d, %v", last, e.Position, err)
		}
		rest++
	}
	if perDay/2+rest != all {
		t.Errorf("%d entries behind the first %d of %d", rest, perDay/2, all)
	}
}

// Nodes that trim at once, servers that lose answers, and a crash between the record and the truncation: each event is trimmed once, and what
// else the stream's metadata say stays.
func TestTrimmingIsCompletedAndDoneOnce(t *testing.T) {
	t.Parallel()
	cluster := esdbtest.Start(t, esdbtest.Options{})
	log := filled(t, cluster, 100)
	var refuse atomic.Bool
	refuse.Store(true)
	var calls atomic.Int64
	cluster.OnAppend(func(stream string) esdbtest.Fault {
		switch {
		case strings.HasPrefix(stream, "$$") && refuse.Load():
			return esdbtest.Refuse
		case calls.Add(1)%2 == 1:
			return esdbtest.LoseAnswer
		}
		return esdbtest.None
	})
	log.patience = time.Minute
	ctx, crash := context.WithCancel(t.Context())
	go func() {
		for cluster.Refused("$$ours."+day) == 0 && t.Context().Err() == nil {
			<-time.After(time.Millisecond)
		}
		crash()
	}()
	if _, err := log.Trim(ctx, day); err == nil {
		t.Error("the truncation was refused, but the trimming says it is done")
	}
	refuse.Store(false)
	acl := &appending{log: log, callers: t.Context(), stream: day, server: "$$ours." + day, expected: eventlog.NoStream, events: []driver.EventData{{
		EventID: [16]byte(eventlog.NewID("acl", 0)), EventType: metadataType, ContentType: driver.ContentTypeJson, Data: []byte(`{"$acl":{"$r":["ops","assay"]},"$tb":3,"owner":"ann"}`),
	}}}
	if _, err := acl.until(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := open(t, cluster.ConnectionString(), Options{Prefix: "ours.", Trims: []string{"measurement"}})
	var group sync.WaitGroup
	for _, l := range []*Log{log, other, log, other} {
		group.Go(func() {
			if n, err := l.Trim(t.Context(), day); err != nil || n != 97 && n != 100 { // ann's $tb hides the first three from whoever is first
				t.Errorf("trimmed %d, %v", n, err)
			}
		})
	}
	group.Wait()
	known, _, err := log.metadata(t.Context(), day)
	if err != nil || string(known["owner"]) != `"ann"` || string(known["$acl"]) != `{"$r":["ops","assay"]}` || known.before() < 100 {
		t.Errorf("the metadata are %s, %v", known, err)
	}
	c := count(t, other, eventlog.Filter{})
	if c.shown[day] != 0 || c.entries[day] != 100 || c.trimmed != 100 {
		t.Errorf("%+v", c)
	}
}

func TestOnlyWhatMayBeTrimmedIs(t *testing.T) {
	t.Parallel()
	log := filled(t, esdbtest.Start(t, esdbtest.Options{}), 1)
	if _, err := log.Trim(t.Context(), "flag-shop.banner"); !errors.Is(err, eventlog.ErrInvalid) {
		t.Errorf("a flag: %v", err)
	}
	if n, err := log.Trim(t.Context(), "measurement-shop.production.2026-01-01"); err != nil || n != 0 {
		t.Errorf("a day without measurements: %d, %v", n, err)
	}
}
