package flags

import (
	"fmt"
	"math"
)

// compiledSplit is a Split whose salt is hashed and whose outcomes are prepared. What deciding needs of a split of the usual kind
// fits a line of the processor's cache.
type compiledSplit struct {
	salted hasher // as in whole
	total  uint32
	usual  bool    // our own algorithm, by the targeting key, between at most two variants
	first  [2]part // of whole
	whole  *wholeSplit
}

type wholeSplit struct {
	hashing
	parts   []part
	keyless *Outcome // for a subject without a unit id
}

// part is a range of buckets, from the end of the part before it on. The end of the last one is total.
type part struct {
	end   uint32
	share float32 // the same as end, where the algorithm compares shares
	serve *Outcome
}

// compileSplit prepares the split. like holds what all its outcomes have in common.
func (c *compiler) compileSplit(s *Split, like Outcome) (*compiledSplit, error) {
	h, err := newHashing(s.Algorithm, s.Salt, s.By, s.Strings, s.Total)
	if err != nil {
		return nil, err
	}
	c.attributes = append(c.attributes, h.attribute())
	whole := &wholeSplit{hashing: h}
	like.Reason, like.Algorithm, like.Total = SplitReason, s.Algorithm, s.Total
	sum, share := uint64(0), float32(0)
	for _, w := range s.Weights {
		d, err := c.prepare(w.Variant, like)
		if err != nil {
			return nil, err
		}
		if w.Weight == 0 {
			continue
		}
		sum += uint64(w.Weight)
		share += float32(w.Weight) / float32(s.Total)
		whole.parts = append(whole.parts, part{end: uint32(min(sum, math.MaxUint32)), share: share, serve: d})
	}
	if sum != uint64(s.Total) {
		return nil, fmt.Errorf("the weights add up to %d, not to %d", sum, s.Total)
	}
	whole.keyless = c.of(Outcome{Reason: Error, ErrorCode: TargetingKeyMissing, Rule: like.Rule, Stale: like.Stale, Metadata: like.Metadata})
	out := &compiledSplit{salted: h.salted, total: h.total, whole: whole, usual: h.plain && h.by.attribute == "" && len(whole.parts) <= 2}
	copy(out.first[:], whole.parts)
	return out, nil
}

// assign finds the variant whose range holds the unit's bucket. A unit that is not known is in no range.
func (s *compiledSplit) assign(who *Subject) verdict {
	if !s.usual {
		return s.whole.assign(who)
	}
	unit := who.key()
	if unit == "" {
		return verdict{outcome: s.whole.keyless}
	}
	bucket := scaled(s.salted.sumWith(unit), s.total)
	serve := s.first[0].serve
	if bucket >= s.first[0].end {
		serve = s.first[1].serve
	}
	return verdict{outcome: serve, unit: unit, bucket: bucket}
}

func (s *wholeSplit) assign(who *Subject) verdict {
	unit := s.unit(who)
	if unit == "" {
		return verdict{outcome: s.keyless}
	}
	i, bucket := s.place(unit)
	return verdict{outcome: s.parts[i].serve, unit: unit, bucket: bucket}
}

// place is the part that holds the unit.
func (s *wholeSplit) place(unit string) (i int, bucket uint32) {
	bucket = s.bucket(unit)
	if !s.plain && s.kind == shaFloat32 {
		for share := s.share(unit); i < len(s.parts)-1 && share >= s.parts[i].share; {
			i++
		}
		return i, bucket
	}
	for j := range s.parts { // to the last one: nobody can foresee where a unit is, and a branch foreseen wrongly takes longer
		more := 0
		if bucket >= s.parts[j].end {
			more = 1
		}
		i += more
	}
	return i, bucket
}
