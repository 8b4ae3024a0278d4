package apikey

// Event is something that has happened to an API key.
//
//sumtype:decl
type Event interface{ isKeyEvent() }

// The events.
type (
	// Issued says: the key may be used.
	Issued struct {
		Key
	}
	// Revoked says: it may not be used any more, for ever.
	Revoked struct{}
)

func (Issued) isKeyEvent()  {}
func (Revoked) isKeyEvent() {}
