package flagimport

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/jsonlogic"
)

// A query may be JSONLogic. It stays an expression, evaluated as flagd does, in a flag of its own that tells others whether it
// holds; where such rules come last and each serves one variation, in the flag itself.

// query holds where the query does. An empty one holds always.
func (c *goffConverter) query(query *string) (flags.Condition, error) {
	if query == nil {
		return always(), nil
	}
	lines := strings.Split(*query, "\n")
	for i := range lines {
		lines[i] = strings.TrimLeft(lines[i], " ")
	}
	text := strings.Join(lines, "")
	if text == "" {
		return always(), nil
	}
	var object map[string]any
	if json.Unmarshal([]byte(text), &object) != nil {
		return goffCondition(text)
	}
	rule, err := goffLogic(text)
	if err != nil {
		return never(), fmt.Errorf("has the query %s: %w", text, err)
	}
	logic := &flags.Logic{Rule: raw(map[string]any{"if": []any{rule, "on"}}), Fractional: flags.FlagdV2}
	for _, h := range c.helpers {
		if same(h.Setting.Logic, logic) {
			return flags.Condition{Flag: h.Key, Variants: []string{"on"}}, nil
		}
	}
	key := fmt.Sprintf("%s.query-%d", c.key, len(c.helpers)+1)
	c.helpers = append(c.helpers, Flag{Key: key, Type: string(flags.Boolean), Variants: onAndOff(), Setting: Setting{On: true, Off: "off", Rules: []Rule{}, Logic: logic, Default: variant("off")}})
	return flags.Condition{Flag: key, Variants: []string{"on"}}, nil
}

// goffLogic is the expression with the names that flagd has for what contexts of GO Feature Flag's always have.
func goffLogic(text string) (any, error) {
	var rule any
	if err := json.Unmarshal([]byte(text), &rule); err != nil {
		return nil, err
	}
	rule, err := goffRenamed(rule)
	if err != nil {
		return nil, err
	}
	if _, err := jsonlogic.Compile(raw(rule), nil, jsonlogic.FractionalV2); err != nil {
		return nil, err
	}
	return rule, nil
}

// goffRenamed walks through an expression.
func goffRenamed(rule any) (any, error) {
	switch v := rule.(type) {
	case []any:
		for i := range v {
			var err error
			if v[i], err = goffRenamed(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name == "var" && len(v) == 1 {
				return goffVariable(v[name])
			}
			inner, err := goffOperation(name, v[name])
			if err != nil {
				return nil, err
			}
			v[name] = inner
		}
	}
	return rule, nil
}

// goffOperation is the argument of an operator. Of one on lists only the list is about the context; what follows is about its
// elements.
func goffOperation(name string, argument any) (any, error) {
	if slices.Contains([]string{"fractional", "sem_ver", "starts_with", "ends_with"}, name) {
		return nil, fmt.Errorf("%s is an operator of flagd's, which GO Feature Flag does not know", name)
	}
	list, is := argument.([]any)
	if !is || len(list) < 2 || !slices.Contains([]string{"some", "all", "none", "map", "filter", "reduce"}, name) {
		return goffRenamed(argument)
	}
	var err error
	list[0], err = goffRenamed(list[0])
	return list, err
}

// goffVariable reads the attribute where it is here.
func goffVariable(name any) (any, error) {
	if list, is := name.([]any); is && len(list) == 1 {
		name = list[0]
	}
	text, is := name.(string)
	switch {
	case text == "key":
		return map[string]any{"var": flags.TargetingKey}, nil
	case text == "anonymous":
		return map[string]any{"===": []any{map[string]any{"var": text}, true}}, nil
	case is && text == "" || strings.HasPrefix(text, "$flagd"):
		return nil, fmt.Errorf("it reads the whole context, which is another one here")
	case !is:
		if list, _ := name.([]any); len(list) == 2 {
			if text, is := list[0].(string); is && text != "key" && text != "anonymous" && text != "" {
				return map[string]any{"var": name}, nil
			}
		}
		return nil, fmt.Errorf("it computes which attributes it reads")
	}
	return map[string]any{"var": name}, nil
}

// keepLogic moves the expressions of the last rules into the flag, as far as each serves one variation.
func (c *goffConverter) keepLogic(s *Setting) {
	isLogic := func(r Rule) bool {
		return r.Serve.Split == nil && len(r.If) == 1 && r.If[0].Flag != "" && !r.If[0].Not && slices.ContainsFunc(c.helpers, func(h Flag) bool { return h.Key == r.If[0].Flag })
	}
	first := len(s.Rules)
	for first > 0 && isLogic(s.Rules[first-1]) {
		first--
	}
	if first == len(s.Rules) {
		return
	}
	branches := []any{}
	for _, r := range s.Rules[first:] {
		i := slices.IndexFunc(c.helpers, func(h Flag) bool { return h.Key == r.If[0].Flag })
		var logic struct{ If []json.RawMessage }
		if json.Unmarshal(c.helpers[i].Setting.Logic.Rule, &logic) != nil || len(logic.If) != 2 {
			return
		}
		branches = append(branches, logic.If[0], r.Serve.Variant)
	}
	s.Rules = s.Rules[:first]
	s.Logic = &flags.Logic{Rule: raw(map[string]any{"if": branches}), Fractional: flags.FlagdV2}
	var conditions []flags.Condition
	for _, r := range s.Rules {
		conditions = append(conditions, r.If...)
	}
	used, _ := asked(conditions)
	c.helpers = slices.DeleteFunc(c.helpers, func(h Flag) bool { return !slices.Contains(used, h.Key) })
}
