package esdb

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/assayhq/assay/eventlog"
)

// fate is what is known about a call that failed.
type fate int

const (
	unknown   fate = iota // it may have been executed
	notSent               // it was not
	elsewhere             // it was not, because another node leads; the driver is on its way there
	conflict              // the stream is at another revision
	refused               // the server will not do it, however often it is asked
	missing               // there is no such stream
)

// judge says what an error of the driver means for the call that got it.
func judge(err error) fate {
	if errors.Is(err, errNotSent) {
		return notSent
	}
	var e *driver.Error
	if !errors.As(err, &e) {
		return unknown // a plain EOF, a panic, a call given up
	}
	switch e.Code() {
	case driver.ErrorCodeConnectionClosed:
		return notSent
	case driver.ErrorCodeNotLeader:
		return elsewhere
	case driver.ErrorCodeWrongExpectedVersion:
		return conflict
	case driver.ErrorCodeStreamDeleted, driver.ErrorCodeAccessDenied, driver.ErrorCodeUnauthenticated, driver.ErrorCodeUnsupportedFeature:
		return refused
	case driver.ErrorCodeResourceNotFound:
		if status.Code(e.Err()) == codes.NotFound {
			return elsewhere // a node that does not know who leads
		}
		return missing
	case driver.ErrorCodeUnknown:
		if code := status.Code(e.Err()); code == codes.InvalidArgument || code == codes.FailedPrecondition {
			return refused
		}
	}
	return unknown
}

// refusal explains what the server will not do.
func refusal(stream string, err error) error {
	var e *driver.Error
	if !errors.As(err, &e) {
		return unavailable("the event store refuses the call", err)
	}
	switch e.Code() {
	case driver.ErrorCodeStreamDeleted:
		return fmt.Errorf("%w: the stream %s was deleted for good (tombstoned) in the event store and takes no events any more", eventlog.ErrInvalid, stream)
	case driver.ErrorCodeAccessDenied:
		return fmt.Errorf("%w: the event store denies access to %s; the user needs to read $all and to read and write assay's streams", eventlog.ErrUnavailable, stream)
	case driver.ErrorCodeUnauthenticated:
		return fmt.Errorf("%w: the event store does not accept the user and password of the connection string", eventlog.ErrUnavailable)
	}
	if strings.Contains(strings.ToLower(err.Error()), "maximum append size") {
		return fmt.Errorf("%w: the event store takes less in one append than assay sends at most; set its MaxAppendSize to 1 MiB or more: %w", eventlog.ErrTooLarge, e.Err())
	}
	return fmt.Errorf("%w: the event store refuses the call on %s: %w", eventlog.ErrInvalid, stream, err)
}

// unavailable wraps what went wrong on the way. What it wraps is told in words only, so that the context of an attempt is not
// taken for the caller's.
func unavailable(what string, err error) error {
	if errors.Is(err, eventlog.ErrUnavailable) {
		return err
	}
	if judge(err) == refused {
		return refusal("$all", err)
	}
	return fmt.Errorf("%w: %s: %s", eventlog.ErrUnavailable, what, reason(err))
}

func reason(err error) string {
	switch {
	case errors.Is(err, errNotSent):
		return "no connection"
	case errors.Is(err, errGivenUp), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	default:
		return err.Error()
	}
}

// actual reads from a conflict where the stream is: the driver tells it in words only.
func actual(err error) (eventlog.Revision, bool) {
	found := regexp.MustCompile(`but got '(no_stream|\d+)'`).FindStringSubmatch(err.Error())
	if found == nil {
		return 0, false
	}
	if found[1] == "no_stream" {
		return eventlog.NoStream, true
	}
	n, err := strconv.ParseInt(found[1], 10, 64)
	return eventlog.Revision(n), err == nil
}
