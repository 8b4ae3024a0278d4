package esdb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/esdb/esdbtest"
	"github.com/assayhq/assay/projections"
)

// many is how often a long test repeats; ASSAY_ESDB_MANY asks for more than CI has time for.
func many(t *testing.T, normally int) int {
	t.Helper()
	text := os.Getenv("ASSAY_ESDB_MANY")
	if text == "" {
		return normally
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("ASSAY_ESDB_MANY is a number, not %q", text)
	}
	return n
}

func noted(stream string, i int) eventlog.Event {
	return eventlog.Event{ID: eventlog.NewID(stream, i), Type: "Noted", Data: fmt.Appendf(nil, `{"n":%d}`, i), Meta: map[string]string{"actor": "ann"}}
}

// surely appends as internal/command does: what is unknown or unavailable is repeated, with the same id at the same revision.
func surely(t testing.TB, log *Log, stream string, i int) {
	t.Helper()
	for try := 0; ; try++ {
		_, err := log.Append(t.Context(), stream, eventlog.Revision(i)-1, noted(stream, i))
		if err == nil {
			return
		}
		if try > 50 || !errors.Is(err, eventlog.ErrUnknownOutcome) && !errors.Is(err, eventlog.ErrUnavailable) {
			t.Errorf("%s event %d: %v", stream, i, err)
			return
		}
	}
}

// writers append to a stream each until stop is closed, or n events each when n is not 0. It returns what each was told was
// recorded.
func writers(t testing.TB, log *Log, count, n int, stop <-chan struct{}) []int {
	t.Helper()
	done := make([]int, count)
	var group sync.WaitGroup
	for w := range count {
		group.Go(func() {
			for n == 0 || done[w] < n {
				select {
				case <-stop:
					return
				default:
				}
				surely(t, log, fmt.Sprintf("flag-%d", w), done[w])
				if t.Failed() {
					return
				}
				done[w]++
			}
		})
	}
	group.Wait()
	return done
}

// intact checks that the streams hold exactly the events that were acknowledged, in order.
func intact(t testing.TB, log *Log, done []int) {
	t.Helper()
	for w, want := range done {
		stream, i := fmt.Sprintf("flag-%d", w), 0
		for e, err := range log.Stream(t.Context(), stream, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if e.ID != eventlog.NewID(stream, i) {
				t.Fatalf("%s revision %d holds %s, want event %d", stream, e.Revision, e.ID, i)
			}
			i++
		}
		if i != want {
			t.Errorf("%s holds %d events, %d were acknowledged", stream, i, want)
		}
	}
}

func sum(done []int) (n int) {
	for _, d := range done {
		n += d
	}
	return n
}

// Commits whose answer is lost in every way there is, under load: each exactly once. More of them with
// ASSAY_ESDB_MANY=100000 go test -race -run Ambiguous ./eventlog/esdb.
func TestAmbiguousCommitsAreRecordedOnce(t *testing.T) {
	t.Parallel()
	const each, count = 2, 8
	n := many(t, 10_000)
	cluster := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, cluster.ConnectionString(), Options{})
	random := rand.New(rand.NewPCG(1, 2))
	var ambiguous, calls int
	cluster.OnAppend(func(string) esdbtest.Fault {
		// every other call loses its answer, so each append takes two on average
		if calls++; ambiguous >= n || calls%each != 0 {
			return esdbtest.None
		}
		ambiguous++
		switch x := random.IntN(100); {
		case x < 88:
			return esdbtest.TimeOut
		case x < 97:
			return esdbtest.LoseAnswer
		default:
			return esdbtest.CutAfter
		}
	})
	done := writers(t, log, count, n/count+1, nil)
	intact(t, log, done)
	seen := cluster.Seen()
	if got := int(seen.Commits.Load()); got != sum(done) {
		t.Errorf("%d commits for %d appends", got, sum(done))
	}
	if got := int(seen.Repeats.Load()); ambiguous < n/2 || got < ambiguous/2 {
		t.Errorf("%d answers were lost and %d repetitions came, of %d that were to be tried", ambiguous, got, n)
	}
	t.Logf("%d answers lost, %d repetitions recognised, %d appends, each recorded once", ambiguous, seen.Repeats.Load(), sum(done))
}

