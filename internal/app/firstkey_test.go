package app_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/assayhq/assay/eventlog/esdb/esdbtest"
	"github.com/assayhq/assay/internal/app"
)

// Two nodes that start at once on an empty cluster, both sure that there is no admin key yet: one shows a key, which opens both, and
// the other shows none.
func TestTwoFirstNodesShowOneAdminKey(t *testing.T) {
	cluster := esdbtest.Start(t, esdbtest.Options{})
	var let atomic.Bool
	cluster.OnAppend(func(stream string) esdbtest.Fault {
		if strings.HasPrefix(stream, "apikey-") && !let.Load() {
			return esdbtest.Refuse
		}
		return esdbtest.None
	})
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan app.Running, 2), make(chan error, 2)
	defer func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}()
	for range 2 {
		c := app.Config{Data: t.TempDir(), Store: cluster.ConnectionString(), Secret: strings.Repeat("5e", 32), Listen: "127.0.0.1:0", Log: zerolog.Nop()}
		go func() { ended <- app.Serve(ctx, c, func(r app.Running) { ready <- r }) }()
	}
	for late := time.After(time.Minute); cluster.Refused("apikey-first") < 2; {
		select {
		case <-late:
			t.Fatal("the nodes never tried")
		case <-time.After(time.Millisecond):
		}
	}
	let.Store(true)
	var nodes []app.Running
	var keys []string
	for range 2 {
		select {
		case r := <-ready:
			nodes = append(nodes, r)
			if r.AdminKey != "" {
				keys = append(keys, r.AdminKey)
			}
		case <-time.After(time.Minute):
			t.Fatal("the nodes are not ready after a minute")
		}
	}
	if len(keys) != 1 || !strings.HasPrefix(keys[0], "assay_admin_first_") {
		t.Fatalf("the nodes show the keys %q, want one", keys)
	}
	for _, n := range nodes {
		r := rigAt(t, n.URL, keys[0])
		if text := r.must("GET", "/api/v1/keys", ""); strings.Count(text, `"kind":"admin"`) != 1 {
			t.Errorf("a node knows the keys %s", text)
		}
	}
}

// An installation whose admin keys are all revoked gets another one at the next start, and its old ones stay revoked.
func TestAnInstallationWithoutAKeyInUseGetsAnother(t *testing.T) {
	data := t.TempDir()
	var old []string
	for _, want := range []string{"assay_admin_first_", "assay_admin_first2_", "assay_admin_first3_"} {
		r := serve(t, app.Config{Data: data}, "")
		if !strings.HasPrefix(r.admin, want) {
			t.Fatalf("the key is %q, want one that begins with %s", r.admin, want)
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(r.admin, "assay_admin_"), "_")
		r.must("DELETE", "/api/v1/keys/"+id, "")
		old = append(old, r.admin)
		for _, r.admin = range old {
			r.eventually(func() bool { status, _ := r.call("GET", "/api/v1/keys", ""); return status == 401 })
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
}
