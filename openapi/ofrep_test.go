package openapi_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/assayhq/assay/openapi"
)

const evaluate = "/ofrep/v1/evaluate/flags"

// newTypes is a shop with a flag of every type in service, and one that is off.
func newTypes(t testing.TB, change ...func(*openapi.Dependencies)) *world {
	w := newShop(t, change...)
	for _, f := range []struct{ key, kind, variants string }{
		{"yes", "boolean", `{"key":"on","value":false},{"key":"off","value":true}`},
		{"word", "string", `{"key":"a","value":""},{"key":"b","value":"x"}`},
		{"whole", "integer", `{"key":"a","value":0},{"key":"b","value":7}`},
		{"broken", "float", `{"key":"a","value":4.0},{"key":"b","value":0.5}`},
		{"thing", "object", `{"key":"a","value":{}},{"key":"b","value":{"x":[1,2.0]}}`},
	} {
		w.must("POST", shop+"/flags", `{"key":"`+f.key+`","type":"`+f.kind+`","variants":[`+f.variants+`]}`)
		w.must("PATCH", shop+"/flags/"+f.key+"/environments/production", `{"on":true}`)
	}
	w.must("POST", shop+"/flags", `{"key":"dark","type":"boolean"}`)
	return w
}

func (w *world) evaluate(path, body string, header ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	c := call{method: "POST", path: evaluate + path, key: w.client, body: body, header: map[string]string{"If-Match": "-"}}
	for i := 0; i+1 < len(header); i += 2 {
		c.header[header[i]] = header[i+1]
	}
	return w.do(c)
}

// evaluation keeps the texts of values, because 4.0 and 4 are two types to some clients.
type evaluation struct {
	Key, Reason, Variant    *string
	Value                   json.RawMessage
	Metadata                map[string]any
	ErrorCode, ErrorDetails *string
}

func TestEveryTypeKeepsItsText(t *testing.T) {
	w := newTypes(t)
	for key, want := range map[string]string{"yes": "false", "word": `""`, "whole": "0", "broken": "4.0", "thing": "{}"} {
		answer := w.evaluate("/"+key, `{"context":{"targetingKey":"u"}}`)
		var e evaluation
		decode(t, answer, &e)
		if answer.Code != 200 || string(e.Value) != want {
			t.Errorf("%s is %d %s, want %s", key, answer.Code, e.Value, want)
		}
		if e.Key == nil || *e.Key != key || e.Reason == nil || *e.Reason == "" || e.Variant == nil || *e.Variant == "" || e.Metadata == nil {
			t.Errorf("%s lacks something that a client of some language needs: %s", key, answer.Body)
		}
		if got := answer.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("Content-Type is %q", got)
		}
	}
}

func TestMetadataOfAFlagComeWithItsEvaluations(t *testing.T) {
	w := newTypes(t)
	w.must("POST", shop+"/flags", `{"key":"told","type":"boolean","metadata":{"owner":"checkout","risk":0.5,"whole":1.0,"tickets":3,"temporary":true}}`)
	const told = `"owner":"checkout","risk":0.5,"temporary":true,"tickets":3,"whole":1.0`
	if got := w.must("GET", shop+"/flags/told", ""); !strings.Contains(got.Body.String(), `"metadata":{`+told) {
		t.Errorf("the flag is %s", got.Body)
	}
	for _, path := range []string{"/told", ""} {
		got := w.evaluate(path, `{"context":{"targetingKey":"u"}}`).Body.String()
		if !strings.Contains(got, `"metadata":{"flagSetId":"shop/production","version":"`) || !strings.Contains(got, `",`+told+`,"disabled":true}`) {
			t.Errorf("%q answers %s", path, got)
		}
	}
	w.must("PATCH", shop+"/flags/told", `{"metadata":{"version":"7 of mine"}}`)
	if got := w.evaluate("/told", "{}").Body.String(); !strings.Contains(got, `"metadata":{"flagSetId":"shop/production","version":"7 of mine","disabled":true}`) {
		t.Errorf("a flag with a version of its own answers %s", got)
	}
	var set struct {
		Flags map[string]struct{ Metadata map[string]any }
	}
	decode(t, w.do(call{method: "GET", path: "/api/v1/ruleset/flagd", key: w.server}), &set)
	if got := set.Flags["told"].Metadata["version"]; got != "7 of mine" {
		t.Errorf("flagd is told the version %v", got)
	}
	w.must("PATCH", shop+"/flags/told", `{"name":"Told"}`)
	if got := w.evaluate("/told", "{}").Body.String(); !strings.Contains(got, "7 of mine") {
		t.Errorf("a change of the name took the metadata away: %s", got)
	}
	w.must("PATCH", shop+"/flags/told", `{"metadata":{}}`)
	if got := w.evaluate("/told", "{}").Body.String(); strings.Contains(got, "7 of mine") {
		t.Errorf("metadata that were taken away are told: %s", got)
	}
	refused := w.do(call{method: "PATCH", path: shop + "/flags/told", body: `{"metadata":{"a":[1]}}`})
	if refused.Code != 422 && refused.Code != 400 || !strings.Contains(refused.Body.String(), "/metadata/a") {
		t.Errorf("%d %s", refused.Code, refused.Body)
	}
}

