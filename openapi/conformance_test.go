package openapi_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assayhq/assay/openapi"
)

// The points of the OFREP checklist (reference/openfeature.md, part 1.2), each with a test of its name: M must, because a real
// client breaks without it, S should. S26 is about the listener and held by internal/e2e.

func limitOf(perSecond float64, burst int) func(*openapi.Dependencies) {
	return func(d *openapi.Dependencies) { d.EvaluationLimit = openapi.Limit{PerSecond: perSecond, Burst: burst} }
}

// brittle is randomness that fails once it is told to, which no request survives.
type brittle struct {
	io.Reader
	broken *atomic.Bool
}

func (b brittle) Read(p []byte) (int, error) {
	if b.broken.Load() {
		return 0, errors.New("no randomness")
	}
	return b.Reader.Read(p)
}

func TestOFREP_M01_EveryAnswerHasAJSONBodyAndSaysSo(t *testing.T) {
	w, limited := newTypes(t), newTypes(t, limitOf(1, 1))
	limited.evaluate("/word", `{}`)
	for name, answer := range map[string]*httptest.ResponseRecorder{
		"200": w.evaluate("/word", `{}`), "200 bulk": w.evaluate("", `{}`), "400": w.evaluate("/word", `{`), "401": w.evaluate("/word", `{}`, "Authorization", "-"),
		"403": w.do(call{method: "POST", path: evaluate + "?environment=staging", key: w.client, body: `{}`}), "404": w.evaluate("/moon", `{}`), "429": limited.evaluate("/word", `{}`),
	} {
		if got := strconv.Itoa(answer.Code); got != name[:3] {
			t.Errorf("%s: the status is %s", name, got)
		}
		if kind := answer.Header().Get("Content-Type"); kind != "application/json" || !json.Valid(answer.Body.Bytes()) {
			t.Errorf("%s: %q %s", name, kind, answer.Body)
		}
	}
}

func TestOFREP_M02_FailuresOfAFlagHaveKeyAndErrorCode(t *testing.T) {
	var broken atomic.Bool
	w := newTypes(t, func(d *openapi.Dependencies) { d.Random = brittle{d.Random, &broken} })
	answers := map[int]*httptest.ResponseRecorder{400: w.evaluate("/word", `{"context":7}`), 404: w.evaluate("/moon", `{}`)}
	broken.Store(true)
	answers[500] = w.evaluate("/word", `{}`)
	for status, answer := range answers {
		var e evaluation
		decode(t, answer, &e)
		if answer.Code != status || e.Key == nil || *e.Key == "" || e.ErrorCode == nil || *e.ErrorCode == "" {
			t.Errorf("%d: got %d %s", status, answer.Code, answer.Body)
		}
	}
}

func TestOFREP_M03_ErrorDetailsAreAlwaysAText(t *testing.T) {
	w := newTypes(t)
	for _, answer := range []*httptest.ResponseRecorder{w.evaluate("/word", `[`), w.evaluate("/moon", `{}`), w.evaluate("", `{"context":7}`), w.evaluate("/word", `{}`, "Authorization", "-")} {
		var e struct{ ErrorDetails any }
		decode(t, answer, &e)
		if text, ok := e.ErrorDetails.(string); !ok || text == "" {
			t.Errorf("%d %s", answer.Code, answer.Body)
		}
	}
}

func TestOFREP_M04_NoValueIsNull(t *testing.T) {
	w := newTypes(t)
	for _, answer := range []*httptest.ResponseRecorder{w.evaluate("", `{}`), w.evaluate("/dark", `{}`), w.evaluate("/thing", `{}`), w.evaluate("/banner", `{}`)} {
		if strings.Contains(answer.Body.String(), "null") {
			t.Errorf("%s", answer.Body)
		}
	}
}

func TestOFREP_M05_FalseZeroAndEmptyValuesAreThere(t *testing.T) {
	w := newTypes(t)
	for key, want := range map[string]string{"yes": `"value":false`, "whole": `"value":0,`, "word": `"value":""`, "thing": `"value":{}`, "dark": `"value":false`} {
		if one, all := w.evaluate("/"+key, `{}`).Body.String(), w.evaluate("", `{}`).Body.String(); !strings.Contains(one, want) || !strings.Contains(all, `{"key":"`+key+`",`+want) {
			t.Errorf("%s: %s", key, one)
		}
	}
}

