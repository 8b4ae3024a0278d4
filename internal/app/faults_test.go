package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/assayhq/assay/internal/app"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a real server whose log stands on a disk that can be told to fail.
type rig struct {
	t     *testing.T
	url   string
	admin string
	http  *http.Client
	stop  func() error
}

// serve starts a server; admin is the key of an earlier start on the folder.
func serve(t *testing.T, c app.Config, admin string) *rig {
	t.Helper()
	c.Log = zerolog.Nop()
	return serveLogged(t, c, admin)
}

// serveLogged is serve for those who read what the server logs.
func serveLogged(t *testing.T, c app.Config, admin string) *rig {
	t.Helper()
	c.Listen = "127.0.0.1:0"
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan app.Running, 1), make(chan error, 1)
	go func() { ended <- app.Serve(ctx, c, func(r app.Running) { ready <- r }) }()
	r := &rig{t: t, admin: admin, http: &http.Client{Transport: &http.Transport{}}}
	select {
	case running := <-ready:
		r.url = running.URL
		if running.AdminKey != "" {
			r.admin = running.AdminKey
		}
	case err := <-ended:
		cancel()
		t.Fatal("the server did not start: ", err)
	case <-time.After(time.Minute):
		cancel()
		t.Fatal("the server is not ready after a minute")
	}
	stopped := false
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		r.http.CloseIdleConnections()
		cancel()
		return <-ended
	}
	t.Cleanup(func() { _ = r.stop() })
	return r
}

// rigAt is a server that was started otherwise, as the owner of a key sees it.
func rigAt(t *testing.T, url, admin string) *rig {
	r := &rig{t: t, url: url, admin: admin, http: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(r.http.CloseIdleConnections)
	return r
}

// call returns status and body.
func (r *rig) call(method, path, body string) (int, string) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.admin)
	request.Header.Set("If-Match", "*")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := r.http.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func (r *rig) must(method, path, body string) string {
	r.t.Helper()
	status, text := r.call(method, path, body)
	if status >= 300 {
		r.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	return text
}

// shop makes a flag that is on.
func (r *rig) shop() {
	r.t.Helper()
	r.must("POST", "/api/v1/projects", `{"key":"shop","environments":[{"key":"production"}]}`)
	r.must("POST", "/api/v1/projects/shop/flags", `{"key":"banner","type":"boolean"}`)
	r.must("PATCH", "/api/v1/projects/shop/flags/banner/environments/production", `{"on":true,"default":{"variant":"on"}}`)
	r.eventually(func() bool { return r.decides() })
}

// decides tells whether the flag answers what it was set to, over OFREP.
func (r *rig) decides() bool {
	_, text := r.call("POST", "/ofrep/v1/evaluate/flags/banner?project=shop&environment=production", `{"context":{"targetingKey":"ann"}}`)
	return strings.Contains(text, `"value":true`)
}

func (r *rig) eventually(is func() bool) {
	r.t.Helper()
	for ends := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(ends) {
			r.t.Fatal("it never became so")
		}
	}
}

// metric reads one value of /metrics.
func (r *rig) metric(name string) string {
	r.t.Helper()
	for line := range strings.Lines(r.must("GET", "/metrics", "")) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return "none"
}

// serves checks that decisions and reads go on, whatever is wrong with the log.
func (r *rig) serves(state string) {
	r.t.Helper()
	if !r.decides() {
		r.t.Errorf("%s: the flag is not decided any more", state)
	}
	for _, path := range []string{"/api/v1/projects/shop/flags/banner", "/api/v1/projects/shop/history", "/api/v1/ruleset?project=shop&environment=production"} {
		if status, text := r.call("GET", path, ""); status != 200 {
			r.t.Errorf("%s: %s answers %d %s", state, path, status, text)
		}
	}
	status, text := r.call("GET", "/readyz", "")
	if status != 200 || !strings.Contains(text, `"degraded"`) || !strings.Contains(text, "the log is "+state) {
		r.t.Errorf("%s: health answers %d %s", state, status, text)
	}
	if log := r.must("GET", "/api/v1/log", ""); !strings.Contains(log, `"state":"`+state+`"`) || !strings.Contains(log, `"reason":"`) {
		r.t.Errorf("%s: the log says %s", state, log)
	}
	if one, readOnly := r.metric(`assay_log_state{state="`+state+`"}`), r.metric("assay_log_read_only"); one != "1" || readOnly != "1" {
		r.t.Errorf("%s: the metrics say state %s, read-only %s", state, one, readOnly)
	}
	if lag := r.metric(`assay_projection_lag_events{name="ruleset"}`); lag != "0" {
		r.t.Errorf("%s: the ruleset is %s events behind", state, lag)
	}
}

