package ruleset

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"github.com/assayhq/assay/projections"
)

var _ projections.Hashed = (*Projection)(nil)

// StateHash hashes what every environment serves, as it is handed out, and what is frozen.
func (p *Projection) StateHash() (projections.Position, [sha256.Size]byte, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	h := sha256.New()
	places := slices.SortedFunc(maps.Keys(p.served), func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Environment, b.Environment))
	})
	for _, place := range places {
		served := p.served[place]
		h.Write(fmt.Appendf(nil, "%q %q %d %q %d:%s %v\n", place.Project, place.Environment, served.Revision, served.ETag, len(served.JSON()), served.JSON(), served.problems()))
	}
	for _, stream := range slices.Sorted(maps.Keys(p.frozen)) {
		h.Write(fmt.Appendf(nil, "%q %v\n", stream, p.frozen[stream]))
	}
	return p.position, [sha256.Size]byte(h.Sum(nil)), nil
}
