package openapi_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A bit flips in the facts on disk while the server runs. While they are damaged results are refused with the file's name, /readyz and the list of read
// models name it too, and items are taken in; an item that comes again is not known then, but counts once. Afterwards the results are those of
// the items that were sent, and nothing is degraded. The read models stand still meanwhile, so that the test sees what is in between.
func TestDamagedFactsAreNamedAndMadeAgain(t *testing.T) {
	w := newShop(t)
	send := func(from, to int) {
		var items []string
		for i := from; i < to; i++ {
			items = append(items, exposureOf(i))
		}
		answer := w.do(call{method: "POST", path: "/api/v1/exposures", key: w.server, body: `{"items":[` + strings.Join(items, ",") + `]}`})
		if answer.Code != 202 {
			t.Fatal(answer.Code, answer.Body)
		}
	}
	patient, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	until := func(what string, is func() bool) {
		t.Helper()
		for !is() {
			if patient.Err() != nil {
				t.Fatal("it never comes to ", what)
			}
			time.Sleep(time.Millisecond)
		}
	}
	listed := func() string { return w.must("GET", "/api/v1/projections", "").Body.String() }
	send(0, 100)
	w.catchUp()
	w.must("POST", "/api/v1/projections/facts/rebuild", "") // it leaves all rows on disk
	until("the end of the rebuild", func() bool { return strings.Contains(listed(), `"done":1`) })
	w.freeze()
	damagedFile := "000001.exposures.parquet"
	name, err := filepath.Glob(filepath.Join(w.facts, "v*", "rebuild-*", damagedFile))
	if err != nil || len(name) != 1 {
		t.Fatal(name, err)
	}
	text, err := os.ReadFile(name[0])
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(name[0], text, 0o600); err != nil {
		t.Fatal(err)
	}

	results := call{method: "GET", path: shop + "/experiments/trial/results"}
	if p := problemIn(t, w.do(results)); p.Status != 503 || p.Code != "facts_damaged" || !strings.Contains(p.Detail, damagedFile) || !strings.Contains(p.Detail, "made again from the log") {
		t.Errorf("results: %+v", p)
	}
	if text := w.must("GET", "/readyz", "").Body.String(); !strings.Contains(text, damagedFile) || !strings.Contains(text, `"status":"degraded"`) {
		t.Errorf("readiness does not say it: %s", text)
	}
	if text := listed(); !strings.Contains(text, damagedFile) {
		t.Errorf("the list does not say it: %s", text)
	}
	send(90, 110)
	w.thaw()
	until("the end of the damage", func() bool { return strings.Contains(listed(), `"done":2`) })
	w.catchUp()
	text = w.must("GET", results.path, "").Body.Bytes()
	if want := fmt.Sprintf(`"units":%d`, 55); strings.Count(string(text), want) < 2 {
		t.Errorf("of 110 units 55 are in either arm, but: %.600s", text)
	}
	if text := w.must("GET", "/readyz", "").Body.String(); strings.Contains(text, "degraded") {
		t.Errorf("it is still degraded: %s", text)
	}
}
