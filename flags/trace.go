package flags

import (
	"encoding/json"
	"strconv"
)

func ordinal(n int) string { return strconv.Itoa(n) }

// conditions traces compiled conditions beside what they were compiled from.
func (e *explainer) conditions(compiled []int, source []Condition) []ConditionTrace {
	return traceAll(&e.look, e.who, compiled, source)
}

func traceAll(l *look, who *Subject, compiled []int, source []Condition) []ConditionTrace {
	out := make([]ConditionTrace, len(compiled))
	for n := range compiled {
		out[n] = traceOne(l, who, compiled[n:n+1], &source[n])
	}
	return out
}

func traceOne(l *look, who *Subject, place []int, source *Condition) ConditionTrace {
	c := &l.program.conditions[place[0]]
	out := ConditionTrace{Condition: *source, Holds: l.all(place, who)}
	switch {
	case c.test < allHold:
		out.Found = found(c, who)
	case source.All != nil:
		out.All, out.Group, out.Parts = nil, "all", traceAll(l, who, c.more.children, source.All)
	case source.Any != nil:
		out.Any, out.Group, out.Parts = nil, "any", traceAll(l, who, c.more.children, source.Any)
	case c.test == isMember:
		for _, i := range c.more.segments {
			out.Members = append(out.Members, l.rules.segments[i].trace(l.rules, who))
		}
	case c.test == isServed:
		serves := servesOf(l.rules.flags[c.more.flag].prepared().decide(l.rules, l, who).outcome)
		out.Asked = &serves
	default:
		trace := traceSlice(c.more.slice, who)
		out.Bucket = &trace
	}
	return out
}

// found is the attribute as JSON.
func found(c *condition, who *Subject) json.RawMessage {
	value := any(who.key())
	if !c.isKey {
		value = c.valueOf(who)
	}
	if value == nil || value == "" && c.isKey {
		return nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil // it has no JSON, so nobody could read it
	}
	return text
}

func (s *compiledSegment) trace(r *Ruleset, who *Subject) Membership {
	l := look{rules: r}
	out := Membership{Segment: s.key, Revision: s.revision, Member: s.has(&l, who), Why: "no rule"}
	unit := s.by.unit(who)
	switch {
	case unit != "" && s.included.Has(unit):
		out.Why = "included"
	case unit != "" && s.excluded.Has(unit):
		out.Why = "excluded"
	default:
		l.begin(&s.program)
		for i := range s.rules {
			if l.all(s.rules[i].conditions, who) {
				out.Why, out.Rule = "rule", s.rules[i].id
				break
			}
		}
	}
	return out
}

func (e *explainer) slice(s *compiledSlice) BucketTrace { return traceSlice(s, e.who) }

func traceSlice(s *compiledSlice, who *Subject) BucketTrace {
	out := s.trace()
	out.In, out.UnitID, out.Bucket = s.has(who)
	for _, r := range s.ranges {
		one := compiledSlice{hashing: s.hashing, ranges: []Range{r}}
		if s.kind == shaFloat32 {
			one.shares = []float32{float32(r.From) / float32(s.total), float32(r.To) / float32(s.total)}
		}
		here, _, _ := one.has(who)
		out.Ranges = append(out.Ranges, RangeTrace{From: r.From, To: r.To, Here: here})
	}
	return out
}

// split is nil when the step serves no split.
func (e *explainer) split(s *compiledSplit) *BucketTrace {
	if s == nil {
		return nil
	}
	out := s.whole.trace()
	v := s.assign(e.who)
	out.UnitID, out.Bucket, out.In = v.unit, v.bucket, v.outcome.ErrorCode == ""
	here := -1
	if v.unit != "" {
		here, _ = s.whole.place(v.unit)
	}
	from := uint32(0)
	for i, p := range s.whole.parts {
		out.Ranges = append(out.Ranges, RangeTrace{From: from, To: p.end, Variant: p.serve.Variant, Here: i == here})
		from = p.end
	}
	return &out
}

func (h *hashing) trace() BucketTrace {
	return BucketTrace{Algorithm: h.name, Salt: h.given, By: orKey(h.named), Total: h.total}
}
