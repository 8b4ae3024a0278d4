package metric

import "github.com/assayhq/assay/domain"

// Wire names. They are written into the log and never change.
const (
	WireCreated   = "MetricCreated"
	WireDescribed = "MetricDescribed"
	WireArchived  = "MetricArchived"
	WireRestored  = "MetricRestored"
)

var wire = domain.Wire[Event]{ //nolint:gochecknoglobals // the table of wire names
	WireCreated:   domain.As[Created, Event],
	WireDescribed: domain.As[Described, Event],
	WireArchived:  domain.As[Archived, Event],
	WireRestored:  domain.As[Restored, Event],
}

func encode(e Event) (string, []byte, error) {
	switch e.(type) {
	case Created:
		return domain.WriteEvent(WireCreated, e)
	case Described:
		return domain.WriteEvent(WireDescribed, e)
	case Archived:
		return domain.WriteEvent(WireArchived, e)
	case Restored:
		return domain.WriteEvent(WireRestored, e)
	}
	return domain.WriteEvent("", e)
}
