package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/assayhq/assay/flags/provider"
	"github.com/assayhq/assay/internal/app"
	"github.com/assayhq/assay/internal/client"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"assay": func() {
			os.Exit(app.Main(context.Background(), os.Args[1:], app.Streams{Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}))
		},
	})
}

// Scripts run the real program in processes of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			w := &world{listen: freeAddress(t)}
			e.Values["world"] = w
			e.Defer(w.close)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": cmdServe, "killed": cmdKilled, "http": cmdHTTP, "client": cmdClient, "connected": cmdConnected, "sees": cmdSees,
			"writers": cmdWriters, "acknowledged": cmdAcknowledged,
		},
	})
}

// world is what a script has going.
type world struct {
	listen string // every server of the script uses the same address, so that clients find it again
	server *exec.Cmd
	url    string
	key    string
	api    *openfeature.EvaluationAPI

	stopWriters context.CancelFunc
	writing     sync.WaitGroup
	mu          sync.Mutex
	acked       []map[string]any
}

func of(ts *testscript.TestScript) *world { return ts.Value("world").(*world) }

func freeAddress(t *testing.T) string {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (w *world) close() {
	if w.stopWriters != nil {
		w.stopWriters()
		w.writing.Wait()
	}
	if w.api != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = w.api.Shutdown(ctx) // facts that cannot be sent at the end of a script are not missed
	}
	w.kill()
}

func (w *world) kill() {
	if w.server != nil {
		_ = w.server.Process.Kill() // SIGKILL; it may have ended already
		_ = w.server.Wait()
		w.server = nil
	}
}

var keyLine = regexp.MustCompile(`assay_admin_\w+`)

// cmdServe starts the program on a folder and waits until it says that it is ready.
func cmdServe(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	path, err := exec.LookPath("assay")
	ts.Check(err)
	w.server = exec.Command(path, "serve", "--data", ts.MkAbs(args[0]), "--listen", w.listen)
	out, err := w.server.StdoutPipe()
	ts.Check(err)
	w.server.Stderr = os.Stderr
	ts.Check(w.server.Start())
	lines := bufio.NewScanner(out)
	w.url = ""
	for (w.url == "" || w.key == "") && lines.Scan() { // the first start says its key after its address, a later one only that
		text := lines.Text()
		if found := keyLine.FindString(text); found != "" {
			w.key = found
		}
		if at := strings.Index(text, "http://"); at >= 0 {
			w.url = text[at:]
		}
	}
	if w.url == "" || w.key == "" {
		ts.Fatalf("the server did not become ready")
	}
	go io.Copy(io.Discard, out) // so that it never blocks on its output
	ts.Setenv("ASSAY_URL", w.url)
	ts.Setenv("ASSAY_KEY", w.key)
}

// cmdKilled kills the server with SIGKILL while facts come in, and stops the writers.
func cmdKilled(ts *testscript.TestScript, _ bool, _ []string) {
	w := of(ts)
	enough := func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.acked) > 2_000 }
	waitFor(ts, 20*time.Second, enough, "2,000 facts to be acknowledged")
	w.kill()
	w.stopWriters()
	w.writing.Wait()
}

// cmdHTTP makes a call: http STATUS METHOD PATH [FILE]. The answer can be matched with stdout.
func cmdHTTP(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	var body io.Reader
	if len(args) > 3 {
		body = strings.NewReader(ts.ReadFile(args[3]))
	}
	request, err := http.NewRequestWithContext(context.Background(), args[1], w.url+args[2], body)
	ts.Check(err)
	request.Header.Set("Authorization", "Bearer "+w.key)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("If-Match", "*")
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s\n", text)
	if want, _ := strconv.Atoi(args[0]); response.StatusCode != want {
		ts.Fatalf("%s %s answered %d: %s", args[1], args[2], response.StatusCode, text)
	}
	if position := response.Header.Get("Assay-Position"); position != "" {
		c, err := client.New(w.url, w.key, nil)
		ts.Check(err)
		_, err = c.Do(context.Background(), client.Request{Path: "/api/v1/projects", Query: url.Values{"min_position": {position}}}, nil)
		ts.Check(err)
	}
}

