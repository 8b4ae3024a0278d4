package app_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assayhq/assay/eventlog/esdb/esdbtest"
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
	h := newHistory()
	h.config = app.Config{Data: t.TempDir(), Now: h.now}
	r := h.live(t)
	head := r.must("GET", "/api/v1/log", "")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = h.age(t, h.config, r.admin)
	if got := r.must("GET", "/api/v1/log", ""); !strings.Contains(head, chainOf(got)) {
		t.Errorf("the chain is another: %s, was %s", got, head)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	data := h.config.Data
	out := ok(t, "log", "export", "--data", data, "-o", "-")
	if n := strings.Count(out, `"trimmed":`); n != 2 {
		t.Errorf("%d events are trimmed, want s1 and p2", n)
	}
	ok(t, "backup", "--data", data, "-o", data+"/b.tar")
	ok(t, "backup", "verify", data+"/b.tar")
}

// The same on an event store, for every node: the one that trims, another whose facts hold what is gone, a new one; before the server is
// scavenged and after. What is exported, verified with an anchor of before, and moved to an embedded log is the same log.
func TestRetentionIsTheSameOnAnEventStore(t *testing.T) {
	h := newHistory()
	cluster := esdbtest.Start(t, esdbtest.Options{Now: h.now})
	h.config = app.Config{Data: t.TempDir(), Now: h.now, Store: cluster.ConnectionString(), Secret: strings.Repeat("5e", 32)}
	other := h.config
	other.Data = t.TempDir()
	r := h.live(t)
	second := serve(t, other, r.admin)
	if got := second.report(h.asOf); got != h.report {
		t.Errorf("the second node reports %s, the first %s", got, h.report)
	}
	anchor := filepath.Join(t.TempDir(), "anchor")
	write(t, anchor, head(t, "--log", h.config.Store))
	for _, node := range []*rig{r, second} {
		if err := node.stop(); err != nil {
			t.Fatal(err)
		}
	}
	r = h.age(t, h.config, r.admin)
	second = h.retaining(t, other, r.admin) // nothing is left to trim, but its facts know it still
	second.eventually(func() bool {         // so the next start folds nothing
		files, err := filepath.Glob(filepath.Join(other.Data, "facts-*.trimmed"))
		return err == nil && len(files) == 1
	})
	if err := second.stop(); err != nil {
		t.Fatal(err)
	}
	if n := cluster.Scavenge(); n != 2 {
		t.Errorf("the scavenge removed %d events, want s1 and p2", n)
	}
	out := ok(t, "log", "verify", "--log", h.config.Store, "--anchor", anchor)
	if !strings.Contains(out, "trimmed    2") {
		t.Errorf("verified: %s", out)
	}
	fresh := other
	fresh.Data = t.TempDir()
	third := serve(t, fresh, r.admin)
	again := serve(t, other, r.admin)
	if got, its := third.report(h.asOf), again.report(h.asOf); got != h.report || its != h.report {
		t.Errorf("after the scavenge a new node reports %s and the second %s, want %s", got, its, h.report)
	}
	back := filepath.Join(t.TempDir(), "back")
	ok(t, "migrate", "--from", h.config.Store, "--to", back)
	if there, here := head(t, "--log", h.config.Store), head(t, "--data", back); there.Chain != here.Chain || there.Events != here.Events {
		t.Errorf("moved to an embedded log it ends at %+v, was %+v", here, there)
	}
	if out := ok(t, "log", "verify", "--data", back, "--anchor", anchor); !strings.Contains(out, "trimmed    2") {
		t.Errorf("verified after the move: %s", out)
	}
}

// lived is an installation whose experiment is over, and its report.
type lived struct {
	config       app.Config
	at           atomic.Int64
	asOf, report string
}

func newHistory() *lived {
	h := &lived{}
	h.at.Store(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC).UnixNano())
	return h
}

func (h *lived) now() time.Time { return time.Unix(0, h.at.Load()).UTC() }

func (h *lived) days(n int) { h.at.Add(int64(n) * int64(24*time.Hour)) }

