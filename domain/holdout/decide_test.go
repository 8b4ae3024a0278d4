package holdout_test

import (
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/holdout"
)

type (
	spec   = domaintest.Spec[holdout.State, holdout.Command, holdout.Event]
	events = []holdout.Event
)

func created() holdout.Event {
	return holdout.Created{Project: "shop", Key: "year", Name: "year", Algorithm: domain.BucketingV1, Salt: "shop.holdout/year/", Total: 100_000, Share: 5_000}
}

func TestHoldouts(t *testing.T) {
	domaintest.Run(t, holdout.Aggregate, []spec{
		{Name: "a holdout records how it buckets", When: holdout.Create{Project: "shop", Key: "year", Share: 5_000}, Then: events{created()}},
		{Name: "a key is taken once", Given: events{created()}, When: holdout.Create{Project: "shop", Key: "year"}, Refused: "already_exists"},
		{Name: "a key is a key", When: holdout.Create{Project: "shop", Key: ""}, Refused: "bad_key"},
		{Name: "a share is at most all", When: holdout.Create{Project: "shop", Key: "year", Share: 100_001}, Refused: "bad_share", Pointer: "/share"},
		{Name: "the algorithm is known", When: holdout.Create{Project: "shop", Key: "year", Algorithm: "dice"}, Refused: "unknown_algorithm"},
		{Name: "what is not there cannot change", When: holdout.ChangeShare{Share: 1}, Refused: "not_found"},
		{Name: "a share changes", Given: events{created()}, When: holdout.ChangeShare{Share: 0}, Then: events{holdout.ShareChanged{}}},
		{Name: "the same share is nothing", Given: events{created()}, When: holdout.ChangeShare{Share: 5_000}},
		{Name: "a changed share is at most all", Given: events{created()}, When: holdout.ChangeShare{Share: 100_001}, Refused: "bad_share"},
		{Name: "a description changes", Given: events{created()}, When: holdout.Describe{Name: "x", Description: "y"}, Then: events{holdout.Described{Name: "x", Description: "y"}}},
		{Name: "the same description is nothing", Given: events{created()}, When: holdout.Describe{}},
		{Name: "everybody is let go", Given: events{created()}, When: holdout.Archive{}, Then: events{holdout.Archived{}}},
		{Name: "an archived holdout stays as it is", Given: events{created(), holdout.Archived{}}, When: holdout.ChangeShare{Share: 1}, Refused: "archived"},
		{Name: "they are held back again", Given: events{created(), holdout.Archived{}}, When: holdout.Restore{}, Then: events{holdout.Restored{}}},
	})
	for _, c := range []struct {
		given events
		holds bool
	}{{nil, false}, {events{created()}, true}, {events{created(), holdout.Archived{}}, false}, {events{created(), holdout.ShareChanged{}}, false}} {
		if slice, ok := holdout.Aggregate.Fold(c.given...).Slice(); ok != c.holds || ok && slice.Ranges[0] != (domain.Range{To: 5_000}) {
			t.Errorf("%+v: %+v %v", c.given, slice, ok)
		}
	}
}
