package domain

import (
	"errors"
	"fmt"
)

// Kind says what sort of refusal it is. The list is closed; numbers are never reused.
type Kind int

// The kinds, each with the HTTP status it becomes.
const (
	// KindInvalid: the command is malformed in itself (422).
	KindInvalid Kind = iota + 1
	// KindNotFound: the thing, or a thing it names, does not exist (404; 422 when only named).
	KindNotFound
	// KindExists: there is such a thing already (409).
	KindExists
	// KindState: the thing is not in a state that allows this (409).
	KindState
	// KindStale: the caller decided on an older revision (412).
	KindStale
)

// Refusal is a decider's "no": a kind, where in the command it lies, and a sentence that tells the caller what to do.
type Refusal struct { //nolint:errname // a refusal is a word of the product
	Kind Kind
	// Code is a stable lower_snake_case name for programs ("weights_do_not_sum"); it defaults to the kind's name.
	Code string
	// Pointer is a JSON pointer into the command ("/variants/1/value"), empty when the whole is meant.
	Pointer string
	// Sentence is for people: plain, one sentence, says what to do.
	Sentence string
}

// Error is the sentence.
func (r *Refusal) Error() string { return r.Sentence }

// WithCode returns a copy of the refusal that carries the stable code.
func (r *Refusal) WithCode(code string) *Refusal {
	c := *r
	c.Code = code
	return &c
}

// At returns the error with its pointer moved, for a check that doesn't know where in the command its subject lies. Errors
// that are no refusal, and nil, come back as they are.
func At(pointer string, err error) error {
	r, ok := AsRefusal(err)
	if !ok {
		return err
	}
	moved := *r
	moved.Pointer = pointer
	return &moved
}

// Invalid refuses a malformed command.
func Invalid(pointer, format string, args ...any) *Refusal {
	return &Refusal{Kind: KindInvalid, Code: "invalid", Pointer: pointer, Sentence: fmt.Sprintf(format, args...)}
}

// NotFound refuses because something does not exist.
func NotFound(format string, args ...any) *Refusal {
	return &Refusal{Kind: KindNotFound, Code: "not_found", Sentence: fmt.Sprintf(format, args...)}
}

// Exists refuses because something exists already.
func Exists(format string, args ...any) *Refusal {
	return &Refusal{Kind: KindExists, Code: "already_exists", Sentence: fmt.Sprintf(format, args...)}
}

// WrongState refuses because of the state the thing is in.
func WrongState(format string, args ...any) *Refusal {
	return &Refusal{Kind: KindState, Code: "wrong_state", Sentence: fmt.Sprintf(format, args...)}
}

// AsRefusal finds the refusal in an error.
func AsRefusal(err error) (*Refusal, bool) { return errors.AsType[*Refusal](err) }
