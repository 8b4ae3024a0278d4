package flag

import "github.com/assayhq/assay/domain"

// Event is something that has happened to a flag.
//
//sumtype:decl
type Event interface{ isFlagEvent() }

// The events. Each is the smallest true statement; who, why and when are in the metadata of the log.
type (
	// Created says: the flag exists, off in every environment. Its type never changes.
	Created struct {
		Project     domain.ProjectKey `json:"project"`
		Key         domain.FlagKey    `json:"key"`
		Name        string            `json:"name"`
		Description string            `json:"description,omitempty"`
		Type        Type              `json:"type"`
		Variants    []Variant         `json:"variants"`
		// Default and Off are the variants that an environment serves until its targeting is changed.
		Default domain.VariantKey `json:"default"`
		Off     domain.VariantKey `json:"off"`
	}
	// Described says: name or description changed.
	Described struct {
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
	}
	// VariantsChanged says: the flag has these variants now, in this order.
	VariantsChanged struct {
		Variants []Variant `json:"variants"`
	}
	// MetadataChanged says: these are the flag's metadata now, none when there are none.
	MetadataChanged struct {
		Metadata Metadata `json:"metadata,omitempty"`
	}
	// TurnedOn says: the environment follows its targeting.
	TurnedOn struct {
		Environment domain.EnvironmentKey `json:"environment"`
	}
	// TurnedOff says: the environment serves its off variant to everybody.
	TurnedOff struct {
		Environment domain.EnvironmentKey `json:"environment"`
	}
	// TargetingChanged says: the environment has this targeting now.
	TargetingChanged struct {
		Environment domain.EnvironmentKey `json:"environment"`
		Targeting   Targeting             `json:"targeting"`
	}
	// ExperimentAttached says: what no rule matches takes part in the experiment in this environment, until it is detached.
	ExperimentAttached struct {
		Environment domain.EnvironmentKey `json:"environment"`
		Experiment  domain.ExperimentKey  `json:"experiment"`
		Unit        domain.UnitType       `json:"unit"`
		Split       Split                 `json:"split"`
		// Layer and Within limit the experiment to its part of a layer.
		Layer  domain.LayerKey `json:"layer,omitempty"`
		Within []domain.Slice  `json:"within,omitempty"`
	}
	// ExperimentDetached says: the environment follows its targeting alone again.
	ExperimentDetached struct {
		Environment domain.EnvironmentKey `json:"environment"`
		Experiment  domain.ExperimentKey  `json:"experiment"`
	}
	// Archived says: the flag is no longer served anywhere; its key stays taken.
	Archived struct{}
	// Restored says: the flag is served again as it was.
	Restored struct{}
)

func (Created) isFlagEvent()            {}
func (Described) isFlagEvent()          {}
func (VariantsChanged) isFlagEvent()    {}
func (MetadataChanged) isFlagEvent()    {}
func (TurnedOn) isFlagEvent()           {}
func (TurnedOff) isFlagEvent()          {}
func (TargetingChanged) isFlagEvent()   {}
func (ExperimentAttached) isFlagEvent() {}
func (ExperimentDetached) isFlagEvent() {}
func (Archived) isFlagEvent()           {}
func (Restored) isFlagEvent()           {}
