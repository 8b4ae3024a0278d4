package segment

import "github.com/assayhq/assay/domain"

// Command is something that can be asked of a segment.
//
//sumtype:decl
type Command interface{ isSegmentCommand() }

// The commands.
type (
	// Create makes a segment without members.
	Create struct {
		Project     domain.ProjectKey
		Key         domain.SegmentKey
		Name        string // the key when empty
		Description string
		By          string
		Rules       []Rule
	}
	// Describe changes name and description.
	Describe struct {
		Name        string
		Description string
	}
	// ChangeRules replaces the rules.
	ChangeRules struct {
		Rules []Rule
	}
	// AddIDs puts units on a list; those that are on it already are not recorded again. On Included they leave Excluded, and
	// the other way round.
	AddIDs struct {
		List List
		IDs  []string
		// Only empties the list first.
		Only bool
	}
	// RemoveIDs takes units off a list; those that are not on it are not recorded.
	RemoveIDs struct {
		List List
		IDs  []string
	}
	// Archive hides the segment: flags that ask for it already go on, no other can.
	Archive struct{}
	// Restore undoes that.
	Restore struct{}
)

func (Create) isSegmentCommand()      {}
func (Describe) isSegmentCommand()    {}
func (ChangeRules) isSegmentCommand() {}
func (AddIDs) isSegmentCommand()      {}
func (RemoveIDs) isSegmentCommand()   {}
func (Archive) isSegmentCommand()     {}
func (Restore) isSegmentCommand()     {}
