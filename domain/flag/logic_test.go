package flag_test

import (
	"testing"

	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/flag"
)

func logical(rule, fractional string) *flag.Logic {
	return &flag.Logic{Rule: raw(rule), Fractional: fractional}
}

func withLogic(l *flag.Logic) flag.Targeting {
	t := targeting()
	t.Logic = l
	return t
}

func TestAFlagMayCarryAnExpressionOfFlagds(t *testing.T) {
	const rule = `{"if":[{"in":[{"var":"mail"},["a"]]},"on",null]}`
	domaintest.Run(t, flag.Aggregate, []spec{
		{
			Name: "it is recorded compacted, with the version of its fractional", Given: events{created()},
			When: change(withLogic(logical(` {"if": [{"in": [{"var": "mail"}, ["a"]]}, "on", null]} `, ""))), Then: events{changed(withLogic(logical(rule, "flagd/2")))},
		},
		{Name: "the old fractional is kept", Given: events{created()}, When: change(withLogic(logical(rule, "flagd/1"))), Then: events{changed(withLogic(logical(rule, "flagd/1")))}},
		{Name: "an operator that flagd has not is refused", Given: events{created()}, When: change(withLogic(logical(`{"nonsense":1}`, ""))), Refused: "bad_logic"},
		{Name: "a reference to nothing is refused", Given: events{created()}, When: change(withLogic(logical(`{"$ref":"shared"}`, ""))), Refused: "bad_logic"},
		{Name: "a rule is an object", Given: events{created()}, When: change(withLogic(logical(`"on"`, ""))), Refused: "bad_logic"},
		{Name: "there is no third fractional", Given: events{created()}, When: change(withLogic(logical(rule, "flagd/3"))), Refused: "unknown_algorithm"},
		{
			Name: "none takes it away", Given: events{created(), changed(withLogic(logical(rule, "flagd/2")))},
			When: flag.SetEnvironment{Environment: "production", Logic: &flag.Logic{}}, Then: events{changed(targeting())},
		},
		{
			Name: "a variant that it names cannot go", Given: events{created(), changed(withLogic(logical(`{"if":[true,"on"]}`, "flagd/2")))},
			When: flag.ChangeVariants{Variants: []flag.Variant{{Key: "off", Value: raw("false")}}}, Refused: "variant_in_use",
		},
	})
}

func TestADefaultMayBeTheCallers(t *testing.T) {
	callers := flag.Targeting{Default: flag.Serve{CallerDefault: true}, OffCallerDefault: true}
	domaintest.Run(t, flag.Aggregate, []spec{
		{Name: "while on and while off", Given: events{created()}, When: change(callers), Then: events{changed(callers)}},
		{Name: "but not with a variant beside it", Given: events{created()}, When: change(flag.Targeting{Default: flag.Serve{CallerDefault: true, Variant: "on"}, Off: "off"}), Refused: "serve_variant_or_split"},
		{
			Name: "and not in a rule", Given: events{created()},
			When: change(targeting(flag.Rule{ID: "r", If: rule("r").If, Serve: flag.Serve{CallerDefault: true}})), Refused: "serve_variant_or_split",
		},
	})
}
