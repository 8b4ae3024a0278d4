package flags

import (
	"iter"
	"math/bits"
	"slices"
)

// Decide returns what the flag serves to the subject. It reads nothing but its arguments and allocates nothing, except
// the text of a number when a split goes by a numeric attribute, and room for unit ids beyond 200 bytes where the algorithm is
// another product's.
func (r *Ruleset) Decide(key string, who Subject) Decision {
	v := r.find(key, &who)
	return Decision{Outcome: v.outcome, UnitID: v.unit, Bucket: v.bucket, Revision: r.revision}
}

// Resolve is Decide for those to whom a Subject and a Decision are large to hand over: it returns the parts of the Decision that
// the ruleset does not have.
func (r *Ruleset) Resolve(key string, who *Subject) (outcome *Outcome, unitID string, bucket uint32) {
	v := r.find(key, who)
	return v.outcome, v.unit, v.bucket
}

// find decides. It is not part of Decide so that Decide is inlined where it is called: copying a Subject and a Decision in and
// out of registers would take as long as finding a flag.
func (r *Ruleset) find(key string, who *Subject) verdict {
	i, known := r.index.find(key)
	if !known {
		if i, known = r.recent[key]; !known {
			return verdict{outcome: r.notFound}
		}
	}
	if i < len(r.quick) {
		switch q := &r.quick[i]; {
		case q.fixed != nil:
			return verdict{outcome: q.fixed}
		case q.split != nil:
			return q.split.assign(who)
		case q.plain != nil:
			return q.plain.plainDecide(r, who)
		}
	}
	return r.findSlowly(i, who)
}

// findSlowly decides a flag that is not quick, or is not prepared before somebody asks for it.
func (r *Ruleset) findSlowly(place int, who *Subject) verdict {
	f := r.flags[place]
	if f == nil {
		return verdict{outcome: r.notFound}
	}
	p := f.prepared()
	if p.plain {
		return p.plainDecide(r, who)
	}
	return p.decide(r, nil, who)
}

// verdict is a Decision without its revision: four words, which a function returns in registers.
type verdict struct {
	outcome *Outcome
	unit    string
	bucket  uint32
}

// All yields every flag and its decision for the subject, sorted by key.
func (r *Ruleset) All(who Subject) iter.Seq2[string, Decision] {
	return func(yield func(string, Decision) bool) {
		l := look{rules: r}
		for _, i := range r.ordered {
			f := r.flags[i]
			var v verdict
			if i < len(r.quick) {
				v.outcome = r.quick[i].fixed
			}
			if v.outcome == nil {
				v = f.prepared().decide(r, &l, &who)
			}
			if !yield(f.key, Decision{Outcome: v.outcome, UnitID: v.unit, Bucket: v.bucket, Revision: r.revision}) {
				return
			}
		}
	}
}

// decide takes what was found out about the subject before, nil for nothing.
func (f *prepared) decide(r *Ruleset, before *look, who *Subject) verdict {
	if f.always != nil {
		return verdict{outcome: f.always}
	}
	if f.first != nil {
		if v := f.first.decide(who); v.outcome != nil {
			return v
		}
	}
	serve := &f.otherwise
	if len(f.rules) > 0 {
		serve = f.firstMatch(r, before, who)
	}
	if serve == &f.otherwise && f.logic != nil {
		if v := f.logic.decide(who); v.outcome != nil {
			return v
		}
	}
	if serve == &f.otherwise && f.within != nil && !f.isWithin(who) {
		serve = f.outside
	}
	if serve.split != nil {
		return serve.split.assign(who)
	}
	return verdict{outcome: serve.fixed}
}

// decide is the zero verdict for whom nothing comes before the rules.
func (f *first) decide(who *Subject) verdict {
	for i := range f.overrides {
		o := &f.overrides[i]
		unit := o.by.unit(who)
		if outcome := o.units[unit]; outcome != nil && unit != "" {
			return verdict{outcome: outcome, unit: unit}
		}
	}
	for i := range f.holdouts {
		if in, unit, bucket := f.holdouts[i].slice.has(who); in {
			return verdict{outcome: f.holdouts[i].serve, unit: unit, bucket: bucket}
		}
	}
	return verdict{}
}

func (f *prepared) isWithin(who *Subject) bool {
	for _, s := range f.within {
		if in, _, _ := s.has(who); !in {
			return false
		}
	}
	return true
}

