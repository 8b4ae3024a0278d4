package catalog_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/projectionstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func apply(t testing.TB, p *catalog.Projection, batch []eventlog.Recorded) {
	t.Helper()
	if err := p.Apply(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

func of(t testing.TB, h *projectionstest.History) *catalog.Projection {
	t.Helper()
	p := catalog.New()
	apply(t, p, h.Records())
	return p
}

// shop is a project with two environments (1), four flags (2 to 5), a metric (6) and an experiment (7).
func shop(t testing.TB) *projectionstest.History {
	h := projectionstest.New(t)
	h.Project("shop", project.Create{Key: "shop", Name: "The shop"})
	for i, name := range []string{"Checkout button", "", "Größe", "Basket"} {
		key := domain.FlagKey(fmt.Sprint("f", i))
		h.Flag("shop", key, flag.Create{Project: "shop", Key: key, Name: name, Type: flag.Boolean})
	}
	h.Metric("shop", "orders", projectionstest.Orders("shop"))
	h.Experiment("shop", "free", experiment.Create{Project: "shop", Key: "free", Name: "Free shipping", Plan: projectionstest.Plan("f0", "production")})
	return h
}

func TestAnEntrySaysWhoMadeItAndWhoChangedItLast(t *testing.T) {
	h := shop(t)
	h.Actor = "key:bob"
	h.Flag("shop", "f0", flag.TurnOn{Environment: "production"}) // 8
	h.Flag("shop", "f0", flag.Describe{Name: "Button"})          // 9
	e, ok := of(t, h).Flag("shop", "f0")
	if !ok || e.State.Name != "Button" || !e.State.In("production").On {
		t.Errorf("the state is %+v, found %v", e.State, ok)
	}
	e.State = flag.State{}
	want := catalog.Entry[flag.State]{
		Revision: 2, Position: 9, CreatedAt: projectionstest.At(2), UpdatedAt: projectionstest.At(9), CreatedBy: "key:ann", UpdatedBy: "key:bob",
	}
	if fmt.Sprint(e) != fmt.Sprint(want) {
		t.Errorf("the entry is\n%+v, want\n%+v", e, want)
	}
}

func TestAnEventWithoutATimeHappenedWhenItWasRecorded(t *testing.T) {
	h := shop(t)
	records := slices.Clone(h.Records())
	records[0].Meta = map[string]string{"time": "yesterday"}
	p := catalog.New()
	apply(t, p, records)
	e, _ := p.Project("shop")
	if want := projectionstest.At(1).Add(time.Second); !e.CreatedAt.Equal(want) || e.CreatedBy != "" {
		t.Errorf("created at %v by %q, want %v by nobody", e.CreatedAt, e.CreatedBy, want)
	}
}

func TestThingsAreFoundByProjectAndKey(t *testing.T) {
	h := shop(t)
	h.Project("blog", project.Create{Key: "blog"})
	h.Flag("blog", "f0", flag.Create{Project: "blog", Key: "f0", Type: flag.String, Variants: []flag.Variant{{Key: "a", Value: json.RawMessage(`"x"`)}}})
	p := of(t, h)
	if e, ok := p.Flag("blog", "f0"); !ok || e.State.Type != flag.String {
		t.Errorf("blog's f0 is %+v, found %v", e.State, ok)
	}
	if e, ok := p.Flag("shop", "f0"); !ok || e.State.Type != flag.Boolean {
		t.Errorf("shop's f0 is %+v, found %v", e.State, ok)
	}
	if e, ok := p.Metric("shop", "orders"); !ok || e.State.Definition.Event != "order" {
		t.Errorf("the metric is %+v, found %v", e.State, ok)
	}
	if e, ok := p.Experiment("shop", "free"); !ok || e.State.Status != experiment.StatusDraft {
		t.Errorf("the experiment is %+v, found %v", e.State, ok)
	}
	if e, ok := p.Project("blog"); !ok || len(e.State.Environments) != 2 {
		t.Errorf("the project is %+v, found %v", e.State, ok)
	}
	_, ok1 := p.Flag("blog", "f1")
	_, ok2 := p.Metric("blog", "orders")
	_, ok3 := p.Experiment("blog", "free")
	_, ok4 := p.Project("nowhere")
	if ok1 || ok2 || ok3 || ok4 {
		t.Errorf("found what is not there: %v %v %v %v", ok1, ok2, ok3, ok4)
	}
}

func flagKeys(entries []catalog.Entry[flag.State]) string {
	var keys []string
	for _, e := range entries {
		keys = append(keys, string(e.State.Key))
	}
	return strings.Join(keys, " ")
}

func TestListsAreFiltered(t *testing.T) {
	h := shop(t)
	h.Flag("shop", "f3", flag.Archive{})
	h.Flag("shop", "f0", flag.TurnOn{Environment: "production"}) // a change does not move it in the list
	h.Project("blog", project.Create{Key: "blog"})
	h.Flag("blog", "f0", flag.Create{Project: "blog", Key: "f0", Type: flag.Boolean})
	p := of(t, h)
	for _, c := range []struct {
		name   string
		filter catalog.Filter
		want   string
	}{
		{"all in service, in order of creation", catalog.Filter{}, "f0 f1 f2"},
		{"archived too", catalog.Filter{Archived: true}, "f0 f1 f2 f3"},
		{"by a part of the name, whatever the case", catalog.Filter{Text: "CHECK"}, "f0"},
		{"by a part of the name beyond ASCII", catalog.Filter{Text: "GRÖ"}, "f2"},
		{"by key", catalog.Filter{Text: "F1"}, "f1"},
		{"an archived one by name", catalog.Filter{Text: "basket", Archived: true}, "f3"},
		{"nothing", catalog.Filter{Text: "basket"}, ""},
	} {
		entries, next, err := p.Flags("shop", catalog.Page{}, c.filter)
		if got := flagKeys(entries); got != c.want || next != "" || err != nil {
			t.Errorf("%s: %q, next %q, error %v; want %q", c.name, got, next, err, c.want)
		}
	}
	if metrics, _, err := p.Metrics("shop", catalog.Page{}, catalog.Filter{Text: "order"}); len(metrics) != 1 || err != nil {
		t.Errorf("metrics: %v, %v", metrics, err)
	}
}

func TestExperimentsAreListedByStatus(t *testing.T) {
	h := shop(t)
	h.Experiment("shop", "two", experiment.Create{Project: "shop", Key: "two", Plan: projectionstest.Plan("f1", "staging")})
	h.Experiment("shop", "two", experiment.Start{})
	p := of(t, h)
	for status, want := range map[experiment.Status]int{"": 2, experiment.StatusDraft: 1, experiment.StatusRunning: 1, experiment.StatusDecided: 0} {
		if got, _, err := p.Experiments("shop", catalog.Page{}, catalog.Filter{}, status); len(got) != want || err != nil {
			t.Errorf("status %q: %d experiments, error %v, want %d", status, len(got), err, want)
		}
	}
	if got, _, _ := p.Experiments("shop", catalog.Page{}, catalog.Filter{Text: "shipping"}, ""); len(got) != 1 {
		t.Errorf("by name: %d experiments, want 1", len(got))
	}
}

func TestProjectsAreListedAsFarAsTheyMayBeSeen(t *testing.T) {
	h := shop(t)
	h.Project("blog", project.Create{Key: "blog"})
	p := of(t, h)
	for only, want := range map[domain.ProjectKey]int{"": 2, "blog": 1, "nowhere": 0} {
		if got, _, err := p.Projects(catalog.Page{}, only); len(got) != want || err != nil {
			t.Errorf("only %q: %d projects, error %v, want %d", only, len(got), err, want)
		}
	}
}

// pages lists the flags page by page.
func pages(t *testing.T, p *catalog.Projection, limit int) string {
	var all []string
	for page := (catalog.Page{Limit: limit}); ; {
		entries, next, err := p.Flags("shop", page, catalog.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, flagKeys(entries))
		if page.After = next; next == "" {
			return strings.Join(all, "|")
		}
	}
}

func TestPagesMakeUpTheList(t *testing.T) {
	h := shop(t)
	p := of(t, h)
	for limit, want := range map[int]string{1: "f0|f1|f2|f3", 2: "f0 f1|f2 f3", 3: "f0 f1 f2|f3", 4: "f0 f1 f2 f3", 0: "f0 f1 f2 f3", 1000: "f0 f1 f2 f3"} {
		if got := pages(t, p, limit); got != want {
			t.Errorf("limit %d: %s, want %s", limit, got, want)
		}
	}
	for i := range 300 {
		key := domain.FlagKey(fmt.Sprint("g", i))
		h.Flag("shop", key, flag.Create{Project: "shop", Key: key, Type: flag.Boolean})
	}
	apply(t, p, h.Records())
	for limit, want := range map[int]int{0: 50, 150: 150, 1000: 200} {
		if entries, next, _ := p.Flags("shop", catalog.Page{Limit: limit}, catalog.Filter{}); len(entries) != want || next == "" {
			t.Errorf("limit %d: %d entries, want %d; next %q", limit, len(entries), want, next)
		}
	}
}

func TestACursorThatNoListGaveOutIsRefused(t *testing.T) {
	p := of(t, shop(t))
	for _, cursor := range []string{"x", "!!", "cA", "cC0x", "OTk"} {
		_, _, err := p.Flags("shop", catalog.Page{After: cursor}, catalog.Filter{})
		if r, ok := domain.AsRefusal(err); !ok || r.Code != "bad_cursor" {
			t.Errorf("flags after %q: %v", cursor, err)
		}
		if _, _, err := p.History("shop", catalog.HistoryQuery{Page: catalog.Page{After: cursor}}); err == nil {
			t.Errorf("history after %q was answered", cursor)
		}
	}
}

func TestAThingCanBeLookedAtAsItWas(t *testing.T) {
	h := shop(t)
	h.Flag("shop", "f0", flag.TurnOn{Environment: "production"})  // 8
	h.Flag("shop", "f0", flag.TurnOff{Environment: "production"}) // 9
	h.Metric("shop", "orders", metric.Describe{Name: "Sales"})    // 10
	p := of(t, h)
	for at, want := range map[eventlog.Position]string{1: "false ", 2: "true off 2", 7: "true off 2", 8: "true on 8", 9: "true off 9", 99: "true off 9"} {
		e, ok := p.FlagAt("shop", "f0", at)
		got := fmt.Sprint(ok, " ")
		if ok {
			got = fmt.Sprintf("%v %s %d", ok, map[bool]string{true: "on", false: "off"}[e.State.In("production").On], e.Position)
		}
		if got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
	if e, ok := p.MetricAt("shop", "orders", 9); !ok || e.State.Name != "Orders" {
		t.Errorf("the metric was %+v, found %v", e, ok)
	}
	if _, ok := p.MetricAt("shop", "orders", 5); ok {
		t.Error("the metric was there before it was made")
	}
	if _, ok := p.FlagAt("shop", "none", 99); ok {
		t.Error("a flag that never was is found")
	}
}

func TestAnExperimentsCourseHasItsTimesAndAmendments(t *testing.T) {
	h := shop(t)
	h.Experiment("shop", "free", experiment.Start{}) // 8
	plan := projectionstest.Plan("f0", "production")
	plan.Hypothesis = "We believe it helps more."
	h.Actor, h.Reason = "key:bob", "we learnt something"
	h.Experiment("shop", "free", experiment.Change{Plan: plan})                                                                                      // 9
	h.Experiment("shop", "free", experiment.Conclude{Decision: experiment.Decision{Outcome: experiment.Keep, Why: "It made no difference at all."}}) // 10, 11
	p := of(t, h)
	for at, want := range map[eventlog.Position]string{7: "draft 0 0 0 0", 8: "running 8 0 0 0", 9: "running 8 0 0 1", 10: "stopped 8 10 0 1", 11: "decided 8 10 11 1"} {
		e, c, ok := p.ExperimentAt("shop", "free", at)
		number := func(at time.Time) int {
			if at.IsZero() {
				return 0
			}
			return int(at.Sub(projectionstest.At(0)) / time.Minute)
		}
		got := fmt.Sprint(e.State.Status, " ", number(c.StartedAt), number(c.StoppedAt), number(c.DecidedAt), len(c.Amendments))
		if !ok || got != want {
			t.Errorf("at %d: %s (found %v), want %s", at, got, ok, want)
		}
	}
	_, c, _ := p.ExperimentAt("shop", "free", 11)
	// The two events of one command were given at one time, before the first was recorded.
	if a := c.Amendments[0]; a.Actor != "key:bob" || a.Reason != "we learnt something" || !a.At.Equal(projectionstest.At(9)) {
		t.Errorf("the amendment is %+v", a)
	}
	if _, _, ok := p.ExperimentAt("shop", "free", 6); ok {
		t.Error("the experiment was there before it was made")
	}
}

func TestKeysAreFoundByTheirID(t *testing.T) {
	h := shop(t)
	if of(t, h).AnyAdminKey() {
		t.Error("there is an admin key before any was issued")
	}
	h.Key("k1", apikey.Issue{Key: apikey.Key{ID: "k1", Kind: apikey.Admin, Name: "of the shop", Project: "shop", Hash: projectionstest.Hash}})
	h.Key("k2", apikey.Issue{Key: apikey.Key{ID: "k2", Kind: apikey.Client, Name: "app", Project: "shop", Environment: "production", Hash: projectionstest.Hash}})
	if of(t, h).AnyAdminKey() {
		t.Error("a key of one project counts as one of the installation")
	}
	h.Key("k3", apikey.Issue{Key: apikey.Key{ID: "k3", Kind: apikey.Admin, Name: "root", Hash: projectionstest.Hash}})
	p := of(t, h)
	if !p.AnyAdminKey() {
		t.Error("there is no admin key")
	}
	if e, ok := p.Key("k2"); !ok || e.State.Key.Hash != projectionstest.Hash || e.State.Key.Kind != apikey.Client {
		t.Errorf("k2 is %+v, found %v", e.State, ok)
	}
	if _, ok := p.Key("shop.k1"); ok {
		t.Error("a key is found by another name")
	}
	for in, want := range map[domain.ProjectKey]int{"": 1, "shop": 2, "blog": 0} {
		if keys, _, err := p.Keys(in, catalog.Page{}); len(keys) != want || err != nil {
			t.Errorf("project %q has %d keys, error %v, want %d", in, len(keys), err, want)
		}
	}
	h.Key("k3", apikey.Revoke{})
	apply(t, p, h.Records())
	if e, ok := p.Key("k3"); !ok || !e.State.Revoked || p.AnyAdminKey() {
		t.Errorf("the revoked key is %+v, found %v; any admin key: %v", e.State, ok, p.AnyAdminKey())
	}
	if keys, _, _ := p.Keys("", catalog.Page{}); len(keys) != 0 {
		t.Errorf("a revoked key is listed: %v", keys)
	}
}
