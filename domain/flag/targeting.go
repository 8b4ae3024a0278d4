package flag

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/assayhq/assay/domain"
)

const (
	maxRules      = 200
	maxConditions = 50
	maxValues     = 1_000
	maxAttribute  = 256
	maxSalt       = 128
)

// checkTargeting returns the targeting with rules named and splits completed.
func checkTargeting(s State, t Targeting) (Targeting, error) {
	if len(t.Rules) > maxRules {
		return t, domain.Invalid("/rules", "an environment has at most %d rules, this one %d; join some", maxRules, len(t.Rules)).WithCode("too_many_rules")
	}
	rules := slices.Clone(t.Rules)
	if err := nameRules(rules); err != nil {
		return t, err
	}
	for i := range rules {
		if err := checkRule(s, &rules[i], fmt.Sprintf("/rules/%d", i)); err != nil {
			return t, err
		}
	}
	t.Rules = rules
	if len(rules) == 0 {
		t.Rules = nil
	}
	var err error
	if t.Logic, err = checkLogic(t.Logic); err != nil {
		return t, err
	}
	if t.Default != (Serve{CallerDefault: true}) {
		if err := checkServe(s, &t.Default, "/default"); err != nil {
			return t, err
		}
	}
	if t.OffCallerDefault && t.Off == "" {
		return t, nil
	}
	t.OffCallerDefault = false
	return t, checkServed("/off", s.Variants, t.Off)
}

// nameRules gives "rule-N" to the rules without an id.
func nameRules(rules []Rule) error {
	taken := map[string]bool{}
	for i, r := range rules {
		if r.ID == "" {
			continue
		}
		if err := domain.CheckKey("rule", r.ID); err != nil {
			return domain.At(fmt.Sprintf("/rules/%d/id", i), err)
		}
		if taken[r.ID] {
			return domain.Invalid(fmt.Sprintf("/rules/%d/id", i), "the rule id %q is there twice; ids are unique", r.ID).WithCode("duplicate_rule")
		}
		taken[r.ID] = true
	}
	next := 1
	for i := range rules {
		for rules[i].ID == "" {
			if id := fmt.Sprintf("rule-%d", next); !taken[id] {
				rules[i].ID = id
			}
			next++
		}
	}
	return nil
}

func checkRule(s State, r *Rule, pointer string) error {
	if err := domain.CheckText(pointer+"/description", "description", r.Description, false, maxDescription); err != nil {
		return err
	}
	if len(r.If) == 0 || len(r.If) > maxConditions {
		return domain.Invalid(pointer+"/if", "a rule has 1 to %d conditions, this one %d; what is served to everybody belongs into default", maxConditions, len(r.If)).WithCode("wrong_number_of_conditions")
	}
	r.If = slices.Clone(r.If)
	for i := range r.If {
		if err := checkCondition(&r.If[i], fmt.Sprintf("%s/if/%d", pointer, i)); err != nil {
			return err
		}
	}
	return checkServe(s, &r.Serve, pointer+"/serve")
}

// checkCondition compacts the values, so that the same condition is the same bytes.
func checkCondition(c *Condition, pointer string) error {
	if err := domain.CheckText(pointer+"/attribute", "attribute", c.Attribute, true, maxAttribute); err != nil {
		return err
	}
	least, most, kind := 1, maxValues, "scalar"
	switch c.Operator {
	case Equals, NotEquals:
		most = 1
	case In, NotIn:
	case Contains, StartsWith, EndsWith:
		kind = "string"
	case Greater, GreaterOrEqual, Less, LessOrEqual:
		most, kind = 1, "number"
	case Exists, NotExists:
		least, most = 0, 0
	default:
		return domain.Invalid(pointer+"/operator", "there is no operator %q; use one of the documented ones, such as equals or in", c.Operator).WithCode("unknown_operator")
	}
	if len(c.Values) < least || len(c.Values) > most {
		return domain.Invalid(pointer+"/values", "the operator %s takes %s, not %d", c.Operator, arity(least, most, kind), len(c.Values)).WithCode("wrong_number_of_values")
	}
	var values []json.RawMessage
	for i, v := range c.Values {
		text, ok := compact(v)
		if !ok || len(text) > maxValue || !isScalar(text, kind) {
			return domain.Invalid(fmt.Sprintf("%s/values/%d", pointer, i), "the operator %s compares with a %s; give it one", c.Operator, kind).WithCode("wrong_value_type")
		}
		values = append(values, text)
	}
	c.Values = values
	return nil
}

