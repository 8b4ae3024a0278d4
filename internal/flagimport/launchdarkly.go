package flagimport

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/flags"
)

// ldFlag is a flag as LaunchDarkly's SDKs get it (/sdk/latest-all), which is what its export and test files have too.
type ldFlag struct {
	On             bool              `json:"on"`
	Salt           string            `json:"salt"`
	Variations     []json.RawMessage `json:"variations"`
	OffVariation   *int              `json:"offVariation"`
	Fallthrough    ldServe           `json:"fallthrough"`
	Targets        []ldTarget        `json:"targets"`
	ContextTargets []ldTarget        `json:"contextTargets"`
	Rules          []ldRule          `json:"rules"`
	Prerequisites  []json.RawMessage `json:"prerequisites"`
}

type ldTarget struct {
	ContextKind string   `json:"contextKind"`
	Values      []string `json:"values"`
	Variation   int      `json:"variation"`
}

type ldRule struct {
	ldServe
	Clauses []ldClause `json:"clauses"`
}

type ldServe struct {
	Variation *int       `json:"variation"`
	Rollout   *ldRollout `json:"rollout"`
}

type ldRollout struct {
	ContextKind string `json:"contextKind"`
	BucketBy    string `json:"bucketBy"`
	Seed        *int   `json:"seed"`
	Variations  []struct {
		Variation int `json:"variation"`
		Weight    int `json:"weight"`
	} `json:"variations"`
}

type ldClause struct {
	ContextKind string `json:"contextKind"`
	Attribute   string `json:"attribute"`
	Op          string `json:"op"`
	Values      []any  `json:"values"`
	Negate      bool   `json:"negate"`
}

// LaunchDarkly reads flags as LaunchDarkly's SDKs get them: {"flags": {key: {...}}}. A unit keeps its bucket: salt or seed are
// recorded. Of contexts only the kind user is known here, whose key is the targeting key.
func LaunchDarkly(text []byte) (out []Flag, problems []Problem, err error) {
	var file struct {
		Flags map[string]json.RawMessage `json:"flags"`
	}
	if err := json.Unmarshal(text, &file); err != nil || file.Flags == nil {
		return nil, nil, errors.Join(errors.New(`the file is no data of LaunchDarkly's; it has "flags"`), err)
	}
	for _, key := range slices.Sorted(maps.Keys(file.Flags)) {
		f, err := launchDarklyFlag(key, file.Flags[key])
		if err != nil {
			problems = append(problems, Problem{key, err.Error()})
			continue
		}
		out = append(out, f)
	}
	return out, problems, nil
}

func launchDarklyFlag(key string, text json.RawMessage) (Flag, error) {
	var from ldFlag
	if err := json.Unmarshal(text, &from); err != nil {
		return Flag{}, fmt.Errorf("it cannot be read: %w", err)
	}
	if len(from.Prerequisites) > 0 {
		return Flag{}, errors.New("it has prerequisites, which there fail when the other flag is off; add them by hand")
	}
	c := gbConverter{key: key}
	names := make([]string, len(from.Variations))
	for i, value := range from.Variations {
		name, err := c.variant(value)
		if err != nil {
			return Flag{}, err
		}
		names[i] = name
	}
	l := ldConverter{key: key, salt: from.Salt, names: names}
	setting, err := l.setting(from)
	return Flag{Key: key, Type: string(c.typ), Variants: c.variants, Setting: setting}, err
}

type ldConverter struct {
	key, salt string
	names     []string // of the variations
}

func (l ldConverter) name(variation int) (string, error) {
	if variation < 0 || variation >= len(l.names) {
		return "", fmt.Errorf("it serves the variation %d, which it has not", variation)
	}
	return l.names[variation], nil
}

func (l ldConverter) setting(from ldFlag) (map[string]any, error) {
	off := ""
	if from.OffVariation != nil {
		var err error
		if off, err = l.name(*from.OffVariation); err != nil {
			return nil, err
		}
	}
	rules, err := l.rules(from)
	if err != nil {
		return nil, err
	}
	serve, err := l.serve(from.Fallthrough)
	return map[string]any{"on": from.On, "off": off, "rules": rules, "default": serve}, err
}

