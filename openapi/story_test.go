package openapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// step is a call of the story, named for what it shows.
type step struct {
	name string
	call
}

// story calls every operation of the document at least once, in an order that makes sense to a reader of the golden file.
func story() []step {
	const shop = "/api/v1/projects/shop"
	get := func(name, path string) step { return step{name, call{method: "GET", path: path}} }
	post := func(name, path, body string) step { return step{name, call{method: "POST", path: path, body: body}} }
	patch := func(name, path, body string) step { return step{name, call{method: "PATCH", path: path, body: body}} }
	as := func(s step, key string) step { s.key = key; return s }
	with := func(s step, header, value string) step { s.header = map[string]string{header: value}; return s }
	return []step{
		as(get("it lives", "/livez"), "-"),
		as(get("it is ready", "/readyz"), "-"),
		get("its metrics are scraped", "/metrics"),
		get("the log says how it is and where it ends", "/api/v1/log"),
		get("the log is verified", "/api/v1/log/verification"),
		get("the log is backed up", "/api/v1/log/backup"),
		get("the read models are listed", "/api/v1/projections"),
		post("a read model is folded anew beside the one that serves", "/api/v1/projections/catalog/rebuild", ""),

		post("a project begins with production and staging", "/api/v1/projects", `{"key":"shop","name":"Web shop","reason":"The shop moves to assay."}`),
		get("projects are listed", "/api/v1/projects"),
		get("a project is read", shop),
		with(patch("a project is renamed on the revision that was seen", shop, `{"name":"Shop","description":"Everything that customers see."}`), "If-Match", `"r0"`),
		post("an environment is added", shop+"/environments", `{"key":"preview","name":"Preview"}`),
		get("environments are listed", shop+"/environments"),

		post("an admin key of the installation is issued", "/api/v1/keys", `{"name":"terraform"}`),
		get("keys of the installation are listed without secrets", "/api/v1/keys"),
		post("a server key is issued", shop+"/keys", `{"kind":"server","environment":"production","name":"backend"}`),
		get("keys of the project are listed without secrets", shop+"/keys"),

		post("a boolean flag needs no variants", shop+"/flags", `{"key":"banner","type":"boolean","reason":"Free shipping is announced."}`),
		post("a float flag keeps its numbers as they are written", shop+"/flags", `{"key":"rate","type":"float","variants":[{"key":"low","value":1.0},{"key":"high","value":2.5}]}`),
		get("flags are listed", shop+"/flags?limit=1"),
		get("flags are searched", shop+"/flags?q=RAT"),
		get("a flag is read", shop+"/flags/banner"),
		patch("a flag is described", shop+"/flags/banner", `{"description":"The bar on top of every page."}`),
		with(patch("a flag is switched on for a tenth of two countries", shop+"/flags/banner/environments/production",
			`{"on":true,"rules":[{"if":[{"attribute":"country","operator":"in","values":["DE","FR"]}],"serve":{"split":{"weights":[{"variant":"on","weight":10000},{"variant":"off","weight":90000}]}}}],"default":{"variant":"off"},"reason":"Try it on a tenth of Germany and France."}`), "Content-Type", "application/merge-patch+json"),
		get("what an environment serves is read", shop+"/flags/banner/environments/production"),
		post("a flag is archived", shop+"/flags/rate/archive", `{"reason":"Not used yet."}`),
		get("archived flags are not listed", shop+"/flags"),
		post("a flag is restored", shop+"/flags/rate/restore", ""),
		patch("the float flag is switched on", shop+"/flags/rate/environments/production", `{"on":true}`),

		post("a segment has rules", shop+"/segments", `{"key":"paying","name":"Who pays","rules":[{"if":[{"attribute":"plan","operator":"in","values":["pro","team"],"ignore_case":true}]}],"reason":"Many flags ask for it."}`),
		post("and lists of unit ids", shop+"/segments/paying/ids", `{"list":"included","add":["user-1","user-2"],"reason":"They pay by invoice."}`),
		get("a list is read", shop+"/segments/paying/ids?list=included&limit=1"),
		patch("a segment changes", shop+"/segments/paying", `{"description":"Whoever pays us.","rules":[{"if":[{"attribute":"plan","operator":"not_equals","values":["free"]},{"attribute":"plan","operator":"exists"}]}]}`),
		post("a holdout holds a twentieth back", shop+"/holdouts", `{"key":"year","name":"Nothing new this year","share":5000}`),
		patch("a holdout changes", shop+"/holdouts/year", `{"share":2500,"reason":"Half of them are enough."}`),
		patch("a flag asks for segments, for another flag and for a slice, and names units and a holdout", shop+"/flags/rate/environments/production",
			`{"overrides":[{"variant":"high","units":["user-7"]}],"holdouts":["year"],"held":"low","rules":[{"id":"paying","if":[{"segments":["paying"]},{"not":true,"any":[{"attribute":"app","operator":"version_in_range","values":["<2 || 3.x"]},{"attribute":"address","path":["country"],"operator":"starts_with","values":["U"]}]},{"flag":"banner","variants":["off"]},{"slice":{"ranges":[{"from":0,"to":99999}]}}],"serve":{"variant":"high"}}],"reason":"Paying customers first."}`),
		post("why somebody gets what", shop+"/flags/rate/environments/production/explain", `{"context":{"targetingKey":"user-1","plan":"pro","app":"2.1.0","address":{"country":"DE"}}}`),
		post("and why somebody else does not", shop+"/flags/banner/environments/production/explain", `{"context":{"targetingKey":"user-1","country":"AT"}}`),
		get("segments are listed", shop+"/segments"),
		get("a segment says who asks for it", shop+"/segments/paying"),
		post("a segment is archived", shop+"/segments/paying/archive", `{"reason":"No further flag shall ask for it."}`),
		post("a segment is restored", shop+"/segments/paying/restore", ""),
		get("holdouts are listed", shop+"/holdouts"),
		get("a holdout is read", shop+"/holdouts/year"),
		post("a holdout is archived", shop+"/holdouts/year/archive", `{"reason":"The year is over."}`),
		post("a holdout is restored", shop+"/holdouts/year/restore", ""),
		post("a layer divides units among experiments", shop+"/layers", `{"key":"top","name":"The top of the page"}`),
		patch("a layer is described", shop+"/layers/top", `{"description":"Whatever changes the top of the page."}`),
		post("a layer is archived", shop+"/layers/top/archive", ""),
		post("a layer is restored", shop+"/layers/top/restore", ""),
		get("layers are listed", shop+"/layers"),

		post("a metric is created", shop+"/metrics", `{"key":"conversion","kind":"binary","event":"purchase","direction":"increase"}`),
		post("another metric is created", shop+"/metrics", `{"key":"revenue","kind":"mean","event":"purchase","direction":"increase","unit":"EUR","window_seconds":604800}`),
		post("a ratio divides one event by another", shop+"/metrics", `{"key":"basket","kind":"ratio","event":"purchase","numerator":"sum","denominator_event":"visit","direction":"increase","margin":{"by":"relative","value":0.02}}`),
		post("a mean may be capped and adjusted by what happened before", shop+"/metrics", `{"key":"spend","kind":"mean","event":"purchase","direction":"increase","winsorize":{"upper":{"by":"percentile","at":99.9}},"covariate_days":14}`),
		get("metrics are listed", shop+"/metrics"),
		get("a metric is read", shop+"/metrics/revenue"),
		patch("a metric is described", shop+"/metrics/revenue", `{"description":"Sum of all purchases in a week."}`),
		post("a metric is archived", shop+"/metrics/revenue/archive", ""),
		post("a metric is restored", shop+"/metrics/revenue/restore", `{"reason":"Finance reports it."}`),

		post("how large must it be?", "/api/v1/design", `{"kind":"binary","baseline":0.1,"effect":{"by":"relative","value":0.05},"method":"group_sequential","units_per_day":8000}`),
		post("what do ten thousand units show?", "/api/v1/design", `{"kind":"mean","baseline":20,"sd":40,"units":10000}`),
		post("an experiment is drafted", shop+"/experiments", experimentBody),
		get("experiments are listed", shop+"/experiments?status=draft"),
		get("an experiment is read", shop+"/experiments/trial"),
		patch("the draft is changed", shop+"/experiments/trial", `{"guardrails":["revenue"],"secondary":[],"planned_end":"2026-12-24T00:00:00Z"}`),
		patch("how it is analysed is part of the plan; what is left out stays", shop+"/experiments/trial", `{"analysis":{"looks":7,"planned_units":10,"min_runtime_seconds":172800,"target":{"by":"relative","value":0.02}}}`),
		patch("it takes a half of a layer", shop+"/experiments/trial", `{"layer":"top","layer_share":50000}`),
		post("the experiment starts", shop+"/experiments/trial/start", `{"reason":"The plan is reviewed."}`),
		get("the layer says what the experiment has of it", shop+"/layers/top"),
		patch("the running experiment is amended", shop+"/experiments/trial", `{"planned_end":"2027-01-07T00:00:00Z","reason":"Christmas is no usual week."}`),

		get("the ruleset of the environment is read", "/api/v1/ruleset?project=shop&environment=production"),
		get("the same as flagd's definitions", "/api/v1/ruleset/flagd?project=shop&environment=production"),
		get("what flagd cannot express is told", "/api/v1/ruleset/flagd/problems?project=shop&environment=production"),
		post("all flags are evaluated", "/ofrep/v1/evaluate/flags?project=shop&environment=production", `{"context":{"targetingKey":"user-1","country":"AT"}}`),
		post("one flag is evaluated", "/ofrep/v1/evaluate/flags/rate?project=shop&environment=production", `{"context":{}}`),

		post("exposures are recorded, each judged by itself", "/api/v1/exposures?project=shop&environment=production", `{"items":[
			{"event_id":"e-1","type":"exposure","experiment_key":"trial","variant":"on","unit_id":"user-1","occurred_at":"2026-11-24T10:00:00Z"},
			{"event_id":"e-2","experiment_key":"trial","variant":"off","unit_id":"user-2","occurred_at":"2026-11-24T10:00:01Z"},
			{"event_id":"e-2","experiment_key":"trial","variant":"off","unit_id":"user-2","occurred_at":"2026-11-24T10:00:01Z"},
			{"event_id":"e-3","experiment_key":"trial","variant":"blue","unit_id":"user-3","occurred_at":"2026-11-24T10:00:02Z"}]}`),
		post("measurements are recorded", "/api/v1/measurements?project=shop&environment=production", `{"items":[
			{"event_id":"m-1","type":"measurement","event_name":"purchase","unit_id":"user-1","occurred_at":"2026-11-24T10:05:00Z","value":19.9}]}`),
		post("what people say is recorded, sealed under a key of theirs", "/api/v1/feedback?project=shop&environment=production", `{"items":[
			{"event_id":"f-1","subject":"user-1","text":"I did not find the basket.","score":3,"experiment_key":"trial","variant":"on","occurred_at":"2026-11-24T10:06:00Z"},
			{"event_id":"f-2","subject":"user-2","text":"Nice banner.","flag_key":"banner"},
			{"event_id":"f-3","subject":"user-2","text":""}]}`),
		post("a person is forgotten", shop+"/feedback/erase", `{"subject":"user-1","reason":"They asked for it."}`),
		get("what people said is read, as far as it may be", shop+"/feedback?limit=10"),
		get("the results are read", shop+"/experiments/trial/results?min_position=20"),
		get("the report is told as text", shop+"/experiments/trial/report?format=text&min_position=20"),

		post("somebody looks, and the look counts", shop+"/experiments/trial/readings?min_position=20", `{"reason":"The board meets today."}`),
		get("the looks are listed", shop+"/experiments/trial/readings"),
		post("the experiment stops", shop+"/experiments/trial/stop", `{"reason":"The planned end is reached."}`),
		post("the decision is recorded", shop+"/experiments/trial/decision", `{"outcome":"keep","why":"Nobody needs the banner to find the basket."}`),
		get("the history says who, why and when", shop+"/history?category=experiment&limit=3"),
		post("a bandit is drafted", shop+"/experiments", banditBody),
		post("the bandit starts", shop+"/experiments/tint/start", `{"reason":"The plan is reviewed."}`),
		post("its units are divided by other weights", shop+"/experiments/tint/weights", `{"arms":[{"variant":"on","weight":80000},{"variant":"off","weight":20000}],"reason":"The banner is very probably better."}`),

		{"an admin key of the installation is revoked", call{method: "DELETE", path: "/api/v1/keys/{1}"}},
		{"a server key is revoked", call{method: "DELETE", path: shop + "/keys/{2}"}},
		get("the document is read", "/openapi.json"),
		get("the document is read as it is written", "/openapi.yaml"),
	}
}

