package experiment_test

import (
	"slices"
	"testing"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/experiment"
)

func ranked(metrics ...domain.MetricKey) func(*experiment.Analysis) {
	return func(a *experiment.Analysis) {
		for _, m := range metrics {
			a.Tests = append(a.Tests, experiment.MetricTest{Metric: m, Test: experiment.MannWhitney})
		}
	}
}

func covariates(all ...experiment.Covariates) func(*experiment.Analysis) {
	return func(a *experiment.Analysis) { a.Covariates = all }
}

func TestHowMetricsAreComparedIsPlanned(t *testing.T) {
	end := ending(domaintest.Someone().At.Add(time.Hour))
	visits := experiment.Covariates{Metric: "revenue", Days: 14, Of: []domain.MetricKey{"revenue", "visits"}}
	refuse := func(name, code, pointer string, changes ...func(*experiment.Analysis)) spec {
		all := []func(*experiment.Plan){end}
		for _, change := range changes {
			all = append(all, analysed(change))
		}
		return spec{Name: name, When: create(all...), Refused: code, Kind: domain.KindInvalid, Pointer: pointer}
	}
	type a = experiment.Analysis
	whole := analysed(func(a *a) {
		ranked("purchases")(a)
		covariates(visits)(a)
		a.PostStratify = []string{"country", "plan"}
	})
	domaintest.Run(t, experiment.Aggregate, []spec{
		{Name: "all of it is kept", When: create(end, whole), Then: events{created(end, whole)}},
		{
			Name: "and frozen at the start", Given: events{created(end, whole)}, When: experiment.Start{},
			Then: events{started(end, whole, func(p *experiment.Plan) { p.Analysis = p.Resolved(domaintest.Someone().At) })},
		},
		{
			Name: "after which it stays", Given: events{created(end, whole), started(end, whole)}, By: domaintest.Because("Ranks would look better."),
			When: experiment.Change{Plan: plan(end, whole, analysed(func(a *a) { a.PostStratify = nil }))}, Refused: "analysis_is_frozen", Kind: domain.KindState,
		},
		{
			Name: "lists that are empty are none", When: create(analysed(func(a *a) {
				a.Tests, a.PostStratify, a.Covariates = []experiment.MetricTest{}, []string{}, []experiment.Covariates{}
			})), Then: draft(),
		},
		refuse("by a known test", "unknown_test", "/analysis/tests/0/test", func(a *a) { a.Tests = []experiment.MetricTest{{Metric: "purchases", Test: "sign"}} }),
		refuse("by one test", "duplicate_test", "/analysis/tests/1/metric", ranked("purchases", "purchases")),
		refuse("guardrails are compared with a margin", "not_a_goal", "/analysis/tests/0/metric", ranked("errors")),
		refuse("only what is in the plan is compared", "not_a_goal", "/analysis/tests/0/metric", ranked("visits")),
		refuse("ranks have no covariates", "test_not_adjustable", "/analysis/tests/0/metric", ranked("revenue"), covariates(visits)),
		refuse("ranks have no target", "test_without_mean", "/analysis/target", ranked("purchases"), func(a *a) { a.Target = experiment.Amount{By: experiment.Relative, Value: 0.1} }),
		refuse("ranks have no prior of means", "test_without_mean", "/analysis/bayesian", ranked("purchases"), func(a *a) { a.Bayesian = &experiment.Bayesian{} }),
		refuse("ranks are not valid at every moment", "test_not_sequential", "/analysis/tests/0/test", ranked("purchases"), func(a *a) { a.Method = experiment.ConfidenceSequence }),
		{
			Name: "nor where that is what an open end will mean", When: create(analysed(ranked("purchases"))),
			Refused: "test_not_sequential", Kind: domain.KindInvalid, Pointer: "/analysis/tests/0/test",
		},
		refuse("few attributes make strata", "too_many_strata", "/analysis/post_stratify", func(a *a) { a.PostStratify = slices.Repeat([]string{"x"}, 6) }),
		refuse("each of them once", "duplicate_stratum", "/analysis/post_stratify/1", func(a *a) { a.PostStratify = []string{"country", "country"} }),
		refuse("each of them named", "missing", "/analysis/post_stratify/0", func(a *a) { a.PostStratify = []string{""} }),
		refuse("covariates are for a metric of the plan", "not_in_plan", "/analysis/covariates/0/metric", covariates(experiment.Covariates{Metric: "visits", Days: 14, Of: visits.Of})),
		refuse("in one list", "duplicate_covariates", "/analysis/covariates/1/metric", covariates(visits, visits)),
		refuse("look back", "covariate_out_of_range", "/analysis/covariates/0/days", covariates(experiment.Covariates{Metric: "revenue", Of: visits.Of})),
		refuse("name somebody's past", "wrong_number_of_covariates", "/analysis/covariates/0/of", covariates(experiment.Covariates{Metric: "revenue", Days: 14})),
		refuse("each once", "duplicate_covariates", "/analysis/covariates/0/of/1", covariates(experiment.Covariates{Metric: "revenue", Days: 14, Of: []domain.MetricKey{"visits", "visits"}})),
		refuse("each by its key", "bad_key", "/analysis/covariates/0/of/0", covariates(experiment.Covariates{Metric: "revenue", Days: 14, Of: []domain.MetricKey{"No"}})),
		refuse("only with CUPED", "covariates_unused", "/analysis/cuped", covariates(visits), func(a *a) { a.CUPED = experiment.Off }),
	})
}

func TestUnitsAreSplitByAnAttribute(t *testing.T) {
	by := func(attribute string, unit domain.UnitType) func(*experiment.Plan) {
		return func(p *experiment.Plan) { p.By, p.Unit = attribute, unit }
	}
	companies := by("companyId", "company")
	domaintest.Run(t, experiment.Aggregate, []spec{
		{Name: "of the context", When: create(companies), Then: events{created(companies)}},
		{Name: "which needs a name for what they are", When: create(by("companyId", "")), Refused: "missing_unit", Kind: domain.KindInvalid, Pointer: "/unit"},
		{Name: "the targeting key goes without saying", When: create(by("targetingKey", "")), Then: draft()},
		{Name: "once started it stays", Given: running(), When: experiment.Change{Plan: plan(companies)}, By: domaintest.Because("Companies would be better."), Refused: "plan_is_frozen", Kind: domain.KindState},
	})
}

// What the analysis asks for is what the plan says, and a copy shares nothing with it.
func TestWhatIsChosenForAMetricIsFound(t *testing.T) {
	p := plan(analysed(func(a *experiment.Analysis) {
		ranked("purchases")(a)
		covariates(experiment.Covariates{Metric: "revenue", Days: 7, Of: []domain.MetricKey{"visits", "errors"}})(a)
	}))
	if a := p.Analysis; a.TestOf("purchases") != experiment.MannWhitney || a.TestOf("revenue") != "" || a.CovariatesOf("purchases") != nil || a.CovariatesOf("revenue").Days != 7 {
		t.Errorf("%+v", a)
	}
	if named := p.Named(); !slices.Equal(named, []domain.MetricKey{"purchases", "revenue", "errors", "visits"}) {
		t.Errorf("%v", named)
	}
	own := p.Analysis.Clone()
	own.Covariates[0].Of[0], own.Tests[0].Metric = "else", "else"
	if p.Analysis.Covariates[0].Of[0] != "visits" || p.Analysis.Tests[0].Metric != "purchases" {
		t.Error("a change of the copy changed the original")
	}
}
