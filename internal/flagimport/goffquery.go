package flagimport

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/assayhq/assay/flags"
)

// goffQuery reads a query in the language of GO Feature Flag's rules (that of nikunjy/rules): comparisons, presence, not (…),
// and, or. The last two bind alike, from the left.
type goffQuery struct {
	text string
	rest string
}

func goffCondition(query string) (flags.Condition, error) {
	q := &goffQuery{text: query, rest: query}
	c, err := q.expression(0)
	if err == nil && q.rest != "" {
		err = q.strange()
	}
	return c, err
}

func (q *goffQuery) strange() error {
	return fmt.Errorf("has the query %q, which cannot be read at %q", q.text, q.rest)
}

// maxNested bounds how deep parentheses are read.
const maxNested = 50

func (q *goffQuery) expression(depth int) (flags.Condition, error) {
	left, err := q.term(depth)
	for err == nil {
		operator := q.take(regexp.MustCompile(`^ \n*(and|or) \n*`))
		if operator == nil {
			break
		}
		var right flags.Condition
		if right, err = q.term(depth); err != nil {
			break
		}
		if operator[1] == "and" {
			left = allOf(left, right)
		} else {
			left = anyOf(left, right)
		}
	}
	return left, err
}

// take cuts off what the expression matches.
func (q *goffQuery) take(e *regexp.Regexp) []string {
	found := e.FindStringSubmatch(q.rest)
	if found != nil {
		q.rest = q.rest[len(found[0]):]
	}
	return found
}

func (q *goffQuery) term(depth int) (flags.Condition, error) {
	if open := q.take(regexp.MustCompile(`^(not|NOT)?( \n*)?\(( \n*)?`)); open != nil {
		if depth > maxNested {
			return never(), q.strange()
		}
		c, err := q.expression(depth + 1)
		if err == nil && q.take(regexp.MustCompile(`^( \n*)?\)`)) == nil {
			err = q.strange()
		}
		return negatedIf(open[1] != "", c), err
	}
	name := q.take(regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_:-]*(?:\.[A-Za-z][A-Za-z0-9_:-]*)*) \n*`))
	if name == nil {
		return never(), q.strange()
	}
	if q.take(regexp.MustCompile(`^pr\b`)) != nil {
		return goffPresent(name[1]), nil
	}
	operator := q.take(regexp.MustCompile(`^(==|!=|>=|<=|>|<|[A-Za-z]{2}) \n*`))
	value := q.take(regexp.MustCompile(`^(\[[^\]]*\]|"(?:\\.|[^"\\])*"|[^ ()\[\]"]+)`))
	if operator == nil || value == nil {
		return never(), q.strange()
	}
	o := map[string]string{"==": "eq", "!=": "ne", ">": "gt", ">=": "ge", "<": "lt", "<=": "le"}[operator[1]]
	if o == "" {
		o = strings.ToLower(operator[1])
	}
	return q.comparison(name[1], o, value[1])
}

// goffAttribute is where an attribute is.
func goffAttribute(name string) where {
	if name == "key" || name == flags.TargetingKey {
		return theKey
	}
	steps := strings.Split(name, ".")
	return where{steps[0], steps[1:]}
}

func goffPresent(name string) flags.Condition {
	if name == "anonymous" || goffAttribute(name).attribute == theKey.attribute {
		return always() // these are there for every context
	}
	return goffAttribute(name).exists()
}

var (
	goffVersion = regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	goffDouble  = regexp.MustCompile(`^-?(0|[1-9]\d*)\.\d+([Ee][+-]?(0|[1-9]\d*))?$`)
	goffInteger = regexp.MustCompile(`^-?(0|[1-9]\d*)$`)
)

// comparison compares as the type of the value says. An attribute that is missing, or of another type, makes it false, whatever
// the operator.
func (q *goffQuery) comparison(name, o, value string) (flags.Condition, error) {
	at := goffAttribute(name)
	switch {
	case strings.HasPrefix(value, "["):
		return q.list(at, o, value)
	case strings.HasPrefix(value, `"`):
		return q.texts(at, o, value[1:len(value)-1])
	case value == "true" || value == "false":
		return q.truth(name, o, value == "true")
	case value == "null" && (o == "eq" || o == "ne"):
		return negatedIf(o == "eq", goffPresent(name)), nil
	case goffVersion.MatchString(value):
		return q.versions(at, o, value)
	case goffDouble.MatchString(value):
		n, err := strconv.ParseFloat(value, 64)
		operator, known := goffNumeric(o)
		if err != nil || !known {
			return never(), q.useless(o, value)
		}
		if o == "ne" {
			return allOf(at.isType("number"), not(at.is(flags.Equals, n))), nil
		}
		return at.is(operator, n), nil
	case goffInteger.MatchString(value):
		n, err := strconv.ParseInt(value, 10, 64)
		if _, known := goffNumeric(o); err != nil || !known || n > maxWhole || n < -maxWhole {
			return never(), q.useless(o, value)
		}
		return goffIntegers(at, o, n), nil
	}
	return never(), q.useless(o, value)
}

