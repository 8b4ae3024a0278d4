package catalog

import (
	"fmt"

	"github.com/assayhq/assay/projections"
)

var _ projections.Rebuildable = (*Projection)(nil)

// Fresh makes an empty catalogue.
func (p *Projection) Fresh() (projections.Rebuildable, error) { return New(), nil }

// Adopt takes over the books of a fresh catalogue.
func (p *Projection) Adopt(other projections.Rebuildable) error {
	fresh, ok := other.(*Projection)
	if !ok {
		return fmt.Errorf("%T is no catalogue", other)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = fresh.state
	return nil
}

// Discard has nothing to free.
func (p *Projection) Discard() error { return nil }
