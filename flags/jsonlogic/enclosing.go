package jsonlogic

import (
	"strings"
)

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
