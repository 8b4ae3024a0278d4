package flagimport

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/assayhq/assay/flags"
)

type ldClause struct {
	ContextKind string            `json:"contextKind"`
	Attribute   string            `json:"attribute"`
	Op          string            `json:"op"`
	Values      []json.RawMessage `json:"values"`
	Negate      bool              `json:"negate"`
}

// clauses hold when all do.
func (l *ldImport) clauses(all []ldClause) (flags.Condition, error) {
	out := []flags.Condition{}
	for _, c := range all {
		condition, err := l.clause(c)
		if err != nil {
			return never(), err
		}
		out = append(out, condition)
	}
	return allOf(out...), nil
}

// clause says the same as a clause: a missing attribute makes it false, also when it is negated, but being in a segment is never
// missing.
func (l *ldImport) clause(c ldClause) (flags.Condition, error) {
	if c.Op == "segmentMatch" {
		return negatedIf(c.Negate, l.members(c.Values)), nil
	}
	if c.Attribute == "kind" {
		return ldKind(c)
	}
	at, err := ldAttribute(c.ContextKind, c.Attribute)
	if err != nil {
		return never(), err
	}
	if isAnonymous(c) {
		return l.anonymous(c, at)
	}
	matches, err := ldMatches(at, c)
	if err != nil || !c.Negate {
		return matches, err
	}
	return allOf(at.exists(), not(matches)), nil
}

func negatedIf(negated bool, c flags.Condition) flags.Condition {
	if negated {
		return not(c)
	}
	return c
}

// members holds for the members of one of the segments; there is no member of one that is not there.
func (l *ldImport) members(keys []json.RawMessage) flags.Condition {
	var all []string
	for _, raw := range keys {
		var key string
		if json.Unmarshal(raw, &key) == nil && l.segments[key] != nil && !slices.Contains(all, key) {
			all = append(all, key)
		}
	}
	if len(all) == 0 {
		return never()
	}
	return flags.Condition{Segments: all}
}

// ldKind is about the kinds that the context has.
func ldKind(c ldClause) (flags.Condition, error) {
	if c.Op != "in" {
		return never(), fmt.Errorf("compares kinds of contexts by %s, and here only a list of kinds can be asked for", c.Op)
	}
	any := []flags.Condition{}
	for _, raw := range c.Values {
		var kind string
		if json.Unmarshal(raw, &kind) == nil && kind != "" {
			any = append(any, ldKey(kind).exists())
		}
	}
	return negatedIf(c.Negate, anyOf(any...)), nil
}

func isAnonymous(c ldClause) bool {
	return c.Attribute == "anonymous" || c.ContextKind != "" && c.Attribute == "/anonymous"
}

// anonymous knows that whoever does not say to be anonymous is not.
func (l *ldImport) anonymous(c ldClause, at where) (flags.Condition, error) {
	if c.Op != "in" {
		return never(), fmt.Errorf("compares anonymous by %s, and here it is true or not", c.Op)
	}
	any := []flags.Condition{}
	for _, raw := range c.Values {
		switch string(raw) {
		case "true":
			any = append(any, at.is(flags.Equals, true))
		case "false":
			any = append(any, not(at.is(flags.Equals, true)))
		}
	}
	return allOf(l.present(c.ContextKind), negatedIf(c.Negate, anyOf(any...))), nil
}

