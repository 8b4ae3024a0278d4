package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/pebblelog"
	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/provider"
	"github.com/assayhq/assay/internal/client"
)

// TestManyFlags is the promise at scale, through the binary: a change reaches a client in under a second, and the server needs
// less than 500 MB, with 100,000 flags in one environment, and also with as many in three. That takes minutes, so it runs with
// ASSAY_SCALE=100000 (any number will do); always it runs with 2,000. What it measures is told with -v.
func TestManyFlags(t *testing.T) {
	n := 2_000
	if text := os.Getenv("ASSAY_SCALE"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 100 {
			t.Fatalf("ASSAY_SCALE is %q, not a number of flags", text)
		}
	}
	binary := filepath.Join(t.TempDir(), "assay")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/assay").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Run("in one environment", func(t *testing.T) { manyFlags(t, binary, n, "production") })
	t.Run("in three environments", func(t *testing.T) { manyFlags(t, binary, n, "production", "staging", "development") })
}

// most is what the server may need, and mostAtStart until it is ready, in MB.
const (
	most        = 500
	mostAtStart = 1_000
)

func manyFlags(t *testing.T, binary string, n int, environments ...string) {
	folder := t.TempDir()
	s := start(t, folder, "")
	var places []any
	for _, e := range environments {
		places = append(places, map[string]any{"key": e, "name": e})
	}
	s.do(t, "POST", "/api/v1/projects", map[string]any{"key": "shop", "environments": places}, nil)
	key := s.key(t, "shop", "server", "production")
	s.shutdown(t)
	began := time.Now()
	seed(t, filepath.Join(folder, "log"), n)
	t.Logf("%d flags were written in %v", n, time.Since(began).Round(time.Millisecond))

	b, took := startBinary(t, binary, folder, s.AdminKey)
	peak := b.memory(t, "VmHWM")
	t.Logf("the server was ready after %v, with %d MB at most", took.Round(time.Millisecond), peak)
	if peak >= mostAtStart {
		t.Errorf("the server has had %d MB", peak)
	}
	b.isSmall(t, "at rest")
	count := &counting{next: http.DefaultTransport.(*http.Transport).Clone()}
	began = time.Now()
	c, err := provider.Open(t.Context(), provider.Config{URL: b.URL, Key: key, HTTPClient: &http.Client{Transport: count}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()); count.next.CloseIdleConnections() })
	rules := c.Provider().Ruleset()
	t.Logf("a client had %d flags after %v", rules.Len(), time.Since(began).Round(time.Millisecond))
	if rules.Len() != n || len(rules.Problems()) > 0 {
		t.Fatalf("%d flags of %d, problems: %v", rules.Len(), n, rules.Problems())
	}
	b.isSmall(t, "after a client has loaded all")
	slowest, all := b.changes(t, c, n)
	slices.Sort(all)
	t.Logf("from the call to the client's decision: median %v, slowest of %d %v; the whole ruleset was loaded %d times",
		all[len(all)/2].Round(time.Millisecond), len(all), slowest.Round(time.Millisecond), count.rulesets.Load())
	if all[len(all)/2] >= time.Second {
		t.Errorf("a change takes %v", all[len(all)/2])
	}
	if count.rulesets.Load() != 1 {
		t.Errorf("the whole ruleset was loaded %d times", count.rulesets.Load())
	}
	b.isSmall(t, "after the changes")
	b.evaluatesAll(t, key, n)
	t.Logf("when it has decided every flag the server has %d MB", b.memory(t, "VmRSS"))
}

// isSmall expects that the server needs no more memory than promised, as soon as it has given back what the start has left.
func (b *program) isSmall(t *testing.T, when string) {
	t.Helper()
	now := b.memory(t, "VmRSS")
	for began := time.Now(); now >= most && time.Since(began) < 20*time.Second; now = b.memory(t, "VmRSS") {
		<-time.After(50 * time.Millisecond)
	}
	t.Logf("%s the server has %d MB", when, now)
	if now >= most {
		t.Errorf("%s the server has %d MB", when, now)
	}
}

// evaluatesAll asks the server for all decisions of a subject, twice: the first time it prepares the flags.
func (b *program) evaluatesAll(t *testing.T, key string, n int) {
	t.Helper()
	c, err := client.New(b.URL, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"all decisions for the first time", "all decisions again"} {
		var out struct {
			Flags []struct{ Key string } `json:"flags"`
		}
		began := time.Now()
		body := map[string]any{"context": map[string]any{"targetingKey": "u", "country": "DE", "age": 20}}
		if _, err := c.Do(t.Context(), client.Request{Method: "POST", Path: "/ofrep/v1/evaluate/flags", Body: body}, &out); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s took %v", what, time.Since(began).Round(time.Millisecond))
		if len(out.Flags) != n {
			t.Errorf("%d decisions of %d", len(out.Flags), n)
		}
	}
}