func TestOFREP_M06_TheTextOfANumberFollowsItsType(t *testing.T) {
	w := newTypes(t)
	w.must("POST", shop+"/flags", `{"key":"big","type":"integer","variants":[{"key":"a","value":2147483647}]}`)
	w.must("PATCH", shop+"/flags/big/environments/production", `{"on":true}`)
	for key, want := range map[string]string{"broken": "4.0", "whole": "0", "big": "2147483647"} {
		var e evaluation
		if decode(t, w.evaluate("/"+key, `{}`), &e); string(e.Value) != want {
			t.Errorf("%s: %s, want %s", key, e.Value, want)
		}
	}
}

func TestOFREP_M07_ReasonAndVariantAreAlwaysThere(t *testing.T) {
	w := newTypes(t)
	standard := map[string]bool{"STATIC": true, "TARGETING_MATCH": true, "SPLIT": true, "DISABLED": true, "DEFAULT": true, "UNKNOWN": true}
	var all evaluations
	decode(t, w.evaluate("", `{"context":{"targetingKey":"u"}}`), &all)
	for _, e := range all.Flags {
		if e.Reason == nil || !standard[*e.Reason] || e.Variant == nil || *e.Variant == "" {
			t.Errorf("%s: reason %v, variant %v", *e.Key, e.Reason, e.Variant)
		}
	}
}

func TestOFREP_M08_MetadataAreAFlatObject(t *testing.T) {
	w := newTypes(t)
	var all evaluations
	decode(t, w.evaluate("", `{"context":{"targetingKey":"u"}}`), &all)
	all.Flags = append(all.Flags, evaluation{Key: new("the set"), Metadata: all.Metadata})
	for _, e := range all.Flags {
		if e.Metadata == nil {
			t.Errorf("%s has no metadata", *e.Key)
		}
		for name, value := range e.Metadata {
			switch value.(type) {
			case bool, string, float64:
			default:
				t.Errorf("%s: %s is %v", *e.Key, name, value)
			}
		}
	}
}

func TestOFREP_M09_AFlagWithoutAValueIsASuccessWithoutOne(t *testing.T) {
	w := newTypes(t)
	w.must("PATCH", shop+"/flags/word/environments/production", `{"default":{"caller_default":true}}`)
	w.must("PATCH", shop+"/flags/whole/environments/production", `{"off":"","on":false}`)
	for path, want := range map[string]string{"/word": `{"key":"word","reason":"DEFAULT","metadata":{`, "/whole": `{"key":"whole","reason":"DISABLED","metadata":{`} {
		if answer := w.evaluate(path, `{}`); answer.Code != 200 || !strings.HasPrefix(answer.Body.String(), want) {
			t.Errorf("%s: %d %s", path, answer.Code, answer.Body)
		}
	}
	// One that is off serves its off variant, and the reason must not make clients throw it away.
	var e evaluation
	if answer := w.evaluate("/dark", `{}`); answer.Code != 200 {
		t.Errorf("%d", answer.Code)
	} else if decode(t, answer, &e); *e.Reason != "STATIC" || e.Metadata["disabled"] != true || string(e.Value) != "false" || *e.Variant != "off" {
		t.Errorf("%s", answer.Body)
	}
}

func TestOFREP_M10_RetryAfterIsInWholeSeconds(t *testing.T) {
	w := newTypes(t, limitOf(0.5, 2))
	for range 2 {
		if answer := w.evaluate("/word", `{}`); answer.Code != 200 {
			t.Fatalf("%d", answer.Code)
		}
	}
	for _, path := range []string{"/word", ""} {
		answer := w.evaluate(path, `{}`)
		if seconds, err := strconv.Atoi(answer.Header().Get("Retry-After")); answer.Code != 429 || err != nil || seconds != 2 {
			t.Errorf("%q: %d, Retry-After %q, want 2 for one every two seconds", path, answer.Code, answer.Header().Get("Retry-After"))
		}
	}
	// Another key, and the same key from another address, have limits of their own.
	if answer := w.evaluate("/word?project=shop&environment=production", `{}`, "Authorization", "Bearer "+w.admin); answer.Code != 200 {
		t.Errorf("another key: %d", answer.Code)
	}
	r := call{method: "POST", path: evaluate + "/word", key: w.client, body: `{}`}.request()
	r.RemoteAddr = "192.0.2.77:1234"
	if answer := serve(w, r); answer.Code != 200 {
		t.Errorf("another address: %d", answer.Code)
	}
}

