package jsonlogic

import (
	"cmp"
	"fmt"
	"strings"
)

// version is a semantic version (semver.org, 2.0.0) as far as precedence goes; minor and patch may be left out.
type version struct {
	numbers [3]string // without leading zeros
	pre     []string
}

// semVer compares two versions. Whatever is no version, and an operator that does not exist, makes it null.
func semVer(_ *frame, values any) (any, error) {
	l, _ := values.([]any)
	if len(l) != 3 {
		return nil, nil
	}
	a, isVersion := parseVersion(versionText(l[0]))
	b, areVersions := parseVersion(versionText(l[2]))
	operator, _ := l[1].(string)
	if !isVersion || !areVersions {
		return nil, nil
	}
	order := a.compare(b)
	switch operator {
	case "=":
		return order == 0, nil
	case "!=":
		return order != 0, nil
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	case ">=":
		return order >= 0, nil
	case "~":
		return a.numbers[0] == b.numbers[0] && a.numbers[1] == b.numbers[1], nil
	case "^":
		return a.numbers[0] == b.numbers[0], nil
	}
	return nil, nil
}

func versionText(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	return fmt.Sprint(value)
}

func parseVersion(text string) (v version, ok bool) {
	if rest, lower := strings.CutPrefix(text, "v"); lower {
		text = rest
	} else {
		text = strings.TrimPrefix(text, "V")
	}
	text, build, hasBuild := strings.Cut(text, "+")
	text, pre, hasPre := strings.Cut(text, "-")
	parts := strings.Split(text, ".")
	if len(parts) > 3 || len(parts) < 3 && (hasBuild || hasPre) || !every(parts, isNumeral) {
		return v, false
	}
	v.numbers = [3]string{"0", "0", "0"}
	copy(v.numbers[:], parts)
	if hasPre {
		v.pre = strings.Split(pre, ".")
	}
	if hasBuild && !every(strings.Split(build, "."), isIdentifier) {
		return v, false
	}
	return v, every(v.pre, func(p string) bool { return isNumeral(p) || isIdentifier(p) && !isNumber(p) })
}

func every(parts []string, is func(string) bool) bool {
	for _, p := range parts {
		if !is(p) {
			return false
		}
	}
	return true
}

// isNumeral is a number without leading zeros.
func isNumeral(text string) bool { return isNumber(text) && (len(text) == 1 || text[0] != '0') }

func isNumber(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

func isIdentifier(text string) bool {
	for i := range len(text) {
		c := text[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' {
			return false
		}
	}
	return text != ""
}

func (v version) compare(o version) int {
	for i := range v.numbers {
		if order := compareNumbers(v.numbers[i], o.numbers[i]); order != 0 {
			return order
		}
	}
	switch {
	case len(v.pre) == 0 && len(o.pre) == 0:
		return 0
	case len(v.pre) == 0:
		return 1
	case len(o.pre) == 0:
		return -1
	}
	for i := range min(len(v.pre), len(o.pre)) {
		if order := comparePre(v.pre[i], o.pre[i]); order != 0 {
			return order
		}
	}
	return cmp.Compare(len(v.pre), len(o.pre))
}

// compareNumbers compares decimal numbers of any length without leading zeros.
func compareNumbers(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// comparePre compares identifiers of pre-releases: numbers come before words.
func comparePre(a, b string) int {
	switch x, y := isNumber(a), isNumber(b); {
	case x && y:
		return compareNumbers(a, b)
	case x:
		return -1
	case y:
		return 1
	}
	return strings.Compare(a, b)
}
