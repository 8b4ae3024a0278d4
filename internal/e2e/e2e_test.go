package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/assayhq/assay/internal/app"
	"github.com/assayhq/assay/internal/client"
)

// shared returns the folder of the reference data. Where they must be there, their absence fails the test.
func shared(t testing.TB) string {
	t.Helper()
	const folder = "../../../shared"
	if _, err := os.Stat(folder); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the reference data are missing: ", err)
		}
		t.Skip("the reference data are not beside the checkout")
	}
	return folder
}

// server is a running assay and an admin's client of it.
type server struct {
	*client.Client
	URL, AdminKey string
	stop          context.CancelFunc
	ended         chan error
}

// start runs a server in this process on the folder; it ends with the test, or with shutdown.
func start(t testing.TB, folder, adminKey string) *server {
	t.Helper()
	return startAs(t, app.Config{Data: folder}, adminKey)
}

// startAs runs a server that is told more than its folder.
func startAs(t testing.TB, c app.Config, adminKey string) *server {
	t.Helper()
	c.Listen, c.Log = "127.0.0.1:0", zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{stop: cancel, ended: make(chan error, 1), AdminKey: adminKey}
	ready := make(chan app.Running, 1)
	go func() {
		s.ended <- app.Serve(ctx, c, func(r app.Running) { ready <- r })
	}()
	select {
	case running := <-ready:
		s.URL = running.URL
		if running.AdminKey != "" {
			s.AdminKey = running.AdminKey
		}
	case err := <-s.ended:
		t.Fatal("the server did not start: ", err)
	case <-time.After(time.Minute):
		t.Fatal("the server is not ready after a minute")
	}
	var err error
	if s.Client, err = client.New(s.URL, s.AdminKey, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.shutdown(t) })
	return s
}

func (s *server) shutdown(t testing.TB) {
	t.Helper()
	s.stop()
	if err := <-s.ended; err != nil {
		t.Error("the server ended with: ", err)
	}
	s.ended <- nil // for the next shutdown
}

// do makes a call that must succeed and waits until what it wrote can be read.
func (s *server) do(t testing.TB, method, path string, body, out any) client.Answer {
	t.Helper()
	answer, err := s.Do(t.Context(), client.Request{Method: method, Path: path, Body: body, Header: http.Header{"If-Match": {"*"}}}, out)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if position := answer.Header.Get("Assay-Position"); position != "" {
		if _, err := s.Do(t.Context(), client.Request{Path: "/api/v1/projects", Query: url.Values{"min_position": {position}}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return answer
}

// key issues a key of a project.
func (s *server) key(t testing.TB, project, kind, environment string) string {
	t.Helper()
	var created struct {
		Key string `json:"key"`
	}
	body := map[string]any{"kind": kind, "name": "test"}
	if environment != "" {
		body["environment"] = environment
	}
	s.do(t, "POST", "/api/v1/projects/"+project+"/keys", body, &created)
	return created.Key
}

// experiment creates a project with a flag whose variants are the arms, its metrics, and the running experiment.
type experiment struct {
	project, key string
	arms         []string
	weights      []int
	total        int
	metrics      []map[string]any // the first is the primary
	analysis     map[string]any   // of the plan; the product's own choice when nil
	end          time.Time        // planned
}

func (s *server) run(t testing.TB, e experiment) {
	t.Helper()
	in := "/api/v1/projects/" + e.project
	s.do(t, "POST", "/api/v1/projects", map[string]any{"key": e.project}, nil)
	var variants, arms []map[string]any
	for i, arm := range e.arms {
		variants = append(variants, map[string]any{"key": arm, "value": fmt.Sprint("value of ", arm)})
		arms = append(arms, map[string]any{"variant": arm, "weight": e.weights[i]})
	}
	s.do(t, "POST", in+"/flags", map[string]any{"key": "tested", "type": "string", "variants": variants}, nil)
	var keys []string
	for _, m := range e.metrics {
		s.do(t, "POST", in+"/metrics", m, nil)
		keys = append(keys, m["key"].(string))
	}
	plan := map[string]any{
		"key": e.key, "hypothesis": "We believe it makes a difference.", "flag": "tested", "environment": "production",
		"arms": arms, "primary": keys[0], "secondary": keys[1:],
	}
	if e.total != 0 {
		plan["total"] = e.total
	}
	if e.analysis != nil {
		plan["analysis"] = e.analysis
	}
	if !e.end.IsZero() {
		plan["planned_end"] = e.end.UTC()
	}
	s.do(t, "POST", in+"/experiments", plan, nil)
	s.do(t, "POST", in+"/experiments/"+e.key+"/start", map[string]any{"reason": "test"}, nil)
}