func TestOFREP_M11_AKeyIsFoundHoweverItIsEscaped(t *testing.T) {
	w := newTypes(t)
	w.must("POST", shop+"/flags", `{"key":"a.b_c-1","type":"boolean"}`)
	for path, key := range map[string]string{"/a.b_c-1": "a.b_c-1", "/a%2Eb%5Fc%2D1": "a.b_c-1", "/a/b": "a/b", "/a%2Fb": "a/b", "/%C3%BC": "ü"} {
		var e evaluation
		answer := w.evaluate(path, `{}`)
		if decode(t, answer, &e); e.Key == nil || *e.Key != key || (answer.Code == 200) != (key == "a.b_c-1") {
			t.Errorf("%s: %d %s", path, answer.Code, answer.Body)
		}
	}
}

func TestOFREP_M12_EveryShapeOfRequestIsTaken(t *testing.T) {
	w := newTypes(t)
	for _, body := range []string{`{}`, `{"context":{}}`, `{"context":null}`, `{"context":{"plan":"pro","since":"2026-01-01T00:00:00Z"}}`} {
		for _, path := range []string{"", "/word"} {
			if answer := w.evaluate(path, body, "Content-Type", "application/json; charset=utf-8"); answer.Code != 200 {
				t.Errorf("%q to %q: %d %s", body, path, answer.Code, answer.Body)
			}
		}
	}
	var e evaluation
	if decode(t, w.evaluate("/banner", `{"context":{}}`), &e); e.ErrorCode == nil || *e.ErrorCode != "TARGETING_KEY_MISSING" {
		t.Errorf("a split without a targeting key: %+v", e)
	}
}

func TestOFREP_S13_OnlyPostEvaluates(t *testing.T) {
	w := newTypes(t)
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		for _, path := range []string{"", "/word"} {
			if answer := w.do(call{method: method, path: evaluate + path, key: w.client}); answer.Code != 405 || !strings.Contains(answer.Header().Get("Allow"), "POST") {
				t.Errorf("%s %q: %d, Allow %q", method, path, answer.Code, answer.Header().Get("Allow"))
			}
		}
	}
}

func TestOFREP_M14_BulkListsEveryFlagEachWithItsOwnFailure(t *testing.T) {
	w := newTypes(t)
	var all evaluations
	decode(t, w.evaluate("", `{}`), &all)
	got := map[string]string{}
	for _, e := range all.Flags {
		if e.ErrorCode != nil {
			got[*e.Key] = *e.ErrorCode
			continue
		}
		got[*e.Key] = *e.Reason
		if e.Metadata["disabled"] == true {
			got[*e.Key] += " disabled"
		}
	}
	if len(got) != 7 || got["dark"] != "STATIC disabled" || got["banner"] != "TARGETING_KEY_MISSING" || got["word"] != "STATIC" {
		t.Errorf("%v", got)
	}
}

func TestOFREP_M15_TheSameQuestionHasTheSameBytes(t *testing.T) {
	w := newTypes(t)
	first := w.evaluate("", `{"context":{"targetingKey":"u","a":1,"b":2}}`)
	for range 20 {
		again := w.evaluate("", `{"context":{"b":2,"a":1,"targetingKey":"u"}}`)
		if again.Body.String() != first.Body.String() || again.Header().Get("ETag") != first.Header().Get("ETag") {
			t.Fatal("the answer differs")
		}
	}
}

func TestOFREP_M16_TheTagCoversTheContextAndIsComparedAsRFC9110Says(t *testing.T) {
	w := newTypes(t)
	w.must("PATCH", shop+"/flags/word/environments/production", `{"rules":[{"if":[{"attribute":"plan","operator":"equals","values":["pro"]}],"serve":{"variant":"b"}}]}`)
	free, pro := `{"context":{"targetingKey":"u","plan":"free"}}`, `{"context":{"targetingKey":"u","plan":"pro"}}`
	tag := w.evaluate("", free).Header().Get("ETag")
	if !strings.HasPrefix(tag, `"`) || !strings.HasSuffix(tag, `"`) {
		t.Errorf("the tag is %s", tag)
	}
	for _, match := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		if answer := w.evaluate("", free, "If-None-Match", match); answer.Code != 304 || answer.Body.Len() != 0 || answer.Header().Get("ETag") != tag {
			t.Errorf("If-None-Match %s: %d, tag %q, %d bytes", match, answer.Code, answer.Header().Get("ETag"), answer.Body.Len())
		}
	}
	if answer := w.evaluate("", pro, "If-None-Match", tag); answer.Code != 200 {
		t.Errorf("another context: %d", answer.Code)
	}
	other := w.newKey("shop", `{"kind":"client","environment":"production","name":"new"}`)
	if answer := w.evaluate("", free, "If-None-Match", tag, "Authorization", "Bearer "+other); answer.Code != 200 {
		t.Errorf("another key, whose event stream is another: %d", answer.Code)
	}
}

