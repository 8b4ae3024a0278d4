package project

import "github.com/assayhq/assay/domain"

// Event is something that has happened to a project.
//
//sumtype:decl
type Event interface{ isProjectEvent() }

// The events.
type (
	// Created says: the project exists with these environments.
	Created struct {
		Key          domain.ProjectKey `json:"key"`
		Name         string            `json:"name"`
		Description  string            `json:"description,omitempty"`
		Environments []Environment     `json:"environments"`
		// UnitIDs says how unit ids are kept; it never changes. Projects from before there was a choice have none: raw.
		UnitIDs UnitIDs `json:"unit_ids,omitempty"`
	}
	// Described says: name or description changed.
	Described struct {
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
	}
	// EnvironmentAdded says: there is one more environment. Flags are off in it.
	EnvironmentAdded struct {
		Environment Environment `json:"environment"`
	}
)

func (Created) isProjectEvent()          {}
func (Described) isProjectEvent()        {}
func (EnvironmentAdded) isProjectEvent() {}
