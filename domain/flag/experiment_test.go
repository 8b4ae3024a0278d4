package flag_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/flag"
)

func TestAttachingAnExperiment(t *testing.T) {
	attach := func(change func(*flag.AttachExperiment)) flag.Command {
		c := flag.AttachExperiment{Environment: "production", Experiment: "one-page", Unit: "user", Split: halves("shop.one-page/experiment/")}
		change(&c)
		return c
	}
	same := func(*flag.AttachExperiment) {}
	domaintest.Run(t, flag.Aggregate, []spec{
		{Name: "attaching", Given: events{created()}, When: attach(same), Then: events{attached()}},
		{Name: "attaching twice records nothing", Given: events{created(), attached()}, When: attach(same)},
		{Name: "the unit has a default", Given: events{created(), attached()}, When: attach(func(c *flag.AttachExperiment) { c.Unit = "" })},
		{
			Name: "an experiment may come again with another split", Given: events{created(), attached()}, When: attach(func(c *flag.AttachExperiment) { c.Split.Salt = "other" }),
			Then: events{flag.ExperimentAttached{Environment: "production", Experiment: "one-page", Unit: "user", Split: halves("other")}},
		},
		{Name: "not beside another", Given: events{created(), attached()}, When: attach(func(c *flag.AttachExperiment) { c.Experiment = "two-pages" }), Refused: "flag_busy", Kind: domain.KindState},
		{
			Name: "beside another in another environment", Given: events{created(), attached()},
			When: attach(func(c *flag.AttachExperiment) { c.Experiment, c.Environment = "two-pages", "staging" }),
			Then: events{flag.ExperimentAttached{Environment: "staging", Experiment: "two-pages", Unit: "user", Split: halves("shop.one-page/experiment/")}},
		},
		{Name: "an arm is a variant", Given: events{created()}, When: attach(func(c *flag.AttachExperiment) { c.Split.Weights[0].Variant = "x" }), Refused: "unknown_variant", Pointer: "/split/weights/0/variant"},
		{Name: "weights add up", Given: events{created()}, When: attach(func(c *flag.AttachExperiment) { c.Split.Total = 7 }), Refused: "weights_do_not_sum", Pointer: "/split/weights"},
		{Name: "the experiment has a key", Given: events{created()}, When: attach(func(c *flag.AttachExperiment) { c.Experiment = "" }), Refused: "bad_key", Pointer: "/experiment"},
		{Name: "the environment has a key", Given: events{created()}, When: attach(func(c *flag.AttachExperiment) { c.Environment = "" }), Refused: "bad_key", Pointer: "/environment"},
		{Name: "the unit type is a key", Given: events{created()}, When: attach(func(c *flag.AttachExperiment) { c.Unit = "A B" }), Refused: "bad_key", Pointer: "/unit"},
		{Name: "an archived flag serves no experiment", Given: archived(), When: attach(same), Refused: "archived", Kind: domain.KindState},
		{Name: "what does not exist serves none", When: attach(same), Refused: "not_found", Kind: domain.KindNotFound},
	})
}

func TestDetachingAnExperiment(t *testing.T) {
	detach := flag.DetachExperiment{Environment: "production", Experiment: "one-page"}
	detached := flag.ExperimentDetached{Environment: "production", Experiment: "one-page"}
	domaintest.Run(t, flag.Aggregate, []spec{
		{Name: "detaching", Given: events{created(), attached()}, When: detach, Then: events{detached}},
		{Name: "detaching twice records nothing", Given: events{created(), attached(), detached}, When: detach},
		{Name: "detaching what never was attached records nothing", Given: events{created()}, When: detach},
		{Name: "another experiment stays attached", Given: events{created(), attached()}, When: flag.DetachExperiment{Environment: "production", Experiment: "two-pages"}},
		{Name: "another environment keeps its own", Given: events{created(), attached()}, When: flag.DetachExperiment{Environment: "staging", Experiment: "one-page"}},
		{Name: "what does not exist has none to detach", When: detach, Refused: "not_found", Kind: domain.KindNotFound},
	})
}

func TestReplayingAFlagEqualsLivingIt(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		first := flag.Create{Project: "shop", Key: "colour", Type: flag.String, Variants: rgb()}
		all := append([]flag.Command{first}, rapid.SliceOfN(commands(), 20, 60).Draw(t, "commands")...)
		recorded, err := domaintest.Live(flag.Aggregate, all, domaintest.Someone())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range recorded {
			name, _, _ := flag.Aggregate.Encode(e)
			seen[name]++
		}
	})
	for _, name := range []string{flag.WireVariantsChanged, flag.WireTargetingChanged, flag.WireTurnedOff, flag.WireExperimentDetached, flag.WireRestored} {
		if seen[name] == 0 {
			t.Errorf("no %s among %v: the commands drawn prove nothing", name, seen)
		}
	}
}

