package projectionstest

import (
	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/holdout"
	"github.com/assayhq/assay/domain/layer"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/domain/segment"
)

// Project asks something of a project.
func (h *History) Project(key domain.ProjectKey, c project.Command) {
	h.t.Helper()
	Do(h, project.Aggregate, domain.Stream(project.Aggregate.Category, "", key), c)
}

// Flag asks something of a flag.
func (h *History) Flag(in domain.ProjectKey, key domain.FlagKey, c flag.Command) {
	h.t.Helper()
	Do(h, flag.Aggregate, domain.Stream(flag.Aggregate.Category, in, key), c)
}

// Segment asks something of a segment.
func (h *History) Segment(in domain.ProjectKey, key domain.SegmentKey, c segment.Command) {
	h.t.Helper()
	Do(h, segment.Aggregate, domain.Stream(segment.Aggregate.Category, in, key), c)
}

// Holdout asks something of a holdout.
func (h *History) Holdout(in domain.ProjectKey, key domain.HoldoutKey, c holdout.Command) {
	h.t.Helper()
	Do(h, holdout.Aggregate, domain.Stream(holdout.Aggregate.Category, in, key), c)
}

// Layer asks something of a layer.
func (h *History) Layer(in domain.ProjectKey, key domain.LayerKey, c layer.Command) {
	h.t.Helper()
	Do(h, layer.Aggregate, domain.Stream(layer.Aggregate.Category, in, key), c)
}

// Metric asks something of a metric.
func (h *History) Metric(in domain.ProjectKey, key domain.MetricKey, c metric.Command) {
	h.t.Helper()
	Do(h, metric.Aggregate, domain.Stream(metric.Aggregate.Category, in, key), c)
}

// Experiment asks something of an experiment.
func (h *History) Experiment(in domain.ProjectKey, key domain.ExperimentKey, c experiment.Command) {
	h.t.Helper()
	Do(h, experiment.Aggregate, domain.Stream(experiment.Aggregate.Category, in, key), c)
}

// Key asks something of an API key.
func (h *History) Key(id domain.KeyID, c apikey.Command) {
	h.t.Helper()
	Do(h, apikey.Aggregate, domain.Stream(apikey.Aggregate.Category, "", id), c)
}

// Hash is a hash such as API keys have.
const Hash = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"

// Half splits two variants evenly.
func Half(a, b domain.VariantKey) flag.Split {
	return flag.Split{Weights: []flag.VariantWeight{{Variant: a, Weight: domain.DefaultTotal / 2}, {Variant: b, Weight: domain.DefaultTotal / 2}}}
}

// Plan is a plan that can be run on a boolean flag.
func Plan(on domain.FlagKey, environment domain.EnvironmentKey) experiment.Plan {
	return experiment.Plan{
		Hypothesis: "We believe it helps.", Flag: on, Environment: environment, Primary: "orders",
		Arms: []experiment.Arm{{Variant: "off", Weight: domain.DefaultTotal / 2}, {Variant: "on", Weight: domain.DefaultTotal / 2}},
	}
}

// Orders is a metric.
func Orders(in domain.ProjectKey) metric.Create {
	return metric.Create{Project: in, Key: "orders", Name: "Orders", Definition: metric.Definition{Kind: metric.Binary, Event: "order", Direction: metric.Increase}}
}
