package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"
	"go.uber.org/goleak"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/provider"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func fixed(key string, kind flags.Type, value string) flags.Flag {
	return flags.Flag{
		Key: key, Type: kind, On: true, Revision: 3, Off: "v", Default: flags.Serve{Variant: "v"},
		Variants: []flags.Variant{{Key: "v", Value: json.RawMessage(value)}},
	}
}

func everybody(salt string) flags.Split {
	return flags.Split{Algorithm: flags.BucketingV1, Salt: salt, Total: 100_000, Weights: []flags.Weight{{Variant: "v", Weight: 100_000}}}
}

func tested(key string) flags.Flag {
	f := fixed(key, flags.Boolean, "true")
	f.Experiment = &flags.Experiment{Key: key + "-experiment", Unit: "user", Split: everybody(key)}
	return f
}

// app is a program that uses the provider through the SDK, and counts the events that its handlers are given.
type app struct {
	*openfeature.Client
	api      *openfeature.EvaluationAPI
	provider *provider.Provider

	mu      sync.Mutex
	events  map[openfeature.EventType]int
	changed []string
	told    []string
}

func newApp(t testing.TB, s *server, adjust ...func(*provider.Config)) *app {
	t.Helper()
	c := provider.Config{URL: s.URL, Key: "key-1", PollInterval: 10 * time.Millisecond, FlushInterval: 5 * time.Millisecond, ErrorAfter: 50 * time.Millisecond}
	for _, f := range adjust {
		f(&c)
	}
	a := &app{api: isolated.NewAPI(), provider: provider.New(c).Hurry(), events: map[openfeature.EventType]int{}}
	a.Client = a.api.NewClient()
	for _, kind := range []openfeature.EventType{openfeature.ProviderReady, openfeature.ProviderStale, openfeature.ProviderError, openfeature.ProviderConfigChange} {
		note := func(d openfeature.EventDetails) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.events[kind]++
			a.changed = append(a.changed, d.FlagChanges...)
			a.told = append(a.told, fmt.Sprint(kind, ": ", d.Message))
		}
		a.api.AddHandler(kind, &note)
	}
	t.Cleanup(func() { a.api.Shutdown(context.Background()) })
	return a
}

func (a *app) start(t testing.TB) *app {
	t.Helper()
	if err := a.api.SetProviderAndWait(t.Context(), a.provider); err != nil {
		t.Fatal(err)
	}
	return a
}

// had reports whether handlers were given exactly these events so far.
func (a *app) had(ready, stale, failed, changed int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.events[openfeature.ProviderReady] == ready && a.events[openfeature.ProviderStale] == stale &&
		a.events[openfeature.ProviderError] == failed && a.events[openfeature.ProviderConfigChange] == changed
}

func (a *app) story() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.told, "\n")
}

func eventually(t testing.TB, what string, is func() bool, story ...func() string) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(10 * time.Second)
	for !is() {
		select {
		case <-ticker.C:
		case <-deadline:
			for _, s := range story {
				t.Log(s())
			}
			t.Fatalf("it never happened that %s", what)
		}
	}
}

// expect waits until exactly these events have been handled. Any that come too often make it fail, here or at the next call.
func (a *app) expect(t *testing.T, ready, stale, failed, changed int) {
	t.Helper()
	eventually(t, fmt.Sprintf("there were %d READY, %d STALE, %d ERROR and %d CONFIGURATION_CHANGED", ready, stale, failed, changed),
		func() bool { return a.had(ready, stale, failed, changed) }, a.story)
}

// end shuts the app down and checks that not one event more came.
func (a *app) end(t *testing.T, ready, stale, failed, changed int) {
	t.Helper()
	if err := a.api.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if !a.had(ready, stale, failed, changed) {
		t.Errorf("events: %v\n%s", a.events, a.story())
	}
}

func user(key string) openfeature.EvaluationContext {
	return openfeature.NewEvaluationContext(key, map[string]any{"plan": "pro", "age": 30, "pages": []string{"a"}})
}

