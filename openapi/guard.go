package openapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/labstack/echo/v4"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/openapi/auth"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/ruleset"
)

// guard stands in front of the handlers.
type guard struct {
	server     *Server
	document   *openapi3.T
	operations map[string]*operation // by method and echo path
}

// bodyKind says how a body is looked over.
type bodyKind int

const (
	noBody      bodyKind = iota
	bySchema             // held against its schema
	itemByItem           // facts: one bad item must not cost the good ones, so only the frame is looked at
	lenientBody          // evaluations: any JSON object, because that is what clients send
)

type operation struct {
	id    string
	open  bool // needs no key
	basic bool // takes HTTP Basic
	// channel: takes the token of an event stream from the address
	channel bool
	// metered: its requests are counted against the rate limit
	metered bool
	place   bool
	body    bodyKind
	limit   int64
	path    string
	item    *openapi3.PathItem
	spec    *openapi3.Operation
}

func newGuard(s *Server, document *openapi3.T) *guard {
	// The document uses nothing of JSON Schema that 3.0 does not have, and the validator for 3.1 compiles every schema anew for
	// every request, which takes most of its time.
	plain := *document
	plain.OpenAPI = "3.0.3"
	g := &guard{server: s, document: &plain, operations: map[string]*operation{}}
	for path, item := range document.Paths.Map() {
		for method, spec := range item.Operations() {
			op := newOperation(path, item, spec)
			g.operations[method+" "+echoPath(path)] = op
			if op.id == "evaluateFlag" {
				g.operations[method+" "+anyFlagPath] = op
			}
		}
	}
	return g
}

func newOperation(path string, item *openapi3.PathItem, spec *openapi3.Operation) *operation {
	op := &operation{id: spec.OperationID, path: path, item: item, spec: spec, limit: maxBody}
	op.place = auth.Rules[op.id].Scope == auth.InPlace
	if spec.Security != nil {
		op.open = len(*spec.Security) == 0
		for _, requirement := range *spec.Security {
			_, basic := requirement["basic"]
			_, channel := requirement["channel"]
			op.basic, op.channel = op.basic || basic, op.channel || channel
		}
	}
	switch {
	case spec.RequestBody == nil:
	case op.id == "recordExposures" || op.id == "recordMeasurements" || op.id == "recordFeedback":
		op.body, op.limit = itemByItem, maxFactsBody
	case op.id == "evaluateAll" || op.id == "evaluateFlag":
		op.body, op.metered = lenientBody, true
	default:
		op.body = bySchema
	}
	return op
}

// echoPath turns /a/{b} into /a/:b.
func echoPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

func (g *guard) check(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		op, ok := g.operations[c.Request().Method+" "+c.Path()]
		if !ok {
			return next(c) // echo answers that there is no such route or method
		}
		for _, pass := range []func(echo.Context, *operation) error{nameFlag, g.admit, g.readBody, g.validate, g.wait} {
			if err := pass(c, op); err != nil {
				return err
			}
		}
		if c.Request().Method != http.MethodGet {
			c.Response().Before(func() { g.server.settle(c) })
		}
		return next(c)
	}
}

// nameFlag gives the rest of the path after anyFlagPath the name that it has in the document.
func nameFlag(c echo.Context, _ *operation) error {
	if c.Path() != anyFlagPath {
		return nil
	}
	c.SetParamNames("flag")
	if c.Param("flag") == "" {
		return refuse(http.StatusNotFound, "no_such_route", "the key of the flag is missing; it comes after the last slash")
	}
	return nil
}

// authenticate finds out who calls.
func (g *guard) authenticate(r *http.Request, op *operation) (auth.Principal, error) {
	token, there := auth.Token(r, op.basic)
	principal, known := auth.Principal{}, false
	if channel := r.URL.Query().Get("channel"); op.channel && channel != "" && !there {
		there = true
		principal, known = g.server.keys.OfChannel(channel)
	} else if token != "" {
		principal, known = g.server.keys.Authenticate(token)
	}
	if known {
		return principal, nil
	}
	p := refuse(http.StatusUnauthorized, "key_missing", "an API key is missing; send it as Authorization: Bearer KEY or X-API-Key")
	if there {
		p = refuse(http.StatusUnauthorized, "key_unknown", "the API key is not known or was revoked; use another")
	}
	p.challenge = "Bearer"
	if op.basic && strings.Contains(r.Header.Get("Accept"), "text/html") {
		p.challenge = `Basic realm="assay: any user name, an API key as password", charset="UTF-8"`
	}
	return principal, p
}

// admit finds out who is calling and whether they may.
func (g *guard) admit(c echo.Context, op *operation) error {
	if op.open {
		return nil
	}
	r := c.Request()
	principal, err := g.authenticate(r, op)
	if err != nil {
		return err
	}
	project := domain.ProjectKey(param(c, "project"))
	if op.place {
		project = domain.ProjectKey(r.URL.Query().Get("project"))
	}
	switch auth.Judge(op.id, principal, project) {
	case auth.Allowed:
	case auth.Hidden:
		return notFound("project", project)
	default:
		return refuse(http.StatusForbidden, "forbidden", "a %s key may not do this; use an API key of a kind and scope that may", principal.Kind)
	}
	if op.metered {
		if err := g.server.meter(principal, r); err != nil {
			return err
		}
	}
	ctx := context.WithValue(r.Context(), principalKey, principal)
	ctx = context.WithValue(ctx, requestIDKey, requestID(c))
	if op.place {
		place, err := g.server.place(ctx, principal, r.URL.Query())
		if err != nil {
			return err
		}
		ctx = context.WithValue(ctx, placeKey, place)
	}
	c.SetRequest(r.WithContext(ctx))
	return nil
}

