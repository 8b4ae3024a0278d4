package flag

import "github.com/assayhq/assay/domain"

// Wire names. They are written into the log and never change.
const (
	WireCreated            = "FlagCreated"
	WireDescribed          = "FlagDescribed"
	WireVariantsChanged    = "VariantsChanged"
	WireMetadataChanged    = "FlagMetadataChanged"
	WireTurnedOn           = "FlagTurnedOn"
	WireTurnedOff          = "FlagTurnedOff"
	WireTargetingChanged   = "TargetingChanged"
	WireExperimentAttached = "ExperimentAttached"
	WireExperimentDetached = "ExperimentDetached"
	WireArchived           = "FlagArchived"
	WireRestored           = "FlagRestored"
)

var wire = domain.Wire[Event]{ //nolint:gochecknoglobals // the table of wire names
	WireCreated:            domain.As[Created, Event],
	WireDescribed:          domain.As[Described, Event],
	WireVariantsChanged:    domain.As[VariantsChanged, Event],
	WireMetadataChanged:    domain.As[MetadataChanged, Event],
	WireTurnedOn:           domain.As[TurnedOn, Event],
	WireTurnedOff:          domain.As[TurnedOff, Event],
	WireTargetingChanged:   domain.As[TargetingChanged, Event],
	WireExperimentAttached: domain.As[ExperimentAttached, Event],
	WireExperimentDetached: domain.As[ExperimentDetached, Event],
	WireArchived:           domain.As[Archived, Event],
	WireRestored:           domain.As[Restored, Event],
}

func encode(e Event) (string, []byte, error) {
	name := ""
	switch e.(type) {
	case Created:
		name = WireCreated
	case Described:
		name = WireDescribed
	case VariantsChanged:
		name = WireVariantsChanged
	case MetadataChanged:
		name = WireMetadataChanged
	case TurnedOn:
		name = WireTurnedOn
	case TurnedOff:
		name = WireTurnedOff
	case TargetingChanged:
		name = WireTargetingChanged
	case ExperimentAttached:
		name = WireExperimentAttached
	case ExperimentDetached:
		name = WireExperimentDetached
	case Archived:
		name = WireArchived
	case Restored:
		name = WireRestored
	}
	return domain.WriteEvent(name, e)
}