func TestAnAppIsToldReadyOnceAndEveryChangeOnce(t *testing.T) {
	s := newServer(t, fixed("a", flags.Boolean, "false"), fixed("b", flags.Boolean, "false"))
	a := newApp(t, s).start(t)
	a.expect(t, 1, 0, 0, 0)
	changed := fixed("a", flags.Boolean, "true")
	changed.Revision = 11
	s.publish(11, changed, fixed("c", flags.Boolean, "true"))
	a.expect(t, 1, 0, 0, 1)
	if !slices.Equal(a.changed, []string{"a", "b", "c"}) {
		t.Errorf("changed: %v", a.changed)
	}
	if !a.Boolean(t.Context(), "a", false, user("u")) {
		t.Error("the new ruleset does not decide")
	}
	a.end(t, 1, 0, 0, 1)
}

func TestAServerThatIsAwayAtTheStartIsFoundLater(t *testing.T) {
	s := newServer(t, fixed("a", flags.Boolean, "true"))
	s.die()
	a := newApp(t, s)
	if err := a.api.SetProviderAndWait(t.Context(), a.provider); err == nil {
		t.Error("Init found a server that is away")
	}
	d, err := a.BooleanValueDetails(t.Context(), "a", false, user("u"))
	if err == nil || d.Value || d.ErrorCode != openfeature.ProviderNotReadyCode || a.State() != openfeature.ErrorState {
		t.Errorf("%+v, %v, %s", d, err, a.State())
	}
	a.expect(t, 0, 0, 1, 0)
	s.live()
	a.expect(t, 1, 0, 1, 0)
	if !a.Boolean(t.Context(), "a", false, user("u")) || a.State() != openfeature.ReadyState {
		t.Errorf("state %s", a.State())
	}
	a.end(t, 1, 0, 1, 0)
}

func TestAServerThatDiesMakesTheProviderStaleThenFailAndEveryDecisionGoesOn(t *testing.T) {
	s := newServer(t, fixed("a", flags.Integer, "1"))
	a := newApp(t, s).start(t)
	eventually(t, "the stream was asked for", func() bool { return s.count(changesPath) > 0 })
	s.die()
	a.expect(t, 1, 1, 1, 0)
	if d, err := a.IntValueDetails(t.Context(), "a", 9, user("u")); err != nil || d.Value != 1 || a.State() != openfeature.ErrorState {
		t.Errorf("%+v, %v, %s", d, err, a.State())
	}
	changed := fixed("a", flags.Integer, "2")
	changed.Revision = 12
	s.publish(12, changed)
	s.live()
	a.expect(t, 2, 1, 1, 1)
	if got := a.Int(t.Context(), "a", 9, user("u")); got != 2 || a.State() != openfeature.ReadyState {
		t.Errorf("%d in state %s", got, a.State())
	}
	s.die()
	a.expect(t, 2, 2, 2, 1)
	s.live()
	a.expect(t, 3, 2, 2, 1)
	a.end(t, 3, 2, 2, 1)
}

func TestAShortLossIsStaleWithoutAnError(t *testing.T) {
	s := newServer(t, fixed("a", flags.Integer, "1"))
	a := newApp(t, s, func(c *provider.Config) { c.ErrorAfter = time.Hour }).start(t)
	eventually(t, "the stream was asked for", func() bool { return s.count(changesPath) > 0 })
	s.die()
	a.expect(t, 1, 1, 0, 0)
	if a.State() != openfeature.StaleState {
		t.Error(a.State())
	}
	s.live()
	a.expect(t, 2, 1, 0, 0)
	a.end(t, 2, 1, 0, 0)
}

func TestAKeyThatTheServerRefusesIsFatal(t *testing.T) {
	s := newServer(t, fixed("a", flags.Boolean, "true"))
	for name, adjust := range map[string]func(*provider.Config){
		"a wrong key": func(c *provider.Config) { c.Key = "another" },
		"no URL":      func(c *provider.Config) { c.URL = "" },
		"half a URL":  func(c *provider.Config) { c.URL = "flags.example.com" },
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, s, adjust)
			if err := a.api.SetProviderAndWait(t.Context(), a.provider); err == nil {
				t.Error("Init succeeded")
			}
			d, _ := a.BooleanValueDetails(t.Context(), "a", false, user("u"))
			if d.ErrorCode != openfeature.ProviderFatalCode || a.State() != openfeature.FatalState {
				t.Errorf("%+v in state %s", d, a.State())
			}
			a.expect(t, 0, 0, 1, 0)
			a.end(t, 0, 0, 1, 0)
		})
	}
}

