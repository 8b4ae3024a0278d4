package eventlog

import (
	"crypto/sha1" //nolint:gosec // RFC 9562 defines version 5 by SHA-1; it names events here and protects nothing
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// namespace is the UUID namespace of assay's event ids: the version 5 UUID of "assay.event" in the URL namespace of
// RFC 9562. It never changes, or retries would record twice.
var namespace = ID{0x70, 0x35, 0x9b, 0xc3, 0x7a, 0x47, 0x58, 0xfc, 0x8b, 0xda, 0x86, 0x86, 0x50, 0xa0, 0x3b, 0x77} //nolint:gochecknoglobals // a compiled constant

// NewID returns the id of the index-th event of a command: a UUID version 5 (RFC 9562, section 5.5) of the command's id
// and the index. The same command always gives the same ids, which is what makes its retries idempotent.
func NewID(command string, index int) ID {
	hash := sha1.New() //nolint:gosec // see the import
	hash.Write(namespace[:])
	hash.Write([]byte(command))
	hash.Write(binary.BigEndian.AppendUint32([]byte{0}, uint32(index))) //nolint:gosec // an append has at most MaxEvents events
	var id ID
	copy(id[:], hash.Sum(nil))
	id[6] = id[6]&0x0f | 0x50
	id[8] = id[8]&0x3f | 0x80
	return id
}

// String formats the id as a UUID.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], id[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], id[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], id[8:10])
	b[23] = '-'
	hex.Encode(b[24:36], id[10:16])
	return string(b[:])
}

// Check returns ErrInvalid or ErrTooLarge, with the reason, for an append that no adapter may send.
func Check(stream string, expected Revision, events []Event) error {
	if err := checkName("stream name", stream); err != nil {
		return err
	}
	if expected < Any {
		return fmt.Errorf("%w: %d is no revision", ErrInvalid, expected)
	}
	if len(events) == 0 {
		return fmt.Errorf("%w: no events for stream %s", ErrInvalid, stream)
	}
	if len(events) > MaxEvents {
		return fmt.Errorf("%w: %d events for stream %s, at most %d", ErrTooLarge, len(events), stream, MaxEvents)
	}
	size, seen := 0, make(map[ID]bool, len(events))
	for i, e := range events {
		if e.ID == (ID{}) || seen[e.ID] {
			return fmt.Errorf("%w: event %d for stream %s needs an id of its own", ErrInvalid, i, stream)
		}
		seen[e.ID] = true
		if err := checkEvent(e); err != nil {
			return fmt.Errorf("event %d for stream %s: %w", i, stream, err)
		}
		size += e.Size()
	}
	if size > MaxAppendBytes {
		return fmt.Errorf("%w: %d bytes for stream %s, at most %d", ErrTooLarge, size, stream, MaxAppendBytes)
	}
	return nil
}

func checkEvent(e Event) error {
	if err := checkName("type", e.Type); err != nil {
		return err
	}
	for k, v := range e.Meta {
		if k == "" || !utf8.ValidString(k) || !utf8.ValidString(v) {
			return fmt.Errorf("%w: metadata %q is not text under a name", ErrInvalid, k)
		}
	}
	return nil
}

// checkName refuses what an engine would refuse or change: EventStoreDB keeps names that start with '$' for itself, and
// its wire format and its metadata (JSON) carry UTF-8 only.
func checkName(what, name string) error {
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("%w: a %s has 1 to %d bytes, this one has %d", ErrInvalid, what, MaxName, len(name))
	}
	if strings.HasPrefix(name, "$") || !utf8.ValidString(name) {
		return fmt.Errorf("%w: the %s %q starts with '$' or is not UTF-8", ErrInvalid, what, name)
	}
	return nil
}

// ParseID reads what String wrote.
func ParseID(text string) (id ID, err error) {
	plain, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(plain) != len(id) {
		return id, fmt.Errorf("%w: %q is no event id; write it like 70359bc3-7a47-58fc-8bda-868650a03b77", ErrInvalid, text)
	}
	copy(id[:], plain)
	return id, nil
}
