package openapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sort"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/assayhq/assay/openapi"
	"github.com/assayhq/assay/openapi/auth"
)

// scopeOf is the oracle of the matrix: what an operation is about, said once more and apart from the table it is compared
// with.
func scopeOf(id string) string {
	switch id {
	case "getLive", "getReady":
		return "open"
	case "getDocument", "getDocumentSource":
		return "any key"
	case "getTelemetry", "getLog", "verifyLog", "backUpLog", "createProject", "listInstallationKeys", "createInstallationKey", "revokeInstallationKey", "listProjections", "rebuildProjection":
		return "installation"
	case "listProjects", "designExperiment":
		return "admins"
	case "getRuleset", "followRuleset", "getFlagdFlags", "getFlagdProblems":
		return "rules"
	case "recordExposures", "recordMeasurements", "recordFeedback", "evaluateAll", "evaluateFlag", "followEvaluations":
		return "place"
	default:
		return "project"
	}
}

// verdicts says, for a caller, what an operation of each scope answers: 0 for whatever an allowed call gets.
var verdicts = map[string]map[string]int{
	"nobody":                     {"any key": 401, "installation": 401, "admins": 401, "project": 401, "rules": 401, "place": 401},
	"revoked admin":              {"any key": 401, "installation": 401, "admins": 401, "project": 401, "rules": 401, "place": 401},
	"admin":                      {},
	"admin of the project":       {"installation": 403},
	"admin of another project":   {"installation": 403, "project": 404, "rules": 404, "place": 404},
	"server":                     {"installation": 403, "admins": 403, "project": 403},
	"client":                     {"installation": 403, "admins": 403, "project": 403, "rules": 403},
	"server of another project":  {"installation": 403, "admins": 403, "project": 404, "rules": 404, "place": 404},
	"client of another project":  {"installation": 403, "admins": 403, "project": 404, "rules": 403, "place": 404},
	"server of another place":    {"installation": 403, "admins": 403, "project": 403, "rules": 403, "place": 403},
	"somebody with a wrong word": {"any key": 401, "installation": 401, "admins": 401, "project": 401, "rules": 401, "place": 401},
}

func TestEveryOperationIsForThoseWhoMay(t *testing.T) {
	w := newShop(t)
	w.must("POST", "/api/v1/projects", `{"key":"other"}`)
	keys := map[string]string{
		"nobody": "-", "admin": w.admin, "server": w.server, "client": w.client, "somebody with a wrong word": "assay_admin_x",
		"admin of the project":      w.newKey("shop", `{"kind":"admin","name":"x"}`),
		"admin of another project":  w.newKey("other", `{"kind":"admin","name":"x"}`),
		"server of another project": w.newKey("other", `{"kind":"server","environment":"production","name":"x"}`),
		"client of another project": w.newKey("other", `{"kind":"client","environment":"production","name":"x"}`),
		"server of another place":   w.newKey("shop", `{"kind":"server","environment":"staging","name":"x"}`),
		"revoked admin":             w.newKey("shop", `{"kind":"admin","name":"x"}`),
	}
	w.must("DELETE", shop+"/keys/"+strings.Split(keys["revoked admin"], "_")[2], "")
	before, err := w.log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range document(t).Paths.Map() {
		for method, operation := range item.Operations() {
			for who, key := range keys {
				want := verdicts[who][scopeOf(operation.OperationID)]
				answer := knock(w, method, path, key)
				got := answer.Code
				refused := got == 401 || got == 403 || got == 404 && strings.Contains(answer.Body.String(), `project \"shop\"`)
				if want != 0 && got != want || want == 0 && refused {
					t.Errorf("%s of %s (%s) gets %d, want %d: %s", who, operation.OperationID, scopeOf(operation.OperationID), got, want, answer.Body)
				}
			}
		}
	}
	if after, err := w.log.Head(t.Context()); err != nil || after != before {
		t.Errorf("knocking has written to the log: %d, before %d (%v)", after, before, err)
	}
}

