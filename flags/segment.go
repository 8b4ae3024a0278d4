package flags

import "fmt"

// compiledSegment is a segment ready to be asked.
type compiledSegment struct {
	included IDs
	excluded IDs
	by       by
	rules    []compiledRule // only their conditions
	program
	linked
	key      string
	revision uint64
	problem  string
}

func compileSegment(s *Segment, links linker) *compiledSegment {
	out := &compiledSegment{key: s.Key, revision: s.Revision, by: newBy(s.By), included: s.Included, excluded: s.Excluded}
	p := newProgrammer(links)
	for _, r := range s.Rules {
		conditions, err := p.addAll(r.If)
		if err == nil && len(conditions) == 0 {
			err = errNothing
		}
		if err == nil && len(p.flags) > 0 {
			err = fmt.Errorf("a segment cannot depend on flags")
		}
		if err != nil {
			out.problem = fmt.Sprintf("rule %q: %v", r.ID, err)
			break
		}
		out.rules = append(out.rules, compiledRule{bits: bitsOf(conditions), listed: &listed{id: r.ID, conditions: conditions}})
	}
	out.program, out.linked = p.finished(), p.linked
	if !out.included.IsZero() || !out.excluded.IsZero() {
		out.attributes = append(out.attributes, orKey(out.by.attribute))
	}
	return out
}

// has reports whether the subject is a member.
func (s *compiledSegment) has(l *look, who *Subject) bool {
	if in, out := s.lists(who); in || out || len(s.rules) == 0 {
		return in
	}
	return s.ruled(l, who)
}

// hasAlone is has when nothing was found out about the subject before.
func (s *compiledSegment) hasAlone(r *Ruleset, who *Subject) bool {
	in, out := s.lists(who)
	if in || out || len(s.rules) == 0 {
		return in
	}
	own := look{rules: r}
	return s.ruled(&own, who)
}

// lists reports whether the lists say that the subject is a member, or that it is not.
func (s *compiledSegment) lists(who *Subject) (in, out bool) {
	if s.included.set == nil && s.excluded.set == nil {
		return false, false
	}
	unit := s.by.unit(who)
	if unit == "" {
		return false, false
	}
	in = s.included.set != nil && s.included.set.has(unit)
	return in, !in && s.excluded.set != nil && s.excluded.set.has(unit)
}

// ruled reports whether one of the rules says that the subject is a member.
func (s *compiledSegment) ruled(l *look, who *Subject) bool {
	asker := l.begin(&s.program)
	member := false
	for i := 0; i < len(s.rules) && !member; i++ {
		member = l.holdsFor(&s.rules[i], who)
	}
	l.resume(asker)
	return member
}
