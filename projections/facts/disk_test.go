package facts_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path"
	"reflect"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/facts"
)

var everyOperation = flag.Bool("every-operation", false, "cut the power in every way at, and let fail, every single operation of the disk, and flip bits everywhere, which takes some minutes")

// memory is a disk in memory that loses at a power cut what was not synced. before is asked before every operation that changes something.
type memory struct {
	fs     *vfs.MemFS
	before func() error
}

func newMemory() *memory {
	m := &memory{fs: vfs.NewCrashableMem(), before: func() error { return nil }}
	if err := m.fs.MkdirAll("/data", 0o700); err != nil {
		panic(err)
	}
	if err := m.SyncDir("/"); err != nil {
		panic(err)
	}
	return m
}

// afterPowerCut is what may be left of the disk, at worst when unsynced is 0, and after the end of the process alone when it is 100.
func (m *memory) afterPowerCut(unsynced int, seed uint64) *memory {
	left := m.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rand.New(rand.NewPCG(seed, 1))})
	return &memory{fs: left, before: func() error { return nil }}
}

func (m *memory) does(operation func() error) error {
	if err := m.before(); err != nil {
		return err
	}
	return operation()
}

func (m *memory) MakeDir(dir string) error {
	return m.does(func() error { return m.fs.MkdirAll(dir, 0o700) })
}

func (m *memory) Create(name string) (facts.Writer, error) {
	if err := m.before(); err != nil {
		return nil, err
	}
	file, err := m.fs.Create(name, vfs.WriteCategoryUnspecified)
	return memoryWriter{file, m}, err
}

func (m *memory) Open(name string) (facts.Reader, error) {
	file, err := m.fs.Open(name)
	return memoryReader{file}, err
}

func (m *memory) Rename(from, to string) error {
	return m.does(func() error { return m.fs.Rename(from, to) })
}

func (m *memory) Remove(name string) error {
	return m.does(func() error { return m.fs.Remove(name) })
}

func (m *memory) RemoveAll(dir string) error {
	return m.does(func() error { return m.fs.RemoveAll(dir) })
}
func (m *memory) List(dir string) ([]string, error) { return m.fs.List(dir) }
func (m *memory) SyncDir(dir string) error {
	return m.does(func() error {
		d, err := m.fs.OpenDir(dir)
		if err != nil {
			return err
		}
		return errors.Join(d.Sync(), d.Close())
	})
}

type memoryWriter struct {
	vfs.File
	m *memory
}

// Write gives a copy away, because a vfs.File may write over what it is given.
func (w memoryWriter) Write(p []byte) (n int, err error) {
	err = w.m.does(func() error { n, err = w.File.Write(bytes.Clone(p)); return err })
	return n, err
}

func (w memoryWriter) Sync() error { return w.m.does(w.File.Sync) }

type memoryReader struct{ vfs.File }