func arity(least, most int, kind string) string {
	switch {
	case most == 0:
		return "no values"
	case least == most:
		return "exactly one " + kind
	default:
		return fmt.Sprintf("1 to %d %ss", most, kind)
	}
}

func isScalar(v json.RawMessage, kind string) bool {
	var value any
	if json.Unmarshal(v, &value) != nil {
		return false
	}
	switch value.(type) {
	case string:
		return kind != "number"
	case float64:
		return kind != "string"
	case bool:
		return kind == "scalar"
	}
	return false
}

func checkServe(s State, serve *Serve, pointer string) error {
	switch {
	case serve.CallerDefault:
		return domain.Invalid(pointer, "only the default may be the caller's, and then it has no variant or split; serve one of them").WithCode("serve_variant_or_split")
	case serve.Variant != "" && serve.Split == nil:
		return checkServed(pointer+"/variant", s.Variants, serve.Variant)
	case serve.Variant == "" && serve.Split != nil:
		split := *serve.Split
		serve.Split = &split
		return checkSplit(s, serve.Split, pointer+"/split")
	default:
		return domain.Invalid(pointer, "serve either one variant or a split, not both and not neither").WithCode("serve_variant_or_split")
	}
}

// checkSplit completes the split: algorithm, salt and total are recorded even where the defaults apply.
func checkSplit(s State, split *Split, pointer string) error {
	if split.Algorithm == "" {
		split.Algorithm = domain.BucketingV1
	}
	if split.Algorithm != domain.BucketingV1 {
		return domain.Invalid(pointer+"/algorithm", "there is no bucketing algorithm %q; leave it out for %s", split.Algorithm, domain.BucketingV1).WithCode("unknown_algorithm")
	}
	if split.Salt == "" {
		split.Salt = Salt(s.Project, s.Key)
	}
	if err := domain.CheckText(pointer+"/salt", "salt", split.Salt, true, maxSalt); err != nil {
		return err
	}
	if err := domain.CheckText(pointer+"/by", "attribute to split by", split.By, false, maxAttribute); err != nil {
		return err
	}
	if split.Total == 0 {
		split.Total = domain.DefaultTotal
	}
	if split.Total > domain.MaxTotal {
		return domain.Invalid(pointer+"/total", "the total of the weights is at most %d; choose a smaller one", domain.MaxTotal).WithCode("total_too_large")
	}
	split.Weights = slices.Clone(split.Weights)
	return checkWeights(s, *split, pointer+"/weights")
}

func checkWeights(s State, split Split, pointer string) error {
	if len(split.Weights) == 0 {
		return domain.Invalid(pointer, "a split needs weights; give each variant its part of %d", split.Total).WithCode("weights_do_not_sum")
	}
	var sum uint64
	for i, w := range split.Weights {
		at := fmt.Sprintf("%s/%d/variant", pointer, i)
		if err := checkServed(at, s.Variants, w.Variant); err != nil {
			return err
		}
		if slices.ContainsFunc(split.Weights[:i], func(o VariantWeight) bool { return o.Variant == w.Variant }) {
			return domain.Invalid(at, "the variant %q is there twice; leave one out", w.Variant).WithCode("duplicate_variant")
		}
		sum += uint64(w.Weight)
	}
	if sum != uint64(split.Total) {
		return domain.Invalid(pointer, "the weights add up to %d, but must add up to %d; change the weights or the total", sum, split.Total).WithCode("weights_do_not_sum")
	}
	return nil
}
