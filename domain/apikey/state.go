package apikey

import "github.com/assayhq/assay/domain"

// Kind says what a key is for.
type Kind string

// The kinds.
const (
	Admin  Kind = "admin"  // management of everything in its scope
	Server Kind = "server" // the full ruleset, and facts
	Client Kind = "client" // evaluation, and facts
)

// Key is everything about an API key but its secret.
type Key struct {
	ID   domain.KeyID `json:"id"`
	Kind Kind         `json:"kind"`
	Name string       `json:"name"`
	// Project is empty for an admin key of the whole installation.
	Project domain.ProjectKey `json:"project,omitempty"`
	// Environment is required for server and client keys and empty for admin keys.
	Environment domain.EnvironmentKey `json:"environment,omitempty"`
	// Hash is the SHA-256 of the secret, in hex.
	Hash string `json:"hash"`
}

// State is what is known of a key. The zero value: it does not exist.
type State struct {
	Key     Key
	Revoked bool
}

// Exists reports whether the key was ever issued.
func (s State) Exists() bool { return s.Key.ID != "" }
