package openapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/eventlogtest"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/openapi"
	"github.com/assayhq/assay/openapi/auth"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/facts"
	"github.com/assayhq/assay/projections/feedback"
	"github.com/assayhq/assay/projections/ruleset"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is what every clock of these tests shows.
var now = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// world is a whole server on a log in memory: real commands, real read models, the real handler.
type world struct {
	t       testing.TB
	handler http.Handler
	log     *swapLog
	catalog *catalog.Projection
	runners []*projections.Runner
	stop    context.CancelFunc // of the server
	freeze  context.CancelFunc // of the read models: they stay where they are
	thaw    func()             // after freeze: they go on
	facts   string             // the folder of the facts

	document *openapi3.T
	seen     sync.Map // operationId -> true, for every call that was answered below 400

	admin, server, client string // keys; server and client are of shop/production
}

// swapLog is a log that can be told to fail.
type swapLog struct {
	*eventlogtest.MemoryLog
	mu      sync.Mutex
	failing error
	only    string // the category that fails; all when empty
}

func (l *swapLog) fail(err error) { l.failIn("", err) }

func (l *swapLog) failIn(category string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing, l.only = err, category
}

func (l *swapLog) Append(ctx context.Context, stream string, expected eventlog.Revision, events ...eventlog.Event) (eventlog.Position, error) {
	l.mu.Lock()
	err := l.failing
	if l.only != "" && l.only != eventlog.Category(stream) {
		err = nil
	}
	l.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return l.MemoryLog.Append(ctx, stream, expected, events...)
}

// steadyRandom is the same every time, so that goldens are.
type steadyRandom struct {
	mu     sync.Mutex
	source *rand.ChaCha8
}

func (r *steadyRandom) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source.Read(p)
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}

// newWorld starts a server with an admin key and nothing else.
func newWorld(t testing.TB, change ...func(*openapi.Dependencies)) *world {
	t.Helper()
	clock := func() time.Time { return now }
	w := &world{t: t, log: &swapLog{MemoryLog: eventlogtest.MemoryAt(clock)}, catalog: catalog.New()}
	w.facts = t.TempDir()
	store, err := facts.Open(w.facts, facts.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rulesets, heard := ruleset.New(), feedback.New()
	var running sync.WaitGroup
	reading, freeze := context.WithCancel(context.Background())
	serving, stop := context.WithCancel(context.Background())
	w.stop, w.freeze = stop, func() { freeze(); running.Wait() }
	w.thaw = func() {
		reading, freeze = context.WithCancel(context.Background())
		for _, r := range w.runners {
			running.Go(func() { _ = r.Run(reading) })
		}
	}
	for _, p := range []projections.Projection{w.catalog, rulesets, store, heard} {
		r := projections.NewRunner(w.log, p, nil)
		w.runners = append(w.runners, r)
		running.Go(func() { _ = r.Run(reading) })
	}
	t.Cleanup(func() {
		stop()
		w.freeze()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	d := openapi.Dependencies{
		Commands: command.New(w.log, clock), Catalog: w.catalog, Rulesets: rulesets, Facts: store, Feedback: heard, Vault: keptIn(t), Runners: w.runners, Head: w.log.Head,
		Store: &memoryStore{log: w.log}, Telemetry: http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			out.Header().Set("Content-Type", "text/plain; version=0.0.4")
			_, _ = io.WriteString(out, "assay_build_info 1\n")
		}),
		UnitKey: func(p domain.ProjectKey) []byte { return []byte("the key of the units of " + p) },
		Now:     clock, Random: &steadyRandom{source: rand.NewChaCha8([32]byte{1})}, Log: zerolog.Nop(),
	}
	for _, c := range change {
		c(&d)
	}
	if w.handler, err = openapi.New(serving, d); err != nil {
		t.Fatal(err)
	}
	w.document = document(t)
	token, issue, err := auth.Mint(d.Random, apikey.Key{Kind: apikey.Admin, Name: "first"})
	if err != nil {
		t.Fatal(err)
	}
	result, err := d.Commands.Key(t.Context(), issue.Key.ID, issue, command.Options{Actor: "system:start"})
	if err != nil {
		t.Fatal(err)
	}
	w.admin = token
	w.reach(result.Position)
	return w
}

// newShop is a world with a project "shop", keys of its production, a flag in service, two metrics and a running
// experiment.
func newShop(t testing.TB, change ...func(*openapi.Dependencies)) *world {
	t.Helper()
	w := newWorld(t, change...)
	w.must("POST", "/api/v1/projects", `{"key":"shop","environments":[{"key":"production"},{"key":"staging"}]}`)
	w.must("POST", "/api/v1/projects/shop/flags", `{"key":"banner","type":"boolean"}`)
	w.must("PATCH", "/api/v1/projects/shop/flags/banner/environments/production", `{"on":true,"default":{"variant":"off"}}`)
	w.must("POST", "/api/v1/projects/shop/metrics", `{"key":"conversion","kind":"binary","event":"purchase","direction":"increase"}`)
	w.must("POST", "/api/v1/projects/shop/metrics", `{"key":"revenue","kind":"mean","event":"purchase","direction":"increase"}`)
	w.must("POST", "/api/v1/projects/shop/experiments", experimentBody)
	w.must("POST", "/api/v1/projects/shop/experiments/trial/start", `{"reason":"The plan is reviewed."}`)
	w.server = w.newKey("shop", `{"kind":"server","environment":"production","name":"backend"}`)
	w.client = w.newKey("shop", `{"kind":"client","environment":"production","name":"web"}`)
	return w
}

const experimentBody = `{"key":"trial","hypothesis":"We believe that a banner raises conversion.","flag":"banner","environment":"production",
	"arms":[{"variant":"off","weight":50000},{"variant":"on","weight":50000}],"primary":"conversion","secondary":["revenue"]}`

func (w *world) newKey(project, body string) string {
	w.t.Helper()
	var created struct {
		Key string `json:"key"`
	}
	answer := w.must("POST", "/api/v1/projects/"+project+"/keys", body)
	decode(w.t, answer, &created)
	return created.Key
}

// reach waits until the read models have reached the position.
func (w *world) reach(position projections.Position) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, r := range w.runners {
		if err := r.Wait(ctx, position); err != nil {
			w.t.Fatalf("the read models do not reach position %d: %v", position, err)
		}
	}
}

