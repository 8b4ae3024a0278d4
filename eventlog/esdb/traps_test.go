package esdb

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/esdb/esdbtest"
)

// The traps of the driver and the servers that no other test of this package meets; internal/decisions/0059 has the table of all.

// An answer that comes before everything was sent: the driver loses it and says EOF. Nobody is told that the events were recorded,
// nor that they were not, unless it is so; and when the server takes them later they are recorded once.
func TestAnAnswerBeforeAllIsSentIsNoAnswer(t *testing.T) {
	t.Parallel()
	cluster := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, cluster.ConnectionString(), Options{Patience: 500 * time.Millisecond})
	events := make([]eventlog.Event, 500)
	for i := range events {
		events[i] = noted("flag-a", i)
		events[i].Data = fmt.Appendf(nil, `{"n":%q}`, strings.Repeat("x", 1_000))
	}
	cluster.OnAppend(func(string) esdbtest.Fault { return esdbtest.RejectEarly })
	if _, err := log.Append(t.Context(), "flag-a", eventlog.NoStream, events...); !errors.Is(err, eventlog.ErrUnknownOutcome) && !errors.Is(err, eventlog.ErrInvalid) {
		t.Errorf("refused early, it answers %v", err)
	}
	tries := 0
	cluster.OnAppend(func(string) esdbtest.Fault {
		if tries++; tries == 1 {
			return esdbtest.CutBefore
		}
		return esdbtest.None
	})
	log.patience = time.Minute
	if _, err := log.Append(t.Context(), "flag-a", eventlog.NoStream, events...); err != nil {
		t.Fatal(err)
	}
	if n := cluster.Events("flag-a"); n != len(events) || tries < 2 {
		t.Errorf("the stream has %d events after %d tries, want %d", n, tries, len(events))
	}
}

// A server that is up and not ready refuses reads as they begin, which never makes the driver reconnect. Every kind of read goes on when
// it is ready, and each of them that a command or a verification rests on asks the leader.
func TestReadsThatAreRefusedAtTheirStartGoOn(t *testing.T) {
	t.Parallel()
	cluster := esdbtest.Start(t, esdbtest.Options{Nodes: 3})
	log := open(t, cluster.ConnectionString(), patient(Options{Trims: []string{"flag"}}))
	surely(t, log, "flag-a", 0)
	random := rand.New(rand.NewPCG(1, 2)) // a round of faults would meet the probes of new connections in step
	cluster.OnRead(func() esdbtest.Fault {
		return []esdbtest.Fault{esdbtest.None, esdbtest.None, esdbtest.None, esdbtest.Refuse, esdbtest.Abort, esdbtest.CutBefore}[random.IntN(6)]
	})
	before := cluster.Seen().LeaderReads.Load()
	for range 10 {
		n := 0
		for _, err := range log.Stream(t.Context(), "flag-a", 0) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if head, err := log.Head(t.Context()); err != nil || head == 0 || n != 1 {
			t.Fatalf("%d events, the head is %d, %v", n, head, err)
		}
		if _, at, err := log.metadata(t.Context(), "flag-a"); err != nil || at != eventlog.NoStream {
			t.Fatalf("metadata at %d, %v", at, err)
		}
	}
	if n := cluster.Seen().LeaderReads.Load() - before; n < 30 {
		t.Errorf("%d reads required the leader, of 30 at least", n)
	}
	for e, err := range log.All(t.Context(), 0, eventlog.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.IsCheckpoint() {
			break
		}
	}
}

// A connection carries 100 calls at a time. More wait for their turn, and none is lost, doubled or taken for a dead connection.
func TestMoreCallsThanAConnectionCarriesTakeTurns(t *testing.T) {
	t.Parallel()
	cluster := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, cluster.ConnectionString(), patient(Options{}))
	cluster.OnAppend(func(string) esdbtest.Fault { return esdbtest.Slow(5 * time.Millisecond) })
	const count = 300
	var group sync.WaitGroup
	for w := range count {
		group.Go(func() { surely(t, log, fmt.Sprintf("flag-%d", w), 0) })
	}
	group.Wait()
	intact(t, log, repeat(1, count))
	if m := log.Metrics(); m.Connects != 1 || m.Appends != count {
		t.Errorf("metrics: %+v, want one connection and %d appends", m, count)
	}
}

func repeat(n, times int) []int {
	all := make([]int, times)
	for i := range all {
		all[i] = n
	}
	return all
}

// Deleting goes by no revision, whose mismatch the driver reports without a code; it is repeated, and a stream that is not there is fine.
func TestDeletingIsRepeatable(t *testing.T) {
	t.Parallel()
	cluster := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, cluster.ConnectionString(), Options{})
	surely(t, log, "flag-a", 0)
	for _, stream := range []string{"flag-a", "flag-a", "flag-never"} {
		if err := log.Delete(t.Context(), stream); err != nil {
			t.Errorf("deleting %s: %v", stream, err)
		}
	}
	if _, err := direct(t, cluster).TombstoneStream(t.Context(), "flag-b", driver.TombstoneStreamOptions{ExpectedRevision: driver.Any{}}); err != nil {
		t.Fatal(err)
	}
	if err := log.Delete(t.Context(), "flag-b"); !errors.Is(err, eventlog.ErrInvalid) {
		t.Errorf("deleting a tombstoned stream: %v, want invalid", err)
	}
}

// Whatever the driver says is a step: one that says nothing (fell behind, or a message of a newer server) is passed over, and the end
// without an error is an end.
func TestEveryMessageOfTheDriverIsAStep(t *testing.T) {
	for name, c := range map[string]struct {
		said *driver.SubscriptionEvent
		want func(message) bool
	}{
		"fell behind": {&driver.SubscriptionEvent{FellBehind: &driver.Subscription{}}, func(m message) bool { return m == message{} }},
		"nothing":     {&driver.SubscriptionEvent{}, func(m message) bool { return m == message{} }},
		"caught up":   {&driver.SubscriptionEvent{CaughtUp: &driver.Subscription{}}, func(m message) bool { return m.caughtUp && m.err == nil }},
		"dropped":     {&driver.SubscriptionEvent{SubscriptionDropped: &driver.SubscriptionDropped{}}, func(m message) bool { return m.err != nil }},
	} {
		if m := step(c.said); !c.want(m) {
			t.Errorf("%s: %+v", name, m)
		}
	}
}
