package project

import "github.com/assayhq/assay/domain"

// Environment is a place where flags are served apart from other places.
type Environment struct {
	Key  domain.EnvironmentKey `json:"key"`
	Name string                `json:"name"`
}

// State is what is known of a project. The zero value: it does not exist.
type State struct {
	Key          domain.ProjectKey
	Name         string
	Description  string
	Environments []Environment // in order of their making
}

// Exists reports whether the project was ever created.
func (s State) Exists() bool { return s.Key != "" }

// Has reports whether the project has the environment.
func (s State) Has(key domain.EnvironmentKey) bool {
	for _, e := range s.Environments {
		if e.Key == key {
			return true
		}
	}
	return false
}
