package pebblelog

import (
	"errors"
	"fmt"
	"math/rand/v2"
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
		recovered += s.check(t, seed)
		if t.Failed() {
			t.Fatalf("power cut with seed %d: before operation %d, %d%% of the unsynced data kept", seed, s.before, s.survive)
		}
	}
	if cut < powerCuts*9/10 || recovered < cut {
		t.Errorf("only %d of %d power cuts happened while writing, and left %d events", cut, powerCuts, recovered)
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
		s.certain = make(map[string]eventlog.Position, len(s.acked))
		for command, p := range s.acked {
			s.certain[command] = p
		}
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
func (s *powerCut) check(t *testing.T, seed uint64) int {
	t.Helper()
	log := open(t, "log", Options{FS: s.clone})
	events := history(t, log)
	found := map[string]eventlog.Position{}
	next := map[string]eventlog.Revision{}
	for i := 0; i < len(events); {
		command := events[i].Meta["command"]
		n, asked := s.asked[command]
		if !asked || i+n > len(events) {
			t.Fatalf("seed %d: %q at position %d is not whole", seed, command, events[i].Position)
		}
		for j, want := range batch(command, n) {
			e := events[i+j]
			if e.ID != want.ID || len(e.Data) != len(want.Data) || e.Stream != events[i].Stream {
				t.Fatalf("seed %d: position %d is not event %d of %s", seed, e.Position, j, command)
			}
			if e.Position != eventlog.Position(i+j+1) || e.Revision != next[e.Stream] {
				t.Fatalf("seed %d: position %d revision %d of %s: something before it is missing", seed, e.Position, e.Revision, e.Stream)
			}
			next[e.Stream]++
		}
		i += n
		found[command] = eventlog.Position(i)
	}
	for command, p := range s.certain {
		if found[command] != p {
			t.Errorf("seed %d: %s was acknowledged at position %d and is now at %d", seed, command, p, found[command])
		}
	}
	after, err := log.Append(t.Context(), "flag-after", eventlog.NoStream, batch("after", 1)...)
	if err != nil || after != eventlog.Position(len(events)+1) {
		t.Errorf("seed %d: the first append after the cut: position %d, %v", seed, after, err)
	}
	shut(t, log)
	return len(events)
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
