package flags

import (
	"fmt"
	"math"
	"strconv"
)

// compiledSplit is a Split whose salt is hashed and whose outcomes are prepared.
type compiledSplit struct {
	salted  hasher
	total   uint32
	by      string    // empty for the targeting key
	ends    []uint32  // cumulative weights, the last one is total
	serve   []Outcome // one for each of ends
	keyless *Outcome  // for a subject without a unit id
}

// compileSplit prepares the split. like holds what all its outcomes have in common.
func (c *compiler) compileSplit(s *Split, like Outcome) (*compiledSplit, error) {
	if s.Algorithm != BucketingV1 {
		return nil, fmt.Errorf("the algorithm %q is not known to this version", s.Algorithm)
	}
	if s.Total == 0 || s.Total > math.MaxInt32 {
		return nil, fmt.Errorf("the total of the weights is %d", s.Total)
	}
	out := &compiledSplit{salted: hasher{}.write(s.Salt), total: s.Total, by: s.By}
	if out.by == TargetingKey {
		out.by = ""
	}
	like.Reason, like.Algorithm, like.Total = SplitReason, s.Algorithm, s.Total
	sum := uint64(0)
	for _, w := range s.Weights {
		d, err := c.prepare(w.Variant, like)
		if err != nil {
			return nil, err
		}
		if w.Weight == 0 {
			continue
		}
		sum += uint64(w.Weight)
		out.ends = append(out.ends, uint32(sum)) //nolint:gosec // a sum beyond the total is refused below
		out.serve = append(out.serve, *d)
	}
	if sum != uint64(s.Total) {
		return nil, fmt.Errorf("the weights add up to %d, not to %d", sum, s.Total)
	}
	out.keyless = &Outcome{Reason: Error, ErrorCode: TargetingKeyMissing, Rule: like.Rule, FlagRevision: like.FlagRevision, Revision: like.Revision}
	return out, nil
}

// assign finds the variant whose range holds the unit's bucket. A unit that is not known is in no range.
func (s *compiledSplit) assign(who *Subject) Decision {
	unit := who.Key
	if s.by != "" {
		unit = unitOf(who.Attributes[s.by])
	}
	if unit == "" {
		return Decision{Outcome: s.keyless}
	}
	bucket := bucketOf(s.salted, unit, s.total)
	i := 0
	for bucket >= s.ends[i] {
		i++
	}
	return Decision{Outcome: &s.serve[i], UnitID: unit, Bucket: bucket}
}

// bucketOf is the place of the unit in [0, total).
func bucketOf(salted hasher, unit string, total uint32) uint32 {
	return uint32(uint64(salted.write(unit).sum()) * uint64(total) >> 32)
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
