package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/pebblelog"
	"github.com/assayhq/assay/internal/client"
)

// The two knobs of the long run: ASSAY_KILL_ROUNDS=200 ASSAY_KILL_EVENTS=1000000 go test ./internal/e2e -run KillNine -v -timeout 60m
func knob(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s is %q, want a number", name, text)
	}
	return n
}

// process is the real program.
type process struct {
	t       *testing.T
	program string
	data    string
	command *exec.Cmd
	url     string
	key     string
	took    time.Duration // from its start until it said that it is ready
	used    time.Duration // of the processors by then; other programs of the machine have no part in it
}

func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "assay")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../cmd/assay").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return program
}

func (p *process) start() {
	p.t.Helper()
	p.command = exec.Command(p.program, "serve", "--data", p.data, "--listen", "127.0.0.1:0", "--log-level", "error")
	out, err := p.command.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	p.command.Stderr = os.Stderr
	began := time.Now()
	if err := p.command.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.url = ""
	lines := bufio.NewScanner(out)
	for (p.url == "" || p.key == "") && lines.Scan() {
		if at := strings.Index(lines.Text(), "http://"); at >= 0 {
			p.url, p.took, p.used = lines.Text()[at:], time.Since(began), processorTime(p.command.Process.Pid)
		}
		if found := keyLine.FindString(lines.Text()); found != "" {
			p.key = found
		}
	}
	if p.url == "" {
		p.t.Fatal("the program did not become ready")
	}
	go io.Copy(io.Discard, out)
}

// processorTime reads how long the processors have worked for a process, from proc(5) in hundredths of a second; 0 on systems
// without it.
func processorTime(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// caughtUp waits until the facts have been read, too.
func (p *process) caughtUp() {
	p.t.Helper()
	for {
		var health struct{ Status string }
		if _, err := p.client().DoPatiently(p.t.Context(), client.Request{Path: "/readyz"}, &health, 5); err != nil {
			p.t.Fatal(err)
		}
		if health.Status == "ok" {
			return
		}
		pause(p.t, 100*time.Millisecond)
	}
}

// kill is kill -9.
func (p *process) kill() {
	if p.command != nil {
		_ = p.command.Process.Kill() // it may have ended already
		_ = p.command.Wait()
		p.command = nil
	}
}

func (p *process) client() *client.Client {
	p.t.Helper()
	c, err := client.New(p.url, p.key, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: 30 * time.Second})
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func (p *process) must(method, path string, body any) client.Answer {
	p.t.Helper()
	answer, err := p.client().DoPatiently(p.t.Context(), client.Request{Method: method, Path: path, Body: body, Header: http.Header{"If-Match": {"*"}}}, nil, 5)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer
}

// acknowledged is what the server said is in the log, by what marks it there.
type acknowledged struct {
	mu    sync.Mutex
	marks map[string]eventlog.Position
}

func (a *acknowledged) add(mark string, position eventlog.Position) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.marks[mark] = position
}

func (a *acknowledged) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.marks)
}

// load writes with several clients until ctx ends or the server is gone: changes of flags, and facts one by one and in batches.
func (p *process) load(ctx context.Context, round int, acked *acknowledged) *sync.WaitGroup {
	var writers sync.WaitGroup
	for w := range 8 {
		c := p.client()
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				mark := fmt.Sprintf("round %d writer %d number %d", round, w, n)
				var err error
				if w < 3 {
					err = describe(ctx, c, w, mark, acked)
				} else {
					err = purchase(ctx, c, mark, 1+w*n%20, acked)
				}
				var refused *client.Problem
				if err != nil && !errors.As(err, &refused) {
					return // the server is gone
				}
			}
		})
	}
	return &writers
}

func describe(ctx context.Context, c *client.Client, w int, mark string, acked *acknowledged) error {
	answer, err := c.Do(ctx, client.Request{
		Method: http.MethodPatch, Path: fmt.Sprintf("/api/v1/projects/shop/flags/flag-%d", w), Header: http.Header{"If-Match": {"*"}},
		Body: map[string]any{"description": mark, "reason": mark},
	}, nil)
	if err == nil {
		position, _ := strconv.ParseUint(answer.Header.Get("Assay-Position"), 10, 64)
		acked.add(mark, eventlog.Position(position))
	}
	return err
}

func purchase(ctx context.Context, c *client.Client, mark string, items int, acked *acknowledged) error {
	var batch []map[string]any
	for i := range items {
		batch = append(batch, map[string]any{
			"event_id": fmt.Sprint(mark, " item ", i), "type": "measurement", "event_name": "purchase", "unit_id": fmt.Sprint(mark, i), "occurred_at": time.Now().UTC(), "value": 1,
		})
	}
	var outcome struct {
		Accepted int
		Position eventlog.Position `json:"position,string"`
	}
	_, err := c.Do(ctx, client.Request{
		Method: http.MethodPost, Path: "/api/v1/measurements", Query: url.Values{"project": {"shop"}, "environment": {"production"}}, Body: map[string]any{"items": batch},
	}, &outcome)
	if err == nil && outcome.Accepted == items {
		for i := range items {
			acked.add(fmt.Sprint(mark, " item ", i), outcome.Position)
		}
	}
	return err
}