// catchUp waits until the read models know everything.
func (w *world) catchUp() {
	w.t.Helper()
	head, err := w.log.Head(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	w.reach(head)
}

// call is a request. The zero header of a key means the admin's.
type call struct {
	method, path, body string
	key                string            // "-" for none, empty for the admin's
	header             map[string]string // If-Match is "*" unless given; "-" drops a header
}

func (c call) request() *http.Request {
	var body io.Reader
	if c.body != "" {
		body = strings.NewReader(c.body)
	}
	r := httptest.NewRequest(c.method, c.path, body)
	r.Header.Set("If-Match", "*")
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.key != "-" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	for name, value := range c.header {
		if value == "-" {
			r.Header.Del(name)
		} else {
			r.Header.Set(name, value)
		}
	}
	return r
}

// do makes a call and holds request and answer against the document.
func (w *world) do(c call) *httptest.ResponseRecorder {
	w.t.Helper()
	if c.key == "" {
		c.key = w.admin
	}
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, c.request())
	w.check(c, answer)
	return answer
}

// must makes a call as the first admin; anything but success fails the test.
func (w *world) must(method, path, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	answer := w.do(call{method: method, path: path, body: body})
	if answer.Code >= 300 {
		w.t.Fatalf("%s %s: %d %s", method, path, answer.Code, answer.Body)
	}
	return answer
}

// check fails the test when the document does not describe the answer.
func (w *world) check(c call, answer *httptest.ResponseRecorder) {
	w.t.Helper()
	request := c.request()
	route, params := find(w.document, request)
	if route == nil {
		return // not in the document, so neither is the answer
	}
	if answer.Code < http.StatusBadRequest {
		w.seen.Store(route.Operation.OperationID, true)
	}
	if answer.Code == http.StatusNoContent || strings.HasPrefix(answer.Header().Get("Content-Type"), "text/event-stream") {
		return
	}
	if strings.HasPrefix(request.URL.Path, "/ofrep/") && answer.Code >= http.StatusBadRequest {
		return // the protocol's own failures; ofrep_test.go looks at them
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route},
		Status:                 answer.Code, Header: answer.Header(), Body: io.NopCloser(bytes.NewReader(answer.Body.Bytes())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	if kind := answer.Header().Get("Content-Type"); strings.HasPrefix(kind, "text/") {
		input.Options.ExcludeResponseBody = true // kin-openapi reads no HTML; what it says is openapi/report's business
	}
	if err := openapi3filter.ValidateResponse(context.Background(), input); err != nil {
		w.t.Errorf("%s %s: the answer is not as the document says: %v\n%s", c.method, c.path, err, answer.Body)
	}
}

// find is the operation that a request is for; nil when there is none.
func find(d *openapi3.T, r *http.Request) (*routers.Route, map[string]string) {
	parts := strings.Split(r.URL.EscapedPath(), "/")
	for path, item := range d.Paths.Map() {
		params, fits := map[string]string{}, true
		names := strings.Split(path, "/")
		for i, name := range names {
			switch {
			case len(parts) != len(names):
				fits = false
			case strings.HasPrefix(name, "{"):
				params[strings.Trim(name, "{}")] = parts[i]
			default:
				fits = fits && name == parts[i]
			}
		}
		if operation := item.GetOperation(r.Method); fits && operation != nil {
			return &routers.Route{Spec: d, Path: path, PathItem: item, Method: r.Method, Operation: operation}, params
		}
	}
	return nil, nil
}

func document(t testing.TB) *openapi3.T {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func decode(t testing.TB, answer *httptest.ResponseRecorder, into any) {
	t.Helper()
	if err := json.Unmarshal(answer.Body.Bytes(), into); err != nil {
		t.Fatalf("%v: %s", err, answer.Body)
	}
}

// problem is what a test looks at in a refusal.
type problem struct {
	Status   int
	Code     string
	Detail   string
	Revision string
	Errors   []struct{ Pointer, Detail string }
}

func problemIn(t testing.TB, answer *httptest.ResponseRecorder) problem {
	t.Helper()
	if got := answer.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("Content-Type is %q, want application/problem+json; %d %s", got, answer.Code, answer.Body)
	}
	var p problem
	decode(t, answer, &p)
	if p.Status != answer.Code {
		t.Errorf("the problem says %d, the status line %d", p.Status, answer.Code)
	}
	return p
}

func serve(w *world, r *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r)
	return answer
}
