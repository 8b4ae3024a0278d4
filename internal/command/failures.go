package command

import (
	"errors"
	"fmt"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/eventlog"
)

// UnreadableError refuses a command on something in whose stream is an event that this version cannot apply: what it would be decided on is
// not known. Nothing was recorded.
type UnreadableError struct {
	Stream   string
	Revision Revision
	Position Position
	cause    error
}

// Error says what to do.
func (e *UnreadableError) Error() string {
	return fmt.Sprintf("%s cannot be changed: this version cannot read what is recorded of it at position %d (%v), so it stays as it was before; run the version of assay that recorded it, or a newer one, and try again",
		e.Stream, e.Position, e.cause)
}

// Unwrap returns why it cannot be read.
func (e *UnreadableError) Unwrap() error { return e.cause }

// PartlyError says that the log failed between the steps of a command that needs several streams. What it says is recorded stays; the same
// command given again goes on from there.
type PartlyError struct {
	// Recorded says what is recorded, what is not, and what to do.
	Recorded string
	cause    error
}

// Error says what is recorded and why the rest is not.
func (e *PartlyError) Error() string { return e.Recorded + ": " + e.cause.Error() }

// Unwrap returns why the rest is not recorded.
func (e *PartlyError) Unwrap() error { return e.cause }

// partly explains an error that came after a part was recorded. Refusals, and outcomes that are not known, say what there is to say
// themselves.
func partly(err error, format string, args ...any) error {
	if _, refused := domain.AsRefusal(err); err == nil || refused || errors.Is(err, eventlog.ErrUnknownOutcome) {
		return err
	}
	return &PartlyError{Recorded: fmt.Sprintf(format, args...), cause: err}
}
