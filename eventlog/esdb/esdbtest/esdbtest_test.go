package esdbtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"go.uber.org/goleak"
	"google.golang.org/grpc/metadata"

	"github.com/assayhq/assay/eventlog/esdb/esdbtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connect is the unmodified client.
func connect(t *testing.T, connection string) *driver.Client {
	t.Helper()
	config, err := driver.ParseConnectionString(connection)
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = driver.NoopLogging()
	client, err := driver.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func single(t *testing.T, o esdbtest.Options) (*esdbtest.Cluster, *driver.Client) {
	t.Helper()
	cluster := esdbtest.Start(t, o)
	return cluster, connect(t, cluster.ConnectionString())
}

func event(n byte) driver.EventData {
	return driver.EventData{EventID: [16]byte{1, n}, EventType: "Noted", ContentType: driver.ContentTypeJson, Data: fmt.Appendf(nil, `{"n":%d}`, n), Metadata: []byte(`{"actor":"ann"}`)}
}

func events(from, n int) []driver.EventData {
	all := make([]driver.EventData, n)
	for i := range all {
		all[i] = event(0)
		all[i].EventID = [16]byte{2, byte((from + i) >> 8), byte(from + i)}
	}
	return all
}

// write appends and expects the stream's last revision or the error's code.
func write(t *testing.T, client *driver.Client, stream string, expected driver.ExpectedRevision, want any, what ...driver.EventData) driver.WriteResult {
	t.Helper()
	result, err := client.AppendToStream(t.Context(), stream, driver.AppendToStreamOptions{ExpectedRevision: expected}, what...)
	switch want := want.(type) {
	case int:
		if err != nil || result.NextExpectedVersion != uint64(want) {
			t.Fatalf("appending to %s at %v: %v, %v, want revision %d", stream, expected, result, err, want)
		}
		return *result
	case driver.ErrorCode:
		if code(err) != want {
			t.Fatalf("appending to %s at %v: %v, want code %d", stream, expected, err, want)
		}
	case string:
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("appending to %s at %v: %v, want it to say %q", stream, expected, err, want)
		}
	}
	return driver.WriteResult{}
}

func code(err error) driver.ErrorCode {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return e.Code()
	}
	return -1
}

func read(t *testing.T, client *driver.Client, stream string, o driver.ReadStreamOptions, count uint64) ([]uint64, error) {
	t.Helper()
	r, err := client.ReadStream(t.Context(), stream, o, count)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var revisions []uint64
	for {
		e, err := r.Recv()
		if errors.Is(err, io.EOF) {
			return revisions, nil
		}
		if err != nil {
			return revisions, err
		}
		revisions = append(revisions, e.OriginalEvent().EventNumber)
	}
}

// Oracle of this file: the rules in the source of EventStoreDB 24.6 (IndexWriter.CheckCommit and the gRPC services), as the package
// comment lists them.
func TestTheFourExpectedRevisions(t *testing.T) {
	_, client := single(t, esdbtest.Options{})
	write(t, client, "a", driver.StreamExists{}, driver.ErrorCodeWrongExpectedVersion, event(1))
	write(t, client, "a", driver.Revision(0), "expecting '0' but got 'no_stream'", event(1))
	write(t, client, "a", driver.NoStream{}, 1, event(1), event(2))
	write(t, client, "a", driver.NoStream{}, "expecting 'no_stream' but got '1'", event(3))
	write(t, client, "a", driver.Revision(1), 2, event(3))
	write(t, client, "a", driver.Revision(7), "expecting '7' but got '2'", event(4))
	write(t, client, "a", driver.StreamExists{}, 3, event(4))
	write(t, client, "a", driver.Any{}, 4, event(5))
	if got, err := read(t, client, "a", driver.ReadStreamOptions{}, 100); err != nil || len(got) != 5 {
		t.Errorf("the stream holds %v, %v, want 5 events", got, err)
	}
	version, err := client.GetServerVersion()
	if err != nil || version.Major != 24 {
		t.Errorf("server version %v, %v", version, err)
	}
}

func TestRepetitionsAreRecognised(t *testing.T) {
	cluster, client := single(t, esdbtest.Options{})
	first := write(t, client, "a", driver.NoStream{}, 0, event(1))
	write(t, client, "a", driver.Revision(0), 2, event(2), event(3))
	write(t, client, "a", driver.Revision(2), 3, event(4))
	// an exact revision compares the ids in the stream, and says success with the first one's position
	if again := write(t, client, "a", driver.NoStream{}, 0, event(1)); again.CommitPosition != first.CommitPosition {
		t.Errorf("a repetition is at %d, the original at %d", again.CommitPosition, first.CommitPosition)
	}
	write(t, client, "a", driver.Revision(0), 2, event(2), event(3))
	write(t, client, "a", driver.Revision(0), driver.ErrorCodeWrongExpectedVersion, event(2), event(9))
	write(t, client, "a", driver.Revision(0), driver.ErrorCodeWrongExpectedVersion, event(9))
	write(t, client, "a", driver.Revision(2), driver.ErrorCodeWrongExpectedVersion, event(4), event(5))
	// any revision asks the cache, which a restart can empty
	write(t, client, "a", driver.Any{}, 3, event(4))
	write(t, client, "a", driver.Any{}, driver.ErrorCodeWrongExpectedVersion, event(4), event(8))
	if n := cluster.Events("a"); n != 4 {
		t.Fatalf("the stream has %d events, want 4", n)
	}
	cluster.ForgetRecent()
	write(t, client, "a", driver.Any{}, 4, event(4))
	write(t, client, "a", driver.NoStream{}, 0, event(1))
	if n := cluster.Events("a"); n != 5 {
		t.Errorf("the stream has %d events, want 5, one of them twice", n)
	}
	seen := cluster.Seen()
	if seen.Repeats.Load() != 4 || seen.Commits.Load() != 4 {
		t.Errorf("%d repetitions and %d commits, want 4 and 4", seen.Repeats.Load(), seen.Commits.Load())
	}
}

func TestReadsGoBothWays(t *testing.T) {
	cluster, client := single(t, esdbtest.Options{})
	write(t, client, "a", driver.NoStream{}, 599, events(0, 600)...)
	write(t, client, "b", driver.NoStream{}, 0, event(1))
	for name, c := range map[string]struct {
		o     driver.ReadStreamOptions
		count uint64
		first uint64
		n     int
	}{
		"all":                      {driver.ReadStreamOptions{}, 1 << 40, 0, 600},
		"from a revision":          {driver.ReadStreamOptions{From: driver.Revision(590)}, 1 << 40, 590, 10},
		"so many":                  {driver.ReadStreamOptions{From: driver.Revision(5)}, 7, 5, 7},
		"backwards from the end":   {driver.ReadStreamOptions{Direction: driver.Backwards, From: driver.End{}}, 3, 599, 3},
		"backwards from a place":   {driver.ReadStreamOptions{Direction: driver.Backwards, From: driver.Revision(4)}, 100, 4, 5},
		"from beyond the last one": {driver.ReadStreamOptions{From: driver.Revision(600)}, 100, 0, 0},
	} {
		got, err := read(t, client, "a", c.o, c.count)
		if err != nil || len(got) != c.n || c.n > 0 && got[0] != c.first {
			t.Errorf("%s: %d events (%v), want %d beginning with %d", name, len(got), err, c.n, c.first)
		}
	}
	if _, err := read(t, client, "nothing", driver.ReadStreamOptions{}, 1); code(err) != driver.ErrorCodeResourceNotFound {
		t.Errorf("a missing stream: %v", err)
	}
	cluster.WriteSystemEvent()
	all := func(o driver.ReadAllOptions, count uint64) (positions []uint64) {
		r, err := client.ReadAll(t.Context(), o, count)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for {
			e, err := r.Recv()
			if err != nil {
				return positions
			}
			positions = append(positions, e.OriginalEvent().Position.Commit)
		}
	}
	forwards := all(driver.ReadAllOptions{}, 1<<40)
	if len(forwards) != 2+600+1+1 || !slices.IsSorted(forwards) {
		t.Errorf("$all has %d records, want 604 in order", len(forwards))
	}
	back := all(driver.ReadAllOptions{Direction: driver.Backwards, From: driver.End{}}, 1<<40)
	slices.Reverse(back)
	if !slices.Equal(back, forwards) {
		t.Error("backwards $all is another one")
	}
	from := driver.Position{Commit: forwards[100], Prepare: forwards[100]}
	if got := all(driver.ReadAllOptions{From: from}, 2); !slices.Equal(got, forwards[100:102]) {
		t.Errorf("forwards from a position: %v, want it included", got)
	}
}

