package jsonlogic

import (
	"fmt"
	"slices"
)

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
