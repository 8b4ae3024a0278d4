package openapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/openapi"
)

const (
	shop   = "/api/v1/projects/shop"
	banner = shop + "/flags/banner"
	trial  = shop + "/experiments/trial"
)

// TestRefusals makes every mistake once. Each has its own code, and the sentence says what to do.
func TestRefusals(t *testing.T) {
	w := newShop(t)
	w.must("POST", shop+"/experiments", strings.Replace(experimentBody, `"key":"trial"`, `"key":"idea"`, 1))
	flagOf := func(weights string) string {
		return `{"rules":[{"if":[{"attribute":"a","operator":"exists"}],"serve":{"split":{"weights":[` + weights + `]}}}]}`
	}
	with := func(c call, header, value string) call { c.header = map[string]string{header: value}; return c }
	planOf := func(change, to string) string {
		return strings.Replace(strings.Replace(experimentBody, `"key":"trial"`, `"key":"another"`, 1), change, to, 1)
	}
	for _, c := range []struct {
		name string
		call
		status   int
		code     string
		sentence string // a part of it
	}{
		// Syntax
		{"malformed JSON", call{method: "POST", path: shop + "/flags", body: `{"key":"a",}`}, 400, "malformed_json", "at byte"},
		{"JSON that ends too early", call{method: "POST", path: shop + "/flags", body: `{"key":"a"`}, 400, "malformed_json", "ends too early"},
		{"something after the JSON", call{method: "POST", path: shop + "/flags", body: `{"key":"a","type":"boolean"} {}`}, 400, "malformed_json", "no single JSON value"},
		{"a body that is not UTF-8", call{method: "POST", path: shop + "/flags", body: "{\"key\":\"\xff\"}"}, 400, "malformed_json", "UTF-8"},
		{"a key twice", call{method: "POST", path: shop + "/flags", body: `{"key":"a","type":"boolean","key":"b"}`}, 400, "duplicate_json_key", `"key" is twice`},
		{"a key twice, once escaped", call{method: "POST", path: shop + "/flags", body: `{"key":"a","type":"boolean","\u006bey":"b"}`}, 400, "duplicate_json_key", `"key" is twice`},
		{"a key twice deep inside", call{method: "POST", path: shop + "/flags", body: `{"key":"a","type":"object","variants":[{"key":"x","value":{"b":[{"c":1,"c":2}]}}]}`}, 400, "duplicate_json_key", `"c" is twice`},
		{"too deep", call{method: "POST", path: shop + "/flags", body: strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65)}, 400, "too_deep", "64 levels"},
		{"no body", call{method: "POST", path: shop + "/flags", header: map[string]string{"Content-Type": "application/json"}}, 400, "body_missing", "needs a JSON body"},
		{"an unknown field", call{method: "POST", path: shop + "/flags", body: `{"key":"a","type":"boolean","colour":"red"}`}, 400, "unknown_field", "colour"},
		{"a field in capitals", call{method: "POST", path: shop + "/flags", body: `{"key":"a","type":"boolean","NAME":"red"}`}, 400, "unknown_field", "NAME"},
		{"an unknown field deep inside", call{method: "PATCH", path: banner + "/environments/production", body: `{"rules":[{"if":[],"serve":{"variant":"on","percent":3}}]}`}, 400, "unknown_field", "percent"},
		{"a field that only the server writes", call{method: "PATCH", path: banner, body: `{"archived":true}`}, 400, "unknown_field", "archived"},
		{"the wrong type", call{method: "POST", path: shop + "/flags", body: `{"key":7,"type":"boolean"}`}, 400, "wrong_type", "/key"},
		{"an array for an object", call{method: "POST", path: shop + "/flags", body: `[]`}, 400, "wrong_type", "type"},
		{"a missing field", call{method: "POST", path: shop + "/flags", body: `{"type":"boolean"}`}, 400, "missing_field", "key"},
		{"a value that is not one of those allowed", call{method: "POST", path: shop + "/flags", body: `{"key":"a","type":"colour"}`}, 400, "bad_value", "/type"},
		{"a time that is none", call{method: "POST", path: shop + "/experiments", body: planOf(`"primary"`, `"planned_end":"tomorrow","primary"`)}, 400, "bad_value", "/planned_end"},
		{"null where a text belongs", call{method: "PATCH", path: banner, body: `{"name":null}`}, 400, "wrong_type", "/name"},
		{"a fraction where a whole number belongs", call{method: "POST", path: shop + "/experiments", body: planOf(`"weight":50000`, `"weight":0.5`)}, 400, "", "/arms/0/weight"},
		{"a number beyond all weights", call{method: "POST", path: shop + "/experiments", body: planOf(`"weight":50000`, `"weight":1e300`)}, 400, "", "/arms/0/weight"},
		{"an action with something else than a reason", call{method: "POST", path: trial + "/stop", body: `{"why":"x"}`}, 400, "unknown_field", "why"},
		{"an action with no object", call{method: "POST", path: trial + "/stop", body: `null`}, 400, "wrong_type", "null"},
		{"a limit that is too high", call{method: "GET", path: shop + "/flags?limit=1000"}, 400, "bad_parameter", "limit"},
		{"a limit that is no number", call{method: "GET", path: shop + "/flags?limit=many"}, 400, "bad_parameter", "limit"},
		{"a cursor that nobody gave out", call{method: "GET", path: shop + "/flags?cursor=x"}, 422, "bad_cursor", "leave it out"},
		{"a position that is none", call{method: "GET", path: shop + "/flags?min_position=99999999999999999999"}, 400, "bad_parameter", "position"},
		{"a position to look at that is none", call{method: "GET", path: trial + "/results?as_of=0"}, 400, "bad_parameter", "as_of"},
		{"a body of another type", with(call{method: "POST", path: shop + "/flags", body: `key=a`}, "Content-Type", "application/x-www-form-urlencoded"), 415, "unsupported_media_type", "application/json"},
		{"a body without a type", with(call{method: "POST", path: shop + "/flags", body: `{"key":"a","type":"boolean"}`}, "Content-Type", "-"), 415, "unsupported_media_type", "application/json"},
		{"a configuration over 1 MiB", call{method: "POST", path: shop + "/flags", body: `{"key":"a","description":"` + strings.Repeat("x", 1<<20) + `"}`}, 413, "body_too_large", "1048576"},
		{"facts over 4 MiB", call{method: "POST", path: "/api/v1/exposures?project=shop&environment=production", body: `{"items":[` + strings.Repeat(" ", 4<<20) + `]}`}, 413, "body_too_large", "4194304"},
		{"more than 1,000 facts", call{method: "POST", path: "/api/v1/exposures?project=shop&environment=production", body: `{"items":[1` + strings.Repeat(",1", 1000) + `]}`}, 413, "too_many_items", "several batches"},
		{"no facts", call{method: "POST", path: "/api/v1/exposures?project=shop&environment=production", body: `{"items":[]}`}, 400, "empty_batch", "no items"},
		{"facts in another frame", call{method: "POST", path: "/api/v1/exposures?project=shop&environment=production", body: `{"events":[]}`}, 400, "unknown_field", "events"},
		{"facts in two frames", call{method: "POST", path: "/api/v1/exposures?project=shop&environment=production", body: `{"items":[1],"items":[2]}`}, 400, "duplicate_json_key", "items"},
		{"facts without a frame", call{method: "POST", path: "/api/v1/exposures?project=shop&environment=production", body: `[{}]`}, 400, "wrong_type", "items"},
		{"a frame that holds no array", call{method: "POST", path: "/api/v1/exposures?project=shop&environment=production", body: `{"items":{}}`}, 400, "wrong_type", "array"},
		{"facts that are no JSON", call{method: "POST", path: "/api/v1/exposures?project=shop&environment=production", body: `{"items":[{]}`}, 400, "malformed_json", "byte"},

		// Address and key
		{"an unknown route", call{method: "GET", path: "/api/v2/projects"}, 404, "no_such_route", "/openapi.json"},
		{"a method that the route does not take", call{method: "PUT", path: banner, body: `{}`}, 405, "method_not_allowed", "method"},
		{"no key", call{method: "GET", path: shop, key: "-"}, 401, "key_missing", "X-API-Key"},
		{"an unknown key", call{method: "GET", path: shop, key: "assay_admin_000000000000_00"}, 401, "key_unknown", "revoked"},
		{"a key with another secret", call{method: "GET", path: shop, key: w.admin[:len(w.admin)-1] + "x"}, 401, "key_unknown", "revoked"},
		{"a key of another kind than it says", call{method: "GET", path: shop, key: strings.Replace(w.server, "server", "admin", 1)}, 401, "key_unknown", "revoked"},
		{"a key that may not", call{method: "GET", path: shop + "/flags", key: w.server}, 403, "forbidden", "server key"},
		{"a client key that asks for rules", call{method: "GET", path: "/api/v1/ruleset", key: w.client}, 403, "forbidden", "client key"},
		{"a key of another environment", call{method: "GET", path: "/api/v1/ruleset?environment=staging", key: w.server}, 403, "forbidden", "production"},
		{"a key of another project", call{method: "GET", path: "/api/v1/ruleset?project=other", key: w.server}, 404, "not_found", "other"},
		{"an admin key without a place", call{method: "GET", path: "/api/v1/ruleset"}, 400, "place_missing", "?project="},
		{"an environment that does not exist", call{method: "GET", path: "/api/v1/ruleset?project=shop&environment=moon"}, 404, "not_found", "moon"},
		{"a project that does not exist", call{method: "GET", path: "/api/v1/projects/moon"}, 404, "not_found", "moon"},
		{"a flag that does not exist", call{method: "GET", path: shop + "/flags/moon"}, 404, "not_found", "moon"},
		{"a metric that does not exist", call{method: "GET", path: shop + "/metrics/moon"}, 404, "not_found", "moon"},
		{"an experiment that does not exist", call{method: "POST", path: shop + "/experiments/moon/start"}, 404, "not_found", "moon"},
		{"results of an experiment that does not exist", call{method: "GET", path: shop + "/experiments/moon/results"}, 404, "not_found", "moon"},
		{"an experiment before it was there", call{method: "GET", path: trial + "/results?as_of=2"}, 404, "not_found", "position 2"},
		{"a position that is still to come", call{method: "GET", path: trial + "/results?as_of=1000000"}, 503, "projection_behind", "1000000"},
		{"an environment of the project that does not exist", call{method: "PATCH", path: banner + "/environments/moon", body: `{"on":true}`}, 404, "not_found", "moon"},
		{"a key that does not exist", call{method: "DELETE", path: shop + "/keys/000000000000"}, 404, "not_found", "000000000000"},
		{"a key of the installation, looked for in a project", call{method: "DELETE", path: shop + "/keys/" + strings.Split(w.admin, "_")[2]}, 404, "not_found", "API key"},

		// Preconditions
		{"a change without If-Match", with(call{method: "PATCH", path: banner, body: `{"name":"x"}`}, "If-Match", "-"), 428, "if_match_missing", "If-Match"},
		{"an action without If-Match", with(call{method: "POST", path: trial + "/stop", body: `{"reason":"x"}`}, "If-Match", "-"), 428, "if_match_missing", "If-Match"},
		{"revoking without If-Match", with(call{method: "DELETE", path: shop + "/keys/" + strings.Split(w.server, "_")[2]}, "If-Match", "-"), 428, "if_match_missing", "If-Match"},
		{"a stale If-Match", with(call{method: "PATCH", path: banner, body: `{"name":"x"}`}, "If-Match", `"r0"`), 412, "stale_revision", "load it again"},
		{"a stale If-Match on an action", with(call{method: "POST", path: trial + "/stop", body: `{"reason":"x"}`}, "If-Match", `"r0"`), 412, "stale_revision", "load it again"},
		{"an If-Match that nobody gave out", with(call{method: "PATCH", path: banner, body: `{"name":"x"}`}, "If-Match", `"v1"`), 400, "bad_if_match", "ETag"},
		{"an If-Match from the future", with(call{method: "PATCH", path: banner, body: `{"name":"x"}`}, "If-Match", `"r99"`), 412, "stale_revision", "99"},

		// The law
		{"a project that exists", call{method: "POST", path: "/api/v1/projects", body: `{"key":"shop"}`}, 409, "already_exists", "shop"},
		{"a flag that exists", call{method: "POST", path: shop + "/flags", body: `{"key":"banner","type":"boolean"}`}, 409, "already_exists", "choose another key"},
		{"a key that is no key", call{method: "POST", path: shop + "/flags", body: `{"key":"Big Banner","type":"boolean"}`}, 422, "bad_key", "a-z"},
		{"a value of another type than the flag's", call{method: "POST", path: shop + "/flags", body: `{"key":"a","type":"integer","variants":[{"key":"x","value":1.5}]}`}, 422, "wrong_value_type", "whole number"},
		{"weights that do not sum", call{method: "PATCH", path: banner + "/environments/production", body: flagOf(`{"variant":"on","weight":1},{"variant":"off","weight":2}`)}, 422, "weights_do_not_sum", "100000"},
		{"a variant that does not exist", call{method: "PATCH", path: banner + "/environments/production", body: flagOf(`{"variant":"blue","weight":100000}`)}, 422, "unknown_variant", "blue"},
		{"a segment that does not exist", call{method: "GET", path: shop + "/segments/moon"}, 404, "not_found", "moon"},
		{"a layer that does not exist", call{method: "GET", path: shop + "/layers/moon"}, 404, "not_found", "moon"},
		{"a holdout that does not exist", call{method: "GET", path: shop + "/holdouts/moon"}, 404, "not_found", "moon"},
		{"a segment that a rule asks for", call{method: "PATCH", path: banner + "/environments/production", body: ruleOf(`{"segments":["moon"]}`)}, 422, "unknown_segment", "moon"},
		{"a flag that a rule asks for", call{method: "PATCH", path: banner + "/environments/production", body: ruleOf(`{"flag":"moon","variants":["on"]}`)}, 422, "unknown_flag", "moon"},
		{"a flag that asks for itself", call{method: "PATCH", path: banner + "/environments/production", body: ruleOf(`{"flag":"banner","variants":["on"]}`)}, 422, "circle", "banner → banner"},
		{"a holdout that a flag names", call{method: "PATCH", path: banner + "/environments/production", body: `{"holdouts":["moon"]}`}, 422, "unknown_holdout", "moon"},
		{"a regular expression that is none", call{method: "PATCH", path: banner + "/environments/production", body: ruleOf(`{"attribute":"a","operator":"matches","values":["("]}`)}, 422, "wrong_value", "RE2"},
		{"a version that is none", call{method: "PATCH", path: banner + "/environments/production", body: ruleOf(`{"attribute":"a","operator":"version_less","values":["one"]}`)}, 422, "wrong_value", "1.2.3"},
		{"a condition that is two", call{method: "PATCH", path: banner + "/environments/production", body: ruleOf(`{"attribute":"a","operator":"exists","flag":"x"}`)}, 422, "several_conditions", "several"},
		{"a list that is none", call{method: "POST", path: shop + "/segments/moon/ids", body: `{"list":"others","add":["a"]}`}, 400, "bad_value", "included"},
		{"ids of a segment that does not exist", call{method: "POST", path: shop + "/segments/moon/ids", body: `{"list":"included","add":["a"]}`}, 404, "not_found", "moon"},
		{"a share that is more than all", call{method: "POST", path: shop + "/holdouts", body: `{"key":"h","share":100001}`}, 422, "bad_share", "100000"},
		{"a layer that a plan names", call{method: "POST", path: shop + "/experiments", body: planOf(`"primary"`, `"layer":"moon","layer_share":1,"primary"`)}, 422, "unknown_layer", "moon"},
		{"a share of no layer", call{method: "POST", path: shop + "/experiments", body: planOf(`"primary"`, `"layer_share":1,"primary"`)}, 422, "bad_share", "names the layer"},
		{"a context that is none", call{method: "POST", path: banner + "/environments/production/explain", body: `{"context":{"targetingKey":7}}`}, 422, "bad_context", "targetingKey"},
		{"an explanation of a flag that does not exist", call{method: "POST", path: shop + "/flags/moon/environments/production/explain", body: `{}`}, 404, "not_found", "moon"},
		{"an explanation where nothing is", call{method: "POST", path: banner + "/environments/moon/explain", body: `{}`}, 404, "not_found", "moon"},
		{"a ratio without a denominator", call{method: "POST", path: shop + "/metrics", body: `{"key":"a","kind":"ratio","event":"e","direction":"increase"}`}, 422, "missing", "denominator"},
		{"a quantile of nothing", call{method: "POST", path: shop + "/metrics", body: `{"key":"a","kind":"quantile","event":"e","direction":"increase"}`}, 422, "quantile_out_of_range", "0.95"},
		{"a cap on a rate", call{method: "POST", path: shop + "/metrics", body: `{"key":"a","kind":"binary","event":"e","direction":"increase","winsorize":{"upper":{"by":"value","at":9}}}`}, 422, "cannot_winsorize", "binary"},
		{"a design without a question", call{method: "POST", path: "/api/v1/design", body: `{"kind":"binary","baseline":0.1}`}, 422, "no_such_design", "which effect"},
		{"a design for a rate above 1", call{method: "POST", path: "/api/v1/design", body: `{"kind":"binary","baseline":1.5,"effect":{"by":"absolute","value":0.01}}`}, 422, "no_such_design", "rate"},
		{"a design without a spread", call{method: "POST", path: "/api/v1/design", body: `{"kind":"mean","baseline":1,"effect":{"by":"absolute","value":0.01}}`}, 422, "no_such_design", "standard deviation"},
		{"a method that is none", call{method: "POST", path: shop + "/experiments", body: planOf(`"primary"`, `"analysis":{"method":"t-test"},"primary"`)}, 400, "bad_value", "/analysis/method"},
		{"an analysis that says what it does not know", call{method: "POST", path: shop + "/experiments", body: planOf(`"primary"`, `"analysis":{"colour":"red"},"primary"`)}, 400, "unknown_field", "colour"},
		{"looks without an end to divide them by", call{method: "POST", path: shop + "/experiments", body: planOf(`"primary"`, `"analysis":{"method":"group_sequential"},"primary"`)}, 422, "no_horizon", "planned end"},
		{"an alpha that is no probability", call{method: "POST", path: shop + "/experiments", body: planOf(`"primary"`, `"analysis":{"alpha":5},"primary"`)}, 422, "alpha_out_of_range", "0.05 is usual"},
		{"a margin of what is no guardrail", call{method: "POST", path: shop + "/experiments", body: planOf(`"primary"`, `"analysis":{"margins":[{"metric":"revenue","by":"relative","value":0.1}]},"primary"`)}, 422, "not_a_guardrail", "revenue"},
		{"a look when there is nothing to see", call{method: "POST", path: trial + "/readings"}, 409, "nothing_to_read", "send exposures"},
		{"a look at a draft", call{method: "POST", path: shop + "/experiments/idea/readings"}, 409, "not_running", "has not started"},
		{"another test after the start", call{method: "PATCH", path: trial, body: `{"analysis":{"alpha":0.2},"reason":"It should be easier."}`}, 409, "analysis_is_frozen", "stays as it is"},
		{"an experiment whose weights do not sum", call{method: "POST", path: shop + "/experiments", body: planOf(`"weight":50000`, `"weight":40000`)}, 422, "weights_do_not_sum", "100000"},
		{"an experiment with an unknown metric", call{method: "POST", path: shop + "/experiments", body: planOf(`"primary":"conversion"`, `"primary":"joy"`)}, 422, "unknown_metric", "joy"},
		{"an experiment with an unknown flag", call{method: "POST", path: shop + "/experiments", body: planOf(`"flag":"banner"`, `"flag":"moon"`)}, 422, "unknown_flag", "moon"},
		{"an experiment with an unknown variant", call{method: "POST", path: shop + "/experiments", body: planOf(`"variant":"on"`, `"variant":"blue"`)}, 422, "unknown_variant", "blue"},
		{"an experiment in an unknown environment", call{method: "POST", path: shop + "/experiments", body: planOf(`"environment":"production"`, `"environment":"moon"`)}, 422, "unknown_environment", "moon"},
		{"a server key of an unknown environment", call{method: "POST", path: shop + "/keys", body: `{"kind":"server","environment":"moon","name":"x"}`}, 422, "unknown_environment", "moon"},
		{"a server key of no environment", call{method: "POST", path: shop + "/keys", body: `{"kind":"server","name":"x"}`}, 422, "wrong_scope", "environment"},
		{"starting what runs", call{method: "POST", path: trial + "/start"}, 0, "", ""},
		{"amending without a reason", call{method: "PATCH", path: trial, body: `{"planned_end":"2027-01-01T00:00:00Z"}`}, 422, "", "reason"},
		{"archiving a flag under test", call{method: "POST", path: banner + "/archive"}, 409, "flag_busy", "stop it"},
		{"a decision without a why", call{method: "POST", path: trial + "/decision", body: `{"outcome":"keep","why":"so"}`}, 422, "", "20"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			answer := w.do(c.call)
			if c.status == 0 { // nothing to record, so no refusal either
				if answer.Code >= 300 {
					t.Fatalf("%d %s", answer.Code, answer.Body)
				}
				return
			}
			p := problemIn(t, answer)
			if p.Status != c.status || c.code != "" && p.Code != c.code || !strings.Contains(p.Detail+fmt.Sprint(p.Errors), c.sentence) {
				t.Errorf("%d %s: %s %v\nwant %d %s with %q", p.Status, p.Code, p.Detail, p.Errors, c.status, c.code, c.sentence)
			}
			checkManners(t, answer.Header(), p)
		})
	}
	w.t = t
}

