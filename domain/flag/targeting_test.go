package flag_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/flag"
)

const salt = "shop.checkout/"

// values are JSON texts; none is an empty list, which is not nil.
func values(texts ...string) []json.RawMessage {
	out := []json.RawMessage{}
	for _, t := range texts {
		out = append(out, raw(t))
	}
	return out
}

func rule(id string, conditions ...flag.Condition) flag.Rule {
	if conditions == nil {
		conditions = []flag.Condition{{Attribute: "plan", Operator: flag.Equals, Values: values(`"pro"`)}}
	}
	return flag.Rule{ID: id, If: conditions, Serve: flag.Serve{Variant: "on"}}
}

func targeting(rules ...flag.Rule) flag.Targeting {
	return flag.Targeting{Rules: rules, Default: flag.Serve{Variant: "off"}, Off: "off"}
}

func change(targeting flag.Targeting) flag.Command {
	return flag.ChangeTargeting{Environment: "production", Targeting: targeting}
}

func changed(targeting flag.Targeting) flag.Event {
	return flag.TargetingChanged{Environment: "production", Targeting: targeting}
}

func TestChangingTargeting(t *testing.T) {
	split := halves(salt)
	domaintest.Run(t, flag.Aggregate, []spec{
		{Name: "rules without an id are numbered", Given: events{created()}, When: change(targeting(rule(""), rule(""))), Then: events{changed(targeting(rule("rule-1"), rule("rule-2")))}},
		{
			Name: "with the smallest number that is free", Given: events{created()}, When: change(targeting(rule(""), rule("rule-2"), rule(""), rule("mine"))),
			Then: events{changed(targeting(rule("rule-1"), rule("rule-2"), rule("rule-3"), rule("mine")))},
		},
		{Name: "the same again records nothing", Given: events{created(), changed(targeting(rule("rule-1")))}, When: change(targeting(rule("")))},
		{
			Name: "the same again, spaced otherwise, records nothing", Given: events{created(), changed(targeting(rule("rule-1")))},
			When: change(targeting(rule("rule-1", flag.Condition{Attribute: "plan", Operator: flag.Equals, Values: values(` "pro" `)}))),
		},
		{Name: "what untouched environments serve is not recorded again", Given: events{created()}, When: change(flag.Targeting{Rules: []flag.Rule{}, Default: flag.Serve{Variant: "on"}, Off: "off"})},
		{
			Name: "salt, algorithm and total of a split are recorded", Given: events{created()},
			When: change(flag.Targeting{Default: flag.Serve{Split: &flag.Split{Weights: split.Weights}}, Off: "off"}),
			Then: events{changed(flag.Targeting{Default: flag.Serve{Split: &split}, Off: "off"})},
		},
		{
			Name: "an imported split keeps its salt and total", Given: events{created()},
			When: change(flag.Targeting{Default: flag.Serve{Split: &flag.Split{Salt: "ld", Total: 1, By: "company", Weights: []flag.VariantWeight{{Variant: "on", Weight: 1}, {Variant: "off"}}}}, Off: "off"}),
			Then: events{changed(flag.Targeting{
				Default: flag.Serve{Split: &flag.Split{Algorithm: domain.BucketingV1, Salt: "ld", Total: 1, By: "company", Weights: []flag.VariantWeight{{Variant: "on", Weight: 1}, {Variant: "off"}}}}, Off: "off",
			})},
		},
		{Name: "200 rules are allowed", Given: events{created()}, When: change(targeting(numbered(200)...)), Then: events{changed(targeting(numbered(200)...))}},
		{Name: "201 are not", Given: events{created()}, When: change(targeting(numbered(201)...)), Refused: "too_many_rules", Pointer: "/rules"},
		{Name: "an id names one rule", Given: events{created()}, When: change(targeting(rule("a"), rule("a"))), Refused: "duplicate_rule", Pointer: "/rules/1/id"},
		{Name: "an id is a key", Given: events{created()}, When: change(targeting(rule("a b"))), Refused: "bad_key", Pointer: "/rules/0/id"},
		{Name: "the default is served", Given: events{created()}, When: change(flag.Targeting{Off: "off"}), Refused: "serve_variant_or_split", Pointer: "/default"},
		{Name: "the default is a variant", Given: events{created()}, When: change(flag.Targeting{Default: flag.Serve{Variant: "x"}, Off: "off"}), Refused: "unknown_variant", Pointer: "/default/variant"},
		{Name: "off is a variant", Given: events{created()}, When: change(flag.Targeting{Default: flag.Serve{Variant: "on"}}), Refused: "unknown_variant", Pointer: "/off"},
		{Name: "an environment has a key", Given: events{created()}, When: flag.ChangeTargeting{Targeting: targeting()}, Refused: "bad_key", Pointer: "/environment"},
		{Name: "an archived flag stays as it is", Given: archived(), When: change(targeting()), Refused: "archived", Kind: domain.KindState},
		{Name: "what does not exist", When: change(targeting()), Refused: "not_found", Kind: domain.KindNotFound},
	})
}

