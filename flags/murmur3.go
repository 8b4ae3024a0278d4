package flags

import "math/bits"

// MurmurHash3 x86 32-bit (Austin Appleby, SMHasher, public domain algorithm), over several strings as if they were one.
const (
	murmurC1 = 0xcc9e2d51
	murmurC2 = 0x1b873593
)

// hasher is the state of a hash after some bytes: whole blocks mixed in, and up to three bytes that wait for their block.
// The state after a salt is made once, when a split is compiled.
type hasher struct {
	h    uint32
	tail uint32 // the waiting bytes, little-endian
	wait uint32 // how many, 0 to 3
	size uint32
}

// write mixes in the bytes of s: what waits and the next four bytes are at most seven, and the first four of them a block.
func (m hasher) write(s string) hasher {
	m.size += uint32(len(s)) //nolint:gosec // ids are far shorter than 4 GiB, and the algorithm counts modulo 2^32
	waiting, shift := uint64(m.tail), 8*m.wait
	for len(s) >= 4 {
		waiting |= uint64(load32(s)) << shift
		m.h = mixBlock(m.h, uint32(waiting)) //nolint:gosec // the lower four bytes on purpose
		waiting >>= 32
		s = s[4:]
	}
	waiting |= loadFew(s) << shift
	if m.wait += uint32(len(s)); m.wait >= 4 { //nolint:gosec // below 4
		m.h = mixBlock(m.h, uint32(waiting)) //nolint:gosec // as above
		waiting >>= 32
		m.wait -= 4
	}
	m.tail = uint32(waiting)
	return m
}

// sumWith is write(s).sum() in one piece: nothing is kept of the state in between.
func (m *hasher) sumWith(s string) uint32 {
	h, waiting, shift := m.h, uint64(m.tail), 8*m.wait
	size := m.size + uint32(len(s)) //nolint:gosec // as in write
	for len(s) >= 4 {
		waiting |= uint64(load32(s)) << shift
		h = mixBlock(h, uint32(waiting)) //nolint:gosec // as in write
		waiting >>= 32
		s = s[4:]
	}
	waiting |= loadFew(s) << shift
	if m.wait+uint32(len(s)) >= 4 { //nolint:gosec // below 4
		h = mixBlock(h, uint32(waiting)) //nolint:gosec // as in write
		waiting >>= 32
	}
	k := uint32(waiting) * murmurC1
	k = bits.RotateLeft32(k, 15) * murmurC2
	return finish(h ^ k ^ size)
}

// loadFew is up to three bytes.
func loadFew(s string) uint64 {
	switch len(s) {
	case 1:
		return uint64(s[0])
	case 2:
		return uint64(s[0]) | uint64(s[1])<<8
	case 3:
		return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16
	}
	return 0
}

// writeBytes is write for bytes.
func (m hasher) writeBytes(b []byte) hasher {
	for _, c := range b {
		m.size++
		m.tail |= uint32(c) << (8 * m.wait)
		if m.wait++; m.wait == 4 {
			m.h = mixBlock(m.h, m.tail)
			m.tail, m.wait = 0, 0
		}
	}
	return m
}

// sum finishes the hash.
func (m hasher) sum() uint32 {
	h := m.h
	if m.wait > 0 {
		k := m.tail * murmurC1
		k = bits.RotateLeft32(k, 15) * murmurC2
		h ^= k
	}
	return finish(h ^ m.size)
}

func finish(h uint32) uint32 {
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

func mixBlock(h, k uint32) uint32 {
	k *= murmurC1
	k = bits.RotateLeft32(k, 15) * murmurC2
	h ^= k
	return bits.RotateLeft32(h, 13)*5 + 0xe6546b64
}
