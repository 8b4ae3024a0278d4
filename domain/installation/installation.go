package installation

import (
	"encoding/hex"

	"github.com/assayhq/assay/domain"
)

// Stream is the name of the one stream.
const Stream = "installation-self"

const checkSize = 16 // bytes

// Command is something that can be asked of the installation.
//
//sumtype:decl
type Command interface{ isInstallationCommand() }

// IntroduceSecret says with which secret a node starts. The first one is recorded; the same one again records nothing.
type IntroduceSecret struct {
	// Check is the secret's check value: 32 hexadecimal digits.
	Check string
	// Replace accepts another secret than before: whoever is measured from now on is another unit than before.
	Replace bool
}

func (IntroduceSecret) isInstallationCommand() {}

// Event is something that has happened to the installation.
//
//sumtype:decl
type Event interface{ isInstallationEvent() }

// SecretIntroduced says: unit ids are hashed with the secret of this check value from here on.
type SecretIntroduced struct {
	Check string `json:"check"`
}

func (SecretIntroduced) isInstallationEvent() {}

// State is what is known of the installation.
type State struct {
	// Check is the check value of the secret; empty before the first one.
	Check string
}

// Aggregate is the law of the installation.
var Aggregate = domain.Aggregate[State, Command, Event]{
	Decider:  domain.Decider[State, Command, Event]{Decide: decide, Evolve: evolve},
	Category: "installation",
	Encode:   encode,
	Decode:   wire.Decode,
}

func decide(s State, c Command, _ domain.Envelope) ([]Event, error) {
	introduce, ok := c.(IntroduceSecret)
	if !ok {
		return nil, domain.Invalid("", "the installation knows no command %T", c)
	}
	if raw, err := hex.DecodeString(introduce.Check); err != nil || len(raw) != checkSize {
		return nil, domain.Invalid("/check", "the check value of a secret has %d hexadecimal digits", 2*checkSize).WithCode("wrong_check")
	}
	switch {
	case introduce.Check == s.Check:
		return nil, nil
	case s.Check != "" && !introduce.Replace:
		return nil, domain.WrongState(
			"this log's unit ids are hashed with another secret; start with that one, or every visitor would be counted as somebody new").WithCode("another_secret")
	}
	return []Event{SecretIntroduced{Check: introduce.Check}}, nil
}

func evolve(s State, e Event) State {
	if e, ok := e.(SecretIntroduced); ok {
		s.Check = e.Check
	}
	return s
}
