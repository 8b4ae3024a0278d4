package project

import "github.com/assayhq/assay/domain"

// Wire names. They are written into the log and never change.
const (
	WireCreated          = "ProjectCreated"
	WireDescribed        = "ProjectDescribed"
	WireEnvironmentAdded = "EnvironmentAdded"
)

var wire = domain.Wire[Event]{ //nolint:gochecknoglobals // the table of wire names
	WireCreated:          domain.As[Created, Event],
	WireDescribed:        domain.As[Described, Event],
	WireEnvironmentAdded: domain.As[EnvironmentAdded, Event],
}

func encode(e Event) (string, []byte, error) {
	switch e.(type) {
	case Created:
		return domain.WriteEvent(WireCreated, e)
	case Described:
		return domain.WriteEvent(WireDescribed, e)
	case EnvironmentAdded:
		return domain.WriteEvent(WireEnvironmentAdded, e)
	}
	return domain.WriteEvent("", e)
}
