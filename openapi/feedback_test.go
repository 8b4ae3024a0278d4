package openapi_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/internal/vault"
	"github.com/assayhq/assay/openapi"
)

// kept is a real vault.
type kept struct{ vault *vault.Vault }

func keptIn(t testing.TB) openapi.Vault {
	t.Helper()
	v, err := vault.Open(t.TempDir(), []byte("a key that wraps: 32 bytes of it"))
	if err != nil {
		t.Fatal(err)
	}
	return kept{v}
}

func (k kept) Seal(in domain.ProjectKey, subject, id string, text, about []byte) (openapi.Sealed, error) {
	s, err := k.vault.Seal(string(in), subject, id, text, about)
	return openapi.Sealed(s), err
}

func (k kept) Unseal(in domain.ProjectKey, subject, id, key string, sealed []byte) ([]byte, error) {
	text, err := k.vault.Unseal(string(in), subject, id, key, sealed)
	if errors.Is(err, vault.ErrGone) {
		return nil, openapi.ErrSealed
	}
	return text, err
}

func (k kept) Erase(in domain.ProjectKey, subject string) error {
	return k.vault.Erase(string(in), subject)
}

const (
	giveFeedback = "/api/v1/feedback?project=shop&environment=production"
	eraseSubject = shop + "/feedback/erase"
	secretWords  = "my name is marker-9d2f and I want my money back"
)

// heard is an item of the list.
type heard struct {
	ID, Status, Text, Subject, Variant string
	EventID                            string `json:"event_id"`
	Experiment                         string `json:"experiment_key"`
	Score                              *float64
}

func (w *world) heard(query string) (items []heard, next string) {
	w.t.Helper()
	w.catchUp()
	var out struct {
		Items []heard
		Next  string `json:"next_cursor"`
	}
	decode(w.t, w.must("GET", shop+"/feedback"+query, ""), &out)
	return out.Items, out.Next
}

// became is what became of the items of a batch: one word for each that was not simply accepted.
func became(t *testing.T, body string) (accepted int, words string) {
	t.Helper()
	var out struct {
		Accepted int
		Items    []struct{ Status, Code string }
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	for _, i := range out.Items {
		words += i.Status + " " + i.Code + ";"
	}
	return out.Accepted, words
}

func (w *world) say(items string) (accepted int, words string) {
	w.t.Helper()
	return became(w.t.(*testing.T), w.must("POST", giveFeedback, `{"items":[`+items+`]}`).Body.String())
}

func TestEachThingSaidIsJudgedByItself(t *testing.T) {
	w := newShop(t)
	for _, c := range []struct{ name, item, want string }{
		{"plain", `{"event_id":"1","subject":"ann","text":"Nice."}`, ""},
		{"the same again", `{"event_id":"1","subject":"ann","text":"Nice."}`, "duplicate ;"},
		{"another text under the same id", `{"event_id":"1","subject":"ann","text":"Not so nice."}`, "rejected event_id_conflict;"},
		{"another score under the same id", `{"event_id":"1","subject":"ann","text":"Nice.","score":1}`, "rejected event_id_conflict;"},
		{"the same id of somebody else", `{"event_id":"1","subject":"bob","text":"Nice."}`, ""},
		{"about an arm", `{"event_id":"2","subject":"ann","text":"Hm.","experiment_key":"trial","variant":"on","score":-1.5}`, ""},
		{"about an experiment", `{"event_id":"3","subject":"ann","text":"Hm.","experiment_key":"trial"}`, ""},
		{"about a flag", `{"event_id":"4","subject":"ann","text":"Hm.","flag_key":"banner","variant":"off","occurred_at":"2026-11-01T00:00:00+02:00"}`, ""},
		{"no such experiment", `{"event_id":"5","subject":"ann","text":"Hm.","experiment_key":"none"}`, "rejected unknown_experiment;"},
		{"no such arm", `{"event_id":"5","subject":"ann","text":"Hm.","experiment_key":"trial","variant":"blue"}`, "rejected unknown_variant;"},
		{"no such flag", `{"event_id":"5","subject":"ann","text":"Hm.","flag_key":"none"}`, "rejected unknown_flag;"},
		{"no such variant", `{"event_id":"5","subject":"ann","text":"Hm.","flag_key":"banner","variant":"blue"}`, "rejected unknown_variant;"},
		{"a variant of nothing", `{"event_id":"5","subject":"ann","text":"Hm.","variant":"on"}`, "rejected missing;"},
		{"no id", `{"subject":"ann","text":"Hm."}`, "rejected missing;"},
		{"nobody", `{"event_id":"5","text":"Hm."}`, "rejected missing;"},
		{"no words", `{"event_id":"5","subject":"ann","text":" "}`, "rejected missing;"},
		{"too many words", `{"event_id":"5","subject":"ann","text":"` + strings.Repeat("x", 8_001) + `"}`, "rejected too_long;"},
		{"a field of another name", `{"event_id":"5","subject":"ann","text":"Hm.","e_mail":"ann@example.org"}`, "rejected unknown_field;"},
		{"a field twice", `{"event_id":"5","subject":"ann","subject":"bob","text":"Hm."}`, "rejected duplicate_json_key;"},
		{"a score in words", `{"event_id":"5","subject":"ann","text":"Hm.","score":"good"}`, "rejected wrong_type;"},
		{"some other time", `{"event_id":"5","subject":"ann","text":"Hm.","occurred_at":"yesterday"}`, "rejected wrong_type;"},
		{"no object", `7`, "rejected malformed_json;"},
		{"nothing", `null`, "rejected malformed_json;"},
		{"a list", `["Hm."]`, "rejected malformed_json;"},
	} {
		// A good one beside it is taken, whatever is wrong with this one.
		accepted, got := w.say(c.item + `,{"event_id":"beside ` + c.name + `","subject":"cleo","text":"Well."}`)
		want := 2
		if c.want != "" {
			want = 1
		}
		if got != c.want || accepted != want {
			t.Errorf("%s: %d accepted, %q; want %d, %q", c.name, accepted, got, want, c.want)
		}
	}
	items, _ := w.heard("?experiment=trial")
	if len(items) != 2 || items[0].EventID != "3" || items[1].EventID != "2" || items[1].Variant != "on" || *items[1].Score != -1.5 || items[1].Text != "Hm." {
		t.Errorf("about the experiment, newest first: %+v", items)
	}
	if items, _ := w.heard("?flag=banner"); len(items) != 1 || items[0].EventID != "4" {
		t.Errorf("about the flag: %+v", items)
	}
	seen := map[string]bool{}
	for cursor := ""; ; {
		items, next := w.heard("?limit=10" + cursor)
		for _, i := range items {
			if seen[i.ID+i.Subject] {
				t.Errorf("%s is on two pages", i.EventID)
			}
			seen[i.ID+i.Subject] = true
		}
		if next == "" {
			break
		}
		cursor = "&cursor=" + next
	}
	if len(seen) != 5+24 {
		t.Errorf("the pages have %d items, want 29", len(seen))
	}
	if p := problemIn(t, w.do(call{method: "GET", path: shop + "/feedback?cursor=x"})); p.Code != "bad_cursor" {
		t.Errorf("a cursor of nobody: %s", p.Code)
	}
}

func TestAClientKeyOfAnAppMaySendFeedback(t *testing.T) {
	w := newShop(t)
	for _, key := range []string{w.client, w.server} {
		answer := w.do(call{method: "POST", path: "/api/v1/feedback", key: key, body: `{"items":[{"event_id":"` + key[:12] + `","subject":"ann","text":"Hm."}]}`})
		if accepted, words := became(t, answer.Body.String()); answer.Code != 202 || accepted != 1 {
			t.Errorf("%d %s", answer.Code, words)
		}
		if answer := w.do(call{method: "GET", path: shop + "/feedback", key: key}); answer.Code != 403 {
			t.Errorf("and may read what others said: %d", answer.Code)
		}
	}
	preflight := w.do(call{method: "OPTIONS", path: "/api/v1/feedback", key: "-"})
	if preflight.Code != 204 || preflight.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("a page may not: %d %v", preflight.Code, preflight.Header())
	}
}

