package flags

import (
	"iter"
	"math"
	"strconv"
)

// Decide returns what the flag serves to the subject. It reads nothing but its arguments and allocates nothing, except
// the text of a number when a split goes by a numeric attribute.
func (r *Ruleset) Decide(key string, who Subject) Decision {
	f, ok := r.flags[key]
	if !ok {
		return Decision{Reason: Error, ErrorCode: FlagNotFound, Revision: r.revision}
	}
	var d Decision
	f.decide(&who, &d)
	d.Revision = r.revision
	return d
}

// All yields every flag and its decision for the subject, sorted by key.
func (r *Ruleset) All(who Subject) iter.Seq2[string, Decision] {
	return func(yield func(string, Decision) bool) {
		for _, f := range r.ordered {
			var d Decision
			f.decide(&who, &d)
			d.Revision = r.revision
			if !yield(f.key, d) {
				return
			}
		}
	}
}

func (f *compiledFlag) decide(who *Subject, d *Decision) {
	d.FlagRevision = f.revision
	switch {
	case f.broken:
		d.Reason, d.ErrorCode = Error, ParseError
		return
	case !f.on:
		f.variant(d, f.off, Disabled)
		return
	}
	for i := range f.rules {
		if r := &f.rules[i]; r.matches(who) {
			d.Rule = r.id
			f.give(&r.serve, who, d, TargetingMatch)
			return
		}
	}
	if f.experiment != nil {
		f.assign(f.experiment, who, d)
		return
	}
	f.give(&f.def, who, d, f.otherwise)
}

func (r *compiledRule) matches(who *Subject) bool {
	for i := range r.conditions {
		if !r.conditions[i].holds(who) {
			return false
		}
	}
	return true
}

func (f *compiledFlag) give(s *compiledServe, who *Subject, d *Decision, reason Reason) {
	if s.split != nil {
		f.assign(s.split, who, d)
		return
	}
	f.variant(d, s.variant, reason)
}

func (f *compiledFlag) variant(d *Decision, i int, reason Reason) {
	d.Variant, d.Value, d.Reason = f.variants[i].Key, f.values[i], reason
}

// assign finds the variant whose range holds the unit's bucket. A unit that is not known is in no range.
func (f *compiledFlag) assign(s *compiledSplit, who *Subject, d *Decision) {
	unit := who.Key
	if s.by != "" {
		unit = unitOf(who.Attributes[s.by])
	}
	if unit == "" {
		d.Reason, d.ErrorCode = Error, TargetingKeyMissing
		return
	}
	bucket := bucketOf(s.salted, unit, s.total)
	i := 0
	for bucket >= s.ends[i] {
		i++
	}
	f.variant(d, s.variants[i], SplitReason)
	d.UnitID, d.Algorithm, d.Bucket, d.Total = unit, s.algorithm, bucket, s.total
	d.Experiment, d.Unit = s.experiment, s.unit
}

// unitOf is an attribute as a unit id: a text as it is, a whole number in decimal, nothing else.
func unitOf(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	if n, ok := numberOf(value); ok && n == math.Trunc(n) && math.Abs(n) <= 1<<53 {
		return strconv.FormatInt(int64(n), 10)
	}
	return ""
}
