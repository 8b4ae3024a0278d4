package eventlog

import (
	"errors"
	"fmt"
)

// Kinds of failure, for errors.Is. Every error of an adapter is one of these or the context's error.
var (
	// ErrConflict: the stream is not at the expected revision. Load it again, decide again.
	ErrConflict = errors.New("stream is not at the expected revision")
	// ErrInvalid: the call itself is malformed. Retrying cannot help.
	ErrInvalid = errors.New("invalid call to the log")
	// ErrTooLarge: the append is over MaxEvents or MaxAppendBytes. Split it.
	ErrTooLarge = errors.New("append too large")
	// ErrUnknownOutcome: the append may or may not be recorded. Repeat it with the same ids and the same revision.
	ErrUnknownOutcome = errors.New("outcome of the append is unknown")
	// ErrUnavailable: the log cannot serve the call now; nothing was recorded.
	ErrUnavailable = errors.New("log is unavailable")
	// ErrCorrupt: stored bytes do not read back as what was written. Nothing is skipped; the log must be restored.
	ErrCorrupt = errors.New("log is corrupt")
)

// ConflictError tells where the stream really is.
type ConflictError struct {
	Stream   string
	Expected Revision
	Actual   Revision // revision of the last event; NoStream when there is none
}

// Error says which stream, what was expected and what was found.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("stream %s is at revision %d, not at the expected %d", e.Stream, e.Actual, e.Expected)
}

// Is makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }
