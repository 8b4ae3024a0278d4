package catalog_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/projectionstest"
)

func positions(changes []catalog.Change) string {
	var out []string
	for _, c := range changes {
		out = append(out, fmt.Sprint(c.Position))
	}
	return strings.Join(out, " ")
}

func TestTheHistoryIsNewestFirst(t *testing.T) {
	h := shop(t) // 1 to 7
	h.Project("blog", project.Create{Key: "blog"})
	h.Flag("shop", "f0", flag.TurnOn{Environment: "production"}) // 9
	p := of(t, h)
	for _, c := range []struct {
		name string
		q    catalog.HistoryQuery
		want string
	}{
		{"all of a project", catalog.HistoryQuery{}, "9 7 6 5 4 3 2 1"},
		{"one kind", catalog.HistoryQuery{Category: "flag"}, "9 5 4 3 2"},
		{"one thing", catalog.HistoryQuery{Category: "flag", Key: "f0"}, "9 2"},
		{"one key, whatever the kind", catalog.HistoryQuery{Key: "orders"}, "6"},
		{"nothing", catalog.HistoryQuery{Category: "metric", Key: "f0"}, ""},
	} {
		changes, next, err := p.History("shop", c.q)
		if got := positions(changes); got != c.want || next != "" || err != nil {
			t.Errorf("%s: %q, next %q, error %v; want %q", c.name, got, next, err, c.want)
		}
	}
	changes, _, _ := p.History("shop", catalog.HistoryQuery{Page: catalog.Page{Limit: 1}})
	want := catalog.Change{
		Position: 9, Revision: 1, Project: "shop", Category: "flag", Key: "f0", Event: "FlagTurnedOn", Data: json.RawMessage(`{"environment":"production"}`),
		Actor: "key:ann", Reason: "because", At: projectionstest.At(9),
	}
	if fmt.Sprint(changes[0]) != fmt.Sprint(want) {
		t.Errorf("the newest change is\n%+v, want\n%+v", changes[0], want)
	}
}

func TestPagesOfTheHistoryStayPutWhileItGrows(t *testing.T) {
	h := shop(t)
	p := of(t, h)
	first, next, err := p.History("shop", catalog.HistoryQuery{Page: catalog.Page{Limit: 3}})
	if got := positions(first); got != "7 6 5" || next == "" || err != nil {
		t.Fatalf("the first page is %q, next %q, error %v", got, next, err)
	}
	h.Flag("shop", "f0", flag.TurnOn{Environment: "production"})
	apply(t, p, h.Records())
	second, next, _ := p.History("shop", catalog.HistoryQuery{Page: catalog.Page{Limit: 3, After: next}})
	third, last, _ := p.History("shop", catalog.HistoryQuery{Page: catalog.Page{Limit: 3, After: next}})
	if got := positions(second) + "|" + positions(third); got != "4 3 2|1" || last != "" {
		t.Errorf("the other pages are %q, then %q", got, last)
	}
}

func TestTheHashOfAKeyIsInNoHistory(t *testing.T) {
	h := shop(t)
	h.Key("k1", apikey.Issue{Key: apikey.Key{ID: "k1", Kind: apikey.Admin, Name: "n", Project: "shop", Hash: projectionstest.Hash}})
	h.Raw("apikey-k2", "KeyIssued", `{"id":"k2","project":"shop","HASH":"`+projectionstest.Hash+`"}`) // the decoder takes any case
	h.Raw("apikey-k2", "KeyHidden", `{"inside":{"secret":"`+projectionstest.Hash+`"}}`)
	changes, _, err := of(t, h).History("shop", catalog.HistoryQuery{Category: "apikey"})
	if got := positions(changes); got != "10 9 8" || err != nil {
		t.Errorf("the history is %q, error %v, want 10 9 8", got, err)
	}
	text, _ := json.Marshal(changes)
	if strings.Contains(string(text), projectionstest.Hash) {
		t.Errorf("the hash is in it: %s", text)
	}
	if !strings.Contains(string(text), `"kind":"admin"`) {
		t.Errorf("what is no secret is not in it: %s", text)
	}
}

