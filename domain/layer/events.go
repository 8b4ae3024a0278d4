package layer

import "github.com/assayhq/assay/domain"

// Event is something that has happened to a layer.
//
//sumtype:decl
type Event interface{ isLayerEvent() }

// The events.
type (
	// Created says: the layer exists. How it buckets never changes.
	Created struct {
		Project     domain.ProjectKey `json:"project"`
		Key         domain.LayerKey   `json:"key"`
		Name        string            `json:"name"`
		Description string            `json:"description,omitempty"`
		By          string            `json:"by,omitempty"`
		Algorithm   string            `json:"algorithm"`
		Salt        string            `json:"salt"`
		Total       domain.Weight     `json:"total"`
	}
	// Described says: name or description changed.
	Described struct {
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
	}
	// Allocated says: the experiment has these ranges now.
	Allocated struct {
		Experiment domain.ExperimentKey `json:"experiment"`
		Ranges     []domain.Range       `json:"ranges"`
	}
	// Released says: the experiment has nothing of the layer.
	Released struct {
		Experiment domain.ExperimentKey `json:"experiment"`
	}
	// Archived says: no experiment can have a part of it.
	Archived struct{}
	// Restored says: experiments can again.
	Restored struct{}
)

func (Created) isLayerEvent()   {}
func (Described) isLayerEvent() {}
func (Allocated) isLayerEvent() {}
func (Released) isLayerEvent()  {}
func (Archived) isLayerEvent()  {}
func (Restored) isLayerEvent()  {}
