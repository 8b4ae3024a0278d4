package flags

import (
	"math/bits"
	"unicode/utf16"
)

// What SDKs in JavaScript make of texts beyond ASCII. Each of them reads UTF-16 units where the others read UTF-8 bytes, and
// each mixes them in its own way.

func appendUTF16(out []uint16, text string) []uint16 {
	for _, r := range text {
		out = utf16.AppendRune(out, r)
	}
	return out
}

// fnvUTF16 is FNV-1a with whole UTF-16 units (GrowthBook).
func fnvUTF16(h uint32, text string) uint32 {
	for _, r := range text {
		if r >= 0x10000 {
			high, low := utf16.EncodeRune(r)
			h = (h ^ uint32(high)) * fnvPrime //nolint:gosec // surrogates are positive
			r = low
		}
		h = (h ^ uint32(r)) * fnvPrime //nolint:gosec // runes are positive
	}
	return h
}

// murmurUTF16 is MurmurHash3 x86 32-bit as imurmurhash does it (flagd): four 16-bit units overlap in each word, and the length
// counts units.
func murmurUTF16(units []uint16) uint32 {
	size := uint32(len(units)) //nolint:gosec // texts are far shorter than 4 GiB
	h := uint32(0)
	for len(units) >= 4 {
		top := uint32(units[3])
		h = mixBlock(h, uint32(units[0])^uint32(units[1])<<8^uint32(units[2])<<16^(top&0xff)<<24^(top&0xff00)>>8)
		units = units[4:]
	}
	if len(units) > 0 {
		k := uint32(0)
		for i, u := range units {
			k ^= uint32(u) << (8 * i)
		}
		h ^= bits.RotateLeft32(k*murmurC1, 15) * murmurC2
	}
	return finish(h ^ size)
}
