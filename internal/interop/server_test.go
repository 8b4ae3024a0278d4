package interop

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/assayhq/assay/internal/app"
	"github.com/assayhq/assay/internal/client"
)

// server is a running assay with the project shop, and an admin's client of it.
type server struct {
	*client.Client
	url, flagd, key string // key is a server key of shop/production
	admin           string
}

func start(t *testing.T) *server {
	t.Helper()
	folder := t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	ended, ready := make(chan error, 1), make(chan app.Running, 1)
	go func() {
		ended <- app.Serve(ctx, app.Config{Data: folder, Listen: "127.0.0.1:0", FlagdListen: "127.0.0.1:0", Log: zerolog.Nop()}, func(r app.Running) { ready <- r })
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error("the server ended with: ", err)
		}
	})
	var s *server
	select {
	case r := <-ready:
		c, err := client.New(r.URL, r.AdminKey, nil)
		if err != nil {
			t.Fatal(err)
		}
		s = &server{Client: c, url: r.URL, flagd: r.Flagd, admin: r.AdminKey}
	case err := <-ended:
		ended <- err
		t.Fatal("the server did not start: ", err)
	case <-time.After(time.Minute):
		t.Fatal("the server is not ready after a minute")
	}
	s.do(t, "POST", "/api/v1/projects", object{"key": "shop"}, nil)
	var created struct{ Key string }
	s.do(t, "POST", "/api/v1/projects/shop/keys", object{"kind": "server", "environment": "production", "name": "test"}, &created)
	s.key = created.Key
	return s
}

// do makes a call that must succeed.
func (s *server) do(t testing.TB, method, path string, body, out any) {
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
}

// flag creates a flag and sets it up in production.
func (s *server) flag(t testing.TB, flag, setting object) {
	t.Helper()
	s.do(t, "POST", "/api/v1/projects/shop/flags", flag, nil)
	s.do(t, "PATCH", "/api/v1/projects/shop/flags/"+flag["key"].(string)+"/environments/production", setting, nil)
}
