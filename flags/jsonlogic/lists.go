package jsonlogic

import (
	"errors"
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
