package openapi

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/assayhq/assay/openapi/auth"
	"github.com/assayhq/assay/projections/ruleset"
)

type contextKey int

const (
	principalKey contextKey = iota + 1
	placeKey
	itemsKey
	requestHashKey
	requestIDKey
)

// principalOf is who is calling; the guard has put it there.
func principalOf(ctx context.Context) auth.Principal {
	p, ok := ctx.Value(principalKey).(auth.Principal)
	if !ok {
		return auth.Principal{}
	}
	return p
}

// placeOf is the environment a request is about; the guard has put it there.
func placeOf(ctx context.Context) ruleset.Place {
	place, _ := ctx.Value(placeKey).(ruleset.Place)
	return place
}

// requestIDOf is the id of the request; the guard has put it there.
func requestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey).(string)
	return id
}

const requestIDHeader = "X-Request-Id"

// identify gives the request an id and the answer the headers that every one has.
func (s *Server) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		var raw [8]byte
		if _, err := s.Random.Read(raw[:]); err != nil {
			return fmt.Errorf("making a request id: %w", err)
		}
		h := c.Response().Header()
		h.Set(requestIDHeader, hex.EncodeToString(raw[:]))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		return next(c)
	}
}

func requestID(c echo.Context) string { return c.Response().Header().Get(requestIDHeader) }

// recover turns a panic into an error of one request.
func (s *Server) recover(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if p := recover(); p != nil {
				if failed, ok := p.(error); ok && errors.Is(failed, http.ErrAbortHandler) {
					panic(p)
				}
				s.Log.Error().Str("request_id", requestID(c)).Str("op", c.Path()).Bytes("stack", debug.Stack()).Msgf("panic: %v", p)
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		return next(c)
	}
}

// observe logs requests for those who look for trouble. No query, body or key is ever logged.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := s.Now()
		err := next(c)
		if err != nil {
			c.Error(err)
		}
		s.Log.Debug().Str("request_id", requestID(c)).Str("method", c.Request().Method).Str("op", c.Path()).
			Int("status", c.Response().Status).Dur("dur_ms", s.Now().Sub(start)).Msg("request")
		return nil
	}
}

// crossOrigin lets web pages of any origin evaluate: that is what client keys are for. ETag and Retry-After must be exposed
// for web providers to see them.
func crossOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		path := c.Request().URL.Path
		if !strings.HasPrefix(path, "/ofrep/") && path != "/api/v1/exposures" && path != "/api/v1/measurements" && path != "/api/v1/feedback" {
			return next(c)
		}
		h := c.Response().Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "ETag, Retry-After")
		if c.Request().Method != http.MethodOptions {
			return next(c)
		}
		h.Set("Access-Control-Allow-Methods", "POST")
		h.Set("Access-Control-Allow-Headers", "content-type, authorization, x-api-key, if-none-match, flagd-selector")
		h.Set("Access-Control-Max-Age", "7200")
		return c.NoContent(http.StatusNoContent)
	}
}
