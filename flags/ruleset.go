package flags

import (
	"iter"
	"maps"
	"slices"
)

// TargetingKey is the name by which conditions and splits refer to Subject.Key.
const TargetingKey = "targetingKey"

// Ruleset is a compiled Snapshot: immutable, and safe for any number of goroutines.
type Ruleset struct {
	// Flags and segments have places, which they keep in all rulesets that come from each other: index tells them by key
	// and recent those of the newest keys. A place whose flag is gone, or was only ever asked for, holds nil.
	index  *places
	recent map[string]int
	quick  []quick // of the flags at the same places, as far as there is something quick to know
	flags  []*compiledFlag

	revision     uint64
	project      string
	environment  string
	line         *lineage
	segmentIndex map[string]int
	segments     []*compiledSegment

	ordered    []int // places of the flags that are there, by key
	asking     []int // of those that ask for other flags or segments
	uses       map[string]int
	attributes []string
	notFound   *Outcome
	sum        uint64
}

// lineage is what rulesets that come from each other have in common.
type lineage struct{ _ byte }

func (r *Ruleset) place(key string) (int, bool) {
	i, known := r.index.find(key)
	if !known && r.recent != nil {
		i, known = r.recent[key]
	}
	return i, known
}

func (r *Ruleset) flag(key string) *compiledFlag {
	if i, known := r.place(key); known {
		return r.flags[i]
	}
	return nil
}

func (r *Ruleset) put(place int, f *compiledFlag) {
	r.flags[place] = f
	q := f.quick()
	if place < len(r.quick) {
		r.quick[place] = q
	} else if q != (quick{}) {
		r.quick = append(append(r.quick, make([]quick, place-len(r.quick))...), q)
	}
}

func (r *Ruleset) segment(key string) *compiledSegment {
	if i, known := r.segmentIndex[key]; known {
		return r.segments[i]
	}
	return nil
}

// keyAt finds the key of a place, for saying what is not there.
func (r *Ruleset) keyAt(place int) string {
	if f := r.flags[place]; f != nil {
		return f.key
	}
	if place < len(r.index.keys) {
		return r.index.keys[place]
	}
	return keyOf(r.recent, place)
}

func (r *Ruleset) segmentKeyAt(place int) string {
	return keyOf(r.segmentIndex, place)
}

func keyOf(index map[string]int, place int) string {
	for key, i := range index {
		if i == place {
			return key
		}
	}
	return ""
}

// Revision returns the log position that shaped the ruleset.
func (r *Ruleset) Revision() uint64 { return r.revision }

// Project returns the project the ruleset belongs to.
func (r *Ruleset) Project() string { return r.project }

// Environment returns the environment the ruleset belongs to.
func (r *Ruleset) Environment() string { return r.environment }

// Len returns the number of flags.
func (r *Ruleset) Len() int { return len(r.ordered) }

// Keys lists the flags, sorted.
func (r *Ruleset) Keys() []string {
	out := make([]string, len(r.ordered))
	for n, i := range r.ordered {
		out[n] = r.flags[i].key
	}
	return out
}

// Problem says why a flag of a snapshot cannot be served.
type Problem struct {
	Flag   string
	Detail string
}

// Problems lists, by key, the flags that cannot be served.
func (r *Ruleset) Problems() (out []Problem) {
	for _, i := range r.ordered {
		if f := r.flags[i]; f.problem != "" {
			out = append(out, Problem{Flag: f.key, Detail: f.problem})
		}
	}
	return out
}

// Attributes lists, sorted, the attributes that decisions of the ruleset can depend on; TargetingKey among them when a split
// or a segment uses it, and what rules of flagd's use: Everything, Timestamp. Two subjects that agree on these get the same decisions.
func (r *Ruleset) Attributes() []string { return slices.Clone(r.attributes) }

// Changed lists, sorted, the flags that are not the same as in an earlier ruleset of the environment: new, gone, of another
// revision, or asking for a flag or a segment that changed.
func (r *Ruleset) Changed(since *Ruleset) []string {
	changed := map[string]bool{}
	for f := range r.others(since) {
		changed[f.key] = true
	}
	for f := range since.others(r) {
		changed[f.key] = true
	}
	segments := r.changedSegments(since)
	for again := len(changed)+len(segments) > 0; again; {
		again = false
		for _, i := range r.asking {
			f := r.flags[i].itself()
			if !changed[f.key] && r.asksFor(f, changed, segments) {
				changed[f.key], again = true, true
			}
		}
	}
	if len(changed) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(changed))
}

// others yields the flags that the other ruleset does not have, or has otherwise.
func (r *Ruleset) others(than *Ruleset) iter.Seq[*compiledFlag] {
	return func(yield func(*compiledFlag) bool) {
		for _, i := range r.ordered {
			f := r.flags[i]
			var was *compiledFlag
			if r.line == than.line && i < len(than.flags) {
				was = than.flags[i]
			}
			if was == nil || was.key != f.key { // two rulesets may come from a third and give the same place to different keys
				was = than.flag(f.key)
			}
			if (was == nil || was.revision != f.revision) && !yield(f) {
				return
			}
		}
	}
}

// changedSegments are the places here of the segments that the other ruleset has otherwise, or not.
func (r *Ruleset) changedSegments(since *Ruleset) map[int]bool {
	changed := map[int]bool{}
	for i, g := range r.segments {
		if g == nil {
			continue
		}
		if was := since.segment(g.key); was == nil || was.revision != g.revision {
			changed[i] = true
		}
	}
	for again := len(changed) > 0; again; {
		again = false
		for i, g := range r.segments {
			if g != nil && !changed[i] && slices.ContainsFunc(g.segments, func(j int) bool { return changed[j] }) {
				changed[i], again = true, true
			}
		}
	}
	return changed
}

func (r *Ruleset) asksFor(f *compiledFlag, changed map[string]bool, segments map[int]bool) bool {
	return slices.ContainsFunc(f.segments, func(i int) bool { return segments[i] }) ||
		slices.ContainsFunc(f.flags, func(i int) bool { return changed[r.keyAt(i)] })
}

// Experiments lists, sorted, the experiments that decisions can expose subjects to.
func (r *Ruleset) Experiments() []string {
	var out []string
	for _, i := range r.ordered {
		if e := r.flags[i].experiment; e != "" {
			out = append(out, e)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
