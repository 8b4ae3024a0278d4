package pebblelog

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/assayhq/assay/eventlog"
)

// A record begins with
//
//	format 1 byte | recorded at 8 (nanoseconds since 1970) | revision 8
//
// and goes on, by format:
//
//	1: event                        as logs before the chain have it; opening one turns them into format 2
//	2: chain 32 | event             chain is the hash of all events up to and including this one
//	3: chain 32 | digest 32 | event  trimmed: the event has neither metadata nor data left, digest is what it was
//
// where event is what eventlog.AppendCanonical writes: id, length of the header, header, data.
const (
	formatPlain   = 1
	formatChained = 2
	formatTrimmed = 3

	atTime     = 1
	atRevision = atTime + 8
	atChain    = atRevision + 8
	atDigest   = atChain + sha256.Size

	// Within event:
	atLength = 16
	atHeader = atLength + 4

	overhead = atDigest + atHeader
)

// appendRecord adds the record of e without what only the committer knows (see stamp), and returns the event's digest.
func appendRecord(dst []byte, stream string, e eventlog.Event) ([]byte, eventlog.Hash) {
	dst = append(dst, formatChained)
	dst = append(dst, make([]byte, atDigest-atTime)...)
	start := len(dst)
	dst = eventlog.AppendCanonical(dst, stream, e)
	return dst, sha256.Sum256(dst[start:])
}

func stamp(record []byte, at time.Time, r eventlog.Revision, chain eventlog.Hash) {
	binary.BigEndian.PutUint64(record[atTime:], uint64(at.UnixNano()))
	binary.BigEndian.PutUint64(record[atRevision:], uint64(r)) //nolint:gosec // not negative
	copy(record[atChain:], chain[:])
}

// parts is a record taken apart; event is a slice of it.
type parts struct {
	format byte
	chain  eventlog.Hash
	digest eventlog.Hash // of a trimmed event; else zero
	event  []byte
}

// startOf returns where the event begins in a record, 0 when this version does not know its format.
func startOf(record []byte) int {
	switch {
	case len(record) == 0:
		return 0
	case record[0] == formatPlain:
		return atChain
	case record[0] == formatChained:
		return atDigest
	case record[0] == formatTrimmed:
		return atDigest + sha256.Size
	}
	return 0
}

func takeApart(p eventlog.Position, record []byte) (parts, error) {
	start := startOf(record)
	if start == 0 {
		return parts{}, corrupt("the event at position %d is not in a format this version knows", p)
	}
	if len(record) < start+atHeader || int64(len(record)-start-atHeader) < int64(binary.BigEndian.Uint32(record[start+atLength:])) {
		return parts{}, corrupt("the event at position %d is cut off", p)
	}
	r := parts{format: record[0], event: record[start:]}
	if r.format != formatPlain {
		copy(r.chain[:], record[atChain:])
	}
	if r.format == formatTrimmed {
		copy(r.digest[:], record[atDigest:])
	}
	return r, nil
}

// decode copies everything it returns out of record. The digest of an entry is computed only when it is asked for.
func decode(p eventlog.Position, record []byte, digest bool) (eventlog.Entry, error) {
	r, err := takeApart(p, record)
	if err != nil {
		return eventlog.Entry{}, err
	}
	end := atHeader + int(binary.BigEndian.Uint32(r.event[atLength:]))
	// One string for all texts of the header: they are slices of it.
	h := header{bytes: r.event[atHeader:end], text: string(r.event[atHeader:end])}
	e := eventlog.Entry{Chain: r.chain, Digest: r.digest, Trimmed: r.format == formatTrimmed}
	e.Position = p
	e.Revision = eventlog.Revision(binary.BigEndian.Uint64(record[atRevision:]))                 //nolint:gosec // written from a Revision
	e.RecordedAt = time.Unix(0, int64(binary.BigEndian.Uint64(record[atTime:atRevision]))).UTC() //nolint:gosec // written from an int64
	copy(e.ID[:], r.event)
	e.Stream, e.Type, e.Meta = h.next(), h.next(), h.pairs()
	if h.bad || h.at != len(h.bytes) || e.Stream == "" {
		return eventlog.Entry{}, corrupt("the header of the event at position %d does not read back", p)
	}
	if data := r.event[end:]; len(data) > 0 {
		e.Data = slices.Clone(data)
	}
	if digest && !e.Trimmed {
		e.Digest = sha256.Sum256(r.event)
	}
	return e, nil
}

// trimmed returns the record that is left of one in format 2.
func trimmed(record []byte, e eventlog.Entry) []byte {
	out := append([]byte{formatTrimmed}, record[atTime:atDigest]...)
	out = append(out, e.Digest[:]...)
	return eventlog.AppendCanonical(out, e.Stream, eventlog.Event{ID: e.ID, Type: e.Type})
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
