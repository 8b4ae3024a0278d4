package feedback_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/feedback"
)

type spec = domaintest.Spec[feedback.State, feedback.Command, feedback.Event]

func item() feedback.Item {
	score := 3.5
	return feedback.Item{
		ID: "h1.id-of-an-item", Environment: "production", Experiment: "trial", Flag: "banner", Variant: "on", Score: &score,
		OccurredAt: time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC), Key: "00112233aabbccdd", Sealed: []byte{1, 2, 3, 255}, Mark: "mark",
	}
}

func give(change ...func(*feedback.Give)) feedback.Command {
	g := feedback.Give{Project: "shop", Subject: "h1.somebody", Item: item()}
	for _, c := range change {
		c(&g)
	}
	return g
}

func given(change ...func(*feedback.Item)) feedback.Event {
	i := item()
	for _, c := range change {
		c(&i)
	}
	return feedback.Given{Project: "shop", Subject: "h1.somebody", Item: i}
}

func erased(keys ...string) feedback.Event {
	return feedback.Erased{Project: "shop", Subject: "h1.somebody", Keys: keys}
}

func TestSayingSomething(t *testing.T) {
	second := func(i *feedback.Item) { i.ID, i.Key = "h1.second", "ff" }
	many := make([]feedback.Event, feedback.MaxItems)
	for i := range many {
		many[i] = given(func(x *feedback.Item) { x.ID = "h1." + strings.Repeat("i", i%100+1) + string(rune('a'+i/100)) })
	}
	infinite := math.Inf(1)
	domaintest.Run(t, feedback.Aggregate, []spec{
		{Name: "it is recorded as it comes", When: give(), Then: []feedback.Event{given()}},
		{
			Name: "its time is in UTC and milliseconds", Then: []feedback.Event{given()},
			When: give(func(g *feedback.Give) {
				g.Item.OccurredAt = g.Item.OccurredAt.Add(999 * time.Microsecond).In(time.FixedZone("east", 7200))
			}),
		},
		{Name: "the same again records nothing", Given: []feedback.Event{given()}, When: give()},
		{
			Name: "another content under the same id is refused", Given: []feedback.Event{given()}, When: give(func(g *feedback.Give) { g.Item.Mark = "another" }),
			Refused: "event_id_conflict", Kind: domain.KindExists,
		},
		{
			Name: "what was erased is not brought back by a retry", Given: []feedback.Event{given(), erased("00112233aabbccdd")},
			When: give(func(g *feedback.Give) { g.Item.Mark, g.Item.Key = "another", "ff" }),
		},
		{
			Name: "somebody who was erased may say more", Given: []feedback.Event{given(), erased("00112233aabbccdd")},
			When: give(func(g *feedback.Give) { second(&g.Item) }), Then: []feedback.Event{given(second)},
		},
		{Name: "there is an end to it", Given: many, When: give(), Refused: "too_much_feedback", Kind: domain.KindState},
		{Name: "the end begins anew after an erasure", Given: append(many, erased("00112233aabbccdd")), When: give(), Then: []feedback.Event{given()}},
		{Name: "it is in a project", When: give(func(g *feedback.Give) { g.Project = "a.b" }), Refused: "bad_key", Pointer: "/project"},
		{Name: "it is somebody's", When: give(func(g *feedback.Give) { g.Subject = "" }), Refused: "missing", Pointer: "/subject"},
		{Name: "it has an id", When: give(func(g *feedback.Give) { g.Item.ID = "" }), Refused: "missing", Pointer: "/id"},
		{Name: "it has a key", When: give(func(g *feedback.Give) { g.Item.Key = "" }), Refused: "missing", Pointer: "/key"},
		{Name: "it has a mark", When: give(func(g *feedback.Give) { g.Item.Mark = strings.Repeat("m", 129) }), Refused: "too_long", Pointer: "/mark"},
		{Name: "it is in an environment", When: give(func(g *feedback.Give) { g.Item.Environment = "" }), Refused: "missing", Pointer: "/environment"},
		{Name: "it says something", When: give(func(g *feedback.Give) { g.Item.Sealed = nil }), Refused: "missing", Pointer: "/sealed"},
		{Name: "not a book", When: give(func(g *feedback.Give) { g.Item.Sealed = make([]byte, 16_385) }), Refused: "too_long", Pointer: "/sealed"},
		{Name: "it has a time", When: give(func(g *feedback.Give) { g.Item.OccurredAt = time.Time{} }), Refused: "missing", Pointer: "/occurred_at"},
		{Name: "its score is a number", When: give(func(g *feedback.Give) { g.Item.Score = &infinite }), Refused: "not_finite", Pointer: "/score"},
		{Name: "no command at all", When: nil, Refused: "invalid"},
	})
}

func TestErasingSomebody(t *testing.T) {
	second := given(func(i *feedback.Item) { i.ID, i.Key = "h1.second", "ff" })
	third := given(func(i *feedback.Item) { i.ID, i.Key = "h1.third", "ff" })
	domaintest.Run(t, feedback.Aggregate, []spec{
		{Name: "the keys of all that was said are named", Given: []feedback.Event{given(), second, third}, When: feedback.Erase{}, Then: []feedback.Event{erased("00112233aabbccdd", "ff")}},
		{Name: "once is enough", Given: []feedback.Event{given(), erased("00112233aabbccdd")}, When: feedback.Erase{}},
		{
			Name: "what was said since is erased in turn", Given: []feedback.Event{given(), erased("00112233aabbccdd"), second}, When: feedback.Erase{},
			Then: []feedback.Event{erased("ff")},
		},
		{Name: "somebody who said nothing is told so", When: feedback.Erase{}, Refused: "not_found", Kind: domain.KindNotFound},
	})
}

func TestReplayingASubjectEqualsLivingIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", "a", "b", "<b> & \u2028", "\xff"})
		command := rapid.Custom(func(t *rapid.T) feedback.Command {
			switch rapid.IntRange(0, 5).Draw(t, "command") {
			case 0:
				return feedback.Erase{}
			case 1:
				return nil
			}
			return give(func(g *feedback.Give) {
				g.Item.ID, g.Item.Mark, g.Item.Key = text.Draw(t, "id"), text.Draw(t, "mark"), text.Draw(t, "key")
				g.Item.Variant = domain.VariantKey(text.Draw(t, "variant"))
			})
		})
		// Bytes that are no text cannot be written as JSON; a variant comes from a flag, whose own are checked.
		commands := rapid.SliceOfN(command, 4, 16).Filter(func(all []feedback.Command) bool {
			for _, c := range all {
				if g, ok := c.(feedback.Give); ok && g.Item.Variant == "\xff" {
					return false
				}
			}
			return true
		})
		if _, err := domaintest.Live(feedback.Aggregate, commands.Draw(t, "commands"), domaintest.Someone()); err != nil {
			t.Fatal(err)
		}
	})
}
