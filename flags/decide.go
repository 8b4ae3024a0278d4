package flags

import "iter"

// Decide returns what the flag serves to the subject. It reads nothing but its arguments and allocates nothing, except
// the text of a number when a split goes by a numeric attribute.
func (r *Ruleset) Decide(key string, who Subject) Decision {
	if f := r.flags[key]; f != nil {
		return f.decide(&who)
	}
	return Decision{Outcome: &r.notFound}
}

// All yields every flag and its decision for the subject, sorted by key.
func (r *Ruleset) All(who Subject) iter.Seq2[string, Decision] {
	return func(yield func(string, Decision) bool) {
		for _, f := range r.ordered {
			if !yield(f.key, f.decide(&who)) {
				return
			}
		}
	}
}

func (f *compiledFlag) decide(who *Subject) Decision {
	if f.always != nil {
		return Decision{Outcome: f.always}
	}
	serve := &f.otherwise
	if len(f.rules) > 0 {
		serve = f.firstMatch(who)
	}
	if serve.split != nil {
		return serve.split.assign(who)
	}
	return Decision{Outcome: serve.fixed}
}

// firstMatch walks the rules.
func (f *compiledFlag) firstMatch(who *Subject) *compiledServe {
	l := look{who: who}
	for i := range f.rules {
		if r := &f.rules[i]; l.all(f, r.conditions) {
			return &r.serve
		}
	}
	return &f.otherwise
}

// look is what deciding one flag has found out about the subject so far. Rules tend to repeat themselves: a condition is
// evaluated once, however many rules have it, and an attribute is looked up once, however many conditions ask for it.
type look struct {
	who   *Subject
	known uint64 // the conditions that were evaluated, and of these
	holds uint64 // those that hold
	seen  operands
}

// all reports whether all the conditions hold. The first 64 conditions of a flag have a bit each; those beyond have none
// (the shift gives 0) and are evaluated every time.
func (l *look) all(f *compiledFlag, conditions []int) bool {
	for _, i := range conditions {
		bit := uint64(1) << i
		if l.known&bit == 0 {
			if !l.evaluate(&f.conditions[i], bit) {
				return false
			}
		} else if l.holds&bit == 0 {
			return false
		}
	}
	return true
}

func (l *look) evaluate(c *condition, bit uint64) bool {
	l.known |= bit
	if c.matches(l.seen.of(c, l.who)) == c.negated {
		return false
	}
	l.holds |= bit
	return true
}
