package flag

import (
	"fmt"

	"github.com/assayhq/assay/domain"
)

const maxVariants = 100

func checkEnvironment(key domain.EnvironmentKey) error {
	return domain.At("/environment", domain.CheckProjectKey("environment", key))
}

// checkVariants returns the variants with their values compacted.
func checkVariants(t Type, variants []Variant) ([]Variant, error) {
	switch t {
	case Boolean, String, Integer, Float, Object:
	default:
		return nil, domain.Invalid("/type", "the type of a flag is boolean, string, integer, float or object, not %q", t).WithCode("unknown_type")
	}
	if len(variants) == 0 || len(variants) > maxVariants {
		return nil, domain.Invalid("/variants", "a %s flag has 1 to %d variants, this one %d; change their number", t, maxVariants, len(variants)).WithCode("wrong_number_of_variants")
	}
	checked := make([]Variant, len(variants))
	for i, v := range variants {
		if err := domain.CheckVariant(v.Key); err != nil {
			return nil, domain.At(fmt.Sprintf("/variants/%d/key", i), err)
		}
		if find(variants[:i], v.Key) != nil {
			return nil, domain.Invalid(fmt.Sprintf("/variants/%d/key", i), "the variant %q is there twice; leave one out", v.Key).WithCode("duplicate_variant")
		}
		value, err := checkValue(t, v.Value)
		if err != nil {
			return nil, domain.Invalid(fmt.Sprintf("/variants/%d/value", i), "the value of the variant %q %s", v.Key, err.Error()).WithCode("wrong_value_type")
		}
		checked[i] = Variant{Key: v.Key, Value: value}
	}
	return checked, nil
}

func find(variants []Variant, key domain.VariantKey) *Variant {
	for i := range variants {
		if variants[i].Key == key {
			return &variants[i]
		}
	}
	return nil
}

// checkServed refuses a variant that the flag doesn't have.
func checkServed(pointer string, variants []Variant, key domain.VariantKey) error {
	if find(variants, key) == nil {
		return domain.Invalid(pointer, "the flag has no variant %q; name one of its variants", key).WithCode("unknown_variant")
	}
	return nil
}

// servedWhere names an environment that serves the variant, and the experiment it is an arm of; both empty when there is none.
func servedWhere(s State, key domain.VariantKey) (where string, experiment domain.ExperimentKey) {
	if key == s.Default || key == s.Off {
		where = "environments whose targeting was never changed"
	}
	for _, setting := range s.Environments {
		in, environment := setting.Environment, setting.Key
		if serves(in, key) {
			where = string(environment)
		}
		if in.Experiment != nil && in.Experiment.Split.serves(key) {
			return string(environment), in.Experiment.Experiment
		}
	}
	return where, ""
}

func serves(in Environment, key domain.VariantKey) bool {
	if in.Targeting.Off == key || in.Targeting.Held == key || in.Targeting.Default.serves(key) || in.Targeting.Logic.names(key) {
		return true
	}
	for _, o := range in.Targeting.Overrides {
		if o.Variant == key {
			return true
		}
	}
	for _, r := range in.Targeting.Rules {
		if r.Serve.serves(key) {
			return true
		}
	}
	return false
}

func (s Serve) serves(key domain.VariantKey) bool {
	return s.Variant == key || s.Split != nil && s.Split.serves(key)
}

func (s Split) serves(key domain.VariantKey) bool {
	for _, w := range s.Weights {
		if w.Variant == key {
			return true
		}
	}
	return false
}
