package flags

import "fmt"

// compiledSegment is a segment ready to be asked.
type compiledSegment struct {
	program
	linked
	key      string
	revision uint64
	by       by
	included IDs
	excluded IDs
	rules    []compiledRule // only their conditions
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
		out.rules = append(out.rules, compiledRule{id: r.ID, conditions: conditions, bits: bitsOf(conditions)})
	}
	out.program, out.linked = p.program, p.linked
	if !out.included.IsZero() || !out.excluded.IsZero() {
		out.attributes = append(out.attributes, orKey(out.by.attribute))
	}
	return out
}

// has reports whether the subject is a member.
func (s *compiledSegment) has(l *look, who *Subject) bool {
	if s.included.set != nil || s.excluded.set != nil {
		if unit := s.by.unit(who); unit != "" {
			if s.included.Has(unit) {
				return true
			}
			if s.excluded.Has(unit) {
				return false
			}
		}
	}
	if len(s.rules) == 0 {
		return false
	}
	asker := l.begin(&s.program)
	member := false
	for i := 0; i < len(s.rules) && !member; i++ {
		member = l.holdsFor(&s.rules[i], who)
	}
	l.resume(asker)
	return member
}
