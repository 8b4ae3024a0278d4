package flagdsync

import (
	"slices"
	"strings"

	"github.com/assayhq/assay/flags"
)

// op is an operation of JSONLogic.
func op(name string, arguments ...any) any { return map[string]any{name: arguments} }

func and(all ...any) any {
	if len(all) == 1 {
		return all[0]
	}
	return op("and", all...)
}

func or(all ...any) any {
	if len(all) == 1 {
		return all[0]
	}
	return op("or", all...)
}

func variable(path string) any { return map[string]any{"var": path} }

// Types are told apart by operators that neither fail nor log, whatever they are given: starts_with would, once for each
// evaluation in which an attribute is missing, and == fails on lists in JavaScript. A list equals not even itself in Go; cat
// makes a text of a number and leaves a text as it is.
func isTextOrNumber(v any) []any {
	return []any{op("!==", v, nil), op("!==", v, true), op("!==", v, false), op("===", v, v)}
}

// isText holds for texts alone.
func isText(v any) []any { return append(isTextOrNumber(v), op("===", op("cat", v), v)) }

// isNumber holds for numbers, and in JavaScript for lists and objects, which comparisons with numbers then fail on.
func isNumber(v any) []any { return append(isTextOrNumber(v), op("!==", op("cat", v), v)) }

// unit is the id that a split goes by.
type unit struct {
	known any // whether there is one
	text  any // what cat makes an id of
}

const maxSafe = 1 << 53

// unitBy is the targeting key, or an attribute: a text as it is, or a whole number in decimal.
func unitBy(attribute string) unit {
	if attribute == "" || attribute == flags.TargetingKey {
		key := variable(flags.TargetingKey)
		return unit{known: op("!!", key), text: key}
	}
	attribute, path := flags.ByPath(attribute)
	v := variable(strings.Join(append([]string{attribute}, path...), "."))
	text := and(append(isText(v), op("!==", v, ""))...)
	number := and(append(isNumber(v), op("<=", -maxSafe, v, maxSafe), op("===", op("%", v, 1), 0))...)
	return unit{known: or(text, number), text: v}
}

// addressable refuses attributes that var would take for a path or for flagd's own.
func addressable(attribute string, path []string) (string, error) {
	for _, part := range append([]string{attribute}, path...) {
		if part == "" || strings.Contains(part, ".") || strings.HasPrefix(part, "$flagd") {
			return "", cannot("flagd cannot name the attribute %q", part)
		}
	}
	return strings.Join(append([]string{attribute}, path...), "."), nil
}

// isListed holds for the units in the list.
func isListed(u unit, ids []string) any {
	list := make([]any, len(ids))
	for i, id := range ids {
		list[i] = id
	}
	return and(u.known, op("in", op("cat", u.text), list))
}

// hashed is what fractional hashes: exactly salt + unit id.
func hashed(algorithm, salt, by, reading string) (u unit, key any, err error) {
	switch {
	case algorithm != flags.BucketingV1 && algorithm != flags.FlagdV2:
		return u, nil, cannot("it assigns units by the algorithm %s, and flagd has %s alone", algorithm, flags.BucketingV1)
	case reading != "":
		return u, nil, cannot("it reads unit ids as %s, and flagd as UTF-8", reading)
	case strings.TrimLeft(salt, " \t\r\n\v\f\u0085\u00a0") != salt:
		return u, nil, cannot("its salt begins with white space, which flagd cuts off")
	}
	if by != "" {
		if _, err := addressable(flags.ByPath(by)); err != nil {
			return u, nil, err
		}
	}
	u = unitBy(by)
	if salt == "" {
		return u, op("cat", u.text), nil
	}
	return u, op("cat", salt, u.text), nil
}

// split is a rule for the variant of a unit. A subject without unit id is an error, as here.
func split(f *flags.Flag, s *flags.Split) (any, error) {
	u, key, err := hashed(s.Algorithm, s.Salt, s.By, s.Strings)
	if err != nil {
		return nil, err
	}
	arguments := []any{key}
	for _, w := range s.Weights {
		arguments = append(arguments, []any{w.Variant, w.Weight})
	}
	divided := op("fractional", arguments...)
	if len(s.Weights) == 1 {
		divided = s.Weights[0].Variant
	}
	return op("if", u.known, divided, nameless(f, "targeting key missing")), nil
}

func serve(f *flags.Flag, s flags.Serve) (any, error) {
	if s.Split != nil {
		return split(f, s.Split)
	}
	return s.Variant, nil
}

// slice holds for the units in it.
func (e *exporter) slice(s *flags.Slice) (any, error) {
	u, key, err := hashed(s.Algorithm, s.Salt, s.By, s.Strings)
	if err != nil {
		return nil, err
	}
	ranges := slices.Clone(s.Ranges)
	slices.SortFunc(ranges, func(a, b flags.Range) int { return int(int64(a.From) - int64(b.From)) })
	arguments := []any{key}
	part := func(name string, weight uint32) {
		if weight > 0 {
			arguments = append(arguments, []any{name, weight})
		}
	}
	at := uint32(0)
	for _, r := range ranges {
		from := max(at, r.From)
		if to := min(r.To, s.Total); from < to {
			part("out", from-at)
			part("in", to-from)
			at = to
		}
	}
	if at == 0 {
		return false, nil
	}
	part("out", s.Total-at)
	if len(arguments) == 2 {
		return u.known, nil // all units
	}
	return and(u.known, op("===", op("fractional", arguments...), "in")), nil
}