func TestAKeyRevokedLaterLeavesTheLastRulesetDeciding(t *testing.T) {
	s := newServer(t, fixed("a", flags.Boolean, "true"))
	a := newApp(t, s).start(t)
	eventually(t, "the stream was asked for", func() bool { return s.count(changesPath) > 0 })
	s.with(func() {
		s.refuse[rulesetPath], s.refuse[changesPath] = http.StatusUnauthorized, http.StatusUnauthorized
	})
	s.with(func() { close(s.gone); s.gone = make(chan struct{}) })
	a.expect(t, 1, 1, 1, 0)
	if !a.Boolean(t.Context(), "a", false, user("u")) {
		t.Error("the last ruleset does not decide")
	}
}

func TestWithoutAStreamThePollFindsChanges(t *testing.T) {
	for _, status := range []int{http.StatusNotFound, http.StatusServiceUnavailable, http.StatusForbidden} {
		s := newServer(t, fixed("a", flags.Boolean, "false"))
		s.with(func() { s.refuse[changesPath] = status })
		a := newApp(t, s).start(t)
		eventually(t, "the stream was refused", func() bool { return s.count(changesPath) > 1 })
		s.publish(11, fixed("a", flags.Boolean, "false"), fixed("b", flags.Boolean, "true"))
		a.expect(t, 1, 0, 0, 1)
		a.end(t, 1, 0, 0, 1)
	}
}

// A server that is starting refuses the stream and a moment later answers for the ruleset. That is no reason to take it for one that
// has no streams: the next change would be seen at the next poll only.
func TestAStreamThatWasRefusedForAMomentIsAskedForAgain(t *testing.T) {
	s := newServer(t, fixed("a", flags.Boolean, "false"))
	s.with(func() { s.refuse[changesPath] = http.StatusServiceUnavailable })
	a := newApp(t, s, func(c *provider.Config) { c.PollInterval = time.Hour }).start(t)
	eventually(t, "the stream was refused", func() bool { return s.count(changesPath) > 0 })
	s.with(func() { delete(s.refuse, changesPath) })
	s.publish(11, fixed("a", flags.Boolean, "false"), fixed("b", flags.Boolean, "true"))
	a.expect(t, 1, 0, 0, 1)
	a.end(t, 1, 0, 0, 1)
}

func TestAStreamThatFallsSilentIsGivenUp(t *testing.T) {
	s := newServer(t, fixed("a", flags.Boolean, "false"))
	s.with(func() { s.mute = true })
	a := newApp(t, s).start(t)
	eventually(t, "the stream was asked for", func() bool { return s.count(changesPath) > 0 })
	s.publish(11, fixed("a", flags.Boolean, "false"), fixed("b", flags.Boolean, "true")) // which the stream does not tell
	a.expect(t, 1, 0, 0, 1)
	a.end(t, 1, 0, 0, 1)
}

