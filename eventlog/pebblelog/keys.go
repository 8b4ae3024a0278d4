package pebblelog

import (
	"encoding/binary"

	"github.com/assayhq/assay/eventlog"
)

// The first byte of a key is its table. Names carry their length in front, so no name is a prefix of another one and any
// byte may occur in them; numbers are big-endian, so the order of the keys is the order of the numbers.
const (
	tableEvents     = 'e' // position -> record
	tableStreams    = 's' // length, stream, revision -> position
	tableCategories = 'c' // length, category, position -> nothing
	tableSettings   = 'm' // name -> value
)

func eventKey(dst []byte, p eventlog.Position) []byte {
	return binary.BigEndian.AppendUint64(append(dst, tableEvents), uint64(p))
}

func streamKey(dst []byte, stream string, r eventlog.Revision) []byte {
	return binary.BigEndian.AppendUint64(namedKey(dst, tableStreams, stream), uint64(r)) //nolint:gosec // stored revisions are not negative
}

func categoryKey(dst []byte, category string, p eventlog.Position) []byte {
	return binary.BigEndian.AppendUint64(namedKey(dst, tableCategories, category), uint64(p))
}

func namedKey(dst []byte, table byte, name string) []byte {
	dst = binary.BigEndian.AppendUint16(append(dst, table), uint16(len(name))) //nolint:gosec // at most eventlog.MaxName
	return append(dst, name...)
}

// keyNumber returns the number at the end of a key.
func keyNumber(key []byte) uint64 {
	if len(key) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key[len(key)-8:])
}
