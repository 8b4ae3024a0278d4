package pebblelog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/assayhq/assay/eventlog"
)

// Tip is the end of the log.
type Tip struct {
	Position   eventlog.Position
	Chain      eventlog.Hash // of everything up to Position
	RecordedAt time.Time     // of the event there
}

// mark is a small file beside Pebble's that says up to which position events have been acknowledged, with their chain. The
// end of a write-ahead log with a flipped bit cannot be told from one that a power cut tore: Pebble takes it for the end. The
// mark tells them apart: it is written after each sync and before the answers, so whatever of it is on the disk was durable
// before, and a log that ends before its mark has lost what was acknowledged.
//
// It is not synced: a crash of the process leaves it whole, and a power cut an older one at worst, which asks less.
type mark struct {
	file vfs.File
	turn int64
}

// Two places, written in turn, so that a torn write leaves the other one.
const (
	markName  = "assay-head"
	markPlace = 4096 // far enough apart that no write of a disk touches both
	markSize  = 8 + 32 + 4
)

// openMark opens or makes the mark of a folder, and returns the newer of its places; zero when there is none.
func openMark(disk vfs.FS, folder string) (*mark, Tip, error) {
	name := disk.PathJoin(folder, markName)
	file, err := disk.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if errors.Is(err, fs.ErrNotExist) {
		m, err := makeMark(disk, folder, name)
		return m, Tip{}, err
	}
	if err != nil {
		return nil, Tip{}, fmt.Errorf("opening the mark of the log's head: %w", err)
	}
	m, newest := &mark{file: file}, Tip{}
	for turn := range int64(2) {
		var b [markSize]byte
		if _, err := file.ReadAt(b[:], turn*markPlace); err != nil {
			continue // torn or not yet written
		}
		if tip, ok := parseMark(b[:]); ok && tip.Position >= newest.Position {
			newest, m.turn = tip, 1-turn
		}
	}
	return m, newest, nil
}

func makeMark(disk vfs.FS, folder, name string) (*mark, error) {
	file, err := disk.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("making the mark of the log's head: %w", err)
	}
	if _, err := file.WriteAt(make([]byte, markPlace+markSize), 0); err != nil {
		return nil, errors.Join(fmt.Errorf("making the mark of the log's head: %w", err), file.Close())
	}
	if err := errors.Join(file.Sync(), syncFolder(disk, folder)); err != nil {
		return nil, errors.Join(fmt.Errorf("making the mark of the log's head: %w", err), file.Close())
	}
	return &mark{file: file}, nil
}

func parseMark(b []byte) (Tip, bool) {
	sum := binary.BigEndian.Uint32(b[markSize-4:])
	tip := Tip{Position: eventlog.Position(binary.BigEndian.Uint64(b))}
	copy(tip.Chain[:], b[8:])
	return tip, tip.Position > 0 && sum == crc32.Checksum(b[:markSize-4], crc32.MakeTable(crc32.Castagnoli))
}

// write says that everything up to the tip is durable.
func (m *mark) write(tip Tip) error {
	var b [markSize]byte
	binary.BigEndian.PutUint64(b[:], uint64(tip.Position))
	copy(b[8:], tip.Chain[:])
	binary.BigEndian.PutUint32(b[markSize-4:], crc32.Checksum(b[:markSize-4], crc32.MakeTable(crc32.Castagnoli)))
	_, err := m.file.WriteAt(b[:], m.turn*markPlace)
	m.turn = 1 - m.turn
	return err
}

// compareMark refuses a log that ends before its mark, or whose events up to the mark are others.
func (l *Log) compareMark(marked Tip) error {
	if marked.Position == 0 {
		return nil
	}
	head := eventlog.Position(l.head.Load())
	if head < marked.Position {
		return corrupt("the log ends at position %d, but events up to position %d were acknowledged: the end of its write-ahead log is damaged "+
			"(whoever can do without the events after position %d removes the file %s)", head, marked.Position, head, markName)
	}
	e, err := l.entryAt(marked.Position)
	if err != nil {
		return err
	}
	if e.Chain != marked.Chain {
		return corrupt("the events up to position %d are not those that were acknowledged; assay log verify names the first one that differs", marked.Position)
	}
	return nil
}

// entryAt reads one event, trimmed or not.
func (l *Log) entryAt(p eventlog.Position) (eventlog.Entry, error) {
	record, closer, err := l.db.Get(eventKey(nil, p))
	if err != nil {
		return eventlog.Entry{}, missing(err, "position %d", p)
	}
	defer closer.Close() //nolint:errcheck // releases a cached block
	return decode(p, record, false)
}