// checkManners is what all refusals have in common.
func checkManners(t *testing.T, h http.Header, p problem) {
	t.Helper()
	if strings.HasSuffix(p.Detail, ".") || len(p.Detail) < 10 || len(p.Detail) > 400 {
		t.Errorf("that is no plain sentence: %q", p.Detail)
	}
	for _, leak := range []string{"goroutine", ".go:", "/work", "openapi3", "json:", " api.", "main.", "assay_"} {
		if strings.Contains(p.Detail, leak) {
			t.Errorf("the sentence gives away %q: %s", leak, p.Detail)
		}
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Request-Id") == "" {
		t.Error("a header that every answer has is missing")
	}
	if (p.Status == 401) != (h.Get("WWW-Authenticate") != "") {
		t.Errorf("WWW-Authenticate is %q at %d", h.Get("WWW-Authenticate"), p.Status)
	}
	if (p.Status == 503) != (h.Get("Retry-After") != "") {
		t.Errorf("Retry-After is %q at %d", h.Get("Retry-After"), p.Status)
	}
	if p.Status == 405 && h.Get("Allow") == "" {
		t.Error("405 does not say which methods are allowed")
	}
	if (p.Status == 412) != (p.Revision != "") {
		t.Errorf("the current revision is %q at %d", p.Revision, p.Status)
	}
}