func TestAnErasedSubjectIsErased(t *testing.T) {
	var logged lockedBuffer
	w := newShop(t, func(d *openapi.Dependencies) { d.Log = zerolog.New(&logged).Level(zerolog.DebugLevel) })
	one := `{"event_id":"1","subject":"ann@example.org","text":"` + secretWords + `","score":2}`
	w.say(one + `,{"event_id":"2","subject":"bob@example.org","text":"Fine."}`)
	if items, _ := w.heard(""); len(items) != 2 || items[1].Text != secretWords || items[1].Status != "readable" {
		t.Fatalf("before: %+v", items)
	}
	const ann = `{"subject":"ann@example.org","reason":"She asked."}`
	w.must("POST", eraseSubject, ann)
	erased := func(when string) {
		t.Helper()
		items, _ := w.heard("")
		if len(items) != 2 || items[1].Status != "erased" || items[1].Text != "" || items[1].EventID != "" || *items[1].Score != 2 || items[0].Text != "Fine." {
			t.Errorf("%s: %+v", when, items)
		}
	}
	erased("after")
	before := w.head()
	w.must("POST", eraseSubject, ann) // which is fine
	if _, words := w.say(one); words != "duplicate ;" {
		t.Errorf("a retry of the sender: %s", words)
	}
	if w.head() != before {
		t.Error("erasing again, or a retry, was recorded")
	}
	erased("after a retry")
	if p := problemIn(t, w.do(call{method: "POST", path: eraseSubject, body: `{"subject":"nobody"}`})); p.Code != "not_found" {
		t.Errorf("somebody who said nothing: %s", p.Code)
	}
	recorded := w.everything()
	for _, trace := range []string{secretWords, "marker-9d2f", "ann@example.org", "bob@example.org"} {
		if strings.Contains(recorded, trace) || strings.Contains(logged.text(), trace) {
			t.Errorf("%q is in the log", trace)
		}
	}
	if !strings.Contains(recorded, "SubjectErased") || !strings.Contains(recorded, "She asked.") {
		t.Error("that she was erased, and why, is not recorded")
	}
	// She may come back.
	if accepted, words := w.say(`{"event_id":"3","subject":"ann@example.org","text":"Here I am again."}`); accepted != 1 {
		t.Errorf("coming back: %s", words)
	}
	if items, _ := w.heard(""); len(items) != 3 || items[0].Text != "Here I am again." || items[2].Status != "erased" {
		t.Errorf("after coming back: %+v", items)
	}
}

