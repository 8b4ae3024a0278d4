package flag_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/flag"
)

func TestConditionsAreOneThingAndCompleted(t *testing.T) {
	c := func(c flag.Condition) flag.Rule { return rule("a", c) }
	slice := domain.Slice{Algorithm: "murmur3-32/1", Salt: "shop.checkout/if/", Total: 100_000, Ranges: []domain.Range{{From: 0, To: 50_000}}}
	yes := flag.Condition{Attribute: "a", Operator: flag.Exists}
	deep := yes
	for range 8 {
		deep = flag.Condition{Any: []flag.Condition{deep}}
	}
	refuse := func(name, code, pointer string, one flag.Condition) spec {
		return spec{Name: name, Given: events{created()}, When: change(targeting(c(one))), Refused: code, Kind: domain.KindInvalid, Pointer: "/rules/0/if/0" + pointer}
	}
	domaintest.Run(t, flag.Aggregate, []spec{
		{
			Name: "groups, segments, flags and slices are recorded whole", Given: events{created()},
			When: change(targeting(c(flag.Condition{Not: true, All: []flag.Condition{
				{Any: []flag.Condition{yes}},
				{Segments: []domain.SegmentKey{"staff"}},
				{Flag: "other", Variants: []domain.VariantKey{"on"}},
				{Flag: "other", Values: values(` {"a": 1} `)},
				{Slice: &domain.Slice{Ranges: []domain.Range{{To: 50_000}}}},
			}}))),
			Then: events{changed(targeting(c(flag.Condition{Not: true, All: []flag.Condition{
				{Any: []flag.Condition{yes}},
				{Segments: []domain.SegmentKey{"staff"}},
				{Flag: "other", Variants: []domain.VariantKey{"on"}},
				{Flag: "other", Values: values(`{"a":1}`)},
				{Slice: &slice},
			}})))},
		},
		refuse("a condition is one thing", "several_conditions", "", flag.Condition{Attribute: "a", Operator: flag.Exists, Flag: "b"}),
		refuse("a condition is something", "empty_condition", "", flag.Condition{}),
		refuse("a group is of something", "wrong_number_of_conditions", "/all", flag.Condition{All: []flag.Condition{}}),
		refuse("conditions are not too deep", "too_deep", "/any/0/any/0/any/0/any/0/any/0/any/0/any/0/any", deep),
		refuse("a segment has a key", "bad_key", "/segments/0", flag.Condition{Segments: []domain.SegmentKey{"No!"}}),
		refuse("segments are some", "wrong_number_of_segments", "/segments", flag.Condition{Segments: []domain.SegmentKey{}}),
		refuse("a flag serves variants or values", "variants_or_values", "", flag.Condition{Flag: "b"}),
		refuse("a flag serves no list", "wrong_value_type", "/values/0", flag.Condition{Flag: "b", Values: values("[1]")}),
		refuse("ranges are in order", "bad_range", "/slice/ranges/1", flag.Condition{Slice: &domain.Slice{Ranges: []domain.Range{{From: 5, To: 9}, {From: 8, To: 10}}}}),
		refuse("ranges are within the total", "bad_range", "/slice/ranges/0", flag.Condition{Slice: &domain.Slice{Total: 10, Ranges: []domain.Range{{To: 11}}}}),
		refuse("the targeting key leads nowhere", "bad_path", "/path", flag.Condition{Attribute: "targetingKey", Path: []string{"x"}, Operator: flag.Exists}),
	})
}

