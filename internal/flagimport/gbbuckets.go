package flagimport

import (
	"errors"
	"math"

	"github.com/assayhq/assay/flags"
)

// gbTotal is fine enough for the ten thousand buckets of version 2 and the thousand of version 1.
const gbTotal = 10_000

func gbStep(version int) int {
	if version == 2 {
		return 1
	}
	return gbTotal / 1000
}

// gbCeil is the first bucket, in parts of gbTotal, that is not below n. The comparison is the product's own, in floating point.
func gbCeil(version int, n float64) int { return min(gbFirst(version, n)*gbStep(version), gbTotal) }

func gbFirst(version int, n float64) int {
	buckets := float64(gbTotal / gbStep(version))
	if !(n > 0) {
		return 0
	}
	k := max(int(min(n, 2)*buckets)-1, 0)
	for float64(k)/buckets < n && float64(k) < buckets {
		k++
	}
	return k
}

// gbRanges are the variations' ranges: their weights one after the other, each as far as the coverage goes. Weights that add up
// to something else than one, or of which there are too few, are equal weights.
func gbRanges(variations int, coverage *float64, weights []float64) (out [][2]float64) {
	covered := 1.0
	if coverage != nil {
		covered = min(max(*coverage, 0), 1)
	}
	if !gbValid(weights, variations) {
		weights = make([]float64, variations)
		for i := range weights {
			weights[i] = 1 / float64(variations)
		}
	}
	start := 0.0
	for _, w := range weights {
		out = append(out, [2]float64{start, start + covered*w})
		start += w
	}
	return out
}

func gbValid(weights []float64, variations int) bool {
	total := 0.0
	for _, w := range weights {
		if !(w >= 0) || math.IsInf(w, 0) {
			return false
		}
		total += w
	}
	return len(weights) == variations && total >= 0.99 && total <= 1.01
}

// part holds for the units of the rule whose bucket is in the range.
func (c *gbConverter) part(r gbRule, at [2]float64) flags.Condition {
	seed := r.Seed
	if seed == "" && len(r.Force) == 0 {
		seed = r.Key
	}
	if seed == "" {
		seed = c.key
	}
	version := max(r.HashVersion, 1)
	return c.units(version, seed, r.HashAttribute, at)
}

// units holds for the units whose bucket is in the range.
func (g *gbImport) units(version int, seed, by string, at [2]float64) flags.Condition {
	s := flags.Slice{Algorithm: flags.GrowthBookV1, Salt: seed, Total: gbTotal, By: by, Strings: g.strings}
	if version == 2 {
		s.Algorithm = flags.GrowthBookV2
	}
	if by == "id" {
		s.By = ""
	}
	return slice(s, gbCeil(version, at[0]), gbCeil(version, at[1]))
}

// filters hold for the units that all of the filters let pass.
func (g *gbImport) filters(all []gbFilter) (flags.Condition, error) {
	out := always()
	for _, f := range all {
		version := f.HashVersion
		switch version {
		case 0:
			version = 2
		case 1, 2:
		default:
			return never(), errors.New("has a filter whose hash version is not known")
		}
		if f.Seed == "" {
			return never(), errors.New("has a filter without a seed, and here an algorithm needs a salt")
		}
		var in []flags.Condition
		for _, at := range f.Ranges {
			in = append(in, g.units(version, f.Seed, f.Attribute, at))
		}
		out = allOf(out, anyOf(in...))
	}
	return out, nil
}

// namespace holds for the units in the rule's part of the namespace. Its hash is that of version 1 with a seed of its own.
func (g *gbImport) namespace(r gbRule) (flags.Condition, error) {
	if len(r.Namespace) != 3 {
		return never(), errors.New("has a namespace that is none: an id, a start and an end")
	}
	id, is := r.Namespace[0].(string)
	start, isStart := r.Namespace[1].(float64)
	end, isEnd := r.Namespace[2].(float64)
	if !is || !isStart || !isEnd {
		return never(), errors.New("has a namespace that is none: an id, a start and an end")
	}
	return g.units(1, "__"+id, r.HashAttribute, [2]float64{start, end}), nil
}
