package app_test

import (
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/assayhq/assay/eventlog/esdb/esdbtest"
	"github.com/assayhq/assay/internal/app"
	"github.com/assayhq/assay/internal/archive"
)

// head reads what assay log head prints.
func head(t *testing.T, args ...string) (h archive.Head) {
	t.Helper()
	if err := json.Unmarshal([]byte(ok(t, append([]string{"log", "head"}, args...)...)), &h); err != nil {
		t.Fatal(err)
	}
	return h
}

// knowsTheEnd checks what a server on an event store tells of its log: the head, where the chain is found, and the chain once a
// verification has computed it.
func (r *rig) knowsTheEnd(t *testing.T, where string) {
	t.Helper()
	at := head(t, "--log", where)
	position := strconv.FormatUint(uint64(at.Position), 10)
	before := r.must("GET", "/api/v1/log", "")
	if !strings.Contains(before, `"position":"`+position+`"`) || !strings.Contains(before, "assay log verify --log") || strings.Contains(before, `"chain"`) {
		t.Errorf("the log ends at %s, but is told to be %s", position, before)
	}
	if got := r.metric("assay_log_head_position"); got == "0" || got == "none" {
		t.Errorf("the metrics say that the log ends at %s", got)
	}
	if code, _, told := command(t, "log", "head", "--url", r.url, "--key", r.admin); code != 1 || !strings.Contains(told, position) || !strings.Contains(told, "--log esdb") {
		t.Errorf("the head by way of the server: %d %s", code, told)
	}
	r.must("GET", "/api/v1/log/verification", "")
	var told struct {
		Verified struct {
			Position, Chain string
			Faults          int
		}
	}
	if err := json.Unmarshal([]byte(r.must("GET", "/api/v1/log", "")), &told); err != nil {
		t.Fatal(err)
	}
	if v := told.Verified; v.Position != position || v.Chain != at.Chain.String() || v.Faults != 0 {
		t.Errorf("the last verification saw %+v, the log ends at %+v", v, at)
	}
	if out := ok(t, "log", "verify", "--url", r.url, "--key", r.admin); !strings.Contains(out, at.Chain.String()) {
		t.Errorf("verified by way of the server: %s", out)
	}
}

// From the embedded log to an EventStoreDB server that loses answers and connections on the way, served there, and back again: the
// same events in the same order, so the same chain.
func TestALogMovesToAnEventStoreAndBack(t *testing.T) {
	data, back := t.TempDir(), filepath.Join(t.TempDir(), "back")
	r := serve(t, app.Config{Data: data}, "")
	r.shop()
	for range 20 {
		r.must("POST", "/api/v1/measurements?project=shop&environment=production",
			`{"items":[{"event_id":"`+t.Name()+r.metric("assay_log_head_position")+`","type":"measurement","event_name":"purchase","unit_id":"ann","occurred_at":"2026-11-24T10:00:00Z"}]}`)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	want := head(t, "--data", data)
	cluster := esdbtest.Start(t, esdbtest.Options{})
	where := cluster.ConnectionString()

	var appends atomic.Int64
	cluster.OnAppend(func(string) esdbtest.Fault {
		switch appends.Add(1) {
		case 2:
			return esdbtest.LoseAnswer
		case 4:
			return esdbtest.CutAfter
		case 6:
			return esdbtest.CutBefore
		}
		return esdbtest.None
	})
	out := ok(t, "migrate", "--from", data, "--to", where)
	if !strings.Contains(out, "read back and compared") || appends.Load() < 7 {
		t.Errorf("after %d appends: %s", appends.Load(), out)
	}
	if out := ok(t, "migrate", "--from", data, "--to", where); !strings.Contains(out, "added      0") {
		t.Errorf("again: %s", out)
	}
	there := head(t, "--log", where)
	if there.Events != want.Events || there.Chain != want.Chain {
		t.Errorf("the event store ends at %+v, the embedded log at %+v", there, want)
	}
	anchor := filepath.Join(t.TempDir(), "anchor")
	write(t, anchor, want)
	ok(t, "log", "verify", "--log", where, "--anchor", anchor)

	moved := serve(t, app.Config{Data: t.TempDir(), Store: where, SecretFile: filepath.Join(data, "secret")}, r.admin)
	if !moved.decides() {
		t.Error("the flag is another on the event store")
	}
	if status, text := moved.call("GET", "/api/v1/log/backup", ""); status != 409 || !strings.Contains(text, "assay log export") {
		t.Errorf("a backup of an event store: %d %s", status, text)
	}
	moved.knowsTheEnd(t, where)
	if up := moved.metric("assay_eventstore_up"); up != "1" {
		t.Errorf("the metrics say that the event store is up: %s", up)
	}
	if text := moved.must("GET", "/api/v1/log/verification", ""); !strings.Contains(text, want.Chain.String()) {
		t.Errorf("verified by the server: %s", text)
	}
	if err := moved.stop(); err != nil {
		t.Fatal(err)
	}
	ok(t, "migrate", "--from", where, "--to", back)
	if got := head(t, "--data", back); got != want {
		t.Errorf("the way back ends at %+v, want %+v", got, want)
	}
	again := serve(t, app.Config{Data: back, SecretFile: filepath.Join(data, "secret")}, r.admin)
	if !again.decides() {
		t.Error("the flag is another after the way back")
	}
}
