package jsonlogic

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// subject is the list that an operation goes through: nil when there is none.
func subject(f *frame, a *arguments) (value any, err error) {
	switch first := a.first().(type) {
	case []any:
		// As it stands: its elements are not evaluated. Only the values of enclosing filters are put in.
		if len(f.before) > 0 {
			return f.filled(first)
		}
		return first, nil
	case map[string]any:
		value, err := f.known(first)
		if err != nil || value == nil {
			return orEvaluated(f, a, err)
		}
		switch value.(type) {
		case []any, map[string]any:
			return value, nil
		}
	}
	return nil, nil
}

func orEvaluated(f *frame, a *arguments, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return a.each[0].eval(f)
}

// known is the value that the enclosing filters put in for the rule, when it is a variable that one of them has; else nil.
func (f *frame) known(rule map[string]any) (any, error) {
	name, isVar := rule["var"]
	if text, isText := name.(string); !isVar || len(rule) != 1 || isText && (text == "" || strings.HasPrefix(text, ".")) {
		return nil, nil
	}
	for _, data := range f.before {
		if value, err := lookUp(data, name); err != nil || value != nil {
			return value, err
		}
	}
	return nil, nil
}

// filled is a part of a rule with the variables that the enclosing filters know replaced by their values.
func (f *frame) filled(rule any) (any, error) {
	switch r := rule.(type) {
	case map[string]any:
		return f.filledObject(r)
	case []any:
		out := make([]any, len(r))
		for i, part := range r {
			value, err := f.filled(part)
			if err != nil {
				return nil, err
			}
			out[i] = value
		}
		return out, f.run.spend(len(r))
	}
	return rule, nil
}

func (f *frame) filledObject(rule map[string]any) (any, error) {
	if value, err := f.known(rule); err != nil || value != nil {
		return value, err
	}
	if _, isVar := rule["var"]; isVar && len(rule) == 1 {
		return rule, nil
	}
	out := make(map[string]any, len(rule))
	for key, part := range rule {
		value, err := f.filled(part)
		if err != nil {
			return nil, err
		}
		out[key] = value
	}
	return out, nil
}

func (a *arguments) first() any {
	if l, ok := a.raw.([]any); ok && len(l) > 0 {
		return l[0]
	}
	return nil
}

var errNoElements = errors.New("an operator that goes through a list was given something else")

// elements is subject as a list; there is false when there is none to go through.
func elements(f *frame, a *arguments, least int) (l []any, there bool, err error) {
	if !a.isList {
		return nil, false, errNoList
	}
	if len(a.each) < least {
		return nil, false, nil
	}
	value, err := subject(f, a)
	if err != nil || value == nil {
		return nil, false, err
	}
	l, ok := value.([]any)
	if !ok {
		return nil, false, errNoElements
	}
	return l, true, f.run.spend(len(l))
}

// inside is a frame for the body of an operation on a list, with room for the element last. Variables are looked up in the
// data of the enclosing filters first, as flagd puts their values in before it begins.
func (f *frame) inside(outer bool) *frame {
	before := append(make([]any, 0, len(f.before)+2), f.before...)
	if outer {
		before = append(before, f.data)
	}
	return &frame{run: f.run, before: before}
}

