package facts

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/projections"
)

// The folder of a version holds its state directly until the first rebuild. A rebuild works in a folder of its own, and the file
// "current" beside it names the one that counts, with a checksum; it is replaced in one atomic step.
const (
	currentName   = "current"
	rebuildPrefix = "rebuild-"
)

var _ projections.Mendable = (*Store)(nil)

// Fresh makes an empty store in a folder of its own beside this one's.
func (s *Store) Fresh() (projections.Rebuildable, error) {
	dir, err := s.freshDir()
	if err != nil {
		return nil, fmt.Errorf("making a folder to rebuild the facts in: %w", err)
	}
	fresh := newStore(Options{SealRows: s.sealRows, Report: s.report, disk: s.disk}, s.home)
	fresh.dir = dir
	return fresh, nil
}

// freshDir makes a folder whose name no other had while this one is there.
func (s *Store) freshDir() (string, error) {
	names, err := s.disk.List(s.home)
	if err != nil {
		return "", err
	}
	highest := 0
	for _, name := range names {
		if n, err := strconv.Atoi(strings.TrimPrefix(name, rebuildPrefix)); err == nil {
			highest = max(highest, n)
		}
	}
	dir := filepath.Join(s.home, fmt.Sprintf("%s%d", rebuildPrefix, highest+1))
	return dir, errors.Join(s.disk.MakeDir(dir), s.disk.SyncDir(s.home))
}

// Adopt takes over the fresh store's rows and folder, and removes its own files. Queries that are under way finish on the old
// ones: their files are unlinked, and closed when nobody reads them any more.
func (s *Store) Adopt(other projections.Rebuildable) error {
	fresh, ok := other.(*Store)
	if !ok || fresh.home != s.home {
		return fmt.Errorf("%T is no store that this one made", other)
	}
	if err := fresh.Damage(); err != nil {
		return err
	}
	if fresh.tail.rows() > 0 || len(fresh.segments) == 0 {
		// A restart must find in the new folder what it found in the old one, and not read the log from its beginning.
		if err := fresh.seal(); err != nil {
			return err
		}
	}
	if _, err := replace(s.disk, filepath.Join(s.home, currentName), currentText(filepath.Base(fresh.dir))); err != nil {
		return err
	}
	s.mu.Lock()
	fresh.wound.told = s.told // from here on damage of the fresh one's files is this one's
	s.dir, s.segments, s.tail, s.position, s.parked, s.next, s.wound = fresh.dir, fresh.segments, fresh.tail, fresh.position, fresh.parked, fresh.next, fresh.wound
	s.remade = nil
	s.mu.Unlock()
	if err := s.removeOthers(); err != nil {
		s.hear(fmt.Errorf("the facts of before a rebuild are still on disk: %w", err))
	}
	return nil
}

// Discard removes the folder of a fresh store.
func (s *Store) Discard() error {
	s.closeSegments()
	s.segments = nil
	if s.dir == s.home {
		return nil
	}
	return s.disk.RemoveAll(s.dir)
}

// currentText is what the file "current" holds when the folder of that name counts.
func currentText(name string) []byte {
	return fmt.Appendf(nil, "%s %s\n", name, hexSum([]byte(name)))
}

// currentDir is the folder that counts: home, unless a rebuild has ever been swapped in. It is home, too, with a *DamageError.
func currentDir(d disk, home string) (string, error) {
	text, err := readAll(d, filepath.Join(home, currentName))
	if errors.Is(err, fs.ErrNotExist) {
		return home, nil
	}
	if err != nil {
		return home, asDamage(currentName, err)
	}
	name, _, _ := strings.Cut(string(text), " ")
	if !bytes.Equal(text, currentText(name)) {
		return home, damaged(currentName, "its checksum does not agree with it")
	}
	names, err := d.List(home)
	if err != nil {
		return home, asDamage(currentName, err)
	}
	if !slices.Contains(names, name) {
		return home, damaged(currentName, "the folder that it names is not there")
	}
	return filepath.Join(home, name), nil
}

// removeOthers removes every state of this version but the one that counts.
func (s *Store) removeOthers() error {
	names, err := s.disk.List(s.home)
	for _, name := range names {
		dir := filepath.Join(s.home, name)
		if strings.HasPrefix(name, rebuildPrefix) && dir != s.dir {
			err = errors.Join(err, s.disk.RemoveAll(dir))
		}
	}
	if err != nil {
		return fmt.Errorf("removing the facts of before a rebuild: %w", err)
	}
	if s.dir == s.home {
		return nil
	}
	if err := remove(s.disk, filepath.Join(s.home, manifestName)); err != nil {
		return fmt.Errorf("removing the state of before a rebuild: %w", err)
	}
	return s.removeStrays(s.home, nil)
}