func TestStory(t *testing.T) {
	w := newWorld(t)
	var told bytes.Buffer
	ids := map[string]string{}
	for _, s := range story() {
		for placeholder, id := range ids {
			s.path = strings.ReplaceAll(s.path, placeholder, id)
		}
		w.catchUp()
		answer := w.do(s.call)
		if answer.Code >= 300 {
			t.Errorf("%s: %d %s", s.name, answer.Code, answer.Body)
		}
		if _, id, issued := strings.Cut(answer.Body.String(), `"key":"assay_`); issued {
			ids[fmt.Sprintf("{%d}", len(ids)+1)] = strings.Split(id, "_")[1]
		}
		tell(&told, s, answer)
	}
	d := document(t)
	for _, item := range d.Paths.Map() {
		for _, operation := range item.Operations() {
			if _, called := w.seen.Load(operation.OperationID); !called && !strings.HasPrefix(operation.OperationID, "follow") {
				t.Errorf("the story never calls %s", operation.OperationID)
			}
		}
	}
	golden(t, "testdata/story.http", told.Bytes())
}

var (
	secrets   = regexp.MustCompile(`assay_(\w+?)_(\w+?)_\w+`)
	instances = regexp.MustCompile(`"instance": "\w+"`)
	hashes    = regexp.MustCompile(`"hash": "\w+"`)
	chains    = regexp.MustCompile(`"chain": "[0-9a-f]{64}"`)
)

