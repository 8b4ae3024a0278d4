// Package domain holds the words that all of assay shares and the one shape every aggregate has. It is for whoever adds
// or reads an aggregate; it knows no clock, no disk and no network.
//
// # The model
//
// An aggregate (flag, metric, experiment, ...) is the history of one thing. Its law is a Decider: Decide takes the state and
// a command and returns the events that record the decision, or a Refusal; Evolve folds an event into the state. Nothing
// else ever changes state, so what can be decided can be replayed, explained and tested without waiting for anything.
//
// Aggregates live in folders of their own with the same five files: commands.go (what can be asked), events.go (what can
// have happened), state.go (what is known), decide.go (the law) and wire.go (how events are written down for ever). They
// never import each other: they meet through the typed keys of this package.
//
// # Events that change their shape
//
// What is in a log stays there as it was written. A field may be added to an event when its absence means what was true before
// there was such a field. Any other change makes a new version: the event gets the wire name "Name.v2", the old shape moves to
// an unexported type, and Upcast makes the old name's decoder out of it. The frozen samples of both versions are read for ever.
// A program that is older than the log does not know the new name; it freezes the one stream that has it and says so.
package domain

import "time"

// Decider is the law of an aggregate: S its state, C its commands, E its events.
type Decider[S, C, E any] struct {
	// Decide answers a command with the events to record. It may refuse with a *Refusal, and it may answer "nothing to
	// record" (no events, no error) when the state already is what the command asks for.
	Decide func(state S, command C, envelope Envelope) ([]E, error)
	// Evolve folds an event into the state. It may not refuse: what is recorded has happened.
	Evolve func(state S, event E) S
}

// Aggregate is a Decider together with where and how its events are written down.
type Aggregate[S, C, E any] struct {
	Decider[S, C, E]
	// Category is the first part of the aggregate's stream names, equal to its package name, without '-'.
	Category string
	// Encode returns the wire name and the JSON body of an event.
	Encode func(E) (name string, body []byte, err error)
	// Decode is Encode's inverse for every version ever written. A name it does not know is an error.
	Decode func(name string, body []byte) (E, error)
}

// Fold is the state after the events, starting from the zero state.
func (a Aggregate[S, C, E]) Fold(events ...E) S {
	var state S
	for _, e := range events {
		state = a.Evolve(state, e)
	}
	return state
}

// Envelope is what every command carries beside its content: who asks, why and when.
type Envelope struct {
	Actor  Actor
	Reason string    // in the words of whoever asked; required where production may change
	At     time.Time // UTC
}

// Actor names who asked for something. Actors are ids, never personal data: "key:4f0c…", "system:start".
type Actor string
