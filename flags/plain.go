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
		if c := &f.conditions[i]; c.test == isMember {
			f.asks = append(f.asks, asking{bit: 1 << i, segments: c.more.segments, negated: c.negated})
			f.asked |= 1 << i
		}
	}
	for i := range f.rules {
		f.needs = append(f.needs, f.rules[i].bits)
	}
	f.plain = !slices.ContainsFunc(f.rules, func(r compiledRule) bool { return r.bits&^answered&^f.asked != 0 })
}

// plainDecide is decide for a plain flag.
func (f *prepared) plainDecide(r *Ruleset, who *Subject) verdict {
	holds := uint64(0)
	for i := range f.list {
		holds |= f.holds(&f.list[i], who)
	}
	serve := &f.otherwise
	switch {
	case f.asked != 0 || len(f.needs) > mostWalked:
		serve = f.longMatch(r, holds, who)
	default:
		matching := uint64(0)
		for i, needs := range f.needs { // to the last one: nobody can foresee which rule matches
			match := uint64(0)
			if needs&^holds == 0 {
				match = 1
			}
			matching |= match << i
		}
		if matching != 0 {
			serve = &f.rules[bits.TrailingZeros64(matching)].serve
		}
	}
	if serve.split != nil {
		return serve.split.assign(who)
	}
	return verdict{outcome: serve.fixed}
}

// longMatch is what the first rule whose conditions hold serves, where there are many rules or segments have to be asked.
func (f *prepared) longMatch(r *Ruleset, holds uint64, who *Subject) *compiledServe {
	open := f.asked // what nobody has said yet
	for i := range f.rules {
		rule := &f.rules[i]
		if rule.bits&^holds&^f.asked != 0 {
			continue
		}
		for j := range f.asks {
			if a := &f.asks[j]; a.bit&rule.bits&open != 0 && a.holds(r, who) {
				holds |= a.bit
			}
		}
		open &^= rule.bits
		if rule.bits&^holds == 0 {
			return &rule.serve
		}
	}
	return &f.otherwise
}

// asking is a condition about segments.
type asking struct {
	bit      uint64
	segments []int // places in the ruleset
	negated  bool
}

func (a *asking) holds(r *Ruleset, who *Subject) bool {
	for _, i := range a.segments {
		if r.segments[i].hasAlone(r, who) {
			return !a.negated
		}
	}
	return a.negated
}
