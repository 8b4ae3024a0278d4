package flags_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/assayhq/assay/flags"
)

// together makes a flag for each of the conditions: it is on for whom that one holds. All the others are conditions of the same
// flag, behind it, so that they are evaluated together.
func together(t *testing.T, conditions []flags.Condition) *flags.Ruleset {
	t.Helper()
	s := flags.Snapshot{Format: flags.Format, Revision: 1}
	for i := range conditions {
		f := boolean(fmt.Sprint(i))
		f.Rules = []flags.Rule{{ID: "this", If: conditions[i : i+1], Serve: flags.Serve{Variant: "on"}}}
		for j := range conditions {
			f.Rules = append(f.Rules, flags.Rule{ID: fmt.Sprint("other ", j), If: conditions[j : j+1], Serve: flags.Serve{Variant: "off"}})
		}
		f.Default = flags.Serve{Variant: "off"}
		s.Flags = append(s.Flags, f)
	}
	rules, err := flags.Compile(s)
	if err != nil || len(rules.Problems()) > 0 {
		t.Fatal(err, rules.Problems())
	}
	return rules
}

// The oracle is Go's own comparison of float64.
func TestNumbersOfAColumn(t *testing.T) {
	limits := []float64{
		-math.MaxFloat64, -1e300, -5, -math.SmallestNonzeroFloat64, 0, math.Copysign(0, -1), math.SmallestNonzeroFloat64, 1, 1.5, 34, 1 << 53,
		math.MaxFloat64,
	}
	var conditions []flags.Condition
	var want []func(n float64) bool
	add := func(operator flags.Operator, holds func(n, limit float64) bool, limit float64) {
		value, err := json.Marshal(limit)
		if err != nil {
			t.Fatal(err)
		}
		not := len(conditions)%3 == 0
		conditions = append(conditions, flags.Condition{Attribute: "n", Operator: operator, Values: []json.RawMessage{value}, Not: not})
		want = append(want, func(n float64) bool { return holds(n, limit) != not })
	}
	for i, limit := range limits {
		add(flags.Greater, func(n, l float64) bool { return n > l }, limit)
		add(flags.GreaterOrEqual, func(n, l float64) bool { return n >= l }, limit)
		add(flags.Less, func(n, l float64) bool { return n < l }, limit)
		add(flags.LessOrEqual, func(n, l float64) bool { return n <= l }, limit)
		if i%2 == 0 {
			add(flags.Equals, func(n, l float64) bool { return n == l }, limit)
		}
	}
	conditions = append(conditions,
		flags.Condition{Attribute: "n", Operator: flags.Between, Values: values("-5", "1")},
		flags.Condition{Attribute: "n", Operator: flags.Between, Values: values("1", "-5")},
		flags.Condition{Attribute: "n", Operator: flags.In, Values: values("34", "1", "1", "35")},
	)
	want = append(want,
		func(n float64) bool { return n >= -5 && n <= 1 }, func(float64) bool { return false },
		func(n float64) bool { return n == 1 || n == 34 || n == 35 },
	)
	for _, count := range []int{1, 3, 9, len(conditions)} { // few of them are found in another way than many
		rules := together(t, conditions[len(conditions)-count:])
		attributes := append([]float64{math.Inf(-1), math.Inf(1), math.NaN(), 2, 35, -4.5}, limits...)
		for _, n := range attributes {
			for i, holds := range want[len(want)-count:] {
				who := flags.Subject{Attributes: map[string]any{"n": n}}
				if on := rules.Decide(fmt.Sprint(i), who).Variant == "on"; on != holds(n) {
					t.Errorf("%v %v, %d of them", n, conditions[len(conditions)-count+i], count)
				}
			}
		}
	}
}