func TestOFREP_M17_FailuresHaveNoTag(t *testing.T) {
	w := newTypes(t)
	for _, answer := range []*httptest.ResponseRecorder{w.evaluate("", `{"context":7}`), w.evaluate("", `[`), w.evaluate("", `{}`, "Authorization", "-")} {
		if answer.Code < 400 || answer.Header().Get("ETag") != "" {
			t.Errorf("%d with the tag %q", answer.Code, answer.Header().Get("ETag"))
		}
	}
}

func TestOFREP_M18_OnlyAWrongKeyIs401(t *testing.T) {
	w := newTypes(t)
	for name, c := range map[string]struct {
		key, path string
		want      int
	}{
		"no key": {"-", "", 401}, "a wrong key": {"assay_client_x_y", "", 401}, "the key of another environment": {w.client, "?environment=staging", 403},
		"an admin key that names no place": {w.admin, "", 400}, "an admin key that does": {w.admin, "?project=shop&environment=production", 200},
	} {
		if answer := w.do(call{method: "POST", path: evaluate + c.path, key: c.key, body: `{}`}); answer.Code != c.want {
			t.Errorf("%s: %d, want %d", name, answer.Code, c.want)
		}
	}
}

func TestOFREP_M19_APreflightNeedsNoKeyAndAllowsWhatProvidersSend(t *testing.T) {
	w := newTypes(t)
	for _, path := range []string{"", "/word"} {
		answer := w.do(call{method: "OPTIONS", path: evaluate + path, key: "-"})
		h := answer.Header()
		if answer.Code/100 != 2 || h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") {
			t.Errorf("%q: %d %v", path, answer.Code, h)
		}
		for _, name := range []string{"content-type", "authorization", "x-api-key", "if-none-match", "flagd-selector"} {
			if !strings.Contains(h.Get("Access-Control-Allow-Headers"), name) {
				t.Errorf("%q: the header %s is not allowed", path, name)
			}
		}
	}
}

func TestOFREP_M20_TagAndRetryAfterAreExposedOnEveryAnswer(t *testing.T) {
	w := newTypes(t, limitOf(1, 4))
	for _, answer := range []*httptest.ResponseRecorder{
		w.evaluate("/word", `{}`), w.evaluate("", `{}`), w.evaluate("/moon", `{}`), w.evaluate("/word", `[`), w.evaluate("/word", `{}`), w.evaluate("/word", `{}`, "Authorization", "-"),
		w.do(call{method: "OPTIONS", path: evaluate, key: "-"}),
	} {
		if got := answer.Header().Get("Access-Control-Expose-Headers"); got != "ETag, Retry-After" {
			t.Errorf("%d exposes %q", answer.Code, got)
		}
	}
}

func TestOFREP_S21_PreflightsAreKeptAndNotCounted(t *testing.T) {
	w := newTypes(t, limitOf(0.001, 1))
	for range 50 {
		if answer := w.do(call{method: "OPTIONS", path: evaluate, key: "-"}); answer.Code != 204 || answer.Header().Get("Access-Control-Max-Age") == "" {
			t.Fatalf("%d %v", answer.Code, answer.Header())
		}
	}
	if answer := w.evaluate("/word", `{}`); answer.Code != 200 {
		t.Errorf("the first evaluation after preflights: %d", answer.Code)
	}
}

// stream is where the bulk answer says the change events are.
func (w *world) stream() *url.URL {
	w.t.Helper()
	var all struct {
		EventStreams []struct {
			Type               string
			URL                *string
			Endpoint           struct{ Origin, RequestURI *string }
			InactivityDelaySec int
		}
	}
	decode(w.t, w.evaluate("", `{}`), &all)
	if len(all.EventStreams) != 1 || all.EventStreams[0].Type != "sse" || all.EventStreams[0].InactivityDelaySec < 30 {
		w.t.Fatalf("%+v", all)
	}
	e := all.EventStreams[0]
	if e.URL != nil || e.Endpoint.Origin != nil || e.Endpoint.RequestURI == nil {
		w.t.Fatalf("the stream is at %+v, want a request URI and nothing else", e)
	}
	u, err := url.Parse(*e.Endpoint.RequestURI)
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

func TestOFREP_M22_TheTokenOfTheStreamIsForNothingElseAndLivesAsLongAsItsKey(t *testing.T) {
	w := newTypes(t, quick)
	at := w.stream()
	channel := at.Query().Get("channel")
	if channel == "" || strings.Contains(w.client, channel) || channel != w.stream().Query().Get("channel") {
		t.Errorf("the channel is %q; it must be there, be no part of the key and stay the same", channel)
	}
	for _, c := range []call{
		{method: "POST", path: evaluate + "?channel=" + channel, key: "-", body: `{}`},
		{method: "POST", path: evaluate, key: channel, body: `{}`},
		{method: "GET", path: "/api/v1/ruleset/changes?channel=" + channel, key: "-"},
		{method: "GET", path: "/ofrep/v1/events?channel=" + channel[:len(channel)-1] + "x", key: "-"},
		{method: "GET", path: "/ofrep/v1/events?channel=" + strings.Split(channel, ".")[0] + ".", key: "-"},
	} {
		if answer := w.do(c); answer.Code != 401 {
			t.Errorf("%s %s: %d, want 401", c.method, c.path, answer.Code)
		}
	}
	base := onNetwork(t, w)
	l := listenTo(t, base+at.String(), nil)
	if l.code != 200 || l.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("without any header of ours: %d %v", l.code, l.header)
	}
	w.must("DELETE", shop+"/keys/"+strings.Split(w.client, "_")[2], "")
	for l.next() != "" {
	}
	if again := listenTo(t, base+at.String(), nil); again.code != 401 {
		t.Errorf("after the key was revoked: %d", again.code)
	}
}

