package catalog_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/holdout"
	"github.com/assayhq/assay/domain/layer"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/domain/segment"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/projectionstest"
)

// asking is a targeting whose only rule has one condition.
func asking(c domain.Condition) flag.Targeting {
	return flag.Targeting{
		Rules:   []flag.Rule{{If: []domain.Condition{{Not: true, Any: []domain.Condition{c}}}, Serve: flag.Serve{Variant: "on"}}},
		Default: flag.Serve{Variant: "off"}, Off: "off",
	}
}

func reaching(t *testing.T) *projectionstest.History {
	h := projectionstest.New(t)
	h.Project("shop", project.Create{Key: "shop"})
	for _, key := range []domain.FlagKey{"a", "b", "c"} {
		h.Flag("shop", key, flag.Create{Project: "shop", Key: key, Type: flag.Boolean})
	}
	h.Segment("shop", "staff", segment.Create{Project: "shop", Key: "staff"})
	h.Segment("shop", "friends", segment.Create{
		Project: "shop", Key: "friends", Rules: []segment.Rule{{If: []domain.Condition{{Segments: []domain.SegmentKey{"staff"}}}}},
	})
	h.Holdout("shop", "year", holdout.Create{Project: "shop", Key: "year", Share: 5_000})
	h.Layer("shop", "top", layer.Create{Project: "shop", Key: "top"})
	h.Flag("shop", "a", flag.ChangeTargeting{Environment: "production", Targeting: asking(domain.Condition{Segments: []domain.SegmentKey{"staff"}})})
	held := asking(domain.Condition{Flag: "a", Variants: []domain.VariantKey{"on"}})
	held.Holdouts = []domain.HoldoutKey{"year"}
	h.Flag("shop", "b", flag.ChangeTargeting{Environment: "staging", Targeting: held})
	h.Segment("shop", "staff", segment.AddIDs{List: segment.Included, IDs: []string{"u1", "u2"}})
	return h
}

func TestWhoAsksForAThingIsKnown(t *testing.T) {
	h := reaching(t)
	p := catalog.New()
	apply(t, p, h.Records())
	if got := p.UsesOfSegment("shop", "staff"); !slices.Equal(got.Flags, []domain.FlagKey{"a"}) || !slices.Equal(got.Segments, []domain.SegmentKey{"friends"}) {
		t.Errorf("staff is asked for by %+v", got)
	}
	if got := p.UsesOfFlag("shop", "a"); !slices.Equal(got.Flags, []domain.FlagKey{"b"}) || got.Segments != nil {
		t.Errorf("a is asked for by %+v", got)
	}
	if got := p.UsesOfHoldout("shop", "year"); !slices.Equal(got.Flags, []domain.FlagKey{"b"}) {
		t.Errorf("year is named by %+v", got)
	}
	if p.UsesOfFlag("shop", "c").Any() || p.UsesOfSegment("blog", "staff").Any() {
		t.Error("nobody asks, but somebody is named")
	}
	h.Flag("shop", "b", flag.Archive{})
	apply(t, p, h.Records())
	if got := p.UsesOfFlag("shop", "a"); got.Any() {
		t.Errorf("an archived flag counts: %+v", got)
	}
}

func TestSegmentsLayersAndHoldoutsAreListed(t *testing.T) {
	p := catalog.New()
	apply(t, p, reaching(t).Records())
	segments, _, err := p.Segments("shop", catalog.Page{}, catalog.Filter{})
	if err != nil || len(segments) != 2 || segments[0].State.Key != "staff" || segments[0].State.Included.Count != 2 || segments[0].State.Included.Changes != nil {
		t.Errorf("%+v, %v", segments, err)
	}
	if layers, _, err := p.Layers("shop", catalog.Page{}, catalog.Filter{}); err != nil || len(layers) != 1 || layers[0].State.Key != "top" {
		t.Errorf("%+v, %v", layers, err)
	}
	if holdouts, _, err := p.Holdouts("shop", catalog.Page{}, catalog.Filter{}); err != nil || len(holdouts) != 1 || holdouts[0].State.Share != 5_000 {
		t.Errorf("%+v, %v", holdouts, err)
	}
}

// A list may be changed by thousands of ids at once; whoever reads the history wants to know how many, not which.
func TestTheHistoryCountsIDs(t *testing.T) {
	p := catalog.New()
	apply(t, p, reaching(t).Records())
	changes, _, err := p.History("shop", catalog.HistoryQuery{Category: "segment", Key: "staff"})
	if err != nil || len(changes) != 2 {
		t.Fatalf("%+v, %v", changes, err)
	}
	var told struct {
		List       string
		IDs, Count int
	}
	if err := json.Unmarshal(changes[0].Data, &told); err != nil || told.List != "included" || told.IDs != 2 || told.Count != 2 || strings.Contains(string(changes[0].Data), "u1") {
		t.Errorf("%s, %v", changes[0].Data, err)
	}
}
