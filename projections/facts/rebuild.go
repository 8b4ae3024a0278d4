package facts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/assayhq/assay/projections"
)

// The folder of a version holds its state directly until the first rebuild. A rebuild works in a folder of its own, and the file
// "current" beside it names the one that counts; it is replaced in one atomic step.
const (
	currentName   = "current"
	rebuildPrefix = "rebuild-"
)

var _ projections.Rebuildable = (*Store)(nil)

// Fresh makes an empty store in a folder of its own beside this one's.
func (s *Store) Fresh() (projections.Rebuildable, error) {
	dir, err := os.MkdirTemp(s.home, rebuildPrefix)
	if err != nil {
		return nil, fmt.Errorf("making a folder to rebuild the facts in: %w", err)
	}
	return &Store{home: s.home, dir: dir, sealRows: s.sealRows, report: s.report, next: 1, tail: tail{ids: map[idKey]uint64{}}}, nil
}

// Adopt takes over the fresh store's rows and folder, and removes its own files. Queries that are under way finish on the old
// ones: their files are unlinked, and closed when nobody reads them any more.
func (s *Store) Adopt(other projections.Rebuildable) error {
	fresh, ok := other.(*Store)
	if !ok || fresh.home != s.home {
		return fmt.Errorf("%T is no store that this one made", other)
	}
	if fresh.tail.rows() > 0 || len(fresh.segments) == 0 {
		// A restart must find in the new folder what it found in the old one, and not read the log from its beginning.
		if err := fresh.seal(); err != nil {
			return err
		}
	}
	if err := writeCurrent(s.home, filepath.Base(fresh.dir)); err != nil {
		return err
	}
	s.mu.Lock()
	s.dir, s.segments, s.tail, s.position, s.parked, s.next = fresh.dir, fresh.segments, fresh.tail, fresh.position, fresh.parked, fresh.next
	s.mu.Unlock()
	if err := removeOthers(s.home, s.dir); err != nil {
		s.hear(fmt.Errorf("the facts of before a rebuild are still on disk: %w", err))
	}
	return nil
}

// Discard removes the folder of a fresh store.
func (s *Store) Discard() error {
	s.closeSegments()
	if s.dir == s.home {
		return nil
	}
	return os.RemoveAll(s.dir)
}

// writeCurrent makes name the folder that counts.
func writeCurrent(home, name string) error {
	s := &Store{dir: home}
	const next = currentName + ".new"
	if err := s.writeFile(next, func(w io.Writer) error { _, err := w.Write([]byte(name)); return err }); err != nil {
		return err
	}
	if err := os.Rename(s.path(next), s.path(currentName)); err != nil {
		return err
	}
	return syncDir(home)
}

// currentDir is the folder that counts: home, unless a rebuild has ever been swapped in.
func currentDir(home string) (string, error) {
	name, err := os.ReadFile(filepath.Join(home, currentName)) //nolint:gosec // the store's own folder
	if errors.Is(err, fs.ErrNotExist) {
		return home, nil
	}
	if err != nil {
		return "", fmt.Errorf("reading which folder of the facts counts: %w", err)
	}
	dir := filepath.Join(home, filepath.Base(string(name)))
	if _, err := os.Stat(dir); err != nil || !strings.HasPrefix(string(name), rebuildPrefix) {
		return home, nil //nolint:nilerr // a folder that is gone is made again from the log, like any damaged state
	}
	return dir, nil
}

// removeOthers removes every state in home but the one in current.
func removeOthers(home, current string) error {
	rebuilds, err := filepath.Glob(filepath.Join(home, rebuildPrefix+"*"))
	for _, dir := range rebuilds {
		if dir != current {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	if current == home || err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(home, manifestName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the state of before a rebuild: %w", err)
	}
	return removeStrays(home, nil)
}
