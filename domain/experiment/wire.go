package experiment

import "github.com/assayhq/assay/domain"

// Wire names. They are written into the log and never change.
const (
	WireCreated          = "ExperimentCreated"
	WireRenamed          = "ExperimentRenamed"
	WirePlanChanged      = "PlanChanged"
	WireStarted          = "ExperimentStarted"
	WirePlanAmended      = "PlanAmended"
	WireWeightsChanged   = "WeightsChanged"
	WireReadingTaken     = "ReadingTaken"
	WireStopped          = "ExperimentStopped"
	WireDecisionRecorded = "DecisionRecorded"
)

var wire = domain.Wire[Event]{ //nolint:gochecknoglobals // the table of wire names
	WireCreated:          domain.As[Created, Event],
	WireRenamed:          domain.As[Renamed, Event],
	WirePlanChanged:      domain.As[PlanChanged, Event],
	WireStarted:          domain.As[Started, Event],
	WirePlanAmended:      domain.As[PlanAmended, Event],
	WireWeightsChanged:   domain.As[WeightsChanged, Event],
	WireReadingTaken:     domain.As[ReadingTaken, Event],
	WireStopped:          domain.As[Stopped, Event],
	WireDecisionRecorded: domain.As[DecisionRecorded, Event],
}

func encode(e Event) (string, []byte, error) {
	switch e.(type) {
	case Created:
		return domain.WriteEvent(WireCreated, e)
	case Renamed:
		return domain.WriteEvent(WireRenamed, e)
	case PlanChanged:
		return domain.WriteEvent(WirePlanChanged, e)
	case Started:
		return domain.WriteEvent(WireStarted, e)
	case PlanAmended:
		return domain.WriteEvent(WirePlanAmended, e)
	case WeightsChanged:
		return domain.WriteEvent(WireWeightsChanged, e)
	case ReadingTaken:
		return domain.WriteEvent(WireReadingTaken, e)
	case Stopped:
		return domain.WriteEvent(WireStopped, e)
	case DecisionRecorded:
		return domain.WriteEvent(WireDecisionRecorded, e)
	}
	return domain.WriteEvent("", e)
}
