package jsonlogic

import (
	"maps"
)

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
