package facts

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

const manifestName = "manifest.json"

// Open opens the store in a folder, or makes it. A state that cannot be read is reported, thrown away and made again from
// the log, because the log is the truth.
func Open(dir string, o Options) (*Store, error) {
	s := newStore(o, filepath.Join(dir, fmt.Sprintf("v%d", version)))
	if err := s.makeHome(dir); err != nil {
		return nil, fmt.Errorf("making the folder of the facts: %w", err)
	}
	var err error
	if s.older, err = olderVersions(s.disk, dir); err != nil {
		return nil, err
	}
	if s.dir, err = currentDir(s.disk, s.home); err == nil {
		err = s.load()
	}
	if err != nil {
		if err := s.startAnew(err); err != nil {
			return nil, err
		}
	}
	return s, errors.Join(s.removeStrays(s.dir, s.segments), s.removeOthers())
}

func newStore(o Options, home string) *Store {
	s := &Store{disk: o.disk, home: home, dir: home, sealRows: o.SealRows, report: o.Report, next: 1, told: make(chan struct{}, 1)}
	if s.disk == nil {
		s.disk = system{}
	}
	if s.sealRows <= 0 {
		s.sealRows = defaultSealRows
	}
	s.tail.ids = map[idKey]uint64{}
	s.wound = &wound{told: s.told}
	return s
}

// makeHome makes the folders, durably.
func (s *Store) makeHome(dir string) error {
	if err := s.disk.MakeDir(s.home); err != nil {
		return err
	}
	return errors.Join(s.disk.SyncDir(filepath.Dir(dir)), s.disk.SyncDir(dir))
}

// load reads the state of the folder that counts. The error is a *DamageError.
func (s *Store) load() error {
	text, err := readAll(s.disk, s.path(manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return asDamage(manifestName, err)
	}
	m, err := decodeManifest(text)
	if err != nil {
		return err
	}
	for _, info := range m.Segments {
		opened, err := s.openSegment(info)
		if err != nil {
			return err
		}
		s.segments = append(s.segments, opened)
	}
	s.position, s.next, s.parked = m.Position, m.Next, m.Parked
	return nil
}

// startAnew throws a damaged state away.
func (s *Store) startAnew(cause error) error {
	s.closeSegments()
	s.remade = damaged("", "%v", cause)
	if e, ok := errors.AsType[*DamageError](cause); ok {
		s.remade = e
	}
	s.hear(s.remade)
	s.segments, s.position, s.parked, s.next, s.wound = nil, 0, nil, 1, &wound{told: s.told}
	err := remove(s.disk, s.path(manifestName))
	if s.dir == s.home {
		err = errors.Join(err, remove(s.disk, filepath.Join(s.home, currentName)))
	}
	if err = errors.Join(err, s.disk.SyncDir(s.dir)); err != nil {
		return fmt.Errorf("removing the damaged state of the facts: %w", err)
	}
	return nil
}

// removeStrays removes those files of segments that the folder's manifest does not name, and what was to become a manifest: a crash cut
// their writing short. Nothing that a store would not write is touched.
func (s *Store) removeStrays(dir string, segments []*segment) error {
	known := map[string]bool{}
	for _, g := range segments {
		for _, name := range filesOf(g.Number) {
			known[name] = true
		}
	}
	names, err := s.disk.List(dir)
	if err != nil {
		return fmt.Errorf("reading the folder of the facts: %w", err)
	}
	for _, name := range names {
		if known[name] || !isPart(name) && !strings.HasSuffix(name, freshSuffix) {
			continue
		}
		if err := remove(s.disk, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("removing a file of an interrupted write: %w", err)
		}
	}
	return nil
}

// Close seals what is in memory, so that a clean restart reads nothing again, and closes the files.
func (s *Store) Close() error {
	err := error(nil)
	if s.tail.rows() > 0 {
		err = s.seal()
	}
	s.closeSegments()
	return err
}

func (s *Store) closeSegments() {
	for _, g := range s.segments {
		g.close()
	}
}
