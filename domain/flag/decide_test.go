package flag_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/flag"
)

type (
	spec   = domaintest.Spec[flag.State, flag.Command, flag.Event]
	events = []flag.Event
)

func raw(text string) json.RawMessage { return json.RawMessage(text) }

func onOff() []flag.Variant {
	return []flag.Variant{{Key: "on", Value: raw("true")}, {Key: "off", Value: raw("false")}}
}

func created() flag.Event {
	return flag.Created{Project: "shop", Key: "checkout", Name: "Checkout", Type: flag.Boolean, Variants: onOff(), Default: "on", Off: "off"}
}

// colours is a flag with three variants, of which "red" is served nowhere by itself.
func colours() flag.Event {
	return flag.Created{Project: "shop", Key: "colour", Name: "Colour", Type: flag.String, Variants: rgb(), Default: "green", Off: "blue"}
}

func rgb() []flag.Variant {
	return []flag.Variant{{Key: "red", Value: raw(`"#f00"`)}, {Key: "green", Value: raw(`"#0f0"`)}, {Key: "blue", Value: raw(`"#00f"`)}}
}

func halves(salt string) flag.Split {
	return flag.Split{
		Algorithm: domain.BucketingV1, Salt: salt, Total: 100_000,
		Weights: []flag.VariantWeight{{Variant: "off", Weight: 50_000}, {Variant: "on", Weight: 50_000}},
	}
}

func attached() flag.Event {
	return flag.ExperimentAttached{Environment: "production", Experiment: "one-page", Unit: "user", Split: halves("shop.one-page/experiment/")}
}

func archived() events { return events{created(), flag.Archived{}} }

func TestCreatingAFlag(t *testing.T) {
	create := func(change func(*flag.Create)) flag.Command {
		c := flag.Create{Project: "shop", Key: "colour", Name: "Colour", Type: flag.String, Variants: rgb(), Default: "green", Off: "blue"}
		change(&c)
		return c
	}
	domaintest.Run(t, flag.Aggregate, []spec{
		{
			Name: "a boolean flag without variants has on and off", When: flag.Create{Project: "shop", Key: "checkout", Type: flag.Boolean},
			Then: events{flag.Created{Project: "shop", Key: "checkout", Name: "checkout", Type: flag.Boolean, Variants: onOff(), Default: "on", Off: "off"}},
		},
		{Name: "default and off can be named", When: create(func(*flag.Create) {}), Then: events{colours()}},
		{
			Name: "the default is the first variant and off the last", When: create(func(c *flag.Create) { c.Default, c.Off = "", "" }),
			Then: events{flag.Created{Project: "shop", Key: "colour", Name: "Colour", Type: flag.String, Variants: rgb(), Default: "red", Off: "blue"}},
		},
		{Name: "the default is a variant", When: create(func(c *flag.Create) { c.Default = "pink" }), Refused: "unknown_variant", Pointer: "/default"},
		{Name: "off is a variant", When: create(func(c *flag.Create) { c.Off = "pink" }), Refused: "unknown_variant", Pointer: "/off"},
		{Name: "its type is known", When: create(func(c *flag.Create) { c.Type = "colour" }), Refused: "unknown_type", Pointer: "/type"},
		{Name: "a string flag has no variants by itself", When: create(func(c *flag.Create) { c.Variants = nil }), Refused: "wrong_number_of_variants", Pointer: "/variants"},
		{Name: "it has at most 100 variants", When: create(func(c *flag.Create) { c.Variants = make([]flag.Variant, 101) }), Refused: "wrong_number_of_variants"},
		{Name: "no variant is there twice", When: create(func(c *flag.Create) { c.Variants[2].Key = "red" }), Refused: "duplicate_variant", Pointer: "/variants/2/key"},
		{Name: "a variant has a name that can be printed", When: create(func(c *flag.Create) { c.Variants[1].Key = "a\tb" }), Refused: "bad_key", Pointer: "/variants/1/key"},
		{Name: "it belongs to a project", When: create(func(c *flag.Create) { c.Project = "" }), Refused: "bad_key", Pointer: "/project"},
		{Name: "it has a key", When: create(func(c *flag.Create) { c.Key = "a/b" }), Refused: "bad_key", Pointer: "/key"},
		{Name: "its name is short", When: create(func(c *flag.Create) { c.Name = strings.Repeat("n", 201) }), Refused: "too_long", Pointer: "/name"},
		{Name: "its description has an end", When: create(func(c *flag.Create) { c.Description = strings.Repeat("n", 4001) }), Refused: "too_long", Pointer: "/description"},
		{Name: "it is created once", Given: events{colours()}, When: create(func(*flag.Create) {}), Refused: "already_exists", Kind: domain.KindExists},
		{Name: "the key of an archived flag stays taken", Given: events{colours(), flag.Archived{}}, When: create(func(*flag.Create) {}), Refused: "already_exists", Kind: domain.KindExists},
	})
}

