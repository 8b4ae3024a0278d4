package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/assayhq/assay/eventlog/esdb/esdbtest"
	"github.com/assayhq/assay/internal/app"
	"github.com/assayhq/assay/internal/client"
)

// clusterSecret is what all nodes hash unit ids with.
var clusterSecret = strings.Repeat("5e", 32)

// onCluster is an experiment that runs on an event store.
func onCluster() experiment {
	return experiment{
		project: "shop", key: "free-shipping", arms: []string{"without", "with"}, weights: []int{50_000, 50_000},
		metrics: []map[string]any{binary("conversion", "purchase")},
	}
}

func secured(t *testing.T) *esdbtest.Cluster {
	return esdbtest.Start(t, esdbtest.Options{Nodes: 3, TLS: true, Users: map[string]string{"assay": "s3cret"}})
}

func node(t *testing.T, cluster *esdbtest.Cluster, folder, adminKey string) *server {
	t.Helper()
	return startAs(t, app.Config{Data: folder, Store: cluster.ConnectionString("assay"), StorePrefix: "installation1.", Secret: clusterSecret}, adminKey)
}

func (s *server) evaluate(t testing.TB, unit string) (variant string) {
	t.Helper()
	var out struct {
		Variant string `json:"variant"`
	}
	request := client.Request{
		Method: "POST", Path: "/ofrep/v1/evaluate/flags/tested", Query: url.Values{"project": {"shop"}, "environment": {"production"}},
		Body: map[string]any{"context": map[string]any{"targetingKey": unit}},
	}
	if _, err := s.Do(t.Context(), request, &out); err != nil {
		t.Fatal(err)
	}
	return out.Variant
}

func (s *server) describe(t testing.TB, text string) string {
	t.Helper()
	request := client.Request{
		Method: "PATCH", Path: "/api/v1/projects/shop/flags/tested", Header: http.Header{"If-Match": {"*"}},
		Body: map[string]any{"description": text, "reason": "test"},
	}
	answer, err := s.DoPatiently(t.Context(), request, nil, 20)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Header.Get("Assay-Position")
}