func TestALogThatTakesNoWritesIsToldWithWhenToTryAgain(t *testing.T) {
	w := newShop(t)
	for _, c := range []struct {
		failure error
		status  int
		code    string
	}{
		{eventlog.ErrUnavailable, 503, "log_unavailable"},
		{eventlog.ErrUnknownOutcome, 503, "outcome_unknown"},
		{eventlog.ErrConflict, 409, "busy"},
		{eventlog.ErrTooLarge, 413, "too_large"},
		{errors.New("the disk /dev/sda1 is on fire"), 500, "internal"},
	} {
		w.log.fail(c.failure)
		for _, path := range []string{shop + "/flags", "/api/v1/measurements?project=shop&environment=production"} {
			body := `{"key":"another","type":"boolean"}`
			if strings.Contains(path, "measurements") {
				body = `{"items":[{"event_name":"purchase","unit_id":"u","occurred_at":"2026-11-24T10:00:00Z"}]}`
			}
			answer := w.do(call{method: "POST", path: path, body: body})
			p := problemIn(t, answer)
			if p.Status != c.status || p.Code != c.code || strings.Contains(p.Detail, "fire") {
				t.Errorf("%v: %d %s %s, want %d %s", c.failure, p.Status, p.Code, p.Detail, c.status, c.code)
			}
			if (p.Status == 503 || p.Code == "busy") != (answer.Header().Get("Retry-After") != "") {
				t.Errorf("%v: Retry-After is %q", c.failure, answer.Header().Get("Retry-After"))
			}
		}
	}
	w.log.fail(nil)
	if answer := w.do(call{method: "GET", path: banner}); answer.Code != 200 {
		t.Errorf("reading needs no log that takes writes: %d", answer.Code)
	}
}