func (w *world) issue(ts *testscript.TestScript, project, environment string) string {
	c, err := client.New(w.url, w.key, nil)
	ts.Check(err)
	var created struct {
		Key string `json:"key"`
	}
	answer, err := c.Do(context.Background(), client.Request{
		Method: "POST", Path: "/api/v1/projects/" + project + "/keys", Body: map[string]string{"kind": "server", "environment": environment, "name": "script"},
	}, &created)
	ts.Check(err)
	_, err = c.Do(context.Background(), client.Request{Path: "/api/v1/projects", Query: url.Values{"min_position": {answer.Header.Get("Assay-Position")}}}, nil)
	ts.Check(err)
	return created.Key
}

// cmdClient starts an OpenFeature client: client PROJECT ENVIRONMENT.
func cmdClient(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	w.api = isolated.NewAPI()
	ts.Check(w.api.SetProviderAndWait(context.Background(), provider.New(provider.Config{URL: w.url, Key: w.issue(ts, args[0], args[1])})))
}

// cmdConnected waits until the client is in touch with the server again, which it tries at growing intervals.
func cmdConnected(ts *testscript.TestScript, _ bool, _ []string) {
	c := of(ts).api.NewClient()
	waitFor(ts, 20*time.Second, func() bool { return c.State() == openfeature.ReadyState }, "the client to be ready again")
}

// cmdSees waits until the client's flag has a value: sees FLAG true|false. How soon that is, TestManyFlags measures.
func cmdSees(ts *testscript.TestScript, _ bool, args []string) {
	c := of(ts).api.NewClient()
	subject := openfeature.NewEvaluationContext("somebody", nil)
	want := args[1] == "true"
	waitFor(ts, 20*time.Second, func() bool {
		got, err := c.BooleanValue(context.Background(), args[0], !want, subject)
		return err == nil && got == want
	}, fmt.Sprint(args[0], " to be ", want))
}

func waitFor(ts *testscript.TestScript, most time.Duration, there func() bool, what string) {
	deadline := time.Now().Add(most)
	for !there() {
		if time.Now().After(deadline) {
			ts.Fatalf("waited %v in vain for %s", most, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// cmdWriters lets n writers send facts until they are stopped, and remembers all that the server acknowledged.
func cmdWriters(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	w.stopWriters = cancel
	c, err := client.New(w.url, w.key, nil)
	ts.Check(err)
	for writer := range n {
		w.writing.Go(func() {
			for batch := 0; ctx.Err() == nil; batch++ {
				items := make([]map[string]any, 20)
				for i := range items {
					items[i] = map[string]any{
						"event_id": fmt.Sprintf("w%d-%d-%d", writer, batch, i), "event_name": "purchase", "unit_id": fmt.Sprint("unit-", i),
						"occurred_at": "2026-01-01T00:00:00Z", "value": batch,
					}
				}
				if outcome, err := send(ctx, c, items); err == nil && outcome.Accepted == len(items) {
					w.mu.Lock()
					w.acked = append(w.acked, items...)
					w.mu.Unlock()
				}
			}
		})
	}
}

type outcome struct {
	Accepted   int `json:"accepted"`
	Duplicates int `json:"duplicates"`
}

func send(ctx context.Context, c *client.Client, items []map[string]any) (outcome, error) {
	body, err := json.Marshal(map[string]any{"items": items})
	if err != nil {
		return outcome{}, err
	}
	var out outcome
	_, err = c.Do(ctx, client.Request{
		Method: "POST", Path: "/api/v1/measurements", Body: bytes.Clone(body), Query: url.Values{"project": {"shop"}, "environment": {"production"}},
	}, &out)
	return out, err
}

// cmdAcknowledged sends all acknowledged facts again: the server must know every one of them.
func cmdAcknowledged(ts *testscript.TestScript, _ bool, _ []string) {
	w := of(ts)
	c, err := client.New(w.url, w.key, nil)
	ts.Check(err)
	ts.Logf("%d facts were acknowledged before the kill", len(w.acked))
	for len(w.acked) > 0 {
		part := w.acked[:min(1_000, len(w.acked))]
		w.acked = w.acked[len(part):]
		got, err := send(context.Background(), c, part)
		ts.Check(err)
		if got.Duplicates != len(part) {
			ts.Fatalf("of %d acknowledged facts the server knows %d", len(part), got.Duplicates)
		}
	}
}
