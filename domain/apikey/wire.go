package apikey

import "github.com/assayhq/assay/domain"

// Wire names. They are written into the log and never change.
const (
	WireIssued  = "KeyIssued"
	WireRevoked = "KeyRevoked"
)

var wire = domain.Wire[Event]{ //nolint:gochecknoglobals // the table of wire names
	WireIssued:  domain.As[Issued, Event],
	WireRevoked: domain.As[Revoked, Event],
}

func encode(e Event) (string, []byte, error) {
	switch e.(type) {
	case Issued:
		return domain.WriteEvent(WireIssued, e)
	case Revoked:
		return domain.WriteEvent(WireRevoked, e)
	}
	return domain.WriteEvent("", e)
}
