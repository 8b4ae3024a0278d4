package catalog

import (
	"slices"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/holdout"
	"github.com/assayhq/assay/domain/layer"
	"github.com/assayhq/assay/domain/segment"
)

// Segment returns a segment, with how many ids are on its lists but not which.
func (p *Projection) Segment(in domain.ProjectKey, key domain.SegmentKey) (Entry[segment.State], bool) {
	return get(p, &p.segments, in, key)
}

// Segments lists a project's segments.
func (p *Projection) Segments(in domain.ProjectKey, page Page, f Filter) ([]Entry[segment.State], string, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.segments.list(page, those[segment.State](in, f))
}

// Layer returns a layer.
func (p *Projection) Layer(in domain.ProjectKey, key domain.LayerKey) (Entry[layer.State], bool) {
	return get(p, &p.layers, in, key)
}

// Layers lists a project's layers.
func (p *Projection) Layers(in domain.ProjectKey, page Page, f Filter) ([]Entry[layer.State], string, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.layers.list(page, those[layer.State](in, f))
}

// Holdout returns a holdout.
func (p *Projection) Holdout(in domain.ProjectKey, key domain.HoldoutKey) (Entry[holdout.State], bool) {
	return get(p, &p.holdouts, in, key)
}

// Holdouts lists a project's holdouts.
func (p *Projection) Holdouts(in domain.ProjectKey, page Page, f Filter) ([]Entry[holdout.State], string, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.holdouts.list(page, those[holdout.State](in, f))
}

// Uses is who asks for a thing, each list sorted.
type Uses struct {
	Flags    []domain.FlagKey
	Segments []domain.SegmentKey
}

// Any reports whether anybody does.
func (u Uses) Any() bool { return len(u.Flags)+len(u.Segments) > 0 }

// UsesOfFlag lists the flags in service whose rules ask for the flag.
func (p *Projection) UsesOfFlag(in domain.ProjectKey, key domain.FlagKey) Uses {
	return p.uses(in, func(flags []domain.FlagKey, _ []domain.SegmentKey, _ []domain.HoldoutKey) bool {
		return slices.Contains(flags, key)
	})
}

// UsesOfSegment lists the flags in service, and the segments, whose rules ask for the segment.
func (p *Projection) UsesOfSegment(in domain.ProjectKey, key domain.SegmentKey) Uses {
	return p.uses(in, func(_ []domain.FlagKey, segments []domain.SegmentKey, _ []domain.HoldoutKey) bool {
		return slices.Contains(segments, key)
	})
}

// UsesOfHoldout lists the flags in service that name the holdout.
func (p *Projection) UsesOfHoldout(in domain.ProjectKey, key domain.HoldoutKey) Uses {
	return p.uses(in, func(_ []domain.FlagKey, _ []domain.SegmentKey, holdouts []domain.HoldoutKey) bool {
		return slices.Contains(holdouts, key)
	})
}

func (p *Projection) uses(in domain.ProjectKey, asks func([]domain.FlagKey, []domain.SegmentKey, []domain.HoldoutKey) bool) (out Uses) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, b := range p.flags.order {
		if b.subject.project != in || b.archived || !b.asks {
			continue
		}
		if s := p.flags.entry(b).State; asksAnywhere(s, asks) {
			out.Flags = append(out.Flags, s.Key)
		}
	}
	for _, b := range p.segments.order {
		if s := b.now.State; s.Project == in && asks(nil, s.Asks(), nil) {
			out.Segments = append(out.Segments, s.Key)
		}
	}
	slices.Sort(out.Flags)
	slices.Sort(out.Segments)
	return out
}

func asksAnywhere(s flag.State, asks func([]domain.FlagKey, []domain.SegmentKey, []domain.HoldoutKey) bool) bool {
	for _, e := range s.Environments {
		var conditions []domain.Condition
		for _, r := range e.Targeting.Rules {
			conditions = append(conditions, r.If...)
		}
		flags, segments := domain.Asked(conditions...)
		if asks(flags, segments, e.Targeting.Holdouts) {
			return true
		}
	}
	return false
}

// asks reports whether a flag asks for anything anywhere.
func asks(s flag.State) bool {
	return slices.ContainsFunc(s.Environments, func(e flag.Setting) bool {
		return len(e.Targeting.Holdouts) > 0 || slices.ContainsFunc(e.Targeting.Rules, func(r flag.Rule) bool { return anyAsks(r.If) })
	})
}

func anyAsks(all []domain.Condition) bool {
	return slices.ContainsFunc(all, func(c domain.Condition) bool {
		return c.Flag != "" || len(c.Segments) > 0 || anyAsks(c.All) || anyAsks(c.Any)
	})
}
