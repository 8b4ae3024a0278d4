package apikey

import (
	"encoding/hex"
	"strings"

	"github.com/assayhq/assay/domain"
)

const (
	hashSize = 32 // SHA-256
)

// Aggregate is the law of API keys. Streams: apikey-<id>.
var Aggregate = domain.Aggregate[State, Command, Event]{
	Decider:  domain.Decider[State, Command, Event]{Decide: decide, Evolve: evolve},
	Category: "apikey",
	Encode:   encode,
	Decode:   wire.Decode,
}

func decide(s State, c Command, _ domain.Envelope) ([]Event, error) {
	switch c := c.(type) {
	case Issue:
		return issue(s, c)
	case Revoke:
		if !s.Exists() {
			return nil, domain.NotFound("there is no such API key; look at the list of keys")
		}
		if s.Revoked {
			return nil, nil
		}
		return []Event{Revoked{}}, nil
	default:
		return nil, domain.Invalid("", "API keys know no command %T", c)
	}
}

func issue(s State, c Issue) ([]Event, error) {
	if s.Exists() {
		return nil, domain.Exists("there is an API key with this id already; make a new id")
	}
	k := c.Key
	if err := domain.CheckKey("API key", k.ID); err != nil {
		return nil, domain.At("/id", err)
	}
	if err := domain.CheckText("/name", "name", k.Name, true, domain.MaxName); err != nil {
		return nil, err
	}
	if raw, err := hex.DecodeString(k.Hash); err != nil || len(raw) != hashSize {
		return nil, domain.Invalid("/hash", "the hash of an API key is a SHA-256 in hex; send 64 hexadecimal digits").WithCode("wrong_hash")
	}
	k.Hash = strings.ToLower(k.Hash)
	if err := checkScope(k); err != nil {
		return nil, err
	}
	return []Event{Issued{Key: k}}, nil
}

func checkScope(k Key) error {
	switch k.Kind {
	case Admin:
		if k.Environment != "" {
			return domain.Invalid("/environment", "an admin key is for a whole project; leave the environment out").WithCode("wrong_scope")
		}
	case Server, Client:
		if k.Project == "" || k.Environment == "" {
			return domain.Invalid("/environment", "a %s key needs a project and an environment; name them", k.Kind).WithCode("wrong_scope")
		}
		if err := domain.CheckProjectKey("environment", k.Environment); err != nil {
			return domain.At("/environment", err)
		}
	default:
		return domain.Invalid("/kind", "the kind of an API key is admin, server or client, not %q", k.Kind).WithCode("unknown_kind")
	}
	if k.Project == "" {
		return nil
	}
	return domain.At("/project", domain.CheckProjectKey("project", k.Project))
}

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Issued:
		return State{Key: e.Key}
	case Revoked:
		s.Revoked = true
	}
	return s
}
