package catalog_test

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/projectionstest"
)

// A catalogue that adopted what was folded beside it answers like one that was never anything else, and goes on from there.
func TestARebuiltCatalogueIsThatOfTheLog(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := projectionstest.Random(r, 40, func(n int) int { return rapid.IntRange(0, n-1).Draw(r, "pick") })
		until := rapid.IntRange(0, len(h.Records())).Draw(r, "until")
		live, want := catalog.New(), catalog.New()
		apply(t, live, h.Records()[:until])
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
		apply(t, live, h.Records())
		apply(t, want, h.Records())
		if got, want := view(live), view(want); !reflect.DeepEqual(got, want) {
			r.Fatalf("got %v, want %v", got, want)
		}
	})
}