// A sync that fails once makes the log read-only for good: the write has an unknown outcome, later ones are refused, decisions and
// reads go on, and a restart finds every event that was acknowledged.
func TestAFailedSyncStopsWritesAndNothingElse(t *testing.T) {
	for name, kind := range map[string]errorfs.OpKind{"sync": errorfs.OpFileSync, "write": errorfs.OpFileWrite} {
		t.Run(name, func(t *testing.T) {
			under := vfs.NewCrashableMem()
			var failing atomic.Bool
			disk := errorfs.Wrap(under, errorfs.InjectorFunc(func(op errorfs.Op) error {
				same := op.Kind == kind || kind == errorfs.OpFileSync && (op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo)
				if failing.Load() && same && strings.HasSuffix(op.Path, ".log") {
					return errorfs.ErrInjected
				}
				return nil
			}))
			data := t.TempDir()
			r := serve(t, app.Config{Data: data, FS: disk}, "")
			r.shop()
			acknowledged := r.metric("assay_log_head_position")
			failing.Store(true)
			if status, text := r.call("POST", "/api/v1/projects/shop/flags", `{"key":"second","type":"boolean"}`); status != 503 || !strings.Contains(text, "outcome_unknown") {
				t.Errorf("the write that met the failure: %d %s", status, text)
			}
			failing.Store(false) // nobody knows what the disk holds: it is not tried again
			if status, text := r.call("POST", "/api/v1/projects/shop/flags", `{"key":"third","type":"boolean"}`); status != 503 || !strings.Contains(text, "log_unavailable") {
				t.Errorf("a write after the failure: %d %s", status, text)
			}
			r.serves("read-only")
			_ = r.stop() // it may report the failure again
			again := serve(t, app.Config{Data: data, FS: under.CrashClone(vfs.CrashCloneCfg{})}, r.admin)
			if head := again.metric("assay_log_head_position"); head != acknowledged {
				t.Errorf("after the restart the head is %s, want %s", head, acknowledged)
			}
			if !again.decides() {
				t.Error("after the restart the flag is another")
			}
			again.must("POST", "/api/v1/projects/shop/flags", `{"key":"third","type":"boolean"}`)
		})
	}
}

// A full disk refuses writes while there is still room to open the log, and takes them again once there is more.
func TestAFullDiskStopsWritesUntilThereIsRoom(t *testing.T) {
	disk := vfs.NewMem()
	disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 30, TotalBytes: 1 << 31})
	r := serve(t, app.Config{Data: t.TempDir(), FS: disk}, "")
	r.shop()
	disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 20, TotalBytes: 1 << 31})
	n := 0
	r.eventually(func() bool {
		n++
		status, text := r.call("POST", "/api/v1/projects/shop/flags", fmt.Sprintf(`{"key":"f%d","type":"boolean"}`, n))
		return status == 503 && strings.Contains(text, "log_unavailable")
	})
	r.serves("full")
	disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 30, TotalBytes: 1 << 31})
	r.eventually(func() bool {
		n++
		status, _ := r.call("POST", "/api/v1/projects/shop/flags", fmt.Sprintf(`{"key":"f%d","type":"boolean"}`, n))
		return status == 201
	})
	if _, text := r.call("GET", "/readyz", ""); !strings.Contains(text, `"status":"ok"`) {
		t.Errorf("health answers %s", text)
	}
}

// While a sync hangs, decisions and reads go on, and health and metrics say so.
func TestASlowDiskIsVisibleAndHoldsUpNoDecision(t *testing.T) {
	var holding atomic.Bool
	begun, release := make(chan struct{}, 1), make(chan struct{})
	disk := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
		if sync && strings.HasSuffix(op.Path, ".log") && holding.CompareAndSwap(true, false) {
			begun <- struct{}{}
			<-release
		}
		return nil
	}))
	r := serve(t, app.Config{Data: t.TempDir(), FS: disk}, "")
	r.shop()
	holding.Store(true)
	answered := make(chan int, 1)
	go func() {
		status, _ := r.call("POST", "/api/v1/projects/shop/flags", `{"key":"slow","type":"boolean"}`)
		answered <- status
	}()
	<-begun
	r.eventually(func() bool {
		_, text := r.call("GET", "/readyz", "")
		return strings.Contains(text, "writing to the log is slow")
	})
	if !r.decides() || r.metric("assay_log_syncing_seconds") == "0" {
		t.Error("the flag is not decided, or the metrics do not show the sync")
	}
	close(release)
	if status := <-answered; status != 201 {
		t.Errorf("the write answers %d once the disk does", status)
	}
	r.eventually(func() bool {
		_, text := r.call("GET", "/readyz", "")
		return strings.Contains(text, `"status":"ok"`)
	})
}

func TestTwoServersOnOneFolderAreOneTooMany(t *testing.T) {
	data := t.TempDir()
	serve(t, app.Config{Data: data}, "")
	err := app.Serve(t.Context(), app.Config{Data: data, Listen: "127.0.0.1:0", Log: zerolog.Nop()}, nil)
	if err == nil || !strings.Contains(err.Error(), filepath.Join(data, "log")) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v, want to hear which folder is in use", err)
	}
}

// command runs a command line.
func command(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = app.Main(t.Context(), args, app.Streams{Out: &o, Err: &e, Getenv: func(string) string { return "" }})
	return code, o.String(), e.String()
}

