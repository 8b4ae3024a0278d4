package facts

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/assayhq/assay/eventlog"
)

// seal turns the rows in memory into a segment. Only Apply and Close call it, one at a time, so the tail stands still. A number is used
// once: after a failure nobody knows whether the disk's manifest names the segment, so its files are not written again.
func (s *Store) seal() error {
	info := segmentInfo{Number: s.next, Exposures: len(s.tail.exposures), Measurements: len(s.tail.measurements)}
	info.First, info.Last = s.tail.span()
	s.next++
	opened, err := s.writeSegment(&info)
	if err != nil {
		return fmt.Errorf("sealing facts: %w", errors.Join(err, s.removeSegment(info.Number)))
	}
	m := manifest{Version: version, Position: s.position, Next: s.next, Parked: s.parked}
	for _, g := range s.segments {
		m.Segments = append(m.Segments, g.segmentInfo)
	}
	m.Segments = append(m.Segments, info)
	if named, err := s.writeManifest(m); err != nil {
		opened.close()
		if !named {
			err = errors.Join(err, s.removeSegment(info.Number))
		}
		return fmt.Errorf("sealing facts: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.segments = append(slices.Clip(s.segments), opened)
	s.tail = tail{ids: map[idKey]uint64{}}
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

// writeSegment writes a segment's files and opens them, so that the manifest names nothing that cannot be read.
func (s *Store) writeSegment(info *segmentInfo) (*segment, error) {
	contents := [segmentParts]func(io.Writer) error{
		func(w io.Writer) error { return writeRows(w, s.tail.exposures) },
		func(w io.Writer) error { return writeRows(w, s.tail.measurements) },
		func(w io.Writer) error { return writeIDs(w, s.tail.ids) },
	}
	var sums [segmentParts]fileSums
	for i, part := range parts() {
		err := s.writeFile(segmentName(info.Number, part), func(w io.Writer) error {
			summed := summer{to: w}
			err := contents[i](&summed)
			sums[i] = summed.sums
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	text := encodeSums(sums)
	info.Sums = hexSum(text)
	if err := s.writeFile(segmentName(info.Number, sumsPart), func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
		return nil, err
	}
	return s.openSegment(*info)
}

// removeSegment removes what there is of a segment that no manifest names.
func (s *Store) removeSegment(number int) error {
	var err error
	for _, name := range filesOf(number) {
		err = errors.Join(err, remove(s.disk, s.path(name)))
	}
	return err
}

func writeRows[T any](w io.Writer, rows []T) error {
	writer := parquet.NewGenericWriter[T](w, parquet.CreatedBy("assay", fmt.Sprint(version), ""))
	if _, err := writer.Write(rows); err != nil {
		return err
	}
	return writer.Close()
}

// writeFile writes a file of the store and makes its content durable.
func (s *Store) writeFile(name string, content func(io.Writer) error) error {
	if err := write(s.disk, s.path(name), content); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// writeManifest replaces the manifest in one step. The new files' names are made durable before it, its own after it. With an error,
// named says whether the new one may be in force.
func (s *Store) writeManifest(m manifest) (named bool, err error) {
	text, err := encodeManifest(m)
	if err != nil {
		return false, err
	}
	if named, err = replace(s.disk, s.path(manifestName), text); err != nil {
		return named, fmt.Errorf("writing %s: %w", manifestName, err)
	}
	return true, nil
}
