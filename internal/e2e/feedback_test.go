package e2e

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/app"
	"github.com/assayhq/assay/internal/client"
)

// said is what a node lists, newest first.
func (s *server) said(t *testing.T, position string) (out []string) {
	t.Helper()
	var list struct {
		Items []struct{ Status, Text string }
	}
	request := client.Request{Path: "/api/v1/projects/shop/feedback", Query: map[string][]string{"min_position": {position}}}
	if _, err := s.DoPatiently(t.Context(), request, &list, 20); err != nil {
		t.Fatal(err)
	}
	for _, i := range list.Items {
		out = append(out, strings.TrimSpace(i.Status+" "+i.Text))
	}
	return out
}

func keyCount(t *testing.T, folder string) (n int) {
	t.Helper()
	_ = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return nil
	})
	return n
}

// Nodes that share the folder of keys read what any of them took in, and an erasure at one holds at all at once; a node with a
// folder of its own reads only its own, and learns of the erasure from the log.
func TestNodesShareTheKeysOfPeople(t *testing.T) {
	cluster, shared, apart := secured(t), t.TempDir(), t.TempDir()
	start := func(keys, admin string) *server {
		return startAs(t, app.Config{Data: t.TempDir(), Store: cluster.ConnectionString("assay"), Secret: clusterSecret, Keys: keys}, admin)
	}
	first := start(shared, "")
	second, third := start(shared, first.AdminKey), start(apart, first.AdminKey)
	send := func(s *server, method, path, query string, body any) string {
		t.Helper()
		request := client.Request{Method: method, Path: path, Body: body, Query: map[string][]string{}}
		if query != "" {
			request.Query = map[string][]string{"project": {"shop"}, "environment": {"production"}}
		}
		var out struct{ Position string }
		into := any(&out)
		if strings.HasSuffix(path, "/erase") {
			into = nil // it answers nothing
		}
		answer, err := s.DoPatiently(t.Context(), request, into, 20)
		if err != nil {
			t.Fatal(err)
		}
		if at := answer.Header.Get("Assay-Position"); at != "" {
			return at
		}
		return out.Position
	}
	say := func(s *server, id, text string) string {
		return send(s, "POST", "/api/v1/feedback", "here", map[string]any{"items": []any{map[string]any{"event_id": id, "subject": "ann", "text": text}}})
	}
	send(first, "POST", "/api/v1/projects", "", map[string]any{"key": "shop"})
	say(first, "1", "One.")
	at := say(second, "2", "Two.")
	at3 := say(third, "3", "Three.")
	for name, s := range map[string]*server{"first": first, "second": second} {
		if got := strings.Join(s.said(t, at3), "|"); got != "unreadable|readable Two.|readable One." {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := strings.Join(third.said(t, at3), "|"); got != "readable Three.|unreadable|unreadable" {
		t.Errorf("apart: %s", got)
	}
	if one, other := keyCount(t, shared), keyCount(t, apart); one != 1 || other != 1 || at == "" {
		t.Errorf("there are %d keys in the shared folder and %d apart, not one each", one, other)
	}
	at = send(second, "POST", "/api/v1/projects/shop/feedback/erase", "", map[string]any{"subject": "ann"})
	for name, s := range map[string]*server{"first": first, "second": second, "apart": third} {
		if got := strings.Join(s.said(t, at), "|"); got != "erased|erased|erased" {
			t.Errorf("%s, after the erasure: %s", name, got)
		}
	}
	for ends := time.Now().Add(20 * time.Second); keyCount(t, shared)+keyCount(t, apart) > 0; {
		if time.Now().After(ends) {
			t.Fatal("the key apart is never deleted")
		}
	}
}
