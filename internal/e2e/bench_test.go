package e2e

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/assayhq/assay/internal/client"
)

var pair = experiment{
	project: "bench", key: "test", arms: []string{"a", "b"}, weights: []int{50_000, 50_000},
	metrics: []map[string]any{binary("conversion", "purchase"), mean("revenue", "purchase"), {"key": "visits", "kind": "count", "event": "visit", "direction": "increase"}},
}

func exposures(from, n int) []map[string]any {
	items := make([]map[string]any, n)
	for i := range items {
		items[i] = map[string]any{
			"event_id": fmt.Sprint("x-", from+i), "experiment_key": pair.key, "variant": pair.arms[(from+i)%2], "unit_id": fmt.Sprint("user-", from+i),
			"occurred_at": "2026-01-01T00:00:00Z", "attributes": map[string]any{"country": "DE"},
		}
	}
	return items
}

func ingest(b *testing.B, s *server, path string, items []map[string]any) string {
	b.Helper()
	var out struct {
		Accepted int    `json:"accepted"`
		Position string `json:"position"`
	}
	query := url.Values{"project": {"bench"}, "environment": {"production"}}
	_, err := s.Do(b.Context(), client.Request{Method: "POST", Path: path, Query: query, Body: map[string]any{"items": items}}, &out)
	if err != nil || out.Accepted != len(items) {
		b.Fatalf("%d of %d accepted: %v", out.Accepted, len(items), err)
	}
	return out.Position
}

// Ingestion over HTTP by one client, a thousand exposures a request, each durable and acknowledged; the client's work included.
func BenchmarkIngest(b *testing.B) {
	s := start(b, b.TempDir(), "")
	s.run(b, pair)
	n := 0
	for b.Loop() {
		ingest(b, s, "/api/v1/exposures", exposures(n*1_000, 1_000))
		n++
	}
	b.ReportMetric(1_000*float64(b.N)/b.Elapsed().Seconds(), "items/s")
}

// A report as HTML over 100,000 exposed units with 50,000 purchases and three metrics.
func BenchmarkReport(b *testing.B) {
	s := start(b, b.TempDir(), "")
	s.run(b, pair)
	position := ""
	for i := range 100 {
		ingest(b, s, "/api/v1/exposures", exposures(i*1_000, 1_000))
		if i%2 == 0 {
			bought := exposures(i*1_000, 1_000)
			for j, item := range bought {
				bought[j] = map[string]any{"event_id": fmt.Sprint("m-", item["event_id"]), "event_name": "purchase", "unit_id": item["unit_id"], "occurred_at": "2026-01-02T00:00:00Z", "value": 9.5}
			}
			position = ingest(b, s, "/api/v1/measurements", bought)
		}
	}
	request := client.Request{Path: "/api/v1/projects/bench/experiments/test/report", Query: url.Values{"format": {"html"}, "min_position": {position}}}
	if _, err := s.DoPatiently(b.Context(), request, nil, 20); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Do(b.Context(), request, nil); err != nil {
			b.Fatal(err)
		}
	}
}