func TestMetadataHidesWhatIsOld(t *testing.T) {
	var now atomic.Int64
	_, client := single(t, esdbtest.Options{Now: func() time.Time { return time.Unix(1_700_000_000+now.Load(), 0) }})
	set := func(change func(*driver.StreamMetadata)) {
		m := driver.StreamMetadata{}
		change(&m)
		if _, err := client.SetStreamMetadata(t.Context(), "a", driver.AppendToStreamOptions{}, m); err != nil {
			t.Fatal(err)
		}
	}
	write(t, client, "a", driver.NoStream{}, 4, events(0, 5)...)
	now.Store(100)
	write(t, client, "a", driver.Revision(4), 9, events(5, 5)...)
	for name, c := range map[string]struct {
		change func(*driver.StreamMetadata)
		first  uint64
		n      int
	}{
		"truncated":     {func(m *driver.StreamMetadata) { m.SetTruncateBefore(7) }, 7, 3},
		"only so many":  {func(m *driver.StreamMetadata) { m.SetMaxCount(2) }, 8, 2},
		"only so young": {func(m *driver.StreamMetadata) { m.SetMaxAge(50 * time.Second) }, 5, 5},
		"none":          {func(*driver.StreamMetadata) {}, 0, 10},
	} {
		set(c.change)
		if got, err := read(t, client, "a", driver.ReadStreamOptions{}, 100); err != nil || len(got) != c.n || got[0] != c.first {
			t.Errorf("%s: %v (%v), want %d beginning with %d", name, got, err, c.n, c.first)
		}
	}
}

func TestADeletedStreamRevivesATombstonedOneDoesNot(t *testing.T) {
	_, client := single(t, esdbtest.Options{})
	write(t, client, "a", driver.NoStream{}, 599, events(0, 600)...)
	if _, err := client.DeleteStream(t.Context(), "a", driver.DeleteStreamOptions{ExpectedRevision: driver.Revision(3)}); err == nil {
		t.Error("deleted at a wrong revision")
	}
	if _, err := client.DeleteStream(t.Context(), "a", driver.DeleteStreamOptions{ExpectedRevision: driver.Revision(599)}); err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, client, "a", driver.ReadStreamOptions{}, 1); code(err) != driver.ErrorCodeResourceNotFound {
		t.Errorf("reading a deleted stream: %v", err)
	}
	write(t, client, "a", driver.StreamExists{}, driver.ErrorCodeStreamDeleted, event(1))
	write(t, client, "a", driver.NoStream{}, 600, event(1))
	if got, err := read(t, client, "a", driver.ReadStreamOptions{}, 10); err != nil || !slices.Equal(got, []uint64{600}) {
		t.Errorf("revived, it shows %v (%v), want 600", got, err)
	}
	if _, err := client.TombstoneStream(t.Context(), "a", driver.TombstoneStreamOptions{ExpectedRevision: driver.Any{}}); err != nil {
		t.Fatal(err)
	}
	write(t, client, "a", driver.NoStream{}, driver.ErrorCodeStreamDeleted, event(2))
	if _, err := read(t, client, "a", driver.ReadStreamOptions{}, 1); code(err) != driver.ErrorCodeStreamDeleted {
		t.Errorf("reading a tombstoned stream: %v", err)
	}
	if _, err := client.DeleteStream(t.Context(), "a", driver.DeleteStreamOptions{ExpectedRevision: driver.Any{}}); err == nil {
		t.Error("a tombstoned stream was deleted")
	}
}