// firstMatch is what the first rule whose conditions hold serves.
func (f *prepared) firstMatch(r *Ruleset, l *look, who *Subject) *compiledServe {
	if l == nil {
		own := look{rules: r, known: known{program: &f.program}}
		return f.walk(&own, who)
	}
	asker := l.begin(&f.program)
	serve := f.walk(l, who)
	l.resume(asker)
	return serve
}

func (f *prepared) walk(l *look, who *Subject) *compiledServe {
	for i := range f.rules {
		rule := &f.rules[i]
		if rule.bits&l.evaluated&^l.holds == 0 && l.holdsFor(rule, who) {
			return &rule.serve
		}
	}
	return &f.otherwise
}

// look is what deciding has found out about the subject so far. Rules tend to repeat themselves: a condition is evaluated
// once, however many rules of the flag have it, and an attribute is looked up once, however many conditions ask for it, of
// the flag and of the segments and flags that it asks for. The subject is not part of it: whatever is in one struct with texts
// that a regular expression reads would be allocated.
type look struct {
	rules *Ruleset
	known
	seen operands
}

// known is what was found out about the conditions of one flag or segment.
type known struct {
	program   *program
	evaluated uint64 // the conditions that were evaluated, and of these
	holds     uint64 // those that hold
}

// begin turns to another flag or segment and returns what is known of the one that asks for it.
func (l *look) begin(p *program) (asker known) {
	asker = l.known
	l.known = known{program: p}
	l.seen.keep(p.reads)
	return asker
}

// resume turns back to the one that asked, if there was one.
func (l *look) resume(asker known) {
	if l.known = asker; asker.program != nil {
		l.seen.keep(asker.program.reads)
	}
}

// holdsFor reports whether all conditions of the rule hold. Those that columns answer come first: they take least.
func (l *look) holdsFor(rule *compiledRule, who *Subject) bool {
	if rule.bits == 0 {
		return l.all(rule.conditions, who)
	}
	list := l.program.list
	for i := range list {
		c := &list[i]
		if rule.bits&c.bits&^l.evaluated != 0 {
			l.answer(c, who)
		}
		if rule.bits&c.bits&^l.holds != 0 {
			return false
		}
	}
	for {
		if rule.bits&l.evaluated&^l.holds != 0 {
			return false
		}
		unknown := rule.bits &^ l.evaluated
		if unknown == 0 {
			return true
		}
		if !l.evaluate(&l.program.conditions[bits.TrailingZeros64(unknown)], unknown&-unknown, who) {
			return false
		}
	}
}

// all reports whether all the conditions hold. The first 64 conditions of a flag have a bit each; those beyond have none
// (the shift gives 0) and are evaluated every time.
func (l *look) all(conditions []int, who *Subject) bool {
	for _, i := range conditions {
		bit := uint64(1) << i
		if l.evaluated&bit == 0 {
			if !l.evaluate(&l.program.conditions[i], bit, who) {
				return false
			}
		} else if l.holds&bit == 0 {
			return false
		}
	}
	return true
}

func (l *look) evaluate(c *condition, bit uint64, who *Subject) bool {
	l.evaluated |= bit
	var holds bool
	switch {
	case c.test >= allHold:
		holds = l.asks(c, who)
	case c.slot < slots:
		o := &l.seen.at[c.slot]
		if o.kind == unread {
			o.read(c, who)
		}
		holds = c.matches(o, who)
	default:
		var o operand
		o.read(c, who)
		holds = c.matches(&o, who)
	}
	if holds == c.negated {
		return false
	}
	l.holds |= bit
	return true
}

// asks evaluates a condition that compares no attribute, before negation.
func (l *look) asks(c *condition, who *Subject) bool {
	switch c.test {
	case allHold:
		return l.all(c.more.children, who)
	case anyHolds:
		for i := range c.more.children {
			if l.all(c.more.children[i:i+1], who) {
				return true
			}
		}
		return false
	case isMember:
		for _, i := range c.more.segments {
			if l.rules.segments[i].has(l, who) {
				return true
			}
		}
		return false
	case isServed:
		return c.serves(l.rules.flags[c.more.flag].prepared().decide(l.rules, l, who).outcome)
	default:
		in, _, _ := c.more.slice.has(who)
		return in
	}
}

// serves reports whether the outcome is one that the condition asks for.
func (c *condition) serves(o *Outcome) bool {
	if o.ErrorCode != "" {
		return false
	}
	if len(c.more.variants) > 0 {
		return slices.Contains(c.more.variants, o.Variant)
	}
	for i := range c.more.values {
		if c.more.values[i].equals(o.Value) {
			return true
		}
	}
	return false
}
