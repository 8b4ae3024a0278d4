package pebblelog

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/assayhq/assay/eventlog"
)

const powerCuts = 300

// Each seed cuts the power before one operation on the file system, somewhere between creating the folder and the last
// append, and keeps a random part of what was not synced.
func TestAPowerCutLosesNoAcknowledgedEvent(t *testing.T) {
	cut, recovered := 0, 0
	for seed := range uint64(powerCuts) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := &powerCut{
			disk:    vfs.NewCrashableMem(),
			before:  random.IntN(150),
			survive: []int{0, 10, 50, 90, 100}[random.IntN(5)],
			random:  random,
			asked:   map[string]int{},
			acked:   map[string]eventlog.Position{},
		}
		s.write(t, seed)
		if s.clone == nil {
			continue // fewer operations than that
		}
		cut++
		t.Run(fmt.Sprintf("seed %d before operation %d keeping %d%%", seed, s.before, s.survive), func(t *testing.T) {
			recovered += s.check(t)
		})
		if t.Failed() {
			return
		}
	}
	if cut < powerCuts*9/10 || recovered < cut {
		t.Errorf("only %d of %d power cuts happened while writing, and left %d events", cut, powerCuts, recovered)
	}
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
	disk    *vfs.MemFS
	before  int // the operation the power is cut at
	survive int
	random  *rand.Rand

	mu         sync.Mutex
	operations int
	clone      *vfs.MemFS
	asked      map[string]int               // command -> number of its events
	acked      map[string]eventlog.Position // command -> answer
	certain    map[string]eventlog.Position // the answers given before the cut
}

// inject runs before every operation that changes the disk.
func (s *powerCut) inject(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileRead, errorfs.OpFileReadAt, errorfs.OpFileStat, errorfs.OpStat, errorfs.OpList, errorfs.OpOpen:
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.operations++; s.operations == s.before {
		s.certain = maps.Clone(s.acked)
		s.clone = s.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: s.survive, RNG: s.random})
	}
	return nil
}

// write runs three writers, each with a stream of its own and one they share.
func (s *powerCut) write(t *testing.T, seed uint64) {
	t.Helper()
	log, err := Open("log", Options{FS: errorfs.Wrap(s.disk, errorfs.InjectorFunc(s.inject))})
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
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
	shut(t, log)
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
func (s *powerCut) check(t *testing.T) int {
	t.Helper()
	log := open(t, "log", Options{FS: s.clone})
	events := history(t, log)
	gapless(t, events)
	found := s.whole(t, events)
	for command, p := range s.certain {
		if found[command] != p {
			t.Errorf("%s was acknowledged at position %d and is now at %d", command, p, found[command])
		}
	}
	after, err := log.Append(t.Context(), "flag-after", eventlog.NoStream, batch("after", 1)...)
	if err != nil || after != eventlog.Position(len(events)+1) {
		t.Errorf("the first append after the cut: position %d, %v", after, err)
	}
	shut(t, log)
	return len(events)
}

// gapless checks that nothing is missing before an event that is there.
func gapless(t *testing.T, events []eventlog.Recorded) {
	t.Helper()
	next := map[string]eventlog.Revision{}
	for i, e := range events {
		if e.Position != eventlog.Position(i+1) || e.Revision != next[e.Stream] {
			t.Fatalf("position %d revision %d of %s: something before it is missing", e.Position, e.Revision, e.Stream)
		}
		next[e.Stream]++
	}
}

// whole checks that every append is there with all its events, and returns where each ends.
func (s *powerCut) whole(t *testing.T, events []eventlog.Recorded) map[string]eventlog.Position {
	t.Helper()
	found := map[string]eventlog.Position{}
	for i := 0; i < len(events); {
		command, stream := events[i].Meta["command"], events[i].Stream
		n, asked := s.asked[command]
		if !asked || i+n > len(events) {
			t.Fatalf("%q at position %d is not whole", command, events[i].Position)
		}
		for j, want := range batch(command, n) {
			if e := events[i+j]; e.ID != want.ID || len(e.Data) != len(want.Data) || e.Stream != stream {
				t.Fatalf("position %d is not event %d of %s", e.Position, j, command)
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
