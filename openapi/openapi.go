// Package openapi is assay's HTTP side: the handlers behind openapi.yaml, in front of them who may call what and what is a
// well-formed request, and behind them the commands and read models. It is for internal/app, which gives it everything
// it needs and serves it.
//
// # The model
//
// A request passes: size and JSON syntax, key, permission, the document's schemas, then its handler. Handlers write only
// through internal/command and read only read models. Whatever goes wrong anywhere becomes one problem document from one
// table (problem.go).
package openapi

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
	"github.com/rs/zerolog"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/openapi/auth"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/facts"
	"github.com/assayhq/assay/projections/feedback"
	"github.com/assayhq/assay/projections/ruleset"
)

// Dependencies are what the handlers work with.
type Dependencies struct {
	Commands *command.Service
	Catalog  *catalog.Projection
	Rulesets *ruleset.Projection
	Facts    *facts.Store
	Feedback *feedback.Projection
	// Vault seals and reads what people said.
	Vault Vault
	// Runners keep the read models above up to date.
	Runners []*projections.Runner
	// Store is the log as operators see it.
	Store Store
	// Telemetry answers the server's metrics.
	Telemetry http.Handler
	// Head is the position of the log's last event.
	Head   func(context.Context) (projections.Position, error)
	Now    func() time.Time
	Random io.Reader // cryptographic
	// UnitKey is the key that the unit ids of a project are hashed with.
	UnitKey func(domain.ProjectKey) []byte
	Log     zerolog.Logger
	// Heartbeat is how often a stream shows that it lives; 15 s when 0.
	Heartbeat time.Duration
	// ReadTimeout is how long a caller may take to send a body; 60 s when 0.
	ReadTimeout time.Duration
	// WriteTimeout is how long a client of a stream may take to accept a few bytes before it is cut off; 5 s when 0.
	WriteTimeout time.Duration
	// LargeRuleset is how many flags a ruleset may have to be put together before it is sent; what is larger is sent in
	// pieces, because its memory would be needed once more otherwise, for as long as it is the newest. 2,000 when 0.
	LargeRuleset int
	// MaxStreams bounds the open streams; 10,000 when 0.
	MaxStreams int64
	// EvaluationLimit holds callers of OFREP back; nobody when it is zero.
	EvaluationLimit Limit
	// FlagdKeyInSelector lets clients of flagd's sync protocol that can send no header give their API key as selector. They
	// show it in telemetry.
	FlagdKeyInSelector bool
	// LongestWait is how long a request waits for the read models; 2 s when 0.
	LongestWait time.Duration
}

// Server holds the handlers. It implements api.StrictServerInterface.
type Server struct {
	Dependencies
	keys    auth.Keys
	meters  *meters
	sets    flagdSets
	streams atomic.Int64
	deltas  deltaEvents
	closing <-chan struct{}
	// verified is what the last verification has seen; nil before the first.
	verified atomic.Pointer[verification]
	// configuration keeps all read models but the facts.
	configuration []*projections.Runner
	// document is openapi.yaml as JSON.
	document []byte
}

var _ api.StrictServerInterface = (*Server)(nil)

const anyFlagPath = "/ofrep/v1/evaluate/flags/*"

//go:embed openapi.yaml
var contract []byte

// Document is the contract that the handlers are held against.
func Document() (*openapi3.T, error) {
	document, err := openapi3.NewLoader().LoadFromData(contract)
	if err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	return document, nil
}

// New makes the HTTP handler. Streams end when ctx does, so that a server can shut down.
func New(ctx context.Context, d Dependencies) (http.Handler, error) {
	if d.Heartbeat == 0 {
		d.Heartbeat = 15 * time.Second
	}
	if d.MaxStreams == 0 {
		d.MaxStreams = defaultMaxStreams
	}
	if d.ReadTimeout == 0 {
		d.ReadTimeout = time.Minute
	}
	if d.LargeRuleset == 0 {
		d.LargeRuleset = 2_000
	}
	if d.WriteTimeout == 0 {
		d.WriteTimeout = 5 * time.Second
	}
	if d.LongestWait == 0 {
		d.LongestWait = 2 * time.Second
	}
	s := &Server{Dependencies: d, closing: ctx.Done(), meters: newMeters(d.EvaluationLimit)}
	for _, r := range d.Runners {
		if r.Projection() != projections.Projection(d.Facts) {
			s.configuration = append(s.configuration, r)
		}
	}
	s.keys = keysOf(d.Catalog)
	document, err := Document()
	if err != nil {
		return nil, err
	}
	if s.document, err = document.MarshalJSON(); err != nil {
		return nil, fmt.Errorf("writing the OpenAPI document as JSON: %w", err)
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.answerError
	e.Use(s.identify, s.observe, s.recover, crossOrigin, newGuard(s, document).check)
	handlers := api.NewStrictHandler(s, nil)
	api.RegisterHandlers(e, handlers)
	// Some SDKs escape what they put into the path and some do not: whatever comes after the slash is a flag key.
	e.POST(anyFlagPath, (&api.ServerInterfaceWrapper{Handler: handlers}).EvaluateFlag)
	path, handler := newFlagdSync(d, s.closing, &s.streams, &s.sets).handler()
	e.POST(path+"*", echo.WrapHandler(handler))
	return s.quick(e), nil
}

const defaultMaxStreams = 10_000

func keysOf(c *catalog.Projection) auth.Keys {
	return func(id domain.KeyID) (apikey.State, bool) {
		e, ok := c.Key(id)
		// A key with an event that this version cannot read may have been revoked by it.
		return e.State, ok && e.Problem == ""
	}
}
