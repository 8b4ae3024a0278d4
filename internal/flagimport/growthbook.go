package flagimport

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/assayhq/assay/flags"
)

// gbFeature is a feature of GrowthBook's SDK payload.
type gbFeature struct {
	DefaultValue json.RawMessage `json:"defaultValue"`
	Rules        []gbRule        `json:"rules"`
}

type gbRule struct {
	Condition     map[string]any    `json:"condition"`
	Force         json.RawMessage   `json:"force"`
	Coverage      *float64          `json:"coverage"`
	HashAttribute string            `json:"hashAttribute"`
	HashVersion   int               `json:"hashVersion"`
	Seed          string            `json:"seed"`
	Key           string            `json:"key"`
	Variations    []json.RawMessage `json:"variations"`
	Weights       []float64         `json:"weights"`
	Active        *bool             `json:"active"`
}

// GrowthBook reads the features of GrowthBook's SDK endpoint or of an export of the same form. A unit keeps its bucket: the
// hash and seed are recorded. What the targeting language has and a condition here has not is a problem of that feature.
func GrowthBook(text []byte) (out []Flag, problems []Problem, err error) {
	var file struct {
		Features map[string]json.RawMessage `json:"features"`
	}
	if err := json.Unmarshal(text, &file); err != nil || file.Features == nil {
		return nil, nil, errors.Join(errors.New(`the file is no payload of GrowthBook's; it has "features"`), err)
	}
	for _, key := range slices.Sorted(maps.Keys(file.Features)) {
		f, err := growthBookFlag(key, file.Features[key])
		if err != nil {
			problems = append(problems, Problem{key, err.Error()})
			continue
		}
		out = append(out, f)
	}
	return out, problems, nil
}

// gbKnown are the members of a rule that are read or mean nothing to a decision; any other is a problem.
func gbKnown(name string) bool {
	return slices.Contains([]string{
		"id", "name", "description", "condition", "force", "coverage", "hashAttribute", "hashVersion", "seed", "key", "variations", "weights", "active", "meta", "phase", "tracks",
	}, name)
}

func growthBookFlag(key string, text json.RawMessage) (Flag, error) {
	var feature gbFeature
	var members struct {
		Rules []map[string]json.RawMessage `json:"rules"`
	}
	if err := errors.Join(json.Unmarshal(text, &feature), json.Unmarshal(text, &members)); err != nil {
		return Flag{}, fmt.Errorf("it cannot be read: %w", err)
	}
	for i, m := range members.Rules {
		for name := range m {
			if !gbKnown(name) {
				return Flag{}, fmt.Errorf("its rule %d has %q, which has no equal here", i+1, name)
			}
		}
	}
	c := gbConverter{key: key}
	fallback, err := c.variant(feature.DefaultValue)
	if err != nil {
		return Flag{}, err
	}
	rules := []any{}
	for i, r := range feature.Rules {
		converted, err := c.rule(r)
		if err != nil {
			return Flag{}, fmt.Errorf("its rule %d %w", i+1, err)
		}
		rules = append(rules, converted...)
	}
	f := Flag{Key: key, Type: string(c.typ), Variants: c.variants}
	f.Setting = map[string]any{"on": true, "off": fallback, "default": map[string]any{"variant": fallback}, "rules": rules}
	return f, nil
}

// gbConverter turns one feature's values into variants.
type gbConverter struct {
	key      string
	typ      flags.Type
	variants []Variant
}

func (c *gbConverter) variant(value json.RawMessage) (string, error) {
	t := typeOfValue(value)
	if t == "" {
		return "", fmt.Errorf("it has the value %s, which is none that a flag here can have", short(value))
	}
	switch {
	case c.typ == "" || c.typ == flags.Integer && t == flags.Float:
		c.typ = t
	case t != c.typ && (c.typ != flags.Float || t != flags.Integer):
		return "", errors.New("its values are not all of one type")
	}
	for _, v := range c.variants {
		if same([]any{v.Value}, []any{value}) {
			return v.Key, nil
		}
	}
	name := fmt.Sprintf("value-%d", len(c.variants))
	if t == flags.Boolean {
		name = map[string]string{"true": "on", "false": "off"}[string(value)]
	}
	c.variants = append(c.variants, Variant{name, value})
	return name, nil
}

func typeOfValue(raw json.RawMessage) flags.Type {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return ""
	}
	switch v := value.(type) {
	case bool:
		return flags.Boolean
	case string:
		return flags.String
	case float64:
		if v == math.Trunc(v) {
			return flags.Integer
		}
		return flags.Float
	case map[string]any:
		return flags.Object
	}
	return ""
}

// gbTotal is fine enough for the ten thousand buckets of version 2 and the thousand of version 1.
const gbTotal = 10_000

