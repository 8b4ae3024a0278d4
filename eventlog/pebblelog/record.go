package pebblelog

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/assayhq/assay/eventlog"
)

// A record of format 1 is
//
//	format 1 byte | recorded at 8 (nanoseconds since 1970) | revision 8 | id 16 | length of the header 4 | header | data
//
// and its header is stream, type, number of pairs, then the metadata in the order of its names; each text with its
// length in front (varint). Equal events give equal bytes, so a later format can add a hash over them to the fixed part.
const (
	formatRecord1 = 1

	atTime     = 1
	atRevision = atTime + 8
	atID       = atRevision + 8
	atLength   = atID + 16
	atHeader   = atLength + 4
)

// appendRecord adds the record of e without time and revision, which only the committer knows: see stamp.
func appendRecord(dst []byte, stream string, e eventlog.Event) []byte {
	start := len(dst)
	dst = append(dst, formatRecord1)
	dst = append(dst, make([]byte, atID-atTime)...)
	dst = append(dst, e.ID[:]...)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendText(dst, stream)
	dst = appendText(dst, e.Type)
	dst = binary.AppendUvarint(dst, uint64(len(e.Meta)))
	for _, name := range slices.Sorted(maps.Keys(e.Meta)) {
		dst = appendText(appendText(dst, name), e.Meta[name])
	}
	binary.BigEndian.PutUint32(dst[start+atLength:], uint32(len(dst)-start-atHeader)) //nolint:gosec // far below 4 GiB: eventlog.MaxAppendBytes
	return append(dst, e.Data...)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func stamp(record []byte, at time.Time, r eventlog.Revision) {
	binary.BigEndian.PutUint64(record[atTime:], uint64(at.UnixNano()))
	binary.BigEndian.PutUint64(record[atRevision:], uint64(r)) //nolint:gosec // not negative
}

// decode copies everything it returns out of record.
func decode(p eventlog.Position, record []byte) (eventlog.Recorded, error) {
	if len(record) < atHeader || record[0] != formatRecord1 {
		return eventlog.Recorded{}, corrupt("the event at position %d is not in a format this version knows", p)
	}
	length := int64(binary.BigEndian.Uint32(record[atLength:]))
	if int64(len(record)-atHeader) < length {
		return eventlog.Recorded{}, corrupt("the event at position %d is cut off", p)
	}
	data := record[atHeader+length:]
	// One string for all texts of the header: they are slices of it.
	h := header{bytes: record[atHeader : atHeader+length], text: string(record[atHeader : atHeader+length])}
	e := eventlog.Recorded{
		Position:   p,
		Revision:   eventlog.Revision(binary.BigEndian.Uint64(record[atRevision:])),     //nolint:gosec // written from a Revision
		RecordedAt: time.Unix(0, int64(binary.BigEndian.Uint64(record[atTime:]))).UTC(), //nolint:gosec // written from an int64
	}
	e.ID = recordID(record)
	e.Stream, e.Type, e.Meta = h.next(), h.next(), h.pairs()
	if h.bad || h.at != len(h.bytes) || e.Stream == "" {
		return eventlog.Recorded{}, corrupt("the header of the event at position %d does not read back", p)
	}
	if len(data) > 0 {
		e.Data = slices.Clone(data)
	}
	return e, nil
}

func recordID(record []byte) (id eventlog.ID) {
	copy(id[:], record[atID:atLength])
	return id
}

// header reads texts one after the other; bad once something did not fit.
type header struct {
	bytes []byte
	text  string
	at    int
	bad   bool
}

func (h *header) number() int {
	n, size := binary.Uvarint(h.bytes[h.at:])
	if size <= 0 || n > uint64(len(h.bytes)) {
		h.bad = true
		return 0
	}
	h.at += size
	return int(n) //nolint:gosec // not larger than the header
}

func (h *header) next() string {
	n := h.number()
	if h.bad || n > len(h.bytes)-h.at {
		h.bad = true
		return ""
	}
	s := h.text[h.at : h.at+n]
	h.at += n
	return s
}

func (h *header) pairs() map[string]string {
	n := h.number()
	if h.bad || n == 0 {
		return nil
	}
	meta := make(map[string]string, n)
	for range n {
		name := h.next()
		meta[name] = h.next()
		if h.bad {
			return nil
		}
	}
	return meta
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s: restore the folder from a backup", eventlog.ErrCorrupt, fmt.Sprintf(format, args...))
}