// counted is a projection that counts what it is given, and notices what comes twice or out of order.
type counted struct {
	mu       sync.Mutex
	position projections.Position
	streams  map[string]eventlog.Revision
	problems []string
}

func (c *counted) Name() string            { return "counted" }
func (c *counted) Version() int            { return 1 }
func (c *counted) Filter() eventlog.Filter { return eventlog.Filter{Categories: []string{"flag"}} }

func (c *counted) Position() projections.Position {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.position
}

func (c *counted) Apply(_ context.Context, batch []eventlog.Recorded) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range batch {
		if !e.IsCheckpoint() {
			next, known := c.streams[e.Stream]
			if !known {
				next = 0
			}
			if e.Revision != next {
				c.problems = append(c.problems, fmt.Sprintf("revision %d of %s came, want %d", e.Revision, e.Stream, next))
			}
			c.streams[e.Stream] = e.Revision + 1
		}
		c.position = max(c.position, e.Position)
	}
	return nil
}

// follow keeps a projection up to date; the function returned waits for the log's head, ends it and checks what it has seen.
func follow(t *testing.T, log *Log) (end func(done []int)) {
	t.Helper()
	c := &counted{streams: map[string]eventlog.Revision{}}
	r := projections.NewRunner(log, c, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = r.Run(ctx)
	}()
	return func(done []int) {
		t.Helper()
		head, err := log.Head(t.Context())
		if err != nil {
			t.Error(err)
		}
		waiting, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := r.Wait(waiting, head); err != nil {
			t.Errorf("the projection stays at %d, the head is %d", r.Position(), head)
		}
		cancel()
		<-ended
		for _, p := range c.problems {
			t.Error(p)
		}
		for w, want := range done {
			if got := c.streams[fmt.Sprintf("flag-%d", w)]; int(got) != want {
				t.Errorf("the projection has seen %d events of writer %d, %d were acknowledged", got, w, want)
			}
		}
	}
}

// Three outages of 2 s with 8 writers and a projection: 0 lost, 0 doubled, and every writer goes on.
func TestOutagesLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	cluster := esdbtest.Start(t, esdbtest.Options{Nodes: 3})
	log := open(t, cluster.ConnectionString(), Options{})
	end := follow(t, log)
	stop := make(chan struct{})
	var between []int64
	go func() {
		defer close(stop)
		for range 3 {
			waitFor(t, cluster, 200)
			cluster.Stop()
			<-time.After(2 * time.Second)
			between = append(between, cluster.Seen().Commits.Load())
			cluster.Resume(t)
		}
		waitFor(t, cluster, 200)
	}()
	done := writers(t, log, 8, 0, stop)
	intact(t, log, done)
	end(done)
	if !slices.IsSorted(between) || int(cluster.Seen().Commits.Load()) != sum(done) {
		t.Errorf("%d commits for %d appends", cluster.Seen().Commits.Load(), sum(done))
	}
	t.Logf("%d appends, %v connections", sum(done), log.Metrics().Connects)
}