func (c *gbConverter) rule(r gbRule) ([]any, error) {
	if r.Active != nil && !*r.Active {
		return nil, nil
	}
	conditions, err := gbConditions(r.Condition)
	if err != nil {
		return nil, err
	}
	if r.Force != nil {
		name, err := c.variant(r.Force)
		if err != nil {
			return nil, err
		}
		if r.Coverage != nil {
			// The bucket that is exactly the coverage is out, as in today's SDKs; before growthbook-golang 0.7 it was in.
			slice := r.slice(c.key, 0, gbCeil(r.version(), *r.Coverage))
			conditions = append(conditions, map[string]any{"slice": slice})
		}
		if len(conditions) == 0 {
			conditions = everybody()
		}
		return []any{map[string]any{"if": conditions, "serve": map[string]any{"variant": name}}}, nil
	}
	return c.experiment(r, conditions)
}

// everybody is a condition that always holds, for a rule that has none.
func everybody() []any { return []any{map[string]any{"any": []any{exists(true), exists(false)}}} }

func exists(there bool) any {
	return map[string]any{"attribute": flags.TargetingKey, "operator": map[bool]string{true: "exists", false: "not_exists"}[there]}
}

// experiment is a rule for each variation: its range of buckets, as far as the coverage goes.
func (c *gbConverter) experiment(r gbRule, conditions []any) (out []any, err error) {
	if len(r.Variations) == 0 {
		return nil, errors.New("serves nothing")
	}
	weights := r.Weights
	if len(weights) == 0 {
		for range r.Variations {
			weights = append(weights, 1/float64(len(r.Variations)))
		}
	}
	if len(weights) != len(r.Variations) {
		return nil, errors.New("has another number of weights than of variations")
	}
	coverage := 1.0
	if r.Coverage != nil {
		coverage = *r.Coverage
	}
	start := 0.0
	for i, value := range r.Variations {
		name, err := c.variant(value)
		if err != nil {
			return nil, err
		}
		from, to := gbCeil(r.version(), start), gbCeil(r.version(), start+coverage*weights[i])
		start += weights[i]
		if from >= to {
			continue
		}
		rule := append(slices.Clone(conditions), map[string]any{"slice": r.slice(c.key, from, to)})
		out = append(out, map[string]any{"if": rule, "serve": map[string]any{"variant": name}})
	}
	return out, nil
}

func (r gbRule) version() int {
	if r.HashVersion == 2 {
		return 2
	}
	return 1
}

func gbStep(version int) int {
	if version == 2 {
		return 1
	}
	return gbTotal / 1000
}

// gbCeil is the first bucket, in parts of gbTotal, that is not below n. The comparison is the product's own, in floating point.
func gbCeil(version int, n float64) int { return min(gbFirst(version, n)*gbStep(version), gbTotal) }

func gbFirst(version int, n float64) int {
	buckets := float64(gbTotal / gbStep(version))
	k := max(int(n*buckets)-1, 0)
	for float64(k)/buckets < n && float64(k) < buckets {
		k++
	}
	return k
}

func (r gbRule) slice(feature string, from, to int) map[string]any {
	seed := r.Seed
	if seed == "" && r.Force == nil {
		seed = r.Key
	}
	if seed == "" {
		seed = feature
	}
	algorithm := flags.GrowthBookV1
	if r.version() == 2 {
		algorithm = flags.GrowthBookV2
	}
	by := r.HashAttribute
	if by == "" || by == "id" {
		by = "" // the unit itself: the targeting key
	}
	out := map[string]any{"algorithm": algorithm, "salt": seed, "total": gbTotal, "ranges": []any{map[string]any{"from": from, "to": min(to, gbTotal)}}}
	if by != "" {
		out["by"] = by
	}
	return out
}

// gbConditions are the conditions that say the same as one of GrowthBook's, which must all hold.
func gbConditions(condition map[string]any) (out []any, err error) {
	out = []any{}
	for _, name := range slices.Sorted(maps.Keys(condition)) {
		if strings.HasPrefix(name, "$") {
			return nil, fmt.Errorf("has %s in its condition, which this import does not translate", name)
		}
		attribute := name
		if name == "id" {
			attribute = flags.TargetingKey
		}
		operators, isObject := condition[name].(map[string]any)
		if !isObject {
			operators = map[string]any{"$eq": condition[name]}
		}
		for _, operator := range slices.Sorted(maps.Keys(operators)) {
			c, err := gbCondition(attribute, operator, operators[operator])
			if err != nil {
				return nil, err
			}
			out = append(out, c)
		}
	}
	return out, nil
}

func gbCondition(attribute, operator string, value any) (any, error) {
	names := map[string]string{"$eq": "equals", "$ne": "not_equals", "$in": "in", "$nin": "not_in", "$gt": "greater", "$gte": "greater_or_equal", "$lt": "less", "$lte": "less_or_equal"}
	name, known := names[operator]
	values, isList := value.([]any)
	if !isList {
		values = []any{value}
	}
	_, isNumber := value.(float64)
	for _, v := range values {
		switch v.(type) {
		case string, float64, bool:
		default:
			known = false
		}
	}
	compares := strings.HasPrefix(name, "greater") || strings.HasPrefix(name, "less")
	if !known || strings.Contains(attribute, ".") || compares && !isNumber || isList != (name == "in" || name == "not_in") {
		return nil, fmt.Errorf("has %s %s in its condition, which this import does not translate", attribute, operator)
	}
	return map[string]any{"attribute": attribute, "operator": name, "values": values}, nil
}
