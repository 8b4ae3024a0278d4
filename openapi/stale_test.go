package openapi_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/assayhq/assay/eventlog"
)

// A newer version has written what this one cannot read: the flag goes on as it was, and everybody who asks is told so; others
// go on changing.
func TestAFlagThatCannotBeFollowedIsReportedStale(t *testing.T) {
	w := newShop(t)
	w.must(http.MethodPost, "/api/v1/projects/shop/flags", `{"key":"stuck","type":"boolean","reason":"r"}`)
	w.must(http.MethodPost, "/api/v1/projects/shop/flags", `{"key":"well","type":"boolean","reason":"r"}`)
	evaluated := func(key string) string {
		return w.do(call{method: http.MethodPost, path: strings.TrimSuffix(evaluate+"/"+key, "/"), body: `{"context":{"targetingKey":"u"}}`, key: w.server}).Body.String()
	}
	if got := evaluated("stuck"); strings.Contains(got, "stale") {
		t.Errorf("stale from the start: %s", got)
	}
	position, err := w.log.Append(t.Context(), "flag-shop.stuck", 0, eventlog.Event{ID: eventlog.NewID("newer", 0), Type: "FlagMadeQuantum.v2", Data: []byte(`{"spin":"up"}`)})
	if err != nil {
		t.Fatal(err)
	}
	w.catchUp()
	contains := func(where, body string, words ...string) {
		t.Helper()
		for _, word := range words {
			if !strings.Contains(body, word) {
				t.Errorf("%s does not tell %s: %s", where, word, body)
			}
		}
	}
	contains("the evaluation", evaluated("stuck"), `"value":false`, `"stale":true`)
	contains("the evaluation of all", evaluated(""), `"stale":true`)
	at := `"position":"` + strconv.FormatUint(uint64(position), 10) + `"`
	contains("the flag", w.must(http.MethodGet, "/api/v1/projects/shop/flags/stuck", "").Body.String(), `"stale":{`, at, "FlagMadeQuantum.v2")
	contains("the list", w.must(http.MethodGet, "/api/v1/projects/shop/flags", "").Body.String(), `"stale":{`)
	contains("the read models", w.must(http.MethodGet, "/api/v1/projections", "").Body.String(), `"status":"degraded"`, "flag-shop.stuck", at)
	contains("readiness", w.must(http.MethodGet, "/readyz", "").Body.String(), `"status":"degraded"`, "cannot be read by this version")
	contains("the ruleset", w.do(call{method: http.MethodGet, path: "/api/v1/ruleset", key: w.server}).Body.String(), `"stale":true`)

	// It cannot be changed either, because nobody here knows what the change would be decided on: that is no fault of the server's, and the answer
	// says what to do.
	for path, c := range map[string]call{
		"its switch": {method: http.MethodPatch, path: "/api/v1/projects/shop/flags/stuck/environments/production", body: `{"on":true,"reason":"r"}`},
		"its name":   {method: http.MethodPatch, path: "/api/v1/projects/shop/flags/stuck", body: `{"name":"Stuck","reason":"r"}`},
		"its end":    {method: http.MethodPost, path: "/api/v1/projects/shop/flags/stuck/archive", body: `{"reason":"r"}`},
		"a flag that asks for it": {
			method: http.MethodPatch, path: "/api/v1/projects/shop/flags/well/environments/production",
			body: `{"reason":"r","rules":[{"if":[{"flag":"stuck","variants":["on"]}],"serve":{"variant":"on"}}]}`,
		},
	} {
		p := problemIn(t, w.do(c))
		if p.Status != http.StatusConflict || p.Code != "unreadable_event" {
			t.Errorf("changing %s: %d %s %s", path, p.Status, p.Code, p.Detail)
		}
		contains("the refusal to change "+path, p.Detail, "flag-shop.stuck", "position "+strconv.FormatUint(uint64(position), 10), "FlagMadeQuantum.v2", "or a newer one, and try again")
	}

	w.must(http.MethodPatch, "/api/v1/projects/shop/flags/well/environments/production", `{"on":true,"reason":"r"}`)
	w.catchUp()
	if got := evaluated("well"); strings.Contains(got, "stale") || !strings.Contains(got, `"value":true`) {
		t.Errorf("another flag: %s", got)
	}
}

// The log fails between the two steps of a start: the flag serves the experiment's arms, and the start is not recorded. The answer says exactly that,
// and repeating the command completes it; so it is with a stop that the flag does not follow, and with a part of a layer.
func TestACommandThatIsRecordedInPartSaysSoAndIsCompletedByRepeatingIt(t *testing.T) {
	w := newShop(t)
	w.must("POST", "/api/v1/projects/shop/flags", `{"key":"page","type":"boolean"}`)
	w.must("POST", "/api/v1/projects/shop/layers", `{"key":"checkout"}`)
	w.must("POST", "/api/v1/projects/shop/experiments", `{"key":"second","hypothesis":"We believe that a page raises conversion.","flag":"page","environment":"production",
		"arms":[{"variant":"off","weight":50000},{"variant":"on","weight":50000}],"primary":"conversion","layer":"checkout","layer_share":1000}`)
	at := "/api/v1/projects/shop/experiments/second/"
	partly := func(category, action string, says ...string) {
		t.Helper()
		for _, cause := range []error{eventlog.ErrUnavailable, eventlog.ErrConflict} {
			w.log.failIn(category, cause)
			answer := w.do(call{method: "POST", path: at + action, body: `{"reason":"r"}`})
			p := problemIn(t, answer)
			if p.Status != http.StatusServiceUnavailable || p.Code != "partly_recorded" || answer.Header().Get("Retry-After") == "" || strings.Contains(p.Detail, "nothing was recorded") {
				t.Errorf("%s, %v: %d %s %s", action, cause, p.Status, p.Code, p.Detail)
			}
			for _, word := range append(says, `"second"`, "give the same command again") {
				if !strings.Contains(p.Detail, word) {
					t.Errorf("%s, %v: %q does not say %q", action, cause, p.Detail, word)
				}
			}
		}
		w.log.fail(nil)
	}
	status := func() string { return w.must("GET", at[:len(at)-1], "").Body.String() }
	partly("flag", "start", `the layer "checkout" keeps a part`)
	partly("experiment", "start", `the flag "page" serves the arms`, "its start is not recorded")
	w.catchUp()
	if text := status(); !strings.Contains(text, `"status":"draft"`) {
		t.Errorf("it is no draft: %s", text)
	}
	w.must("POST", at+"start", `{"reason":"r"}`)
	w.catchUp()
	if text := status(); !strings.Contains(text, `"status":"running"`) {
		t.Errorf("the repetition did not complete it: %s", text)
	}
	partly("flag", "stop", "its flag or layer does not follow yet")
	w.must("POST", at+"stop", `{"reason":"r"}`)
	w.catchUp()
	if text := w.must("GET", "/api/v1/projects/shop/flags/page", "").Body.String(); strings.Contains(text, "second") {
		t.Errorf("the flag still serves it: %s", text)
	}
}
