package flagdsync

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/assayhq/assay/flags"
)

// maxIDs is how many ids of a segment are written into the rules that ask for it.
const maxIDs = 10_000

// all holds when all conditions do.
func (e *exporter) all(conditions []flags.Condition) (any, error) {
	rules, err := e.each(conditions)
	if err != nil {
		return nil, err
	}
	return and(rules...), nil
}

func (e *exporter) each(conditions []flags.Condition) (out []any, err error) {
	for i := range conditions {
		rule, err := e.condition(&conditions[i])
		if err != nil {
			return nil, err
		}
		out = append(out, rule)
	}
	return out, nil
}

func (e *exporter) condition(c *flags.Condition) (any, error) {
	rule, err := e.positive(c)
	if err != nil || !c.Not {
		return rule, err
	}
	return op("!", rule), nil
}

// positive is the condition as it is without Not.
func (e *exporter) positive(c *flags.Condition) (any, error) {
	switch {
	case c.All != nil:
		return e.all(c.All)
	case c.Any != nil:
		rules, err := e.each(c.Any)
		if err != nil {
			return nil, err
		}
		return or(rules...), nil
	case c.Segments != nil:
		var members []any
		for _, key := range c.Segments {
			member, err := e.segment(key)
			if err != nil {
				return nil, err
			}
			members = append(members, member)
		}
		return or(members...), nil
	case c.Flag != "":
		return e.served(c)
	case c.Slice != nil:
		return e.slice(c.Slice)
	}
	return comparison(c)
}

