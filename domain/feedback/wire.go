package feedback

import "github.com/assayhq/assay/domain"

// Wire names. They are written into the log and never change.
const (
	WireGiven  = "FeedbackGiven"
	WireErased = "SubjectErased"
)

var wire = domain.Wire[Event]{ //nolint:gochecknoglobals // the table of wire names
	WireGiven:  domain.As[Given, Event],
	WireErased: domain.As[Erased, Event],
}

func encode(e Event) (string, []byte, error) {
	switch e.(type) {
	case Given:
		return domain.WriteEvent(WireGiven, e)
	case Erased:
		return domain.WriteEvent(WireErased, e)
	}
	return domain.WriteEvent("", e)
}
