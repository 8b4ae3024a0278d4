package flags

import (
	"cmp"
	"fmt"
	"strings"
)

// version is a version of semver.org 2.0.0; pre is empty for a release.
type version struct {
	parts [3]uint64
	given int // how many of the parts were written
	pre   string
}

// parseVersion reads "1.2.3-rc.1+build", "v1.2", "1".
func parseVersion(s string) (v version, ok bool) {
	s = strings.TrimSpace(s)
	if s != "" && (s[0] == 'v' || s[0] == 'V') {
		s = s[1:]
	}
	s, build, built := strings.Cut(s, "+")
	if built && !identifiers(build, false) {
		return v, false
	}
	s, pre, isPre := strings.Cut(s, "-")
	if isPre && !identifiers(pre, true) {
		return v, false
	}
	v.pre = pre
	for more := true; more; v.given++ {
		var part string
		part, s, more = strings.Cut(s, ".")
		if v.given == len(v.parts) {
			return v, false
		}
		if v.parts[v.given], ok = parseNumber(part); !ok {
			return v, false
		}
	}
	return v, true
}

// parseNumber reads a number of a version: digits without leading zeros, below 10^18.
func parseNumber(s string) (n uint64, ok bool) {
	if s == "" || len(s) > 18 || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + uint64(s[i]-'0')
	}
	return n, true
}

// identifiers reports whether s is a list of non-empty identifiers joined by dots; numbers of a pre-release have no leading
// zeros.
func identifiers(s string, strict bool) bool {
	for more := true; more; {
		var part string
		part, s, more = strings.Cut(s, ".")
		if part == "" || !allIdentifier(part) || strict && len(part) > 1 && part[0] == '0' && allDigits(part) {
			return false
		}
	}
	return true
}

func allIdentifier(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// compare orders versions as section 11 of semver.org does.
func (v *version) compare(w *version) int {
	for i := range v.parts {
		if c := cmp.Compare(v.parts[i], w.parts[i]); c != 0 {
			return c
		}
	}
	switch {
	case v.pre == w.pre:
		return 0
	case v.pre == "":
		return 1
	case w.pre == "":
		return -1
	}
	return comparePre(v.pre, w.pre)
}

func comparePre(a, b string) int {
	for {
		x, restA, moreA := strings.Cut(a, ".")
		y, restB, moreB := strings.Cut(b, ".")
		if c := compareIdentifiers(x, y); c != 0 {
			return c
		}
		if !moreA || !moreB {
			return cmp.Compare(boolean(moreA), boolean(moreB))
		}
		a, b = restA, restB
	}
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// compareIdentifiers orders numbers by size and before texts, and texts by their bytes.
func compareIdentifiers(x, y string) int {
	isX, isY := allDigits(x), allDigits(y)
	switch {
	case isX && isY:
		if c := cmp.Compare(len(x), len(y)); c != 0 {
			return c // neither has leading zeros
		}
	case isX:
		return -1
	case isY:
		return 1
	}
	return strings.Compare(x, y)
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// versionRange is bounds that all hold.
type versionRange []versionBound

type versionBound struct {
	test test
	than version
}

func (r versionRange) has(v *version) bool {
	for i := range r {
		if !boundHolds(r[i].test, v.compare(&r[i].than)) {
			return false
		}
	}
	return true
}

func boundHolds(t test, order int) bool {
	switch t {
	case isVersion:
		return order == 0
	case isGreaterVersion:
		return order > 0
	case isAtLeastVersion:
		return order >= 0
	case isLessVersion:
		return order < 0
	default:
		return order <= 0
	}
}

func (c *condition) matchesVersion(text string) bool {
	v, ok := parseVersion(text)
	if !ok {
		return false
	}
	if c.test == isVersionInRange {
		for _, r := range c.more.ranges {
			if r.has(&v) {
				return true
			}
		}
		return false
	}
	for i := range c.more.versions {
		if boundHolds(c.test, v.compare(&c.more.versions[i])) {
			return true
		}
	}
	return false
}

func (c *condition) prepareRanges() error {
	for _, text := range c.texts {
		for one := range strings.SplitSeq(text, "||") {
			r, err := parseRange(one)
			if err != nil {
				return fmt.Errorf("%q is no range of versions: %w", text, err)
			}
			c.rare().ranges = append(c.more.ranges, r)
		}
	}
	return nil
}

func parseRange(s string) (out versionRange, err error) {
	if from, to, ok := strings.Cut(s, " - "); ok {
		low, okLow := parseVersion(from)
		high, okHigh := parseVersion(to)
		if !okLow || !okHigh {
			return nil, fmt.Errorf("%q lacks a version at one end", s)
		}
		return versionRange{{isAtLeastVersion, low}, upTo(high)}, nil
	}
	// An operator may stand apart from its version.
	for _, o := range []string{"^", "~", "=", ">", "<"} {
		s = strings.ReplaceAll(s, o+" ", o)
	}
	fields := strings.Fields(s)
	if len(fields) == 0 {
		return nil, fmt.Errorf("%q names no version", s)
	}
	for _, f := range fields {
		bounds, err := parseBound(f)
		if err != nil {
			return nil, err
		}
		out = append(out, bounds...)
	}
	return out, nil
}

// upTo includes all of what was written: "1 - 2" ends before 3.
func upTo(high version) versionBound {
	if high.given < 3 {
		return versionBound{isLessVersion, next(high, high.given-1)}
	}
	return versionBound{isAtMostVersion, high}
}

// next is the first version after all that agree with v up to the part; pre-releases of it are before it, so it ends in "-0".
func next(v version, part int) version {
	out := version{given: 3, pre: "0"}
	copy(out.parts[:], v.parts[:part+1])
	out.parts[part]++
	return out
}

func parseBound(s string) (versionRange, error) {
	if s == "*" || s == "x" || s == "X" {
		return versionRange{}, nil
	}
	number := strings.TrimLeft(s, "^~=<>")
	operator := s[:len(s)-len(number)]
	for _, wild := range []string{".*", ".x", ".X"} {
		for strings.HasSuffix(number, wild) {
			number = strings.TrimSuffix(number, wild)
			if operator == "" {
				operator = "~"
			}
		}
	}
	v, ok := parseVersion(number)
	if !ok {
		return nil, fmt.Errorf("%q is no version", number)
	}
	switch operator {
	case "^":
		return versionRange{{isAtLeastVersion, v}, {isLessVersion, next(v, caretPart(v))}}, nil
	case "~":
		return versionRange{{isAtLeastVersion, v}, {isLessVersion, next(v, min(1, v.given-1))}}, nil
	case "", "=", "==":
		return versionRange{{isVersion, v}}, nil
	case ">":
		return versionRange{{isGreaterVersion, v}}, nil
	case ">=":
		return versionRange{{isAtLeastVersion, v}}, nil
	case "<":
		return versionRange{{isLessVersion, v}}, nil
	case "<=":
		return versionRange{{isAtMostVersion, v}}, nil
	}
	return nil, fmt.Errorf("there is no operator %q", operator)
}

// caretPart is the part that ^ lets no change of: the first that is not 0, else the last that was written.
func caretPart(v version) int {
	for i, n := range v.parts {
		if n != 0 || i == v.given-1 {
			return i
		}
	}
	return 2
}
