package provider

import (
	"hash/maphash"
	"math/bits"
	"sync"
)

// seenSet remembers the newest of what it was given, in bounded memory. It keeps 64-bit hashes: among 100,000 exposures the
// chance that any two are taken for one is 3e-10.
type seenSet struct {
	seed   maphash.Seed
	shards [16]seenShard
	size   int // of a shard's generation
}

// seenShard has two generations: when the young one is full it becomes the old one, and the old one is forgotten.
type seenShard struct {
	mu         sync.Mutex
	young, old map[uint64]struct{}
}

func newSeenSet(limit int) *seenSet {
	s := &seenSet{seed: maphash.MakeSeed()}
	s.size = max(1, limit/(2*len(s.shards)))
	for i := range s.shards {
		s.shards[i].young = map[uint64]struct{}{}
	}
	return s
}

func (s *seenSet) hash(parts ...string) uint64 {
	h := uint64(0)
	for _, p := range parts {
		h = (bits.RotateLeft64(h, 23) ^ maphash.String(s.seed, p)) * 0x9e3779b97f4a7c15
	}
	return h
}

// add reports whether the hash is new.
func (s *seenSet) add(h uint64) bool {
	shard := &s.shards[h>>60]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if _, known := shard.young[h]; known {
		return false
	}
	_, known := shard.old[h]
	if len(shard.young) >= s.size {
		shard.young, shard.old = make(map[uint64]struct{}, s.size), shard.young
	}
	shard.young[h] = struct{}{} // what is asked for again stays
	return !known
}

// forget takes the hash back.
func (s *seenSet) forget(h uint64) {
	shard := &s.shards[h>>60]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	delete(shard.young, h)
	delete(shard.old, h)
}
