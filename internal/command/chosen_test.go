package command_test

import (
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/layer"
	"github.com/assayhq/assay/domain/metric"
)

func TestWhatAPlanChoosesForAMetricMustSuitItsKind(t *testing.T) {
	c := shop(t)
	for key, kind := range map[domain.MetricKey]metric.Kind{"spend": metric.Mean, "visits": metric.Count, "nps": metric.NPS} {
		ok(c.Metric(t.Context(), "shop", key, metric.Create{Definition: metric.Definition{Kind: kind, Event: "e", Direction: metric.Increase}}, o()))(t)
	}
	ok(c.Metric(t.Context(), "shop", "old", metric.Create{Definition: metric.Definition{Kind: metric.Mean, Event: "e", Direction: metric.Increase}}, o()))(t)
	ok(c.Metric(t.Context(), "shop", "old", metric.Archive{}, o()))(t)
	ok(c.Layer(t.Context(), "shop", "users", layer.Create{}, o()))(t)
	ok(c.Layer(t.Context(), "shop", "companies", layer.Create{By: "companyId"}, o()))(t)
	ranked := func(key domain.MetricKey) func(*experiment.Plan) {
		return func(p *experiment.Plan) {
			p.Primary, p.Analysis.Method = key, experiment.Fixed
			p.Analysis.Tests = []experiment.MetricTest{{Metric: key, Test: experiment.MannWhitney}}
		}
	}
	adjusted := func(key domain.MetricKey, by ...domain.MetricKey) func(*experiment.Plan) {
		return func(p *experiment.Plan) {
			p.Primary = key
			p.Analysis.Covariates = []experiment.Covariates{{Metric: key, Days: 14, Of: by}}
		}
	}
	within := func(l domain.LayerKey) func(*experiment.Plan) {
		return func(p *experiment.Plan) { p.Unit, p.By, p.Layer, p.LayerShare = "company", "companyId", l, 10 }
	}
	for _, s := range []struct {
		code, pointer string // none: it is taken
		change        func(*experiment.Plan)
	}{
		{"", "", ranked("spend")},
		{"", "", ranked("visits")},
		{"cannot_rank", "/analysis/tests/0/metric", ranked("purchases")},
		{"cannot_rank", "/analysis/tests/0/metric", ranked("nps")},
		{"", "", adjusted("spend", "spend", "visits", "purchases")},
		{"cannot_adjust", "/analysis/covariates/0/metric", adjusted("nps", "spend")},
		{"cannot_adjust", "/analysis/covariates/0/of/1", adjusted("spend", "visits", "nps")},
		{"unknown_metric", "/analysis/covariates/0/of/0", adjusted("spend", "none")},
		{"archived_metric", "/analysis/covariates/0/of/1", adjusted("spend", "visits", "old")},
		{"", "", within("companies")},
		{"wrong_unit_for_layer", "/by", within("users")},
	} {
		_, err := c.experiment("one", experiment.Change{Plan: plan(s.change)})
		if s.code == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if r := refused(t, err, s.code); r.Kind != domain.KindInvalid || r.Pointer != s.pointer {
			t.Errorf("%+v, want %s", r, s.pointer)
		}
	}
}

// The flag splits by the attribute that the plan names, and what is amended later does not look covariates up again.
func TestTheFlagSplitsByThePlansAttribute(t *testing.T) {
	c := shop(t)
	past := func(p *experiment.Plan) {
		p.Unit, p.By = "company", "companyId"
		p.Analysis.Covariates = []experiment.Covariates{{Metric: "purchases", Days: 14, Of: []domain.MetricKey{"errors"}}}
	}
	ok(c.experiment("one", experiment.Change{Plan: plan(past)}))(t)
	started := ok(c.experiment("one", experiment.Start{}))(t)
	attached := state(c, flag.Aggregate, "flag-shop.page").In("production").Experiment
	if attached == nil || attached.Split.By != "companyId" || attached.Unit != "company" {
		t.Fatalf("%+v", attached)
	}
	ok(c.Metric(t.Context(), "shop", "errors", metric.Archive{}, o()))(t)
	amended := started.State.Plan
	amended.Hypothesis = "Companies buy more on one page."
	ok(c.experiment("one", experiment.Change{Plan: amended}))(t)
}