func TestWhatCannotBeReadStaysOnRecordAndFreezesItsThingAlone(t *testing.T) {
	for name, raw := range map[string][2]string{
		"an unknown event": {"FlagScheduled", `{"at":"noon"}`}, "broken JSON": {"FlagTurnedOff", `{"environment":`},
		"another flag": {"FlagCreated", `{"project":"shop","key":"f1"}`},
	} {
		t.Run(name, func(t *testing.T) {
			h := shop(t)
			h.Raw("flag-shop.f0", raw[0], raw[1])                         // 8
			h.Raw("flag-shop.f0", "FlagDescribed", `{"name":"too late"}`) // 9
			h.Flag("shop", "f1", flag.Describe{Name: "still alive"})      // 10
			p := of(t, h)
			f0IsFrozenAt8(t, p)
			if e, _ := p.Flag("shop", "f1"); e.State.Name != "still alive" || e.Problem != "" {
				t.Errorf("the other flag is %+v", e)
			}
			changes, _, _ := p.History("shop", catalog.HistoryQuery{Category: "flag", Key: "f0"})
			if got := positions(changes); got != "9 8 2" || changes[0].Problem == "" || changes[1].Problem == "" || changes[2].Problem != "" {
				t.Errorf("the history is %+v", changes)
			}
			if _, err := json.Marshal(changes); err != nil {
				t.Errorf("the history cannot be written as JSON: %v", err)
			}
		})
	}
}

func f0IsFrozenAt8(t *testing.T, p *catalog.Projection) {
	t.Helper()
	e, ok := p.Flag("shop", "f0")
	if !ok || e.Problem == "" || e.State.Name != "Checkout button" || e.Revision != 0 || e.Position != 2 {
		t.Errorf("the flag is %+v, found %v", e, ok)
	}
	if problems := p.Problems(); len(problems) != 1 || problems[0] != (catalog.Problem{Stream: "flag-shop.f0", Position: 8, Detail: e.Problem}) {
		t.Errorf("problems %+v, want one of flag-shop.f0 at 8", problems)
	}
	if e, _ := p.FlagAt("shop", "f0", 7); e.Problem != "" {
		t.Errorf("at 7 it had the problem already: %q", e.Problem)
	}
	if e, _ := p.FlagAt("shop", "f0", 8); e.Problem == "" {
		t.Error("at 8 it had no problem")
	}
}

func TestAThingThatWasNeverCreatedIsNotThere(t *testing.T) {
	h := shop(t)
	h.Raw("flag-shop.x", "FlagCreated.v9", `{"project":"shop","key":"x"}`)
	h.Raw("flag-shop.x", "FlagDescribed", `{"name":"x"}`)
	h.Raw("flag-shop.y", "FlagDescribed", `{"name":"y"}`)
	p := of(t, h)
	if e, ok := p.Flag("shop", "x"); ok {
		t.Errorf("x is %+v", e)
	}
	if e, ok := p.FlagAt("shop", "y", 99); ok {
		t.Errorf("y is %+v", e)
	}
	if entries, _, _ := p.Flags("shop", catalog.Page{}, catalog.Filter{Archived: true}); flagKeys(entries) != "f0 f1 f2 f3" {
		t.Errorf("the list is %s", flagKeys(entries))
	}
	if entries, _, _ := p.Flags("", catalog.Page{}, catalog.Filter{}); len(entries) != 0 {
		t.Errorf("a project without a key has %v", entries)
	}
	if n := len(p.Problems()); n != 2 {
		t.Errorf("%d problems, want one for each stream", n)
	}
}

func TestAnAdminKeyThatCannotBeReadDoesNotCount(t *testing.T) {
	h := shop(t)
	h.Key("k1", apikey.Issue{Key: apikey.Key{ID: "k1", Kind: apikey.Admin, Name: "root", Hash: projectionstest.Hash}})
	h.Raw("apikey-k1", "KeyRevoked.v2", `{}`)
	p := of(t, h)
	if e, ok := p.Key("k1"); !ok || e.Problem == "" {
		t.Errorf("the key is %+v, found %v", e, ok)
	}
	if p.AnyAdminKey() {
		t.Error("it counts, though it may have been revoked")
	}
}

func TestOnlyTheConfigurationIsAskedFor(t *testing.T) {
	p := catalog.New()
	if got, want := fmt.Sprint(p.Filter().Categories), "[project flag metric experiment apikey segment layer holdout]"; got != want {
		t.Errorf("it asks for %s, want %s", got, want)
	}
	apply(t, p, []eventlog.Recorded{{Position: 7}})
	if p.Position() != 7 || p.Name() == "" || p.Version() < 1 {
		t.Errorf("after the checkpoint 7 %q, version %d, stands at %d", p.Name(), p.Version(), p.Position())
	}
}
