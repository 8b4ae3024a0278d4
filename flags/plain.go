package flags

import (
	"math/bits"
	"slices"
)

// Most flags are plain: rules that compare a few attributes or ask for segments, and then a variant or a split. This is what is
// between an app and its answer, so it is made for an app that does other things between two decisions: little code, because
// what has to be fetched again takes longer than running it, and little to look at, next to each other.

// quick is what a ruleset knows itself of a flag, so that deciding does not have to look at more, or the zero quick: what the
// flag answers to everybody, or the split that it serves to everybody, or the whole of a plain flag.
type quick struct {
	fixed *Outcome
	split *compiledSplit
	plain *prepared
}

func (f *compiledFlag) quick() (out quick) {
	if f == nil {
		return out
	}
	out.fixed = f.always
	if p := f.ready.Load(); p != nil && p.plain {
		if out.plain = p; len(p.rules) == 0 {
			out.split = p.otherwise.split
		}
	}
	return out
}

// mostColumns is how many columns a plain flag can have: all of them are evaluated, whether the first rules need them or not.
const mostColumns = 4

// simplify finds out whether the flag is plain.
func (f *prepared) simplify() {
	if f.always != nil || f.first != nil || f.logic != nil || f.within != nil || len(f.conditions) > 64 || len(f.list) > mostColumns {
		return
	}
	var answered uint64
	for i := range f.list {
		answered |= f.list[i].bits
	}
	for i := range f.conditions {
		if f.conditions[i].test == isMember {
			f.asks |= 1 << i
		}
	}
	f.plain = !slices.ContainsFunc(f.rules, func(r compiledRule) bool { return r.bits&^answered&^f.asks != 0 })
}

// plainDecide is decide for a plain flag.
func (f *prepared) plainDecide(r *Ruleset, who *Subject) verdict {
	serve := f.plainMatch(r, who)
	if serve.split != nil {
		return serve.split.assign(who)
	}
	return verdict{outcome: serve.fixed}
}

// plainMatch is firstMatch for a plain flag. It is little code: between two decisions an app does other things, so that the
// processor has to fetch the code again, which takes longer than running it.
func (f *prepared) plainMatch(r *Ruleset, who *Subject) *compiledServe {
	holds := uint64(0)
	for i := range f.list {
		holds |= f.holds(&f.list[i], who)
	}
	for i := range f.rules {
		missing := f.rules[i].bits &^ holds
		if missing == 0 {
			return &f.rules[i].serve
		}
		if missing&^f.asks == 0 {
			return f.askingMatch(r, i, holds, who)
		}
	}
	return &f.otherwise
}

// askingMatch goes on from a rule on, asking segments for what is still missing of it.
func (f *prepared) askingMatch(r *Ruleset, from int, holds uint64, who *Subject) *compiledServe {
	asked := uint64(0)
	for i := from; i < len(f.rules); i++ {
		rule := &f.rules[i]
		if rule.bits&^holds&^f.asks == 0 {
			holds |= f.members(r, rule.bits&^asked, who)
			asked |= rule.bits
		}
		if rule.bits&^holds == 0 {
			return &rule.serve
		}
	}
	return &f.otherwise
}

// members are those of the conditions, all of them about segments, that hold.
func (f *prepared) members(r *Ruleset, conditions uint64, who *Subject) (holds uint64) {
	for left := conditions & f.asks; left != 0; left &= left - 1 {
		c := &f.conditions[bits.TrailingZeros64(left)]
		in := false
		for _, i := range c.more.segments {
			in = in || r.segments[i].hasAlone(r, who)
		}
		if in != c.negated {
			holds |= left & -left
		}
	}
	return holds
}
