package facts

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
)

// idIndex is a segment's event ids on disk: a Bloom filter, which is held in memory, and the entries sorted by key, which
// are searched in the file. Layout, little-endian: magic, number of entries, words of the filter, filter, entries of 24 bytes
// (key, fingerprint).
type idIndex struct {
	file    *os.File
	entries int64
	start   int64 // where the entries begin
	filter  []uint64
}

const (
	idMagic     = "assayid1"
	idEntry     = 24
	bitsPerID   = 10
	filterProbe = 7 // with 10 bits an id, about 0.8 % of unknown ids are searched in the file
)

// writeIDs writes an index; the caller syncs the file.
func writeIDs(w io.Writer, ids map[idKey]uint64) error {
	keys := make([]idKey, 0, len(ids))
	for k := range ids {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b idKey) int { return bytes.Compare(a[:], b[:]) })
	filter := make([]uint64, (len(keys)*bitsPerID+63)/64+1)
	for _, k := range keys {
		probe(filter, k, func(word *uint64, bit uint64) bool { *word |= bit; return true })
	}
	out := bufio.NewWriterSize(w, 1<<16)
	head := binary.LittleEndian.AppendUint64([]byte(idMagic), uint64(len(keys)))
	head = binary.LittleEndian.AppendUint64(head, uint64(len(filter)))
	out.Write(head) //nolint:errcheck,gosec // Flush returns the first error
	for _, word := range filter {
		out.Write(binary.LittleEndian.AppendUint64(nil, word)) //nolint:errcheck,gosec // Flush returns the first error
	}
	for _, k := range keys {
		out.Write(binary.LittleEndian.AppendUint64(k[:], ids[k])) //nolint:errcheck,gosec // Flush returns the first error
	}
	return out.Flush()
}

func openIDs(name string) (*idIndex, error) {
	file, err := os.Open(name) //nolint:gosec // a file of the store's own folder
	if err != nil {
		return nil, fmt.Errorf("opening the index of event ids: %w", err)
	}
	index, err := readIDs(file)
	if err != nil {
		file.Close() //nolint:errcheck,gosec // only read
		return nil, fmt.Errorf("the index of event ids %s is damaged: %w", name, err)
	}
	return index, nil
}

func readIDs(file *os.File) (*idIndex, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	var head [24]byte
	if _, err := file.ReadAt(head[:], 0); err != nil {
		return nil, err
	}
	index := &idIndex{file: file, entries: int64(binary.LittleEndian.Uint64(head[8:]))} //nolint:gosec // compared with the file's size below
	words := int64(binary.LittleEndian.Uint64(head[16:]))                               //nolint:gosec // compared with the file's size below
	index.start = int64(len(head)) + 8*words
	if string(head[:8]) != idMagic || words < 1 || words > info.Size() || index.entries < 0 || index.start+index.entries*idEntry != info.Size() {
		return nil, fmt.Errorf("its head and its size do not agree")
	}
	raw := make([]byte, 8*words)
	if _, err := file.ReadAt(raw, int64(len(head))); err != nil {
		return nil, err
	}
	index.filter = make([]uint64, words)
	for i := range index.filter {
		index.filter[i] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	return index, nil
}

// find returns the fingerprint of a key that is in the index.
func (x *idIndex) find(key idKey) (fingerprint uint64, found bool, err error) {
	if !probe(x.filter, key, func(word *uint64, bit uint64) bool { return *word&bit != 0 }) {
		return 0, false, nil
	}
	var entry [idEntry]byte
	low, high := int64(0), x.entries
	for low < high {
		middle := (low + high) / 2
		if _, err := x.file.ReadAt(entry[:], x.start+middle*idEntry); err != nil {
			return 0, false, err
		}
		switch order := bytes.Compare(entry[:16], key[:]); {
		case order == 0:
			return binary.LittleEndian.Uint64(entry[16:]), true, nil
		case order < 0:
			low = middle + 1
		default:
			high = middle
		}
	}
	return 0, false, nil
}

// probe visits the filter's bits of a key (Kirsch and Mitzenmacher 2006: two hashes make all) until visit says no.
func probe(filter []uint64, key idKey, visit func(word *uint64, bit uint64) bool) bool {
	bits := uint64(len(filter)) * 64
	a, b := binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])|1
	for range filterProbe {
		at := a % bits
		if !visit(&filter[at/64], 1<<(at%64)) {
			return false
		}
		a += b
	}
	return true
}
