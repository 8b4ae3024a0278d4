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
	UnitIDs      UnitIDs
}

// UnitIDs says how the ids of the units that are measured are kept.
type UnitIDs string

// The ways.
const (
	// Hashed: as keyed hashes, so that nothing that is stored leads back to a person. The default.
	Hashed UnitIDs = "hashed"
	// Raw: as they are sent.
	Raw UnitIDs = "raw"
)

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
