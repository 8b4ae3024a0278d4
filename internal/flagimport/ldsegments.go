package flagimport

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/assayhq/assay/flags"
)

type ldSegment struct {
	Salt             string     `json:"salt"`
	Included         []string   `json:"included"`
	Excluded         []string   `json:"excluded"`
	IncludedContexts []ldTarget `json:"includedContexts"`
	ExcludedContexts []ldTarget `json:"excludedContexts"`
	Unbounded        bool       `json:"unbounded"`
	Rules            []struct {
		Clauses            []ldClause `json:"clauses"`
		Weight             *int       `json:"weight"`
		BucketBy           string     `json:"bucketBy"`
		RolloutContextKind string     `json:"rolloutContextKind"`
	} `json:"rules"`
}

// segment becomes a segment here: its lists of users are lists, the rest are rules. Where it lists other kinds of contexts, the
// lists are rules, too, because one list here is of one kind of ids.
func (l *ldImport) segment(key string, text json.RawMessage) error {
	var from ldSegment
	if err := json.Unmarshal(text, &from); err != nil {
		return fmt.Errorf("it cannot be read: %w", err)
	}
	if from.Unbounded {
		return errors.New("it is a big segment, whose members are not in the file but in a store of their own; make a segment of this key with the members, as ids, and import again")
	}
	out := Segment{Key: key, Rules: []SegmentRule{}, Included: unique(from.Included, nil), Excluded: unique(from.Excluded, from.Included)}
	var included, excluded []flags.Condition
	for _, t := range from.IncludedContexts {
		included = append(included, l.contexts(t))
	}
	for _, t := range from.ExcludedContexts {
		excluded = append(excluded, l.contexts(t))
	}
	some := rules{}
	if len(included) > 0 {
		// Contexts that are included count before users that are excluded, and lists of a segment before its rules.
		excluded = append(excluded, l.keys("", out.Excluded))
		out.Excluded = nil
		some.add("included", "", anyOf(included...), Serve{})
	}
	in := not(anyOf(excluded...))
	for i, r := range from.Rules {
		condition, err := l.clauses(r.Clauses)
		if err != nil {
			return fmt.Errorf("its rule %d %w", i+1, err)
		}
		weighed, err := l.weight(key, from.Salt, r.Weight, r.RolloutContextKind, r.BucketBy)
		if err != nil {
			return fmt.Errorf("its rule %d %w", i+1, err)
		}
		some.add("", "", allOf(in, condition, weighed), Serve{})
	}
	for _, r := range some {
		out.Rules = append(out.Rules, SegmentRule{ID: r.ID, If: r.If})
	}
	l.out.Segments = append(l.out.Segments, out)
	return nil
}

// contexts holds for those that a list of contexts names. For a context of users alone LaunchDarkly looks at the list of users
// only, and of other kinds such a context has none.
func (l *ldImport) contexts(t ldTarget) flags.Condition { return l.keys(t.ContextKind, t.Values) }

func unique(ids, without []string) []string {
	skip := map[string]bool{"": true}
	for _, id := range without {
		skip[id] = true
	}
	var out []string
	for _, id := range ids {
		if !skip[id] {
			skip[id] = true
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// weight holds for the part of those who meet a rule that the rule takes. Whose unit is not known is in the bucket 0, but no
// context without the kind is in.
func (l *ldImport) weight(key, salt string, weight *int, kind, bucketBy string) (flags.Condition, error) {
	if weight == nil {
		return always(), nil
	}
	r := ldRollout{ContextKind: kind, BucketBy: bucketBy}
	by, err := r.by()
	if err != nil {
		return never(), err
	}
	part := flags.Slice{Algorithm: flags.LaunchDarklyV1, Salt: key + "." + salt, Total: ldTotal, By: by.by()}
	most := min(max(*weight, 0), ldTotal)
	in := slice(part, 0, most)
	if most == 0 || by.attribute == theKey.attribute {
		return in, nil
	}
	there := []flags.Condition{in, not(l.isUnit(by))}
	if ldShare(part.Salt+".") < float32(most)/ldTotal {
		there = append(there, by.is(flags.Equals, ""))
	}
	return allOf(l.present(kind), anyOf(there...)), nil
}
