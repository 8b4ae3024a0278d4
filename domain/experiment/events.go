package experiment

import "github.com/assayhq/assay/domain"

// Event is something that has happened to an experiment.
//
//sumtype:decl
type Event interface{ isExperimentEvent() }

// The events.
type (
	// Created says: there is a draft.
	Created struct {
		Project domain.ProjectKey    `json:"project"`
		Key     domain.ExperimentKey `json:"key"`
		Name    string               `json:"name"`
		Plan    Plan                 `json:"plan"`
	}
	// Renamed says: it has another display name.
	Renamed struct {
		Name string `json:"name"`
	}
	// PlanChanged says: the draft's plan is this now.
	PlanChanged struct {
		Plan Plan `json:"plan"`
	}
	// Started says: it runs; Plan is frozen.
	Started struct {
		Plan Plan `json:"plan"`
		// Salt and Algorithm are what assigns units to arms.
		Salt      string `json:"salt"`
		Algorithm string `json:"algorithm"`
	}
	// PlanAmended says: the running (or stopped) experiment is judged by this plan now. The frozen one stays on record.
	PlanAmended struct {
		Plan Plan `json:"plan"`
	}
	// WeightsChanged says: units are divided by these weights now, and as few as possible changed their arm.
	WeightsChanged struct {
		Arms []Arm `json:"arms"`
	}
	// ReadingTaken says: somebody, or the schedule, looked at the results, and the look counts.
	ReadingTaken struct {
		Reading
	}
	// Stopped says: units are no longer assigned.
	Stopped struct{}
	// DecisionRecorded says: somebody decided what follows from it.
	DecisionRecorded struct {
		Decision
	}
)

func (Created) isExperimentEvent()          {}
func (Renamed) isExperimentEvent()          {}
func (PlanChanged) isExperimentEvent()      {}
func (Started) isExperimentEvent()          {}
func (PlanAmended) isExperimentEvent()      {}
func (WeightsChanged) isExperimentEvent()   {}
func (ReadingTaken) isExperimentEvent()     {}
func (Stopped) isExperimentEvent()          {}
func (DecisionRecorded) isExperimentEvent() {}
