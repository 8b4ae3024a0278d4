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
	layered := open
	layered.Layer, layered.LayerShare = "checkout", 25_000
	analysed := full
	analysed.Analysis = experiment.Analysis{
		Method: experiment.GroupSequential, Alpha: 0.1, Spending: experiment.SpendPower, SpendingPower: 3, Looks: 2, LookAt: []float64{0.25, 1}, PlannedUnits: 20_000,
		Correction: experiment.BH, Scope: experiment.ScopeAll, CUPED: experiment.Off, Segments: []string{"country", "plan"}, MinRuntimeSeconds: new(int64(0)),
		Margins: []experiment.Margin{{Metric: "errors", Amount: experiment.Amount{By: experiment.Relative, Value: 0.02}}},
		Target:  experiment.Amount{By: experiment.Absolute, Value: 0.5}, Bayesian: &experiment.Bayesian{RelativeMean: 0.01, RelativeSD: 0.05, A: 2, B: 3},
	}
	mixed := analysed
	mixed.Analysis = experiment.Analysis{
		Method: experiment.MixtureSPRT, Alpha: 0.05, Mixture: experiment.Amount{By: experiment.Relative, Value: 0.03}, Correction: experiment.EBH, Scope: experiment.ScopeGoals, CUPED: experiment.On,
		MinRuntimeSeconds: new(int64(604_800)), Target: experiment.Amount{By: experiment.Relative, Value: 0.02},
	}
	bandit := open
	bandit.Analysis = experiment.Analysis{
		Method: experiment.ConfidenceSequence, Alpha: 0.05, Correction: experiment.Holm, Scope: experiment.ScopePrimary, CUPED: experiment.On, MinRuntimeSeconds: new(int64(604_800)),
		Bandit: &experiment.Bandit{Floor: 0.05, A: 1, B: 1, Mean: 20, SD: 10, EverySeconds: 86_400},
	}
	adjusted := full
	adjusted.Unit, adjusted.By = "company", "companyId"
	adjusted.Analysis = experiment.Analysis{
		Method: experiment.Fixed, Alpha: 0.05, Correction: experiment.Holm, Scope: experiment.ScopePrimary, CUPED: experiment.On, MinRuntimeSeconds: new(int64(604_800)),
		Tests:        []experiment.MetricTest{{Metric: "revenue", Test: experiment.MannWhitney}},
		PostStratify: []string{"country", "plan"},
		Covariates:   []experiment.Covariates{{Metric: "purchases", Days: 14, Of: []domain.MetricKey{"purchases", "visits"}}},
	}
	domaintest.Samples(t, experiment.Aggregate, os.DirFS("testdata/events"), map[string]experiment.Event{
		"ExperimentCreated.v1.json":          experiment.Created{Project: "shop", Key: "checkout", Name: "Checkout on one page", Plan: full},
		"ExperimentRenamed.v1.json":          experiment.Renamed{Name: "One page"},
		"PlanChanged.v1.json":                experiment.PlanChanged{Plan: open},
		"PlanChanged.v1.layer.json":          experiment.PlanChanged{Plan: layered},
		"ExperimentStarted.v1.json":          experiment.Started{Plan: full, Salt: "shop.checkout/experiment/", Algorithm: "murmur3-32/1"},
		"ExperimentStarted.v1.analysis.json": experiment.Started{Plan: analysed, Salt: "shop.checkout/experiment/", Algorithm: "murmur3-32/1"},
		"ExperimentStarted.v1.bandit.json":   experiment.Started{Plan: bandit, Salt: "shop.checkout/experiment/", Algorithm: "murmur3-32/1"},
		"WeightsChanged.v1.json":             experiment.WeightsChanged{Arms: []experiment.Arm{{Variant: "off", Weight: 5_000}, {Variant: "on", Weight: 95_000}}},
		"ExperimentStarted.v1.msprt.json":    experiment.Started{Plan: mixed, Salt: "shop.checkout/experiment/", Algorithm: "murmur3-32/1"},
		"ExperimentStarted.v1.adjusted.json": experiment.Started{Plan: adjusted, Salt: "shop.checkout/experiment/", Algorithm: "murmur3-32/1"},
		"ReadingTaken.v1.json": experiment.ReadingTaken{Reading: experiment.Reading{
			Look: 2, Planned: 3, Position: 18_446_744_073_709_551_615, At: time.Date(2026, 3, 15, 6, 30, 0, 0, time.UTC), Fraction: 0.6, Final: true,
			Method: experiment.GroupSequential, AnalysisVersion: "2", Units: []int64{5_000, 5_012, 4_990},
			Comparisons: []experiment.Compared{{
				Metric: "purchases", Variant: "on", Control: experiment.Sums{Units: 5_000, Sum: 500, SumSquares: 500}, Treatment: experiment.Sums{Units: 5_012, Sum: 600, SumSquares: 600},
				Difference: 0.0197, SE: 0.0062, Statistic: 3.16, Boundary: 2.68, P: 0.0102, Crossed: true,
			}},
			Verdict: "ship", Variant: "on", Hash: "9f53027065840672e77303281289988371d4a6b67c7dcd3bd4e6306a2a263dc8",
		}},
		"ReadingTaken.v1.interval.json": experiment.ReadingTaken{Reading: experiment.Reading{
			Look: 3, Planned: 3, Position: 4711, At: time.Date(2026, 3, 15, 6, 30, 0, 0, time.UTC), Fraction: 1, Method: experiment.ConfidenceSequence, AnalysisVersion: "3", Units: []int64{5_000, 5_012},
			Comparisons: []experiment.Compared{{
				Metric: "purchases", Variant: "on", Control: experiment.Sums{Units: 5_000, Sum: 500, SumSquares: 500}, Treatment: experiment.Sums{Units: 5_012, Sum: 600, SumSquares: 600},
				Difference: 0.0197, SE: 0.0062, Statistic: 3.16, Boundary: 3.1, P: 0.04, LnP: -3.2189, Level: 0.05, Low: 0.0005, High: 0.0389, Crossed: true,
			}},
			Verdict: "ship", Variant: "on", Hash: "9f53027065840672e77303281289988371d4a6b67c7dcd3bd4e6306a2a263dc8",
		}},
		"PlanAmended.v1.json":       experiment.PlanAmended{Plan: full},
		"ExperimentStopped.v1.json": experiment.Stopped{},
		"DecisionRecorded.v1.json":  experiment.DecisionRecorded{Decision: ship()},
	})
}
