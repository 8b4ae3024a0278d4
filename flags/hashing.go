package flags

import (
	"crypto/md5"  //nolint:gosec // other products bucket by it; nothing is kept secret by it
	"crypto/sha1" //nolint:gosec // as above
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"strconv"
)

// hashing is a compiled algorithm with its salt: from a unit id to a bucket in [0, total).
type hashing struct {
	salted hasher // after the salt, where the algorithm is plain
	total  uint32
	plain  bool // BucketingV1
	utf16  bool
	low    bool // the low bytes of UTF-16 units
	by
	algorithm
	name  string
	named string // where the unit id is, as it was given; empty for the targeting key
	given string // the salt as it was given
	salt  string
}

func newHashing(name, salt, unitBy, strings string, total uint32) (hashing, error) {
	a, err := algorithmOf(name)
	if err != nil {
		return hashing{}, err
	}
	if total == 0 || total > math.MaxInt32 {
		return hashing{}, fmt.Errorf("the total of the weights is %d", total)
	}
	if strings != "" && strings != a.strings {
		return hashing{}, fmt.Errorf("the algorithm %q does not read ids as %q", name, strings)
	}
	h := hashing{algorithm: a, name: name, given: salt, salt: salt, total: total, by: newBy(unitBy), named: unitBy, utf16: strings == UTF16, low: strings == LowByte}
	switch {
	case a.seeded:
		seed, err := strconv.ParseInt(salt, 10, 64)
		if err != nil {
			return h, fmt.Errorf("the salt of the algorithm %q is its seed, a whole number, not %q", name, salt)
		}
		h.seed, h.salt = uint32(seed), "" //nolint:gosec // the product takes the low 32 bits, whatever the sign
	case a.kind == murmurTwice:
		h.seed, h.salt = hasher{h: 1}.write(salt).sum(), ""
	}
	h.plain = a.kind == murmurScaled && !h.utf16
	h.salted = hasher{}.write(salt)
	return h, nil
}

// unitOf is an attribute as a unit id: a text as it is, a whole number within ±2^53 in decimal, nothing else. Beyond 2^53
// the same id would be another unit for clients whose numbers are all floats.
func unitOf(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	if n, ok := numberOf(value); ok && n == math.Trunc(n) && math.Abs(n) <= 1<<53 {
		return strconv.FormatInt(int64(n), 10)
	}
	return ""
}

// bucket is the unit's place.
func (h *hashing) bucket(unit string) uint32 {
	if h.plain {
		return scaled(h.salted.sumWith(unit), h.total)
	}
	return h.peerBucket(unit)
}

// scaled is a hash as parts of total.
func scaled(hash, total uint32) uint32 { return uint32(uint64(hash) * uint64(total) >> 32) }

// roomForHash is how long salt and id may be together before hashing them allocates, where a hash needs them in one piece.
const roomForHash = 256

func (h *hashing) peerBucket(unit string) uint32 {
	var room [roomForHash]byte
	total := uint64(h.total)
	switch h.kind {
	case murmurScaled:
		return uint32(uint64(h.murmur(unit)) * total >> 32)
	case murmurModulo:
		return h.murmur(unit) % h.total
	case murmurSigned:
		size := math.Abs(float64(int32(h.murmur(unit)))) //nolint:gosec // the product reads it as signed
		return min(h.total-1, uint32(size/math.MaxInt32*float64(h.total)))
	case murmurTwice:
		return h.partOf(uint64(h.murmur(unit)), math.MaxUint32)
	case fnvModulo:
		return h.modulo(h.fnv(unit))
	case fnvTwice:
		inner := strconv.AppendUint(room[:0], uint64(h.fnv(unit)), 10)
		return h.modulo(fnvBytes(fnvBasis, inner))
	case shaFloat32:
		return min(h.total-1, uint32(float64(h.share(unit))*float64(h.total)))
	case sha60:
		return h.partOf(h.sixtyBits(unit), 1<<60-1)
	case sha256Modulo:
		sum := sha256.Sum256(h.join(room[:0], unit))
		return uint32(binary.BigEndian.Uint64(sum[:8]) % total) //nolint:gosec // below total
	case md5Modulo:
		sum := md5.Sum(h.join(room[:0], unit)) //nolint:gosec // see the import
		return binary.BigEndian.Uint32(sum[:4]) % h.total
	case md5Repeated:
		return h.flagsmith(room[:0], unit)
	case crcModulo:
		return crc(h.join(room[:0], unit)) % h.total
	case javaModulo:
		return (javaHash(unit) ^ h.seed) % h.total
	}
	return 0
}