func TestInitEndsWithItsContextWhenTheServerHangs(t *testing.T) {
	s := newServer(t, fixed("a", flags.Boolean, "true"))
	s.with(func() { s.hang[rulesetPath] = struct{}{} })
	a := newApp(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := a.provider.InitWithContext(ctx, user("")); err == nil {
		t.Error("Init succeeded")
	}
	if took := time.Since(began); took > 3*time.Second { // the bound of a request is 5 s here
		t.Errorf("Init took %v", took)
	}
	if err := a.provider.ShutdownWithContext(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestShutdownEndsEverythingEvenWithAContextThatIsOver(t *testing.T) {
	s := newServer(t, tested("a"))
	before := goleak.IgnoreCurrent()
	p := provider.New(provider.Config{URL: s.URL, Key: "key-1", FlushInterval: time.Hour}).Hurry()
	if err := p.Init(openfeature.EvaluationContext{}); err != nil {
		t.Fatal(err)
	}
	p.BooleanEvaluation(t.Context(), "a", false, openfeature.FlattenedContext{"targetingKey": "u"})
	eventually(t, "the stream was asked for", func() bool { return s.count(changesPath) > 0 })
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.ShutdownWithContext(over); err == nil || !strings.Contains(err.Error(), "1 facts") {
		t.Errorf("shutdown: %v", err)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

func TestShutdownDoesNotWaitForAnInitThatHangs(t *testing.T) {
	s := newServer(t, fixed("a", flags.Boolean, "true"))
	s.with(func() { s.hang[rulesetPath] = struct{}{} })
	p := newApp(t, s).provider
	outcome := make(chan error, 1)
	go func() { outcome <- p.Init(user("")) }()
	eventually(t, "the ruleset was asked for", func() bool { return s.count(rulesetPath) > 0 })
	if err := p.ShutdownWithContext(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-outcome; err == nil {
		t.Error("Init succeeded")
	}
}

func TestOneProviderServesSeveralDomainsAndStopsWithTheLast(t *testing.T) {
	s := newServer(t, fixed("a", flags.Boolean, "true"))
	a := newApp(t, s).start(t)
	for _, domain := range []string{"one", "two"} {
		if err := a.api.SetProviderAndWait(t.Context(), a.provider, openfeature.WithDomain(domain)); err != nil {
			t.Fatal(err)
		}
		if !a.api.NewClient(openfeature.WithDomain(domain)).Boolean(t.Context(), "a", false, user("u")) {
			t.Errorf("%s does not decide", domain)
		}
	}
	for _, domain := range []string{"one", "two", ""} { // the SDK shuts down what nothing is bound to any more
		if err := a.api.SetProviderAndWait(t.Context(), openfeature.NoopProvider{}, openfeature.WithDomain(domain)); err != nil {
			t.Fatal(err)
		}
	}
	// The contexts given above may be gone by the time the SDK acts on them; the provider must end all the same.
	asked := func() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.streams) }
	eventually(t, "the stream ended", func() bool { return asked() == 0 })
}

func TestAfterShutdownInitStartsAnew(t *testing.T) {
	s := newServer(t, tested("a"))
	a := newApp(t, s).start(t)
	a.Boolean(t.Context(), "a", false, user("u1"))
	if err := a.api.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(s.taken(exposuresPath)); got != 1 {
		t.Errorf("%d exposures after shutdown", got)
	}
	api := isolated.NewAPI()
	if err := api.SetProviderAndWait(t.Context(), a.provider); err != nil {
		t.Fatal(err)
	}
	api.NewClient().Boolean(t.Context(), "a", false, user("u2"))
	if err := api.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(s.taken(exposuresPath)); got != 2 {
		t.Errorf("%d exposures after the second shutdown", got)
	}
}

func TestValuesKeepTheirTypesThroughTheSDK(t *testing.T) {
	split, broken := fixed("split", flags.Boolean, "true"), fixed("broken", flags.Boolean, `"x"`)
	all := everybody("s")
	split.Default = flags.Serve{Split: &all}
	s := newServer(
		t, fixed("false", flags.Boolean, "false"), fixed("empty", flags.String, `""`), fixed("zero", flags.Integer, "0"), fixed("big", flags.Integer, "9007199254740991"),
		fixed("four", flags.Float, "4"), fixed("half", flags.Float, "0.5"), fixed("object", flags.Object, `{"a":[1]}`), split, broken,
	)
	a := newApp(t, s).start(t)
	ctx := t.Context()
	const mismatch, missing, parse, absent = openfeature.TypeMismatchCode, openfeature.TargetingKeyMissingCode, openfeature.ParseErrorCode, openfeature.FlagNotFoundCode
	nobody := openfeature.EvaluationContext{}
	asBool := func(k string) (any, openfeature.ErrorCode) {
		d, _ := a.BooleanValueDetails(ctx, k, true, nobody)
		return d.Value, d.ErrorCode
	}
	asText := func(k string) (any, openfeature.ErrorCode) {
		d, _ := a.StringValueDetails(ctx, k, "default", nobody)
		return d.Value, d.ErrorCode
	}
	asInt := func(k string) (any, openfeature.ErrorCode) {
		d, _ := a.IntValueDetails(ctx, k, 7, nobody)
		return d.Value, d.ErrorCode
	}
	asFloat := func(k string) (any, openfeature.ErrorCode) {
		d, _ := a.FloatValueDetails(ctx, k, 7.5, nobody)
		return d.Value, d.ErrorCode
	}
	asObject := func(k string) (any, openfeature.ErrorCode) {
		d, _ := a.ObjectValueDetails(ctx, k, "default", nobody)
		return d.Value, d.ErrorCode
	}
	for i, c := range []struct {
		read func(string) (any, openfeature.ErrorCode)
		flag string
		want any
		code openfeature.ErrorCode
	}{
		{asBool, "false", false, ""},
		{asBool, "empty", true, mismatch},
		{asText, "empty", "", ""},
		{asText, "false", "default", mismatch},
		{asInt, "zero", int64(0), ""},
		{asInt, "big", int64(9007199254740991), ""},
		{asInt, "four", int64(4), ""},
		{asInt, "half", int64(7), mismatch},
		{asInt, "empty", int64(7), mismatch},
		{asFloat, "four", 4.0, ""},
		{asFloat, "half", 0.5, ""},
		{asFloat, "zero", 0.0, ""},
		{asFloat, "false", 7.5, mismatch},
		{asObject, "object", map[string]any{"a": []any{1.0}}, ""},
		{asObject, "half", "default", mismatch},
		{asBool, "split", true, missing},
		{asBool, "broken", true, parse},
		{asBool, "nothing", true, absent},
	} {
		if got, code := c.read(c.flag); !reflect.DeepEqual(got, c.want) || code != c.code {
			t.Errorf("case %d, %s: %v (%T) %s", i, c.flag, got, got, code)
		}
	}
}

func TestAnAppMayChangeTheObjectsItIsGiven(t *testing.T) {
	a := newApp(t, newServer(t, fixed("object", flags.Object, `{"a":{"b":[1]}}`))).start(t)
	for range 2 {
		got, _ := a.Object(t.Context(), "object", nil, user("u")).(map[string]any)
		inner, _ := got["a"].(map[string]any)
		if list, _ := inner["b"].([]any); len(list) != 1 || list[0] != 1.0 {
			t.Fatalf("the object is %v", got)
		} else {
			list[0] = "spoiled"
		}
		inner["c"] = 1
	}
}

func TestReasonsVariantsAndMetadataReachTheApp(t *testing.T) {
	off := fixed("off", flags.Boolean, "false")
	off.On = false
	s := newServer(t, off, fixed("plain", flags.Boolean, "true"), tested("tested"))
	plain := newApp(t, s).start(t)
	wanting := newApp(t, s, func(c *provider.Config) { c.Metadata = true }).start(t)
	base := openfeature.FlagMetadata{"flagSetId": "shop/production", "version": "10"}
	with := maps.Clone(base)
	with["experiment"] = "tested-experiment"
	for key, want := range map[string]struct {
		value    bool
		reason   openfeature.Reason
		metadata openfeature.FlagMetadata
	}{
		"off": {false, openfeature.DisabledReason, base}, "plain": {true, openfeature.StaticReason, base}, "tested": {true, openfeature.SplitReason, with},
	} {
		d, err := wanting.BooleanValueDetails(t.Context(), key, !want.value, user("u"))
		if err != nil || d.Value != want.value || d.Reason != want.reason || d.Variant != "v" || !reflect.DeepEqual(d.FlagMetadata, want.metadata) {
			t.Errorf("%s: %+v, %v", key, d, err)
		}
		if d, _ := plain.BooleanValueDetails(t.Context(), key, false, user("u")); len(d.FlagMetadata) != 0 {
			t.Errorf("%s has metadata that nobody asked for: %v", key, d.FlagMetadata)
		}
	}
}

func TestDecisionsAndChangesDoNotDisturbEachOther(t *testing.T) {
	s := newServer(t, tested("a"))
	a := newApp(t, s).start(t)
	var busy sync.WaitGroup
	for g := range 4 {
		busy.Go(func() {
			for i := range 500 {
				if !a.Boolean(t.Context(), "a", false, user(fmt.Sprint(g, "-", i))) {
					t.Error("the default was served")
					return
				}
			}
		})
	}
	for i := range 20 {
		f := tested("a")
		f.Revision = uint64(20 + i)
		s.publish(f.Revision, f)
	}
	busy.Wait()
	if err := a.provider.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if got := len(s.taken(exposuresPath)); got != 2_000 {
		t.Errorf("%d exposures of 2,000 units", got)
	}
}
