package ruleset

import (
	"fmt"

	"github.com/assayhq/assay/projections"
)

var _ projections.Rebuildable = (*Projection)(nil)

// Fresh makes an empty one.
func (p *Projection) Fresh() (projections.Rebuildable, error) { return New(), nil }

// Adopt takes over what a fresh one serves. Whoever waits for a change looks again; what is served is the same as a rule, with
// the same revision and ETag, so that clients load nothing anew.
func (p *Projection) Adopt(other projections.Rebuildable) error {
	fresh, ok := other.(*Projection)
	if !ok {
		return fmt.Errorf("%T serves no rulesets", other)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.position, p.served, p.frozen = fresh.position, fresh.served, fresh.frozen
	p.folded, p.places, p.projects, p.streams = fresh.folded, fresh.places, fresh.projects, fresh.streams
	p.words, p.latest, p.compiled, p.events = fresh.words, fresh.latest, fresh.compiled, fresh.events
	for _, waiting := range p.waiting {
		for c := range waiting {
			select {
			case c <- struct{}{}:
			default: // it has yet to receive the change before, and will then see this one too
			}
		}
	}
	return nil
}

// Discard has nothing to free.
func (p *Projection) Discard() error { return nil }
