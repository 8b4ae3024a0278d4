package pebblelog

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/assayhq/assay/eventlog"
)

var powerCuts = flag.Int("power-cuts", 150, "how `many` power cuts to simulate")

const cutsPerRun = 10 // of one history

// Each seed cuts the power before some operations on the file system, anywhere between creating the folder and the last
// append, and keeps a random part of what was not synced. CI makes 10,000 of them; a million take half an hour:
//
//	go test ./eventlog/pebblelog -run PowerCutLoses -power-cuts 1000000 -timeout 24h
func TestAPowerCutLosesNoAcknowledgedEvent(t *testing.T) {
	want := int64(*powerCuts)
	var seeds, cut, recovered atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for cut.Load() < want && !t.Failed() {
				n, events := cutOften(t, uint64(seeds.Add(1)))
				cut.Add(n)
				recovered.Add(events)
			}
		})
	}
	workers.Wait()
	t.Logf("%d power cuts in %d histories; %d events recovered, 0 acknowledged ones lost", cut.Load(), seeds.Load(), recovered.Load())
	if t.Failed() {
		return
	}
	if recovered.Load() < cut.Load() {
		t.Errorf("%d power cuts left %d events: they do not happen while writing", cut.Load(), recovered.Load())
	}
}

// cutOften cuts the power several times in one history, and returns how often, and how many events were left in all.
func cutOften(t *testing.T, seed uint64) (cuts, events int64) {
	random := rand.New(rand.NewPCG(seed, 1))
	s := &powerCut{disk: vfs.NewCrashableMem(), random: random, asked: map[string]int{}, acked: map[string]eventlog.Position{}}
	for range cutsPerRun {
		s.at = append(s.at, random.IntN(150))
	}
	s.write(t, seed)
	for _, c := range s.cuts {
		if t.Failed() {
			return cuts, events
		}
		cuts++
		events += int64(s.check(t, c, fmt.Sprintf("seed %d before operation %d keeping %d%%", seed, c.operation, c.survive)))
	}
	return cuts, events
}

// The moment after Pebble has made a marker and before it syncs the folder: the power cuts here keep half of the names.
func TestAPowerCutWhileOpeningHindersNoLaterOpening(t *testing.T) {
	disk := vfs.NewCrashableMem()
	random := rand.New(rand.NewPCG(1, 1))
	var clones []*vfs.MemFS
	marked := false
	var mu sync.Mutex
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if marked {
			for range 20 {
				clones = append(clones, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: random}))
			}
		}
		marked = op.Kind == errorfs.OpCreate && strings.Contains(op.Path, "marker.manifest")
		return nil
	}))
	for n := range 2 { // a new store, then one with an event
		log := open(t, "log", Options{FS: fs})
		if _, err := log.Append(t.Context(), "flag-a", eventlog.Revision(n)-1, batch(fmt.Sprint(n), 1)...); err != nil {
			t.Fatal(err)
		}
		shut(t, log)
	}
	if len(clones) < 40 {
		t.Fatalf("%d power cuts, want 20 in each opening", len(clones))
	}
	for i, clone := range clones {
		want := i / (len(clones) / 2) // none in the new store
		if got := history(t, open(t, "log", Options{FS: clone})); len(got) < want {
			t.Errorf("power cut %d: %d events, want %d", i, len(got), want)
		}
	}
}

type powerCut struct {
	disk   *vfs.MemFS
	at     []int // the operations the power is cut at
	random *rand.Rand

	mu         sync.Mutex
	operations int
	cuts       []cut
	asked      map[string]int               // command -> number of its events
	acked      map[string]eventlog.Position // command -> answer
}

// cut is what a power cut left.
type cut struct {
	operation, survive int
	clone              *vfs.MemFS
	certain            map[string]eventlog.Position // the answers given before it
}

// inject runs before every operation that changes the disk.
func (s *powerCut) inject(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileRead, errorfs.OpFileReadAt, errorfs.OpFileStat, errorfs.OpStat, errorfs.OpList, errorfs.OpOpen:
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.operations++; slices.Contains(s.at, s.operations); s.at = slices.DeleteFunc(s.at, func(at int) bool { return at == s.operations }) {
		survive := []int{0, 10, 50, 90, 100}[s.random.IntN(5)]
		s.cuts = append(s.cuts, cut{
			operation: s.operations, survive: survive, certain: maps.Clone(s.acked),
			clone: s.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: survive, RNG: s.random}),
		})
	}
	return nil
}

