package experiment

import "github.com/assayhq/assay/domain"

// Command is something that can be asked of an experiment.
//
//sumtype:decl
type Command interface{ isExperimentCommand() }

// The commands.
type (
	// Create makes a draft.
	Create struct {
		Project domain.ProjectKey
		Key     domain.ExperimentKey
		Name    string // the key when empty
		Plan    Plan
	}
	// Change replaces name and plan: freely in draft, as an amendment (with a reason) while running or stopped.
	Change struct {
		Name string
		Plan Plan
	}
	// Start freezes the plan and begins to assign units.
	Start struct{}
	// Stop ends the assignment. Stopping twice records nothing.
	Stop struct{}
	// Conclude records the decision; a running experiment is stopped by it.
	Conclude struct {
		Decision Decision
	}
	// Reweigh gives the arms of a running bandit other weights, with a reason: all arms, in any order. Weights that are there already
	// record nothing.
	Reweigh struct {
		Arms []Arm
	}
	// TakeReading records a look at the results. Look, Method and the like are filled in; one that adds nothing records nothing.
	TakeReading struct {
		Reading Reading
	}
)

func (Create) isExperimentCommand()   {}
func (Change) isExperimentCommand()   {}
func (Start) isExperimentCommand()    {}
func (Stop) isExperimentCommand()     {}
func (Conclude) isExperimentCommand() {}
func (Reweigh) isExperimentCommand()  {}

func (TakeReading) isExperimentCommand() {}
