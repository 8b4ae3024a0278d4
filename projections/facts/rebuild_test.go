package facts_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/facts"
)

// The oracle is the naive table of the whole log, after the swap, after more batches, and after a restart.
func TestARebuiltStoreHasTheTableOfTheOracleAndRestartsWithIt(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		log := drawLog(r)
		dir, err := os.MkdirTemp("", "facts") //nolint:usetesting // one folder for each of many draws
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		seal := rapid.IntRange(20, 200).Draw(r, "seal")
		until := rapid.IntRange(0, len(log)).Draw(r, "until")
		apply := func(s projections.Projection, from, to int) {
			for i := from; i < to; i++ {
				if err := s.Apply(context.Background(), []eventlog.Recorded{recorded(t, i+1, batchOf(log[i]))}); err != nil {
					t.Fatal(err)
				}
			}
		}
		check := func(s *facts.Store, upTo int) {
			units, err := s.Units(context.Background(), query)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := summary(units), naive(log, upTo, false); !reflect.DeepEqual(got, want) {
				r.Fatalf("got %v, want %v", got, want)
			}
		}
		s := open(t, dir, seal)
		apply(s, 0, until)
		other := open(t, t.TempDir(), 1_000_000) // seals nothing
		defer func() { _ = other.Close() }()
		sameState := func(upTo int) {
			apply(other, int(other.Position()), upTo)
			at, hash, err := s.StateHash()
			at2, hash2, err2 := other.StateHash()
			if at != at2 || hash != hash2 || err != nil || err2 != nil {
				r.Fatalf("the states of the same events differ: %d %x %v, %d %x %v", at, hash, err, at2, hash2, err2)
			}
		}
		sameState(until)
		fresh, err := s.Fresh()
		if err != nil {
			t.Fatal(err)
		}
		apply(fresh, 0, until)
		if err := s.Adopt(fresh); err != nil {
			t.Fatal(err)
		}
		check(s, until)
		sameState(until)
		apply(s, max(0, until-1), len(log)) // the last one again: it changes nothing
		check(s, len(log))
		sameState(len(log))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, seal)
		if s.Position() == 0 {
			r.Fatalf("it starts from nothing")
		}
		apply(s, int(s.Position()), len(log)) // batches of nothing but duplicates seal nothing
		check(s, len(log))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if states, _ := filepath.Glob(filepath.Join(dir, "v*", "rebuild-*")); len(states) != 1 {
			r.Fatalf("there are the folders %v, one of them counts", states)
		}
	})
}

// A crash between any two steps leaves the folder that counted, and no other for long.
func TestARebuildThatACrashCutShortLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 10)
	if err := s.Apply(t.Context(), []eventlog.Recorded{recorded(t, 1, batchOf([]item{{id: "1", unit: "u", variant: "a"}}))}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fresh(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, 10)
	defer s.Close()
	if states, _ := filepath.Glob(filepath.Join(dir, "v*", "rebuild-*")); len(states) != 0 || s.Position() != 1 {
		t.Errorf("folders %v are left, position %d", states, s.Position())
	}
}