func numbered(n int) []flag.Rule {
	var out []flag.Rule
	for i := range n {
		out = append(out, rule(fmt.Sprintf("rule-%d", i+1)))
	}
	return out
}

func TestSettingAnEnvironment(t *testing.T) {
	on, off, rules, none := true, false, []flag.Rule{rule("")}, []flag.Rule{}
	variant := domain.VariantKey("on")
	domaintest.Run(t, flag.Aggregate, []spec{
		{
			Name: "everything at once", Given: events{created()},
			When: flag.SetEnvironment{Environment: "production", On: &on, Rules: &rules, Default: &flag.Serve{Variant: "off"}, Off: &variant},
			Then: events{changed(flag.Targeting{Rules: []flag.Rule{rule("rule-1")}, Default: flag.Serve{Variant: "off"}, Off: "on"}), flag.TurnedOn{Environment: "production"}},
		},
		{Name: "the switch alone", Given: events{created()}, When: flag.SetEnvironment{Environment: "production", On: &on}, Then: events{flag.TurnedOn{Environment: "production"}}},
		{Name: "what is not given stays", Given: events{created(), changed(targeting(rule("a")))}, When: flag.SetEnvironment{Environment: "production", Default: &flag.Serve{Variant: "on"}}, Then: events{
			changed(flag.Targeting{Rules: []flag.Rule{rule("a")}, Default: flag.Serve{Variant: "on"}, Off: "off"}),
		}},
		{Name: "an empty list of rules takes them away", Given: events{created(), changed(targeting(rule("a")))}, When: flag.SetEnvironment{Environment: "production", Rules: &none}, Then: events{changed(targeting())}},
		{Name: "what is so already records nothing", Given: events{created()}, When: flag.SetEnvironment{Environment: "production", On: &off}},
		{Name: "nothing records nothing", Given: events{created()}, When: flag.SetEnvironment{Environment: "production"}},
		{Name: "all or none", Given: events{created()}, When: flag.SetEnvironment{Environment: "production", On: &on, Default: &flag.Serve{}}, Refused: "serve_variant_or_split"},
		{Name: "an environment has a key", Given: events{created()}, When: flag.SetEnvironment{On: &on}, Refused: "bad_key", Pointer: "/environment"},
		{Name: "an archived flag stays as it is", Given: archived(), When: flag.SetEnvironment{Environment: "production", On: &on}, Refused: "archived"},
		{Name: "what does not exist", When: flag.SetEnvironment{Environment: "production", On: &on}, Refused: "not_found", Kind: domain.KindNotFound},
	})
}

