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
