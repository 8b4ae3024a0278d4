package metric

import "github.com/assayhq/assay/domain"

// Event is something that has happened to a metric.
//
//sumtype:decl
type Event interface{ isMetricEvent() }

// The events.
type (
	// Created says: the metric exists with a definition that never changes.
	Created struct {
		Project     domain.ProjectKey `json:"project"`
		Key         domain.MetricKey  `json:"key"`
		Name        string            `json:"name"`
		Description string            `json:"description,omitempty"`
		Definition
	}
	// Described says: name or description changed.
	Described struct {
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
	}
	// Archived says: the metric is offered to no new experiment.
	Archived struct{}
	// Restored says: it is offered again.
	Restored struct{}
)

func (Created) isMetricEvent()   {}
func (Described) isMetricEvent() {}
func (Archived) isMetricEvent()  {}
func (Restored) isMetricEvent()  {}
