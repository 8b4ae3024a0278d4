package apikey

// Command is something that can be asked of an API key.
//
//sumtype:decl
type Command interface{ isKeyCommand() }

// The commands.
type (
	// Issue lets a new key be used.
	Issue struct {
		Key Key
	}
	// Revoke ends its use. Revoking twice records nothing.
	Revoke struct{}
)

func (Issue) isKeyCommand()  {}
func (Revoke) isKeyCommand() {}
