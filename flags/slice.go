package flags

import "fmt"

// compiledSlice is a Slice whose salt is hashed.
type compiledSlice struct {
	hashing
	ranges []Range
	shares []float32 // the same as shares, where the algorithm compares those: two for each range
}

func newSlice(s *Slice) (*compiledSlice, error) {
	h, err := newHashing(s.Algorithm, s.Salt, s.By, s.Strings, s.Total)
	if err != nil {
		return nil, err
	}
	out := &compiledSlice{hashing: h, ranges: s.Ranges}
	for _, r := range s.Ranges {
		if r.From > r.To || r.To > s.Total {
			return nil, fmt.Errorf("the range %d to %d is not in [0, %d]", r.From, r.To, s.Total)
		}
		if h.kind == shaFloat32 {
			out.shares = append(out.shares, float32(r.From)/float32(s.Total), float32(r.To)/float32(s.Total))
		}
	}
	return out, nil
}

// has reports whether the subject is in the slice; unit is empty when nobody knows.
func (s *compiledSlice) has(who *Subject) (in bool, unit string, bucket uint32) {
	if unit = s.unit(who); unit == "" {
		return false, "", 0
	}
	bucket = s.bucket(unit)
	if s.kind == shaFloat32 {
		share := s.share(unit)
		for i := 0; i < len(s.shares); i += 2 {
			if share >= s.shares[i] && share < s.shares[i+1] {
				return true, unit, bucket
			}
		}
		return false, unit, bucket
	}
	for _, r := range s.ranges {
		if bucket >= r.From && bucket < r.To {
			return true, unit, bucket
		}
	}
	return false, unit, bucket
}

// attribute names what the bucket depends on.
func (h *hashing) attribute() string {
	return orKey(h.by.attribute)
}