// commands draws what makes sense, and what does not.
func commands() *rapid.Generator[flag.Command] {
	environment := rapid.SampledFrom([]domain.EnvironmentKey{"production", "production", "staging", ""})
	experiment := rapid.SampledFrom([]domain.ExperimentKey{"hue", "hue", "tone"})
	return rapid.Custom(func(t *rapid.T) flag.Command {
		switch rapid.IntRange(0, 11).Draw(t, "command") {
		case 0:
			return flag.Create{Project: "shop", Key: "colour", Type: flag.Boolean}
		case 1:
			return flag.Describe{Name: rapid.SampledFrom([]string{"", "<b> & \u2028", "\xff"}).Draw(t, "name")}
		case 2:
			return flag.ChangeVariants{Variants: append(rgb(), rapid.SliceOfN(someVariant(), 0, 2).Draw(t, "variants")...)}
		case 3:
			return flag.TurnOn{Environment: environment.Draw(t, "environment")}
		case 4:
			return flag.TurnOff{Environment: environment.Draw(t, "environment")}
		case 5, 6:
			return flag.ChangeTargeting{Environment: environment.Draw(t, "environment"), Targeting: flag.Targeting{
				Rules: rapid.SliceOfN(someRule(), 0, 3).Draw(t, "rules"), Default: someServe().Draw(t, "default"), Off: someVariant().Draw(t, "off").Key,
			}}
		case 7:
			on, rules := rapid.Bool().Draw(t, "on"), rapid.SliceOfN(someRule(), 0, 2).Draw(t, "rules")
			return flag.SetEnvironment{Environment: environment.Draw(t, "environment"), On: &on, Rules: &rules}
		case 8:
			return flag.AttachExperiment{Environment: environment.Draw(t, "environment"), Experiment: experiment.Draw(t, "experiment"), Split: *someSplit().Draw(t, "split")}
		case 9:
			return flag.DetachExperiment{Environment: environment.Draw(t, "environment"), Experiment: experiment.Draw(t, "experiment")}
		case 10:
			return rapid.SampledFrom([]flag.Command{flag.Archive{}, flag.Restore{}, nil}).Draw(t, "archive")
		}
		return flag.Restore{}
	})
}

func someVariant() *rapid.Generator[flag.Variant] {
	return rapid.SampledFrom([]flag.Variant{
		{Key: "red", Value: raw(`"#f00"`)}, {Key: "green", Value: raw(`"<g>"`)}, {Key: "blue", Value: raw(` "&" `)}, {Key: "pink", Value: raw("\"\u2028\"")}, {Key: "", Value: raw("1")},
	})
}

func someSplit() *rapid.Generator[*flag.Split] {
	return rapid.Custom(func(t *rapid.T) *flag.Split {
		return &flag.Split{
			Total: rapid.SampledFrom([]domain.Weight{0, 0, 0, 2, 1<<32 - 1}).Draw(t, "total"), Salt: rapid.SampledFrom([]string{"", "<s>", "s", "\xff"}).Draw(t, "salt"),
			By: rapid.SampledFrom([]string{"", "<company>"}).Draw(t, "by"),
			Weights: rapid.SampledFrom([][]flag.VariantWeight{
				{{Variant: "green", Weight: 1}, {Variant: "blue", Weight: 1}}, {{Variant: "green", Weight: 50_000}, {Variant: "red", Weight: 50_000}}, {{Variant: "green", Weight: 100_000}, {Variant: "blue", Weight: 0}}, {}, nil, {{Variant: "x", Weight: 2}},
			}).Draw(t, "weights"),
		}
	})
}

func someServe() *rapid.Generator[flag.Serve] {
	return rapid.Custom(func(t *rapid.T) flag.Serve {
		if rapid.Bool().Draw(t, "split") {
			return flag.Serve{Split: someSplit().Draw(t, "split")}
		}
		return flag.Serve{Variant: someVariant().Draw(t, "variant").Key}
	})
}

func someRule() *rapid.Generator[flag.Rule] {
	condition := rapid.SampledFrom([]flag.Condition{
		{Attribute: "plan", Operator: flag.Equals, Values: values(` "<pro>" `)},
		{Attribute: "age", Operator: flag.Greater, Values: values("1e2")},
		{Attribute: "plan", Operator: flag.Exists, Values: values()},
		{Attribute: "plan", Operator: flag.In, Values: values("1", `"1"`, "true")},
		{Attribute: "<", Operator: flag.NotIn, Values: values("1.0", `"<"`)},
		{Attribute: "", Operator: "x"},
	})
	return rapid.Custom(func(t *rapid.T) flag.Rule {
		return flag.Rule{ID: rapid.SampledFrom([]string{"", "", "", "rule-1", "rule-2", "A"}).Draw(t, "id"), If: rapid.SliceOfN(condition, 1, 3).Draw(t, "if"), Serve: someServe().Draw(t, "serve")}
	})
}
