package flagimport

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/assayhq/assay/flags"
)

// gbGroups are the saved groups of a payload. Those that can be segments become some, when a condition asks for them.
type gbGroups struct {
	all  map[string]json.RawMessage
	made map[string]*Segment
	path []string // of the groups that are being read
}

// condition says the same as one in GrowthBook's form of MongoDB's query language; none holds always.
func (g gbGroups) condition(text json.RawMessage) (flags.Condition, error) {
	if isNull(text) {
		return always(), nil
	}
	var query any
	if err := json.Unmarshal(text, &query); err != nil {
		return never(), fmt.Errorf("has a condition that cannot be read: %w", err)
	}
	return g.query(query)
}

func (g gbGroups) query(query any) (flags.Condition, error) {
	object, is := query.(map[string]any)
	if !is {
		return never(), fmt.Errorf("has the condition %s, which is none", short(query))
	}
	out := []flags.Condition{}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		c, err := g.member(name, object[name])
		if err != nil {
			return never(), err
		}
		out = append(out, c)
	}
	return allOf(out...), nil
}

func (g gbGroups) member(name string, argument any) (flags.Condition, error) {
	switch name {
	case "$and", "$or", "$nor":
		list, is := argument.([]any)
		if !is {
			return never(), fmt.Errorf("has %s of something else than a list", name)
		}
		all := make([]flags.Condition, len(list))
		for i, one := range list {
			var err error
			if all[i], err = g.query(one); err != nil {
				return never(), err
			}
		}
		if name == "$and" || len(all) == 0 {
			return negatedIf(name == "$nor", allOf(all...)), nil // an $or of nothing holds there
		}
		return negatedIf(name == "$nor", anyOf(all...)), nil
	case "$not":
		c, err := g.query(argument)
		return not(c), err
	case "$savedGroup":
		return g.savedGroup(argument)
	}
	if strings.HasPrefix(name, "$") {
		return never(), fmt.Errorf("has %s in its condition, which has no equal here", name)
	}
	at, err := gbAttribute(name)
	if err != nil {
		return never(), err
	}
	return g.field(at, argument)
}

var gbIndex = regexp.MustCompile(`^(\d+|length)$`)

// gbAttribute is where an attribute is: names joined by points lead into objects.
func gbAttribute(name string) (where, error) {
	steps := strings.Split(name, ".")
	switch {
	case name == "id":
		return theKey, nil
	case slices.Contains(steps, ""):
		return where{}, fmt.Errorf("asks for the attribute %q, and here a name is not empty", name)
	case steps[0] == "id" || slices.ContainsFunc(steps[1:], gbIndex.MatchString):
		return where{}, fmt.Errorf("asks for %s, and here a way leads through objects alone", name)
	}
	return where{steps[0], steps[1:]}, nil
}

// field compares one attribute: with a value, or by operators.
func (g gbGroups) field(at where, argument any) (flags.Condition, error) {
	operators, is := argument.(map[string]any)
	for name := range operators {
		is = is && strings.HasPrefix(name, "$")
	}
	if !is {
		return gbEquals(at, argument)
	}
	out := []flags.Condition{}
	for _, name := range slices.Sorted(maps.Keys(operators)) {
		c, err := g.operator(at, name, operators[name])
		if err != nil {
			return never(), err
		}
		out = append(out, c)
	}
	return allOf(out...), nil
}

// gbEquals compares without converting; null is an attribute that is not there.
func gbEquals(at where, value any) (flags.Condition, error) {
	switch value.(type) {
	case nil:
		return not(at.exists()), nil
	case string, float64, bool:
		return at.is(flags.Equals, value), nil
	}
	return never(), fmt.Errorf("compares %s with %s as a whole, and conditions here compare with texts, numbers and booleans", at.attribute, short(value))
}

