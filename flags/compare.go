package flags

import (
	"math"
	"slices"
	"strings"
)

// matches compares an operand, before negation. What is not there, or of a type that the test has no use for, matches
// nothing but (if it is there) isThere.
func (c *condition) matches(o *operand, who *Subject) bool {
	switch {
	case c.test == isAnyOf && o.kind == text: // the most frequent comparison
		return c.hasText(o.text)
	case c.test == isThere:
		return o.kind != missing
	case c.test >= hasAny:
		return c.matchesList(o, who)
	case o.kind == number:
		return c.matchesNumber(o.number)
	case o.kind == text:
		return c.matchesText(o.text)
	}
	return c.matchesOther(o, who)
}

func (c *condition) matchesOther(o *operand, who *Subject) bool {
	if o.kind == list && c.more != nil && c.more.elements {
		return c.matchesElement(who)
	}
	switch c.test {
	case isAnyOf:
		return o.kind == truth && (o.truth && c.yes || !o.truth && c.no)
	case isEmpty:
		return o.kind == missing || o.kind == list && sizeOf(c.valueOf(who)) == 0
	case isOfKind:
		return c.more.kinds>>o.kind&1 != 0
	case isBefore, isBeforeOrAt, isAfter, isAfterOrAt, isOnSameDate:
		at, ok := millisecondsOf(c.valueOf(who))
		return ok && c.matchesTime(at)
	}
	return false
}

// matchesElement reports whether an element of the list matches. Lists and objects in it do not.
func (c *condition) matchesElement(who *Subject) bool {
	value := c.valueOf(who)
	for i := range sizeOf(value) {
		element := elementOf(value, i)
		switch element.kind {
		case text, number, truth:
			if c.matches(&element, who) {
				return true
			}
		}
	}
	return false
}

func (c *condition) matchesText(v string) bool {
	switch c.test {
	case isAnyOf:
		return c.hasText(v)
	case contains:
		return c.anyText(v, strings.Contains, containsFolded)
	case startsWith:
		return c.anyText(v, strings.HasPrefix, startsFolded)
	case endsWith:
		return c.anyText(v, strings.HasSuffix, endsFolded)
	case matchesPattern:
		return c.matchesPattern(v)
	case isEmpty:
		return v == ""
	case isOfKind:
		return c.more.kinds>>text&1 != 0
	case isVersion, isGreaterVersion, isAtLeastVersion, isLessVersion, isAtMostVersion, isVersionInRange:
		return c.matchesVersion(v)
	case isBefore, isBeforeOrAt, isAfter, isAfterOrAt, isOnSameDate:
		at, ok := parseTime(v)
		return ok && c.matchesTime(at)
	case isInNetwork:
		return c.matchesNetwork(v)
	}
	return false
}

// hasText reports whether the text is among the values.
func (c *condition) hasText(v string) bool {
	if c.fold {
		return c.hasFolded(v)
	}
	if c.set != nil {
		_, found := c.set[v]
		return found
	}
	for _, t := range c.texts { //nolint:modernize // slices.Contains takes as long to call as the comparison
		if t == v {
			return true
		}
	}
	return false
}

func (c *condition) anyText(v string, is, isFolded func(v, of string) bool) bool {
	if c.fold {
		is = isFolded
	}
	for _, t := range c.texts {
		if is(v, t) {
			return true
		}
	}
	return false
}

func (c *condition) matchesPattern(v string) bool {
	if len(v) > maxMatched {
		return false
	}
	for _, p := range c.more.patterns {
		if p.MatchString(v) {
			return true
		}
	}
	return false
}

func (c *condition) matchesNumber(n float64) bool {
	switch c.test {
	case isAnyOf:
		return c.hasNumber(n)
	case isGreater:
		return n > c.limit
	case isAtLeast:
		return n >= c.limit
	case isLess:
		return n < c.limit
	case isAtMost:
		return n <= c.limit
	case isBetween:
		return n >= c.numbers[0] && n <= c.numbers[1]
	case leavesRemainder:
		return math.Mod(n, c.numbers[0]) == c.numbers[1]
	case isOfKind:
		return c.more.kinds>>number&1 != 0
	case isBefore, isBeforeOrAt, isAfter, isAfterOrAt, isOnSameDate:
		at, ok := millisecondsOf(n)
		return ok && c.matchesTime(at)
	}
	return false
}

func (c *condition) hasNumber(n float64) bool {
	_, found := slices.BinarySearch(c.numbers, n)
	return found && n == n //nolint:gocritic // not a number equals nothing
}

// matchesList compares a list, or a scalar as a list of one.
func (c *condition) matchesList(o *operand, who *Subject) bool {
	if o.kind == missing {
		return false
	}
	var value any
	size := 1
	if o.kind == list {
		value = c.valueOf(who)
		size = sizeOf(value)
	}
	if c.test == hasSize {
		return o.kind == list && float64(size) >= c.numbers[0] && float64(size) <= c.numbers[1]
	}
	known := 0
	for i := range size {
		element := *o
		if o.kind == list {
			element = elementOf(value, i)
		}
		if c.hasElement(&element) {
			known++
		}
	}
	switch c.test {
	case hasAny:
		return known > 0
	case hasOnly:
		return known == size
	case hasExactly:
		return known == size && c.allThere(o, value, size)
	default:
		return c.allThere(o, value, size)
	}
}

func (c *condition) hasElement(o *operand) bool {
	switch o.kind {
	case text:
		return c.hasText(o.text)
	case number:
		return c.hasNumber(o.number)
	case truth:
		return o.truth && c.yes || !o.truth && c.no
	}
	return false
}

// allThere reports whether each of the condition's values is an element.
func (c *condition) allThere(o *operand, value any, size int) bool {
	for _, t := range c.texts {
		if !c.isElement(o, value, size, operand{kind: text, text: t}) {
			return false
		}
	}
	for _, n := range c.numbers {
		if !c.isElement(o, value, size, operand{kind: number, number: n}) {
			return false
		}
	}
	return (!c.yes || c.isElement(o, value, size, operand{kind: truth, truth: true})) && (!c.no || c.isElement(o, value, size, operand{kind: truth}))
}

// isElement looks for an element in a list, or in a scalar as a list of one.
func (c *condition) isElement(o *operand, value any, size int, wanted operand) bool {
	for i := range size {
		element := *o
		if o.kind == list {
			element = elementOf(value, i)
		}
		if element == wanted || c.fold && element.kind == text && wanted.kind == text && equalFolded(element.text, wanted.text) {
			return true
		}
	}
	return false
}
