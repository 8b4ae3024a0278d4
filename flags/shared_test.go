package flags_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
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

// Flags that are prepared when somebody asks for them share what they can answer, also where many goroutines ask at once, and
// each explains itself as what it is.
func TestFlagsOfOneFateShareIt(t *testing.T) {
	empty, err := flags.Compile(flags.Snapshot{Format: flags.Format, Project: "shop", Environment: "production"})
	if err != nil {
		t.Fatal(err)
	}
	var kept []flags.Kept
	var keys []string
	for i := range 50 {
		f := boolean(fmt.Sprintf("flag-%02d", i))
		f.On, f.Revision = i%2 == 0, uint64(i+1)
		f.Rules = []flags.Rule{{ID: fmt.Sprint("only here ", i), If: []flags.Condition{{Attribute: "x", Operator: flags.Exists}}, Serve: flags.Serve{Variant: "on"}}}
		if f.On {
			f.Rules = nil
		}
		kept, keys = append(kept, keeping{&f}), append(keys, f.Key)
	}
	var shared flags.Compiled
	rules, err := empty.ApplyKept(flags.Delta{Format: flags.Format, Project: "shop", Environment: "production", Revision: 50}, kept, &shared)
	if err != nil {
		t.Fatal(err)
	}
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for _, key := range keys {
				rules.Decide(key, flags.Subject{Key: "u"})
			}
		})
	}
	asking.Wait()
	for i, key := range keys {
		got, like := rules.Decide(key, flags.Subject{Key: "u"}), rules.Decide(keys[i%2], flags.Subject{Key: "u"})
		if got.Outcome != like.Outcome || (got.Reason == flags.Disabled) == (i%2 == 0) {
			t.Errorf("%s: %+v and %+v", key, got.Outcome, like.Outcome)
		}
		e := rules.Explain(key, flags.Subject{Key: "u"})
		if e.FlagRevision != uint64(i+1) || e.On != (i%2 == 0) || len(e.Steps) != 1 || !e.Steps[0].Serves {
			t.Errorf("%s: %+v", key, e)
		}
	}
}