// told collects what a subscription says: events by revision, c for a checkpoint, | for caught-up.
func told(s *driver.Subscription, until func(said []string) bool) []string {
	var said []string
	for !until(said) {
		switch e := s.Recv(); {
		case e.EventAppeared != nil:
			said = append(said, fmt.Sprint(e.EventAppeared.OriginalEvent().EventNumber))
		case e.CheckPointReached != nil:
			said = append(said, "c")
		case e.CaughtUp != nil:
			said = append(said, "|")
		case e.SubscriptionDropped != nil:
			return append(said, "dropped")
		}
	}
	return said
}

func TestAFilteredSubscriptionSaysWhereItIs(t *testing.T) {
	cluster, client := single(t, esdbtest.Options{})
	// $all begins with 2 records of the system, so 98 more make 100: checkpoints behind the 32nd, 64th, 96th and the last one
	write(t, client, "other-a", driver.NoStream{}, 96, events(0, 97)...)
	write(t, client, "flag-a", driver.NoStream{}, 0, event(1))
	subscribe := func(f driver.SubscriptionFilter) *driver.Subscription {
		s, err := client.SubscribeToAll(t.Context(), driver.SubscribeToAllOptions{From: driver.Start{}, Filter: &f})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	caughtUp := func(said []string) bool { return len(said) > 0 && said[len(said)-1] == "|" }
	for name, f := range map[string]driver.SubscriptionFilter{
		"prefix of a stream": {Type: driver.StreamFilterType, Prefixes: []string{"flag-", "x"}},
		"pattern of streams": {Type: driver.StreamFilterType, Regex: `^fl[a-g]+-`},
	} {
		if got, want := strings.Join(told(subscribe(f), caughtUp), ""), "ccc0c|"; got != want {
			t.Errorf("%s: it said %s, want %s", name, got, want)
		}
	}
	byType := subscribe(driver.SubscriptionFilter{Type: driver.EventFilterType, Prefixes: []string{"Not"}})
	if said := told(byType, caughtUp); len(said) != 98+4+1 {
		t.Errorf("by type it said %v, want 98 events, 4 checkpoints and caught-up", said)
	}
	s := subscribe(driver.SubscriptionFilter{Type: driver.StreamFilterType, Prefixes: []string{"flag-"}})
	told(s, caughtUp)
	write(t, client, "flag-a", driver.Revision(0), 1, event(2))
	if got := told(s, func(said []string) bool { return len(said) == 1 }); got[0] != "1" {
		t.Errorf("live it said %v, want revision 1", got)
	}
	// more than the live buffer at once: the server reads again, and says caught-up again
	write(t, client, "flag-a", driver.Revision(1), 101, events(200, 100)...)
	said := told(s, caughtUp)
	if n := len(said) - strings.Count(strings.Join(said, ""), "c") - 1; n != 100 {
		t.Errorf("it said %v, want 100 events and caught-up again", said)
	}
	cluster.DropSubscriptions()
	if got := told(s, func([]string) bool { return false }); got[len(got)-1] != "dropped" {
		t.Errorf("it said %v, want that it is dropped", got)
	}
}

func TestAStreamIsFollowedFromAnywhere(t *testing.T) {
	_, client := single(t, esdbtest.Options{})
	follow := func(from driver.StreamPosition) *driver.Subscription {
		s, err := client.SubscribeToStream(t.Context(), "a", driver.SubscribeToStreamOptions{From: from})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	early := follow(driver.Start{}) // the stream is not there yet
	enough := func(n int) func([]string) bool { return func(said []string) bool { return len(said) == n } }
	if got := told(early, enough(1)); got[0] != "|" {
		t.Errorf("it said %v, want caught-up", got)
	}
	write(t, client, "a", driver.NoStream{}, 2, events(0, 3)...)
	if got := told(early, enough(3)); !slices.Equal(got, []string{"0", "1", "2"}) {
		t.Errorf("it said %v", got)
	}
	if got := told(follow(driver.Revision(0)), enough(3)); !slices.Equal(got, []string{"1", "2", "|"}) {
		t.Errorf("behind revision 0 it said %v", got)
	}
	end := follow(driver.End{})
	told(end, enough(1))
	write(t, client, "a", driver.Revision(2), 3, event(7))
	if got := told(end, enough(1)); !slices.Equal(got, []string{"3"}) {
		t.Errorf("from the end it said %v", got)
	}
}

func TestClustersAreFoundAndLeadersFollowed(t *testing.T) {
	cluster := esdbtest.Start(t, esdbtest.Options{Nodes: 3})
	cluster.SetLeader(2)
	for name, connection := range map[string]string{
		"seeds": cluster.ConnectionString(), "discovered": cluster.DiscoverConnectionString(0), "single": cluster.NodeConnectionString(2),
	} {
		client := connect(t, connection)
		ctx := metadata.AppendToOutgoingContext(t.Context(), "requires-leader", "true")
		if _, err := client.AppendToStream(ctx, name, driver.AppendToStreamOptions{}, event(1)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	client := connect(t, cluster.NodeConnectionString(0))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "requires-leader", "true")
	if _, err := client.AppendToStream(ctx, "a", driver.AppendToStreamOptions{}, event(1)); code(err) != driver.ErrorCodeNotLeader {
		t.Errorf("a follower said %v, want that it does not lead", err)
	}
	if _, err := client.AppendToStream(ctx, "a", driver.AppendToStreamOptions{}, event(1)); err != nil {
		t.Errorf("the client has not followed to the leader: %v", err)
	}
}

func TestTLSAndCredentials(t *testing.T) {
	cluster := esdbtest.Start(t, esdbtest.Options{TLS: true, Users: map[string]string{"ann": "s3cret"}})
	write(t, connect(t, cluster.ConnectionString("ann")), "a", driver.NoStream{}, 0, event(1))
	for _, connection := range []string{cluster.ConnectionString(), strings.Replace(cluster.ConnectionString("ann"), "s3cret", "guess", 1)} {
		if _, err := read(t, connect(t, connection), "a", driver.ReadStreamOptions{}, 1); code(err) != driver.ErrorCodeUnauthenticated {
			t.Errorf("%s: %v, want that the user is not known", connection, err)
		}
	}
}

// One fault of each kind, as the client sees it, and what it left in the stream.
func TestFaultsAreWhatTheySay(t *testing.T) {
	for name, c := range map[string]struct {
		fault esdbtest.Fault
		want  driver.ErrorCode
		left  int
	}{
		"none":        {esdbtest.None, 0, 1},
		"slow":        {esdbtest.Slow(20 * time.Millisecond), 0, 1},
		"refuse":      {esdbtest.Refuse, driver.ErrorUnavailable, 0},
		"abort":       {esdbtest.Abort, driver.ErrorAborted, 0},
		"cut before":  {esdbtest.CutBefore, driver.ErrorUnavailable, 0},
		"lose answer": {esdbtest.LoseAnswer, driver.ErrorUnavailable, 1},
		"time out":    {esdbtest.TimeOut, driver.ErrorAborted, 1},
		"cut after":   {esdbtest.CutAfter, driver.ErrorUnavailable, 1},
		"silence":     {esdbtest.Silence, driver.ErrorCodeDeadlineExceeded, 1},
	} {
		cluster, client := single(t, esdbtest.Options{})
		cluster.OnAppend(func(string) esdbtest.Fault { return c.fault })
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err := client.AppendToStream(ctx, "a", driver.AppendToStreamOptions{}, event(1))
		cancel()
		if name == "cut before" && code(err) == driver.ErrorCodeUnknown && strings.HasSuffix(err.Error(), "EOF") {
			err = nil // the client loses the status of what breaks while it is sending
			c.want = 0
		}
		if c.want == 0 && err != nil || c.want != 0 && code(err) != c.want {
			t.Errorf("%s: %v, want code %d", name, err, c.want)
		}
		if n := cluster.Events("a"); n != c.left {
			t.Errorf("%s: it left %d events, want %d", name, n, c.left)
		}
	}
	cluster, client := single(t, esdbtest.Options{MaxAppendSize: 100})
	write(t, client, "a", driver.Any{}, "Maximum Append Size of 100 Exceeded", events(0, 1)[0], driver.EventData{EventType: "Noted", Data: make([]byte, 90)})
	if n := cluster.Events("a"); n != 0 {
		t.Errorf("over the limit it left %d events", n)
	}
}
