package metric_test

import (
	"os"
	"testing"

	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/metric"
)

func TestEventsOfThePastAreRead(t *testing.T) {
	domaintest.Samples(t, metric.Aggregate, os.DirFS("testdata/events"), map[string]metric.Event{
		"MetricCreated.v1.json": metric.Created{
			Project: "shop", Key: "revenue", Name: "Revenue", Description: "Per visitor, without returns.",
			Definition: metric.Definition{Kind: metric.Mean, Event: "purchase", Direction: metric.Increase, WindowSeconds: 604_800, Unit: "EUR"},
		},
		"MetricDescribed.v1.json": metric.Described{Name: "Sales", Description: "With returns."},
		"MetricArchived.v1.json":  metric.Archived{},
		"MetricRestored.v1.json":  metric.Restored{},
	})
}
