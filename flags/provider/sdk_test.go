package provider_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/provider"
)

// These tests hold what the provider relies on of the SDK (go-sdk v1.20), and what of it would surprise an app.

// Every domain has a provider of its own environment; neither's trouble is the other's.
func TestSeveralProvidersServeSeveralDomains(t *testing.T) {
	production, staging := newServer(t, fixed("a", flags.String, `"production"`)), newServer(t, fixed("a", flags.String, `"staging"`))
	api := isolated.NewAPI()
	t.Cleanup(func() { api.Shutdown(t.Context()) })
	clients := map[string]*openfeature.Client{}
	for domain, s := range map[string]*server{"production": production, "staging": staging} {
		p := provider.New(provider.Config{URL: s.URL, Key: "key-1", ErrorAfter: time.Hour}).Hurry()
		if err := api.SetProviderAndWait(t.Context(), p, openfeature.WithDomain(domain)); err != nil {
			t.Fatal(err)
		}
		clients[domain] = api.NewClient(openfeature.WithDomain(domain))
	}
	eventually(t, "both streams were asked for", func() bool { return production.count(changesPath) > 0 && staging.count(changesPath) > 0 })
	staging.die()
	eventually(t, "staging is STALE", func() bool { return clients["staging"].State() == openfeature.StaleState })
	for domain, c := range clients {
		if got := c.String(t.Context(), "a", "", user("u")); got != domain {
			t.Errorf("%s serves %q", domain, got)
		}
	}
	if got := clients["production"].State(); got != openfeature.ReadyState {
		t.Errorf("production is %s", got)
	}
	if err := api.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// The SDK gives handlers no error code, so the message begins with it.
func TestTheMessageOfAnErrorEventHasTheCode(t *testing.T) {
	s := newServer(t, counting(10))
	a := newApp(t, s).start(t)
	eventually(t, "the stream was asked for", func() bool { return s.count(changesPath) > 0 })
	s.die()
	a.expect(t, 1, 1, 1, 0)
	if !strings.Contains(a.story(), "PROVIDER_ERROR: GENERAL: ") {
		t.Error(a.story())
	}
}

// The SDK asks for the channel again and again and stops reading after Shutdown: it is always the same one, never closed, and
// nobody waits for a reader.
func TestEventsNeverWaitForAReader(t *testing.T) {
	s := newServer(t, counting(10))
	p := provider.New(provider.Config{URL: s.URL, Key: "key-1"}).Hurry()
	events := p.EventChannel()
	if err := p.Init(openfeature.EvaluationContext{}); err != nil {
		t.Fatal(err)
	}
	for revision := uint64(11); revision < 211; revision++ {
		s.publish(revision, counting(revision))
		eventually(t, "the change is in use", func() bool { return p.Ruleset().Revision() == revision })
	}
	if err := p.ShutdownWithContext(t.Context()); err != nil {
		t.Error(err)
	}
	if p.EventChannel() != events {
		t.Error("it is another channel")
	}
	last := openfeature.Event{}
	for n := 0; ; n++ {
		select {
		case e, open := <-events:
			if !open {
				t.Fatal("the channel is closed")
			}
			last = e
			continue
		default:
		}
		if n == 0 || n > 64 || last.EventType != openfeature.ProviderConfigChange {
			t.Errorf("%d events waited, the last is %v", n, last.EventType)
		}
		return
	}
}

// What the SDK replaces it shuts down, in the background; nothing that waits is lost with it.
func TestAProviderThatIsReplacedSendsWhatWaits(t *testing.T) {
	s := newServer(t, tested("a"))
	a := newApp(t, s, slowly).start(t)
	a.Boolean(t.Context(), "a", false, user("u"))
	if err := a.api.SetProviderAndWait(t.Context(), openfeature.NoopProvider{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the exposure arrived", func() bool { return len(s.taken(exposuresPath)) == 1 })
}

func TestAProviderBelongsToOneAPI(t *testing.T) {
	a := newApp(t, newServer(t, counting(10))).start(t)
	if err := isolated.NewAPI().SetProviderAndWait(t.Context(), a.provider); err == nil {
		t.Error("a second API took it")
	}
	if got := a.Int(t.Context(), "a", -1, user("u")); got != 10 {
		t.Errorf("%d decides", got)
	}
}

// The targeting key and attributes reach the decision from every level, the nearer before the farther.
func TestContextsAreMergedFromEveryLevel(t *testing.T) {
	f := fixed("a", flags.String, `"v"`)
	f.Variants = append(f.Variants, flags.Variant{Key: "found", Value: []byte(`"found"`)})
	f.Rules = []flags.Rule{{ID: "r", Serve: flags.Serve{Variant: "found"}, If: []flags.Condition{
		{Attribute: "global", Operator: flags.Equals, Values: texts("g")},
		{Attribute: "transaction", Operator: flags.Equals, Values: texts("t")},
		{Attribute: "client", Operator: flags.Equals, Values: texts("c")},
		{Attribute: "nearest", Operator: flags.Equals, Values: texts("invocation")},
		{Attribute: flags.TargetingKey, Operator: flags.Equals, Values: texts("u")},
	}}}
	a := newApp(t, newServer(t, f)).start(t)
	level := func(key, value string) openfeature.EvaluationContext {
		return openfeature.NewTargetlessEvaluationContext(map[string]any{key: value, "nearest": key})
	}
	a.api.SetEvaluationContext(level("global", "g"))
	ctx := openfeature.WithTransactionContext(t.Context(), level("transaction", "t"))
	a.SetEvaluationContext(openfeature.NewEvaluationContext("u", map[string]any{"client": "c", "nearest": "client"}))
	if got := a.String(ctx, "a", "", level("invocation", "i")); got != "found" {
		t.Error(got)
	}
}

// A hook of the app's sees every evaluation; the provider brings none of its own, which would cost each one.
func TestHooksOfTheAppSeeWhatTheProviderDecided(t *testing.T) {
	off := fixed("off", flags.Boolean, "true")
	off.On = false
	a := newApp(t, newServer(t, tested("a"), off)).start(t)
	if hooks := a.provider.Hooks(); len(hooks) != 0 {
		t.Errorf("the provider brings %d hooks", len(hooks))
	}
	seen := &observer{}
	a.AddHooks(seen)
	for _, key := range []string{"a", "off", "nothing"} {
		a.Boolean(t.Context(), key, false, user("u"))
	}
	if want := "a v SPLIT true;off v DISABLED true;nothing  ERROR false;"; seen.story != want {
		t.Errorf("%q, want %q", seen.story, want)
	}
}

type observer struct {
	openfeature.UnimplementedHook
	story string
}

func (o *observer) Finally(_ context.Context, _ openfeature.HookContext, d openfeature.InterfaceEvaluationDetails, _ openfeature.HookHints) {
	o.story += fmt.Sprintf("%s %s %s %v;", d.FlagKey, d.Variant, d.Reason, d.Value)
}

// Metadata costs two allocations, which is why it is off by default and has three keys at most.
func TestMetadataCostsTwoAllocations(t *testing.T) {
	s := newServer(t, tested("a"))
	plain := newApp(t, s, slowly).start(t)
	wanting := newApp(t, s, slowly, func(c *provider.Config) { c.Metadata = true }).start(t)
	subject, ctx := user("u"), t.Context()
	without := testing.AllocsPerRun(200, func() { plain.Boolean(ctx, "a", false, subject) })
	with := testing.AllocsPerRun(200, func() { wanting.Boolean(ctx, "a", false, subject) })
	if with > without+2 {
		t.Errorf("%v allocations with metadata, %v without", with, without)
	}
}
