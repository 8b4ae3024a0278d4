package app_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/app"
)

func TestARetentionIsReadOrExplained(t *testing.T) {
	got, err := app.ParseRetention(" shop/production=90, shop/*=100,*=400 ")
	if err != nil || fmt.Sprint(got) != "map[*:400 shop/*:100 shop/production:90]" {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := app.ParseRetention(""); err != nil || len(got) != 0 {
		t.Errorf("nothing: %v, %v", got, err)
	}
	for _, bad := range []string{"90", "shop=", "shop/=90", "*/production=90", "=90", "shop/production=29", "shop/production=x"} {
		if got, err := app.ParseRetention(bad); err == nil {
			t.Errorf("%q is taken for %v", bad, got)
		}
	}
}

// Measurements that no experiment needs go; those of an experiment stay, its report is the same bytes, and the chain is whole.
func TestRetentionRemovesWhatNoReportNeeds(t *testing.T) {
	var at atomic.Int64
	begin := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	at.Store(begin.UnixNano())
	now := func() time.Time { return time.Unix(0, at.Load()).UTC() }
	data := t.TempDir()
	c := app.Config{Data: data, Now: now}
	r := serve(t, c, "")
	r.shop()
	r.must("POST", "/api/v1/projects/shop/environments", `{"key":"staging"}`)
	r.must("POST", "/api/v1/projects/shop/metrics", `{"key":"conversion","kind":"binary","event":"purchase","direction":"increase","window_seconds":604800}`)
	r.must("POST", "/api/v1/projects/shop/flags", `{"key":"tested","type":"boolean"}`)
	r.must("PATCH", "/api/v1/projects/shop/flags/tested/environments/production", `{"on":true,"default":{"variant":"off"}}`)
	r.must("POST", "/api/v1/projects/shop/experiments", `{"key":"trial","hypothesis":"We believe it helps.","flag":"tested","environment":"production","arms":[{"variant":"off","weight":50000},{"variant":"on","weight":50000}],"primary":"conversion"}`)
	r.must("POST", "/api/v1/projects/shop/experiments/trial/start", `{"reason":"It begins."}`)
	facts := func(environment, kind, items string) {
		if text := r.must("POST", "/api/v1/"+kind+"?project=shop&environment="+environment, `{"items":[`+items+`]}`); !strings.Contains(text, `"rejected":0`) {
			t.Fatal(text)
		}
	}
	purchase := func(id string) string {
		return fmt.Sprintf(`{"event_id":%q,"type":"measurement","event_name":"purchase","unit_id":"ann","occurred_at":%q,"value":1}`, id, now().Format(time.RFC3339))
	}
	facts("production", "exposures", fmt.Sprintf(`{"event_id":"e","type":"exposure","experiment_key":"trial","variant":"on","unit_id":"ann","occurred_at":%q}`, now().Format(time.RFC3339)))
	at.Add(int64(24 * time.Hour))
	facts("production", "measurements", purchase("p1")) // in the experiment's time
	facts("staging", "measurements", purchase("s1"))    // nobody's
	at.Add(int64(24 * time.Hour))
	r.must("POST", "/api/v1/projects/shop/experiments/trial/stop", `{"reason":"It ends."}`)
	at.Add(int64(20 * 24 * time.Hour))
	facts("production", "measurements", purchase("p2")) // after the last window
	at.Add(int64(20 * 24 * time.Hour))
	facts("staging", "measurements", purchase("s2")) // still young
	head := r.must("GET", "/api/v1/log", "")
	asOf := r.metric("assay_log_head_position")
	before := r.must("GET", "/api/v1/projects/shop/experiments/trial/results?as_of="+asOf+"&min_position="+asOf, "")
	if !strings.Contains(before, `"units":1`) {
		t.Fatalf("the report knows nobody: %s", before)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	at.Add(int64(25 * 24 * time.Hour)) // p1 and s1 are 65 days old, p2 45, s2 25
	c.Retention = app.Retention{"shop/production": 40, "shop/*": 30, "*": 400}
	r = serve(t, c, r.admin)
	r.eventually(func() bool {
		return strings.Contains(r.must("GET", "/api/v1/log/verification", ""), `"trimmed":"2"`) && strings.Contains(r.must("GET", "/api/v1/projections", ""), `"done":1`)
	})
	if text := r.must("GET", "/api/v1/log/verification", ""); !strings.Contains(text, `"faults":[]`) {
		t.Errorf("verification says %s", text)
	}
	if got := r.must("GET", "/api/v1/log", ""); !strings.Contains(head, chainOf(got)) {
		t.Errorf("the chain is another: %s, was %s", got, head)
	}
	after := r.must("GET", "/api/v1/projects/shop/experiments/trial/results?as_of="+asOf+"&min_position="+asOf, "")
	if after != before {
		t.Errorf("the report changed:\n%s\nwas\n%s", after, before)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	out := ok(t, "log", "export", "--data", data, "-o", "-")
	if n := strings.Count(out, `"trimmed":`); n != 2 {
		t.Errorf("%d events are trimmed, want s1 and p2", n)
	}
	c.Retention = nil
	ok(t, "backup", "--data", data, "-o", data+"/b.tar")
	ok(t, "backup", "verify", data+"/b.tar")
}

func chainOf(log string) string {
	_, rest, _ := strings.Cut(log, `"chain":"`)
	chain, _, _ := strings.Cut(rest, `"`)
	return chain
}