// insist repeats a change for as long as others are faster.
func (s *server) insist(t testing.TB, text string) {
	request := client.Request{
		Method: "PATCH", Path: "/api/v1/projects/shop/flags/tested", Header: http.Header{"If-Match": {"*"}},
		Body: map[string]any{"description": text, "reason": "test"},
	}
	for range 1_000 {
		_, err := s.DoPatiently(t.Context(), request, nil, 20)
		var p *client.Problem
		if !errors.As(err, &p) || p.Status != http.StatusPreconditionFailed {
			if err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Errorf("%q: others were always faster", text)
}

// changes counts the changes of the flag's description as of the position.
func (s *server) changes(t testing.TB, position string) (n int) {
	t.Helper()
	var page struct {
		Items []struct {
			Event string `json:"event"`
		} `json:"items"`
	}
	request := client.Request{Path: "/api/v1/projects/shop/history", Query: url.Values{"min_position": {position}, "limit": {"100"}}}
	if _, err := s.DoPatiently(t.Context(), request, &page, 20); err != nil {
		t.Fatal(err)
	}
	for _, item := range page.Items {
		if strings.Contains(item.Event, "Described") {
			n++
		}
	}
	return n
}

// sees waits until the description of the flag can be read as of the position.
func (s *server) sees(t testing.TB, text, position string) {
	t.Helper()
	var flag struct {
		Description string `json:"description"`
	}
	request := client.Request{Path: "/api/v1/projects/shop/flags/tested", Query: url.Values{"min_position": {position}}}
	if _, err := s.DoPatiently(t.Context(), request, &flag, 20); err != nil {
		t.Fatal(err)
	}
	if flag.Description != text {
		t.Errorf("the flag is described as %q at position %s, want %q", flag.Description, position, text)
	}
}

// visitors are exposed and every third of them buys. It returns the position of the last batch.
func (s *server) visitors(t testing.TB, e experiment) string {
	t.Helper()
	var exposed, bought []map[string]any
	for i := range 600 {
		unit := fmt.Sprint("user-", i)
		exposed = append(exposed, map[string]any{"event_id": "x-" + unit, "experiment_key": e.key, "variant": e.arms[i%2], "unit_id": unit, "occurred_at": "2026-01-01T00:00:00Z"})
		if i%3 == 0 {
			bought = append(bought, map[string]any{"event_id": "m-" + unit, "event_name": "purchase", "unit_id": unit, "occurred_at": "2026-01-02T00:00:00Z", "value": 1})
		}
	}
	var out struct {
		Position string `json:"position"`
	}
	s.do(t, "POST", "/api/v1/exposures?project=shop&environment=production", map[string]any{"items": exposed}, nil)
	s.do(t, "POST", "/api/v1/measurements?project=shop&environment=production", map[string]any{"items": bought}, &out)
	return out.Position
}

// report is the experiment's report for engineers, as of the position.
func (s *server) report(t testing.TB, e experiment, position string) string {
	t.Helper()
	var page json.RawMessage
	request := client.Request{
		Path: "/api/v1/projects/shop/experiments/" + e.key + "/report", Query: url.Values{"min_position": {position}, "as_of": {position}, "format": {"json"}},
	}
	if _, err := s.DoPatiently(t.Context(), request, &page, 20); err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// Two nodes know nothing of each other but the cluster. Each sees what the other writes, and tells the same report; one that was
// away catches up.
func TestTheWholeProductRunsOnAnEventStore(t *testing.T) {
	cluster, e := secured(t), onCluster()
	folder := t.TempDir()
	first := node(t, cluster, folder, "")
	first.run(t, e)
	position := first.visitors(t, e)

	second := node(t, cluster, t.TempDir(), first.AdminKey)
	if arms := results(t, second, e, position).Arms; len(arms) != 2 || arms[0].Units != 300 || arms[1].Units != 300 {
		t.Errorf("the second node counts %+v, want 300 units in each of two arms", arms)
	}
	if a, b := first.report(t, e, position), second.report(t, e, position); a != b || len(a) < 100 {
		t.Errorf("two nodes tell two reports of one position:\n%s\n%s", a, b)
	}
	for i := range 50 {
		unit := fmt.Sprint("user-", i)
		if a, b := first.evaluate(t, unit), second.evaluate(t, unit); a != b || a == "" {
			t.Errorf("%s gets %q from one node and %q from the other", unit, a, b)
		}
	}
	first.sees(t, "written by the second", second.describe(t, "written by the second"))
	second.sees(t, "written by the first", first.describe(t, "written by the first"))

	// Both change one flag at the same time: who decided on an old revision is told so, and nothing is lost.
	var together sync.WaitGroup
	for _, s := range []*server{first, second} {
		for i := range 10 {
			together.Go(func() { s.insist(t, fmt.Sprintf("%s %d", s.URL, i)) })
		}
	}
	together.Wait()
	if changes := first.changes(t, second.describe(t, "the last word")); changes != 2+20+1 {
		t.Errorf("the flag's description was changed %d times, want 23", changes)
	}
	taken := app.Config{Data: folder, Store: cluster.ConnectionString("assay"), StorePrefix: "installation1.", Secret: clusterSecret, Listen: "127.0.0.1:0", Log: zerolog.Nop()}
	if err := app.Serve(t.Context(), taken, nil); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("a second server on the same folder ended with %v, want that it takes another", err)
	}

	first.shutdown(t)
	missed := second.describe(t, "while the first was away")
	again := node(t, cluster, folder, first.AdminKey)
	again.sees(t, "while the first was away", missed)
	if a, b := again.report(t, e, position), second.report(t, e, position); a != b {
		t.Errorf("the node that was away tells another report:\n%s\n%s", a, b)
	}
}

// While the whole cluster is away decisions and reads go on, changes are refused in time, and health says why; then all is as
// before. The same when only the leader goes.
func TestAnOutageOfTheEventStoreIsSurvived(t *testing.T) {
	cluster, e := secured(t), onCluster()
	s := node(t, cluster, t.TempDir(), "")
	s.run(t, e)
	before := s.evaluate(t, "user-1")

	cluster.Stop()
	began := time.Now()
	change := client.Request{Method: "PATCH", Path: "/api/v1/projects/shop/flags/tested", Header: http.Header{"If-Match": {"*"}}, Body: map[string]any{"description": "lost", "reason": "test"}}
	var p *client.Problem
	if _, err := s.Do(t.Context(), change, nil); !errors.As(err, &p) || p.Status != http.StatusServiceUnavailable {
		t.Errorf("a change without the store: %v, want 503", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("a change was refused after %v", took)
	}
	if got := s.evaluate(t, "user-1"); got != before {
		t.Errorf("without the store user-1 gets %q, before %q", got, before)
	}
	var health struct {
		Status string `json:"status"`
		Checks []struct{ Name, Status, Detail string }
	}
	if _, err := s.Do(t.Context(), client.Request{Path: "/readyz"}, &health); err != nil || health.Status != "degraded" {
		t.Errorf("without the store it is %q (%v), want degraded", health.Status, err)
	}
	if last := health.Checks[len(health.Checks)-1]; last.Name != "log" || !strings.Contains(last.Detail, "cannot be reached") {
		t.Errorf("the last check is %+v, want one that tells of the log", last)
	}
	cluster.Resume(t)
	s.sees(t, "back", s.describe(t, "back"))

	cluster.SetLeader(1)
	s.sees(t, "another leads", s.describe(t, "another leads"))
	cluster.StopNode(1)
	cluster.SetLeader(2)
	s.sees(t, "the leader is gone", s.describe(t, "the leader is gone"))
	if _, err := s.Do(t.Context(), client.Request{Path: "/readyz"}, &health); err != nil || health.Status == "starting" {
		t.Errorf("afterwards it is %q (%v)", health.Status, err)
	}
}

// The program itself: the connection string from the command line or the environment; bad ones are explained, passwords never shown.
func TestServeTakesAConnectionString(t *testing.T) {
	cluster := secured(t)
	run := func(ctx context.Context, out io.Writer, env map[string]string, args ...string) (code int, said string) {
		var err bytes.Buffer
		args = append([]string{"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--log-level", "error"}, args...)
		code = app.Main(ctx, args, app.Streams{Out: out, Err: &err, Getenv: func(k string) string { return env[k] }})
		return code, err.String()
	}
	for _, c := range []struct{ connection, want string }{
		{"http://127.0.0.1:2113", "no connection string"},
		{"esdb://127.0.0.1:2113?tsl=false", "there is no setting"},
		{strings.Replace(cluster.ConnectionString("assay"), "s3cret", "wr0ng", 1), "does not accept the user and password"},
	} {
		code, said := run(t.Context(), io.Discard, map[string]string{"ASSAY_LOG": c.connection})
		if code != 1 || !strings.Contains(said, c.want) || strings.Contains(said, "wr0ng") {
			t.Errorf("%s: exit %d, %q, want it to say %q", c.connection, code, said, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code, said := run(ctx, write, map[string]string{"ASSAY_LOG_PREFIX": "other."}, "--log", cluster.ConnectionString("assay"))
		if said != "" {
			t.Log(said)
		}
		write.Close()
		ended <- code
	}()
	line := make([]byte, 256)
	n, err := read.Read(line)
	if found := regexp.MustCompile(`ready at http://`).Find(line[:n]); err != nil || found == nil {
		t.Errorf("it says %q (%v), want that it is ready", line[:n], err)
	}
	go io.Copy(io.Discard, read)
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("it ended with %d", code)
	}
}