// partOf is hash/most as parts of total; the highest hash is in the last bucket.
func (h *hashing) partOf(hash, most uint64) uint32 {
	high, low := bits.Mul64(hash, uint64(h.total))
	part, _ := bits.Div64(high, low, most)
	return min(h.total-1, uint32(part)) //nolint:gosec // at most total
}

// modulo is hash % modulus as parts of total. For a bound c of whole parts, part < c exactly when hash % modulus / modulus <
// c / total, so no float is needed.
func (h *hashing) modulo(hash uint32) uint32 {
	if h.modulus == 0 {
		return hash % h.total
	}
	return uint32(uint64(hash%h.modulus) * uint64(h.total) / uint64(h.modulus)) //nolint:gosec // below total
}

// join puts salt and id one behind the other.
func (h *hashing) join(out []byte, unit string) []byte {
	if h.saltLast {
		return append(append(out, unit...), h.salt...)
	}
	out = append(append(out, h.salt...), h.sep...)
	return append(append(out, unit...), h.suffix...)
}

func (h *hashing) murmur(unit string) uint32 {
	switch {
	case h.utf16:
		var room [roomForHash]uint16
		units := appendUTF16(appendUTF16(room[:0], h.salt), unit)
		return murmurUTF16(units)
	case h.low:
		var room [roomForHash]uint16
		units := appendUTF16(appendUTF16(appendUTF16(room[:0], h.salt), h.sep), unit)
		var low [roomForHash]byte
		text := low[:0]
		for _, u := range units {
			text = append(text, byte(u)) //nolint:gosec // what is above the low byte is dropped on purpose
		}
		return hasher{h: h.seed}.writeBytes(text).sum()
	default:
		return hasher{h: h.seed}.write(h.salt).write(h.sep).write(unit).write(h.suffix).sum()
	}
}

func (h *hashing) fnv(unit string) uint32 {
	first, second := h.salt, unit
	if h.saltLast {
		first, second = unit, h.salt
	}
	if h.utf16 {
		return fnvUTF16(fnvUTF16(fnvBasis, first), second)
	}
	return fnvText(fnvText(fnvBasis, first), second)
}

// share is LaunchDarkly's bucket in [0, 1].
func (h *hashing) share(unit string) float32 {
	return float32(h.sixtyBits(unit)) / float32(0xFFFFFFFFFFFFFFF)
}

func (h *hashing) sixtyBits(unit string) uint64 {
	var room [roomForHash]byte
	sum := sha1.Sum(h.join(room[:0], unit)) //nolint:gosec // see the import
	return binary.BigEndian.Uint64(sum[:8]) >> 4
}

func (h *hashing) flagsmith(room []byte, unit string) uint32 {
	text := h.join(room, unit)
	for {
		sum := md5.Sum(text) //nolint:gosec // see the import
		rest := bits.Rem64(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:]), 9_999)
		if rest != 9_998 || len(text) > 1<<16 {
			return uint32(min(rest, 9_997) * uint64(h.total) / 9_998) //nolint:gosec // below total
		}
		text = h.join(append(text, ','), unit)
	}
}

const (
	fnvBasis = 2_166_136_261
	fnvPrime = 16_777_619
)

func fnvText(h uint32, text string) uint32 {
	for i := range len(text) {
		h = (h ^ uint32(text[i])) * fnvPrime
	}
	return h
}

func fnvBytes(h uint32, text []byte) uint32 {
	for _, b := range text {
		h = (h ^ uint32(b)) * fnvPrime
	}
	return h
}

// crc is crc32.ChecksumIEEE, which makes its argument escape.
func crc(text []byte) uint32 {
	sum := ^uint32(0)
	for _, b := range text {
		sum = crc32.IEEETable[byte(sum)^b] ^ sum>>8 //nolint:gosec // the low byte of it
	}
	return ^sum
}

func javaHash(text string) uint32 {
	h := uint32(0)
	for i := range len(text) {
		h = 31*h + uint32(text[i])
	}
	return h
}