// found counts the marks in a copy of the folder, after the position.
func found(t *testing.T, data string, after eventlog.Position) (marks map[string][]eventlog.Position, head eventlog.Position) {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "log")
	if err := os.CopyFS(copied, os.DirFS(filepath.Join(data, "log"))); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(copied)
	log, err := pebblelog.Open(copied, pebblelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	marks = map[string][]eventlog.Position{}
	for e, err := range log.Entries(t.Context(), after) {
		if err != nil {
			t.Fatal(err)
		}
		head = e.Position
		if eventlog.Category(e.Stream) != measurement.Category {
			marks[e.Meta["reason"]] = append(marks[e.Meta["reason"]], e.Position)
			continue
		}
		batch, err := measurement.Decode(e.Type, e.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range batch.Measurements {
			marks[m.EventID] = append(marks[m.EventID], e.Position)
		}
	}
	return marks, max(head, after)
}

// The real program is killed with SIGKILL under load, round after round: whatever it acknowledged is in the log once, and it is ready
// again in less than two seconds.
func TestKillNineLosesNothingAcknowledged(t *testing.T) {
	rounds, events := knob(t, "ASSAY_KILL_ROUNDS", 3), knob(t, "ASSAY_KILL_EVENTS", 0)
	p := &process{t: t, program: build(t), data: t.TempDir()}
	defer p.kill()
	p.start()
	p.must("POST", "/api/v1/projects", map[string]any{"key": "shop", "environments": []map[string]string{{"key": "production"}}})
	for i := range 10 {
		key := fmt.Sprintf("flag-%d", i)
		p.must("POST", "/api/v1/projects/shop/flags", map[string]any{"key": key, "type": "boolean"})
	}
	p.kill()
	if events > 0 {
		prefill(t, p.data, events)
		p.start()
		began := time.Now()
		p.caughtUp() // the facts of what was filled in are folded once, as they would have been while it came in
		t.Logf("with %d events prefilled the first start took %v, and folding their facts %v", events, p.took, time.Since(began))
		p.kill()
	}
	_, head := found(t, p.data, eventlog.Position(events))
	random := rand.New(rand.NewPCG(1, 1))
	total, took, used := 0, []time.Duration{}, []time.Duration{}
	for round := range rounds {
		p.start()
		took, used = append(took, p.took), append(used, p.used)
		acked := &acknowledged{marks: map[string]eventlog.Position{}}
		ctx, stop := context.WithCancel(t.Context())
		writers := p.load(ctx, round, acked)
		for began := time.Now(); acked.count() < 10 && time.Since(began) < 20*time.Second; {
			pause(t, 10*time.Millisecond) // a machine that is busy with other things needs a while to be under load
		}
		pause(t, time.Duration(20+random.IntN(150))*time.Millisecond)
		p.kill()
		stop()
		writers.Wait()
		marks, next := found(t, p.data, head)
		for mark, position := range acked.marks {
			if at := marks[mark]; len(at) != 1 || at[0] > position {
				t.Fatalf("%s was acknowledged at position %d and is at %v", mark, position, at)
			}
		}
		total, head = total+len(acked.marks), next
	}
	p.start()
	took, used = append(took, p.took), append(used, p.used)
	slices.Sort(took)
	slices.Sort(used)
	t.Logf("%d rounds, %d facts and changes acknowledged, 0 lost, 0 doubled; with %d events ready again after %v at the median, %v at most, of which the processors worked %v at the median",
		rounds, total, head, took[len(took)/2], took[len(took)-1], used[len(used)/2])
	if total < 10*rounds {
		t.Errorf("only %d acknowledgements in %d rounds: the server was not under load", total, rounds)
	}
	// A machine that is busy with other things gives less than a processor; what counts is what the program needs.
	if median := min(took[len(took)/2], used[len(used)/2]); median > 2*time.Second {
		t.Errorf("it is ready again after %v at the median, want less than 2 s", median)
	}
}

// pause lets the load go on for a while: the moment of the kill is what is varied.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

// prefill adds events to the log of a stopped server: one in a hundred a change of a flag, the others batches of one purchase.
func prefill(t *testing.T, data string, events int) {
	t.Helper()
	log, err := pebblelog.Open(filepath.Join(data, "log"), pebblelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	}()
	var flags []eventlog.Entry
	for e, err := range log.Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(e.Stream, "flag-") {
			flags = append(flags, e)
		}
	}
	if n, err := log.Load(t.Context(), filling(t, flags, events)); err != nil || n != events {
		t.Fatal(n, err)
	}
}

func filling(t *testing.T, flags []eventlog.Entry, events int) iter.Seq2[eventlog.Entry, error] {
	at := time.Now().UTC().Add(-24 * time.Hour)
	return func(yield func(eventlog.Entry, error) bool) {
		for n := range events {
			e := eventlog.Entry{Recorded: eventlog.Recorded{RecordedAt: at}}
			meta := map[string]string{"actor": "key:prefill", "command": fmt.Sprint("prefill ", n), "time": at.Format(time.RFC3339Nano), "schema": "1"}
			if n%100 == 0 {
				which := flags[n/100%len(flags)]
				e.Stream, e.Revision = which.Stream, which.Revision+1+eventlog.Revision(n/100/len(flags))
				e.Event = eventlog.Event{Type: "FlagDescribed", Data: fmt.Appendf(nil, `{"name":"flag","description":"change %d"}`, n), Meta: meta}
			} else {
				name, body, err := measurement.Encode(measurement.Batch{Project: "shop", Environment: "production", ReceivedAt: at, Measurements: []measurement.Measurement{
					{EventID: fmt.Sprint("prefill ", n), Event: "purchase", UnitType: "user", Unit: fmt.Sprint("unit ", n), OccurredAt: at, Value: 1},
				}})
				if err != nil {
					t.Error(err)
					return
				}
				e.Stream, e.Revision = "measurement-shop.production."+at.Format(time.DateOnly), eventlog.Revision(n-n/100-1)
				e.Event = eventlog.Event{Type: name, Data: body, Meta: meta}
			}
			e.ID = eventlog.NewID(meta["command"], 0)
			if !yield(e, nil) {
				return
			}
		}
	}
}