func TestOverridesAndHoldouts(t *testing.T) {
	with := func(overrides []flag.Override, holdouts []domain.HoldoutKey, held domain.VariantKey) flag.Targeting {
		now := targeting()
		now.Overrides, now.Holdouts, now.Held = overrides, holdouts, held
		return now
	}
	some := []flag.Override{{Variant: "on", By: "company", Units: []string{"acme"}}}
	domaintest.Run(t, flag.Aggregate, []spec{
		{Name: "they are recorded", Given: events{created()}, When: change(with(some, []domain.HoldoutKey{"h"}, "off")), Then: events{changed(with(some, []domain.HoldoutKey{"h"}, "off"))}},
		{Name: "an override serves a variant of the flag", Given: events{created()}, When: change(with([]flag.Override{{Variant: "x", Units: []string{"a"}}}, nil, "")), Refused: "unknown_variant", Pointer: "/overrides/0/variant"},
		{Name: "an override names units", Given: events{created()}, When: change(with([]flag.Override{{Variant: "on"}}, nil, "")), Refused: "wrong_number_of_units", Pointer: "/overrides/0/units"},
		{Name: "a unit is a text", Given: events{created()}, When: change(with([]flag.Override{{Variant: "on", Units: []string{""}}}, nil, "")), Refused: "missing", Pointer: "/overrides/0/units/0"},
		{Name: "a holdout is named once", Given: events{created()}, When: change(with(nil, []domain.HoldoutKey{"h", "h"}, "")), Refused: "duplicate_holdout", Pointer: "/holdouts/1"},
		{Name: "who is held back gets a variant of the flag", Given: events{created()}, When: change(with(nil, nil, "x")), Refused: "unknown_variant", Pointer: "/held"},
		{
			Name: "a variant that an override serves cannot go", Given: events{created(), changed(with(some, nil, ""))},
			When: flag.ChangeVariants{Variants: []flag.Variant{{Key: "off", Value: raw("false")}}}, Refused: "variant_in_use",
		},
	})
}

func weighted(all ...any) flag.Targeting {
	s := flag.Split{Algorithm: domain.BucketingV1, Salt: "shop.checkout/", Total: 100}
	for i := 0; i < len(all); i += 2 {
		s.Weights = append(s.Weights, flag.VariantWeight{Variant: domain.VariantKey(all[i].(string)), Weight: domain.Weight(all[i+1].(int))})
	}
	return flag.Targeting{Default: flag.Serve{Split: &s}, Off: "off"}
}

func laidOut(t flag.Targeting, all ...any) flag.Targeting {
	t.Default.Split.Layout = weighted(all...).Default.Split.Weights
	return t
}

func three() flag.Created {
	e, _ := created().(flag.Created)
	e.Type = flag.String
	e.Variants = []flag.Variant{{Key: "a", Value: raw(`"a"`)}, {Key: "b", Value: raw(`"b"`)}, {Key: "off", Value: raw(`"c"`)}}
	e.Default, e.Off = "a", "off"
	return e
}

func TestChangedWeightsMoveTheFewestUnits(t *testing.T) {
	domaintest.Run(t, flag.Aggregate, []spec{
		{
			Name: "a ramp of two needs no layout", Given: events{three(), changed(weighted("a", 10, "off", 90))},
			When: change(weighted("a", 20, "off", 80)), Then: events{changed(weighted("a", 20, "off", 80))},
		},
		{
			Name: "what the last gives the first takes, and the middle stays", Given: events{three(), changed(weighted("a", 50, "b", 30, "off", 20))},
			When: change(weighted("a", 60, "b", 30, "off", 10)), Then: events{changed(laidOut(weighted("a", 60, "b", 30, "off", 10), "a", 50, "b", 30, "off", 10, "a", 10))},
		},
		{
			Name: "the same weights are the same layout", Given: events{three(), changed(laidOut(weighted("a", 60, "b", 30, "off", 10), "a", 50, "b", 30, "off", 10, "a", 10))},
			When: change(weighted("a", 60, "b", 30, "off", 10)),
		},
		{
			Name: "a layout that is sent back with other weights is made anew", Given: events{three(), changed(laidOut(weighted("a", 60, "b", 30, "off", 10), "a", 50, "b", 30, "off", 10, "a", 10))},
			When: change(laidOut(weighted("a", 50, "b", 30, "off", 20), "a", 50, "b", 30, "off", 10, "a", 10)), Then: events{changed(weighted("a", 50, "b", 30, "off", 20))},
		},
		{
			Name: "a layout of one's own is recorded", Given: events{three(), changed(weighted("a", 50, "b", 50))},
			When: change(laidOut(weighted("a", 50, "b", 50), "b", 50, "a", 50)), Then: events{changed(laidOut(weighted("a", 50, "b", 50), "b", 50, "a", 50))},
		},
		{
			Name: "a layout is of the flag's variants", Given: events{three()},
			When: change(laidOut(weighted("a", 50, "b", 50), "x", 50, "a", 50)), Refused: "unknown_variant", Pointer: "/default/split/layout",
		},
	})
}

