package gherkin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"

	"github.com/assayhq/assay/flags/provider"
)

// world is what one scenario knows: a server, an API of its own, and what was asked and answered so far.
type world struct {
	t      *testing.T
	server *server
	api    *openfeature.EvaluationAPI
	client *openfeature.Client
	seen   *retriever // the provider, with the context of the last evaluation
	ready  chan struct{}

	key        string
	kind       string
	fallback   any
	invocation openfeature.EvaluationContext
	ctx        context.Context //nolint:containedctx // a scenario's transaction goes from step to step
	options    []openfeature.Option
	details    openfeature.InterfaceEvaluationDetails
	failed     error
	hook       *recorder
	more       []*recorder
	order      *[]string
	levels     []string
	original   map[string]any
	took       time.Duration
}

// start begins a scenario.
func (w *world) start(ctx context.Context) {
	*w = world{t: w.t, ctx: ctx}
	w.api = isolated.NewAPI()
	w.client = w.api.NewClient()
	w.server = newServer(w.t)
}

// end ends it. The provider ends before its server does.
func (w *world) end() error {
	w.server.release()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := w.api.Shutdown(ctx)
	w.server.Close()
	return err
}

func (w *world) provider(key string) *retriever {
	w.seen = &retriever{Provider: provider.New(provider.Config{URL: w.server.URL, Key: key, Metadata: false})}
	return w.seen
}

func (w *world) until(state openfeature.State) error {
	deadline := time.Now().Add(10 * time.Second)
	for w.client.State() != state {
		if time.Now().After(deadline) {
			return fmt.Errorf("the provider is %s, not %s", w.client.State(), state)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// server hands out the specification's flags.
type server struct {
	*httptest.Server
	text []byte

	mu   sync.Mutex
	down bool
	hang chan struct{} // not nil: no answer until it is closed
	gone chan struct{} // closed when streams must break
}

func newServer(t *testing.T) *server {
	text, err := json.Marshal(snapshot(t))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{text: text, gone: make(chan struct{})}
	s.Server = httptest.NewServer(s)
	return s
}

// die breaks every connection, and every new one.
func (s *server) die() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.down {
		s.down = true
		close(s.gone)
	}
}

func (s *server) release() {
	s.die()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hang != nil {
		close(s.hang)
		s.hang = nil
	}
}

// ServeHTTP answers.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	down, hang := s.down, s.hang
	s.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
		return
	}
	switch {
	case down:
		panic(http.ErrAbortHandler)
	case r.Header.Get("Authorization") != "Bearer good":
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/api/v1/ruleset":
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(s.text)
	case r.URL.Path == "/api/v1/ruleset/changes":
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-s.gone:
			panic(http.ErrAbortHandler)
		case <-r.Context().Done():
		}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// retriever is the provider, and remembers the context that the SDK handed it last.
type retriever struct {
	*provider.Provider

	mu   sync.Mutex
	last openfeature.FlattenedContext
}

// BooleanEvaluation is the provider's.
func (r *retriever) BooleanEvaluation(ctx context.Context, flag string, defaultValue bool, flat openfeature.FlattenedContext) openfeature.BoolResolutionDetail {
	r.mu.Lock()
	r.last = flat
	r.mu.Unlock()
	return r.Provider.BooleanEvaluation(ctx, flag, defaultValue, flat)
}

// recorder is a hook that records when it is called with what, and adds to the context what it is told.
type recorder struct {
	openfeature.UnimplementedHook
	name    string
	order   *[]string
	adds    *openfeature.EvaluationContext
	stages  []string
	details map[string]openfeature.InterfaceEvaluationDetails
}

func (r *recorder) note(stage string) {
	r.stages = append(r.stages, stage)
	if r.order != nil {
		*r.order = append(*r.order, r.name+" "+stage)
	}
}

// Before comes first.
func (r *recorder) Before(context.Context, openfeature.HookContext, openfeature.HookHints) (*openfeature.EvaluationContext, error) {
	r.note("before")
	return r.adds, nil
}

// After comes when all is well.
func (r *recorder) After(_ context.Context, _ openfeature.HookContext, d openfeature.InterfaceEvaluationDetails, _ openfeature.HookHints) error {
	r.note("after")
	r.details["after"] = d
	return nil
}

// Error comes when something is not.
func (r *recorder) Error(context.Context, openfeature.HookContext, error, openfeature.HookHints) {
	r.note("error")
}

// Finally comes last.
func (r *recorder) Finally(_ context.Context, _ openfeature.HookContext, d openfeature.InterfaceEvaluationDetails, _ openfeature.HookHints) {
	r.note("finally")
	r.details["finally"] = d
}
