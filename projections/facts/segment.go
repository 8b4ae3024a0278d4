package facts

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// segment is an open one.
type segment struct {
	segmentInfo
	files        []*checked
	exposures    *parquet.File
	measurements *parquet.File
	ids          *idIndex
	wound        *wound
}

// The parts of a segment, in the order of its file of sums, which is beside them.
const (
	exposuresPart    = "exposures.parquet"
	measurementsPart = "measurements.parquet"
	idsPart          = "ids"
	segmentParts     = 3
	sumsPart         = "sums"
)

func parts() [segmentParts]string { return [...]string{exposuresPart, measurementsPart, idsPart} }

func segmentName(number int, part string) string { return fmt.Sprintf("%06d.%s", number, part) }

// filesOf are the names of a segment's files.
func filesOf(number int) []string {
	names := []string{segmentName(number, sumsPart)}
	for _, part := range parts() {
		names = append(names, segmentName(number, part))
	}
	return names
}

// isPart reports whether a name is that of a segment's file.
func isPart(name string) bool {
	number, _, _ := strings.Cut(name, ".")
	n, err := strconv.Atoi(number)
	return err == nil && slices.Contains(filesOf(n), name)
}

// openSegment opens a segment. The error is a *DamageError.
func (s *Store) openSegment(info segmentInfo) (*segment, error) {
	g := &segment{segmentInfo: info, wound: s.wound}
	if err := g.open(s); err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

func (g *segment) open(s *Store) error {
	sums, err := s.readSums(g.segmentInfo)
	if err != nil {
		return err
	}
	for i, part := range parts() {
		name := segmentName(g.Number, part)
		file, err := openChecked(s.disk, s.path(name), name, sums[i], g.wound)
		if err != nil {
			return asDamage(name, err)
		}
		g.files = append(g.files, file)
	}
	if g.exposures, err = openParquet(g.files[0], g.Exposures); err != nil {
		return asDamage(g.files[0].name, err)
	}
	if g.measurements, err = openParquet(g.files[1], g.Measurements); err != nil {
		return asDamage(g.files[1].name, err)
	}
	if g.ids, err = readIDs(g.files[2]); err != nil {
		return asDamage(g.files[2].name, err)
	}
	return nil
}

// asDamage says which file an error is about.
func asDamage(name string, err error) error {
	if e, ok := errors.AsType[*DamageError](err); ok {
		return e
	}
	if errors.Is(err, fs.ErrNotExist) {
		return damaged(name, "it is not there")
	}
	return damaged(name, "%v", err)
}

func (s *Store) readSums(info segmentInfo) ([segmentParts]fileSums, error) {
	name := segmentName(info.Number, sumsPart)
	text, err := readAll(s.disk, s.path(name))
	if err != nil {
		return [segmentParts]fileSums{}, asDamage(name, err)
	}
	if hexSum(text) != info.Sums {
		return [segmentParts]fileSums{}, damaged(name, "its checksum is not the one in the manifest")
	}
	sums, err := decodeSums(text)
	if err != nil {
		return sums, asDamage(name, err)
	}
	return sums, nil
}

// readBuffer is how much of a column is read at once: many blocks, because those at both ends are read for their checksum.
const readBuffer = 16 * sumBlock

func openParquet(file *checked, rows int) (*parquet.File, error) {
	opened, err := parquet.OpenFile(file, file.sums.size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(readBuffer))
	if err != nil {
		return nil, err
	}
	if opened.NumRows() != int64(rows) {
		return nil, damaged(file.name, "it has %d rows, its manifest says %d", opened.NumRows(), rows)
	}
	return opened, nil
}

func (g *segment) close() {
	for _, f := range g.files {
		f.Close() //nolint:errcheck,gosec // only read
	}
}
