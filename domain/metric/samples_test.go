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
		"MetricCreated.v1.ratio.json": metric.Created{
			Project: "shop", Key: "basket", Name: "Basket",
			Definition: metric.Definition{
				Kind: metric.Ratio, Event: "purchase", Direction: metric.Increase, Numerator: metric.SumOf, Denominator: metric.CountOf, DenominatorEvent: "visit",
				Margin: metric.Amount{By: metric.Relative, Value: 0.02},
			},
		},
		"MetricCreated.v1.capped.json": metric.Created{
			Project: "shop", Key: "revenue", Name: "Revenue",
			Definition: metric.Definition{
				Kind: metric.Mean, Event: "purchase", Direction: metric.Increase, CovariateDays: 14, CovariateEvent: "visit",
				Winsorize: metric.Winsorize{Lower: metric.Cap{By: metric.ByValue, At: -5}, Upper: metric.Cap{By: metric.ByPercentile, At: 99.9}},
			},
		},
		"MetricCreated.v1.quantile.json": metric.Created{
			Project: "shop", Key: "latency", Name: "Latency",
			Definition: metric.Definition{Kind: metric.Quantile, Event: "page_load", Direction: metric.Decrease, Quantile: 0.95, Unit: "ms"},
		},
		"MetricCreated.v1.csat.json": metric.Created{
			Project: "shop", Key: "happy", Name: "Happy",
			Definition: metric.Definition{Kind: metric.CSAT, Event: "survey", Direction: metric.Increase, Satisfied: 4},
		},
		"MetricDescribed.v1.json": metric.Described{Name: "Sales", Description: "With returns."},
		"MetricArchived.v1.json":  metric.Archived{},
		"MetricRestored.v1.json":  metric.Restored{},
	})
}
