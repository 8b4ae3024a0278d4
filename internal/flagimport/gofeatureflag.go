package flagimport

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/oasdiff/yaml"

	"github.com/assayhq/assay/flags"
)

// goffFlag is a flag of GO Feature Flag's.
type goffFlag struct {
	Variations   map[string]json.RawMessage `json:"variations"`
	Targeting    []goffRule                 `json:"targeting"`
	DefaultRule  goffRule                   `json:"defaultRule"`
	BucketingKey string                     `json:"bucketingKey"`
	Disable      bool                       `json:"disable"`
}

type goffRule struct {
	Query       string             `json:"query"`
	Variation   string             `json:"variation"`
	Percentage  map[string]float64 `json:"percentage"`
	Disable     bool               `json:"disable"`
	Progressive json.RawMessage    `json:"progressiveRollout"`
}

// GOFeatureFlag reads a file of GO Feature Flag's in YAML or JSON. A unit keeps its bucket. What depends on the time, and
// queries beyond comparisons that are joined by and, are problems of their flag.
func GOFeatureFlag(text []byte) (out []Flag, problems []Problem, err error) {
	var file map[string]json.RawMessage
	asJSON, err := yaml.YAMLToJSON(text)
	if err == nil {
		err = json.Unmarshal(asJSON, &file)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the file is no YAML or JSON of flags: %w", err)
	}
	for _, key := range slices.Sorted(maps.Keys(file)) {
		f, err := goffOf(key, file[key])
		if err != nil {
			problems = append(problems, Problem{key, err.Error()})
			continue
		}
		out = append(out, f)
	}
	return out, problems, nil
}

func goffOf(key string, text json.RawMessage) (Flag, error) {
	var from goffFlag
	var members map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(text, &from), json.Unmarshal(text, &members)); err != nil {
		return Flag{}, fmt.Errorf("it cannot be read: %w", err)
	}
	for _, name := range []string{"scheduledRollout", "experimentation"} {
		if members[name] != nil {
			return Flag{}, fmt.Errorf("it has %s, which depends on the time; here that is a schedule", name)
		}
	}
	c := gbConverter{key: key}
	for _, name := range slices.Sorted(maps.Keys(from.Variations)) {
		if _, err := c.variant(from.Variations[name]); err != nil {
			return Flag{}, err
		}
	}
	f := Flag{Key: key, Type: string(c.typ)}
	for _, name := range slices.Sorted(maps.Keys(from.Variations)) {
		f.Variants = append(f.Variants, Variant{name, from.Variations[name]})
	}
	rules := []any{}
	for i, r := range from.Targeting {
		if r.Disable {
			continue
		}
		conditions, err := goffQuery(r.Query)
		if err != nil {
			return f, fmt.Errorf("its rule %d %w", i+1, err)
		}
		serve, err := goffServe(key, from.BucketingKey, r)
		if err != nil {
			return f, err
		}
		rules = append(rules, map[string]any{"if": conditions, "serve": serve})
	}
	serve, err := goffServe(key, from.BucketingKey, from.DefaultRule)
	f.Setting = map[string]any{"on": !from.Disable, "off": "", "rules": rules, "default": serve}
	return f, err
}

// goffServe is what a rule serves: its variations take their ranges in descending order of their names.
func goffServe(key, by string, r goffRule) (any, error) {
	switch {
	case r.Progressive != nil:
		return nil, errors.New("it has a progressive rollout, which depends on the time; here that is a schedule")
	case len(r.Percentage) == 0 && r.Variation == "":
		return nil, errors.New("it has a rule that serves nothing")
	case len(r.Percentage) == 0:
		return map[string]any{"variant": r.Variation}, nil
	}
	names := slices.Sorted(maps.Keys(r.Percentage))
	slices.Reverse(names)
	weights, total := []any{}, 0
	for _, name := range names {
		weight := int(math.Round(r.Percentage[name] * 1000))
		total += weight
		weights = append(weights, map[string]any{"variant": name, "weight": weight})
	}
	split := map[string]any{"algorithm": flags.GOFeatureFlagV1, "salt": key, "total": total, "weights": weights}
	if by != "" {
		split["by"] = by
	}
	return map[string]any{"split": split}, nil
}

// goffTerm is a comparison of a query: attribute, operator, value.
func goffTerm(term string) []string {
	return regexp.MustCompile(`^\s*([A-Za-z_][A-Za-z0-9_]*)\s+(eq|ne|sw|ew|co|gt|ge|lt|le|in)\s+(.+?)\s*$`).FindStringSubmatch(term)
}

func goffQuery(query string) (out []any, err error) {
	for term := range strings.SplitSeq(query, " and ") {
		parts := goffTerm(term)
		untranslated := fmt.Errorf("has the query %q, which this import does not translate", query)
		if parts == nil {
			return nil, untranslated
		}
		attribute, operator := parts[1], map[string]string{
			"eq": "equals", "ne": "not_equals", "sw": "starts_with", "ew": "ends_with", "co": "contains", "gt": "greater", "ge": "greater_or_equal", "lt": "less", "le": "less_or_equal", "in": "in",
		}[parts[2]]
		if attribute == "key" {
			attribute = flags.TargetingKey
		}
		var values []any
		text := parts[3]
		if operator != "in" {
			text = "[" + text + "]"
		}
		if json.Unmarshal([]byte(text), &values) != nil || len(values) == 0 {
			return nil, untranslated
		}
		condition := map[string]any{"attribute": attribute, "operator": operator, "values": values}
		out = append(out, condition)
		if operator == "not_equals" { // where the attribute is missing the query is false there
			out = append(out, map[string]any{"attribute": attribute, "operator": "exists"})
		}
	}
	return out, nil
}