func TestAFlagThatIsOffServesItsOffVariant(t *testing.T) {
	w := newTypes(t)
	var e evaluation
	answer := w.evaluate("/dark", `{}`)
	decode(t, answer, &e)
	if answer.Code != 200 || e.Reason == nil || *e.Reason != "STATIC" || e.Metadata["disabled"] != true || string(e.Value) != "false" {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

func TestEveryShapeOfContextThatClientsSendIsTaken(t *testing.T) {
	w := newTypes(t)
	for _, body := range []string{``, `{}`, `{"context":{}}`, `{"context":null}`, `{"context":{"targetingKey":null}}`, `{"context":{"since":"2026-01-01T00:00:00Z","nested":{"a":[1]}}}`} {
		for _, path := range []string{"", "/word"} {
			if answer := w.evaluate(path, body, "Content-Type", "application/json; charset=utf-8"); answer.Code != 200 {
				t.Errorf("%q to %q: %d %s", body, path, answer.Code, answer.Body)
			}
		}
	}
	// Only a flag that is split needs to know whom it decides about.
	answer := w.evaluate("/banner", `{"context":{}}`)
	var e evaluation
	decode(t, answer, &e)
	if answer.Code != 400 || e.ErrorCode == nil || *e.ErrorCode != "TARGETING_KEY_MISSING" {
		t.Errorf("a split without a targeting key: %d %s", answer.Code, answer.Body)
	}
}

func TestFailuresAreWhatTheStrictestClientCanRead(t *testing.T) {
	w := newTypes(t)
	for _, c := range []struct {
		name, path, body, key string
		status                int
		code                  string
	}{
		{"a flag that does not exist", "/moon", `{}`, w.client, 404, "FLAG_NOT_FOUND"},
		{"malformed JSON", "/word", `{"context":`, w.client, 400, "PARSE_ERROR"},
		{"no object", "/word", `[1]`, w.client, 400, "PARSE_ERROR"},
		{"a context that is no object", "/word", `{"context":7}`, w.client, 400, "INVALID_CONTEXT"},
		{"a targeting key that is no text", "/word", `{"context":{"targetingKey":7}}`, w.client, 400, "INVALID_CONTEXT"},
		{"no key", "/word", `{}`, "-", 401, "GENERAL"},
		{"an admin key without a place", "/word", `{}`, w.admin, 400, "GENERAL"},
		{"a slash as it is", "/a/b", `{}`, w.client, 404, "FLAG_NOT_FOUND"},
		{"a slash escaped", "/a%2Fb", `{}`, w.client, 404, "FLAG_NOT_FOUND"},
		{"odd letters escaped", "/%C3%BC%20%3F", `{}`, w.client, 404, "FLAG_NOT_FOUND"},
		{"nothing after the slash", "/", `{}`, w.client, 404, "FLAG_NOT_FOUND"},
		{"a path that climbs", "/../x", `{}`, w.client, 404, "FLAG_NOT_FOUND"},
	} {
		answer := w.evaluate(c.path, c.body, "Authorization", "Bearer "+c.key)
		if c.key == "-" {
			answer = w.evaluate(c.path, c.body, "Authorization", "-")
		}
		var e evaluation
		decode(t, answer, &e)
		if answer.Code != c.status || e.ErrorCode == nil || *e.ErrorCode != c.code || e.ErrorDetails == nil || *e.ErrorDetails == "" {
			t.Errorf("%s: %d %s, want %d %s", c.name, answer.Code, answer.Body, c.status, c.code)
		}
		if h := answer.Header(); h.Get("ETag") != "" || h.Get("Content-Type") != "application/json" || h.Get("Access-Control-Expose-Headers") != "ETag, Retry-After" {
			t.Errorf("%s: headers %v", c.name, h)
		}
		if strings.HasPrefix(c.path, "/a") && (e.Key == nil || *e.Key != "a/b") {
			t.Errorf("%s: the key is %v, want a/b", c.name, e.Key)
		}
	}
	if answer := w.do(call{method: "GET", path: evaluate + "/word", key: w.client}); answer.Code != 405 || answer.Header().Get("Allow") == "" {
		t.Errorf("GET: %d, want 405 with Allow", answer.Code)
	}
}

type evaluations struct {
	Flags    []evaluation
	Metadata map[string]any
}

func TestAllFlagsComeInOrderEachWithItsOwnFailure(t *testing.T) {
	w := newTypes(t)
	first := w.evaluate("", `{"context":{}}`)
	var all evaluations
	decode(t, first, &all)
	var keys []string
	for _, f := range all.Flags {
		keys = append(keys, *f.Key)
	}
	if got := strings.Join(keys, " "); got != "banner broken dark thing whole word yes" {
		t.Errorf("the flags are %s", got)
	}
	if e := all.Flags[0]; e.ErrorCode == nil || *e.ErrorCode != "TARGETING_KEY_MISSING" || e.Value != nil {
		t.Errorf("the flag that cannot be decided without a key says %s", first.Body)
	}
	if again := w.evaluate("", `{"context":{}}`); again.Body.String() != first.Body.String() {
		t.Error("the same question has two answers")
	}
	empty := newShop(t)
	empty.must("POST", "/api/v1/projects", `{"key":"bare"}`)
	key := empty.newKey("bare", `{"kind":"client","environment":"production","name":"x"}`)
	if body := empty.evaluate("", `{}`, "Authorization", "Bearer "+key).Body.String(); !strings.HasPrefix(body, `{"flags":[]`) {
		t.Errorf("without flags the answer is %s", body)
	}
}

func TestTheTagOfAnEvaluationCoversTheContext(t *testing.T) {
	w := newTypes(t)
	w.must("PATCH", shop+"/flags/word/environments/production", `{"rules":[{"if":[{"attribute":"plan","operator":"equals","values":["pro"]}],"serve":{"variant":"b"}}]}`)
	ask := func(context, match string) *httptest.ResponseRecorder {
		return w.evaluate("", `{"context":{"targetingKey":"u",`+context+`}}`, "If-None-Match", match)
	}
	free := ask(`"plan":"free"`, "")
	tag := free.Header().Get("ETag")
	if free.Code != 200 || !strings.HasPrefix(tag, `"`) {
		t.Fatalf("%d %q", free.Code, tag)
	}
	if same := ask(`"plan":"free","theme":"dark"`, "W/"+tag); same.Code != 304 || same.Body.Len() != 0 || same.Header().Get("ETag") != tag {
		t.Errorf("an attribute that no rule looks at: %d %q, want 304 with the tag", same.Code, same.Header().Get("ETag"))
	}
	if other := ask(`"plan":"pro"`, tag); other.Code != 200 || other.Header().Get("ETag") == tag {
		t.Errorf("another plan: %d, want 200 with another tag", other.Code)
	}
	w.must("PATCH", shop+"/flags/whole/environments/production", `{"on":false}`)
	if changed := ask(`"plan":"free"`, tag); changed.Code != 200 {
		t.Errorf("after a change: %d, want 200", changed.Code)
	}
}

func TestWebPagesMayAskFromAnywhere(t *testing.T) {
	w := newTypes(t)
	for _, path := range []string{evaluate, evaluate + "/word", "/api/v1/exposures", "/api/v1/measurements"} {
		preflight := w.do(call{method: "OPTIONS", path: path, key: "-"})
		h := preflight.Header()
		if preflight.Code != 204 || h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") {
			t.Errorf("%s: %d %v", path, preflight.Code, h)
		}
		for _, name := range []string{"content-type", "authorization", "x-api-key", "if-none-match"} {
			if !strings.Contains(h.Get("Access-Control-Allow-Headers"), name) {
				t.Errorf("%s: the header %s is not allowed", path, name)
			}
		}
		if got := w.do(call{method: "POST", path: path, key: "-", body: `{}`}).Header().Get("Access-Control-Expose-Headers"); got != "ETag, Retry-After" {
			t.Errorf("%s: a refusal exposes %q", path, got)
		}
	}
	if got := w.do(call{method: "GET", path: shop}).Header().Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("web pages may manage the project: %q", got)
	}
}

func TestAClientLearnsNothingButItsDecisions(t *testing.T) {
	w := newTypes(t)
	w.must("PATCH", banner, `{"name":"Secret launch","description":"Not before Friday."}`)
	w.must("PATCH", banner+"/environments/production", `{"rules":[{"description":"Only our staff","if":[{"attribute":"mail","operator":"ends_with","values":["@shop.example"]}],"serve":{"variant":"on"}}]}`)
	w.must("PATCH", banner+"/environments/staging", `{"on":true}`)
	for _, path := range []string{"", "/banner"} {
		body := w.evaluate(path, `{"context":{"targetingKey":"u"}}`).Body.String()
		for _, secret := range []string{"Secret", "Friday", "staff", "mail", "@shop", "staging", "rule-1", "weight", "salt", "50000"} {
			if strings.Contains(body, secret) {
				t.Errorf("a client key sees %q: %s", secret, body)
			}
		}
	}
}
