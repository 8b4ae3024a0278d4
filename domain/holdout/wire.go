package holdout

import "github.com/assayhq/assay/domain"

// Wire names. They are written into the log and never change.
const (
	WireCreated      = "HoldoutCreated"
	WireDescribed    = "HoldoutDescribed"
	WireShareChanged = "HoldoutShareChanged"
	WireArchived     = "HoldoutArchived"
	WireRestored     = "HoldoutRestored"
)

var wire = domain.Wire[Event]{ //nolint:gochecknoglobals // the table of wire names
	WireCreated:      domain.As[Created, Event],
	WireDescribed:    domain.As[Described, Event],
	WireShareChanged: domain.As[ShareChanged, Event],
	WireArchived:     domain.As[Archived, Event],
	WireRestored:     domain.As[Restored, Event],
}

func encode(e Event) (string, []byte, error) {
	name := ""
	switch e.(type) {
	case Created:
		name = WireCreated
	case Described:
		name = WireDescribed
	case ShareChanged:
		name = WireShareChanged
	case Archived:
		name = WireArchived
	case Restored:
		name = WireRestored
	}
	return domain.WriteEvent(name, e)
}
