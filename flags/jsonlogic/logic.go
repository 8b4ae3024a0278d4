package jsonlogic

import "errors"

var errNoList = errors.New("the operator takes a list of arguments")

func conditional(f *frame, a *arguments) (any, error) {
	if !a.isList {
		return nil, errNoList
	}
	for i := 0; i+1 < len(a.each); i += 2 {
		condition, err := a.each[i].eval(f)
		if err != nil {
			return nil, err
		}
		if truthy(condition) {
			return a.each[i+1].eval(f)
		}
	}
	if len(a.each)%2 == 1 {
		return a.each[len(a.each)-1].eval(f)
	}
	return nil, nil
}

// firstThat returns the first argument that is as true as wanted, else the last.
func firstThat(f *frame, a *arguments, wanted bool) (last any, err error) {
	if !a.isList {
		return nil, errNoList
	}
	for _, n := range a.each {
		if last, err = n.eval(f); err != nil || truthy(last) == wanted {
			return last, err
		}
	}
	return last, nil
}

func not(values any) bool {
	if l, ok := values.([]any); ok && len(l) > 0 {
		return !truthy(l[0])
	}
	return !truthy(values)
}
