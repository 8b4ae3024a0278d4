package flags

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Delta leads from what an environment served at one revision to what it serves at a later one.
type Delta struct {
	Format      int    `json:"format"`
	Project     string `json:"project"`
	Environment string `json:"environment"`
	// Since is the revision that the delta is applied to, Revision the one that it leads to.
	Since    uint64 `json:"since,string"`
	Revision uint64 `json:"revision,string"`
	// Flags and Segments are new, or other than before; FlagsGone and SegmentsGone are there no more. Lists tells what
	// changed in the lists of segments that are otherwise the same.
	Flags        []Flag       `json:"flags,omitempty"`
	FlagsGone    []string     `json:"flags_gone,omitempty"`
	Segments     []Segment    `json:"segments,omitempty"`
	SegmentsGone []string     `json:"segments_gone,omitempty"`
	Lists        []ListChange `json:"lists,omitempty"`
}

// ListChange is what changed in the lists of a segment, whose revision it is now.
type ListChange struct {
	Segment  string    `json:"segment"`
	Revision uint64    `json:"revision,string"`
	Included IDsChange `json:"included,omitzero"`
	Excluded IDsChange `json:"excluded,omitzero"`
}

// IDsChange is texts that come into a set and texts that leave it. A text is in one of the two at most.
type IDsChange struct {
	Add    IDs `json:"add,omitzero"`
	Remove IDs `json:"remove,omitzero"`
}

// IsZero reports whether nothing changes.
func (c IDsChange) IsZero() bool { return c.Add.IsZero() && c.Remove.IsZero() }

func (c IDsChange) of(i IDs) IDs {
	if c.IsZero() {
		return i
	}
	return i.With(slices.Collect(c.Add.All()), slices.Collect(c.Remove.All()))
}

// ErrGap means that a delta does not begin where what it is applied to ends: whoever applies deltas must load the whole
// snapshot then.
var ErrGap = errors.New("the delta does not begin at the revision that is there; load the whole ruleset")

// ErrFormat means that a delta is of a format that this program doesn't know.
var ErrFormat = errors.New("the delta has a format that this program doesn't know; update it")

func (d *Delta) check(project, environment string, revision uint64) error {
	switch {
	case d.Format != Format:
		return ErrFormat
	case d.Project != project || d.Environment != environment || d.Since != revision || d.Revision < revision:
		return ErrGap
	}
	return nil
}

// Apply returns the snapshot that the delta leads to; the snapshot itself stays as it is.
func (s Snapshot) Apply(d Delta) (Snapshot, error) {
	if err := d.check(s.Project, s.Environment, s.Revision); err != nil {
		return Snapshot{}, err
	}
	s.Revision = d.Revision
	s.Flags = merge(s.Flags, d.Flags, d.FlagsGone, func(f *Flag) string { return f.Key })
	s.Segments = merge(s.Segments, d.Segments, d.SegmentsGone, func(g *Segment) string { return g.Key })
	for _, change := range d.Lists {
		i := slices.IndexFunc(s.Segments, func(g Segment) bool { return g.Key == change.Segment })
		if i < 0 {
			return Snapshot{}, fmt.Errorf("the segment %q: %w", change.Segment, ErrGap)
		}
		g := &s.Segments[i]
		g.Revision, g.Included, g.Excluded = change.Revision, change.Included.of(g.Included), change.Excluded.of(g.Excluded)
	}
	return s, nil
}

// merge makes a sorted list of its own.
func merge[T any](was, changed []T, gone []string, keyOf func(*T) string) []T {
	out := make([]T, 0, len(was)+len(changed))
	replaced := make(map[string]bool, len(changed)+len(gone))
	for i := range changed {
		replaced[keyOf(&changed[i])] = true
	}
	for _, key := range gone {
		replaced[key] = true
	}
	for i := range was {
		if !replaced[keyOf(&was[i])] {
			out = append(out, was[i])
		}
	}
	if len(changed) == 0 {
		return out
	}
	out = append(out, changed...)
	slices.SortStableFunc(out, func(a, b T) int { return strings.Compare(keyOf(&a), keyOf(&b)) })
	return out
}

// Apply returns the ruleset that the delta leads to; the ruleset itself stays as it is. Only what the delta names is compiled,
// everything else is shared. The error is ErrGap or ErrFormat. The ruleset keeps what is in the delta: nobody may write to it
// afterwards.
func (r *Ruleset) Apply(d Delta) (*Ruleset, error) {
	return r.apply(d, func(b *builder) error {
		for i := range d.Flags {
			b.putFlag(&d.Flags[i])
		}
		return nil
	})
}

// apply is Apply with whatever flags put puts instead of those in the delta.
func (r *Ruleset) apply(d Delta, put func(*builder) error) (*Ruleset, error) {
	if err := d.check(r.project, r.environment, r.revision); err != nil {
		return nil, err
	}
	b := r.builder(d.Revision)
	for i := range d.Segments {
		b.putSegment(&d.Segments[i])
	}
	for _, key := range d.SegmentsGone {
		b.removeSegment(key)
	}
	for i := range d.Lists {
		if !b.changeLists(&d.Lists[i]) {
			return nil, fmt.Errorf("the segment %q: %w", d.Lists[i].Segment, ErrGap)
		}
	}
	if err := put(b); err != nil {
		return nil, err
	}
	for _, key := range d.FlagsGone {
		b.removeFlag(key)
	}
	return b.finish(), nil
}

// Update returns the ruleset of a snapshot that is later in the same log than this one. What has the same revision in both is
// not compiled again.
func (r *Ruleset) Update(s Snapshot) (*Ruleset, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.Project != r.project || s.Environment != r.environment {
		return Compile(s)
	}
	return r.Apply(r.deltaTo(&s))
}

// deltaTo leads from the ruleset to a later snapshot.
func (r *Ruleset) deltaTo(s *Snapshot) Delta {
	d := Delta{Format: Format, Project: s.Project, Environment: s.Environment, Since: r.revision, Revision: max(s.Revision, r.revision)}
	there := make(map[string]bool, len(s.Flags))
	for i := range s.Flags {
		there[s.Flags[i].Key] = true
		if f := r.flag(s.Flags[i].Key); f == nil || f.revision != s.Flags[i].Revision {
			d.Flags = append(d.Flags, s.Flags[i])
		}
	}
	for _, i := range r.ordered {
		if key := r.flags[i].key; !there[key] {
			d.FlagsGone = append(d.FlagsGone, key)
		}
	}
	r.segmentsTo(s, &d)
	return d
}

func (r *Ruleset) segmentsTo(s *Snapshot, d *Delta) {
	there := make(map[string]bool, len(s.Segments))
	for i := range s.Segments {
		there[s.Segments[i].Key] = true
		if g := r.segment(s.Segments[i].Key); g == nil || g.revision != s.Segments[i].Revision {
			d.Segments = append(d.Segments, s.Segments[i])
		}
	}
	for _, g := range r.segments {
		if g != nil && !there[g.key] {
			d.SegmentsGone = append(d.SegmentsGone, g.key)
		}
	}
}
