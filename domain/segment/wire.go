package segment

import "github.com/assayhq/assay/domain"

// Wire names. They are written into the log and never change.
const (
	WireCreated      = "SegmentCreated"
	WireDescribed    = "SegmentDescribed"
	WireRulesChanged = "SegmentRulesChanged"
	WireIDsAdded     = "SegmentIDsAdded"
	WireIDsRemoved   = "SegmentIDsRemoved"
	WireListCleared  = "SegmentListCleared"
	WireArchived     = "SegmentArchived"
	WireRestored     = "SegmentRestored"
)

var wire = domain.Wire[Event]{ //nolint:gochecknoglobals // the table of wire names
	WireCreated:      domain.As[Created, Event],
	WireDescribed:    domain.As[Described, Event],
	WireRulesChanged: domain.As[RulesChanged, Event],
	WireIDsAdded:     domain.As[IDsAdded, Event],
	WireIDsRemoved:   domain.As[IDsRemoved, Event],
	WireListCleared:  domain.As[ListCleared, Event],
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
	case RulesChanged:
		name = WireRulesChanged
	case IDsAdded:
		name = WireIDsAdded
	case IDsRemoved:
		name = WireIDsRemoved
	case ListCleared:
		name = WireListCleared
	case Archived:
		name = WireArchived
	case Restored:
		name = WireRestored
	}
	return domain.WriteEvent(name, e)
}
