package facts

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/assayhq/assay/projections"
)

var _ projections.Hashed = (*Store)(nil)

// StateHash hashes the ids and the fingerprints of all items that count, how many rows they made, and what is parked. How
// rows are divided into segments has no part in it. It reads 24 bytes a row from disk.
func (s *Store) StateHash() (projections.Position, [sha256.Size]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock() // segments live as long as the lock is held
	var sums itemSums
	exposures, measurements := len(s.tail.exposures), len(s.tail.measurements)
	for key, fingerprint := range s.tail.ids {
		sums.add(binary.LittleEndian.AppendUint64(key[:], fingerprint))
	}
	for _, g := range s.segments {
		exposures, measurements = exposures+g.Exposures, measurements+g.Measurements
		if err := sums.addFile(g.ids); err != nil {
			return 0, [sha256.Size]byte{}, fmt.Errorf("hashing the facts: %w", g.wound.explain(err))
		}
	}
	h := sha256.New()
	h.Write(fmt.Appendf(nil, "%d %d %v", exposures, measurements, sums))
	for _, p := range s.parked {
		h.Write(fmt.Appendf(nil, " %d %q", p.Position, p.Reason))
	}
	return s.position, [sha256.Size]byte(h.Sum(nil)), nil
}

// itemSums is a sum of hashes, because items stand in another order in every division into segments.
type itemSums [4]uint64

func (s *itemSums) add(entry []byte) {
	h := sha256.Sum256(entry)
	for i := range s {
		s[i] += binary.LittleEndian.Uint64(h[8*i:])
	}
}

func (s *itemSums) addFile(x *idIndex) error {
	in := bufio.NewReaderSize(io.NewSectionReader(x.file, x.start, x.entries*idEntry), 1<<16)
	var entry [idEntry]byte
	for range x.entries {
		if _, err := io.ReadFull(in, entry[:]); err != nil {
			return err
		}
		s.add(entry[:])
	}
	return nil
}