func mapping(f *frame, a *arguments) (any, error) {
	l, there, err := elements(f, a, 2)
	if err != nil || !there {
		return []any{}, err
	}
	in := &frame{run: f.run, before: f.before}
	out := make([]any, len(l))
	for i, element := range l {
		in.data = element
		if out[i], err = a.each[1].eval(in); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func filter(f *frame, a *arguments) (any, error) {
	l, there, err := elements(f, a, 2)
	if err != nil || !there {
		return []any{}, err
	}
	in := f.inside(true)
	out := []any{}
	for _, element := range l {
		in.data = element
		keep, err := a.each[1].eval(in)
		if err != nil {
			return nil, err
		}
		if truthy(keep) {
			out = append(out, element)
		}
	}
	return out, nil
}

// quantifier is all, none or some: it stops at the first element for which the condition is as wanted, and answers stopped
// then, else the opposite.
type quantifier struct {
	wanted, stopped bool
	// outer: variables of the enclosing data win over those of the element. element: the element's values are put in before
	// the condition begins, so that operations inside it see them too.
	outer, element bool
}

func (q quantifier) evaluate(f *frame, a *arguments) (any, error) {
	if !a.isList || len(a.each) == 0 {
		return nil, errNoList
	}
	value, err := subject(f, a)
	if err != nil {
		return nil, err
	}
	if !truthy(value) {
		return q.wanted && !q.stopped, nil // nothing is none of them, and not all, and not some
	}
	l, ok := value.([]any)
	if !ok || len(a.each) < 2 {
		return nil, errNoElements
	}
	if err := f.run.spend(len(l)); err != nil {
		return nil, err
	}
	in := f.inside(q.outer)
	before := in.before
	for _, element := range l {
		in.data = element
		if q.element {
			in.before = append(before, element)
		}
		if holds, err := judged(in, a); err != nil {
			return nil, err
		} else if truthy(holds) == q.wanted {
			return q.stopped, nil
		}
	}
	return !q.stopped, nil
}

// judged is the value of the second argument, an operation, in the frame of an element.
func judged(in *frame, a *arguments) (any, error) {
	if err := condition(in, a); err != nil {
		return nil, err
	}
	return a.each[1].eval(in)
}

// condition refuses what is no operation, also once the variables that come first are in place.
func condition(in *frame, a *arguments) error {
	rule, ok := a.raw.([]any)[1].(map[string]any) //nolint:forcetypeassert // isList says it
	if !ok {
		return errNoCondition
	}
	value, err := in.known(rule)
	if _, isObject := value.(map[string]any); err == nil && value != nil && !isObject {
		return errNoCondition
	}
	return err
}

var errNoCondition = errors.New("the condition on the elements of a list is an operation")

func reduce(f *frame, a *arguments) (any, error) {
	if !a.isList {
		return nil, errNoList
	}
	if len(a.each) < 3 {
		return float64(0), nil
	}
	accumulator := a.raw.([]any)[2] //nolint:forcetypeassert // isList says it
	if _, isRule := accumulator.(map[string]any); isRule {
		var err error
		if accumulator, err = a.each[2].eval(f); err != nil {
			return nil, err
		}
	}
	convert, kind := keeper(accumulator)
	if convert == nil {
		return nil, fmt.Errorf("reduce begins with a boolean, a number or a text, not with %T", accumulator)
	}
	l, there, err := elements(f, a, 3)
	if err != nil || !there {
		return float64(0), err
	}
	l = slices.DeleteFunc(slices.Clone(l), func(element any) bool { return element == nil })
	in := &frame{run: f.run, before: f.before}
	for _, element := range l {
		in.data = map[string]any{"current": element, "accumulator": accumulator, "valueType": kind}
		value, err := judged(in, a)
		if err != nil {
			return nil, err
		}
		if accumulator, err = convert(value); err != nil {
			return nil, err
		}
	}
	return accumulator, nil
}

// keeper keeps an accumulator of the type it began with.
func keeper(start any) (convert func(any) (any, error), kind string) {
	switch start.(type) {
	case bool:
		return func(v any) (any, error) { return truthy(v), nil }, "bool"
	case float64:
		return func(v any) (any, error) { return boxed(numberFrom(v)) }, "number"
	case string:
		return func(v any) (any, error) {
			text, err := textFrom(v)
			if err != nil {
				return nil, err
			}
			return text, nil
		}, "string"
	}
	return nil, ""
}

// in looks for the first value in the second, a text or a list. A list inside the list is a range of numbers.
func in(_ *frame, values any) (any, error) {
	l, err := listOf(values, 1)
	if err != nil {
		return nil, err
	}
	if len(l) == 1 {
		return false, nil
	}
	if text, isText := l[1].(string); isText {
		part, areTexts := l[0].(string)
		if !areTexts {
			return nil, errors.New("in looks for texts in a text")
		}
		return strings.Contains(text, part), nil
	}
	list, _ := l[1].([]any)
	for _, element := range list {
		found, err := isElement(l[0], element)
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}

func isElement(value, element any) (bool, error) {
	if limits, isRange := element.([]any); isRange {
		return inRange(value, limits)
	}
	if n, isNumber := value.(float64); isNumber {
		other, err := numberFrom(element)
		return err == nil && n == other, err
	}
	return same(value, element)
}

func inRange(value any, limits []any) (bool, error) {
	if len(limits) < 2 {
		return false, errors.New("a range has two limits")
	}
	low, err := numberFrom(limits[0])
	if err != nil {
		return false, err
	}
	n, err := numberFrom(value)
	if err != nil || n < low {
		return false, err
	}
	high, err := numberFrom(limits[1])
	return err == nil && high >= n, err
}

// same compares scalars without converting; two lists or two objects cannot be compared.
func same(a, b any) (bool, error) {
	if a == nil || b == nil || reflect.TypeOf(a) != reflect.TypeOf(b) {
		return a == nil && b == nil, nil
	}
	if !reflect.TypeOf(a).Comparable() {
		return false, errors.New("lists and objects cannot be compared")
	}
	return a == b, nil
}

// merge joins lists, and what is none as lists of one.
func merge(f *frame, values any) (any, error) {
	switch values.(type) {
	case bool, string, float64:
		return []any{values}, nil
	}
	l, err := listOf(values, 0)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, v := range l {
		part, isList := v.([]any)
		if !isList {
			part = []any{v}
		}
		if err := f.run.spend(len(part)); err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}

// set returns the object with one member changed.
func set(_ *frame, values any) (any, error) {
	l, err := listOf(values, 0)
	if err != nil || len(l) == 0 {
		return nil, err
	}
	object, isObject := l[0].(map[string]any)
	if len(l) < 3 || !isObject {
		return l[0], nil
	}
	name, isText := l[1].(string)
	if !isText {
		return nil, errBadName
	}
	out := maps.Clone(object)
	out[name] = l[2]
	return out, nil
}

// containing compares two lists; what is no list contains nothing.
func containing(name string) func(*frame, any) (any, error) {
	return func(f *frame, values any) (any, error) {
		l, _ := values.([]any)
		if len(l) != 2 {
			return name == "contains_none", nil
		}
		search, isList := l[0].([]any)
		wanted, areLists := l[1].([]any)
		if !isList || !areLists {
			return name == "contains_none", nil
		}
		if err := f.run.spend(len(search) * len(wanted)); err != nil {
			return nil, err
		}
		return contains(name, search, wanted)
	}
}

func contains(name string, search, wanted []any) (any, error) {
	for _, w := range wanted {
		found, err := anyOf(search, w)
		if err != nil {
			return nil, err
		}
		if found != (name == "contains_all") {
			return name == "contains_any", nil
		}
	}
	return name != "contains_any", nil
}

func anyOf(list []any, wanted any) (bool, error) {
	for _, element := range list {
		if found, err := same(element, wanted); err != nil || found {
			return found, err
		}
	}
	return false, nil
}