// ldMatches holds where one of the clause's values matches the attribute, or one of its elements. A value of a type that the
// operator has no use for matches nothing.
func ldMatches(at where, c ldClause) (flags.Condition, error) {
	var texts, numbers, all []any
	for _, raw := range c.Values {
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return never(), fmt.Errorf("has a value that cannot be read: %w", err)
		}
		switch v := value.(type) {
		case string:
			texts, all = append(texts, v), append(all, v)
		case float64:
			numbers, all = append(numbers, v), append(all, v)
		case bool:
			all = append(all, v)
		default:
			if c.Op == "in" {
				return never(), fmt.Errorf("compares %s with %s, and conditions here compare with texts, numbers and booleans", c.Attribute, raw)
			}
		}
	}
	switch c.Op {
	case "in":
		return at.is(flags.HasAny, all...), nil
	case "startsWith":
		return inElements(at.is(flags.StartsWith, texts...)), nil
	case "endsWith":
		return inElements(at.is(flags.EndsWith, texts...)), nil
	case "contains":
		return inElements(at.is(flags.Contains, texts...)), nil
	case "matches":
		return inElements(at.is(flags.Matches, patterns(texts)...)), nil
	case "lessThan":
		return ldNumbers(at, flags.Less, numbers), nil
	case "lessThanOrEqual":
		return ldNumbers(at, flags.LessOrEqual, numbers), nil
	case "greaterThan":
		return ldNumbers(at, flags.Greater, numbers), nil
	case "greaterThanOrEqual":
		return ldNumbers(at, flags.GreaterOrEqual, numbers), nil
	case "before":
		return ldTimes(at, flags.Before, flags.Less, all), nil
	case "after":
		return ldTimes(at, flags.After, flags.GreaterOrEqual, all), nil
	case "semVerEqual":
		return ldVersions(at, flags.VersionEquals, texts), nil
	case "semVerLessThan":
		return ldVersions(at, flags.VersionLess, texts), nil
	case "semVerGreaterThan":
		return ldVersions(at, flags.VersionGreater, texts), nil
	}
	return never(), nil // an operator that LaunchDarkly does not know matches nothing
}

func ldNumbers(at where, o flags.Operator, numbers []any) flags.Condition {
	var out []flags.Condition
	for _, n := range numbers {
		out = append(out, inElements(at.is(o, n)))
	}
	return anyOf(out...)
}

// ldTimes compares times: a number is one in milliseconds, of the attribute too, and so it is compared as a number. A list may
// match by two elements, one that is read and one that has the form; neither LaunchDarkly nor people have such lists.
func ldTimes(at where, byTime, byNumber flags.Operator, values []any) flags.Condition {
	var out []flags.Condition
	for _, v := range values {
		t, ok := ldTime(v)
		if !ok {
			continue
		}
		text := t.UTC().Format(time.RFC3339Nano)
		out = append(out,
			allOf(inElements(at.is(byTime, text)), inElements(at.is(flags.Matches, rfc3339))),
			inElements(at.is(byNumber, ldMilliseconds(t, byTime))),
		)
	}
	return anyOf(out...)
}

// ldMilliseconds is the first whole number of milliseconds that is not before the time, or the first that is after it.
func ldMilliseconds(t time.Time, byTime flags.Operator) int64 {
	ms := t.UnixMilli()
	if byTime == flags.After || t.After(time.UnixMilli(ms)) {
		ms++
	}
	return ms
}

// rfc3339 is the times that are texts: the comparison here knows dates alone, too.
const rfc3339 = `^\d{4}-\d\d-\d\d[Tt]\d`

func ldTime(value any) (time.Time, bool) {
	switch v := value.(type) {
	case string:
		t, err := time.Parse(time.RFC3339, strings.ToUpper(v))
		return t, err == nil
	case float64:
		return time.UnixMilli(int64(v)), math.Abs(v) <= maxWhole
	}
	return time.Time{}, false
}

// semver is what LaunchDarkly takes for versions, those without minor or patch numbers included: other than here there is no v
// before them, and no space around them.
const semver = `^[0-9]\S*$`

func ldVersions(at where, o flags.Operator, texts []any) flags.Condition {
	var out []flags.Condition
	for _, t := range texts {
		if text, _ := t.(string); isVersion(text) {
			out = append(out, allOf(inElements(at.is(o, text)), inElements(at.is(flags.Matches, semver))))
		}
	}
	return anyOf(out...)
}