func (g gbGroups) operator(at where, name string, argument any) (flags.Condition, error) {
	switch name {
	case "$eq", "$ne":
		return negatedIf(name == "$ne", gbStrictly(at, argument)), nil
	case "$gt", "$gte", "$lt", "$lte":
		return gbCompare(at, name, argument)
	case "$veq", "$vne", "$vgt", "$vgte", "$vlt", "$vlte":
		return gbVersions(at, name, argument)
	case "$in", "$nin", "$ini", "$nini":
		list, is := argument.([]any)
		if !is {
			return never(), nil
		}
		return negatedIf(strings.HasPrefix(name, "$n"), gbIn(at, list, strings.HasSuffix(name, "ini"))), nil
	case "$inGroup", "$notInGroup":
		return g.inGroup(at, name, argument)
	case "$regex", "$regexi":
		return gbRegex(at, name, argument)
	case "$exists":
		return negatedIf(!gbTrue(argument), at.exists()), nil
	case "$type":
		return gbType(at, argument)
	case "$size":
		return gbSize(at, argument)
	case "$all", "$alli":
		return gbAll(at, name, argument)
	case "$elemMatch":
		return g.elemMatch(at, argument)
	case "$not":
		c, err := g.field(at, argument)
		return not(c), err
	}
	return never(), fmt.Errorf("has %s %s in its condition, which has no equal here", at.attribute, name)
}

// gbStrictly is equality in which no list and no object equals another.
func gbStrictly(at where, value any) flags.Condition {
	switch value.(type) {
	case nil:
		return not(at.exists())
	case string, float64, bool:
		return at.is(flags.Equals, value)
	}
	return never()
}

// gbCompare orders numbers. Texts it orders there, too, which nothing here does.
func gbCompare(at where, name string, argument any) (flags.Condition, error) {
	switch v := argument.(type) {
	case float64:
		o := map[string]flags.Operator{"$gt": flags.Greater, "$gte": flags.GreaterOrEqual, "$lt": flags.Less, "$lte": flags.LessOrEqual}[name]
		return at.is(o, v), nil
	case string:
		return never(), fmt.Errorf("orders %s and %q as texts by %s, which has no equal here", at.attribute, v, name)
	}
	return never(), nil
}

// gbIn holds where the attribute, or an element of it, is in the list.
func gbIn(at where, list []any, ignoreCase bool) flags.Condition {
	var values []any
	missing := never()
	for _, v := range list {
		switch v.(type) {
		case nil:
			missing = not(at.exists())
		case string, float64, bool:
			values = append(values, v)
		}
	}
	c := at.is(flags.HasAny, values...)
	if ignoreCase {
		c = ignoringCase(c)
	}
	return anyOf(missing, c)
}

func ignoringCase(c flags.Condition) flags.Condition {
	c.IgnoreCase = c.Operator != ""
	c.Any = slices.Clone(c.Any)
	for i := range c.Any {
		c.Any[i] = ignoringCase(c.Any[i])
	}
	return c
}

func gbRegex(at where, name string, argument any) (flags.Condition, error) {
	text, is := argument.(string)
	if !is {
		return never(), fmt.Errorf("has %s of something else than a text", name)
	}
	if _, err := regexp.Compile(text); err != nil {
		return never(), fmt.Errorf("looks for %q in %s, which is no regular expression here: %w", text, at.attribute, err)
	}
	c := at.is(flags.Matches, text)
	c.IgnoreCase = name == "$regexi"
	return c, nil
}

// gbTrue is what JavaScript takes for true.
func gbTrue(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case float64:
		return v != 0
	case string:
		return v != ""
	}
	return true
}

func gbType(at where, argument any) (flags.Condition, error) {
	name, is := argument.(string)
	if !is {
		return never(), fmt.Errorf("has $type of something else than a text")
	}
	switch name {
	case "string", "number", "boolean", "object":
		return at.isType(name), nil
	case "array":
		return at.isType("list"), nil
	case "null":
		return not(at.exists()), nil
	}
	return never(), nil
}

// mostElements bounds a list as no list will be.
const mostElements = 1 << 31

