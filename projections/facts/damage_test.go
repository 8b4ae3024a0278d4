package facts_test

import (
	"context"
	"errors"
	"io"
	"path"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/eventlogtest"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/facts"
)

// files are the names of all files of a folder and of those in it.
func (m *memory) files(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := m.fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		name = path.Join(dir, name)
		if info, err := m.fs.Stat(name); err != nil {
			t.Fatal(err)
		} else if info.IsDir() {
			names = append(names, m.files(t, name)...)
		} else {
			names = append(names, name)
		}
	}
	return names
}

func (m *memory) read(t *testing.T, name string) []byte {
	t.Helper()
	file, err := m.fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// flip changes one bit of a file where it stands.
func (m *memory) flip(t *testing.T, name string, at int, bit byte) {
	t.Helper()
	was := m.read(t, name)[at]
	file, err := m.fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte{was ^ bit}, int64(at)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		t.Fatal(err)
	}
}

// One flipped bit anywhere in the folder leads to a report that names the file, or to the right answers; never to others. In files of less than
// one block, as these are, every bit is noticed by whoever reads any of it. The oracle is a store folded from nothing.
func TestNoFlippedBitChangesAnAnswer(t *testing.T) {
	want := newOracle(t)
	l, m := newLife(t), newMemory()
	l.live(m, func(err error) { t.Error(err) })
	files := m.files(t, "/data/facts")
	if len(files) < 1+1+4*2 { // current, a manifest, two segments or more
		t.Fatalf("there is little to damage: %v", files)
	}
	noticed, places := map[string]int{}, 9
	if *everyOperation {
		places = 1_000
	}
	for n, file := range files {
		size := len(m.read(t, file))
		step := max(1, size/places)
		for at := n % step; at < size; at += step {
			damaged := m.afterPowerCut(0, 0)
			damaged.flip(t, file, at, 1<<(at%8))
			if damagedStore(t, damaged, file, want) {
				noticed[path.Ext(file)]++
			}
		}
	}
	for kind, least := range map[string]int{"": 9, ".json": 9, ".sums": 18, ".ids": 18, ".parquet": 36} {
		if noticed[kind] < least {
			t.Errorf("of the files %q only %d flipped bits were noticed", kind, noticed[kind])
		}
	}
}

// damagedStore opens a store with a damaged file, asks it everything, and reports whether the damage was noticed.
func damagedStore(t *testing.T, m *memory, file string, want oracle) (noticed bool) {
	t.Helper()
	var told []error
	s, err := facts.Open("/data/facts", facts.Options{SealRows: lifeSeals, Report: func(err error) { told = append(told, err) }}.On(m))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	defer s.Close()
	names := func(err error) bool {
		e, ok := errors.AsType[*facts.DamageError](err)
		return ok && e.File == path.Base(file) && strings.Contains(err.Error(), e.File)
	}
	if len(told) > 0 {
		if len(told) > 1 || !names(told[0]) || !names(s.Damage()) || s.Position() != 0 {
			t.Errorf("%s: told %v, damage %v, it goes on at %d", file, told, s.Damage(), s.Position())
		}
		want.same(t, file, s)
		if err := s.Apply(t.Context(), []eventlog.Recorded{{Position: s.Position()}}); err != nil || s.Damage() != nil {
			t.Errorf("%s: at the head of the log it is whole again, not %v (%v)", file, s.Damage(), err)
		}
		return true
	}
	units, err := s.Units(t.Context(), query)
	if err == nil && !reflect.DeepEqual(units, want.units) || err != nil && !names(err) {
		t.Errorf("%s: %+v (%v)", file, units, err)
	}
	_, hash, err2 := s.StateHash()
	if err2 == nil && hash != want.hash || err2 != nil && !names(err2) {
		t.Errorf("%s: %x (%v)", file, hash, err2)
	}
	if err == nil && err2 == nil {
		return false
	}
	if !names(s.Damage()) {
		t.Errorf("%s: the damage is %v", file, s.Damage())
	}
	return true
}

// A bit flips while the store serves. Whoever comes across it, a query, the state's hash or an id that comes again, gets an error that names the file;
// then the runner has folded the log anew, and everything is as it was.
func TestDamageFoundWhileServingIsMended(t *testing.T) {
	for part, ask := range map[string]func(*facts.Store, oracle) error{
		".exposures.parquet":    func(s *facts.Store, _ oracle) error { _, err := s.Units(context.Background(), query); return err },
		".measurements.parquet": func(s *facts.Store, _ oracle) error { _, err := s.Units(context.Background(), query); return err },
		".ids":                  func(s *facts.Store, _ oracle) error { _, _, err := s.StateHash(); return err },
		"000001.ids": func(s *facts.Store, _ oracle) error {
			_, err := s.Status("shop", "x0", 1)
			return err
		},
	} {
		t.Run(part, func(t *testing.T) {
			want, m, log := newOracle(t), newMemory(), eventlogtest.Memory()
			for _, r := range want.log {
				if _, err := log.Append(t.Context(), r.Stream, eventlog.Any, r.Event); err != nil {
					t.Fatal(err)
				}
			}
			s, err := facts.Open("/data/facts", facts.Options{SealRows: lifeSeals}.On(m))
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			var told []string
			r := projections.NewRunner(log, s, func(err error) { mu.Lock(); defer mu.Unlock(); told = append(told, err.Error()) })
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- r.Run(ctx) }()
			defer func() { stop(); <-ended }()
			patient, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := r.WaitCaughtUp(patient); err != nil {
				t.Fatal(err)
			}
			for _, file := range m.files(t, "/data/facts") {
				if strings.HasSuffix(file, part) {
					m.flip(t, file, len(m.read(t, file))/2, 8)
				}
			}
			err = ask(s, want)
			var damage *facts.DamageError
			if !errors.As(err, &damage) || !strings.HasSuffix(damage.File, part) {
				t.Fatalf("the error is %v", err)
			}
			for r.Rebuild().Done == 0 || r.Rebuild().Running || s.Damage() != nil {
				if err := patient.Err(); err != nil {
					t.Fatal(err, r.Rebuild(), s.Damage())
				}
				runtime.Gosched()
			}
			if err := ask(s, want); err != nil {
				t.Errorf("after the rebuild: %v", err)
			}
			want.same(t, part, s)
			mu.Lock()
			defer mu.Unlock()
			if len(told) == 0 || !strings.Contains(told[0], damage.File) {
				t.Errorf("the operator is told %v", told)
			}
		})
	}
}