func (e *exporter) segment(key string) (any, error) {
	s := e.segments[key]
	if s == nil {
		return nil, cannot("it asks for the segment %q, which is not there", key)
	}
	if n := s.Included.Len() + s.Excluded.Len(); n > maxIDs {
		return nil, cannot("the segment %q lists %d ids, and a rule of flagd's should not have more than %d", key, n, maxIDs)
	}
	if s.By != "" && s.By != flags.TargetingKey {
		if _, err := addressable(flags.ByPath(s.By)); err != nil {
			return nil, err
		}
	}
	var rules []any
	for i := range s.Rules {
		rule, err := e.all(s.Rules[i].If)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	var found any = false
	if len(rules) > 0 {
		found = or(rules...)
	}
	u := unitBy(s.By)
	if !s.Excluded.IsZero() {
		found = and(op("!", isListed(u, idsOf(s.Excluded))), found)
	}
	if !s.Included.IsZero() {
		found = or(isListed(u, idsOf(s.Included)), found)
	}
	return found, nil
}

func idsOf(ids flags.IDs) (out []string) {
	for id := range ids.All() {
		out = append(out, id)
	}
	return out
}

// served holds when another flag serves one of the variants, or one of the values. The other flag is written into the rule.
func (e *exporter) served(c *flags.Condition) (any, error) {
	variant, err := e.variant(c.Flag)
	if err != nil {
		return nil, err
	}
	var names []any
	for _, name := range c.Variants {
		names = append(names, name)
	}
	for _, v := range e.flags[c.Flag].Variants {
		for _, wanted := range c.Values {
			if len(c.Variants) == 0 && sameJSON(v.Value, wanted) {
				names = append(names, v.Key)
			}
		}
	}
	if len(names) == 0 {
		return false, nil
	}
	return op("in", variant, names), nil
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// comparison compares an attribute. A missing attribute, or one of another type, makes it false, as in the engine.
func comparison(c *flags.Condition) (any, error) {
	path, err := addressable(c.Attribute, c.Path)
	if err != nil {
		return nil, err
	}
	if c.IgnoreCase {
		return nil, cannot("flagd cannot ignore case")
	}
	v := variable(path)
	values, err := scalars(c.Values)
	if err != nil {
		return nil, err
	}
	plain, negated := positiveOf(c.Operator)
	var rule any
	if c.Elements {
		rule, err = compareElement(variable(""), plain, values)
		rule = and(exists(v), op("some", op("merge", v), rule)) // a scalar is a list of one
	} else {
		rule, err = compare(v, plain, values)
	}
	if negated {
		rule = op("!", rule)
	}
	return rule, err
}

func scalars(raw []json.RawMessage) ([]any, error) {
	out := make([]any, len(raw))
	for i, r := range raw {
		if err := json.Unmarshal(r, &out[i]); err != nil {
			return nil, fmt.Errorf("the value %s is no JSON: %w", r, err)
		}
	}
	return out, nil
}

// positiveOf is the operator that a negated one turns round.
func positiveOf(o flags.Operator) (flags.Operator, bool) {
	switch o {
	case flags.NotEquals, flags.NotIn:
		return flags.In, true
	case flags.NotContains:
		return flags.Contains, true
	case flags.NotStartsWith:
		return flags.StartsWith, true
	case flags.NotEndsWith:
		return flags.EndsWith, true
	case flags.NotMatches:
		return flags.Matches, true
	case flags.NotExists:
		return flags.Exists, true
	case flags.HasNone:
		return flags.HasAny, true
	}
	return o, false
}

func compare(v any, o flags.Operator, values []any) (any, error) {
	switch o {
	case flags.Equals, flags.In:
		return equals(v, values), nil
	case flags.Contains:
		return and(append(isText(v), anyOf(values, func(text any) any { return op("in", text, v) }))...), nil
	case flags.StartsWith:
		return and(append(isText(v), anyOf(values, func(text any) any { return op("starts_with", v, text) }))...), nil
	case flags.EndsWith:
		return and(append(isText(v), anyOf(values, func(text any) any { return op("ends_with", v, text) }))...), nil
	case flags.Exists:
		return exists(v), nil
	case flags.IsEmpty:
		// What is not true, and neither 0 nor false: nothing, the empty text, the empty list.
		return and(op("!", v), op("!==", v, 0), op("!==", v, false)), nil
	case flags.HasAny, flags.HasAll, flags.HasOnly, flags.HasExactly:
		return compareLists(v, o, values)
	case flags.VersionEquals, flags.VersionGreater, flags.VersionGreaterOrEqual, flags.VersionLess, flags.VersionLessOrEqual:
		return compareVersions(v, o, values)
	}
	return compareNumbers(v, o, values)
}

func exists(v any) any {
	there := op("!==", v, nil)
	if reflect.DeepEqual(v, variable(flags.TargetingKey)) {
		return and(there, op("!==", v, "")) // an empty targeting key is none
	}
	return there
}

func anyOf(values []any, rule func(value any) any) any {
	out := make([]any, len(values))
	for i, value := range values {
		out[i] = rule(value)
	}
	return or(out...)
}

// fewValues are compared one by one; more are a list.
const fewValues = 4

// equals compares without converting. In a list flagd would convert texts to numbers, so lists have one type each.
func equals(v any, values []any) any {
	var texts, numbers, all []any
	for _, value := range values {
		switch value.(type) {
		case string:
			texts = append(texts, value)
		case float64:
			numbers = append(numbers, value)
		default:
			all = append(all, op("===", v, value))
		}
	}
	for _, list := range [][]any{texts, numbers} {
		if len(list) <= fewValues {
			for _, value := range list {
				all = append(all, op("===", v, value))
			}
			continue
		}
		in := op("in", v, list)
		if _, isTexts := list[0].(string); isTexts {
			in = and(append(isText(v), in)...)
		}
		all = append(all, in)
	}
	return or(all...)
}

func compareNumbers(v any, o flags.Operator, values []any) (any, error) {
	var rule any
	switch o {
	case flags.Greater:
		rule = op(">", v, values[0])
	case flags.GreaterOrEqual:
		rule = op(">=", v, values[0])
	case flags.Less:
		rule = op("<", v, values[0])
	case flags.LessOrEqual:
		rule = op("<=", v, values[0])
	case flags.Between:
		rule = and(op(">=", v, values[0]), op("<=", v, values[1]))
	case flags.Modulo:
		rule = op("===", op("%", v, values[0]), values[1])
	default:
		return nil, cannot("flagd has nothing like the operator %s", o)
	}
	return and(append(isNumber(v), rule)...), nil
}

func compareVersions(v any, o flags.Operator, values []any) (any, error) {
	sign := map[flags.Operator]string{
		flags.VersionEquals: "=", flags.VersionGreater: ">", flags.VersionGreaterOrEqual: ">=", flags.VersionLess: "<", flags.VersionLessOrEqual: "<=",
	}[o]
	rules := make([]any, len(values))
	for i, value := range values {
		text, _ := value.(string)
		full, ok := fullVersion(text)
		if !ok {
			return nil, cannot("flagd does not take %q for a version", text)
		}
		rules[i] = op("sem_ver", v, sign, full)
	}
	return and(append(isText(v), or(rules...))...), nil
}

// fullVersion is a version as flagd's schema wants it, with all three numbers.
func fullVersion(text string) (string, bool) {
	text = strings.TrimPrefix(strings.TrimPrefix(text, "v"), "V")
	numbers, rest := text, ""
	if i := strings.IndexAny(text, "-+"); i >= 0 {
		numbers, rest = text[:i], text[i:]
	}
	parts := strings.Split(numbers, ".")
	for _, p := range parts {
		if p == "" || strings.Trim(p, "0123456789") != "" || len(p) > 1 && p[0] == '0' {
			return "", false
		}
	}
	if len(parts) > 3 || len(parts) < 3 && rest != "" {
		return "", false
	}
	for len(parts) < 3 {
		parts = append(parts, "0")
	}
	return strings.Join(parts, ".") + rest, true
}

// compareLists looks through a list; a scalar is a list of one.
func compareLists(v any, o flags.Operator, values []any) (any, error) {
	list, element := op("merge", v), variable("")
	hasAll := func() any {
		all := []any{exists(v)}
		for _, value := range values {
			all = append(all, op("some", list, op("===", element, value)))
		}
		return and(all...)
	}
	// No element is none of the values; of an empty list none is.
	hasOnly := and(exists(v), op("none", list, op("!", equals(element, values))))
	switch o {
	case flags.HasAny:
		return and(exists(v), op("some", list, equals(element, values))), nil
	case flags.HasAll:
		return hasAll(), nil
	case flags.HasOnly:
		return hasOnly, nil
	default:
		return and(hasAll(), hasOnly), nil
	}
}
