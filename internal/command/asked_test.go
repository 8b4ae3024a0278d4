package command_test

import (
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/holdout"
	"github.com/assayhq/assay/domain/layer"
	"github.com/assayhq/assay/domain/segment"
)

// asks is a targeting whose only rule asks for something.
func asks(c domain.Condition) flag.SetEnvironment {
	rules := []flag.Rule{{If: []domain.Condition{c}, Serve: flag.Serve{Variant: "on"}}}
	return flag.SetEnvironment{Environment: "production", Rules: &rules}
}

func other(key domain.FlagKey) domain.Condition {
	return domain.Condition{Not: true, Any: []domain.Condition{{Flag: key, Variants: []domain.VariantKey{"on"}}}}
}

func TestWhatAFlagAsksForMustBeThereAndNotLeadBack(t *testing.T) {
	c := shop(t)
	for _, key := range []domain.FlagKey{"a", "b", "c", "gone"} {
		ok(c.Flag(t.Context(), "shop", key, flag.Create{Type: flag.Boolean}, o()))(t)
	}
	ok(c.Flag(t.Context(), "shop", "gone", flag.Archive{}, o()))(t)
	ok(c.Segment(t.Context(), "shop", "old", segment.Create{}, o()))(t)
	ok(c.Flag(t.Context(), "shop", "c", asks(domain.Condition{Segments: []domain.SegmentKey{"old"}}), o()))(t)
	ok(c.Segment(t.Context(), "shop", "old", segment.Archive{}, o()))(t)
	ok(c.Holdout(t.Context(), "shop", "over", holdout.Create{Share: 1}, o()))(t)
	ok(c.Holdout(t.Context(), "shop", "over", holdout.Archive{}, o()))(t)
	ok(c.Flag(t.Context(), "shop", "a", asks(other("b")), o()))(t)
	ok(c.Flag(t.Context(), "shop", "b", asks(other("c")), o()))(t)
	holdouts := []domain.HoldoutKey{"over"}
	for _, s := range []struct {
		name, code string
		key        domain.FlagKey
		what       flag.Command
	}{
		{"itself", "circle", "a", asks(other("a"))},
		{"what leads back", "circle", "c", asks(other("a"))},
		{"what is archived", "unknown_flag", "a", asks(other("gone"))},
		{"what is not there", "unknown_flag", "a", asks(other("none"))},
		{"a variant that it has not", "unknown_variant", "a", asks(domain.Condition{Flag: "b", Variants: []domain.VariantKey{"blue"}})},
		{"a segment that is not there", "unknown_segment", "a", asks(domain.Condition{Segments: []domain.SegmentKey{"none"}})},
		{"a segment that is archived", "archived_segment", "a", asks(domain.Condition{Segments: []domain.SegmentKey{"old"}})},
		{"a holdout that is archived", "archived_holdout", "a", flag.SetEnvironment{Environment: "production", Holdouts: &holdouts}},
		{"what is malformed is said first", "several_conditions", "a", asks(domain.Condition{Flag: "none", Attribute: "x", Operator: domain.Present})},
	} {
		_, err := c.Flag(t.Context(), "shop", s.key, s.what, o())
		if r := refused(t, err, s.code); r.Kind != domain.KindInvalid {
			t.Errorf("%s: %+v", s.name, r)
		}
	}
	// In another environment there is no circle, and what asks for an archived segment may go on.
	elsewhere := asks(other("a"))
	elsewhere.Environment = "staging"
	ok(c.Flag(t.Context(), "shop", "c", elsewhere, o()))(t)
	again := asks(domain.Condition{Segments: []domain.SegmentKey{"old"}})
	(*again.Rules)[0].Description = "Still the same."
	ok(c.Flag(t.Context(), "shop", "c", again, o()))(t)
}

func TestSegmentsDoNotLeadBack(t *testing.T) {
	c := shop(t)
	nested := func(key domain.SegmentKey) []segment.Rule {
		return []segment.Rule{{If: []domain.Condition{{Segments: []domain.SegmentKey{key}}}}}
	}
	_, err := c.Segment(t.Context(), "shop", "a", segment.Create{Rules: nested("b")}, o())
	refused(t, err, "unknown_segment")
	ok(c.Segment(t.Context(), "shop", "b", segment.Create{}, o()))(t)
	ok(c.Segment(t.Context(), "shop", "a", segment.Create{Rules: nested("b")}, o()))(t)
	_, err = c.Segment(t.Context(), "shop", "b", segment.ChangeRules{Rules: nested("a")}, o())
	refused(t, err, "circle")
	ok(c.Segment(t.Context(), "shop", "b", segment.AddIDs{List: segment.Included, IDs: []string{"u"}}, o()))(t)
	lists, err := c.SegmentLists(t.Context(), "shop", "b")
	if _, there := lists.State.Included.Set()["u"]; err != nil || !there {
		t.Errorf("%+v, %v", lists, err)
	}
}

// Two experiments that want 60 % of a layer each: the second waits for the first to end. What the flag serves is limited to the
// part of the layer, and the part is given back.
func TestExperimentsInALayerExcludeEachOther(t *testing.T) {
	c := shop(t)
	ok(c.Layer(t.Context(), "shop", "top", layer.Create{}, o()))(t)
	ok(c.Flag(t.Context(), "shop", "second", flag.Create{Type: flag.Boolean}, o()))(t)
	in := func(on domain.FlagKey) experiment.Plan {
		return plan(func(p *experiment.Plan) {
			p.Layer, p.LayerShare = "top", 60_000
			if on != "" {
				p.Flag = on
			}
		})
	}
	first := ok(c.experiment("first", experiment.Create{Plan: in("")}))(t)
	ok(c.experiment("other", experiment.Create{Plan: in("second")}))(t)
	ok(c.experiment("first", experiment.Start{}))(t)
	_, err := c.experiment("other", experiment.Start{})
	refused(t, err, "layer_full")
	f := ok(c.Flag(t.Context(), "shop", first.State.Plan.Flag, flag.Describe{Name: "x"}, o()))(t)
	attached := f.State.In(first.State.Plan.Environment).Experiment
	if attached == nil || attached.Layer != "top" || len(attached.Within) != 1 || attached.Within[0].Ranges[0] != (domain.Range{To: 60_000}) {
		t.Fatalf("the flag serves %+v", attached)
	}
	ok(c.experiment("first", experiment.Stop{}))(t)
	if now := ok(c.Layer(t.Context(), "shop", "top", layer.Describe{Name: "Top"}, o()))(t); len(now.State.Allocations) != 0 {
		t.Errorf("after the end the layer has given %+v", now.State.Allocations)
	}
	ok(c.experiment("other", experiment.Start{}))(t)
	now := ok(c.Layer(t.Context(), "shop", "top", layer.Describe{Name: "The top"}, o()))(t)
	if part, has := now.State.Of("other"); !has || part.Share() != 60_000 {
		t.Errorf("the layer has given %+v", now.State.Allocations)
	}
}
