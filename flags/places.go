package flags

import "slices"

// places numbers keys in the order in which they came, from 0 on, and finds the number of a key.
type places struct {
	short []shortKey // the keys, as far as they fit
	seed  uint64
	// table has in its lower half the number of a key + 1, or 0 for none, and in its upper half that of the key's hash; a power
	// of two long, at most half full.
	table []uint64
	keys  []string
}

// shortKey is a key in the same line of the processor's cache as its length: finding a flag that was not asked for a while
// waits for memory once less.
type shortKey struct {
	size uint8 // 0 for a key that does not fit
	text [31]byte
}

func newPlaces(room int) *places {
	size := 8
	for size < 2*room {
		size *= 2
	}
	return &places{keys: make([]string, 0, room), short: make([]shortKey, 0, room), seed: newSeed(), table: make([]uint64, size)}
}

func (p *places) find(key string) (place int, known bool) {
	h := hashText(p.seed, key)
	mask := uint64(len(p.table) - 1) //nolint:gosec // a table is never empty
	for at := h; ; at++ {
		entry := p.table[at&mask]
		if entry == 0 {
			return 0, false
		}
		if entry>>32 == h>>32 {
			if n := int(entry&0xffffffff) - 1; p.has(n, key) {
				return n, true
			}
		}
	}
}

func (p *places) has(n int, key string) bool {
	short := &p.short[n]
	if size := int(short.size); size > 0 {
		return size == len(key) && string(short.text[:size]) == key
	}
	return p.keys[n] == key
}

// add gives the next number to a key that has none.
func (p *places) add(key string) {
	p.keys = append(p.keys, key)
	var short shortKey
	if len(key) <= len(short.text) {
		short.size = uint8(copy(short.text[:], key)) //nolint:gosec // at most 31
	}
	p.short = append(p.short, short)
	if len(p.table) < 2*len(p.keys) {
		p.table = make([]uint64, 2*len(p.table))
		for n := range p.keys {
			p.enter(n)
		}
	} else {
		p.enter(len(p.keys) - 1)
	}
}

func (p *places) enter(n int) {
	h := hashText(p.seed, p.keys[n])
	mask := uint64(len(p.table) - 1) //nolint:gosec // a table is never empty
	at := h & mask
	for p.table[at] != 0 {
		at = (at + 1) & mask
	}
	p.table[at] = h>>32<<32 | uint64(n+1) //nolint:gosec // there are far fewer than 2^32 keys
}

func (p *places) clone() *places {
	return &places{keys: slices.Clone(p.keys), short: slices.Clone(p.short), seed: p.seed, table: slices.Clone(p.table)}
}
