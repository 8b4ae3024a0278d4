package layer

import "github.com/assayhq/assay/domain"

// Command is something that can be asked of a layer.
//
//sumtype:decl
type Command interface{ isLayerCommand() }

// The commands.
type (
	// Create makes a layer that nobody has a part of.
	Create struct {
		Project     domain.ProjectKey
		Key         domain.LayerKey
		Name        string // the key when empty
		Description string
		// By is the attribute whose value is the unit id; empty for the targeting key.
		By string
		// Algorithm, Salt and Total have defaults; a layer that takes over another product's must say what that was.
		Algorithm string
		Salt      string
		Total     domain.Weight
	}
	// Describe changes name and description.
	Describe struct {
		Name        string
		Description string
	}
	// Allocate gives an experiment Share of the layer's buckets. One that has a part keeps as much of it as it can.
	Allocate struct {
		Experiment domain.ExperimentKey
		Share      domain.Weight
	}
	// Release takes it back. Releasing what has nothing records nothing.
	Release struct {
		Experiment domain.ExperimentKey
	}
	// Archive closes a layer that no experiment has a part of.
	Archive struct{}
	// Restore opens it again.
	Restore struct{}
)

func (Create) isLayerCommand()   {}
func (Describe) isLayerCommand() {}
func (Allocate) isLayerCommand() {}
func (Release) isLayerCommand()  {}
func (Archive) isLayerCommand()  {}
func (Restore) isLayerCommand()  {}