func TestValuesHaveTheTypeOfTheFlag(t *testing.T) {
	long := `"` + strings.Repeat("x", 64<<10-2) + `"`
	for _, c := range []struct {
		typ   flag.Type
		value string
		want  string // as it is recorded; empty: refused
	}{
		{flag.Boolean, "true", "true"},
		{flag.Boolean, " false ", "false"},
		{flag.Boolean, `"true"`, ""},
		{flag.Boolean, "1", ""},
		{flag.Boolean, "null", ""},
		{flag.String, `""`, `""`},
		{flag.String, `"a <b> & c"`, `"a <b> & c"`},
		{flag.String, long, long},
		{flag.String, long + " ", ""},
		{flag.String, "a", ""},
		{flag.String, "1", ""},
		{flag.String, "\"\xff\"", ""},
		{flag.String, `"a" "b"`, ""},
		{flag.Integer, "0", "0"},
		{flag.Integer, "-0", "-0"},
		{flag.Integer, "-7", "-7"},
		{flag.Integer, "1e3", "1e3"},
		{flag.Integer, "12.50e1", "12.50e1"},
		{flag.Integer, "5000e-3", "5000e-3"},
		{flag.Integer, "9007199254740992", "9007199254740992"},
		{flag.Integer, "-9007199254740992", "-9007199254740992"},
		{flag.Integer, "9007199254740992.000", "9007199254740992.000"},
		{flag.Integer, "0e99999999999999999999", "0e99999999999999999999"},
		{flag.Integer, "0.000", "0.000"},
		// As floats, these round to whole numbers within the bounds.
		{flag.Integer, "9007199254740993", ""},
		{flag.Integer, "0.99999999999999999999", ""},
		{flag.Integer, "1e-999999999", ""},
		{flag.Integer, "1.5", ""},
		{flag.Integer, "1e16", ""},
		{flag.Integer, "1e999999999", ""},
		{flag.Integer, "1e99999999999999999999", ""},
		{flag.Integer, "5e-1", ""},
		{flag.Integer, `"1"`, ""},
		{flag.Integer, "01", ""},
		{flag.Float, "1", "1"},
		{flag.Float, "-2.5e-3", "-2.5e-3"},
		{flag.Float, "1e308", "1e308"},
		{flag.Float, "1e309", ""},
		{flag.Float, "NaN", ""},
		{flag.Float, "", ""},
		{flag.Object, "{ \"a\" : [ 1 , null ] }", `{"a":[1,null]}`},
		{flag.Object, "[]", ""},
		{flag.Object, "null", ""},
		{flag.Object, `{"a":1e999}`, ""},
		{flag.Object, "{", ""},
	} {
		got, err := flag.Aggregate.Decide(flag.State{}, flag.Create{Project: "p", Key: "k", Type: c.typ, Variants: []flag.Variant{{Key: "v", Value: raw(c.value)}}}, domaintest.Someone())
		if c.want == "" {
			if r, ok := domain.AsRefusal(err); !ok || r.Code != "wrong_value_type" || r.Pointer != "/variants/0/value" {
				t.Errorf("%s %.40s: recorded %v with error %v", c.typ, c.value, got, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %.40s: %v", c.typ, c.value, err)
			continue
		}
		if value := got[0].(flag.Created).Variants[0].Value; string(value) != c.want {
			t.Errorf("%s %.40s: recorded %s, want %s", c.typ, c.value, value, c.want)
		}
		if _, err := domaintest.Written(flag.Aggregate, got); err != nil {
			t.Error(err)
		}
	}
}

func TestDescribingAFlag(t *testing.T) {
	domaintest.Run(t, flag.Aggregate, []spec{
		{Name: "describing", Given: events{created()}, When: flag.Describe{Name: "New", Description: "<b>"}, Then: events{flag.Described{Name: "New", Description: "<b>"}}},
		{Name: "describing alike records nothing", Given: events{created()}, When: flag.Describe{Name: "Checkout"}},
		{Name: "an empty name is the key", Given: events{created()}, When: flag.Describe{}, Then: events{flag.Described{Name: "checkout"}}},
		{Name: "describing too long", Given: events{created()}, When: flag.Describe{Name: strings.Repeat("n", 201)}, Refused: "too_long", Pointer: "/name"},
		{Name: "an archived flag stays as it is", Given: archived(), When: flag.Describe{}, Refused: "archived", Kind: domain.KindState},
		{Name: "what does not exist", When: flag.Describe{}, Refused: "not_found", Kind: domain.KindNotFound},
		{Name: "no command at all", Given: events{created()}, When: nil, Refused: "invalid"},
	})
}

func TestChangingVariants(t *testing.T) {
	change := func(variants ...flag.Variant) flag.Command { return flag.ChangeVariants{Variants: variants} }
	v := rgb()
	pink := flag.Variant{Key: "pink", Value: raw(`"#f0c"`)}
	darker := []flag.Variant{{Key: "red", Value: raw(`"#800"`)}, v[1], v[2]}
	serving := func(serve flag.Serve) events {
		return events{colours(), flag.TargetingChanged{Environment: "staging", Targeting: flag.Targeting{Default: serve, Off: "blue"}}}
	}
	rule := events{colours(), flag.TargetingChanged{Environment: "staging", Targeting: flag.Targeting{
		Rules: []flag.Rule{{ID: "rule-1", If: []flag.Condition{{Attribute: "a", Operator: flag.Exists}}, Serve: flag.Serve{Variant: "red"}}}, Default: flag.Serve{Variant: "green"}, Off: "blue",
	}}}
	under := append(events{colours()}, flag.ExperimentAttached{Environment: "production", Experiment: "hue", Unit: "user", Split: flag.Split{
		Algorithm: domain.BucketingV1, Salt: "s", Total: 2, Weights: []flag.VariantWeight{{Variant: "red", Weight: 1}, {Variant: "green", Weight: 1}},
	}})
	domaintest.Run(t, flag.Aggregate, []spec{
		{Name: "one more", Given: events{colours()}, When: change(append(rgb(), pink)...), Then: events{flag.VariantsChanged{Variants: append(rgb(), pink)}}},
		{Name: "one less that nobody is served", Given: events{colours()}, When: change(v[1], v[2]), Then: events{flag.VariantsChanged{Variants: v[1:]}}},
		{Name: "another order", Given: events{colours()}, When: change(v[2], v[1], v[0]), Then: events{flag.VariantsChanged{Variants: []flag.Variant{v[2], v[1], v[0]}}}},
		{Name: "another value", Given: events{colours()}, When: change(darker...), Then: events{flag.VariantsChanged{Variants: darker}}},
		{Name: "the same again records nothing, however it is spaced", Given: events{colours()}, When: change(flag.Variant{Key: "red", Value: raw(` "#f00" `)}, v[1], v[2])},
		{Name: "the default of untouched environments cannot go", Given: events{colours()}, When: change(v[0], v[2]), Refused: "variant_in_use", Pointer: "/variants"},
		{Name: "their off variant cannot go", Given: events{colours()}, When: change(v[0], v[1]), Refused: "variant_in_use"},
		{Name: "what a default serves cannot go", Given: serving(flag.Serve{Variant: "red"}), When: change(v[1], v[2]), Refused: "variant_in_use"},
		{Name: "what a split serves cannot go", Given: serving(flag.Serve{Split: &flag.Split{Algorithm: domain.BucketingV1, Salt: "s", Total: 1, Weights: []flag.VariantWeight{{Variant: "red", Weight: 1}}}}), When: change(v[1], v[2]), Refused: "variant_in_use"},
		{Name: "what a rule serves cannot go", Given: rule, When: change(v[1], v[2]), Refused: "variant_in_use"},
		{Name: "an arm cannot go", Given: under, When: change(v[1], v[2]), Refused: "variant_in_use"},
		{Name: "nor can its value change", Given: under, When: change(darker...), Refused: "variant_under_test", Kind: domain.KindState},
		{Name: "a value beside the experiment can", Given: under, When: change(v[0], v[1], flag.Variant{Key: "blue", Value: raw(`"navy"`)}), Then: events{flag.VariantsChanged{Variants: []flag.Variant{v[0], v[1], {Key: "blue", Value: raw(`"navy"`)}}}}},
		{
			Name: "after the experiment it can again", Given: append(under, flag.ExperimentDetached{Environment: "production", Experiment: "hue"}), When: change(darker...),
			Then: events{flag.VariantsChanged{Variants: darker}},
		},
		{Name: "values keep the type", Given: events{colours()}, When: change(flag.Variant{Key: "red", Value: raw("1")}, v[1], v[2]), Refused: "wrong_value_type", Pointer: "/variants/0/value"},
		{Name: "none is not enough", Given: events{colours()}, When: change(), Refused: "wrong_number_of_variants"},
		{Name: "an archived flag stays as it is", Given: archived(), When: change(v...), Refused: "archived", Kind: domain.KindState},
		{Name: "what does not exist", When: change(v...), Refused: "not_found", Kind: domain.KindNotFound},
	})
}

func TestTurningAFlagOnAndOff(t *testing.T) {
	on, off := flag.TurnedOn{Environment: "production"}, flag.TurnedOff{Environment: "production"}
	turnOn, turnOff := flag.TurnOn{Environment: "production"}, flag.TurnOff{Environment: "production"}
	domaintest.Run(t, flag.Aggregate, []spec{
		{Name: "turning on needs no reason", Given: events{created()}, When: turnOn, Then: events{on}},
		{Name: "turning on twice records nothing", Given: events{created(), on}, When: turnOn},
		{Name: "one environment is not another", Given: events{created(), on}, When: flag.TurnOn{Environment: "staging"}, Then: events{flag.TurnedOn{Environment: "staging"}}},
		{Name: "turning off", Given: events{created(), on}, When: turnOff, Then: events{off}},
		{Name: "turning off what is off records nothing", Given: events{created(), on, off}, When: turnOff},
		{Name: "turning off what was never on records nothing", Given: events{created()}, When: turnOff},
		{Name: "an environment has a key", Given: events{created()}, When: flag.TurnOn{}, Refused: "bad_key", Pointer: "/environment"},
		{Name: "an archived flag is not turned on", Given: archived(), When: turnOn, Refused: "archived", Kind: domain.KindState},
		{Name: "nor off", Given: archived(), When: turnOff, Refused: "archived", Kind: domain.KindState},
		{Name: "what does not exist is not turned on", When: turnOn, Refused: "not_found", Kind: domain.KindNotFound},
		{Name: "nor off", When: turnOff, Refused: "not_found", Kind: domain.KindNotFound},
	})
}

func TestArchivingAFlag(t *testing.T) {
	domaintest.Run(t, flag.Aggregate, []spec{
		{Name: "archiving", Given: events{created()}, When: flag.Archive{}, Then: events{flag.Archived{}}},
		{Name: "archiving twice records nothing", Given: archived(), When: flag.Archive{}},
		{Name: "not while an experiment runs on it", Given: events{created(), attached()}, When: flag.Archive{}, Refused: "flag_busy", Kind: domain.KindState},
		{Name: "restoring", Given: archived(), When: flag.Restore{}, Then: events{flag.Restored{}}},
		{Name: "restoring what is in service records nothing", Given: append(archived(), flag.Restored{}), When: flag.Restore{}},
		{Name: "what does not exist is not archived", When: flag.Archive{}, Refused: "not_found", Kind: domain.KindNotFound},
		{Name: "nor restored", When: flag.Restore{}, Refused: "not_found", Kind: domain.KindNotFound},
	})
}
