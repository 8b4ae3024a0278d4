package ruleset_test

import (
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/projections/projectionstest"
	"github.com/assayhq/assay/projections/ruleset"
)

// Whoever adopted what was folded beside it serves the same bytes as one that was never anything else, and goes on from there.
func TestARebuiltRulesetIsThatOfTheLog(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := projectionstest.Random(r, 40, func(n int) int { return rapid.IntRange(0, n-1).Draw(r, "pick") })
		until := rapid.IntRange(0, len(h.Records())).Draw(r, "until")
		live, want := ruleset.New(), ruleset.New()
		apply(t, live, h.Records()[:until])
		before := view(live)
		fresh, err := live.Fresh()
		if err != nil {
			t.Fatal(err)
		}
		if err := fresh.Apply(t.Context(), h.Records()[:until]); err != nil {
			t.Fatal(err)
		}
		if err := live.Adopt(fresh); err != nil {
			t.Fatal(err)
		}
		if got := view(live); !maps.Equal(got, before) {
			r.Fatalf("the swap changed what is served:\n%v\nwas\n%v", got, before)
		}
		apply(t, live, h.Records())
		apply(t, want, h.Records())
		if got := view(live); !maps.Equal(got, view(want)) {
			r.Fatalf("%v\nwant\n%v", got, view(want))
		}
	})
}

func TestSubscribersLookAgainAfterARebuild(t *testing.T) {
	p := of(t, switched(t))
	changes, cancel := p.Subscribe(production)
	defer cancel()
	if err := p.Adopt(of(t, switched(t))); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changes:
	default:
		t.Error("nobody told the subscriber")
	}
}