func TestTheReadModelsAreWaitedForAndNotForEver(t *testing.T) {
	w := newShop(t, func(d *openapi.Dependencies) { d.LongestWait = 20 * time.Millisecond })
	w.catchUp()
	head, err := w.log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next := fmt.Sprint(head + 1)
	if p := problemIn(t, w.do(call{method: "GET", path: banner + "?min_position=" + next})); p.Code != "projection_behind" || p.Status != 503 {
		t.Errorf("%d %s, want 503 projection_behind", p.Status, p.Code)
	}
	w.must("POST", shop+"/flags", `{"key":"late","type":"boolean"}`)
	w.must("GET", shop+"/flags/late?min_position="+next, "")

	w.freeze()
	if answer := w.do(call{method: "POST", path: shop + "/flags", body: `{"key":"unseen","type":"boolean"}`}); answer.Code != 201 {
		t.Errorf("a write does not depend on the read models: %d %s", answer.Code, answer.Body)
	}
	for _, c := range []call{
		{method: "GET", path: shop + "/flags/unseen"},
		{method: "PATCH", path: shop + "/flags/late", body: `{"name":"x"}`, header: map[string]string{"If-Match": `"r7"`}},
		{method: "POST", path: "/api/v1/exposures?project=shop&environment=production", body: `{"items":[{"experiment_key":"unseen","variant":"on","unit_id":"u","occurred_at":"2026-11-24T10:00:00Z"}]}`},
	} {
		if p := problemIn(t, w.do(c)); p.Code != "projection_behind" || p.Status != 503 {
			t.Errorf("%s %s: %d %s, want 503 projection_behind, because nobody knows", c.method, c.path, p.Status, p.Code)
		}
	}
	if answer := w.do(call{method: "GET", path: banner}); answer.Code != 200 {
		t.Errorf("what is known is still read: %d", answer.Code)
	}
	if answer := w.do(call{method: "POST", path: "/ofrep/v1/evaluate/flags/banner", key: w.client, body: `{}`}); answer.Code == 503 {
		t.Error("evaluating needs no read model at the head")
	}
}

func TestAPanicIsOneRequestsProblem(t *testing.T) {
	var logged lockedBuffer
	w := newShop(t, func(d *openapi.Dependencies) {
		d.Log = d.Log.Output(&logged)
		head := d.Head
		d.Head = func(ctx context.Context) (eventlog.Position, error) {
			if ctx.Value(http.ServerContextKey) != nil {
				panic("a fault at /secret/path with " + "assay_admin_1_2")
			}
			return head(ctx)
		}
	})
	r := call{method: "GET", path: shop + "/flags/moon", key: w.admin}.request()
	r = r.WithContext(context.WithValue(r.Context(), http.ServerContextKey, &http.Server{}))
	answer := serve(w, r)
	if p := problemIn(t, answer); p.Status != 500 || p.Code != "internal" || strings.Contains(answer.Body.String(), "secret") {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if answer := w.do(call{method: "GET", path: banner}); answer.Code != 200 {
		t.Errorf("the next request gets %d", answer.Code)
	}
}

// ruleOf is the targeting with one rule that has one condition.
func ruleOf(condition string) string {
	return `{"rules":[{"if":[` + condition + `],"serve":{"variant":"on"}}]}`
}
