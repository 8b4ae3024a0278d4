package jsonlogic

import (
	"errors"
	"reflect"
	"strings"
)

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
