package app_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/pebblelog"
	"github.com/assayhq/assay/internal/app"
)

// marker is a unit id that is found wherever it was written down.
const marker = "marker-unit-7c1f0b"

// inBatches reports whether the marker is in a batch of the log, which are packed in its files.
func inBatches(t *testing.T, data string) bool {
	t.Helper()
	log, err := pebblelog.Open(filepath.Join(data, "log"), pebblelog.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	batches, marked := 0, false
	for r, err := range log.All(t.Context(), 0, eventlog.Filter{Categories: []string{measurement.Category}}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.IsCheckpoint() {
			break
		}
		b, err := measurement.Decode(r.Type, r.Data)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		batches++
		marked = marked || bytes.Contains(text, []byte(marker))
	}
	if batches != 2 {
		t.Errorf("there are %d batches, not 2", batches)
	}
	return marked
}

// found lists the files below dir with the marker in them.
func found(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(marker)) {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// measured sends the marker as the unit of an exposure and of a measurement, stops the server, and exports the log as text.
func measured(t *testing.T, unitIDs string) (data, export, admin string) {
	t.Helper()
	data = t.TempDir()
	r := serve(t, app.Config{Data: data}, "")
	const shop = "/api/v1/projects/shop"
	for _, c := range [][3]string{
		{"POST", "/api/v1/projects", `{"key":"shop"` + unitIDs + `}`},
		{"POST", shop + "/flags", `{"key":"banner","type":"boolean"}`},
		{"POST", shop + "/metrics", `{"key":"conversion","kind":"binary","event":"buy","direction":"increase"}`},
		{"POST", shop + "/experiments", `{"key":"trial","hypothesis":"More buy.","flag":"banner","environment":"production","unit":"user","total":2,
			"arms":[{"variant":"off","weight":1},{"variant":"on","weight":1}],"primary":"conversion"}`},
		{"POST", "/api/v1/exposures?project=shop&environment=production", `{"items":[{"event_id":"1","experiment_key":"trial","variant":"on","unit_type":"user","unit_id":"` + marker + `","occurred_at":"2026-11-20T10:00:00Z"}]}`},
		{"POST", "/api/v1/measurements?project=shop&environment=production", `{"items":[{"event_id":"2","event_name":"buy","unit_type":"user","unit_id":"` + marker + `","occurred_at":"2026-11-20T10:01:00Z"}]}`},
		// The same again is known as a duplicate, so what it is compared with is what was kept.
		{"POST", "/api/v1/measurements?project=shop&environment=production", `{"items":[{"event_id":"2","event_name":"buy","unit_type":"user","unit_id":"` + marker + `","occurred_at":"2026-11-20T10:01:00Z"}]}`},
	} {
		// Only what the facts hold is known as a duplicate on arrival; what comes before that is recorded, and left out when it is applied.
		r.eventually(func() bool { return r.metric(`assay_projection_lag_events{name="facts"}`) == "0" })
		if status, body := r.call(c[0], c[1], c[2]); status >= 300 || strings.Contains(body, `"rejected":1`) {
			t.Fatalf("%s %s: %d %s", c[0], c[1], status, body)
		}
	}
	if err := r.stop(); err != nil { // which seals the facts
		t.Fatal(err)
	}
	export = t.TempDir()
	ok(t, "log", "export", "--data", data, "-o", filepath.Join(export, "log.ndjson"))
	return data, export, r.admin
}

func TestNoFileLeadsBackToAUnit(t *testing.T) {
	data, export, _ := measured(t, "")
	if files := append(found(t, data), found(t, export)...); len(files) > 0 || inBatches(t, data) {
		t.Errorf("the unit's id is in the log or in %v", files)
	}
}

// The search would find it: a project that wants raw ids has them.
func TestAProjectMayWantRawUnitIDs(t *testing.T) {
	data, _, _ := measured(t, `,"unit_ids":"raw"`)
	if files := found(t, filepath.Join(data, "facts")); len(files) == 0 || !inBatches(t, data) {
		t.Errorf("the unit's id is in no batch, or not in the facts: %v", files)
	}
}

func TestTheSecretIsMadeOnceAndHeldAgainstTheLog(t *testing.T) {
	data := t.TempDir()
	start := func(c app.Config) error {
		c.Data, c.Listen, c.Log = data, "127.0.0.1:0", zerolog.Nop()
		return app.Serve(t.Context(), c, nil)
	}
	if err := serve(t, app.Config{Data: data}, "").stop(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(data, "secret")
	made, err := os.ReadFile(file)
	if err != nil || len(strings.TrimSpace(string(made))) != 64 {
		t.Fatalf("the secret is %q, %v", made, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v %v", info.Mode(), err)
	}
	if err := serve(t, app.Config{Data: data}, "").stop(); err != nil {
		t.Errorf("the same one again: %v", err)
	}
	if err := serve(t, app.Config{Data: data, Secret: strings.TrimSpace(string(made))}, "").stop(); err != nil {
		t.Errorf("the same one from elsewhere: %v", err)
	}
	other := strings.Repeat("ab", 32)
	if err := start(app.Config{Secret: other}); err == nil || !strings.Contains(err.Error(), "not the right one") || !strings.Contains(err.Error(), "ASSAY_SECRET") {
		t.Errorf("another one: %v", err)
	}
	if err := start(app.Config{Secret: "short"}); err == nil || !strings.Contains(err.Error(), "64 hexadecimal digits") {
		t.Errorf("no secret at all: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := start(app.Config{}); err == nil || !strings.Contains(err.Error(), "there is no "+file) || !strings.Contains(err.Error(), "--new-secret") {
		t.Errorf("a lost one: %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a secret was made that the log does not know")
	}
	if err := serve(t, app.Config{Data: data, NewSecret: true}, "").stop(); err != nil {
		t.Errorf("a new one on request: %v", err)
	}
	if err := serve(t, app.Config{Data: data}, "").stop(); err != nil {
		t.Errorf("the new one again: %v", err)
	}
	if err := start(app.Config{Secret: strings.TrimSpace(string(made))}); err == nil {
		t.Error("the one that was given up is taken")
	}
}
