package jsonlogic

import "math"

// fractional divides units between variants by a hash.
type fractional struct{ version Fractional }

type share struct {
	variant any
	weight  int64
}

// evaluate returns the variant of the unit; null when there is no unit, or when the weights make no sense.
func (fr fractional) evaluate(f *frame, values any) (any, error) {
	l, _ := values.([]any)
	if len(l) == 0 {
		return nil, nil
	}
	unit, l, ok := unitOf(f, l)
	if !ok {
		return nil, nil
	}
	shares, total, ok := sharesOf(l)
	if !ok || total == 0 {
		return nil, nil
	}
	if fr.version == FractionalV1 {
		return bucketV1(unit, shares, total), nil
	}
	bucket := int64(murmur3(unit)) * total >> 32 // below 2^63, as total is below 2^31
	for _, s := range shares {
		if bucket -= s.weight; bucket < 0 {
			return s.variant, nil
		}
	}
	return nil, nil
}

// unitOf finds what to hash: the first argument when it is a text, else the keys of flag and subject.
func unitOf(f *frame, values []any) (unit string, shares []any, ok bool) {
	local, ok := f.object()
	if !ok {
		return "", nil, false
	}
	switch first := values[0].(type) {
	case string:
		return first, values[1:], true
	case nil:
		values = values[1:]
	}
	key, _ := local(targetingKey)
	text, isText := key.(string)
	if !isText || text == "" {
		return "", nil, false
	}
	flagd, _ := local(flagdKey)
	properties, _ := flagd.(map[string]any)
	flagKey, _ := properties["flagKey"].(string)
	return flagKey + text, values, true
}

func sharesOf(values []any) (shares []share, total int64, ok bool) {
	for _, value := range values {
		pair, _ := value.([]any)
		if len(pair) == 0 {
			return nil, 0, false
		}
		switch pair[0].(type) {
		case nil, string, bool, float64:
		default:
			return nil, 0, false
		}
		weight, ok := weightOf(pair)
		if !ok {
			return nil, 0, false
		}
		total += weight
		shares = append(shares, share{pair[0], weight})
	}
	return shares, total, total <= math.MaxInt32
}

// weightOf is 1 unless it is given. A negative one counts as 0: rules that compute weights from the time make them.
func weightOf(pair []any) (weight int64, ok bool) {
	if len(pair) < 2 || pair[1] == nil {
		return 1, true
	}
	w, ok := pair[1].(float64)
	if !ok || w != math.Trunc(w) || w > math.MaxInt32 || !finite(w) {
		return 0, false
	}
	return max(int64(w), 0), true
}

// bucketV1 is the formula of flagd up to core 0.14: a percentage in floating point, of the hash as a signed number.
func bucketV1(unit string, shares []share, total int64) any {
	bucket := math.Abs(float64(int32(murmur3(unit)))) / math.MaxInt32 * 100 //nolint:gosec // the sign is part of the formula
	end := 0.0
	for _, s := range shares {
		end += 100 * float64(s.weight) / float64(total)
		if bucket < end {
			return s.variant
		}
	}
	return nil
}

// murmur3 is MurmurHash3 x86 32-bit with seed 0 over the bytes of the text.
func murmur3(text string) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	var h uint32
	n := len(text)
	for ; len(text) >= 4; text = text[4:] {
		k := uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 | uint32(text[3])<<24
		k *= c1
		k = k<<15 | k>>17
		h ^= k * c2
		h = h<<13 | h>>19
		h = h*5 + 0xe6546b64
	}
	var k uint32
	for i := len(text) - 1; i >= 0; i-- {
		k = k<<8 | uint32(text[i])
	}
	k *= c1
	k = k<<15 | k>>17
	h ^= k * c2
	h ^= uint32(n) //nolint:gosec // the algorithm takes the length modulo 2^32
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}
