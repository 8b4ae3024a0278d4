package facts_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/projections/facts"
)

// A state of another version of the program is not read: it may mean something else. The state is made again from the log, and
// the operator is told; an older version's own folder stays, so that one can go back to it.
func TestAStateOfAnotherVersionIsMadeAgainFromTheLog(t *testing.T) {
	batch := []eventlog.Recorded{recorded(t, 1, batchOf([]item{{id: "1", unit: "u", variant: "a"}, {id: "2", unit: "u", hour: 1, value: 3}}))}
	written := func() (dir string) {
		dir = t.TempDir()
		s := open(t, dir, 1)
		if err := s.Apply(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	fresh := func(dir string) (told []string) {
		s, err := facts.Open(dir, facts.Options{SealRows: 1, Report: func(err error) { told = append(told, err.Error()) }})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if s.Position() != 0 {
			t.Errorf("it goes on at %d", s.Position())
		}
		if err := s.Apply(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		if u, err := s.Units(t.Context(), query); err != nil || len(u.Arm) != 1 || u.Values[2][0] != 3 {
			t.Errorf("%+v, %v", u, err)
		}
		return told
	}

	t.Run("in its own folder", func(t *testing.T) {
		dir := written()
		if err := os.Rename(filepath.Join(dir, "v1"), filepath.Join(dir, "v0")); err != nil {
			t.Fatal(err)
		}
		if told := fresh(dir); len(told) != 0 {
			t.Errorf("a first start of a version is nothing to report: %v", told)
		}
		if _, err := os.Stat(filepath.Join(dir, "v0", "manifest.json")); err != nil {
			t.Errorf("the older version's state is gone: %v", err)
		}
	})
	t.Run("by its manifest", func(t *testing.T) {
		dir := written()
		name := filepath.Join(dir, "v1", "manifest.json")
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		other := strings.Replace(string(text), `"version": 1`, `"version": 7`, 1)
		if other == string(text) {
			t.Fatalf("the manifest %s has no version", text)
		}
		if err := os.WriteFile(name, []byte(other), 0o600); err != nil {
			t.Fatal(err)
		}
		if told := fresh(dir); len(told) != 1 || !strings.Contains(told[0], "version 7") || !strings.Contains(told[0], "made again from the log") {
			t.Errorf("the operator is told %v", told)
		}
	})
}

// One flipped bit anywhere in the rows on disk leads to the warning and a new state, to an error, or to the right answer; never to
// another one.
func TestNoFlippedBitInTheRowsChangesAnAnswer(t *testing.T) {
	batch := []eventlog.Recorded{recorded(t, 1, batchOf([]item{{id: "1", unit: "u", variant: "a"}, {id: "2", unit: "u", hour: 1, value: 3}, {id: "3", unit: "w", variant: "b"}, {id: "4", unit: "w", hour: 2, value: 5}}))}
	dir := t.TempDir()
	s := open(t, dir, 1)
	if err := s.Apply(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	want, err := s.Units(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	_, hash, err := s.StateHash()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	noticed := 0
	for _, file := range []string{"000001.exposures.parquet", "000001.measurements.parquet"} {
		text, err := os.ReadFile(filepath.Join(dir, "v1", file))
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(text); at += max(1, len(text)/60) {
			clone := t.TempDir()
			if err := os.CopyFS(clone, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			text[at] ^= 4
			if err := os.WriteFile(filepath.Join(clone, "v1", file), text, 0o600); err != nil {
				t.Fatal(err)
			}
			text[at] ^= 4
			s := open(t, clone, 1)
			if s.Position() == 0 {
				noticed++
			} else if u, err := s.Units(t.Context(), query); err != nil {
				noticed++
			} else if _, h, err := s.StateHash(); err != nil || h != hash || !reflect.DeepEqual(u, want) {
				t.Errorf("%s byte %d: %+v (%v), want %+v", file, at, u, err, want)
			}
			_ = s.Close()
		}
	}
	if noticed < 20 {
		t.Errorf("only %d flipped bits were noticed", noticed)
	}
}
