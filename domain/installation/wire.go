package installation

import "github.com/assayhq/assay/domain"

// Wire names. They are written into the log and never change.
const (
	WireSecretIntroduced = "SecretIntroduced"
)

var wire = domain.Wire[Event]{ //nolint:gochecknoglobals // the table of wire names
	WireSecretIntroduced: domain.As[SecretIntroduced, Event],
}

func encode(e Event) (string, []byte, error) {
	switch e.(type) {
	case SecretIntroduced:
		return domain.WriteEvent(WireSecretIntroduced, e)
	}
	return domain.WriteEvent("", e)
}
