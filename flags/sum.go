package flags

// Sum is a fingerprint of the flags and segments that the ruleset is made of, and of the revision of each. However two rulesets
// came about, compiled whole or by any deltas, they have the same sum when they are made of the same, and (but for one case in
// 2^64) another when they are not: whoever applies a delta can tell by it whether one before was missed.
func (r *Ruleset) Sum() uint64 { return r.sum }

// printOf is the part of one flag or segment in a sum: FNV-1a over the kind, the key and the revision, its bits mixed so that
// they do not cancel out when added.
func printOf(kind byte, key string, revision uint64) uint64 {
	const prime = 1_099_511_628_211
	h := (14_695_981_039_346_656_037 ^ uint64(kind)) * prime
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * prime
	}
	for range 8 {
		h = (h ^ revision&0xff) * prime
		revision >>= 8
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
