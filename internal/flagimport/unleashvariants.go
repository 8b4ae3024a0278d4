package flagimport

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/assayhq/assay/flags"
)

type unleashVariant struct {
	Name    string `json:"name"`
	Weight  int    `json:"weight"`
	Payload *struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	} `json:"payload"`
	Stickiness string            `json:"stickiness"`
	Overrides  []unleashOverride `json:"overrides"`
}

type unleashOverride struct {
	ContextName string   `json:"contextName"`
	Values      []string `json:"values"`
}

// unleashValues are the variants of a feature, of all its strategies: a name may have another payload in each.
type unleashValues struct {
	variants
	named []unleashNamed
}

type unleashNamed struct {
	name, key, payload string
}

// gather names the variants.
func (v *unleashValues) gather(from *unleashFeature) error {
	var all []unleashVariant
	for _, s := range from.Strategies {
		if !s.Disabled {
			all = append(all, s.Variants...)
		}
	}
	all = append(all, from.Variants...)
	typ := commonType(all)
	for _, one := range all {
		if v.key(one) != "" {
			continue
		}
		key := one.Name
		if slices.ContainsFunc(v.named, func(n unleashNamed) bool { return n.key == key }) {
			key = fmt.Sprintf("%s-%d", one.Name, len(v.named))
		}
		if err := v.variants.named(key, one.value(typ)); err != nil {
			return err
		}
		v.named = append(v.named, unleashNamed{one.Name, key, one.payload()})
	}
	return nil
}

// commonType is the type that all payloads have. Where they have none they are texts, as they are in the file.
func commonType(all []unleashVariant) (typ flags.Type) {
	for _, one := range all {
		t := one.typ()
		switch {
		case typ == "" || typ == flags.Integer && t == flags.Float:
			typ = t
		case t != typ && (typ != flags.Float || t != flags.Integer):
			typ = flags.String
		}
	}
	return typ
}

// key is what a variant is called here.
func (v *unleashValues) key(of unleashVariant) string {
	for _, n := range v.named {
		if n.name == of.Name && n.payload == of.payload() {
			return n.key
		}
	}
	return ""
}

func (v *unleashVariant) payload() string {
	if v.Payload == nil {
		return ""
	}
	return v.Payload.Type + " " + v.Payload.Value
}

func (v *unleashVariant) typ() flags.Type {
	if v.Payload == nil || v.Payload.Type != "json" && v.Payload.Type != "number" {
		return flags.String
	}
	switch t := typeOfValue(json.RawMessage(v.Payload.Value)); {
	case t == flags.Object && v.Payload.Type == "json", (t == flags.Integer || t == flags.Float) && v.Payload.Type == "number":
		return t
	}
	return flags.String
}

func (v *unleashVariant) value(t flags.Type) json.RawMessage {
	switch {
	case v.Payload == nil:
		return raw(v.Name)
	case t == flags.String:
		return raw(v.Payload.Value)
	}
	return json.RawMessage(v.Payload.Value)
}

// variantFlag serves the variant that an enabled feature has. Whoever gets none goes on with the application's own value.
func (u *unleashImport) variantFlag(from *unleashFeature, steps []unleashStep) (Flag, error) {
	values := unleashValues{}
	if err := values.gather(from); err != nil {
		return Flag{}, err
	}
	var rules rules
	without := []flags.Condition{} // those who are enabled by a strategy that gives them no variant
	for _, s := range steps {
		group, all := from.Name, from.Variants
		if len(s.Variants) > 0 {
			all = s.Variants
			group, _ = s.Parameters["groupId"].(string)
			if group == "" {
				return Flag{}, errors.New("a strategy with variants has no groupId, and SDKs disagree about what that means")
			}
		}
		if len(all) == 0 {
			without = append(without, s.condition)
			continue
		}
		if err := u.variantRules(&rules, &values, group, all, allOf(not(anyOf(without...)), s.condition)); err != nil {
			return Flag{}, err
		}
	}
	if rules == nil {
		rules = []Rule{}
	}
	return Flag{
		Key: from.Name + ".variant", Type: string(values.typ), Variants: values.all,
		Setting: Setting{On: from.Enabled, Rules: rules, Default: Serve{CallerDefault: true}},
	}, nil
}

// variantRules are the overrides, and then the split by weights, for those who meet the condition.
func (u *unleashImport) variantRules(out *rules, values *unleashValues, group string, all []unleashVariant, condition flags.Condition) error {
	split := flags.Split{Algorithm: flags.UnleashVariantV1, Salt: group, Strings: u.reading()}
	for _, v := range all {
		for _, o := range v.Overrides {
			out.add("", "", allOf(condition, unleashIn(unleashField(o.ContextName), o.Values)), variant(values.key(v)))
		}
		if v.Weight < 0 {
			return fmt.Errorf("its variant %s has the weight %d", v.Name, v.Weight)
		}
		split.Total += uint32(v.Weight)                                                                       //nolint:gosec // not negative
		split.Weights = append(split.Weights, flags.Weight{Variant: values.key(v), Weight: uint32(v.Weight)}) //nolint:gosec // not negative
	}
	if split.Total == 0 {
		return errors.New("its variants have no weight")
	}
	switch by := all[0].Stickiness; by {
	case "", "default":
		// The first of these that is there is the unit.
		for _, by := range []string{"", sessionID, remoteAddress} {
			of := split
			of.By = by
			out.add("", "", allOf(condition, unleashHas(by)), serveSplit(of))
		}
		out.add("", "", condition, serveSplit(split))
	case "random":
		return errors.New("its variants are sticky to nothing; here a unit keeps what it gets")
	case "userId":
		out.add("", "", condition, serveSplit(split))
	default:
		split.By = by
		out.add("", "", condition, serveSplit(split))
	}
	return nil
}

func unleashHas(by string) flags.Condition {
	if by == "" {
		return theKey.exists()
	}
	at := where{attribute: by}
	return allOf(at.exists(), not(at.is(flags.Equals, "")))
}
