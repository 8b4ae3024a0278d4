package facts

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"sort"
)

// idIndex is a segment's event ids on disk: a Bloom filter, which is held in memory, and the entries sorted by key, which
// are searched in the file. Layout, little-endian: magic, number of entries, words of the filter, filter, entries of 24 bytes
// (key, fingerprint).
type idIndex struct {
	file    *checked
	entries int64
	start   int64 // where the entries begin
	filter  []uint64
}

const (
	idMagic     = "assayid1"
	idEntry     = 24
	bitsPerID   = 10
	filterProbe = 7                  // with 10 bits an id, about 0.8 % of unknown ids are searched in the file
	idsRead     = sumBlock / idEntry // entries that are read at once
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

func readIDs(file *checked) (*idIndex, error) {
	var head [24]byte
	if _, err := file.ReadAt(head[:], 0); err != nil {
		return nil, err
	}
	index := &idIndex{file: file, entries: int64(binary.LittleEndian.Uint64(head[8:]))} //nolint:gosec // compared with the file's size below
	words := int64(binary.LittleEndian.Uint64(head[16:]))                               //nolint:gosec // compared with the file's size below
	index.start = int64(len(head)) + 8*words
	if string(head[:8]) != idMagic || words < 1 || words > file.sums.size || index.entries < 0 || index.start+index.entries*idEntry != file.sums.size {
		return nil, damaged(file.name, "its head and its size do not agree")
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

// find returns the fingerprint of a key that is in the index. Keys are hashes, spread evenly, so where a key stands can be guessed to
// within a block or two; after some guesses that did not hold it halves what is left.
func (x *idIndex) find(key idKey) (fingerprint uint64, found bool, err error) {
	if !probe(x.filter, key, func(word *uint64, bit uint64) bool { return *word&bit != 0 }) {
		return 0, false, nil
	}
	var room [idsRead * idEntry]byte
	low, high := int64(0), x.entries // it stands in [low, high), if anywhere
	for guesses := 0; low < high; guesses++ {
		middle := (low + high) / 2
		if guesses < 2 {
			middle = int64(float64(binary.BigEndian.Uint64(key[:8])) / (1 << 64) * float64(x.entries))
		}
		from := max(low, min(middle-idsRead/2, high-idsRead))
		read := room[:(min(high, from+idsRead)-from)*idEntry]
		if _, err := x.file.ReadAt(read, x.start+from*idEntry); err != nil {
			return 0, false, err
		}
		n := len(read) / idEntry
		at, here := sort.Find(n, func(i int) int { return bytes.Compare(key[:], read[i*idEntry:i*idEntry+16]) })
		switch {
		case here:
			return binary.LittleEndian.Uint64(read[at*idEntry+16:]), true, nil
		case at == 0:
			high = from
		case at == n:
			low = from + int64(n)
		default:
			return 0, false, nil
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
