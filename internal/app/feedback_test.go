package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/pebblelog"
	"github.com/assayhq/assay/internal/app"
)

// logged collects what servers log.
type logged struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.String()
}

// saidItem is an item of the list of feedback.
type saidItem struct {
	Status, Text, Subject string
	EventID               string `json:"event_id"`
}

func (r *rig) said() (items []saidItem) {
	r.t.Helper()
	var out struct{ Items []saidItem }
	if err := json.Unmarshal([]byte(r.must("GET", "/api/v1/projects/shop/feedback", "")), &out); err != nil {
		r.t.Fatal(err)
	}
	return out.Items
}

// saidIs holds the list, oldest first: status and text of each.
func (r *rig) saidIs(when string, want ...string) {
	r.t.Helper()
	items := r.said()
	got := make([]string, len(items))
	for i, item := range items {
		got[len(items)-1-i] = strings.TrimSpace(item.Status + " " + item.Text)
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		r.t.Errorf("%s: %q, want %q", when, got, want)
	}
}

func copyOf(t *testing.T, folder string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	return to
}

// plainLog is everything that a log holds, unpacked.
func plainLog(t *testing.T, data string) string {
	t.Helper()
	log, err := pebblelog.Open(filepath.Join(data, "log"), pebblelog.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	head, err := log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for r, err := range log.All(t.Context(), 0, eventlog.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		meta, err := json.Marshal(r.Meta)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(r.Stream + " " + r.Type + " " + string(r.Data) + " " + string(meta) + "\n")
		if r.Position >= head {
			break
		}
	}
	return out.String()
}

// keyFiles are the files of a folder of keys, with their contents. A server may delete one meanwhile.
func keyFiles(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		out[path] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const (
	giveFeedback = "/api/v1/feedback?project=shop&environment=production"
	annsWords    = "I am " + marker + " and I want my money back"
	bobsWords    = "Nice banner."
	eraseSubject = "/api/v1/projects/shop/feedback/erase"
	eraseAnn     = `{"subject":"` + marker + `@example.org","reason":"A letter of 1 March."}`
)

// A marker is seeded in what somebody says and in who says it. After the erasure it is nowhere: not in the log, the read models,
// answers, exports, backups, keys or what the server logs, and not behind any key that is left; everything else still works, also
// from zero. A copy of all from before the erasure, keys included, still reads it: the key is what makes the difference. (That the
// search would find a marker shows TestAProjectMayWantRawUnitIDs.)
func TestAnErasedPersonIsNowhere(t *testing.T) {
	data, log := t.TempDir(), &logged{}
	start := func(c app.Config, admin string) *rig {
		c.Log = zerolog.New(log).Level(zerolog.DebugLevel)
		return serveLogged(t, c, admin)
	}
	r := start(app.Config{Data: data}, "")
	r.shop()
	r.must("POST", giveFeedback, `{"items":[{"event_id":"`+marker+`-1","subject":"`+marker+`@example.org","text":"`+annsWords+`","score":1,"flag_key":"banner","variant":"on"},
		{"event_id":"2","subject":"bob","text":"`+bobsWords+`"}]}`)
	r.eventually(func() bool { return len(r.said()) == 2 })
	r.saidIs("before", "readable "+annsWords, "readable "+bobsWords)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	before := copyOf(t, data)
	start(app.Config{Data: before}, r.admin).saidIs("a copy of all before the erasure", "readable "+annsWords, "readable "+bobsWords)

	r = start(app.Config{Data: data}, r.admin)
	for _, bad := range []string{`{"subject":"` + marker + `"`, `{"subject":["` + marker + `"]}`, `{"` + marker + `":1}`, `{"subject":"nobody ` + marker + `"}`} {
		if status, _ := r.call("POST", eraseSubject, bad); status != 400 && status != 404 && status != 422 {
			t.Errorf("%s: %d", bad, status)
		}
	}
	if status, _ := r.call("DELETE", "/api/v1/projects/shop/subjects/"+marker, ""); status != 404 { // somebody tries what other products have
		t.Errorf("an address that names a person: %d", status)
	}
	r.must("POST", eraseSubject, eraseAnn)
	r.saidIs("after", "erased", "readable "+bobsWords)
	for _, path := range []string{"/api/v1/projects/shop/feedback", "/api/v1/projects/shop/history", "/api/v1/projections", "/api/v1/log", "/metrics", "/readyz"} {
		if text := r.must("GET", path, ""); strings.Contains(text, marker) {
			t.Errorf("%s answers %s", path, text)
		}
	}
	out := t.TempDir()
	in := func(name string) string { return filepath.Join(out, name) }
	ok(t, "backup", "--url", r.url, "--key", r.admin, "-o", in("backup.tar"))
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	ok(t, "log", "export", "--data", data, "-o", in("log.ndjson"))
	ok(t, "backup", "verify", in("backup.tar"))
	if files := append(found(t, data), found(t, out)...); len(files) > 0 {
		t.Errorf("it is in %v", files)
	}
	text := plainLog(t, data)
	if strings.Contains(text, marker) || strings.Contains(log.text(), marker) || !strings.Contains(log.text(), "/api/v1/projects/:project/feedback/erase") || !strings.Contains(log.text(), `"audit":"feedback_read"`) {
		t.Error("it is in the log, or in what the server logs, or nothing is logged")
	}
	if !strings.Contains(text, "SubjectErased") || !strings.Contains(text, "A letter of 1 March.") || !strings.Contains(text, "FeedbackGiven") {
		t.Errorf("that it was erased, by whom and why is not in the log:\n%s", text)
	}
	old := keyFiles(t, filepath.Join(before, "keys"))
	left := keyFiles(t, filepath.Join(data, "keys"))
	if len(old) != 2 || len(left) != 1 {
		t.Fatalf("there were %d keys and %d are left, not 2 and 1", len(old), len(left))
	}
	for path, key := range old {
		name := strings.TrimPrefix(path, before)
		if _, stays := left[data+name]; !stays && (holds(t, data, key) || holds(t, out, key)) {
			t.Error("her key is still in some file")
		}
	}

	// From zero, from an export and from a backup.
	if err := os.RemoveAll(filepath.Join(data, "facts")); err != nil {
		t.Fatal(err)
	}
	r = start(app.Config{Data: data}, r.admin)
	r.saidIs("from zero", "erased", "readable "+bobsWords)
	r.must("POST", "/api/v1/projections/feedback/rebuild", "")
	r.eventually(func() bool { return strings.Contains(r.must("GET", "/api/v1/projections", ""), `"done":1`) })
	r.saidIs("rebuilt", "erased", "readable "+bobsWords)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func(to string){
		"imported": func(to string) { ok(t, "log", "import", "--data", to, in("log.ndjson")) },
		"restored": func(to string) { ok(t, "restore", "--data", to, in("backup.tar")) },
	} {
		to := filepath.Join(t.TempDir(), "new")
		make(to)
		bare := app.Config{Data: to, SecretFile: filepath.Join(data, "secret")}
		again := start(bare, r.admin)
		again.saidIs(name+" without keys", "erased", "unreadable")
		if err := again.stop(); err != nil {
			t.Fatal(err)
		}
		bare.Keys = filepath.Join(data, "keys")
		again = start(bare, r.admin)
		again.saidIs(name+" with the keys", "erased", "readable "+bobsWords)
		if err := again.stop(); err != nil {
			t.Fatal(err)
		}
	}

	// An old copy of the keys is brought back, or another node had a folder of its own: her key is deleted again, his stays.
	oldKeys := filepath.Join(before, "keys")
	r = start(app.Config{Data: data, Keys: oldKeys}, r.admin)
	r.saidIs("with the old keys", "erased", "readable "+bobsWords)
	r.eventually(func() bool { return len(keyFiles(t, oldKeys)) == 1 })
	r.saidIs("after that", "erased", "readable "+bobsWords)
}

// holds reports whether some file below dir holds the bytes.
func holds(t *testing.T, dir string, wanted []byte) bool {
	t.Helper()
	for _, text := range keyFiles(t, dir) {
		if bytes.Contains(text, wanted) {
			return true
		}
	}
	return false
}