// seed writes the history of n flags of the project shop: a third with rules, a third with a split, all on in production.
func seed(t *testing.T, folder string, n int) {
	t.Helper()
	log, err := pebblelog.Open(folder, pebblelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var writers errgroup.Group
	writers.SetLimit(256) // they share syncs
	for i := range n {
		writers.Go(func() error {
			key := fmt.Sprintf("flag-%06d", i)
			_, err := log.Append(t.Context(), "flag-shop."+key, eventlog.NoStream, history(key, i)...)
			return err
		})
	}
	if err := writers.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

func history(key string, i int) (out []eventlog.Event) {
	add := func(name, body string) {
		out = append(out, eventlog.Event{
			ID: eventlog.NewID("seed-"+key, len(out)), Type: name, Data: []byte(body),
			Meta: map[string]string{"actor": "user:seed", "command": "seed-" + key, "time": "2026-01-01T00:00:00Z", "schema": "1"},
		})
	}
	add(flag.WireCreated, `{"project":"shop","key":"`+key+`","name":"A flag","type":"boolean","variants":[{"key":"on","value":true},{"key":"off","value":false}],"default":"on","off":"off"}`)
	split := `{"split":{"algorithm":"murmur3-32/1","salt":"shop.` + key + `/","total":100000,"weights":[{"variant":"on","weight":10000},{"variant":"off","weight":90000}]}}`
	switch i % 3 {
	case 1:
		add(flag.WireTargetingChanged, `{"environment":"production","targeting":{"rules":[{"id":"rule-1","if":[{"attribute":"country","operator":"in","values":["DE","FR"]},{"attribute":"age","operator":"greater","values":[17]}],"serve":`+split+`}],"default":{"variant":"off"},"off":"off"}}`)
	case 2:
		add(flag.WireTargetingChanged, `{"environment":"production","targeting":{"default":`+split+`,"off":"off"}}`)
	}
	add(flag.WireTurnedOn, `{"environment":"production"}`)
	return out
}

// program is a running assay, built from this checkout.
type program struct {
	*client.Client
	URL     string
	process *os.Process
}

func startBinary(t *testing.T, path, folder, adminKey string) (b *program, took time.Duration) {
	t.Helper()
	running := exec.CommandContext(context.Background(), path, "serve", "--data", folder, "--listen", "127.0.0.1:0")
	told, err := running.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	running.Stdout = running.Stderr
	began := time.Now()
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(told); lines.Scan(); {
			if _, rest, found := strings.Cut(lines.Text(), "http://127.0.0.1:"); found {
				port := rest[:strings.IndexFunc(rest+" ", func(r rune) bool { return r < '0' || r > '9' })]
				select {
				case address <- "http://127.0.0.1:" + port:
				default:
				}
			}
		}
	}()
	t.Cleanup(func() {
		_ = running.Process.Signal(os.Interrupt)
		_ = running.Wait()
	})
	b = &program{process: running.Process}
	select {
	case b.URL = <-address:
	case <-time.After(5 * time.Minute):
		t.Fatal("the server does not say where it is")
	}
	if b.Client, err = client.New(b.URL, adminKey, nil); err != nil {
		t.Fatal(err)
	}
	return b, time.Since(began)
}

// memory reads a figure of the process in MB: VmRSS for now, VmHWM for the most so far.
func (b *program) memory(t *testing.T, name string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.process.Pid))
	if err != nil {
		t.Skip("this system does not tell what memory a process has: ", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, is := strings.CutPrefix(line, name+":"); is {
			kilobytes, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return kilobytes * 1024 / 1_000_000
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

// changes turns flags off, and measures from the call until the client decides accordingly.
func (b *program) changes(t *testing.T, c *provider.Client, n int) (slowest time.Duration, all []time.Duration) {
	t.Helper()
	for i := range 20 {
		key := fmt.Sprintf("flag-%06d", 3*(i*(n/60)))
		if !c.Boolean(key, false, flags.Subject{Key: "u"}) {
			t.Fatalf("%s is off", key)
		}
		began := time.Now()
		request := client.Request{Method: "PATCH", Path: "/api/v1/projects/shop/flags/" + key + "/environments/production", Body: map[string]any{"on": false}, Header: http.Header{"If-Match": {"*"}}}
		if _, err := b.Do(t.Context(), request, nil); err != nil {
			t.Fatal(err)
		}
		for c.Boolean(key, false, flags.Subject{Key: "u"}) {
			if time.Since(began) > time.Minute {
				t.Fatalf("the change of %s does not arrive", key)
			}
			<-time.After(time.Millisecond)
		}
		all = append(all, time.Since(began))
		slowest = max(slowest, time.Since(began))
	}
	return slowest, all
}

// counting counts how often the whole ruleset is loaded.
type counting struct {
	next     *http.Transport
	rulesets atomic.Int64
}

// RoundTrip makes the request.
func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/api/v1/ruleset" {
		c.rulesets.Add(1)
	}
	return c.next.RoundTrip(r)
}
