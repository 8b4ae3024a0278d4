package flags

import "slices"

// TargetingKey is the name by which conditions and splits refer to Subject.Key.
const TargetingKey = "targetingKey"

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
	for i, f := range r.ordered {
		out[i] = f.key
	}
	return out
}

// Problems lists the flags that could not be compiled.
func (r *Ruleset) Problems() []Problem { return slices.Clone(r.problems) }

// Attributes lists, sorted, the attributes that any decision of the ruleset depends on; TargetingKey among them when a split
// uses it. Two subjects that agree on these get the same decisions.
func (r *Ruleset) Attributes() []string { return slices.Clone(r.attributes) }

// Changed lists, sorted, the flags that are not the same as in an earlier ruleset of the environment: new, gone, or of
// another revision.
func (r *Ruleset) Changed(since *Ruleset) []string {
	var out []string
	for _, f := range r.ordered {
		if was := since.flags[f.key]; was == nil || was.revision != f.revision {
			out = append(out, f.key)
		}
	}
	for _, f := range since.ordered {
		if r.flags[f.key] == nil {
			out = append(out, f.key)
		}
	}
	slices.Sort(out)
	return out
}

// Experiments lists, sorted, the experiments that decisions can expose subjects to.
func (r *Ruleset) Experiments() []string {
	var out []string
	for _, f := range r.ordered {
		if s := f.otherwise.split; s != nil && s.serve[0].Experiment != "" {
			out = append(out, s.serve[0].Experiment)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
