package app_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/assayhq/assay/internal/app"
)

// heard is what a server logs.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) has(words ...string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, word := range words {
		if !strings.Contains(h.text.String(), word) {
			return false
		}
	}
	return true
}

// The real server finds the facts of an older version: it folds its own from the log and removes the older ones, with the ids of units that are in them.
// Then it finds its own with a flipped bit: it says which file, folds the log again, and knows every id as before.
func TestOlderAndDamagedFactsAreMadeAgainFromTheLog(t *testing.T) {
	data, _, admin := measured(t, `,"unit_ids":"raw"`)
	folder := filepath.Join(data, "facts")
	versions, err := filepath.Glob(filepath.Join(folder, "v*"))
	if err != nil || len(versions) != 1 {
		t.Fatal(versions, err)
	}
	older := filepath.Join(folder, "v1")
	if err := os.Rename(versions[0], older); err != nil {
		t.Fatal(err)
	}
	again := func(r *rig) {
		t.Helper()
		r.eventually(func() bool { return r.metric(`assay_projection_lag_events{name="facts"}`) == "0" })
		body := r.must("POST", "/api/v1/measurements?project=shop&environment=production", `{"items":[{"event_id":"2","event_name":"buy","unit_type":"user","unit_id":"`+marker+`","occurred_at":"2026-11-20T10:01:00Z"}]}`)
		if !strings.Contains(body, `"duplicates":1`) {
			t.Errorf("an item that was sent before is not known: %s", body)
		}
		r.eventually(func() bool { return !strings.Contains(r.must("GET", "/readyz", ""), "degraded") })
	}
	r := serve(t, app.Config{Data: data}, admin)
	r.eventually(func() bool { _, err := os.Stat(older); return os.IsNotExist(err) })
	again(r)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}

	damaged := filepath.Join(versions[0], "000001.ids")
	text, err := os.ReadFile(damaged)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-20] ^= 1
	if err := os.WriteFile(damaged, text, 0o600); err != nil {
		t.Fatal(err)
	}
	said := &heard{}
	r = serveLogged(t, app.Config{Data: data, Log: zerolog.New(said)}, r.admin)
	again(r)
	if !said.has("000001.ids", "made again from the log", `"level":"warn"`) {
		t.Errorf("the operator is not told: %s", said.text.String())
	}
}
