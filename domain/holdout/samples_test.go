package holdout_test

import (
	"os"
	"testing"

	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/holdout"
)

func TestEventsOfThePastAreRead(t *testing.T) {
	domaintest.Samples(t, holdout.Aggregate, os.DirFS("testdata/events"), map[string]holdout.Event{
		"HoldoutCreated.v1.json": holdout.Created{
			Project: "shop", Key: "year", Name: "This year", Description: "Nothing new for these.", By: "company", Algorithm: "murmur3-32/1",
			Salt: "shop.holdout/year/", Total: 100_000, Share: 5_000,
		},
		"HoldoutDescribed.v1.json":    holdout.Described{Name: "Last year", Description: "Old."},
		"HoldoutShareChanged.v1.json": holdout.ShareChanged{Share: 2_500},
		"HoldoutArchived.v1.json":     holdout.Archived{},
		"HoldoutRestored.v1.json":     holdout.Restored{},
	})
}