func TestOFREP_M23_TheStreamIsNamedWithoutAnOrigin(t *testing.T) {
	if at := newTypes(t).stream(); at.IsAbs() || at.Host != "" || at.Path != "/ofrep/v1/events" {
		t.Errorf("the stream is at %s", at)
	}
}

// refetch reads an event and returns its id.
func (l *listener) refetch() string {
	l.t.Helper()
	if line := l.next(); line != "event: message" {
		l.t.Fatalf("%q, want an event", line)
	}
	id := strings.TrimPrefix(l.next(), "id: ")
	if data := l.next(); data != `data: {"type":"refetchEvaluation","etag":"`+id+`"}` {
		l.t.Fatalf("the data are %q", data)
	}
	return id
}

func TestOFREP_M24_AReconnectIsToldWhatItMissedAndTheStreamShowsThatItLives(t *testing.T) {
	w := newTypes(t, quick)
	at := onNetwork(t, w) + w.stream().String()
	first := listenTo(t, at, nil)
	h := first.header
	if h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" || h.Get("Content-Encoding") != "" {
		t.Errorf("headers %v", h)
	}
	if line := first.next(); line != "retry: 1000" {
		t.Errorf("the first line is %q", line)
	}
	id := first.refetch() // whoever comes without an id may have missed something since the evaluation
	current := listenTo(t, at, http.Header{"Last-Event-Id": {id}})
	current.next()
	first.stop()
	w.must("PATCH", shop+"/flags/word/environments/production", `{"on":false}`)
	changed := current.refetch()
	if changed == id {
		t.Error("the change has the id of what was before it")
	}
	late := listenTo(t, at, http.Header{"Last-Event-Id": {id}})
	late.next()
	if got := late.refetch(); got != changed {
		t.Errorf("a reconnect is told of %s, want %s", got, changed)
	}
	for line := range late.lines {
		if strings.HasPrefix(line, ":") {
			break // a heartbeat
		}
	}
}

func TestOFREP_M25_AnEvaluationAfterAnEventWaitsForTheChange(t *testing.T) {
	w := newTypes(t, func(d *openapi.Dependencies) { d.LongestWait = 500 * time.Millisecond })
	w.freeze() // the read models stay behind the log
	d := w.do(call{method: "PATCH", path: shop + "/flags/word/environments/production", body: `{"on":false}`})
	position := d.Header().Get("Assay-Position")
	answered := make(chan *httptest.ResponseRecorder, 1)
	ask := call{method: "POST", path: evaluate + "?flagConfigEtag=" + position + "&flagConfigLastModified=1", key: w.client, body: `{}`}
	go func() { answered <- serve(w, ask.request()) }()
	select {
	case answer := <-answered:
		t.Fatalf("it was answered before the change: %d %s", answer.Code, answer.Body)
	case <-time.After(50 * time.Millisecond):
	}
	w.thaw()
	var all evaluations
	decode(t, <-answered, &all)
	for _, e := range all.Flags {
		if *e.Key == "word" && e.Metadata["disabled"] != true {
			t.Errorf("the answer is as before the change: %s", *e.Reason)
		}
	}
	// What no event of ours has said, or what is not in the log yet, delays nobody.
	for _, etag := range []string{"x", `"rs-1"`, "18446744073709551615"} {
		if answer := w.evaluate("?flagConfigEtag="+url.QueryEscape(etag), `{}`); answer.Code != 200 {
			t.Errorf("%s: %d", etag, answer.Code)
		}
	}
}
