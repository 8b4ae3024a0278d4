package flags

import "slices"

// What a flag can require of a program; see Flag.Requires.
const (
	requiresConditions  = "conditions/2" // groups, negation, paths, ignoring case, slices
	requiresSegments    = "segments/1"
	requiresFlags       = "flags/1"
	requiresOverrides   = "overrides/1"
	requiresHoldouts    = "holdouts/1"
	requiresExperiments = "experiments/2" // that are in a layer
	requiresStrings     = "strings/1"     // other ways of reading unit ids
	requiresLogic       = "logic/1"
	requiresNoValue     = "no-value/1" // serving the caller's default
	requiresPaths       = "paths/1"    // unit ids within objects
	requiresElements    = "elements/1" // comparing elements of lists
)

func unknownRequirements(all []string) (out []string) {
	for _, r := range all {
		switch r {
		case requiresConditions, requiresSegments, requiresFlags, requiresOverrides, requiresHoldouts, requiresExperiments, requiresStrings, requiresLogic, requiresNoValue, requiresPaths, requiresElements:
		default:
			out = append(out, r)
		}
	}
	return out
}

// Needs lists what a program must know to serve the flag right, sorted: what belongs into Requires. Programs of the first
// format, which ignore what they don't know, refuse a flag that requires anything.
func (f *Flag) Needs() []string {
	n := needs{}
	n.when(len(f.Overrides) > 0, requiresOverrides)
	n.when(slices.ContainsFunc(f.Overrides, func(o Override) bool { return isNested(o.By) }), requiresPaths)
	n.when(len(f.Holdouts) > 0, requiresHoldouts)
	for i := range f.Holdouts {
		n.slices([]Slice{f.Holdouts[i].Slice})
	}
	for i := range f.Rules {
		n.conditions(f.Rules[i].If)
		n.serve(f.Rules[i].Serve)
	}
	n.serve(f.Default)
	n.when(f.Logic != nil, requiresLogic)
	n.when(f.Off == "" || f.Default == Serve{}, requiresNoValue)
	if f.Experiment != nil {
		n.when(len(f.Experiment.Within) > 0, requiresExperiments)
		n.slices(f.Experiment.Within)
		n.serve(Serve{Split: &f.Experiment.Split})
	}
	slices.Sort(n.names)
	return n.names
}

type needs struct{ names []string }

func (n *needs) when(needed bool, name string) {
	if needed && !slices.Contains(n.names, name) {
		n.names = append(n.names, name)
	}
}

func (n *needs) serve(s Serve) {
	if s.Split != nil {
		n.slices([]Slice{{By: s.Split.By, Strings: s.Split.Strings}})
	}
}

func (n *needs) conditions(all []Condition) {
	for i := range all {
		c := &all[i]
		n.when(c.Not || c.IgnoreCase || len(c.Path) > 0 || c.All != nil || c.Any != nil || c.Slice != nil, requiresConditions)
		n.when(c.Elements, requiresElements)
		n.when(c.Segments != nil, requiresSegments)
		n.when(c.Flag != "", requiresFlags)
		if c.Slice != nil {
			n.slices([]Slice{*c.Slice})
		}
		n.conditions(c.All)
		n.conditions(c.Any)
	}
}
