package openapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/openapi"
)

// follower applies the deltas of a stream to the ruleset that it loaded.
type follower struct {
	*listener
	rules *flags.Ruleset
}

func load(t *testing.T, w *world) *flags.Ruleset {
	t.Helper()
	snapshot, err := flags.ParseSnapshot(w.do(call{method: "GET", path: "/api/v1/ruleset", key: w.server}).Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	rules, err := flags.Compile(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func followDeltas(t *testing.T, base string, w *world, rules *flags.Ruleset) *follower {
	t.Helper()
	l := listenTo(t, base+"/api/v1/ruleset/changes?deltas=true", http.Header{
		"X-Api-Key": {w.server}, "Last-Event-ID": {strconv.FormatUint(rules.Revision(), 10)},
	})
	if line := l.next(); line != "retry: 1000" {
		t.Fatalf("the first line is %q", line)
	}
	return &follower{listener: l, rules: rules}
}

// delta reads an event and applies it.
func (f *follower) delta() (d flags.Delta) {
	f.t.Helper()
	if line := f.next(); line != "event: delta" {
		f.t.Fatalf("%q, want a delta", line)
	}
	id := strings.TrimPrefix(f.next(), "id: ")
	var e struct {
		ETag  string
		Sum   uint64 `json:"sum,string"`
		Delta flags.Delta
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(f.next(), "data: ")), &e); err != nil {
		f.t.Fatal(err)
	}
	next, err := f.rules.Apply(e.Delta)
	if err != nil {
		f.t.Fatal(err)
	}
	if next.Sum() != e.Sum || id != fmt.Sprint(next.Revision()) || e.ETag != `"rs-`+id+`"` {
		f.t.Errorf("event %s with the tag %s and the sum %x leads to revision %d and %x", id, e.ETag, e.Sum, next.Revision(), next.Sum())
	}
	f.rules = next
	return e.Delta
}

// Whoever follows deltas has what whoever loads the whole has.
func TestAStreamOfDeltasLeadsWhereTheWholeIs(t *testing.T) {
	w := newShop(t)
	base := onNetwork(t, w)
	start := load(t, w)
	f := followDeltas(t, base, w, start)
	w.must("PATCH", banner+"/environments/production", `{"on":false}`)
	if d := f.delta(); len(d.Flags) != 1 || d.Flags[0].Key != "banner" || d.Flags[0].On {
		t.Errorf("%+v", d)
	}
	w.must("POST", "/api/v1/projects/shop/flags", `{"key":"another","name":"Another","type":"boolean"}`)
	if d := f.delta(); len(d.Flags) != 1 || d.Flags[0].Key != "another" {
		t.Errorf("%+v", d)
	}
	w.must("POST", "/api/v1/projects/shop/flags/another/archive", ``)
	if d := f.delta(); len(d.FlagsGone) != 1 || d.FlagsGone[0] != "another" {
		t.Errorf("%+v", d)
	}
	whole := load(t, w)
	if f.rules.Sum() != whole.Sum() || f.rules.Revision() != whole.Revision() || len(whole.Changed(f.rules)) > 0 {
		t.Errorf("the deltas lead to %v at %d, the whole is %v at %d", f.rules.Keys(), f.rules.Revision(), whole.Keys(), whole.Revision())
	}

	// Somebody who comes back late gets everything in one.
	late := followDeltas(t, base, w, start)
	late.delta()
	if late.rules.Sum() != whole.Sum() {
		t.Errorf("late: %v", late.rules.Keys())
	}
}

func TestWhereADeltaCannotBeToldThereIsWordOfAChange(t *testing.T) {
	w := newShop(t)
	base := onNetwork(t, w)
	for _, last := range []string{"", "nonsense", "-1", "99999999999", "18446744073709551616"} {
		h := http.Header{"X-Api-Key": {w.server}}
		if last != "" {
			h.Set("Last-Event-ID", last)
		}
		l := listenTo(t, base+"/api/v1/ruleset/changes?deltas=true", h)
		l.next()
		l.event()
	}
	start := load(t, w)
	value := strings.Repeat("x", 60<<10)
	for _, key := range []string{"heavy", "heavier"} {
		variants := make([]string, 10)
		for i := range variants {
			variants[i] = fmt.Sprintf(`{"key":"v%d","value":"%d%s"}`, i, i, value)
		}
		w.must("POST", "/api/v1/projects/shop/flags", `{"key":"`+key+`","name":"Heavy","type":"string","default":"v0","off":"v0","variants":[`+strings.Join(variants, ",")+`]}`)
	}
	followDeltas(t, base, w, start).event()
}

// A ruleset that is sent in pieces is the same, and so is the connection afterwards.
func TestALargeRulesetComesWhole(t *testing.T) {
	w := newShop(t, func(d *openapi.Dependencies) { d.LargeRuleset, d.WriteTimeout = 1, 200*time.Millisecond })
	for i := range 50 {
		w.must("POST", "/api/v1/projects/shop/flags", fmt.Sprintf(`{"key":"flag-%04d","name":"Flag","type":"boolean"}`, i))
	}
	base := onNetwork(t, w)
	var texts [2]string
	for i := range texts {
		if i > 0 {
			<-time.After(300 * time.Millisecond) // the bound of the first answer's last piece is over
		}
		r, err := http.NewRequestWithContext(t.Context(), "GET", base+"/api/v1/ruleset", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Api-Key", w.server)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
		s, err := flags.ParseSnapshot(text)
		if err != nil || len(s.Flags) < 50 || answer.Header.Get("ETag") != fmt.Sprintf(`"rs-%d"`, s.Revision) {
			t.Errorf("%v: %d flags, tag %s", err, len(s.Flags), answer.Header.Get("ETag"))
		}
	}
	if texts[0] != texts[1] {
		t.Error("the second answer is another")
	}
	http.DefaultClient.CloseIdleConnections()
}
