package flags_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/assayhq/assay/flags"
)

// keeping is a flag that is kept by its pointer.
type keeping struct{ flag *flags.Flag }

func (k keeping) Flag() (*flags.Flag, error) { return k.flag, nil }

// Environments that share compiled flags decide as those that compile their own, also where a flag asks for another one, which
// has another place in each of them.
func TestSharedFlagsDecideLikeOwnOnes(t *testing.T) {
	boolean := func(key string, rules ...flags.Rule) *flags.Flag {
		return &flags.Flag{
			Key: key, Type: flags.Boolean, Revision: 7, On: true, Off: "off", Rules: rules, Default: flags.Serve{Variant: "off"},
			Variants: []flags.Variant{{Key: "on", Value: json.RawMessage("true")}, {Key: "off", Value: json.RawMessage("false")}},
		}
	}
	plain := boolean("plain", flags.Rule{
		ID: "de", If: []flags.Condition{{Attribute: "country", Operator: flags.Equals, Values: []json.RawMessage{json.RawMessage(`"DE"`)}}},
		Serve: flags.Serve{Variant: "on"},
	})
	asking := boolean("asking", flags.Rule{ID: "like", If: []flags.Condition{{Flag: "plain", Variants: []string{"on"}}}, Serve: flags.Serve{Variant: "on"}})
	broken := boolean("broken")
	broken.Default.Variant = "nothing"
	other := boolean("other")
	var shared flags.Compiled
	for environment, served := range map[string][]*flags.Flag{
		"staging": {asking, plain, broken}, "production": {other, broken, plain, asking}, "development": {asking},
	} {
		empty, err := flags.Compile(flags.Snapshot{Format: flags.Format, Project: "shop", Environment: environment})
		if err != nil {
			t.Fatal(err)
		}
		var kept []flags.Kept
		for _, f := range served {
			kept = append(kept, keeping{f})
		}
		got, err := empty.ApplyKept(flags.Delta{Format: flags.Format, Project: "shop", Environment: environment, Revision: 7}, kept, &shared)
		if err != nil {
			t.Fatal(err)
		}
		whole := flags.Snapshot{Format: flags.Format, Project: "shop", Environment: environment, Revision: 7}
		for _, f := range served {
			whole.Flags = append(whole.Flags, *f)
		}
		want, err := flags.Compile(whole)
		if err != nil {
			t.Fatal(err)
		}
		if got.Sum() != want.Sum() || !reflect.DeepEqual(got.Problems(), want.Problems()) {
			t.Errorf("in %s the problems are %v, not %v", environment, got.Problems(), want.Problems())
		}
		for _, country := range []string{"DE", "FR"} {
			who := flags.Subject{Key: "u", Attributes: map[string]any{"country": country}}
			for _, key := range []string{"plain", "asking", "broken", "other", "missing"} {
				if g, w := got.Decide(key, who), want.Decide(key, who); !reflect.DeepEqual(g, w) {
					t.Errorf("%s in %s serves %+v in %s, not %+v", key, environment, g.Outcome, country, w.Outcome)
				}
			}
		}
	}
}