func (r memoryReader) Size() (int64, error) {
	info, err := r.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// history is a log of the few batches that a disk sees grow, with duplicates and crossovers among them.
func history() [][]item {
	var log [][]item
	for at := range 14 {
		batch := []item{
			{id: fmt.Sprint("x", at), unit: fmt.Sprint("u", at%9), variant: []string{"a", "b"}[at%9%2], hour: at, plan: "pro"},
			{id: fmt.Sprint("m", at), unit: fmt.Sprint("u", at%7), hour: at + 1, value: float64(at) + 0.25},
			{id: fmt.Sprint("m", at/2), unit: fmt.Sprint("u", at/2%7), hour: at/2 + 1, value: float64(at/2) + 0.25}, // again
		}
		log = append(log, batch)
	}
	return log
}

// life is what happens to a store: batches that are sealed every few rows, a rebuild that is swapped in, more batches, a rebuild that is given
// up, and the end. Whatever fails is done again, as the runner does it. Durable is the position up to which a seal has been answered.
type life struct {
	log     []eventlog.Recorded
	durable eventlog.Position
	applied eventlog.Position
	failed  []error
}

func newLife(t testing.TB) *life {
	l := &life{}
	for i, batch := range history() {
		l.log = append(l.log, recorded(t, i+1, batchOf(batch)))
	}
	return l
}

const lifeSeals = 5 // rows

func (l *life) again(what func() error) {
	for range 400 { // more often than there are operations
		err := what()
		if err == nil {
			return
		}
		l.failed = append(l.failed, err)
	}
	panic(fmt.Sprint("it fails for ever: ", l.failed[len(l.failed)-1]))
}

func (l *life) apply(s projections.Projection, to int, live bool) {
	for int(s.Position()) < to {
		l.again(func() error {
			next := int(s.Position())
			if next == to {
				return s.Apply(context.Background(), []eventlog.Recorded{{Position: eventlog.Position(to)}})
			}
			return s.Apply(context.Background(), l.log[next:next+1])
		})
	}
	if live {
		l.applied = s.Position()
	}
}

func (l *life) live(m *memory, report func(error)) {
	var s *facts.Store
	l.again(func() (err error) {
		s, err = facts.Open("/data/facts", facts.Options{SealRows: lifeSeals, Report: report}.On(m))
		return err
	})
	l.apply(s, 5, true)
	l.durable = 3 // three batches have six rows
	for _, adopted := range []bool{true, false, true} {
		var fresh projections.Rebuildable
		l.again(func() (err error) { fresh, err = s.Fresh(); return err })
		l.apply(fresh, int(s.Position()), false)
		if adopted {
			l.again(func() error { return s.Adopt(fresh) })
			l.durable = s.Position()
		} else {
			l.again(fresh.Discard)
		}
		l.apply(s, int(s.Position())+3, true)
	}
	l.again(s.Close)
	l.durable = s.Position()
}

// oracle is what a store that was folded from nothing says of the whole history.
type oracle struct {
	log   []eventlog.Recorded
	units *facts.Units
	hash  [32]byte
}

func newOracle(t *testing.T) oracle {
	t.Helper()
	s := open(t, t.TempDir(), 1_000_000)
	o := oracle{log: newLife(t).log}
	if err := s.Apply(t.Context(), o.log); err != nil {
		t.Fatal(err)
	}
	units, err := s.Units(t.Context(), query)
	_, hash, err2 := s.StateHash()
	if err := errors.Join(err, err2); err != nil || len(units.Arm) == 0 {
		t.Fatal(units, err)
	}
	o.units, o.hash = units, hash
	return o
}

// same compares a store, after the rest of the log, with the oracle.
func (o oracle) same(t *testing.T, what string, s *facts.Store) {
	t.Helper()
	if err := s.Apply(t.Context(), o.log); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	units, err := s.Units(t.Context(), query)
	_, hash, err2 := s.StateHash()
	if err := errors.Join(err, err2); err != nil || hash != o.hash || !reflect.DeepEqual(units, o.units) {
		t.Fatalf("%s: state %x, table %+v (%v); folded from nothing: state %x, table %+v", what, hash, units, err, o.hash, o.units)
	}
}

// The power is cut, and the process killed, at every operation of the disk in the life of a store. The oracle is a store folded from nothing.
// No state is found damaged, and none goes back behind a seal that was answered: the files and their names are on disk before the manifest
// names them, and the manifest before anybody relies on it.
func TestAPowerCutAtAnyOperationLosesNoSealAndDamagesNothing(t *testing.T) {
	type cut struct {
		disk    *memory
		durable eventlog.Position
	}
	var cuts []cut
	want := newOracle(t)
	l, m := newLife(t), newMemory()
	m.before = func() error {
		unsynced := []int{0, 50, 100}
		if !*everyOperation {
			unsynced = unsynced[len(cuts)%3:][:1]
		}
		for _, percent := range unsynced {
			cuts = append(cuts, cut{m.afterPowerCut(percent, uint64(len(cuts))), l.durable})
		}
		return nil
	}
	l.live(m, func(err error) { t.Errorf("reported: %v", err) })
	cuts = append(cuts, cut{m.afterPowerCut(0, 0), l.durable})
	if len(cuts) < 150 {
		t.Fatalf("only %d cuts: the disk is not asked", len(cuts))
	}
	for i, c := range cuts {
		what := fmt.Sprintf("cut %d of %d", i, len(cuts))
		s, err := facts.Open("/data/facts", facts.Options{SealRows: lifeSeals, Report: func(err error) { t.Errorf("%s: %v", what, err) }}.On(c.disk))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if s.Position() < c.durable || s.Damage() != nil {
			t.Fatalf("%s: it goes on at %d, sealed were %d; damage: %v", what, s.Position(), c.durable, s.Damage())
		}
		want.same(t, what, s)
		if err := s.Close(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		c.disk.leaves(t, what)
	}
}

// leaves checks that nothing lies about that nobody needs.
func (m *memory) leaves(t *testing.T, what string) {
	t.Helper()
	states, err := m.fs.List("/data/facts/v2")
	if err != nil {
		t.Fatal(err)
	}
	rebuilds := slices.DeleteFunc(slices.Clone(states), func(name string) bool { ok, _ := path.Match("rebuild-*", name); return !ok })
	if len(rebuilds) > 1 || len(rebuilds) == 1 && slices.Contains(states, "manifest.json") {
		t.Fatalf("%s: two states are left: %v", what, states)
	}
}

// Every operation of the disk (every fourth one without the flag) fails once, and another time it and all that follow for a while. A store that goes on, and the one that a power cut
// leaves behind it, are those of the oracle.
func TestAFailingOperationOfTheDiskChangesNothing(t *testing.T) {
	broken := errors.New("the disk failed")
	want := newOracle(t)
	operations := 0
	l, m := newLife(t), newMemory()
	m.before = func() error { operations++; return nil }
	l.live(m, nil)
	for _, lasting := range []int{1, 7} {
		step := 3*lasting + 1
		if *everyOperation {
			step = 1
		}
		for fails := 0; fails < operations; fails += step {
			what := fmt.Sprintf("operations %d to %d of %d", fails, fails+lasting-1, operations)
			l, m, at := newLife(t), newMemory(), 0
			var cut *memory
			m.before = func() error {
				if at++; at > fails && at <= fails+lasting {
					return broken
				}
				if at == fails+lasting+1 {
					cut = m.afterPowerCut(50*(fails%3), uint64(fails))
				}
				return nil
			}
			l.live(m, func(error) {})
			for _, err := range l.failed {
				if !errors.Is(err, broken) {
					t.Fatalf("%s: %v", what, err)
				}
			}
			for _, disk := range []*memory{cut, m.afterPowerCut(0, 0)} {
				if disk == nil {
					continue
				}
				s, err := facts.Open("/data/facts", facts.Options{SealRows: lifeSeals}.On(disk))
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				want.same(t, what, s)
				_ = s.Close()
			}
		}
	}
}
