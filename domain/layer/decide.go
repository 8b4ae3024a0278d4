package layer

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/assayhq/assay/domain"
)

// Aggregate is the law of layers. Streams: layer-<project>.<key>.
var Aggregate = domain.Aggregate[State, Command, Event]{
	Decider:  domain.Decider[State, Command, Event]{Decide: decide, Evolve: evolve},
	Category: "layer",
	Encode:   encode,
	Decode:   wire.Decode,
}

func decide(s State, c Command, _ domain.Envelope) ([]Event, error) {
	if c, ok := c.(Create); ok {
		return create(s, c)
	}
	if !s.Exists() {
		return nil, domain.NotFound("there is no such layer; create it first")
	}
	switch c := c.(type) {
	case Describe:
		return describe(s, c)
	case Allocate:
		return allocate(s, c)
	case Release:
		if _, has := s.Of(c.Experiment); !has {
			return nil, nil
		}
		return []Event{Released(c)}, nil
	case Archive:
		return archive(s)
	case Restore:
		if !s.Archived {
			return nil, nil
		}
		return []Event{Restored{}}, nil
	default:
		return nil, domain.Invalid("", "layers know no command %T", c)
	}
}

// Salt is what a layer is salted with unless it says otherwise.
func Salt(project domain.ProjectKey, key domain.LayerKey) string {
	return fmt.Sprintf("%s.layer/%s/", project, key)
}

func create(s State, c Create) ([]Event, error) {
	if s.Exists() {
		return nil, domain.Exists("there is a layer %q already; choose another key", s.Key)
	}
	if err := domain.At("/project", domain.CheckProjectKey("project", c.Project)); err != nil {
		return nil, err
	}
	if err := domain.CheckKey("layer", c.Key); err != nil {
		return nil, err
	}
	if c.Name == "" {
		c.Name = string(c.Key)
	}
	if err := domain.CheckNaming(c.Name, c.Description); err != nil {
		return nil, err
	}
	b, err := domain.CheckBucketing(domain.Bucketing{Algorithm: c.Algorithm, Salt: c.Salt, By: c.By, Total: c.Total}, Salt(c.Project, c.Key), "")
	if err != nil {
		return nil, err
	}
	c.Algorithm, c.Salt, c.Total = b.Algorithm, b.Salt, b.Total
	return []Event{Created(c)}, nil
}

func describe(s State, c Describe) ([]Event, error) {
	if c.Name == "" {
		c.Name = string(s.Key)
	}
	if err := domain.CheckNaming(c.Name, c.Description); err != nil {
		return nil, err
	}
	if c.Name == s.Name && c.Description == s.Description {
		return nil, nil
	}
	return []Event{Described(c)}, nil
}

func allocate(s State, c Allocate) ([]Event, error) {
	if err := domain.At("/experiment", domain.CheckKey("experiment", c.Experiment)); err != nil {
		return nil, err
	}
	if s.Archived {
		return nil, domain.WrongState("the layer %q is archived; restore it or choose another", s.Key).WithCode("archived")
	}
	if c.Share == 0 || c.Share > s.Total {
		return nil, domain.Invalid("/share", "the share of a layer is 1 to %d, not %d", s.Total, c.Share).WithCode("bad_share")
	}
	now, has := s.Of(c.Experiment)
	if has && now.Share() == c.Share {
		return nil, nil
	}
	ranges, lacking := take(now.Ranges, c.Share)
	if lacking > 0 {
		more, stillLacking := take(s.free(), lacking)
		if stillLacking > 0 {
			return nil, domain.WrongState("the layer %q has %d of %d left, the experiment needs %d; stop another experiment in it or take a smaller share",
				s.Key, lacking-stillLacking, s.Total, lacking).WithCode("layer_full")
		}
		ranges = join(append(ranges, more...))
	}
	return []Event{Allocated{Experiment: c.Experiment, Ranges: ranges}}, nil
}

// take is the first buckets of the ranges, and how many are lacking.
func take(from []domain.Range, share domain.Weight) (out []domain.Range, lacking domain.Weight) {
	for _, r := range from {
		if share == 0 {
			break
		}
		size := min(r.Size(), share)
		out = append(out, domain.Range{From: r.From, To: r.From + size})
		share -= size
	}
	return out, share
}

// free is what no experiment has.
func (s State) free() (out []domain.Range) {
	var taken []domain.Range
	for _, a := range s.Allocations {
		taken = append(taken, a.Ranges...)
	}
	at := domain.Weight(0)
	for _, r := range join(taken) {
		if r.From > at {
			out = append(out, domain.Range{From: at, To: r.From})
		}
		at = r.To
	}
	if at < s.Total {
		out = append(out, domain.Range{From: at, To: s.Total})
	}
	return out
}

// join sorts the ranges and makes one of those that touch.
func join(all []domain.Range) (out []domain.Range) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b domain.Range) int { return cmp.Compare(a.From, b.From) })
	for _, r := range all {
		if last := len(out) - 1; last >= 0 && out[last].To >= r.From {
			out[last].To = max(out[last].To, r.To)
		} else {
			out = append(out, r)
		}
	}
	return out
}

func archive(s State) ([]Event, error) {
	if s.Archived {
		return nil, nil
	}
	if len(s.Allocations) > 0 {
		return nil, domain.WrongState("the experiment %q has a part of the layer; stop it before archiving the layer", s.Allocations[0].Experiment).WithCode("layer_busy")
	}
	return []Event{Archived{}}, nil
}

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Created:
		return State{
			Project: e.Project, Key: e.Key, Name: e.Name, Description: e.Description, By: e.By, Algorithm: e.Algorithm, Salt: e.Salt, Total: e.Total,
		}
	case Described:
		s.Name, s.Description = e.Name, e.Description
	case Allocated:
		s.Allocations = slices.Clone(s.Allocations)
		now := Allocation(e)
		if i := slices.IndexFunc(s.Allocations, func(a Allocation) bool { return a.Experiment == e.Experiment }); i >= 0 {
			s.Allocations[i] = now
		} else {
			s.Allocations = append(s.Allocations, now)
		}
	case Released:
		s.Allocations = slices.DeleteFunc(slices.Clone(s.Allocations), func(a Allocation) bool { return a.Experiment == e.Experiment })
		if len(s.Allocations) == 0 {
			s.Allocations = nil
		}
	case Archived:
		s.Archived = true
	case Restored:
		s.Archived = false
	}
	return s
}
