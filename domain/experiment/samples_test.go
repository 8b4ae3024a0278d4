package experiment_test

import (
	"os"
	"testing"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/experiment"
)

func TestEventsOfThePastAreRead(t *testing.T) {
	full := experiment.Plan{
		Hypothesis: "We believe one page will raise purchases, because fewer steps lose fewer people.",
		Flag:       "one-page", Environment: "production", Unit: "device",
		Arms:  []experiment.Arm{{Variant: "off", Weight: 1}, {Variant: "on", Weight: 2}, {Variant: "Mens E-Mail", Weight: 997}},
		Total: 1000, Primary: "purchases", Secondary: []domain.MetricKey{"revenue", "visits"}, Guardrails: []domain.MetricKey{"errors"},
		PlannedEnd: time.Date(2026, 4, 1, 6, 30, 0, 250_000_000, time.UTC),
	}
	open := full
	open.Secondary, open.Guardrails, open.PlannedEnd = nil, nil, time.Time{}
	domaintest.Samples(t, experiment.Aggregate, os.DirFS("testdata/events"), map[string]experiment.Event{
		"ExperimentCreated.v1.json": experiment.Created{Project: "shop", Key: "checkout", Name: "Checkout on one page", Plan: full},
		"ExperimentRenamed.v1.json": experiment.Renamed{Name: "One page"},
		"PlanChanged.v1.json":       experiment.PlanChanged{Plan: open},
		"ExperimentStarted.v1.json": experiment.Started{Plan: full, Salt: "shop.checkout/experiment/", Algorithm: "murmur3-32/1"},
		"PlanAmended.v1.json":       experiment.PlanAmended{Plan: full},
		"ExperimentStopped.v1.json": experiment.Stopped{},
		"DecisionRecorded.v1.json":  experiment.DecisionRecorded{Decision: ship()},
	})
}
