package project

import "github.com/assayhq/assay/domain"

// Command is something that can be asked of a project.
//
//sumtype:decl
type Command interface{ isProjectCommand() }

// The commands.
type (
	// Create makes a project. Without environments it gets "production" and "staging".
	Create struct {
		Key          domain.ProjectKey
		Name         string // the key when empty
		Description  string
		Environments []Environment
		// UnitIDs is Hashed when empty.
		UnitIDs UnitIDs
	}
	// Describe changes name and description.
	Describe struct {
		Name        string
		Description string
	}
	// AddEnvironment adds one.
	AddEnvironment struct {
		Environment Environment
	}
)

func (Create) isProjectCommand()         {}
func (Describe) isProjectCommand()       {}
func (AddEnvironment) isProjectCommand() {}
