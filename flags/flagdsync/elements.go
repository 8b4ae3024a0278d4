package flagdsync

import (
	"unicode/utf8"

	"github.com/assayhq/assay/flags"
)

// compareElement compares an element of a list. There flagd's own operators fail in its JavaScript evaluator, which expects the whole
// context around them: the ends of texts are cut off and compared, and for versions there is no other way.
func compareElement(v any, o flags.Operator, values []any) (any, error) {
	switch o {
	case flags.StartsWith, flags.EndsWith:
		var ends []any
		for _, value := range values {
			text, _ := value.(string)
			ends = append(ends, hasEnd(v, o, text))
			for _, r := range text {
				if r > 0xffff {
					return nil, cannot("flagd's evaluators count characters beyond U+FFFF differently at the ends of a list's elements")
				}
			}
		}
		return and(append(isText(v), or(ends...))...), nil
	case flags.VersionEquals, flags.VersionGreater, flags.VersionGreaterOrEqual, flags.VersionLess, flags.VersionLessOrEqual:
		return nil, cannot("flagd's JavaScript evaluator cannot compare versions in a list")
	}
	return compare(v, o, values)
}

// hasEnd reports whether a text starts or ends with another one.
func hasEnd(v any, o flags.Operator, text string) any {
	n := utf8.RuneCountInString(text)
	switch {
	case n == 0:
		return true
	case o == flags.StartsWith:
		return op("===", op("substr", v, 0, n), text)
	}
	return op("===", op("substr", v, -n), text)
}