// knock calls an operation on things that exist, in a way that changes nothing.
func knock(w *world, method, path, key string) *httptest.ResponseRecorder {
	path = strings.NewReplacer("{project}", "shop", "{flag}", "banner", "{environment}", "production", "{metric}", "conversion",
		"{experiment}", "trial", "{key}", strings.Split(w.server, "_")[2]).Replace(path)
	c := call{method: method, path: path + "?project=shop&environment=production", key: key, header: map[string]string{"If-Match": "-"}}
	if method != http.MethodGet && method != http.MethodDelete {
		c.body = `{}`
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // streams end at once
	r := c.request()
	if strings.HasSuffix(path, "/changes") || strings.HasSuffix(path, "/events") {
		r = r.WithContext(ctx)
	}
	return serve(w, r)
}

func TestTheTableOfPermissionsIsComplete(t *testing.T) {
	var documented, ruled []string
	for _, item := range document(t).Paths.Map() {
		for _, operation := range item.Operations() {
			if operation.Security == nil || len(*operation.Security) > 0 {
				documented = append(documented, operation.OperationID)
			}
		}
	}
	for id := range auth.Rules {
		ruled = append(ruled, id)
	}
	sort.Strings(documented)
	sort.Strings(ruled)
	if a, b := fmt.Sprint(documented), fmt.Sprint(ruled); a != b {
		t.Errorf("operations that need a key and those with a rule differ:\n%s\n%s", a, b)
	}
}

func TestAKeyComesInThreeWays(t *testing.T) {
	w := newShop(t)
	report := trial + "/report"
	basic := func(r *http.Request) *http.Request { r.SetBasicAuth("anybody", w.admin); return r }
	bare := func(path, accept string) *http.Request {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept", accept)
		return r
	}
	apiKey := bare(shop, "")
	apiKey.Header.Set("X-API-Key", w.admin)
	lower := bare(shop, "")
	lower.Header.Set("Authorization", "bearer "+w.admin)
	for name, c := range map[string]struct {
		request   *http.Request
		status    int
		challenge string
	}{
		"in X-API-Key":                             {apiKey, 200, ""},
		"as bearer, whatever the case":             {lower, 200, ""},
		"as a password, for the report":            {basic(bare(report, "text/html")), 200, ""},
		"as a password, for nothing else":          {basic(bare(shop, "text/html")), 401, "Bearer"},
		"a browser is asked for a password":        {bare(report, "text/html,*/*"), 401, "Basic"},
		"a program is not":                         {bare(report, "application/json"), 401, "Bearer"},
		"a browser is not where it would not help": {bare(shop, "text/html"), 401, "Bearer"},
	} {
		answer := serve(w, c.request)
		if answer.Code != c.status || !strings.HasPrefix(answer.Header().Get("WWW-Authenticate"), c.challenge) {
			t.Errorf("%s: %d %q, want %d %q", name, answer.Code, answer.Header().Get("WWW-Authenticate"), c.status, c.challenge)
		}
	}
	page := serve(w, basic(bare(report, "text/html")))
	if policy := page.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script") {
		t.Errorf("the report may run scripts: %q", policy)
	}
}

func TestTheReportComesAsItIsAskedFor(t *testing.T) {
	w := newShop(t)
	for _, c := range []struct{ accept, query, want string }{
		{"", "", "text/html"},
		{"*/*", "", "text/html"},
		{"text/html,application/json", "", "text/html"},
		{"text/plain", "", "text/plain"},
		{"application/json", "", "application/json"},
		{"text/html", "?format=json", "application/json"},
		{"text/html", "?format=text", "text/plain"},
		{"text/plain", "?format=html", "text/html"},
	} {
		answer := w.do(call{method: "GET", path: trial + "/report" + c.query, header: map[string]string{"Accept": c.accept}})
		if got := answer.Header().Get("Content-Type"); answer.Code != 200 || !strings.HasPrefix(got, c.want) {
			t.Errorf("Accept %q %s: %d %s, want %s", c.accept, c.query, answer.Code, got, c.want)
		}
	}
	if p := problemIn(t, w.do(call{method: "GET", path: trial + "/report?format=pdf"})); p.Code != "bad_parameter" {
		t.Errorf("a format that is not known: %s", p.Code)
	}
}

func TestListsShowOnlyWhatTheKeySees(t *testing.T) {
	w := newShop(t)
	w.must("POST", "/api/v1/projects", `{"key":"other"}`)
	var list struct{ Items []struct{ Key string } }
	decode(t, w.do(call{method: "GET", path: "/api/v1/projects", key: w.newKey("other", `{"kind":"admin","name":"x"}`)}), &list)
	if len(list.Items) != 1 || list.Items[0].Key != "other" {
		t.Errorf("an admin of the project other sees %v", list.Items)
	}
	var keys struct {
		Items []struct{ ID, Project string }
	}
	decode(t, w.do(call{method: "GET", path: shop + "/keys"}), &keys)
	if len(keys.Items) != 2 || keys.Items[0].Project != "shop" {
		t.Errorf("the project's keys are %v, want the two of the shop", keys.Items)
	}
}

func TestNoSecretReachesTheLog(t *testing.T) {
	var logged lockedBuffer
	w := newShop(t, func(d *openapi.Dependencies) { d.Log = zerolog.New(&logged).Level(zerolog.DebugLevel) })
	for path, item := range document(t).Paths.Map() {
		for method := range item.Operations() {
			for _, key := range []string{w.admin, w.server, w.client} {
				knock(w, method, path, key)
				knock(w, method, path, key[:len(key)-1]+"0")
				serve(w, call{method: method, path: "/api/v1/" + key, key: key}.request())
			}
		}
	}
	if !strings.Contains(logged.text(), `"message":"request"`) {
		t.Fatal("nothing was logged, so nothing was tested")
	}
	for _, key := range []string{w.admin, w.server, w.client} {
		if secret := strings.Split(key, "_")[3]; strings.Contains(logged.text(), secret[:16]) {
			t.Error("a secret is in the log")
		}
	}
}
