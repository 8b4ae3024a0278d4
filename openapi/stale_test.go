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

	w.must(http.MethodPatch, "/api/v1/projects/shop/flags/well/environments/production", `{"on":true,"reason":"r"}`)
	w.catchUp()
	if got := evaluated("well"); strings.Contains(got, "stale") || !strings.Contains(got, `"value":true`) {
		t.Errorf("another flag: %s", got)
	}
}