// Whatever the weights were and become: every variant keeps as much as its new weight allows, so the buckets that move are
// exactly what the variants that shrink give up, and no assignment could move fewer.
func TestNoLayoutMovesFewer(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	variants := []string{"a", "b", "off"}
	some := func() flag.Targeting {
		cut := []int{random.IntN(101), random.IntN(101)}
		low, high := min(cut[0], cut[1]), max(cut[0], cut[1])
		return weighted(variants[0], low, variants[1], high-low, variants[2], 100-high)
	}
	for range 200 {
		state := flag.Aggregate.Fold(three(), changed(some()))
		for range 5 {
			was := *state.In("production").Targeting.Default.Split
			got, err := flag.Aggregate.Decide(state, change(some()), domaintest.Someone())
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range got {
				state = flag.Aggregate.Evolve(state, e)
			}
			now := *state.In("production").Targeting.Default.Split
			before, after := buckets(was), buckets(now)
			moved, least := 0, 0
			for i := range before {
				if before[i] != after[i] {
					moved++
				}
			}
			for _, v := range variants {
				least += max(0, count(before, v)-count(after, v))
			}
			if moved != least {
				t.Fatalf("from %+v to %+v %d of 100 move, %d would do", was, now, moved, least)
			}
			for _, w := range now.Weights {
				if count(after, string(w.Variant)) != int(w.Weight) {
					t.Fatalf("%+v lays %d out for %s", now, count(after, string(w.Variant)), w.Variant)
				}
			}
		}
	}
}

func buckets(s flag.Split) (out []string) {
	for _, r := range s.Ranges() {
		for range r.Weight {
			out = append(out, string(r.Variant))
		}
	}
	return out
}

func count(all []string, v string) (n int) {
	for _, x := range all {
		if x == v {
			n++
		}
	}
	return n
}

func TestAnExperimentCanBeLimitedToAPartOfALayer(t *testing.T) {
	split := *weighted("on", 50, "off", 50).Default.Split
	within := []domain.Slice{{Algorithm: domain.BucketingV1, Salt: "shop.layer/x/", Total: 100_000, Ranges: []domain.Range{{To: 10}}}}
	attach := flag.AttachExperiment{Environment: "production", Experiment: "e", Unit: "user", Split: split, Layer: "x", Within: within}
	domaintest.Run(t, flag.Aggregate, []spec{
		{Name: "it is recorded", Given: events{created()}, When: attach, Then: events{flag.ExperimentAttached(attach)}},
		{Name: "again is nothing", Given: events{created(), flag.ExperimentAttached(attach)}, When: attach},
		{
			Name: "ranges lie within", Given: events{created()}, Refused: "bad_range", Pointer: "/within/0/ranges/0",
			When: flag.AttachExperiment{Environment: "production", Experiment: "e", Split: split, Within: []domain.Slice{{Salt: "x", Total: 5, Ranges: []domain.Range{{To: 10}}}}},
		},
	})
	state := flag.Aggregate.Fold(created(), flag.ExperimentAttached(attach))
	if got := state.In("production").Experiment; got.Layer != "x" || !reflect.DeepEqual(got.Within, within) {
		t.Errorf("%+v", got)
	}
}
