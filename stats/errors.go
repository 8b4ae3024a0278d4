package stats

import (
	"errors"
	"fmt"
)

// Kind says why there is no result. Its text is a stable name.
type Kind string

// The kinds.
const (
	InvalidInput           Kind = "invalid_input"              // negative counts, more conversions than units, NaN, a level outside (0, 1)
	InsufficientData       Kind = "insufficient_data"          // too few units for the method
	ZeroVariance           Kind = "zero_variance"              // no arm varies, so there is no scale to judge a difference by
	UndefinedRatio         Kind = "undefined_ratio"            // the denominator or the baseline is 0
	TrafficInZeroWeightArm Kind = "traffic_in_zero_weight_arm" // an arm that should be empty is not
	ZeroMargin             Kind = "zero_margin"                // a row or a column of a table is empty
	NotAttainable          Kind = "not_attainable"             // no sample is large enough
)

// Error says why there is no result: a kind for programs, a sentence for people.
type Error struct {
	Kind     Kind
	Sentence string
}

// Error is the sentence.
func (e *Error) Error() string { return e.Sentence }

// Is makes errors.Is compare kinds.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind
}

func fail(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Sentence: fmt.Sprintf(format, args...)}
}

// graver is the error to tell of two arms: what cannot be before what is missing.
func graver(first, second error) error {
	if failure, ok := errors.AsType[*Error](second); ok && failure.Kind == InvalidInput || first == nil {
		return second
	}
	return first
}
