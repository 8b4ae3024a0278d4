package jsonlogic

// eagerly returns what an operator does with the values of its arguments; nil when there is no such operator.
func eagerly(name string) func(*frame, any) (any, error) {
	switch name {
	case "var":
		return variable
	case "missing":
		return missing
	case "missing_some":
		return missingSome
	case "==":
		return func(_ *frame, v any) (any, error) { return compare(v, equal) }
	case "!=":
		return func(_ *frame, v any) (any, error) { same, err := compare(v, equal); return !same, err }
	case "===":
		return func(_ *frame, v any) (any, error) { return identical(v), nil }
	case "!==":
		return func(_ *frame, v any) (any, error) { return !identical(v), nil }
	case "<":
		return func(_ *frame, v any) (any, error) { return between(v, less) }
	case "<=":
		return func(_ *frame, v any) (any, error) { return between(v, atMost) }
	case ">":
		return func(_ *frame, v any) (any, error) { return between(v, greater) }
	case ">=":
		return func(_ *frame, v any) (any, error) { return between(v, atLeast) }
	case "!":
		return func(_ *frame, v any) (any, error) { return not(v), nil }
	case "!!":
		return func(_ *frame, v any) (any, error) { return !not(v), nil }
	case "in":
		return in
	case "merge":
		return merge
	case "cat":
		return cat
	case "substr":
		return substr
	case "starts_with":
		return startsWith
	case "ends_with":
		return endsWith
	case "sem_ver":
		return semVer
	case "set":
		return set
	case "contains_all", "contains_any", "contains_none":
		return containing(name)
	}
	return arithmetic(name)
}

// lazily returns the operators that evaluate their arguments one by one, or in another frame; nil when it is none of them.
func lazily(name string) func(*frame, *arguments) (any, error) {
	switch name {
	case "if", "?:":
		return conditional
	case "and":
		return func(f *frame, a *arguments) (any, error) { return firstThat(f, a, false) }
	case "or":
		return func(f *frame, a *arguments) (any, error) { return firstThat(f, a, true) }
	case "map":
		return mapping
	case "filter":
		return filter
	case "reduce":
		return reduce
	case "all":
		return quantifier{wanted: false, stopped: false, element: true}.evaluate
	case "none":
		return quantifier{wanted: true, stopped: false, outer: true}.evaluate
	case "some":
		return quantifier{wanted: true, stopped: true, outer: true, element: true}.evaluate
	}
	return nil
}