// waitFor waits until n more appends have been committed.
func waitFor(t testing.TB, cluster *esdbtest.Cluster, n int64) {
	want := cluster.Seen().Commits.Load() + n
	for cluster.Seen().Commits.Load() < want {
		select {
		case <-t.Context().Done():
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Leaders change under load, by election and by death, with a client that knows all nodes and one that knows one.
func TestLeaderChangesLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	for name, connection := range map[string]func(*esdbtest.Cluster) string{
		"all nodes known": func(c *esdbtest.Cluster) string { return c.ConnectionString() },
		"one node known":  func(c *esdbtest.Cluster) string { return c.NodeConnectionString(0) },
		"discovered":      func(c *esdbtest.Cluster) string { return c.DiscoverConnectionString(0) },
	} {
		t.Run(name, func(t *testing.T) {
			cluster := esdbtest.Start(t, esdbtest.Options{Nodes: 3})
			log := open(t, connection(cluster), Options{})
			end := follow(t, log)
			stop := make(chan struct{})
			go func() {
				defer close(stop)
				for i := range 6 {
					waitFor(t, cluster, 100)
					old := cluster.Leader()
					cluster.SetLeader((old + 1) % 3)
					if i%2 == 1 && old != 0 { // the node that one client knows stays
						cluster.StopNode(old)
						waitFor(t, cluster, 100)
						cluster.ResumeNode(t, old)
					}
				}
				waitFor(t, cluster, 100)
			}()
			done := writers(t, log, 8, 0, stop)
			intact(t, log, done)
			end(done)
			if seen := cluster.Seen(); seen.LeaderAppends.Load() != seen.Appends.Load() {
				t.Errorf("%d of %d appends required the leader", seen.LeaderAppends.Load(), seen.Appends.Load())
			}
		})
	}
}

// A subscription that is cut at random points, by a server whose checkpoints come too early, loses and doubles nothing.
func TestCutSubscriptionsLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	for _, categories := range [][]string{nil, {"flag"}, {"flag", "experiment"}} {
		t.Run(fmt.Sprint(categories), func(t *testing.T) {
			cluster := esdbtest.Start(t, esdbtest.Options{EarlyCheckpoints: true})
			log := open(t, cluster.ConnectionString(), Options{})
			filter := eventlog.Filter{Categories: categories}
			seed := rand.Uint64()
			random, choose := rand.New(rand.NewPCG(seed, 0)), rand.New(rand.NewPCG(seed, 1))
			var sent, cuts int
			log.window = 16
			cluster.OnSend(func(behindCheckpoint bool) bool {
				sent++
				if often := map[bool]int{true: 4, false: 300}[behindCheckpoint]; random.IntN(often) != 0 {
					return false
				}
				cuts++
				return true
			})
			const history, live = 2_500, 300
			var want []eventlog.ID
			next := map[string]int{}
			write := func() eventlog.Position {
				stream := []string{"flag-a", "measurement-a", "measurement-b", "experiment-a"}[choose.IntN(4)]
				i := next[stream]
				next[stream]++
				e := noted(stream, i)
				p, err := log.Append(t.Context(), stream, eventlog.Revision(i)-1, e)
				if err != nil {
					t.Fatal(err)
				}
				if filter.Matches(stream) {
					want = append(want, e.ID)
				}
				return p
			}
			for range history {
				write()
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var got []eventlog.ID
			var head atomic.Uint64
			finished := make(chan struct{})
			go func() {
				defer close(finished)
				var at eventlog.Position
				for e, err := range log.All(ctx, 0, filter) {
					if err != nil {
						t.Errorf("seed %d: following ended at %d with %v", seed, at, err)
						return
					}
					if e.Position < at || e.Position == at && !e.IsCheckpoint() {
						t.Errorf("seed %d: position %d after %d", seed, e.Position, at)
					}
					if at = e.Position; !e.IsCheckpoint() {
						got = append(got, e.ID)
					} else if h := head.Load(); h > 0 && uint64(at) >= h {
						return
					}
				}
			}()
			for range live {
				write()
			}
			head.Store(uint64(write()))
			write() // so that a reader that stood at the head already looks again
			<-finished
			if len(got) < len(want)-1 || !slices.Equal(got, want[:len(got)]) {
				t.Errorf("seed %d: got %d events, want %d, after %d cuts", seed, len(got), len(want), cuts)
			}
			if cuts == 0 {
				t.Errorf("no cut in %d messages", sent)
			}
		})
	}
}