func TestConditionsOfARule(t *testing.T) {
	many := func(n int) []json.RawMessage {
		var out []json.RawMessage
		for i := range n {
			out = append(out, raw(fmt.Sprint(i)))
		}
		return out
	}
	for _, c := range []struct {
		operator flag.Operator
		values   []json.RawMessage
		refused  string
	}{
		{flag.Equals, values(`"a"`), ""},
		{flag.Equals, values("1"), ""},
		{flag.NotEquals, values("true"), ""},
		{flag.Equals, values(), "wrong_number_of_values"},
		{flag.NotEquals, values("1", "2"), "wrong_number_of_values"},
		{flag.Equals, values("null"), "wrong_value_type"},
		{flag.Equals, values("[1]"), "wrong_value_type"},
		{flag.Equals, values("{}"), "wrong_value_type"},
		{flag.Equals, values("a"), "wrong_value_type"},
		{flag.Equals, values("1e999"), "wrong_value_type"},
		{flag.Equals, values("\"\xff\""), "wrong_value_type"},
		{flag.Equals, values(""), "wrong_value_type"},
		{flag.In, many(1000), ""},
		{flag.In, values("1", `"1"`, "false"), ""},
		{flag.In, many(1001), "wrong_number_of_values"},
		{flag.NotIn, nil, "wrong_number_of_values"},
		{flag.Contains, values(`"a"`, `"b"`), ""},
		{flag.StartsWith, values(`""`), ""},
		{flag.EndsWith, values(`"a"`), ""},
		{flag.Contains, values("1"), "wrong_value_type"},
		{flag.EndsWith, nil, "wrong_number_of_values"},
		{flag.Greater, values("1"), ""},
		{flag.GreaterOrEqual, values("-1.5e3"), ""},
		{flag.Less, values("0"), ""},
		{flag.LessOrEqual, values("0"), ""},
		{flag.Greater, values(`"1"`), "wrong_value_type"},
		{flag.Less, values("true"), "wrong_value_type"},
		{flag.LessOrEqual, values("1", "2"), "wrong_number_of_values"},
		{flag.Exists, nil, ""},
		{flag.NotExists, nil, ""},
		{flag.Exists, values("1"), "wrong_number_of_values"},
		{"resembles", values(`"a"`), "unknown_operator"},
		{domain.Matches, values(`"^a$"`), ""},
		{domain.Matches, values(`"("`), "wrong_value"},
		{domain.NotMatches, many(51), "wrong_number_of_values"},
		{domain.NotContains, values(`"a"`), ""},
		{domain.Between, values("1", "2"), ""},
		{domain.Between, values("1"), "wrong_number_of_values"},
		{domain.Modulo, values("0", "1"), "wrong_value"},
		{domain.Modulo, values("4", "1"), ""},
		{domain.VersionEquals, values(`"v1.2"`), ""},
		{domain.VersionLess, values(`"1.2.3.4"`), "wrong_value"},
		{domain.VersionInRange, values(`"^1.2 || >= 2.0.0-rc.1 <3"`, `"1.x"`, `"1 - 2"`), ""},
		{domain.VersionInRange, values(`"^"`), "wrong_value"},
		{domain.Before, values(`"2026-03-01T12:00:00+02:00"`), ""},
		{domain.AfterOrAt, values(`"2026-03-01"`), ""},
		{domain.Before, values(`"2026-02-30"`), "wrong_value"},
		{domain.Before, values("1"), "wrong_value_type"},
		{domain.InNetwork, values(`"10.0.0.0/8"`, `"2001:db8::1"`), ""},
		{domain.InNetwork, values(`"10.0.0.0/33"`), "wrong_value"},
		{domain.IsType, values(`"list"`), ""},
		{domain.IsType, values(`"colour"`), "wrong_value"},
		{domain.IsEmpty, nil, ""},
		{domain.HasAll, values("1", `"a"`, "true"), ""},
		{domain.HasSize, values("1", "2"), ""},
		{"", nil, "unknown_operator"},
	} {
		condition := flag.Condition{Attribute: "a", Operator: c.operator, Values: c.values}
		s := spec{Name: fmt.Sprintf("%s %.20s", c.operator, c.values), Given: events{created()}, When: change(targeting(rule("a", condition))), Refused: c.refused}
		if c.refused == "" {
			s.Then = events{changed(targeting(rule("a", condition)))}
		}
		domaintest.Run(t, flag.Aggregate, []spec{s})
	}
}

