package openapi_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

func TestAChangeGoesThroughOnTheRevisionThatWasSeen(t *testing.T) {
	w := newShop(t)
	seen := w.must("GET", banner, "").Header().Get("ETag")
	rename := func(name, match string) *httptest.ResponseRecorder {
		return w.do(call{method: "PATCH", path: banner, body: `{"name":"` + name + `"}`, header: map[string]string{"If-Match": match}})
	}
	first := rename("one", seen)
	if first.Code != 200 || first.Header().Get("ETag") == seen {
		t.Fatalf("%d %s", first.Code, first.Body)
	}
	if p := problemIn(t, rename("two", seen)); p.Status != 412 || p.Revision != first.Header().Get("ETag") {
		t.Errorf("%d, the current revision is said to be %s, want %s", p.Status, p.Revision, first.Header().Get("ETag"))
	}
	if third := rename("three", "*"); third.Code != 200 {
		t.Errorf("any revision: %d %s", third.Code, third.Body)
	}
}

func TestOfManyWritersOnOneRevisionOneWins(t *testing.T) {
	w := newShop(t)
	seen := w.must("GET", banner, "").Header().Get("ETag")
	var writers sync.WaitGroup
	codes := make([]int, 8)
	for i := range codes {
		writers.Go(func() {
			c := call{method: "PATCH", path: banner, key: w.admin, body: fmt.Sprintf(`{"name":"writer %d"}`, i), header: map[string]string{"If-Match": seen}}
			codes[i] = serve(w, c.request()).Code
		})
	}
	writers.Wait()
	won := 0
	for _, code := range codes {
		if code == 200 {
			won++
		} else if code != 412 {
			t.Errorf("a writer gets %d, want 412", code)
		}
	}
	if won != 1 {
		t.Errorf("%d writers have won", won)
	}
}

func TestAPartialChangeKeepsTheRest(t *testing.T) {
	w := newShop(t)
	var f struct {
		Name, Description string
		Variants          []struct{ Key string }
	}
	w.must("PATCH", banner, `{"name":"Banner","description":"On top."}`)
	w.must("PATCH", banner, `{"description":"At the bottom."}`)
	decode(t, w.must("GET", banner, ""), &f)
	if f.Name != "Banner" || f.Description != "At the bottom." || len(f.Variants) != 2 {
		t.Errorf("%+v", f)
	}
	w.must("PATCH", banner+"/environments/production", `{"rules":[{"if":[{"attribute":"a","operator":"exists"}],"serve":{"variant":"on"}}]}`)
	w.must("PATCH", banner+"/environments/production", `{"default":{"variant":"on"}}`)
	var e struct {
		On      bool
		Rules   []any
		Default struct{ Variant string }
	}
	decode(t, w.must("GET", banner+"/environments/production", ""), &e)
	if !e.On || len(e.Rules) != 1 || e.Default.Variant != "on" {
		t.Errorf("%+v", e)
	}
}

func TestAWriteCanBeReadAtOnce(t *testing.T) {
	w := newShop(t)
	for i := range 50 {
		path := fmt.Sprintf("%s/flags/flag-%d", shop, i)
		w.must("POST", shop+"/flags", fmt.Sprintf(`{"key":"flag-%d","type":"boolean"}`, i))
		w.must("PATCH", path+"/environments/production", `{"on":true}`)
		if answer := w.do(call{method: "POST", path: fmt.Sprintf("%s/flag-%d", evaluate, i), key: w.server, body: `{}`}); !strings.Contains(answer.Body.String(), `"value":true`) {
			t.Fatalf("the flag that was switched on evaluates to %s", answer.Body)
		}
	}
}

func TestARepeatedRequestIsExecutedOnce(t *testing.T) {
	w := newShop(t)
	post := func(key, body string) *httptest.ResponseRecorder {
		return w.do(call{method: "POST", path: shop + "/flags", body: body, header: map[string]string{"Idempotency-Key": key}})
	}
	first := post("a", `{"key":"once","type":"boolean"}`)
	again := post("a", `{"key":"once","type":"boolean"}`)
	if first.Code != 201 || again.Code != 201 || again.Header().Get("Assay-Position") != first.Header().Get("Assay-Position") {
		t.Errorf("%d at %s, then %d at %s", first.Code, first.Header().Get("Assay-Position"), again.Code, again.Header().Get("Assay-Position"))
	}
	if p := problemIn(t, post("a", `{"key":"once","type":"string","variants":[{"key":"x","value":"y"}]}`)); p.Status != 422 || p.Code != "idempotency_key_reused" {
		t.Errorf("the same Idempotency-Key with another body: %d %s", p.Status, p.Code)
	}
	if p := problemIn(t, post("b", `{"key":"once","type":"boolean"}`)); p.Status != 409 {
		t.Errorf("another Idempotency-Key: %d", p.Status)
	}
	mine := w.newKey("shop", `{"kind":"admin","name":"x"}`)
	theirs := w.do(call{method: "POST", path: shop + "/flags", key: mine, body: `{"key":"once","type":"boolean"}`, header: map[string]string{"Idempotency-Key": "a"}})
	if p := problemIn(t, theirs); p.Status != 409 {
		t.Errorf("the Idempotency-Key of another caller: %d", p.Status)
	}
}

func TestTheHistorySaysWhoAndWhy(t *testing.T) {
	w := newShop(t)
	w.must("PATCH", banner, `{"name":"Banner","reason":"Say what it is."}`)
	var history struct {
		Items []struct{ Event, Actor, Reason, Category, Key string }
		Next  string `json:"next_cursor"`
	}
	decode(t, w.must("GET", shop+"/history?category=flag&key=banner&limit=1", ""), &history)
	want := "key:" + strings.Split(w.admin, "_")[2]
	if len(history.Items) != 1 || history.Items[0].Actor != want || history.Items[0].Reason != "Say what it is." || history.Next == "" {
		t.Fatalf("%+v, want the change by %s", history, want)
	}
	seen := 1
	for cursor := history.Next; cursor != ""; cursor = history.Next {
		history.Next, history.Items = "", nil
		decode(t, w.must("GET", shop+"/history?category=flag&key=banner&limit=1&cursor="+cursor, ""), &history)
		seen += len(history.Items)
	}
	// Created, switched and given its default, attached to the experiment, described.
	if seen != 5 {
		t.Errorf("the history has %d changes, want 5", seen)
	}
	if body := w.must("GET", shop+"/history?category=apikey", "").Body.String(); strings.Contains(body, "hash") || !strings.Contains(body, "KeyIssued") {
		t.Errorf("the history of keys says %s", body)
	}
}

func TestPagesDoNotShift(t *testing.T) {
	w := newShop(t)
	for i := range 7 {
		w.must("POST", shop+"/flags", fmt.Sprintf(`{"key":"flag-%d","type":"boolean"}`, i))
	}
	var keys []string
	next := ""
	for page := 0; page == 0 || next != ""; page++ {
		var list struct {
			Items []struct{ Key string }
			Next  string `json:"next_cursor"`
		}
		decode(t, w.must("GET", shop+"/flags?limit=3&cursor="+next, ""), &list)
		for _, f := range list.Items {
			keys = append(keys, f.Key)
		}
		next = list.Next
		w.must("PATCH", shop+"/flags/flag-0", fmt.Sprintf(`{"name":"touched %d"}`, page))
	}
	if got := strings.Join(keys, " "); got != "banner flag-0 flag-1 flag-2 flag-3 flag-4 flag-5 flag-6" {
		t.Errorf("the pages hold %s", got)
	}
}
