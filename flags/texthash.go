package flags

import (
	"hash/maphash"
	"math/bits"
)

// hashText spreads texts over hash tables. It is here, and not the standard library's, because texts as short as keys and ids
// are hashed in less time than calling that takes: the folded multiplication of 64 by 64 bits, as in wyhash (Wang Yi, public
// domain). The seed is secret, so that nobody can choose ids that collide.
func hashText(seed uint64, s string) uint64 {
	h := fold(seed^uint64(len(s)), foldSecond)
	for len(s) > 16 {
		h = fold(load64(s)^h, load64(s[8:])^foldFirst)
		s = s[16:]
	}
	var a, b uint64
	switch {
	case len(s) >= 8:
		a, b = load64(s), load64(s[len(s)-8:])
	case len(s) >= 4:
		a, b = uint64(load32(s)), uint64(load32(s[len(s)-4:]))
	case len(s) > 0:
		a = uint64(s[0])<<16 | uint64(s[len(s)/2])<<8 | uint64(s[len(s)-1])
	}
	return fold(a^h, b^foldFirst^h)
}

// Odd, with as many bits set as not.
const (
	foldFirst  = 0xa0761d6478bd642f
	foldSecond = 0xe7037ed1a0b428db
)

func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// wordOf is another number for each text that is shorter than wordBytes: its length and its bytes, some of them twice. Longer
// texts have words by their lengths and first bytes, so that some have the same. Comparing words is comparing numbers, without a
// call.
func wordOf(s string) uint64 {
	if len(s) < wordBytes {
		return shortWord(s)
	}
	return load64(s)<<8>>8 | uint64(min(len(s), 254))<<56
}

// shortWord is wordOf for a short text. Of four bytes or more it has the first three, the last three, and between them the fourth
// from both sides, which is one byte where that is not among the others; of fewer the first, the middle and the last.
func shortWord(s string) uint64 {
	n := len(s)
	switch {
	case n >= 4:
		return uint64(load32(s)) | uint64(load32(s[n-4:]))<<24 | uint64(n)<<56
	case n > 0:
		return uint64(s[0]) | uint64(s[n>>1])<<8 | uint64(s[n-1])<<16 | uint64(n)<<56
	}
	return 0
}

const wordBytes = 8

func load64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func load32(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// newSeed is another one for each table.
func newSeed() uint64 { return maphash.String(maphash.MakeSeed(), "seed") }
