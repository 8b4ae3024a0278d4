package metric

import "github.com/assayhq/assay/domain"

// Command is something that can be asked of a metric.
//
//sumtype:decl
type Command interface{ isMetricCommand() }

// The commands.
type (
	// Create makes a metric.
	Create struct {
		Project     domain.ProjectKey
		Key         domain.MetricKey
		Name        string // the key when empty
		Description string
		Definition  Definition
	}
	// Describe changes name and description.
	Describe struct {
		Name        string
		Description string
	}
	// Archive takes the metric out of the choice for new experiments.
	Archive struct{}
	// Restore offers it again.
	Restore struct{}
)

func (Create) isMetricCommand()   {}
func (Describe) isMetricCommand() {}
func (Archive) isMetricCommand()  {}
func (Restore) isMetricCommand()  {}
