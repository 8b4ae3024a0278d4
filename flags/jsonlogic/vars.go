package jsonlogic

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"unicode/utf8"
)

// object returns a look-up in the frame's data; ok is false when they are no object.
func (f *frame) object() (get func(key string) (any, error), ok bool) {
	switch data := f.data.(type) {
	case *Input:
		return data.get, true
	case map[string]any:
		return func(key string) (any, error) { return data[key], nil }, true
	}
	return nil, false
}

// get returns a member of the evaluation context as JSON has it.
func (in *Input) get(key string) (any, error) {
	switch {
	case key == flagdKey:
		return in.flagd(), nil
	case key == targetingKey && in.Key != "":
		return plain(in.Key)
	}
	return plain(in.Attributes[key])
}

func (in *Input) flagd() map[string]any {
	properties := map[string]any{"flagKey": in.FlagKey}
	if in.At != 0 {
		properties["timestamp"] = float64(in.At)
	}
	return properties
}

// whole is the evaluation context as one object.
func (in *Input) whole() (any, error) {
	all := maps.Clone(in.Attributes)
	if all == nil {
		all = map[string]any{}
	}
	all[flagdKey] = in.flagd()
	if in.Key != "" {
		all[targetingKey] = in.Key
	}
	return plain(all)
}

// plain turns a value of Go into what its JSON decodes to.
func plain(value any) (any, error) {
	switch v := value.(type) {
	case nil, bool, float64:
		if n, isNumber := v.(float64); isNumber && !finite(n) {
			return nil, errors.New("the context has a number that JSON cannot say")
		}
		return v, nil
	case string:
		if utf8.ValidString(v) {
			return v, nil
		}
	case int:
		return float64(v), nil
	case int64:
		return float64(v), nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("the context has a value without JSON: %w", err)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("the context has a value without JSON: %w", err)
	}
	return out, nil
}

// variable looks a variable up.
func variable(f *frame, name any) (any, error) {
	if text, ok := name.(string); !ok || text != "" && !strings.HasPrefix(text, ".") {
		for _, data := range f.before {
			if value, err := lookUp(data, name); err != nil || value != nil {
				return value, err
			}
		}
	}
	return lookUp(f.data, name)
}

var errBadName = errors.New("a variable is named by a text")

// lookUp finds the variable in the data. A list of two names it and gives what stands in when it is missing.
func lookUp(data, name any) (any, error) {
	var standIn any
	if l, isList := name.([]any); isList {
		if len(l) == 0 {
			return wholeOf(data)
		}
		if len(l) == 2 {
			standIn = l[1]
		}
		text, isText := l[0].(string)
		if !isText {
			return nil, errBadName
		}
		if data == nil {
			return standIn, nil
		}
		return walk(data, text, standIn)
	}
	switch n := name.(type) {
	case nil:
		switch data.(type) {
		case bool, string, float64:
			return data, nil
		}
		return nil, nil
	case string:
		if n == "" {
			return wholeOf(data)
		}
		return walk(data, n, nil)
	case float64:
		return walk(data, textOf(n), nil)
	}
	return nil, errBadName
}

func wholeOf(data any) (any, error) {
	if in, isInput := data.(*Input); isInput {
		return in.whole()
	}
	return data, nil
}

// walk follows a path of keys and indices.
func walk(data any, path string, standIn any) (any, error) {
	if data == nil {
		return standIn, nil
	}
	value := data
	for part := range strings.SplitSeq(path, ".") {
		if part == "" {
			continue
		}
		switch v := value.(type) {
		case *Input:
			var err error
			if value, err = v.get(part); err != nil {
				return nil, err
			}
		case map[string]any:
			value = v[part]
		case []any:
			i, _ := strconv.ParseFloat(part, 64) // as in flagd, what is no number means the first
			if int(i) < 0 || int(i) >= len(v) {
				return standIn, nil
			}
			value = v[int(i)]
		default:
			return standIn, nil
		}
		if value == nil {
			return standIn, nil
		}
	}
	return wholeOf(value)
}

func missing(f *frame, values any) (any, error) {
	if _, single := values.(string); single {
		values = []any{values}
	}
	names, err := listOf(values, 0)
	if err != nil {
		return nil, err
	}
	out, _, err := missingOf(f, names)
	return out, err
}

func missingOf(f *frame, names []any) (out []any, found int, err error) {
	out = []any{}
	for _, name := range names {
		value, err := lookUp(f.data, name)
		if err != nil {
			return nil, 0, err
		}
		if value == nil {
			out = append(out, name)
		} else {
			found++
		}
	}
	return out, found, nil
}

func missingSome(f *frame, values any) (any, error) {
	l, err := listOf(values, 2)
	if err != nil {
		return nil, err
	}
	wanted, err := numberFrom(l[0])
	if err != nil {
		return nil, err
	}
	names, isList := l[1].([]any)
	if !isList {
		return nil, errNoList
	}
	out, found, err := missingOf(f, names)
	if err != nil || int(wanted) <= found {
		return []any{}, err
	}
	return out, nil
}
