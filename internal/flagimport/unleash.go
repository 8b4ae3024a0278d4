package flagimport

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/flags"
)

type unleashFeature struct {
	Name         string            `json:"name"`
	Enabled      bool              `json:"enabled"`
	Strategies   []unleashStrategy `json:"strategies"`
	Variants     []json.RawMessage `json:"variants"`
	Dependencies []json.RawMessage `json:"dependencies"`
}

type unleashStrategy struct {
	FeatureName string              `json:"featureName"`
	Environment string              `json:"environment"`
	Name        string              `json:"name"`
	Parameters  map[string]any      `json:"parameters"`
	Constraints []unleashConstraint `json:"constraints"`
	Segments    []any               `json:"segments"`
	Variants    []json.RawMessage   `json:"variants"`
	Disabled    bool                `json:"disabled"`
}

type unleashConstraint struct {
	ContextName     string   `json:"contextName"`
	Operator        string   `json:"operator"`
	Values          []string `json:"values"`
	CaseInsensitive bool     `json:"caseInsensitive"`
	Inverted        bool     `json:"inverted"`
}

// Unleash reads features as Unleash's SDKs get them, or an export of the admin API for one environment. A feature is a boolean
// flag; each strategy is a rule, and a unit keeps its bucket. The user id is the targeting key.
func Unleash(text []byte) (out []Flag, problems []Problem, err error) {
	var file struct {
		Features            []unleashFeature  `json:"features"`
		FeatureStrategies   []unleashStrategy `json:"featureStrategies"`
		FeatureEnvironments []struct {
			FeatureName string            `json:"featureName"`
			Enabled     bool              `json:"enabled"`
			Variants    []json.RawMessage `json:"variants"`
		} `json:"featureEnvironments"`
	}
	if err := json.Unmarshal(text, &file); err != nil || file.Features == nil {
		return nil, nil, errors.Join(errors.New(`the file is no export of Unleash's; it has "features"`), err)
	}
	for _, f := range file.Features {
		for _, s := range file.FeatureStrategies {
			if s.FeatureName == f.Name {
				f.Strategies = append(f.Strategies, s)
			}
		}
		for _, e := range file.FeatureEnvironments {
			if e.FeatureName == f.Name {
				f.Enabled = e.Enabled
				f.Variants = append(f.Variants, e.Variants...)
			}
		}
		converted, err := unleashFlag(f)
		if err != nil {
			problems = append(problems, Problem{f.Name, err.Error()})
			continue
		}
		out = append(out, converted)
	}
	return byKey(out), problems, nil
}

func unleashFlag(from unleashFeature) (Flag, error) {
	f := Flag{Key: from.Name, Type: string(flags.Boolean), Variants: []Variant{{"on", json.RawMessage("true")}, {"off", json.RawMessage("false")}}}
	if len(from.Variants) > 0 || len(from.Dependencies) > 0 {
		return f, errors.New("it has variants or dependencies, which this import does not translate")
	}
	rules := []any{}
	fallback := "off"
	for i, s := range from.Strategies {
		if s.Disabled {
			continue
		}
		conditions, err := unleashConditions(from.Name, s)
		if err != nil {
			return f, fmt.Errorf("its strategy %d %w", i+1, err)
		}
		if len(conditions) == 0 {
			conditions = everybody()
		}
		rules = append(rules, map[string]any{"if": conditions, "serve": map[string]any{"variant": "on"}})
	}
	if len(from.Strategies) == 0 {
		fallback = "on" // a feature without strategies is on for everybody
	}
	f.Setting = map[string]any{"on": from.Enabled, "off": "off", "rules": rules, "default": map[string]any{"variant": fallback}}
	return f, nil
}

func unleashConditions(feature string, s unleashStrategy) (out []any, err error) {
	if len(s.Segments) > 0 || len(s.Variants) > 0 {
		return nil, errors.New("has segments or variants, which this import does not translate")
	}
	out = []any{}
	for _, c := range s.Constraints {
		condition, err := unleashConditionOf(c)
		if err != nil {
			return nil, err
		}
		out = append(out, condition)
	}
	switch s.Name {
	case "default":
		return out, nil
	case "userWithId":
		ids := []any{}
		text, _ := s.Parameters["userIds"].(string)
		for id := range strings.SplitSeq(text, ",") {
			ids = append(ids, strings.TrimSpace(id))
		}
		return append(out, map[string]any{"attribute": flags.TargetingKey, "operator": "in", "values": ids}), nil
	case "flexibleRollout":
		slice, err := unleashRollout(feature, s.Parameters)
		return append(out, map[string]any{"slice": slice}), err
	}
	return nil, fmt.Errorf("is %s, which has no equal here", s.Name)
}

func unleashRollout(feature string, parameters map[string]any) (map[string]any, error) {
	percentage, err := strconv.ParseFloat(strings.TrimSpace(fmt.Sprint(parameters["rollout"])), 64)
	if err != nil || percentage < 0 || percentage > 100 || percentage != float64(int(percentage)) {
		return nil, fmt.Errorf("has the rollout %v, which is no whole percentage", parameters["rollout"])
	}
	group, _ := parameters["groupId"].(string)
	if group == "" {
		group = feature
	}
	slice := map[string]any{"algorithm": flags.UnleashRolloutV1, "salt": group, "total": 100, "ranges": []any{map[string]any{"from": 0, "to": int(percentage)}}}
	switch by, _ := parameters["stickiness"].(string); by {
	case "userId", "default", "":
	case "random":
		return nil, errors.New("is sticky to nothing; here a unit keeps what it gets")
	default:
		slice["by"] = by
	}
	return slice, nil
}

func unleashConditionOf(c unleashConstraint) (any, error) {
	operator, known := map[string]string{"IN": "in", "NOT_IN": "not_in", "STR_STARTS_WITH": "starts_with", "STR_ENDS_WITH": "ends_with", "STR_CONTAINS": "contains"}[c.Operator]
	if !known || len(c.Values) == 0 {
		return nil, fmt.Errorf("has the constraint %s %s, which this import does not translate", c.ContextName, c.Operator)
	}
	attribute := c.ContextName
	if attribute == "userId" {
		attribute = flags.TargetingKey
	}
	values := slices.Clone(c.Values)
	condition := map[string]any{"attribute": attribute, "operator": operator, "values": values}
	if c.CaseInsensitive && strings.HasPrefix(c.Operator, "STR_") {
		condition["ignore_case"] = true
	}
	if c.Inverted {
		condition["not"] = true
	}
	return condition, nil
}
