package flagimport

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// described is a new flag in a few lines.
func described(f Flag) []string {
	names := make([]string, len(f.Variants))
	for i, v := range f.Variants {
		names[i] = v.Key + " " + short(v.Value)
	}
	state := "off"
	if f.Setting.On {
		state = "on"
	}
	out := []string{fmt.Sprintf("%s, %s; variants: %s", f.Type, state, strings.Join(names, ", "))}
	for _, r := range f.Setting.Rules {
		out = append(out, fmt.Sprintf("%s: if %s → %s", r.ID, short(r.If), short(r.Serve)))
	}
	if f.Setting.Logic != nil {
		out = append(out, "logic: "+short(f.Setting.Logic.Rule))
	}
	if len(f.Metadata) > 0 {
		out = append(out, "metadata: "+short(f.Metadata))
	}
	return append(out, "default: "+short(f.Setting.Default))
}

// differences tells what changes in a part of a setting; nothing when nothing does.
func differences(name string, have, want any) []string {
	if same(have, want) {
		return nil
	}
	if name != "rules" {
		return []string{fmt.Sprintf("%s: %s → %s", name, short(have), short(want))}
	}
	before, order := rulesByID(have)
	after, now := rulesByID(want)
	var out []string
	for _, id := range order {
		if _, there := after[id]; !there {
			out = append(out, fmt.Sprintf("- %s: %s", id, short(before[id])))
		}
	}
	for _, id := range now {
		switch was, there := before[id]; {
		case !there:
			out = append(out, fmt.Sprintf("+ %s: %s", id, short(after[id])))
		case !reflect.DeepEqual(was, after[id]):
			for _, d := range leaves("", was, after[id]) {
				out = append(out, fmt.Sprintf("~ %s %s", id, d))
			}
		}
	}
	if len(out) == 0 {
		out = append(out, fmt.Sprintf("the order of the rules: %s → %s", strings.Join(order, ", "), strings.Join(now, ", ")))
	}
	return out
}

// leaves tells the parts in which two values differ, and where they are.
func leaves(at string, have, want any) (out []string) {
	a, isList := have.([]any)
	b, isToo := want.([]any)
	if isList && isToo && len(a) == len(b) {
		for i := range a {
			out = append(out, leaves(fmt.Sprintf("%s/%d", at, i), a[i], b[i])...)
		}
		return out
	}
	x, isObject := have.(map[string]any)
	y, isToo := want.(map[string]any)
	if isObject && isToo && slices.Equal(slices.Sorted(maps.Keys(x)), slices.Sorted(maps.Keys(y))) {
		for _, name := range slices.Sorted(maps.Keys(x)) {
			out = append(out, leaves(at+"/"+name, x[name], y[name])...)
		}
		return out
	}
	if reflect.DeepEqual(have, want) {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s → %s", at, short(have), short(want))}
}

// rulesByID are the rules without their ids, and the ids in order.
func rulesByID(all any) (byID map[string]any, order []string) {
	byID = map[string]any{}
	list, _ := plain(all).([]any)
	for _, one := range list {
		rule, _ := one.(map[string]any)
		id, _ := rule["id"].(string)
		delete(rule, "id")
		byID[id] = rule
		order = append(order, id)
	}
	return byID, order
}

func variantDifferences(have, want []Variant) (out []string) {
	before := map[string]json.RawMessage{}
	for _, v := range have {
		before[v.Key] = v.Value
	}
	for _, v := range want {
		switch was, there := before[v.Key]; {
		case !there:
			out = append(out, fmt.Sprintf("+ variant %s: %s", v.Key, short(v.Value)))
		case !same([]any{was}, []any{v.Value}):
			out = append(out, fmt.Sprintf("~ variant %s: %s → %s", v.Key, short(was), short(v.Value)))
		}
	}
	if len(out) == 0 {
		out = append(out, "the order of the variants")
	}
	return out
}

// same compares as JSON, where what is empty and what is not there are one.
func same(a, b any) bool { return reflect.DeepEqual(plain(a), plain(b)) }

func plain(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		return nil // what has no JSON is not in an answer
	}
	var out any
	if json.Unmarshal(text, &out) != nil {
		return nil
	}
	return pruned(out)
}

// pruned is a value without empty members. Of a split, the ranges are compared: weights that were never laid out otherwise are
// the ranges themselves.
func pruned(value any) any {
	switch v := value.(type) {
	case map[string]any:
		layOut(v)
		for key, inner := range v {
			if v[key] = pruned(inner); v[key] == nil {
				delete(v, key)
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = pruned(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	case string:
		if v == "" {
			return nil
		}
	}
	return value
}

// layOut gives a split that has no layout the one that its weights are.
func layOut(split map[string]any) {
	weights, is := split["weights"].([]any)
	if _, has := split["layout"]; !is || has {
		return
	}
	split["layout"] = append([]any{}, weights...)
}

const shown = 200 // bytes of a value in a difference

func short(value any) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return "?"
	}
	text := strings.TrimSuffix(out.String(), "\n")
	if len(text) > shown {
		return strings.ToValidUTF8(text[:shown], "") + "…"
	}
	return text
}