// tell writes a call and its answer down; secrets and what is not the API's own are left out.
func tell(out *bytes.Buffer, s step, answer *httptest.ResponseRecorder) {
	fmt.Fprintf(out, "### %s\n%s %s\n", s.name, s.method, s.path)
	if s.body != "" {
		fmt.Fprintln(out, indented([]byte(s.body)))
	}
	fmt.Fprintf(out, "\n%d", answer.Code)
	for _, name := range []string{"ETag", "Assay-Position", "Content-Type"} {
		if v := answer.Header().Get(name); v != "" {
			fmt.Fprintf(out, " %s: %s", name, v)
		}
	}
	body := indented(answer.Body.Bytes())
	switch {
	case strings.HasPrefix(s.path, "/openapi."):
		body = "(the document)"
	case strings.Contains(s.path, "/results"), strings.Contains(s.path, "/report"):
		body = "(as internal/analysis and openapi/report say)"
	}
	body = secrets.ReplaceAllString(body, "assay_${1}_${2}_…")
	body = chains.ReplaceAllString(body, `"chain": "…"`)
	body = instances.ReplaceAllString(body, `"instance": "…"`)
	body = hashes.ReplaceAllString(body, `"hash": "…"`)
	fmt.Fprintf(out, "\n%s\n\n", strings.TrimSpace(body))
}

func indented(text []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, text, "", "  ") != nil {
		return string(text)
	}
	return out.String()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		begin := max(0, at-200)
		t.Errorf("%s is another at byte %d; look at it and run go test -update\n--- got\n%s\n--- want\n%s", name, at,
			got[begin:min(len(got), at+200)], want[begin:min(len(want), at+200)])
	}
}
