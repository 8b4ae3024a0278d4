package layer_test

import (
	"os"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/layer"
)

func TestEventsOfThePastAreRead(t *testing.T) {
	domaintest.Samples(t, layer.Aggregate, os.DirFS("testdata/events"), map[string]layer.Event{
		"LayerCreated.v1.json": layer.Created{
			Project: "shop", Key: "checkout", Name: "Checkout", Description: "All that changes the checkout.", By: "company", Algorithm: "murmur3-32/1",
			Salt: "shop.layer/checkout/", Total: 100_000,
		},
		"LayerDescribed.v1.json": layer.Described{Name: "The checkout", Description: "New."},
		"LayerAllocated.v1.json": layer.Allocated{Experiment: "one-page", Ranges: []domain.Range{{From: 0, To: 25_000}, {From: 50_000, To: 75_000}}},
		"LayerReleased.v1.json":  layer.Released{Experiment: "one-page"},
		"LayerArchived.v1.json":  layer.Archived{},
		"LayerRestored.v1.json":  layer.Restored{},
	})
}