// rules are the targets, and then the rules.
func (l ldConverter) rules(from ldFlag) ([]any, error) {
	rules := []any{}
	for _, t := range append(slices.Clone(from.Targets), from.ContextTargets...) {
		rule, err := l.target(t)
		if err != nil {
			return nil, err
		}
		if rule != nil {
			rules = append(rules, rule)
		}
	}
	for i, r := range from.Rules {
		conditions := []any{}
		for _, clause := range r.Clauses {
			condition, err := ldCondition(clause)
			if err != nil {
				return nil, fmt.Errorf("its rule %d %w", i+1, err)
			}
			conditions = append(conditions, condition)
		}
		if len(conditions) == 0 {
			conditions = everybody()
		}
		serve, err := l.serve(r.ldServe)
		if err != nil {
			return nil, err
		}
		rules = append(rules, map[string]any{"if": conditions, "serve": serve})
	}
	return rules, nil
}

func (l ldConverter) target(t ldTarget) (any, error) {
	if err := ofUsers(t.ContextKind); err != nil || len(t.Values) == 0 {
		return nil, err // a context target without values points to the one among targets
	}
	name, err := l.name(t.Variation)
	return map[string]any{
		"if": []any{map[string]any{"attribute": flags.TargetingKey, "operator": "in", "values": t.Values}}, "serve": map[string]any{"variant": name},
	}, err
}

func ofUsers(kind string) error {
	if kind != "" && kind != "user" {
		return fmt.Errorf("it asks for contexts of the kind %q, and here there is one kind", kind)
	}
	return nil
}

// ldTotal is the unit of LaunchDarkly's weights.
const ldTotal = 100_000

func (l ldConverter) serve(s ldServe) (any, error) {
	if s.Variation != nil {
		name, err := l.name(*s.Variation)
		return map[string]any{"variant": name}, err
	}
	if s.Rollout == nil || len(s.Rollout.Variations) == 0 {
		return nil, errors.New("it serves neither a variation nor a rollout")
	}
	r := s.Rollout
	if err := ofUsers(r.ContextKind); err != nil {
		return nil, err
	}
	if r.BucketBy != "" && r.BucketBy != "key" {
		return nil, fmt.Errorf("it rolls out by %s; whoever lacks it gets the first variation there, and nothing here", r.BucketBy)
	}
	salt := l.key + "." + l.salt
	if r.Seed != nil {
		salt = strconv.Itoa(*r.Seed)
	}
	weights, rest := []any{}, ldTotal
	for i, v := range r.Variations {
		name, err := l.name(v.Variation)
		if err != nil {
			return nil, err
		}
		weight := min(v.Weight, rest)
		if i == len(r.Variations)-1 {
			weight = rest // what is beyond the weights goes to the last
		}
		rest -= weight
		weights = append(weights, map[string]any{"variant": name, "weight": weight})
	}
	return map[string]any{"split": map[string]any{"algorithm": flags.LaunchDarklyV1, "salt": salt, "total": ldTotal, "weights": weights}}, nil
}

// ldCondition says the same as a clause: a missing attribute makes it false, also when it is negated.
func ldCondition(c ldClause) (any, error) {
	if err := ofUsers(c.ContextKind); err != nil {
		return nil, err
	}
	operators := map[string]string{
		"in": "has_any", "startsWith": "starts_with", "endsWith": "ends_with", "contains": "contains", "matches": "matches",
		"semVerEqual": "version_equals", "semVerLessThan": "version_less", "semVerGreaterThan": "version_greater",
		"lessThan": "less", "lessThanOrEqual": "less_or_equal", "greaterThan": "greater", "greaterThanOrEqual": "greater_or_equal",
	}
	operator, known := operators[c.Op]
	one := strings.HasPrefix(operator, "less") || strings.HasPrefix(operator, "greater") || operator == "version_less" || operator == "version_greater"
	if !known || len(c.Values) == 0 || one && len(c.Values) != 1 || strings.Contains(c.Attribute, "/") {
		return nil, fmt.Errorf("has %s %s in a clause, which this import does not translate", c.Attribute, c.Op)
	}
	attribute := c.Attribute
	if attribute == "key" {
		attribute = flags.TargetingKey
	}
	condition := map[string]any{"attribute": attribute, "operator": operator, "values": c.Values}
	if !c.Negate {
		return condition, nil
	}
	condition["not"] = true
	return map[string]any{"all": []any{map[string]any{"attribute": attribute, "operator": "exists"}, condition}}, nil
}
