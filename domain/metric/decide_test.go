package metric_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/metric"
)

type spec = domaintest.Spec[metric.State, metric.Command, metric.Event]

func revenue() metric.Definition {
	return metric.Definition{Kind: metric.Mean, Event: "purchase", Direction: metric.Increase, WindowSeconds: 7 * 86400, Unit: "EUR"}
}

func with(change func(*metric.Definition)) metric.Command {
	d := revenue()
	change(&d)
	return metric.Create{Project: "shop", Key: "revenue", Definition: d}
}

func created() metric.Event {
	return metric.Created{Project: "shop", Key: "revenue", Name: "Revenue", Definition: revenue()}
}

func TestCreatingAMetric(t *testing.T) {
	domaintest.Run(t, metric.Aggregate, []spec{
		{
			Name: "a metric without a name gets its key for one", When: with(func(*metric.Definition) {}),
			Then: []metric.Event{metric.Created{Project: "shop", Key: "revenue", Name: "revenue", Definition: revenue()}},
		},
		{
			Name: "a metric needs neither window nor unit", When: with(func(d *metric.Definition) {
				*d = metric.Definition{Kind: metric.Binary, Event: "bought", Direction: metric.Decrease}
			}),
			Then: []metric.Event{metric.Created{
				Project: "shop", Key: "revenue", Name: "revenue", Definition: metric.Definition{Kind: metric.Binary, Event: "bought", Direction: metric.Decrease},
			}},
		},
		{
			Name: "its window may last 400 days", When: with(func(d *metric.Definition) { d.Kind, d.WindowSeconds = metric.Count, metric.MaxWindowSeconds }),
			Then: []metric.Event{metric.Created{
				Project: "shop", Key: "revenue", Name: "revenue",
				Definition: metric.Definition{Kind: metric.Count, Event: "purchase", Direction: metric.Increase, WindowSeconds: 34_560_000, Unit: "EUR"},
			}},
		},
		{Name: "but no second longer", When: with(func(d *metric.Definition) { d.WindowSeconds = 34_560_001 }), Refused: "window_out_of_range", Pointer: "/window_seconds"},
		{Name: "and not less than none", When: with(func(d *metric.Definition) { d.WindowSeconds = -1 }), Refused: "window_out_of_range"},
		{Name: "its kind is known", When: with(func(d *metric.Definition) { d.Kind = "median" }), Refused: "unknown_kind", Pointer: "/kind"},
		{Name: "its good direction is known", When: with(func(d *metric.Definition) { d.Direction = "" }), Refused: "unknown_direction", Pointer: "/direction"},
		{Name: "it looks at an event", When: with(func(d *metric.Definition) { d.Event = " " }), Refused: "missing", Pointer: "/event"},
		{Name: "whose name is short", When: with(func(d *metric.Definition) { d.Event = strings.Repeat("e", 257) }), Refused: "too_long", Pointer: "/event"},
		{Name: "its unit is a word", When: with(func(d *metric.Definition) { d.Unit = strings.Repeat("e", 41) }), Refused: "too_long", Pointer: "/unit"},
		{Name: "it is created once", Given: []metric.Event{created()}, When: with(func(*metric.Definition) {}), Refused: "already_exists", Kind: domain.KindExists},
		{Name: "an archived one keeps its key", Given: []metric.Event{created(), metric.Archived{}}, When: with(func(*metric.Definition) {}), Refused: "already_exists"},
		{Name: "it has a key", When: metric.Create{Project: "shop", Definition: revenue()}, Refused: "bad_key", Pointer: "/key"},
		{Name: "it belongs to a project", When: metric.Create{Key: "revenue", Definition: revenue()}, Refused: "bad_key", Pointer: "/project"},
		{
			Name: "its name is text", When: metric.Create{Project: "shop", Key: "revenue", Name: "a\x00b", Definition: revenue()},
			Refused: "not_text", Pointer: "/name",
		},
		{
			Name: "its description has an end", When: metric.Create{Project: "shop", Key: "revenue", Description: strings.Repeat("n", 4001), Definition: revenue()},
			Refused: "too_long", Pointer: "/description",
		},
	})
}

func TestChangingAMetric(t *testing.T) {
	domaintest.Run(t, metric.Aggregate, []spec{
		{Name: "what does not exist is not described", When: metric.Describe{}, Refused: "not_found", Kind: domain.KindNotFound},
		{Name: "what does not exist is not archived", When: metric.Archive{}, Refused: "not_found", Kind: domain.KindNotFound},
		{Name: "what does not exist is not restored", When: metric.Restore{}, Refused: "not_found", Kind: domain.KindNotFound},
		{
			Name: "describing", Given: []metric.Event{created()}, When: metric.Describe{Name: "Sales", Description: "Without returns."},
			Then: []metric.Event{metric.Described{Name: "Sales", Description: "Without returns."}},
		},
		{Name: "describing alike records nothing", Given: []metric.Event{created()}, When: metric.Describe{Name: "Revenue"}},
		{Name: "describing too long", Given: []metric.Event{created()}, When: metric.Describe{Description: strings.Repeat("n", 4001)}, Refused: "too_long"},
		{Name: "an archived metric stays as it is", Given: []metric.Event{created(), metric.Archived{}}, When: metric.Describe{Name: "x"}, Refused: "archived", Kind: domain.KindState},
		{Name: "archiving", Given: []metric.Event{created()}, When: metric.Archive{}, Then: []metric.Event{metric.Archived{}}},
		{Name: "archiving twice records nothing", Given: []metric.Event{created(), metric.Archived{}}, When: metric.Archive{}},
		{Name: "restoring", Given: []metric.Event{created(), metric.Archived{}}, When: metric.Restore{}, Then: []metric.Event{metric.Restored{}}},
		{Name: "restoring what is in service records nothing", Given: []metric.Event{created(), metric.Archived{}, metric.Restored{}}, When: metric.Restore{}},
		{Name: "no command at all", Given: []metric.Event{created()}, When: nil, Refused: "invalid"},
	})
}

func TestReplayingAMetricEqualsLivingIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", "revenue", "<b> & \u2028", "\xff"})
		command := rapid.Custom(func(t *rapid.T) metric.Command {
			switch rapid.IntRange(0, 4).Draw(t, "command") {
			case 0:
				return metric.Create{Project: "shop", Key: domain.MetricKey(text.Draw(t, "key")), Name: text.Draw(t, "name"), Definition: metric.Definition{
					Kind:  rapid.SampledFrom([]metric.Kind{metric.Binary, metric.Count, metric.Mean, "x"}).Draw(t, "kind"),
					Event: text.Draw(t, "event"), Direction: metric.Increase, WindowSeconds: rapid.Int64Range(-1, 9).Draw(t, "window"), Unit: text.Draw(t, "unit"),
				}}
			case 1:
				return metric.Describe{Name: text.Draw(t, "name"), Description: text.Draw(t, "description")}
			case 2:
				return metric.Archive{}
			case 3:
				return metric.Restore{}
			}
			return nil
		})
		if _, err := domaintest.Live(metric.Aggregate, rapid.SliceOfN(command, 4, 16).Draw(t, "commands"), domaintest.Someone()); err != nil {
			t.Fatal(err)
		}
	})
}
