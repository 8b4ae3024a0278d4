package feedback

import "github.com/assayhq/assay/domain"

// Command is something that can be asked about what a subject said.
//
//sumtype:decl
type Command interface{ isFeedbackCommand() }

// The commands.
type (
	// Give records what a subject said. The same again records nothing.
	Give struct {
		Project domain.ProjectKey
		Subject string
		Item    Item
	}
	// Erase records that the keys of all before are deleted. Erasing again when nothing was said since records nothing.
	Erase struct{}
)

func (Give) isFeedbackCommand()  {}
func (Erase) isFeedbackCommand() {}
