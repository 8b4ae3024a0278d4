package facts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/assayhq/assay/eventlog"
)

// manifest is the one file that says what counts. Numbers of positions are strings for the sake of JavaScript.
type manifest struct {
	Version  int               `json:"version"`
	Position eventlog.Position `json:"position,string"`
	Next     int               `json:"next"`
	Segments []segmentInfo     `json:"segments"`
	Parked   []Parked          `json:"parked,omitempty"`
}

// segmentInfo describes a segment in the manifest.
type segmentInfo struct {
	Number       int               `json:"number"`
	First        eventlog.Position `json:"first,string"` // of its rows
	Last         eventlog.Position `json:"last,string"`
	Exposures    int               `json:"exposures"`
	Measurements int               `json:"measurements"`
}

// segment is an open one.
type segment struct {
	segmentInfo
	files        []*os.File
	exposures    *parquet.File
	measurements *parquet.File
	ids          *idIndex
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

func segmentName(number int, part string) string { return fmt.Sprintf("%06d.%s", number, part) }

const (
	manifestName     = "manifest.json"
	exposuresPart    = "exposures.parquet"
	measurementsPart = "measurements.parquet"
	idsPart          = "ids"
)

// Open opens the store in a folder, or makes it. A state that cannot be read is reported, thrown away and made again from
// the log, because the log is the truth.
func Open(dir string, o Options) (*Store, error) {
	s := &Store{home: filepath.Join(dir, fmt.Sprintf("v%d", version)), sealRows: o.SealRows, report: o.Report, next: 1}
	if s.sealRows <= 0 {
		s.sealRows = defaultSealRows
	}
	s.tail.ids = map[idKey]uint64{}
	if err := os.MkdirAll(s.home, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the facts: %w", err)
	}
	var err error
	if s.dir, err = currentDir(s.home); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		s.hear(fmt.Errorf("the facts on disk cannot be read and are made again from the log: %w", err))
		s.closeSegments()
		s.segments, s.position, s.parked, s.next = nil, 0, nil, 1
		if err := os.Remove(s.path(manifestName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("removing the damaged manifest of the facts: %w", err)
		}
	}
	return s, errors.Join(removeStrays(s.dir, s.segments), removeOthers(s.home, s.dir))
}

func (s *Store) load() error {
	text, err := os.ReadFile(s.path(manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if m.Version != version {
		return fmt.Errorf("manifest: it has version %d, not %d", m.Version, version)
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

// removeStrays removes the files of a folder but its manifest and segments: those of a seal that a crash cut short.
func removeStrays(dir string, segments []*segment) error {
	known := map[string]bool{manifestName: true, currentName: true}
	for _, g := range segments {
		for _, part := range []string{exposuresPart, measurementsPart, idsPart} {
			known[segmentName(g.Number, part)] = true
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading the folder of the facts: %w", err)
	}
	for _, e := range entries {
		if !known[e.Name()] && !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("removing a file of an interrupted write: %w", err)
			}
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

func (g *segment) close() {
	for _, f := range g.files {
		f.Close() //nolint:errcheck,gosec // only read
	}
	if g.ids != nil {
		g.ids.file.Close() //nolint:errcheck,gosec // only read
	}
}

// seal turns the rows in memory into a segment. Only Apply and Close call it, one at a time, so the tail stands still.
func (s *Store) seal() error {
	info := segmentInfo{Number: s.next, Exposures: len(s.tail.exposures), Measurements: len(s.tail.measurements)}
	info.First, info.Last = s.tail.span()
	if err := s.writeSegment(info); err != nil {
		return fmt.Errorf("sealing facts: %w", err)
	}
	opened, err := s.openSegment(info)
	if err != nil {
		return fmt.Errorf("sealing facts: %w", err)
	}
	m := manifest{Version: version, Position: s.position, Next: s.next + 1, Parked: s.parked}
	for _, g := range s.segments {
		m.Segments = append(m.Segments, g.segmentInfo)
	}
	m.Segments = append(m.Segments, info)
	if err := s.writeManifest(m); err != nil {
		opened.close()
		return fmt.Errorf("sealing facts: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.segments = append(slices.Clip(s.segments), opened)
	s.tail = tail{ids: map[idKey]uint64{}}
	s.next++
	return nil
}

func (t tail) span() (first, last eventlog.Position) {
	note := func(p uint64) {
		if q := eventlog.Position(p); first == 0 || q < first {
			first = q
		}
		last = max(last, eventlog.Position(p))
	}
	if n := len(t.exposures); n > 0 {
		note(t.exposures[0].Position)
		note(t.exposures[n-1].Position)
	}
	if n := len(t.measurements); n > 0 {
		note(t.measurements[0].Position)
		note(t.measurements[n-1].Position)
	}
	return first, last
}

func (s *Store) writeSegment(info segmentInfo) error {
	if err := s.writeFile(segmentName(info.Number, exposuresPart), func(w io.Writer) error { return writeRows(w, s.tail.exposures) }); err != nil {
		return err
	}
	if err := s.writeFile(segmentName(info.Number, measurementsPart), func(w io.Writer) error { return writeRows(w, s.tail.measurements) }); err != nil {
		return err
	}
	return s.writeFile(segmentName(info.Number, idsPart), func(w io.Writer) error { return writeIDs(w, s.tail.ids) })
}

func writeRows[T any](w io.Writer, rows []T) error {
	writer := parquet.NewGenericWriter[T](w, parquet.CreatedBy("assay", fmt.Sprint(version), ""))
	if _, err := writer.Write(rows); err != nil {
		return err
	}
	return writer.Close()
}

// writeFile writes a file and makes it durable.
func (s *Store) writeFile(name string, write func(io.Writer) error) (err error) {
	file, err := os.OpenFile(s.path(name), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := write(file); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return file.Sync()
}

// writeManifest replaces the manifest in one step. The new files' names are made durable before it, its own after it.
func (s *Store) writeManifest(m manifest) error {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	if err := syncDir(s.dir); err != nil {
		return err
	}
	const fresh = manifestName + ".new"
	if err := s.writeFile(fresh, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
		return err
	}
	if err := os.Rename(s.path(fresh), s.path(manifestName)); err != nil {
		return err
	}
	return syncDir(s.dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the store's own folder
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *Store) openSegment(info segmentInfo) (*segment, error) {
	g := &segment{segmentInfo: info}
	var err error
	if g.exposures, err = g.openParquet(s.path(segmentName(info.Number, exposuresPart)), info.Exposures); err == nil {
		if g.measurements, err = g.openParquet(s.path(segmentName(info.Number, measurementsPart)), info.Measurements); err == nil {
			g.ids, err = openIDs(s.path(segmentName(info.Number, idsPart)))
		}
	}
	if err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

func (g *segment) openParquet(name string, rows int) (*parquet.File, error) {
	file, err := os.Open(name) //nolint:gosec // a file of the store's own folder
	if err != nil {
		return nil, err
	}
	g.files = append(g.files, file)
	stat, err := file.Stat()
	if err != nil {
		return nil, err
	}
	opened, err := parquet.OpenFile(file, stat.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", filepath.Base(name), err)
	}
	if opened.NumRows() != int64(rows) {
		return nil, fmt.Errorf("%s has %d rows, its manifest says %d", filepath.Base(name), opened.NumRows(), rows)
	}
	return opened, nil
}
