package provider_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/provider"
)

func TestTheClientServesEveryTypeAndTheDefaultForEverythingElse(t *testing.T) {
	s := newServer(
		t, fixed("bool", flags.Boolean, "true"), fixed("text", flags.String, `"hi"`), fixed("int", flags.Integer, "7"),
		fixed("float", flags.Float, "0.5"), fixed("object", flags.Object, `{"a":1}`), fixed("broken", flags.Boolean, `"x"`), tested("tested"),
	)
	c := newApp(t, s, slowly).start(t).provider.Client()
	who := flags.Subject{Key: "u", Attributes: map[string]any{"plan": "pro"}}
	if !c.Boolean("bool", false, who) || c.String("text", "", who) != "hi" || c.Int("int", 0, who) != 7 || c.Float("float", 0, who) != 0.5 || c.Float("int", 0, who) != 7 {
		t.Error("a value is not served")
	}
	if got := c.Object("object", nil, who); !maps.Equal(got, map[string]any{"a": 1.0}) {
		t.Error(got)
	}
	if c.Boolean("text", false, who) || c.String("int", "d", who) != "d" || c.Int("float", 9, who) != 9 || c.Float("bool", 9.5, who) != 9.5 || c.Object("int", nil, who) != nil {
		t.Error("a flag of another type is served")
	}
	if c.Boolean("nothing", false, who) || c.Boolean("broken", false, who) || c.Boolean("tested", false, flags.Subject{}) {
		t.Error("what cannot be decided is served")
	}
	if d := c.Decision("tested", who); d.Reason != flags.SplitReason || d.Experiment != "tested-experiment" || d.UnitID != "u" || d.Revision != 10 {
		t.Errorf("%+v", d)
	}
	n := 0
	for key, d := range c.All(who) {
		if n++; key == "bool" && d.Variant != "v" {
			t.Errorf("%s: %+v", key, d.Outcome)
		}
	}
	if n != 7 {
		t.Errorf("%d flags of 7", n)
	}
}

func TestAClientWithoutARulesetServesDefaults(t *testing.T) {
	s := newServer(t, fixed("a", flags.Boolean, "true"))
	s.die()
	c := newApp(t, s).provider.Client()
	if c.Boolean("a", false, flags.Subject{}) || !c.Boolean("a", true, flags.Subject{}) {
		t.Error("not the default")
	}
	if d := c.Decision("a", flags.Subject{}); d.ErrorCode != flags.ErrorCode(openfeature.ProviderNotReadyCode) || d.Reason != flags.Error {
		t.Errorf("%+v", d.Outcome)
	}
	for range c.All(flags.Subject{}) {
		t.Error("there are flags")
	}
}

func TestAClientRunsWithoutTheSDK(t *testing.T) {
	s := newServer(t, tested("a"))
	c, err := provider.Open(t.Context(), provider.Config{URL: s.URL, Key: "key-1"})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Boolean("a", false, flags.Subject{Key: "u"}) {
		t.Error("it does not decide")
	}
	c.Track("purchase", "u", 19.9, map[string]any{"currency": "EUR", "basket": []string{"x"}})
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if x, m := s.taken(exposuresPath), s.taken(measurementsPath); len(x) != 1 || len(m) != 1 || m[0]["value"] != 19.9 {
		t.Errorf("%v, %v", x, m)
	}
	if st := c.Provider().Stats(); st.Sent != 2 {
		t.Errorf("%+v", st)
	}

	if c, err := provider.Open(t.Context(), provider.Config{URL: s.URL, Key: "wrong"}); err == nil || c != nil {
		t.Errorf("%v, %v", c, err)
	}
	s.die()
	late, err := provider.Open(t.Context(), provider.Config{URL: s.URL, Key: "key-1"})
	if err == nil || late == nil {
		t.Fatalf("%v, %v", late, err)
	}
	s.live()
	eventually(t, "the server was found", func() bool { return late.Boolean("a", false, flags.Subject{Key: "u"}) })
	if err := late.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestExposuresByHand(t *testing.T) {
	s := newServer(t, tested("a"), fixed("plain", flags.Boolean, "true"))
	a := newApp(t, s, slowly, func(c *provider.Config) { c.ManualExposures = true }).start(t)
	c, who := a.provider.Client(), flags.Subject{Key: "u"}
	a.Boolean(t.Context(), "a", false, user("u"))
	c.Boolean("a", false, who)
	for key, d := range c.All(who) {
		if key == "plain" {
			c.Expose(key, d, who) // which is none
		}
	}
	flush(t, a)
	if got := s.taken(exposuresPath); len(got) != 0 {
		t.Errorf("nobody was exposed: %v", got)
	}
	c.Expose("a", c.Decision("a", who), who)
	c.Expose("a", flags.Decision{}, who)
	flush(t, a)
	if got := s.taken(exposuresPath); len(got) != 1 || got[0]["unit_id"] != "u" {
		t.Errorf("%v", got)
	}
}

func nativeCalls(t testing.TB) map[string]func() {
	split := fixed("split", flags.Boolean, "true")
	all := everybody("s")
	split.Default = flags.Serve{Split: &all}
	targeted := fixed("targeted", flags.String, `"v"`)
	targeted.Rules = []flags.Rule{{ID: "r", Serve: flags.Serve{Variant: "v"}, If: []flags.Condition{
		{Attribute: "country", Operator: flags.In, Values: texts("FR", "DE")}, {Attribute: "age", Operator: flags.Greater, Values: texts(18)},
	}}}
	s := newServer(t, fixed("static", flags.Boolean, "true"), split, targeted, tested("experiment"), fixed("int", flags.Integer, "7"), fixed("float", flags.Float, "0.5"), fixed("object", flags.Object, "{}"))
	c := newApp(t, s, slowly).start(t).provider.Client()
	who := flags.Subject{Key: "user-000000000000001", Attributes: map[string]any{"country": "DE", "plan": "pro", "age": 30}}
	return map[string]func(){
		"static":     func() { c.Boolean("static", false, who) },
		"split":      func() { c.Boolean("split", false, who) },
		"targeted":   func() { c.String("targeted", "", who) },
		"experiment": func() { c.Boolean("experiment", false, who) },
		"int":        func() { c.Int("int", 0, who) },
		"float":      func() { c.Float("float", 0, who) },
		"object":     func() { c.Object("object", nil, who) },
		"decision":   func() { c.Decision("split", who) },
		"not found":  func() { c.Boolean("nothing", false, who) },
	}
}

func texts(values ...any) (out []json.RawMessage) {
	for _, v := range values {
		out = append(out, json.RawMessage(fmt.Sprintf("%#v", v)))
	}
	return out
}

func TestANativeDecisionAllocatesNothing(t *testing.T) {
	for name, decide := range nativeCalls(t) {
		if n := testing.AllocsPerRun(200, decide); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkClient(b *testing.B) {
	for name, decide := range nativeCalls(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				decide()
			}
		})
	}
}