// gbSize compares how many elements a list has.
func gbSize(at where, argument any) (flags.Condition, error) {
	operators, is := argument.(map[string]any)
	if !is {
		operators = map[string]any{"$eq": argument}
	}
	out := []flags.Condition{at.isType("list")}
	for _, name := range slices.Sorted(maps.Keys(operators)) {
		n, is := operators[name].(float64)
		if !is || n < -mostElements || n > mostElements {
			return never(), fmt.Errorf("compares the size of %s with %s, and here a size is a whole number", at.attribute, short(operators[name]))
		}
		var c flags.Condition
		switch name {
		case "$eq", "$ne":
			c = negatedIf(name == "$ne", gbSized(at, n, n))
		case "$gt":
			c = not(gbSized(at, 0, n))
		case "$gte":
			c = gbSized(at, n, mostElements)
		case "$lt":
			c = not(gbSized(at, n, mostElements))
		case "$lte":
			c = gbSized(at, 0, n)
		default:
			return never(), fmt.Errorf("compares the size of %s by %s, which has no equal here", at.attribute, name)
		}
		out = append(out, c)
	}
	return allOf(out...), nil
}

func gbSized(at where, least, most float64) flags.Condition {
	return at.is(flags.HasSize, least, most)
}

// gbAll holds where a list has all of the elements.
func gbAll(at where, name string, argument any) (flags.Condition, error) {
	list, is := argument.([]any)
	if !is {
		return never(), fmt.Errorf("has %s of something else than a list", name)
	}
	for _, v := range list {
		switch v.(type) {
		case string, float64, bool:
		default:
			return never(), fmt.Errorf("asks for %s among the elements of %s, and here they are texts, numbers and booleans", short(v), at.attribute)
		}
	}
	if len(list) == 0 {
		return at.isType("list"), nil
	}
	c := at.is(flags.HasAll, list...)
	c.IgnoreCase = name == "$alli"
	return allOf(at.isType("list"), c), nil
}

// elemMatch holds where an element of a list meets the condition, which here is one operator on elements that are no objects.
func (g gbGroups) elemMatch(at where, argument any) (flags.Condition, error) {
	operators, is := argument.(map[string]any)
	if !is || len(operators) != 1 {
		return never(), fmt.Errorf("asks for elements of %s that meet %s, and here an element meets one operator", at.attribute, short(argument))
	}
	name := slices.Collect(maps.Keys(operators))[0]
	list := []any{operators[name]}
	if name == "$in" || name == "$nin" {
		list, is = operators[name].([]any)
	}
	if !is || slices.ContainsFunc(list, func(v any) bool { return !isScalar(v) }) {
		name = ""
	}
	var c flags.Condition
	var err error
	switch name {
	case "$eq", "$in":
		c = at.is(flags.HasAny, list...)
	case "$ne", "$nin":
		c = not(at.is(flags.HasSize, 0, 0)) // an element that is none of no values is any
		if len(list) > 0 {
			c = not(at.is(flags.HasOnly, list...))
		}
	case "$gt", "$gte", "$lt", "$lte", "$regex", "$regexi":
		c, err = g.operator(at, name, operators[name])
		c = inElements(c)
	default:
		err = fmt.Errorf("asks for elements of %s that meet %s, which has no equal here", at.attribute, short(argument))
	}
	return allOf(at.isType("list"), c), err
}

func isScalar(value any) bool {
	switch value.(type) {
	case string, float64, bool:
		return true
	}
	return false
}

// gbMeets reports whether a value meets the condition on it; nil is null.
func gbMeets(g gbGroups, c flags.Condition, value json.RawMessage) (bool, error) {
	attributes := map[string]any{}
	if value != nil {
		var v any
		if err := json.Unmarshal(value, &v); err != nil {
			return false, err
		}
		attributes["value"] = v
	}
	rules := Import{Flags: []Flag{{
		Key: "parent", Type: string(flags.Boolean), Variants: []Variant{{"on", json.RawMessage("true")}, {"off", json.RawMessage("false")}},
		Setting: Setting{On: true, Off: "off", Rules: []Rule{{ID: "r", If: conditions(c), Serve: variant("on")}}, Default: variant("off")},
	}}}
	for _, s := range g.made {
		rules.Segments = append(rules.Segments, *s)
	}
	compiled, err := flags.Compile(rules.Snapshot())
	if err != nil {
		return false, err
	}
	d := compiled.Decide("parent", flags.Subject{Attributes: attributes})
	if d.ErrorCode != "" {
		return false, fmt.Errorf("its condition cannot be evaluated: %v", compiled.Problems())
	}
	return d.Variant == "on", nil
}
