package openapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/flags/ofrep"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/projections/facts"
)

// problem is an RFC 9457 document.
type problem struct {
	Type     string         `json:"type"`
	Title    string         `json:"title"`
	Status   int            `json:"status"`
	Detail   string         `json:"detail"`
	Instance string         `json:"instance,omitempty"`
	Code     string         `json:"code"`
	Revision string         `json:"revision,omitempty"`
	Errors   []problemEntry `json:"errors,omitempty"`

	retryAfter int // seconds; 0 for none
	challenge  string
}

type problemEntry struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// Error is the sentence, so that a problem can be returned as an error.
func (p *problem) Error() string { return p.Detail }

func refuse(status int, code, format string, args ...any) *problem {
	return &problem{Status: status, Code: code, Detail: fmt.Sprintf(format, args...)}
}

func notFound(what string, key any) *problem {
	return refuse(http.StatusNotFound, "not_found", "there is no %s %q here", what, key)
}

// behind refuses because the read models are behind the log.
func behind(format string, args ...any) *problem {
	p := refuse(http.StatusServiceUnavailable, "projection_behind", format, args...)
	p.retryAfter = 1
	return p
}

// problemOf is the one table from errors to answers.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if p := problemOfCommand(err); p != nil {
		return p
	}
	if s, ok := errors.AsType[*command.StaleError](err); ok {
		p := refuse(http.StatusPreconditionFailed, "stale_revision", "%s", s.Error())
		p.Revision = etagOf(s.Current)
		return p
	}
	if r, ok := domain.AsRefusal(err); ok {
		return problemOfRefusal(r)
	}
	if h, ok := errors.AsType[*echo.HTTPError](err); ok {
		return problemOfHTTP(h)
	}
	if e, ok := errors.AsType[*facts.DamageError](err); ok {
		p := refuse(http.StatusServiceUnavailable, "facts_damaged", "%s; ask again in a moment", e.Error())
		p.retryAfter = 5
		return p
	}
	switch {
	case errors.Is(err, command.ErrUnknownOutcome): // before its cause, which says less
		p := refuse(http.StatusServiceUnavailable, "outcome_unknown", "the log did not say whether it recorded this; look, or repeat it with the same Idempotency-Key")
		p.retryAfter = 1
		return p
	case errors.Is(err, command.ErrUnavailable):
		p := refuse(http.StatusServiceUnavailable, "log_unavailable", "the log takes no writes at the moment; nothing was recorded, try again later")
		p.retryAfter = 5
		return p
	case errors.Is(err, command.ErrConflict):
		p := refuse(http.StatusConflict, "busy", "others are changing the same thing at this moment; try again")
		p.retryAfter = 1
		return p
	case errors.Is(err, command.ErrTooLarge):
		return refuse(http.StatusRequestEntityTooLarge, "too_large", "this is too large to be recorded; make it smaller")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return refuse(http.StatusServiceUnavailable, "timeout", "the request took too long or was given up; try again")
	}
	return refuse(http.StatusInternalServerError, "internal", "something went wrong on the server; its log has the details under this instance")
}

// problemOfCommand is about commands that were neither decided against nor failed as a whole; nil for any other error.
func problemOfCommand(err error) *problem {
	unreadable, cannot := errors.AsType[*command.UnreadableError](err)
	if e, ok := errors.AsType[*command.PartlyError](err); ok {
		p := refuse(http.StatusServiceUnavailable, "partly_recorded", "%s", e.Recorded)
		p.retryAfter = 5
		if cannot { // it comes back after an upgrade, not after a while
			p = refuse(http.StatusConflict, "partly_recorded", "%s; %s", e.Recorded, unreadable.Error())
		}
		return p
	}
	if cannot {
		return refuse(http.StatusConflict, "unreadable_event", "%s", unreadable.Error())
	}
	return nil
}

func problemOfRefusal(r *domain.Refusal) *problem {
	status := map[domain.Kind]int{
		domain.KindInvalid: http.StatusUnprocessableEntity, domain.KindNotFound: http.StatusNotFound, domain.KindExists: http.StatusConflict,
		domain.KindState: http.StatusConflict, domain.KindStale: http.StatusPreconditionFailed,
	}[r.Kind]
	if status == 0 {
		status = http.StatusUnprocessableEntity
	}
	p := refuse(status, r.Code, "%s", r.Sentence)
	if r.Pointer != "" {
		p.Errors = []problemEntry{{Pointer: r.Pointer, Detail: r.Sentence}}
	}
	return p
}

func problemOfHTTP(h *echo.HTTPError) *problem {
	switch h.Code {
	case http.StatusNotFound:
		return refuse(h.Code, "no_such_route", "there is nothing at this address; see /openapi.json")
	case http.StatusMethodNotAllowed:
		return refuse(h.Code, "method_not_allowed", "this address does not take this method; see /openapi.json")
	case http.StatusBadRequest:
		// Bodies and parameters were checked before; whatever still fails to decode is told without Go's words for it.
		return refuse(h.Code, "bad_request", "the request is not as the document says; see /openapi.json")
	default:
		return refuse(h.Code, strings.ReplaceAll(strings.ToLower(http.StatusText(h.Code)), " ", "_"), "the request cannot be served; see /openapi.json")
	}
}

// answerError writes the problem of an error. It is echo's error handler.
func (s *Server) answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	known := problemOf(err)
	p := *known
	p.Type, p.Title, p.Instance = "about:blank", http.StatusText(p.Status), requestID(c)
	if errors.Is(err, context.Canceled) && c.Request().Context().Err() != nil {
		s.Log.Debug().Str("request_id", p.Instance).Str("op", c.Path()).Msg("the caller went away before the answer")
	} else if p.Status >= http.StatusInternalServerError {
		s.Log.Error().Err(err).Str("request_id", p.Instance).Str("op", c.Path()).Int("status", p.Status).Msg("request failed")
	}
	header := c.Response().Header()
	if p.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if p.challenge != "" {
		header.Set("WWW-Authenticate", p.challenge)
	}
	var failed error
	if isOFREP(c) {
		failed = c.JSONBlob(p.Status, ofrepProblem(c, &p))
	} else {
		header.Set(echo.HeaderContentType, "application/problem+json")
		c.Response().WriteHeader(p.Status)
		if c.Request().Method != http.MethodHead {
			failed = c.Echo().JSONSerializer.Serialize(c, p, "")
		}
	}
	if failed != nil {
		s.Log.Debug().Err(failed).Str("request_id", p.Instance).Msg("the caller went away before the answer")
	}
}

func isOFREP(c echo.Context) bool { return strings.HasPrefix(c.Request().URL.Path, "/ofrep/") }

// ofrepProblem is the protocol's own failure: clients of several languages parse the body of every status.
func ofrepProblem(c echo.Context, p *problem) []byte {
	code := "GENERAL"
	switch p.Code {
	case "malformed_json", "duplicate_json_key", "too_deep", "wrong_type":
		code = "PARSE_ERROR"
	case "no_such_route":
		code = "FLAG_NOT_FOUND"
	}
	key := param(c, "flag")
	if key == "" {
		key = param(c, "*") // before anyFlagPath's parameter has its name
	}
	return ofrep.Problem(key, code, p.Detail)
}
