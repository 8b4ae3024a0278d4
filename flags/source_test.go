package flags_test

import (
	"encoding/json"
	"testing"

	"github.com/assayhq/assay/flags"
)

// person is an app's own type that serves as a context.
type person struct {
	country string
	age     int
	asked   []string
}

func (p *person) Attribute(name string) any {
	p.asked = append(p.asked, name)
	switch name {
	case "country":
		return p.country
	case "age":
		return p.age
	}
	return nil
}

func TestASourceIsAskedForWhatADecisionNeeds(t *testing.T) {
	on := []flags.Variant{{Key: "on", Value: json.RawMessage("true")}, {Key: "off", Value: json.RawMessage("false")}}
	targeted := flags.Flag{Key: "targeted", Type: flags.Boolean, Revision: 1, On: true, Variants: on, Off: "off", Default: flags.Serve{Variant: "off"}, Rules: []flags.Rule{{
		ID: "r", Serve: flags.Serve{Variant: "on"}, If: []flags.Condition{
			{Attribute: "country", Operator: flags.Equals, Values: []json.RawMessage{json.RawMessage(`"DE"`)}},
			{Attribute: "age", Operator: flags.Greater, Values: []json.RawMessage{json.RawMessage("17")}},
		},
	}}}
	split := flags.Flag{Key: "split", Type: flags.Boolean, Revision: 1, On: true, Variants: on, Off: "off", Default: flags.Serve{Split: &flags.Split{
		Algorithm: flags.BucketingV1, Salt: "s", Total: 2, By: "country", Weights: []flags.Weight{{Variant: "on", Weight: 1}, {Variant: "off", Weight: 1}},
	}}}
	logic := flags.Flag{Key: "logic", Type: flags.Boolean, Revision: 1, On: true, Variants: on, Off: "off", Default: flags.Serve{Variant: "off"}, Logic: &flags.Logic{
		Rule: json.RawMessage(`{"if":[{"==":[{"var":"country"},"DE"]},"on",null]}`),
	}}
	logic.Requires = logic.Needs()
	rules, err := flags.Compile(flags.Snapshot{Format: flags.Format, Revision: 1, Flags: []flags.Flag{logic, split, targeted}})
	if err != nil || len(rules.Problems()) > 0 {
		t.Fatal(err, rules.Problems())
	}
	for _, p := range []*person{{country: "DE", age: 30}, {country: "DE", age: 3}, {country: "FR", age: 30}, {}} {
		whole := flags.Subject{Key: "u", Attributes: map[string]any{"country": p.country, "age": p.age}}
		for _, key := range rules.Keys() {
			want, got := rules.Decide(key, whole), rules.Decide(key, flags.Subject{Key: "u", Source: p})
			if got.Variant != want.Variant || got.Reason != want.Reason || got.UnitID != want.UnitID || got.ErrorCode != want.ErrorCode {
				t.Errorf("%s for %+v: %+v, with a map %+v", key, p, got.Outcome, want.Outcome)
			}
		}
	}
	both := &person{country: "FR"}
	if d := rules.Decide("split", flags.Subject{Attributes: map[string]any{"country": "DE"}, Source: both}); d.UnitID != "DE" || len(both.asked) > 0 {
		t.Errorf("%q was the unit, asked: %v", d.UnitID, both.asked)
	}
	// Asking for nothing costs nothing.
	user := &person{country: "DE", age: 30}
	if n := testing.AllocsPerRun(100, func() { rules.Decide("split", flags.Subject{Key: "u", Source: user}) }); n > 1 { // appending to asked
		t.Errorf("%v allocations", n)
	}
}
