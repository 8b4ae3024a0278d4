package flagimport

import (
	"crypto/sha1" //nolint:gosec // LaunchDarkly buckets by it; nothing is kept secret by it
	"encoding/binary"
	"slices"

	"github.com/assayhq/assay/flags"
)

// Split divides units between variants as the API takes it.
type Split struct {
	flags.Split
	// Layout is the ranges of buckets as the source has them, one after the other. Without it the server would move as few
	// units as it can when weights change, which is not what the source did.
	Layout []flags.Weight `json:"layout"`
}

// serveSplit makes a serve of weights in the order of their ranges, in which a variant may have several.
func serveSplit(s flags.Split) Serve {
	out := &Split{Split: s, Layout: slices.DeleteFunc(slices.Clone(s.Weights), func(w flags.Weight) bool { return w.Weight == 0 })}
	var sums []flags.Weight
	for _, w := range s.Weights {
		if i := slices.IndexFunc(sums, func(o flags.Weight) bool { return o.Variant == w.Variant }); i >= 0 {
			sums[i].Weight += w.Weight
			continue
		}
		sums = append(sums, w)
	}
	out.Weights = sums
	return Serve{Split: out}
}

// ldShare is LaunchDarkly's bucket in [0, 1] of a text that is hashed.
func ldShare(text string) float32 {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // see the import
	return float32(binary.BigEndian.Uint64(sum[:8])>>4) / float32(0xFFFFFFFFFFFFFFF)
}
