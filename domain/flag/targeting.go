package flag

import (
	"fmt"
	"slices"

	"github.com/assayhq/assay/domain"
)

const (
	maxRules     = 200
	maxAttribute = 256
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
	if t.Overrides, err = checkOverrides(s, t.Overrides); err != nil {
		return t, err
	}
	if err := checkHoldouts(s, &t); err != nil {
		return t, err
	}
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
	if err := domain.CheckText(pointer+"/description", "description", r.Description, false, domain.MaxDescription); err != nil {
		return err
	}
	conditions := domain.ConditionChecker{Salt: Salt(s.Project, s.Key) + "if/"}
	checked, err := conditions.Check(r.If, pointer+"/if")
	if err != nil {
		return err
	}
	r.If = checked
	return checkServe(s, &r.Serve, pointer+"/serve")
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
	b, err := domain.CheckBucketing(domain.Bucketing{
		Algorithm: split.Algorithm, Salt: split.Salt, By: split.By, Strings: split.Strings, Total: split.Total,
	}, Salt(s.Project, s.Key), pointer)
	if err != nil {
		return err
	}
	split.Algorithm, split.Salt, split.Total = b.Algorithm, b.Salt, b.Total
	split.Weights = slices.Clone(split.Weights)
	if err := checkWeights(s, *split, pointer+"/weights"); err != nil {
		return err
	}
	split.Layout = slices.Clone(split.Layout)
	if len(split.Layout) == 0 {
		split.Layout = nil
	}
	return checkLayout(s, *split, pointer+"/layout")
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

// checkLayout refuses a layout that has other sums than the weights.
func checkLayout(s State, split Split, pointer string) error {
	if len(split.Layout) > maxLayout {
		return domain.Invalid(pointer, "a layout has at most %d ranges, this one %d", maxLayout, len(split.Layout)).WithCode("layout_too_fragmented")
	}
	for _, w := range split.Layout {
		if err := checkServed(pointer, s.Variants, w.Variant); err != nil {
			return err
		}
		if w.Weight > split.Total {
			return domain.Invalid(pointer, "a range of the layout is larger than the total of %d", split.Total).WithCode("layout_does_not_sum")
		}
	}
	return nil
}

const (
	maxOverrides     = 100
	maxOverrideUnits = 10_000
	maxUnit          = 512
	maxHoldouts      = 20
)

// checkOverrides refuses lists that are better made segments of.
func checkOverrides(s State, all []Override) ([]Override, error) {
	if len(all) > maxOverrides {
		return nil, domain.Invalid("/overrides", "an environment has at most %d overrides, this one %d; make segments of them", maxOverrides, len(all)).WithCode("too_many_overrides")
	}
	all = slices.Clone(all)
	units := 0
	for i, o := range all {
		at := fmt.Sprintf("/overrides/%d", i)
		if err := checkServed(at+"/variant", s.Variants, o.Variant); err != nil {
			return nil, err
		}
		if err := domain.CheckText(at+"/by", "attribute", o.By, false, maxAttribute); err != nil {
			return nil, err
		}
		if units += len(o.Units); len(o.Units) == 0 || units > maxOverrideUnits {
			return nil, domain.Invalid(at+"/units", "overrides name at least one unit and %d in all at most; make a segment of more", maxOverrideUnits).WithCode("wrong_number_of_units")
		}
		for j, unit := range o.Units {
			if err := domain.CheckText(fmt.Sprintf("%s/units/%d", at, j), "unit", unit, true, maxUnit); err != nil {
				return nil, err
			}
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all, nil
}

func checkHoldouts(s State, t *Targeting) error {
	if len(t.Holdouts) > maxHoldouts {
		return domain.Invalid("/holdouts", "an environment has at most %d holdouts, this one %d", maxHoldouts, len(t.Holdouts)).WithCode("too_many_holdouts")
	}
	for i, h := range t.Holdouts {
		at := fmt.Sprintf("/holdouts/%d", i)
		if err := domain.At(at, domain.CheckKey("holdout", h)); err != nil {
			return err
		}
		if slices.Contains(t.Holdouts[:i], h) {
			return domain.Invalid(at, "the holdout %q is there twice; leave one out", h).WithCode("duplicate_holdout")
		}
	}
	t.Holdouts = slices.Clone(t.Holdouts)
	if len(t.Holdouts) == 0 {
		t.Holdouts = nil
	}
	if t.Held == "" {
		return nil
	}
	return checkServed("/held", s.Variants, t.Held)
}

// checkWithin completes the slices that limit an experiment.
func checkWithin(c *AttachExperiment) error {
	if c.Layer != "" {
		if err := domain.At("/layer", domain.CheckKey("layer", c.Layer)); err != nil {
			return err
		}
	}
	c.Within = slices.Clone(c.Within)
	for i := range c.Within {
		if err := domain.CheckSlice(&c.Within[i], "", fmt.Sprintf("/within/%d", i)); err != nil {
			return err
		}
	}
	return nil
}