// Each reading is written down whatever level the server logs at: who, of which project, how much; and nothing of what was said, by whom,
// or what the caller asked for.
func TestReadingWhatPeopleSaidIsWrittenDown(t *testing.T) {
	var logged lockedBuffer
	w := newShop(t, func(d *openapi.Dependencies) { d.Log = zerolog.New(&logged).Level(zerolog.ErrorLevel) })
	w.say(`{"event_id":"1","subject":"ann@example.org","text":"` + secretWords + `"},{"event_id":"2","subject":"bob@example.org","text":"Fine."}`)
	w.must("POST", eraseSubject, `{"subject":"bob@example.org"}`)
	if text := logged.text(); text != "" {
		t.Errorf("before anybody reads, the log says %s", text)
	}
	w.heard("")
	w.heard("?experiment=ann@example.org")
	if answer := w.do(call{method: "GET", path: shop + "/feedback", key: w.server}); answer.Code != 403 {
		t.Errorf("a server's key reads what people said: %d", answer.Code)
	}
	type line struct {
		Level, Audit, Actor, Project string
		Items, Readable              int
		RequestID                    string `json:"request_id"`
	}
	var lines []line
	for d := json.NewDecoder(strings.NewReader(logged.text())); d.More(); {
		var l line
		if err := d.Decode(&l); err != nil {
			t.Fatal(err)
		}
		if len(l.RequestID) != 16 {
			t.Errorf("the id of the request is %q", l.RequestID)
		}
		l.RequestID = ""
		lines = append(lines, l)
	}
	actor := "key:" + strings.Split(w.admin, "_")[2]
	want := []line{
		{Audit: "feedback_read", Actor: actor, Project: "shop", Items: 2, Readable: 1},
		{Audit: "feedback_read", Actor: actor, Project: "shop"},
	}
	if !slices.Equal(lines, want) {
		t.Errorf("written down is %+v, want %+v", lines, want)
	}
	for _, trace := range []string{"marker-9d2f", "example.org", "Fine."} {
		if strings.Contains(logged.text(), trace) {
			t.Errorf("%q is in the server's log", trace)
		}
	}
}

// Whatever people are called, they can be erased.
func TestSubjectsOfAllNamesAreErased(t *testing.T) {
	w := newShop(t)
	for i, name := range []string{"a/b", "50%25", "a b+c", "ünï@例.jp", "..", "?x=1#y", "%2F", strings.Repeat("n", 512)} {
		body, err := json.Marshal(map[string]any{"items": []any{map[string]any{"event_id": "1", "subject": name, "text": "Hm."}}})
		if err != nil {
			t.Fatal(err)
		}
		w.must("POST", giveFeedback, string(body))
		if body, err = json.Marshal(map[string]any{"subject": name}); err != nil {
			t.Fatal(err)
		}
		answer := w.do(call{method: "POST", path: eraseSubject, body: string(body)})
		if items, _ := w.heard("?limit=1"); answer.Code != 204 || items[0].Status != "erased" {
			t.Errorf("%d: %q gets %d %s and is %+v", i, name, answer.Code, answer.Body, items[0])
		}
	}
}

// What was deleted is never readable again, whatever happens to the event that says so; doing it again completes it.
func TestAnErasureThatIsNotRecordedIsDoneAgain(t *testing.T) {
	w := newShop(t)
	w.say(`{"event_id":"1","subject":"ann","text":"` + secretWords + `"}`)
	w.log.fail(eventlog.ErrUnavailable)
	if answer := w.do(call{method: "POST", path: eraseSubject, body: `{"subject":"ann"}`}); answer.Code != 503 {
		t.Errorf("while the log is away: %d", answer.Code)
	}
	w.log.fail(nil)
	if items, _ := w.heard(""); items[0].Status != "unreadable" || items[0].Text != "" {
		t.Errorf("the key is gone, but %+v", items)
	}
	w.must("POST", eraseSubject, `{"subject":"ann"}`)
	if items, _ := w.heard(""); items[0].Status != "erased" {
		t.Errorf("after it was done again: %+v", items)
	}
}

func (w *world) head() eventlog.Position {
	w.t.Helper()
	at, err := w.log.Head(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return at
}

// everything is the whole log as text.
func (w *world) everything() string {
	w.t.Helper()
	var out strings.Builder
	for r, err := range w.log.All(w.t.Context(), 0, eventlog.Filter{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		text, err := json.Marshal(r)
		if err != nil {
			w.t.Fatal(err)
		}
		out.Write(text)
		out.WriteString(r.Stream + r.Type + string(r.Data))
		if r.Position >= w.head() {
			break
		}
	}
	return out.String()
}
