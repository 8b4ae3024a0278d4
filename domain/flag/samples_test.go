package flag_test

import (
	"os"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/flag"
)

func TestEventsOfThePastAreRead(t *testing.T) {
	split := flag.Split{
		Algorithm: "murmur3-32/1", Salt: "shop.layout/", Total: 1000, By: "company",
		Weights: []flag.VariantWeight{{Variant: "wide", Weight: 1}, {Variant: "Mens E-Mail", Weight: 999}},
	}
	laid := split
	laid.Strings, laid.Layout = "utf16", []flag.VariantWeight{{Variant: "Mens E-Mail", Weight: 999}, {Variant: "wide", Weight: 1}}
	laid.Algorithm = "flagd/2"
	domaintest.Samples(t, flag.Aggregate, os.DirFS("testdata/events"), map[string]flag.Event{
		"FlagCreated.v1.json": flag.Created{
			Project: "shop", Key: "layout", Name: "Layout", Description: "How the page is laid out.", Type: flag.Object,
			Variants: []flag.Variant{{Key: "wide", Value: raw(`{"columns":3,"title":"a <b> & c"}`)}, {Key: "Mens E-Mail", Value: raw(`{"columns":1e0}`)}},
			Default:  "wide", Off: "Mens E-Mail",
		},
		"FlagDescribed.v1.json":   flag.Described{Name: "The layout", Description: "New."},
		"VariantsChanged.v1.json": flag.VariantsChanged{Variants: []flag.Variant{{Key: "wide", Value: raw(`{"columns":4}`)}}},
		"FlagMetadataChanged.v1.json": flag.MetadataChanged{Metadata: flag.Metadata{
			{Name: "owner", Value: raw(`"checkout"`)}, {Name: "risk", Value: raw("0.5")}, {Name: "temporary", Value: raw("true")}, {Name: "ticket", Value: raw("1204")},
		}},
		"FlagMetadataChanged.v1.none.json": flag.MetadataChanged{},
		"FlagTurnedOn.v1.json":             flag.TurnedOn{Environment: "production"},
		"FlagTurnedOff.v1.json":            flag.TurnedOff{Environment: "production"},
		"TargetingChanged.v1.json": flag.TargetingChanged{Environment: "production", Targeting: flag.Targeting{
			Rules: []flag.Rule{
				{
					ID: "staff", Description: "Everybody in the house", Serve: flag.Serve{Variant: "wide"},
					If: []flag.Condition{
						{Attribute: "mail", Operator: flag.EndsWith, Values: values(`"@shop.example"`)},
						{Attribute: "age", Operator: flag.GreaterOrEqual, Values: values("17.5")},
						{Attribute: "beta", Operator: flag.In, Values: values("true", `"<yes>"`, "1")},
						{Attribute: "left", Operator: flag.NotExists},
					},
				},
				{ID: "rule-1", If: []flag.Condition{{Attribute: "targetingKey", Operator: flag.NotEquals, Values: values(`"7"`)}}, Serve: flag.Serve{Split: &split}},
			},
			Default: flag.Serve{Split: &split}, Off: "Mens E-Mail",
		}},
		"TargetingChanged.v1.logic.json": flag.TargetingChanged{Environment: "production", Targeting: flag.Targeting{
			Logic:   &flag.Logic{Rule: raw(`{"if":[{"in":[{"var":"mail"},["a"]]},"on",null]}`), Fractional: "flagd/1"},
			Default: flag.Serve{CallerDefault: true}, OffCallerDefault: true,
		}},
		"TargetingChanged.v1.reach.json": flag.TargetingChanged{Environment: "production", Targeting: flag.Targeting{
			Overrides: []flag.Override{{Variant: "wide", By: "company", Units: []string{"acme"}}},
			Holdouts:  []domain.HoldoutKey{"year"}, Held: "Mens E-Mail",
			Rules: []flag.Rule{{ID: "reach", Serve: flag.Serve{Split: &laid}, If: []flag.Condition{
				{Attribute: "address", Path: []string{"country"}, Operator: domain.NotContains, Values: values(`"x"`), IgnoreCase: true},
				{Not: true, Any: []flag.Condition{{All: []flag.Condition{{Segments: []domain.SegmentKey{"staff"}}}}, {Flag: "other", Values: values("4")}}},
				{Flag: "other", Variants: []domain.VariantKey{"on"}},
				{Slice: &domain.Slice{Algorithm: "unleash-rollout/1", Salt: "s", Total: 100, By: "company", Strings: "lowbyte", Ranges: []domain.Range{{From: 1, To: 2}}}},
			}}},
			Default: flag.Serve{Variant: "wide"}, Off: "Mens E-Mail",
		}},
		"ExperimentAttached.v1.layer.json": flag.ExperimentAttached{
			Environment: "production", Experiment: "checkout", Unit: "user", Split: split, Layer: "checkout",
			Within: []domain.Slice{{Algorithm: "murmur3-32/1", Salt: "shop.layer/checkout/", Total: 100_000, Ranges: []domain.Range{{To: 50_000}}}},
		},
		"ExperimentAttached.v1.json": flag.ExperimentAttached{Environment: "production", Experiment: "checkout", Unit: "user", Split: split},
		"ExperimentDetached.v1.json": flag.ExperimentDetached{Environment: "production", Experiment: "checkout"},
		"FlagArchived.v1.json":       flag.Archived{},
		"FlagRestored.v1.json":       flag.Restored{},
	})
}
