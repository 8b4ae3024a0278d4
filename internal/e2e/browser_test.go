package e2e

import (
	"os/exec"
	"strings"
	"testing"
)

// A product manager opens the report's address in a browser, logs in with a key as password, and reads it.
func TestTheReportOpensInABrowser(t *testing.T) {
	chromium := tool(t, "chromium")
	s := start(t, t.TempDir(), "")
	s.run(t, experiment{
		project: "shop", key: "free-shipping", arms: []string{"without", "with"}, weights: []int{50_000, 50_000},
		metrics: []map[string]any{binary("conversion", "purchase"), mean("revenue", "purchase")},
	})
	var items []map[string]any
	for i := range 400 {
		unit := "u" + string(rune('a'+i%26)) + string(rune('a'+i/26))
		items = append(items, map[string]any{"event_id": unit, "experiment_key": "free-shipping", "variant": []string{"without", "with"}[i%2], "unit_id": unit, "occurred_at": "2026-01-01T00:00:00Z"})
	}
	query := "?project=shop&environment=production"
	s.do(t, "POST", "/api/v1/exposures"+query, map[string]any{"items": items}, nil)
	var bought []map[string]any
	for i := 0; i < 400; i += 2 + i%3 {
		bought = append(bought, map[string]any{"event_id": "m-" + items[i]["unit_id"].(string), "event_name": "purchase", "unit_id": items[i]["unit_id"], "occurred_at": "2026-01-02T00:00:00Z", "value": 10 + i})
	}
	var out struct {
		Position string `json:"position"`
	}
	s.do(t, "POST", "/api/v1/measurements"+query, map[string]any{"items": bought}, &out)
	page := strings.Replace(s.URL, "://", "://pm:"+s.AdminKey+"@", 1) + "/api/v1/projects/shop/experiments/free-shipping/report?min_position=" + out.Position
	browser := exec.CommandContext(t.Context(), chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--virtual-time-budget=2000", "--dump-dom", page)
	dom, err := browser.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, must := range []string{"<h1>free-shipping</h1>", `aria-label="Verdict"`, "<svg", "without (control)", "The units are divided as planned", "Log position " + out.Position} {
		if !strings.Contains(string(dom), must) {
			t.Errorf("the page lacks %q", must)
		}
	}
	if t.Failed() {
		t.Logf("%s", dom)
	}
}