// live lets an experiment run in production, with measurements in its time and out of it, there and in staging.
func (h *lived) live(t *testing.T) *rig {
	t.Helper()
	r := serve(t, h.config, "")
	r.shop()
	r.must("POST", "/api/v1/projects/shop/environments", `{"key":"staging"}`)
	r.must("POST", "/api/v1/projects/shop/metrics", `{"key":"conversion","kind":"binary","event":"purchase","direction":"increase","window_seconds":604800}`)
	r.must("POST", "/api/v1/projects/shop/metrics", `{"key":"visits","kind":"count","event":"visit","direction":"increase"}`)
	r.must("POST", "/api/v1/projects/shop/flags", `{"key":"tested","type":"boolean"}`)
	r.must("PATCH", "/api/v1/projects/shop/flags/tested/environments/production", `{"on":true,"default":{"variant":"off"}}`)
	r.must("POST", "/api/v1/projects/shop/experiments", `{"key":"trial","hypothesis":"We believe it helps.","flag":"tested","environment":"production","arms":[{"variant":"off","weight":50000},{"variant":"on","weight":50000}],"primary":"conversion","analysis":{"covariates":[{"metric":"conversion","days":14,"of":["visits"]}]}}`)
	facts := func(environment, kind, items string) {
		t.Helper()
		if text := r.must("POST", "/api/v1/"+kind+"?project=shop&environment="+environment, `{"items":[`+items+`]}`); !strings.Contains(text, `"rejected":0`) {
			t.Fatal(text)
		}
	}
	purchase := func(id string) string {
		return fmt.Sprintf(`{"event_id":%q,"type":"measurement","event_name":"purchase","unit_id":"ann","occurred_at":%q,"value":1}`, id, h.now().Format(time.RFC3339))
	}
	facts("production", "measurements", strings.Replace(purchase("p0"), "purchase", "visit", 1)) // a covariate of the plan
	h.days(5)
	r.must("POST", "/api/v1/projects/shop/experiments/trial/start", `{"reason":"It begins."}`)
	facts("production", "exposures", fmt.Sprintf(`{"event_id":"e","type":"exposure","experiment_key":"trial","variant":"on","unit_id":"ann","occurred_at":%q}`, h.now().Format(time.RFC3339)))
	h.days(1)
	facts("production", "measurements", purchase("p1")) // in the experiment's time
	facts("staging", "measurements", purchase("s1"))    // nobody's
	h.days(1)
	r.must("POST", "/api/v1/projects/shop/experiments/trial/stop", `{"reason":"It ends."}`)
	h.days(20)
	facts("production", "measurements", purchase("p2")) // after the last window
	h.days(20)
	facts("staging", "measurements", purchase("s2")) // still young
	r.must("GET", "/api/v1/log", "")
	h.asOf = r.metric("assay_log_head_position")
	h.report = r.report(h.asOf)
	if !strings.Contains(h.report, `"units":1`) {
		t.Fatalf("the report knows nobody: %s", h.report)
	}
	h.days(25) // p1 and s1 are 65 days old, p2 45, s2 25
	return r
}

func (r *rig) report(asOf string) string {
	r.t.Helper()
	var text string
	r.eventually(func() bool {
		var status int
		status, text = r.call("GET", "/api/v1/projects/shop/experiments/trial/results?as_of="+asOf+"&min_position="+asOf, "")
		return status == 200
	})
	return text
}

// age starts a node that removes what is old, and looks whether the right events are removed and the report stayed.
func (h *lived) age(t *testing.T, c app.Config, admin string) *rig {
	t.Helper()
	r := h.retaining(t, c, admin)
	if text := r.must("GET", "/api/v1/log/verification", ""); !strings.Contains(text, `"faults":[]`) || !strings.Contains(text, `"trimmed":"2"`) {
		t.Errorf("verification says %s", text)
	}
	return r
}

// retaining starts a node that keeps as little as it may, and waits until its facts were folded anew because of it.
func (h *lived) retaining(t *testing.T, c app.Config, admin string) *rig {
	t.Helper()
	c.Retention = app.Retention{"shop/production": 40, "shop/*": 30, "*": 400}
	r := serve(t, c, admin)
	r.eventually(func() bool { return strings.Contains(r.must("GET", "/api/v1/projections", ""), `"done":1`) })
	if after := r.report(h.asOf); after != h.report {
		t.Errorf("the report changed:\n%s\nwas\n%s", after, h.report)
	}
	return r
}

func chainOf(log string) string {
	_, rest, _ := strings.Cut(log, `"chain":"`)
	chain, _, _ := strings.Cut(rest, `"`)
	return chain
}