func TestARuleIsWhole(t *testing.T) {
	refuse := func(name, code, pointer string, r flag.Rule) spec {
		return spec{Name: name, Given: events{created()}, When: change(targeting(rule(""), r)), Refused: code, Kind: domain.KindInvalid, Pointer: pointer}
	}
	serving := func(s flag.Serve) flag.Rule { r := rule(""); r.Serve = s; return r }
	split := func(s flag.Split) flag.Rule { return serving(flag.Serve{Split: &s}) }
	weights := func(w ...flag.VariantWeight) flag.Rule { return split(flag.Split{Weights: w}) }
	on, off := flag.VariantWeight{Variant: "on", Weight: 60_000}, flag.VariantWeight{Variant: "off", Weight: 40_000}
	described := rule("")
	described.Description = strings.Repeat("d", 4001)
	domaintest.Run(t, flag.Aggregate, []spec{
		refuse("it is for somebody", "wrong_number_of_conditions", "/rules/1/if", flag.Rule{Serve: flag.Serve{Variant: "on"}}),
		refuse("it has at most 50 conditions", "wrong_number_of_conditions", "/rules/1/if", rule("", make([]flag.Condition, 51)...)),
		refuse("a condition names an attribute", "missing", "/rules/1/if/0/attribute", rule("", flag.Condition{Operator: flag.Exists})),
		refuse("an attribute is a name", "too_long", "/rules/1/if/0/attribute", rule("", flag.Condition{Attribute: strings.Repeat("a", 257), Operator: flag.Exists})),
		refuse("a refused condition is named", "unknown_operator", "/rules/1/if/1/operator", rule("", flag.Condition{Attribute: "a", Operator: flag.Exists}, flag.Condition{Attribute: "a"})),
		refuse("its description has an end", "too_long", "/rules/1/description", described),
		refuse("it serves something", "serve_variant_or_split", "/rules/1/serve", serving(flag.Serve{})),
		refuse("it serves one thing", "serve_variant_or_split", "/rules/1/serve", serving(flag.Serve{Variant: "on", Split: &flag.Split{}})),
		refuse("it serves a variant of the flag", "unknown_variant", "/rules/1/serve/variant", serving(flag.Serve{Variant: "x"})),
		refuse("a split has weights", "weights_do_not_sum", "/rules/1/serve/split/weights", weights()),
		refuse("weights add up", "weights_do_not_sum", "/rules/1/serve/split/weights", weights(on)),
		refuse("weights add up without running over", "weights_do_not_sum", "", weights(flag.VariantWeight{Variant: "on", Weight: 1 << 31}, flag.VariantWeight{Variant: "off", Weight: 1<<31 + 100_000})),
		refuse("a variant has one weight", "duplicate_variant", "/rules/1/serve/split/weights/1/variant", weights(on, flag.VariantWeight{Variant: "on", Weight: 40_000})),
		refuse("a weight is a variant's", "unknown_variant", "/rules/1/serve/split/weights/1/variant", weights(on, flag.VariantWeight{Variant: "x", Weight: 40_000})),
		refuse("the total can be counted", "total_too_large", "/rules/1/serve/split/total", split(flag.Split{Total: 1 << 31, Weights: []flag.VariantWeight{on, off}})),
		refuse("the algorithm is known", "unknown_algorithm", "/rules/1/serve/split/algorithm", split(flag.Split{Algorithm: "sha1", Weights: []flag.VariantWeight{on, off}})),
		refuse("a salt is short", "too_long", "/rules/1/serve/split/salt", split(flag.Split{Salt: strings.Repeat("s", 129), Weights: []flag.VariantWeight{on, off}})),
		refuse("the unit is an attribute", "too_long", "/rules/1/serve/split/by", split(flag.Split{By: strings.Repeat("s", 257), Weights: []flag.VariantWeight{on, off}})),
	})
}
