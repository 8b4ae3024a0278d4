package ruleset_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/holdout"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/domain/segment"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/projections/projectionstest"
	"github.com/assayhq/assay/projections/ruleset"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	production = ruleset.Place{Project: "shop", Environment: "production"}
	staging    = ruleset.Place{Project: "shop", Environment: "staging"}
)

func apply(t testing.TB, p *ruleset.Projection, batch []eventlog.Recorded) {
	t.Helper()
	if err := p.Apply(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

func of(t testing.TB, h *projectionstest.History) *ruleset.Projection {
	t.Helper()
	p := ruleset.New()
	apply(t, p, h.Records())
	return p
}

func current(t testing.TB, p *ruleset.Projection, place ruleset.Place) *ruleset.Served {
	t.Helper()
	served, ok := p.Current(place)
	if !ok {
		t.Fatalf("%v is not served", place)
	}
	return served
}

// line is what an environment serves in one line: its revision, and each flag with its own.
func line(p *ruleset.Projection, place ruleset.Place) string {
	served, ok := p.Current(place)
	if !ok {
		return "nothing"
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%d:", served.Revision)
	for _, f := range served.Snapshot().Flags {
		fmt.Fprintf(&out, " %s@%d", f.Key, f.Revision)
		if f.On {
			out.WriteString(" on")
		}
		if len(f.Rules) > 0 {
			fmt.Fprintf(&out, " rules=%d", len(f.Rules))
		}
		if f.Experiment != nil {
			fmt.Fprintf(&out, " %s/%s", f.Experiment.Key, f.Experiment.Unit)
		}
	}
	return out.String()
}

func rule(description string) flag.Targeting {
	return flag.Targeting{
		Rules: []flag.Rule{{
			Description: description, Serve: flag.Serve{Variant: "on"},
			If: []flag.Condition{{Attribute: "plan", Operator: flag.In, Values: []json.RawMessage{json.RawMessage(`"pro"`)}}},
		}},
		Default: flag.Serve{Variant: "off"}, Off: "off",
	}
}

// TestARevisionIsThePositionOfTheNewestEventThatShapedTheEnvironment is a transcript: what is asked for, and what the two
// environments serve then. The event at position n is the n-th line that adds one.
func TestARevisionIsThePositionOfTheNewestEventThatShapedTheEnvironment(t *testing.T) {
	flagIs := func(key domain.FlagKey, c flag.Command) func(*projectionstest.History) {
		return func(h *projectionstest.History) { h.Flag("shop", key, c) }
	}
	projectIs := func(c project.Command) func(*projectionstest.History) {
		return func(h *projectionstest.History) { h.Project("shop", c) }
	}
	h, p := projectionstest.New(t), ruleset.New()
	for _, step := range []struct {
		name                string
		do                  func(*projectionstest.History)
		production, staging string
	}{
		{"nothing yet", func(*projectionstest.History) {}, "nothing", "nothing"},
		{"a project without flags", projectIs(project.Create{Key: "shop"}), "1:", "1:"},
		{"names are not served", projectIs(project.Describe{Name: "The shop"}), "1:", "1:"},
		{"a flag is everywhere", flagIs("b", flag.Create{Project: "shop", Key: "b", Type: flag.Boolean}), "3: b@3", "3: b@3"},
		{"on in one environment", flagIs("b", flag.TurnOn{Environment: "staging"}), "3: b@3", "4: b@4 on"},
		{"flags are sorted", flagIs("a", flag.Create{Project: "shop", Key: "a", Type: flag.Boolean}), "5: a@5 b@3", "5: a@5 b@4 on"},
		{"what describes a flag is not served", flagIs("a", flag.Describe{Name: "A"}), "5: a@5 b@3", "5: a@5 b@4 on"},
		{"targeting", flagIs("a", flag.ChangeTargeting{Environment: "production", Targeting: rule("")}), "7: a@7 rules=1 b@3", "5: a@5 b@4 on"},
		{"what describes a rule is not served", flagIs("a", flag.ChangeTargeting{Environment: "production", Targeting: rule("Pros")}), "7: a@7 rules=1 b@3", "5: a@5 b@4 on"},
		{"an experiment", flagIs("b", flag.AttachExperiment{Environment: "staging", Experiment: "e", Unit: "team", Split: projectionstest.Half("off", "on")}), "7: a@7 rules=1 b@3", "9: a@5 b@9 on e/team"},
		{"variants are everywhere", flagIs("a", flag.ChangeVariants{Variants: []flag.Variant{
			{Key: "on", Value: json.RawMessage("true")}, {Key: "off", Value: json.RawMessage("false")}, {Key: "also", Value: json.RawMessage("true")},
		}}), "10: a@10 rules=1 b@3", "10: a@10 b@9 on e/team"},
		{"archived is gone", flagIs("a", flag.Archive{}), "11: b@3", "11: b@9 on e/team"},
		{"restored is as it was", flagIs("a", flag.Restore{}), "12: a@12 rules=1 b@3", "12: a@12 b@9 on e/team"},
		{"the end of the experiment", flagIs("b", flag.DetachExperiment{Environment: "staging", Experiment: "e"}), "12: a@12 rules=1 b@3", "13: a@12 b@13 on"},
		{"a new environment elsewhere", projectIs(project.AddEnvironment{Environment: project.Environment{Key: "qa"}}), "12: a@12 rules=1 b@3", "13: a@12 b@13 on"},
		{"another project", func(h *projectionstest.History) {
			h.Project("blog", project.Create{Key: "blog"})
			h.Flag("blog", "a", flag.Create{Project: "blog", Key: "a", Type: flag.Boolean})
		}, "12: a@12 rules=1 b@3", "13: a@12 b@13 on"},
		{"an environment that nobody added", flagIs("a", flag.TurnOn{Environment: "nowhere"}), "12: a@12 rules=1 b@3", "13: a@12 b@13 on"},
	} {
		before := h.Head()
		step.do(h)
		apply(t, p, h.Records()[before:])
		if got := line(p, production); got != step.production {
			t.Errorf("%s: production serves %q, want %q", step.name, got, step.production)
		}
		if got := line(p, staging); got != step.staging {
			t.Errorf("%s: staging serves %q, want %q", step.name, got, step.staging)
		}
	}
	if got, want := line(p, ruleset.Place{Project: "shop", Environment: "qa"}), "14: a@14 b@14"; got != want {
		t.Errorf("the new environment serves %q, want %q", got, want)
	}
	if problems := p.Problems(); len(problems) != 0 {
		t.Errorf("problems: %v", problems)
	}
}

// everything is a project with a flag that uses all that a flag can have.
func everything(t testing.TB) *projectionstest.History {
	h := projectionstest.New(t)
	h.Project("shop", project.Create{Key: "shop"})
	h.Flag("shop", "colour", flag.Create{Project: "shop", Key: "colour", Type: flag.Object, Variants: []flag.Variant{
		{Key: "red & <bold>", Value: json.RawMessage(`{"rgb":"#f00","big":9007199254740993}`)}, {Key: "none", Value: json.RawMessage(`{}`)},
	}})
	split := projectionstest.Half("none", "red & <bold>")
	split.By = "team"
	targeting := flag.Targeting{Default: flag.Serve{Variant: "none"}, Off: "none", Rules: []flag.Rule{{
		ID: "pros", If: []flag.Condition{{Attribute: "plan", Operator: flag.In, Values: []json.RawMessage{json.RawMessage(`"pro"`), json.RawMessage("1.50")}}},
		Serve: flag.Serve{Split: &split},
	}}}
	h.Flag("shop", "colour", flag.ChangeTargeting{Environment: "production", Targeting: targeting})
	h.Flag("shop", "colour", flag.AttachExperiment{Environment: "production", Experiment: "free", Split: projectionstest.Half("none", "red & <bold>")})
	h.Flag("shop", "colour", flag.TurnOn{Environment: "production"})
	return h
}

func TestWhatIsHandedOutIsTheSnapshot(t *testing.T) {
	served := current(t, of(t, everything(t)), production)
	parsed, err := flags.ParseSnapshot(served.JSON())
	if err != nil {
		t.Fatalf("%v\n%s", err, served.JSON())
	}
	if whole, err := json.Marshal(served.Snapshot()); err != nil || string(whole) != string(served.JSON()) {
		t.Errorf("the text put together is\n%s, marshalled as a whole (error %v) it is\n%s", served.JSON(), err, whole)
	}
	if !strings.Contains(string(served.JSON()), "9007199254740993") {
		t.Errorf("a number beyond 2^53 has lost digits: %s", served.JSON())
	}
	if parsed.Revision != 5 || served.Revision != 5 || served.ETag != `"rs-5"` || served.Ruleset.Revision() != 5 {
		t.Errorf("revisions %d, %d, %s, %d; the newest event is the fifth", parsed.Revision, served.Revision, served.ETag, served.Ruleset.Revision())
	}
	decision := served.Ruleset.Decide("colour", flags.Subject{Key: "u1"})
	if decision.Experiment != "free" || decision.Unit != "user" || decision.Reason != flags.SplitReason {
		t.Errorf("the experiment decides %+v", decision)
	}
	decision = served.Ruleset.Decide("colour", flags.Subject{Key: "u1", Attributes: map[string]any{"plan": "pro", "team": "t"}})
	if decision.Rule != "pros" || decision.UnitID != "t" || decision.Experiment != "" {
		t.Errorf("the rule decides %+v", decision)
	}
}

func TestAnEmptyEnvironmentIsServed(t *testing.T) {
	h := projectionstest.New(t)
	h.Project("shop", project.Create{Key: "shop"})
	p := of(t, h)
	want := `{"format":1,"project":"shop","environment":"staging","revision":"1","flags":[]}`
	if got := string(current(t, p, staging).JSON()); got != want {
		t.Errorf("it serves %s, want %s", got, want)
	}
	if _, ok := p.Current(ruleset.Place{Project: "shop", Environment: "moon"}); ok {
		t.Error("there is an environment that nobody made")
	}
}

func TestAFlagsTextOnlyChangesWhenTheFlagDoes(t *testing.T) {
	h := everything(t)
	p := of(t, h)
	before := current(t, p, production)
	text, _ := json.Marshal(before.Snapshot().Flags[0])
	head := h.Head()
	h.Flag("shop", "other", flag.Create{Project: "shop", Key: "other", Type: flag.Boolean})
	apply(t, p, h.Records()[head:])
	if after := current(t, p, production); after == before || !strings.Contains(string(after.JSON()), string(text)) {
		t.Errorf("the flag was %s; now there is %s", text, after.JSON())
	} else if whole, _ := json.Marshal(after.Snapshot()); string(whole) != string(after.JSON()) {
		t.Errorf("the text put together is\n%s, marshalled as a whole it is\n%s", after.JSON(), whole)
	}
	if len(before.Snapshot().Flags) != 1 || before.ETag != `"rs-5"` {
		t.Error("what was handed out before has changed")
	}
}

func TestMetadataOfAFlagAreServedInEveryEnvironment(t *testing.T) {
	h := everything(t)
	h.Flag("shop", "colour", flag.ChangeMetadata{Metadata: flag.Metadata{{Name: "owner", Value: json.RawMessage(`"checkout"`)}}})
	p := of(t, h)
	for _, place := range []ruleset.Place{production, staging} {
		served := current(t, p, place)
		if got := served.Ruleset.Decide("colour", flags.Subject{Key: "u"}).Metadata.Values(); got["owner"] != "checkout" || served.Revision != h.Head() {
			t.Errorf("%v serves the metadata %v at %d", place, got, served.Revision)
		}
	}
	head := h.Head()
	h.Flag("shop", "colour", flag.ChangeMetadata{})
	apply(t, p, h.Records()[head:])
	if d := current(t, p, production).Ruleset.Decide("colour", flags.Subject{Key: "u"}); !d.Metadata.IsZero() {
		t.Errorf("metadata that are gone are served: %v", d.Metadata.Values())
	}
}

func TestAChangeElsewhereLeavesTheVeryValue(t *testing.T) {
	h := everything(t)
	p := of(t, h)
	before, head := current(t, p, production), h.Head()
	h.Flag("shop", "colour", flag.TurnOn{Environment: "staging"})
	apply(t, p, h.Records()[head:])
	if current(t, p, production) != before {
		t.Error("a change in staging has replaced what production serves")
	}
}

func TestAFlagThatCannotBeReadFreezesAlone(t *testing.T) {
	for name, raw := range map[string][2]string{
		"an unknown event": {"FlagScheduled", `{}`}, "broken JSON": {"FlagTurnedOff", `{"environment":`}, "another shape": {"FlagTurnedOff", `{"environment":7}`},
		"another flag": {"FlagCreated", `{"project":"shop","key":"b"}`},
	} {
		t.Run(name, func(t *testing.T) {
			h := projectionstest.New(t)
			h.Project("shop", project.Create{Key: "shop"})
			h.Flag("shop", "a", flag.Create{Project: "shop", Key: "a", Type: flag.Boolean})
			h.Flag("shop", "b", flag.Create{Project: "shop", Key: "b", Type: flag.Boolean})
			h.Raw("flag-shop.a", raw[0], raw[1])
			h.Raw("flag-shop.a", flag.WireTurnedOn, `{"environment":"production"}`)
			h.Flag("shop", "b", flag.TurnOn{Environment: "production"})
			p := of(t, h)
			if got, want := line(p, production), "6: a@4 b@6 on"; got != want {
				t.Errorf("production serves %q, want %q", got, want)
			}
			if all := current(t, p, production).Snapshot().Flags; !all[0].Stale || all[0].On || all[1].Stale {
				t.Errorf("%+v; want a as it was and stale, and b not", all)
			}
			problems := p.Problems()
			if len(problems) != 1 || problems[0].Stream != "flag-shop.a" || problems[0].Position != 4 || p.Position() != h.Head() {
				t.Errorf("at %d: problems %v; want one, of flag-shop.a at 4, and to be at %d", p.Position(), problems, h.Head())
			}
			h.Project("shop", project.AddEnvironment{Environment: project.Environment{Key: "qa"}})
			apply(t, p, h.Records())
			if got, want := line(p, ruleset.Place{Project: "shop", Environment: "qa"}), "7: a@7 b@7"; got != want {
				t.Errorf("a new environment serves %q, want %q", got, want)
			}
			if all := current(t, p, ruleset.Place{Project: "shop", Environment: "qa"}).Snapshot().Flags; !all[0].Stale || all[1].Stale {
				t.Errorf("%+v; want a to be stale in a new environment too", all)
			}
		})
	}
}

func TestAFlagThatWasNeverCreatedIsNotServed(t *testing.T) {
	h := projectionstest.New(t)
	h.Project("shop", project.Create{Key: "shop"})
	h.Raw("flag-shop.a", "FlagCreated.v9", `{"project":"shop","key":"a"}`)
	h.Raw("flag-shop.a", flag.WireTurnedOn, `{"environment":"production"}`)
	h.Raw("flag-shop.b", flag.WireTurnedOn, `{"environment":"production"}`)
	p := of(t, h)
	if got := line(p, production); got != "1:" {
		t.Errorf("production serves %q, want no flag", got)
	}
	if n := len(p.Problems()); n != 2 {
		t.Errorf("%d problems, want one for each stream", n)
	}
}

func TestAProjectThatCannotBeReadKeepsServing(t *testing.T) {
	h := everything(t)
	h.Raw("project-shop", "ProjectMoved", `{}`)
	h.Raw("project-shop", project.WireEnvironmentAdded, `{"environment":{"key":"qa"}}`)
	h.Flag("shop", "colour", flag.TurnOff{Environment: "production"})
	p := of(t, h)
	if got, want := line(p, production), "8: colour@8 rules=1 free/user"; got != want {
		t.Errorf("production serves %q, want %q", got, want)
	}
	if problems := p.Problems(); len(problems) != 1 || problems[0].Position != 6 {
		t.Errorf("problems %v, want one at 6", problems)
	}
}

func TestAFlagOlderThanItsProjectIsServedOnceThereIsOne(t *testing.T) {
	h := projectionstest.New(t)
	h.Flag("shop", "a", flag.Create{Project: "shop", Key: "a", Type: flag.Boolean})
	h.Project("shop", project.Create{Key: "shop"})
	if got, want := line(of(t, h), production), "2: a@2"; got != want {
		t.Errorf("production serves %q, want %q", got, want)
	}
}

func members(asked ...domain.SegmentKey) flag.Command {
	t := rule("")
	t.Rules[0].If = []domain.Condition{{Segments: asked}}
	return flag.ChangeTargeting{Environment: "production", Targeting: t}
}

// A transcript like the one above, of what flags ask for.
func TestSegmentsAreServedWhereTheyAreAskedFor(t *testing.T) {
	segmentIs := func(key domain.SegmentKey, c segment.Command) func(*projectionstest.History) {
		return func(h *projectionstest.History) { h.Segment("shop", key, c) }
	}
	flagIs := func(c flag.Command) func(*projectionstest.History) {
		return func(h *projectionstest.History) { h.Flag("shop", "a", c) }
	}
	nested := []segment.Rule{{If: []domain.Condition{{Segments: []domain.SegmentKey{"inner"}}}}}
	h, p := projectionstest.New(t), ruleset.New()
	h.Project("shop", project.Create{Key: "shop"})
	h.Flag("shop", "a", flag.Create{Project: "shop", Key: "a", Type: flag.Boolean})
	h.Flag("shop", "a", flag.TurnOn{Environment: "production"})
	apply(t, p, h.Records())
	for _, step := range []struct {
		name, want string
		do         func(*projectionstest.History)
	}{
		{"a segment that nobody asks for", "3:", segmentIs("staff", segment.Create{Project: "shop", Key: "staff"})},
		{"a flag asks", "5: staff@5", flagIs(members("staff"))},
		{"members come", "6: staff@6 +u1", segmentIs("staff", segment.AddIDs{List: segment.Included, IDs: []string{"u1"}})},
		{"others ask", "6: staff@6 +u1", segmentIs("inner", segment.Create{Project: "shop", Key: "inner"})},
		{"a segment asks in turn", "8: inner@8 staff@8 +u1", segmentIs("staff", segment.ChangeRules{Rules: nested})},
		{"which counts", "9: inner@9 -u2 staff@8 +u1", segmentIs("inner", segment.AddIDs{List: segment.Excluded, IDs: []string{"u2"}})},
		{"descriptions are not served", "9: inner@9 -u2 staff@8 +u1", segmentIs("inner", segment.Describe{Name: "x"})},
		{"archived is still served to those who ask", "9: inner@9 -u2 staff@8 +u1", segmentIs("staff", segment.Archive{})},
		{"nobody asks any more", "12:", flagIs(flag.ChangeTargeting{Environment: "production", Targeting: rule("")})},
		{"again", "13: inner@13 -u2 staff@13 +u1", flagIs(members("staff"))},
		{"a missing one", "14:", flagIs(members("nowhere"))},
		{"that comes", "15: nowhere@15", segmentIs("nowhere", segment.Create{Project: "shop", Key: "nowhere"})},
	} {
		before := h.Head()
		step.do(h)
		apply(t, p, h.Records()[before:])
		served := current(t, p, production)
		got := fmt.Sprintf("%d:", served.Revision)
		for _, s := range served.Snapshot().Segments {
			got += fmt.Sprintf(" %s@%d", s.Key, s.Revision)
			for id := range s.Included.All() {
				got += " +" + id
			}
			for id := range s.Excluded.All() {
				got += " -" + id
			}
		}
		if got != step.want {
			t.Errorf("%s: %q, want %q", step.name, got, step.want)
		}
		if missing := len(p.Problems()) > 0; missing != (step.name == "a missing one") {
			t.Errorf("%s: problems %v", step.name, p.Problems())
		}
		if served.Ruleset.Revision() != uint64(served.Revision) {
			t.Errorf("%s: the ruleset is at %d", step.name, served.Ruleset.Revision())
		}
	}
	if got := current(t, p, staging).Snapshot().Segments; got != nil {
		t.Errorf("staging serves %v", got)
	}
}

func TestHoldoutsReachTheFlagsThatNameThem(t *testing.T) {
	h, p := projectionstest.New(t), ruleset.New()
	h.Project("shop", project.Create{Key: "shop"})
	h.Flag("shop", "a", flag.Create{Project: "shop", Key: "a", Type: flag.Boolean})
	h.Flag("shop", "b", flag.Create{Project: "shop", Key: "b", Type: flag.Boolean})
	h.Flag("shop", "a", flag.TurnOn{Environment: "production"})
	held := rule("")
	held.Holdouts = []domain.HoldoutKey{"year"}
	h.Flag("shop", "a", flag.ChangeTargeting{Environment: "production", Targeting: held})
	apply(t, p, h.Records())
	for _, step := range []struct {
		command  holdout.Command
		revision eventlog.Position
		share    uint32
	}{
		{holdout.Create{Project: "shop", Key: "year", Share: 5_000}, 6, 5_000},
		{holdout.Describe{Name: "This year"}, 6, 5_000},
		{holdout.ChangeShare{Share: 100_000}, 8, 100_000},
		{holdout.Archive{}, 9, 0},
		{holdout.Restore{}, 10, 100_000},
	} {
		before := h.Head()
		h.Holdout("shop", "year", step.command)
		apply(t, p, h.Records()[before:])
		served := current(t, p, production)
		share := uint32(0)
		for _, holdout := range served.Snapshot().Flags[0].Holdouts {
			share = holdout.Slice.Ranges[0].To
		}
		if served.Revision != step.revision || share != step.share {
			t.Errorf("%T: revision %d holds %d back, want %d and %d", step.command, served.Revision, share, step.revision, step.share)
		}
	}
	if d := current(t, p, production).Ruleset.Decide("a", flags.Subject{Key: "u"}); d.Holdout != "year" || d.Variant != "off" {
		t.Errorf("everybody is held back, but it serves %+v", d.Outcome)
	}
	if got := current(t, p, production).Snapshot().Flags[1].Revision; got != 3 {
		t.Errorf("a flag that names no holdout is at %d", got)
	}
}

func TestAFlagThatDoesNotCompileIsListedUntilItDoes(t *testing.T) {
	h := projectionstest.New(t)
	h.Project("shop", project.Create{Key: "shop"})
	h.Flag("shop", "a", flag.Create{Project: "shop", Key: "a", Type: flag.Boolean})
	h.Raw("flag-shop.a", flag.WireTargetingChanged, `{"environment":"production","targeting":{"default":{"variant":"gone"},"off":"off"}}`)
	h.Flag("shop", "a", flag.TurnOn{Environment: "staging"})
	p := of(t, h)
	problems := p.Problems()
	if len(problems) != 1 || problems[0].Stream != "flag-shop.a" || problems[0].Position != 3 || !strings.Contains(problems[0].Detail, "production") {
		t.Errorf("problems %v, want one of flag-shop.a in production at 3", problems)
	}
	if d := current(t, p, production).Ruleset.Decide("a", flags.Subject{}); d.ErrorCode != flags.ParseError {
		t.Errorf("it decides %+v, want PARSE_ERROR", d)
	}
	h.Flag("shop", "a", flag.ChangeTargeting{Environment: "production", Targeting: rule("")})
	apply(t, p, h.Records())
	if problems := p.Problems(); len(problems) != 0 {
		t.Errorf("it was mended; problems %v", problems)
	}
}

func TestOnlyWhatIsServedIsAskedFor(t *testing.T) {
	p := ruleset.New()
	if got, want := p.Filter().Categories, []string{"project", "flag", "segment", "holdout"}; !slices.Equal(got, want) {
		t.Errorf("it asks for %v, want %v", got, want)
	}
	if p.Name() == "" || p.Version() < 1 || p.Position() != 0 {
		t.Errorf("a new one is %q, version %d, at %d", p.Name(), p.Version(), p.Position())
	}
	apply(t, p, []eventlog.Recorded{{Position: 7}})
	if p.Position() != 7 {
		t.Errorf("after the checkpoint 7 it stands at %d", p.Position())
	}
	if !reflect.DeepEqual(p.Problems(), []ruleset.Problem(nil)) {
		t.Errorf("problems %v", p.Problems())
	}
}
