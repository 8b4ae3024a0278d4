package flags

import "slices"

// places numbers keys in the order in which they came, from 0 on, and finds the number of a key.
type places struct {
	keys []string
	seed uint64
	// table has in its lower half the number of a key + 1, or 0 for none, and in its upper half that of the key's hash; a power
	// of two long, at most half full.
	table []uint64
}

func newPlaces(room int) *places {
	size := 8
	for size < 2*room {
		size *= 2
	}
	return &places{keys: make([]string, 0, room), seed: newSeed(), table: make([]uint64, size)}
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
			if n := int(entry&0xffffffff) - 1; p.keys[n] == key {
				return n, true
			}
		}
	}
}

// add gives the next number to a key that has none.
func (p *places) add(key string) {
	p.keys = append(p.keys, key)
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
	return &places{keys: slices.Clone(p.keys), seed: p.seed, table: slices.Clone(p.table)}
}
