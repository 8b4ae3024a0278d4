package flags

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// condition is a compiled Condition: its values sorted by type once, so that nothing is parsed or boxed while deciding.
type condition struct {
	// What nearly every comparison needs comes first: it is one line of the processor's cache.
	test    test
	slot    uint8 // where operands keep the attribute; slots for nowhere
	negated bool
	isKey   bool                // attribute is the targeting key
	fold    bool                // ignore case; texts are folded then
	yes, no bool                // true, false are among the values
	limit   float64             // the first of numbers
	set     map[string]struct{} // texts, when there are many
	texts   []string
	more    *rare // what few conditions have

	attribute string
	longest   int       // of texts, in bytes
	numbers   []float64 // sorted, where the order has no meaning
}

// rare is what only some tests need.
type rare struct {
	path     []string
	children []int // conditions of the same program
	segments []int // places in the ruleset
	flag     int   // place in the ruleset
	variants []string
	values   []Value
	slice    *compiledSlice
	patterns []*regexp.Regexp
	versions []version
	ranges   []versionRange
	times    []int64 // milliseconds of Unix
	networks []netip.Prefix
	kinds    uint16 // of operands, a bit for each
	elements bool   // a list is looked into
}

// test is what a condition does, without its negation.
type test uint8

const (
	isAnyOf test = iota
	isThere
	isEmpty
	isOfKind
	contains
	startsWith
	endsWith
	matchesPattern
	isGreater
	isAtLeast
	isLess
	isAtMost
	isBetween
	leavesRemainder
	isVersion
	isGreaterVersion
	isAtLeastVersion
	isLessVersion
	isAtMostVersion
	isVersionInRange
	isBefore
	isBeforeOrAt
	isAfter
	isAfterOrAt
	isOnSameDate
	isInNetwork
	hasAny
	hasAll
	hasOnly
	hasExactly
	hasSize
	// From here on no attribute is asked for.
	allHold
	anyHolds
	isMember
	isServed
	isInSlice
)

// manyTexts is where a hash set begins to beat a walk over the texts.
const manyTexts = 8

// tests are the operators' tests, and whether they are negated.
func testOf(o Operator) (t test, negated, known bool) {
	switch o {
	case Equals, In:
		return isAnyOf, false, true
	case NotEquals, NotIn:
		return isAnyOf, true, true
	case Exists:
		return isThere, false, true
	case NotExists:
		return isThere, true, true
	case Contains:
		return contains, false, true
	case NotContains:
		return contains, true, true
	case StartsWith:
		return startsWith, false, true
	case NotStartsWith:
		return startsWith, true, true
	case EndsWith:
		return endsWith, false, true
	case NotEndsWith:
		return endsWith, true, true
	case Matches:
		return matchesPattern, false, true
	case NotMatches:
		return matchesPattern, true, true
	case HasNone:
		return hasAny, true, true
	}
	t, known = plainTestOf(o)
	return t, false, known
}

func plainTestOf(o Operator) (test, bool) {
	for i, p := range [...]Operator{
		IsEmpty, IsType, Greater, GreaterOrEqual, Less, LessOrEqual, Between, Modulo, VersionEquals, VersionGreater, VersionGreaterOrEqual,
		VersionLess, VersionLessOrEqual, VersionInRange, Before, BeforeOrAt, After, AfterOrAt, OnSameDate, InNetwork, HasAny, HasAll, HasOnly,
		HasExactly, HasSize,
	} {
		if o == p {
			return [...]test{
				isEmpty, isOfKind, isGreater, isAtLeast, isLess, isAtMost, isBetween, leavesRemainder, isVersion, isGreaterVersion, isAtLeastVersion,
				isLessVersion, isAtMostVersion, isVersionInRange, isBefore, isBeforeOrAt, isAfter, isAfterOrAt, isOnSameDate, isInNetwork, hasAny, hasAll,
				hasOnly, hasExactly, hasSize,
			}[i], true
		}
	}
	return 0, false
}

// newComparison compiles the comparison of an attribute.
func newComparison(c *Condition) (condition, error) {
	t, negated, known := testOf(c.Operator)
	if !known {
		return condition{}, fmt.Errorf("the operator %q is not known to this version", c.Operator)
	}
	if c.Attribute == "" {
		return condition{}, fmt.Errorf("the operator %s needs an attribute", c.Operator)
	}
	out := condition{attribute: c.Attribute, isKey: c.Attribute == TargetingKey, test: t, negated: negated != c.Not, fold: c.IgnoreCase}
	if len(c.Path) > 0 {
		if out.isKey {
			return out, errors.New("the targeting key is a text and leads nowhere")
		}
		out.more = &rare{path: c.Path}
	}
	if c.Elements {
		if out.test >= hasAny || out.test == isThere || out.test == isEmpty || out.test == isOfKind {
			return out, fmt.Errorf("the operator %s is not about elements", c.Operator)
		}
		out.rare().elements = true
	}
	for _, raw := range c.Values {
		if err := out.add(raw); err != nil {
			return out, err
		}
	}
	if err := out.check(len(c.Values)); err != nil {
		return out, fmt.Errorf("the operator %s %w", c.Operator, err)
	}
	if err := out.prepare(); err != nil {
		return out, fmt.Errorf("the operator %s: %w", c.Operator, err)
	}
	if len(out.numbers) > 0 {
		out.limit = out.numbers[0]
	}
	return out, nil
}

