package holdout

import "github.com/assayhq/assay/domain"

// Command is something that can be asked of a holdout.
//
//sumtype:decl
type Command interface{ isHoldoutCommand() }

// The commands.
type (
	// Create makes a holdout.
	Create struct {
		Project     domain.ProjectKey
		Key         domain.HoldoutKey
		Name        string // the key when empty
		Description string
		By          string
		Algorithm   string
		Salt        string
		Total       domain.Weight
		Share       domain.Weight
	}
	// Describe changes name and description.
	Describe struct {
		Name        string
		Description string
	}
	// ChangeShare changes how many are held back.
	ChangeShare struct {
		Share domain.Weight
	}
	// Archive lets everybody go.
	Archive struct{}
	// Restore holds the same units back again.
	Restore struct{}
)

func (Create) isHoldoutCommand()      {}
func (Describe) isHoldoutCommand()    {}
func (ChangeShare) isHoldoutCommand() {}
func (Archive) isHoldoutCommand()     {}
func (Restore) isHoldoutCommand()     {}