func ok(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := command(t, args...)
	if code != 0 {
		t.Fatalf("assay %v: %d %s%s", args, code, out, errs)
	}
	return out
}

// The life of a log in the hands of an operator: running, stopped, backed up, restored, exported, imported, migrated, served again.
func TestOperatorsKeepAndMoveALog(t *testing.T) {
	data, dir := t.TempDir(), t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	r := serve(t, app.Config{Data: data}, "")
	r.shop()
	online := ok(t, "log", "head", "--url", r.url, "--key", r.admin)
	if out := ok(t, "log", "verify", "--url", r.url, "--key", r.admin); !strings.Contains(out, "each as it was recorded") {
		t.Errorf("verified online: %s", out)
	}
	ok(t, "backup", "--url", r.url, "--key", r.admin, "-o", in("online.tar"))
	if out := ok(t, "backup", "verify", in("online.tar")); !strings.Contains(out, "[catalog ruleset facts feedback]") {
		t.Errorf("verified: %s", out)
	}
	if code, _, errs := command(t, "log", "head", "--data", data); code != 1 || !strings.Contains(errs, "in use") || !strings.Contains(errs, "--url") {
		t.Errorf("the folder of a running server: %d %s", code, errs)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	head := ok(t, "log", "head", "--data", data)
	if head != online {
		t.Errorf("the head is %s, online it was %s", head, online)
	}
	ok(t, "backup", "--data", data, "-o", in("offline.tar"))
	ok(t, "backup", "verify", in("offline.tar"))
	if code, _, errs := command(t, "backup", "--data", data, "-o", in("offline.tar")); code != 1 || !strings.Contains(errs, "never overwritten") {
		t.Errorf("backing up over a backup: %d %s", code, errs)
	}
	ok(t, "restore", in("online.tar"), "--data", in("restored"))
	if code, _, errs := command(t, "restore", in("online.tar"), "--data", in("restored")); code != 1 || !strings.Contains(errs, "holds a log already") {
		t.Errorf("restoring over a log: %d %s", code, errs)
	}
	ok(t, "log", "export", "--data", data, "-o", in("log.ndjson.gz"))
	ok(t, "log", "import", in("log.ndjson.gz"), "--data", in("imported"))
	ok(t, "migrate", "--from", in("imported"), "--to", in("migrated"))
	if out := ok(t, "migrate", "--from", in("imported"), "--to", in("migrated")); !strings.Contains(out, "added      0") {
		t.Errorf("migrating again: %s", out)
	}
	for _, folder := range []string{"restored", "imported", "migrated"} {
		if got := ok(t, "log", "head", "--data", in(folder)); got != head {
			t.Errorf("%s ends at %s, want %s", folder, got, head)
		}
		again := serve(t, app.Config{Data: in(folder), SecretFile: filepath.Join(data, "secret")}, r.admin)
		if !again.decides() {
			t.Errorf("%s: the flag is another", folder)
		}
		if err := again.stop(); err != nil {
			t.Error(err)
		}
	}
}

func TestTheWrongUseOfACommandIsExplained(t *testing.T) {
	for _, args := range [][]string{{"log"}, {"log", "sing"}, {"log", "export"}, {"log", "import"}, {"backup"}, {"restore"}, {"migrate", "--from", "x"}, {"backup", "verify"}} {
		if code, _, errs := command(t, args...); code != 2 || !strings.Contains(errs, "Usage") {
			t.Errorf("assay %v: %d %s", args, code, errs)
		}
	}
	for want, args := range map[string][]string{
		"there is no log in the data folder": {"log", "head", "--data", t.TempDir()},
		"name one log":                       {"log", "export", "--data", "a", "--log", "b", "-o", "-"},
		"cannot be read":                     {"restore", filepath.Join(t.TempDir(), "none")},
	} {
		if code, _, errs := command(t, args...); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("assay %v: %d %s, want %q", args, code, errs, want)
		}
	}
}

// The body of /api/v1/log is what assay log head makes an anchor of.
func TestAnAnchorOfAnotherLogIsNotMet(t *testing.T) {
	data := t.TempDir()
	r := serve(t, app.Config{Data: data}, "")
	r.shop()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	var head map[string]any
	if err := json.Unmarshal([]byte(ok(t, "log", "head", "--data", data)), &head); err != nil {
		t.Fatal(err)
	}
	anchor := func(change func(map[string]any)) string {
		change(head)
		name := filepath.Join(t.TempDir(), "anchor")
		write(t, name, head)
		return name
	}
	ok(t, "log", "verify", "--data", data, "--anchor", anchor(func(map[string]any) {}))
	code, out, _ := command(t, "log", "verify", "--data", data, "--anchor", anchor(func(h map[string]any) { h["chain"] = strings.Repeat("ab", 32) }))
	if code != 1 || !strings.Contains(out, "not those of the head kept elsewhere") {
		t.Errorf("another chain: %d %s", code, out)
	}
}

// write writes a value to a file as JSON.
func write(t *testing.T, name string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