// place is the environment a request is about: that of the key, or the one an admin key names.
func (s *Server) place(ctx context.Context, p auth.Principal, query url.Values) (ruleset.Place, error) {
	place := ruleset.Place{Project: p.Project, Environment: p.Environment}
	environment := domain.EnvironmentKey(query.Get("environment"))
	if p.Environment == "" {
		place.Environment = environment
	}
	if place.Project == "" {
		place.Project = domain.ProjectKey(query.Get("project"))
	}
	if place.Project == "" || place.Environment == "" {
		return place, refuse(http.StatusBadRequest, "place_missing", "an admin key belongs to no environment; name one with ?project=…&environment=…, or use a server or client key")
	}
	if environment != "" && place.Environment != environment {
		return place, refuse(http.StatusForbidden, "forbidden", "the API key is for the environment %q, not for %q", place.Environment, environment)
	}
	if _, ok := s.Rulesets.Current(place); ok {
		return place, nil
	}
	if err := s.catchUp(ctx); err != nil {
		return place, err
	}
	if _, ok := s.Rulesets.Current(place); ok {
		return place, nil
	}
	return place, notFound("environment", string(place.Project)+"/"+string(place.Environment))
}

// param is a path parameter as the handlers see it.
func param(c echo.Context, name string) string {
	text := c.Param(name)
	if c.Request().URL.RawPath == "" {
		return text // the router has seen the decoded path
	}
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// validate holds parameters and body against the document. Of what SDKs call all the time, the guard and the handlers
// check every part themselves.
func (g *guard) validate(c echo.Context, op *operation) error {
	if op.place {
		return nil
	}
	params := map[string]string{}
	for i, name := range c.ParamNames() {
		params[name] = c.ParamValues()[i]
	}
	r := c.Request()
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, QueryParams: r.URL.Query(),
		Route: &routers.Route{Spec: g.document, Path: op.path, PathItem: op.item, Method: r.Method, Operation: op.spec},
		Options: &openapi3filter.Options{
			ExcludeRequestBody: op.body != bySchema || r.ContentLength == 0, SkipSettingDefaults: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		},
	}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
		return problemOfSchema(err)
	}
	return nil
}

// problemOfSchema says in a sentence where a request differs from the document.
func problemOfSchema(err error) *problem {
	request, _ := errors.AsType[*openapi3filter.RequestError](err)
	schema, isSchema := errors.AsType[*openapi3.SchemaError](err)
	if request != nil && request.Parameter != nil {
		reason := request.Reason
		if isSchema {
			reason = schema.Reason
		}
		return refuse(http.StatusBadRequest, "bad_parameter", "the parameter %s is not as it should be: %s", request.Parameter.Name, reason)
	}
	if !isSchema {
		return refuse(http.StatusBadRequest, "bad_request", "the request is not as the document says; see /openapi.json")
	}
	pointer := "/" + strings.Join(schema.JSONPointer(), "/")
	code, detail := "bad_value", fmt.Sprintf("the value at %s is not allowed: %s", pointer, schema.Reason)
	switch schema.SchemaField {
	case "additionalProperties", "properties":
		code, detail = "unknown_field", fmt.Sprintf("there is a field that is not known here: %s; leave it out", schema.Reason)
	case "required":
		code, detail = "missing_field", fmt.Sprintf("a field is missing: %s", schema.Reason)
	case "nullable":
		code, detail = "wrong_type", fmt.Sprintf("the value at %s must not be null; leave the field out to keep what is there", pointer)
	case "type":
		code, detail = "wrong_type", fmt.Sprintf("the value at %s has the wrong type: %s", pointer, schema.Reason)
	}
	p := refuse(http.StatusBadRequest, code, "%s", detail)
	p.Errors = []problemEntry{{Pointer: pointer, Detail: schema.Reason}}
	return p
}

// wait holds a read back until the read models it reads have reached min_position. Only results are made of facts, which may be
// far behind during an import; nothing else waits for them.
func (g *guard) wait(c echo.Context, op *operation) error {
	text := c.QueryParam("min_position")
	if text == "" {
		return nil
	}
	position, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return refuse(http.StatusBadRequest, "bad_parameter", "min_position is no log position")
	}
	runners := g.server.configuration
	if op.id == "getResults" || op.id == "getReport" || op.id == "takeReading" || op.id == "changeWeights" {
		runners = g.server.Runners
	}
	return g.server.waitFor(c.Request().Context(), runners, projections.Position(position))
}

// ifMatch reads If-Match: nil for "*", which accepts any revision.
func ifMatch(header string) (*projections.Revision, error) {
	if header == "" {
		return nil, refuse(http.StatusPreconditionRequired, "if_match_missing", "this changes something that exists; send If-Match with the ETag you have seen, or *")
	}
	tags := strings.Split(header, ",")
	if slices.ContainsFunc(tags, func(t string) bool { return strings.TrimSpace(t) == "*" }) {
		return nil, nil
	}
	tag := strings.Trim(strings.TrimSpace(tags[0]), `"`)
	if number, ok := strings.CutPrefix(tag, "r"); ok && len(tags) == 1 {
		if n, err := strconv.ParseInt(number, 10, 63); err == nil && n >= 0 {
			revision := projections.Revision(n)
			return &revision, nil
		}
	}
	return nil, refuse(http.StatusBadRequest, "bad_if_match", `If-Match must be one ETag that was answered, like "r3", or *`)
}

func etagOf(r projections.Revision) string { return `"r` + strconv.FormatInt(int64(r), 10) + `"` }

func positionOf(p projections.Position) string { return strconv.FormatUint(uint64(p), 10) }