// Texts that begin alike, or are as long, are told apart, and so are texts, numbers and booleans. The oracle is ==.
func TestValuesOfAColumn(t *testing.T) {
	all := []any{true, false, 1.0, 0.0, "", "true", "1", "\x00", "\x00\x00", "a", "aa", "aaa", "aaaa", "abaa", "aaba", "aaaaa", "aabaa", "abcdef", "abcxef", "abcdefg", "abcxefg"}
	for n := range 300 {
		if n >= 7 && n < 20 || n > 250 {
			text := fmt.Sprintf("%0*d", n, 7)
			all = append(all, text, text[:n-1]+"8", "1"+text[1:])
		}
	}
	for _, count := range []int{3, 40} {
		for from := 0; from+count <= len(all); from += count {
			var conditions []flags.Condition
			for _, v := range all[from : from+count] {
				value, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				conditions = append(conditions,
					flags.Condition{Attribute: "v", Operator: flags.Equals, Values: []json.RawMessage{value}})
			}
			rules := together(t, conditions)
			for _, v := range all {
				who := flags.Subject{Attributes: map[string]any{"v": v}}
				for i := range conditions {
					if on := rules.Decide(fmt.Sprint(i), who).Variant == "on"; on != (v == all[from+i]) {
						t.Errorf("%q equals %s", v, conditions[i].Values[0])
					}
				}
			}
		}
	}
}

// The key is read from where it is given: beside the attributes, or among them as OpenFeature flattens them.
func TestTheKeyAmongTheAttributes(t *testing.T) {
	split := boolean("split")
	split.Default = flags.Serve{Split: &flags.Split{
		Algorithm: flags.BucketingV1, Salt: "s", Total: 100, Weights: []flags.Weight{{Variant: "on", Weight: 50}, {Variant: "off", Weight: 50}},
	}}
	named := boolean("named")
	named.Rules = []flags.Rule{{ID: "1", If: []flags.Condition{{Attribute: flags.TargetingKey, Operator: flags.Equals, Values: values(`"u1"`)}}, Serve: flags.Serve{Variant: "off"}}}
	empty := boolean("empty") // no key is not a key that is empty
	empty.Rules = []flags.Rule{{ID: "1", If: []flags.Condition{{Attribute: flags.TargetingKey, Operator: flags.In, Values: values(`""`, `"u1"`)}}, Serve: flags.Serve{Variant: "off"}}}
	member := boolean("member")
	member.Rules = []flags.Rule{{ID: "1", If: []flags.Condition{{Segments: []string{"s"}}}, Serve: flags.Serve{Variant: "off"}}}
	over := boolean("over")
	over.Overrides = []flags.Override{{Variant: "off", Units: []string{"u1"}}}
	rules, err := flags.Compile(flags.Snapshot{
		Format: flags.Format, Flags: []flags.Flag{split, named, empty, member, over}, Segments: []flags.Segment{{Key: "s", Included: flags.NewIDs("u1")}},
	})
	if err != nil || len(rules.Problems()) > 0 {
		t.Fatal(err, rules.Problems())
	}
	for _, key := range rules.Keys() {
		for _, unit := range []string{"u1", "u2", "u3", "u4"} {
			want := rules.Decide(key, flags.Subject{Key: unit})
			if got := rules.Decide(key, flags.Subject{Attributes: map[string]any{flags.TargetingKey: unit}}); got != want {
				t.Errorf("%s for %s: %+v, not %+v", key, unit, got, want)
			}
			if got := rules.Decide(key, flags.Subject{Key: unit, Attributes: map[string]any{flags.TargetingKey: "other"}}); got != want {
				t.Errorf("%s for %s and another one: %+v, not %+v", key, unit, got, want)
			}
		}
		none := rules.Decide(key, flags.Subject{})
		if key != "split" && none.Variant != "on" {
			t.Errorf("%s without a key: %+v", key, none)
		}
		if got := rules.Decide(key, flags.Subject{Attributes: map[string]any{flags.TargetingKey: 7}}); got != none {
			t.Errorf("%s for a key that is no text: %+v", key, got)
		}
	}
}