func (c *condition) add(raw json.RawMessage) error {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return fmt.Errorf("the value %s is no JSON: %w", raw, err)
	}
	switch v := value.(type) {
	case string:
		c.texts = append(c.texts, v)
	case float64:
		c.numbers = append(c.numbers, v)
	case bool:
		c.yes, c.no = c.yes || v, c.no || !v
	default:
		return fmt.Errorf("the value %s is no scalar", raw)
	}
	return nil
}

// check refuses values that the test has no use for.
func (c *condition) check(values int) error {
	switch c.test {
	case isThere, isEmpty:
		return nil
	case isAnyOf, hasAny, hasAll, hasOnly, hasExactly:
		if values == 0 {
			return errors.New("needs a value")
		}
	case contains, startsWith, endsWith, matchesPattern, isVersion, isVersionInRange, isOnSameDate, isInNetwork, isOfKind:
		if values == 0 || len(c.texts) != values {
			return errors.New("compares with texts")
		}
	case isGreaterVersion, isAtLeastVersion, isLessVersion, isAtMostVersion, isBefore, isBeforeOrAt, isAfter, isAfterOrAt:
		if values != 1 || len(c.texts) != 1 {
			return errors.New("compares with exactly one text")
		}
	case isBetween, leavesRemainder, hasSize:
		if values != 2 || len(c.numbers) != 2 {
			return errors.New("compares with exactly two numbers")
		}
	default:
		if values != 1 || len(c.numbers) != 1 {
			return errors.New("compares with exactly one number")
		}
	}
	return nil
}

// prepare reads the values as what they are compared as.
func (c *condition) prepare() error {
	switch c.test {
	case isBetween, leavesRemainder, hasSize:
		if c.test == leavesRemainder && c.numbers[0] == 0 {
			return errors.New("the divisor is 0")
		}
	case matchesPattern:
		return c.preparePatterns()
	case isVersion, isGreaterVersion, isAtLeastVersion, isLessVersion, isAtMostVersion:
		return prepareAll(c, &c.rare().versions, "version", parseVersion)
	case isVersionInRange:
		return c.prepareRanges()
	case isBefore, isBeforeOrAt, isAfter, isAfterOrAt, isOnSameDate:
		return prepareAll(c, &c.rare().times, "time", parseTime)
	case isInNetwork:
		return prepareAll(c, &c.rare().networks, "IP address or CIDR range", parseNetwork)
	case isOfKind:
		return c.prepareKinds()
	default:
		slices.Sort(c.numbers)
		c.prepareTexts()
	}
	return nil
}

func (c *condition) rare() *rare {
	if c.more == nil {
		c.more = &rare{}
	}
	return c.more
}

func prepareAll[T any](c *condition, out *[]T, what string, parse func(string) (T, bool)) error {
	for _, t := range c.texts {
		one, ok := parse(t)
		if !ok {
			return fmt.Errorf("%q is no %s", t, what)
		}
		*out = append(*out, one)
	}
	return nil
}

// maxPattern bounds a regular expression, and maxMatched the texts that one is looked for in: longer ones match nothing.
const (
	maxPattern = 1_000    // bytes
	maxMatched = 16 << 10 // bytes
)

func (c *condition) preparePatterns() error {
	for _, t := range c.texts {
		if len(t) > maxPattern {
			return fmt.Errorf("a regular expression has at most %d bytes", maxPattern)
		}
		if c.fold {
			t = "(?i)" + t
		}
		pattern, err := regexp.Compile(t)
		if err != nil {
			return fmt.Errorf("%q is no regular expression: %w", t, err)
		}
		c.rare().patterns = append(c.more.patterns, pattern)
	}
	return nil
}

func (c *condition) prepareKinds() error {
	for _, t := range c.texts {
		k, ok := kindNamed(t)
		if !ok {
			return fmt.Errorf("there is no type %q", t)
		}
		c.rare().kinds |= 1 << k
	}
	return nil
}

func (c *condition) prepareTexts() {
	for i, t := range c.texts {
		if c.fold {
			c.texts[i] = foldText(t)
		}
		c.longest = max(c.longest, len(c.texts[i]))
	}
	if len(c.texts) >= manyTexts {
		c.set = make(map[string]struct{}, len(c.texts))
		for _, t := range c.texts {
			c.set[t] = struct{}{}
		}
	}
	if c.test == hasAll || c.test == hasExactly {
		slices.Sort(c.texts)
		c.texts, c.numbers = slices.Compact(c.texts), slices.Compact(c.numbers)
	}
}

// wordsOf names the conditions that Condition can be, for refusing what is none or several of them.
func (c *Condition) forms() (out []string) {
	if c.Operator != "" || c.Attribute != "" {
		out = append(out, "a comparison")
	}
	if c.All != nil {
		out = append(out, "all")
	}
	if c.Any != nil {
		out = append(out, "any")
	}
	if c.Segments != nil {
		out = append(out, "segments")
	}
	if c.Flag != "" {
		out = append(out, "flag")
	}
	if c.Slice != nil {
		out = append(out, "slice")
	}
	return out
}

func (c *Condition) check() error {
	switch forms := c.forms(); {
	case len(forms) == 0:
		return errors.New("a condition asks for nothing")
	case len(forms) > 1:
		return fmt.Errorf("a condition is %s at once", strings.Join(forms, " and "))
	}
	return nil
}