func (q *goffQuery) useless(o, value string) error {
	return fmt.Errorf("has the query %q, in which %s %s has no equal here", q.text, o, value)
}

func goffNumeric(o string) (flags.Operator, bool) {
	operator, known := map[string]flags.Operator{
		"eq": flags.Equals, "ne": flags.NotEquals, "gt": flags.Greater, "ge": flags.GreaterOrEqual, "lt": flags.Less, "le": flags.LessOrEqual,
	}[o]
	return operator, known
}

// goffIntegers compares with a whole number: an attribute with a fraction loses it before, towards zero.
func goffIntegers(at where, o string, n int64) flags.Condition {
	atLeast := func(n int64) flags.Condition { // the whole part is at least n
		if n > 0 {
			return at.is(flags.GreaterOrEqual, n)
		}
		return at.is(flags.Greater, n-1)
	}
	below := func(n int64) flags.Condition {
		if n > 0 {
			return at.is(flags.Less, n)
		}
		return at.is(flags.LessOrEqual, n-1)
	}
	switch o {
	case "gt":
		return atLeast(n + 1)
	case "ge":
		return atLeast(n)
	case "lt":
		return below(n)
	case "le":
		return below(n + 1)
	case "ne":
		return anyOf(below(n), atLeast(n+1))
	default:
		return allOf(atLeast(n), below(n+1))
	}
}

// texts ignores case. Of lists it knows only whether a text is in one.
func (q *goffQuery) texts(at where, o, text string) (flags.Condition, error) {
	operator := map[string]flags.Operator{"eq": flags.Equals, "ne": flags.Equals, "co": flags.Contains, "sw": flags.StartsWith, "ew": flags.EndsWith}[o]
	if o == "in" {
		return never(), nil // a text is no list there
	}
	if operator == "" {
		return never(), q.useless(o, strconv.Quote(text))
	}
	c := at.is(operator, text)
	c.IgnoreCase = true
	if o == "ne" {
		return allOf(at.isType("string"), not(c)), nil
	}
	return c, nil
}

func (q *goffQuery) truth(name, o string, value bool) (flags.Condition, error) {
	if o != "eq" && o != "ne" {
		return never(), q.useless(o, strconv.FormatBool(value))
	}
	value = value == (o == "eq") // what is not true is false
	if at := goffAttribute(name); name != "anonymous" {
		return at.is(flags.Equals, value), nil
	}
	return negatedIf(!value, where{attribute: "anonymous"}.is(flags.Equals, true)), nil
}

func (q *goffQuery) versions(at where, o, version string) (flags.Condition, error) {
	operator := map[string]flags.Operator{
		"eq": flags.VersionEquals, "ne": flags.VersionEquals, "gt": flags.VersionGreater, "ge": flags.VersionGreaterOrEqual, "lt": flags.VersionLess, "le": flags.VersionLessOrEqual,
	}[o]
	if operator == "" {
		return never(), q.useless(o, version)
	}
	is := at.is(flags.Matches, fullVersion)
	if o == "ne" {
		// What looks like a version and is none equals nothing, and nor does it differ.
		return allOf(is, anyOf(at.is(flags.VersionLess, version), at.is(flags.VersionGreater, version))), nil
	}
	return allOf(is, at.is(operator, version)), nil
}

// list is texts or numbers of one kind; texts are compared with their case.
func (q *goffQuery) list(at where, o, text string) (flags.Condition, error) {
	if o != "in" {
		return never(), q.useless(o, text)
	}
	var values []any
	var raws []json.RawMessage
	if err := json.Unmarshal([]byte(text), &raws); err != nil || len(raws) == 0 {
		return never(), q.useless(o, text)
	}
	for _, r := range raws {
		first, this := raws[0][0] == '"', r[0] == '"'
		if first != this || strings.Contains(string(r), `\`) || r[0] == '-' || !this && (r[0] < '0' || r[0] > '9') {
			return never(), q.useless(o, text)
		}
		values = append(values, r)
	}
	return at.is(flags.In, values...), nil
}
