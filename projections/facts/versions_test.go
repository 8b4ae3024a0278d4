package facts_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/projections/facts"
)

// A state of another version of the program is not read: it may mean something else. The state is made again from the log, and
// the operator is told. An older version's own folder stays until this version has read the log to its end, so that one can go back to it;
// then it goes, because nothing keeps it in step with the log any more. A newer version's folder is none of our business.
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
		if err := errors.Join(os.Rename(filepath.Join(dir, "v2"), filepath.Join(dir, "v1")), os.Mkdir(filepath.Join(dir, "v0"), 0o700), os.Mkdir(filepath.Join(dir, "v3"), 0o700)); err != nil {
			t.Fatal(err)
		}
		if told := fresh(dir); len(told) != 0 {
			t.Errorf("a first start of a version is nothing to report: %v", told)
		}
		if _, err := os.Stat(filepath.Join(dir, "v1", "manifest.json")); err != nil {
			t.Errorf("the older version's state is gone before the log has been read to its end: %v", err)
		}
		s := open(t, dir, 1_000_000)
		if err := s.Apply(t.Context(), []eventlog.Recorded{{Position: 1}}); err != nil { // the checkpoint at the head of the log
			t.Fatal(err)
		}
		if left := foldersOf(t, dir); !slices.Equal(left, []string{"v2", "v3"}) {
			t.Errorf("the folders %v are left", left)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("in its own folder, with nothing to seal", func(t *testing.T) {
		dir := written()
		if err := os.Rename(filepath.Join(dir, "v2"), filepath.Join(dir, "v1")); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir, 1_000_000)
		defer s.Close()
		if err := s.Apply(t.Context(), []eventlog.Recorded{{Position: 1}}); err != nil { // retention has taken the batch
			t.Fatal(err)
		}
		if left := foldersOf(t, dir); !slices.Equal(left, []string{"v2"}) {
			t.Errorf("the folders %v are left", left)
		}
	})
	t.Run("by its manifest", func(t *testing.T) {
		dir := written()
		name := filepath.Join(dir, "v2", "manifest.json")
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, state, _ := strings.Cut(strings.TrimSpace(string(text)), `"manifest":`)
		state = strings.TrimSuffix(state, "}")
		other := strings.Replace(state, `"version":2`, `"version":7`, 1)
		if other == state {
			t.Fatalf("the manifest %s has no version", text)
		}
		sum := crc32.Checksum([]byte(other), crc32.MakeTable(crc32.Castagnoli))
		other = fmt.Sprintf("{\"crc32c\":\"%08x\",\"manifest\":%s}\n", sum, other)
		if err := os.WriteFile(name, []byte(other), 0o600); err != nil {
			t.Fatal(err)
		}
		if told := fresh(dir); len(told) != 1 || !strings.Contains(told[0], "version 7") || !strings.Contains(told[0], "made again from the log") {
			t.Errorf("the operator is told %v", told)
		}
	})
}

func foldersOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