func (s *powerCut) fs() vfs.FS { return errorfs.Wrap(s.disk, errorfs.InjectorFunc(s.inject)) }

// write runs three writers, each with a stream of its own and one they share.
func (s *powerCut) write(t *testing.T, seed uint64) {
	t.Helper()
	log, err := Open("log", Options{FS: s.fs()})
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
		return
	}
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := range 15 {
				stream := []string{fmt.Sprintf("flag-%d", w), "experiment-shared"}[i%2]
				command := fmt.Sprintf("%d.%d", w, i)
				n := 1 + (w+i)%4
				s.mu.Lock()
				s.asked[command] = n
				s.mu.Unlock()
				p, err := log.Append(t.Context(), stream, eventlog.Any, batch(command, n)...)
				if err != nil {
					t.Errorf("seed %d: %v", seed, err)
					return
				}
				s.mu.Lock()
				s.acked[command] = p
				s.mu.Unlock()
			}
		})
	}
	writers.Wait()
	if err := log.Close(); err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
}

// batch returns the n events of a command, of sizes that need several blocks of the write-ahead log now and then.
func batch(command string, n int) []eventlog.Event {
	events := make([]eventlog.Event, n)
	for i := range events {
		events[i] = eventlog.Event{
			ID: eventlog.NewID(command, i), Type: "Noted", Data: make([]byte, 1<<(4*i)),
			Meta: map[string]string{"command": command},
		}
	}
	return events
}

// check opens what the power cut left and returns the number of events in it.
func (s *powerCut) check(t *testing.T, c cut, what string) int {
	t.Helper()
	log, err := Open("log", Options{FS: c.clone})
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return 0
	}
	events, err := readable(t, log, eventlog.Filter{})
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	found := s.whole(t, what, events)
	for command, p := range c.certain {
		if found[command] != p {
			t.Errorf("%s: %s was acknowledged at position %d and is now at %d", what, command, p, found[command])
		}
	}
	if seen, err := log.Verify(t.Context(), func(f Fault) { t.Errorf("%s: %+v", what, f) }); err != nil || seen.Events != len(events) {
		t.Errorf("%s: verified %+v, %v", what, seen, err)
	}
	after, err := log.Append(t.Context(), "flag-after", eventlog.NoStream, batch("after", 1)...)
	if err != nil || after != eventlog.Position(len(events)+1) {
		t.Errorf("%s: the first append after the cut: position %d, %v", what, after, err)
	}
	if err := log.Close(); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return len(events)
}

// whole checks that nothing is missing before an event that is there and that every append is there with all its events,
// and returns where each ends.
func (s *powerCut) whole(t *testing.T, what string, events []eventlog.Recorded) map[string]eventlog.Position {
	t.Helper()
	next := map[string]eventlog.Revision{}
	for i, e := range events {
		if e.Position != eventlog.Position(i+1) || e.Revision != next[e.Stream] {
			t.Errorf("%s: position %d revision %d of %s: something before it is missing", what, e.Position, e.Revision, e.Stream)
		}
		next[e.Stream]++
	}
	found := map[string]eventlog.Position{}
	for i := 0; i < len(events); {
		command, stream := events[i].Meta["command"], events[i].Stream
		n, asked := s.asked[command]
		if !asked || i+n > len(events) {
			t.Errorf("%s: %q at position %d is not whole", what, command, events[i].Position)
			return found
		}
		for j, want := range batch(command, n) {
			if e := events[i+j]; e.ID != want.ID || len(e.Data) != len(want.Data) || e.Stream != stream {
				t.Errorf("%s: position %d is not event %d of %s", what, e.Position, j, command)
			}
		}
		i += n
		found[command] = eventlog.Position(i)
	}
	return found
}

// history reads everything up to the head.
func history(t testing.TB, log eventlog.Log) []eventlog.Recorded {
	t.Helper()
	events, err := readable(t, log, eventlog.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// readable reads up to the head or the first error.
func readable(t testing.TB, log eventlog.Log, filter eventlog.Filter) ([]eventlog.Recorded, error) {
	t.Helper()
	var events []eventlog.Recorded
	for e, err := range log.All(t.Context(), 0, filter) {
		if err != nil {
			return events, err
		}
		if e.IsCheckpoint() {
			return events, nil
		}
		events = append(events, e)
	}
	return events, errors.New("the log ended without a checkpoint")
}
