package layer

import "github.com/assayhq/assay/domain"

// Wire names. They are written into the log and never change.
const (
	WireCreated   = "LayerCreated"
	WireDescribed = "LayerDescribed"
	WireAllocated = "LayerAllocated"
	WireReleased  = "LayerReleased"
	WireArchived  = "LayerArchived"
	WireRestored  = "LayerRestored"
)

var wire = domain.Wire[Event]{ //nolint:gochecknoglobals // the table of wire names
	WireCreated:   domain.As[Created, Event],
	WireDescribed: domain.As[Described, Event],
	WireAllocated: domain.As[Allocated, Event],
	WireReleased:  domain.As[Released, Event],
	WireArchived:  domain.As[Archived, Event],
	WireRestored:  domain.As[Restored, Event],
}

func encode(e Event) (string, []byte, error) {
	name := ""
	switch e.(type) {
	case Created:
		name = WireCreated
	case Described:
		name = WireDescribed
	case Allocated:
		name = WireAllocated
	case Released:
		name = WireReleased
	case Archived:
		name = WireArchived
	case Restored:
		name = WireRestored
	}
	return domain.WriteEvent(name, e)
}
