package projectionstest

import (
	"encoding/json"
	"fmt"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/holdout"
	"github.com/assayhq/assay/domain/layer"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/domain/segment"
)

// Random makes a history out of the given number of things that somebody tried, most of them allowed, and now and then an
// event that cannot be read. pick(n) chooses from 0 to n-1.
func Random(t T, tries int, pick func(n int) int) *History {
	h := New(t)
	r := randomly{h, pick}
	for range tries {
		h.Actor = domain.Actor(fmt.Sprint("key:", pick(3)))
		h.Reason = [...]string{"because", "", "it was time"}[pick(3)]
		in := [...]domain.ProjectKey{"shop", "blog"}[pick(2)]
		// A refusal is as good as a deed: it adds nothing.
		switch pick(20) {
		case 0, 1:
			_ = Try(h, project.Aggregate, domain.Stream("project", "", in), r.projectCommand(in))
		case 2:
			_ = Try(h, metric.Aggregate, domain.Stream("metric", in, "orders"), r.metricCommand(in))
		case 3, 4, 5:
			_ = Try(h, experiment.Aggregate, domain.Stream("experiment", in, "e"), r.experimentCommand(in))
		case 6:
			id := domain.KeyID(fmt.Sprint("k", pick(3)))
			_ = Try(h, apikey.Aggregate, domain.Stream("apikey", "", id), r.keyCommand(id))
		case 7:
			r.unreadable()
		case 8, 9:
			key := domain.SegmentKey(fmt.Sprint("s", pick(3)))
			_ = Try(h, segment.Aggregate, domain.Stream("segment", in, key), r.segmentCommand(in, key))
		case 10:
			_ = Try(h, holdout.Aggregate, domain.Stream("holdout", in, "h"), r.holdoutCommand(in))
		case 11:
			_ = Try(h, layer.Aggregate, domain.Stream("layer", in, "l"), r.layerCommand(in))
		default:
			key := domain.FlagKey(fmt.Sprint("f", pick(4)))
			_ = Try(h, flag.Aggregate, domain.Stream("flag", in, key), r.flagCommand(in, key))
		}
	}
	return h
}

type randomly struct {
	h    *History
	pick func(n int) int
}

func (r randomly) environment() domain.EnvironmentKey {
	return [...]domain.EnvironmentKey{"production", "staging", "e2e"}[r.pick(3)]
}

func (r randomly) text() string { return [...]string{"", "Checkout", "Basket"}[r.pick(3)] }

func (r randomly) projectCommand(in domain.ProjectKey) project.Command {
	switch r.pick(3) {
	case 0:
		return project.Describe{Name: r.text()}
	case 1:
		return project.AddEnvironment{Environment: project.Environment{Key: r.environment()}}
	default:
		return project.Create{Key: in}
	}
}

func (r randomly) metricCommand(in domain.ProjectKey) metric.Command {
	return [...]metric.Command{Orders(in), metric.Describe{Name: r.text()}, metric.Archive{}, metric.Restore{}}[r.pick(4)]
}

func (r randomly) experimentCommand(in domain.ProjectKey) experiment.Command {
	plan := Plan("f0", r.environment())
	plan.Hypothesis += r.text()
	return [...]experiment.Command{
		experiment.Create{Project: in, Key: "e", Plan: plan},
		experiment.Change{Name: r.text(), Plan: plan},
		experiment.Start{},
		experiment.Stop{},
		experiment.TakeReading{Reading: experiment.Reading{Position: uint64(r.pick(9)), Fraction: 1, Units: make([]int64, len(plan.Arms)), Hash: "00"}}, //nolint:gosec // from 0 to 8
		experiment.Conclude{Decision: experiment.Decision{Outcome: experiment.Keep, Why: "It made no difference at all."}},
	}[r.pick(6)]
}

func (r randomly) segmentCommand(in domain.ProjectKey, key domain.SegmentKey) segment.Command {
	list := [...]segment.List{segment.Included, segment.Excluded}[r.pick(2)]
	ids := []string{fmt.Sprint("u", r.pick(5)), fmt.Sprint("u", r.pick(5))}
	switch r.pick(8) {
	case 0:
		return segment.Describe{Name: r.text()}
	case 1:
		return segment.ChangeRules{Rules: []segment.Rule{{If: r.conditions(key)}}}
	case 2, 3:
		return segment.AddIDs{List: list, IDs: ids, Only: r.pick(4) == 0}
	case 4:
		return segment.RemoveIDs{List: list, IDs: ids}
	case 5:
		return [...]segment.Command{segment.Archive{}, segment.Restore{}}[r.pick(2)]
	default:
		return segment.Create{Project: in, Key: key}
	}
}

// conditions ask for an attribute or for segments with a higher key, so that no circle comes about.
func (r randomly) conditions(above domain.SegmentKey) []domain.Condition {
	if asked := domain.SegmentKey(fmt.Sprint("s", r.pick(3))); asked > above {
		return []domain.Condition{{Segments: []domain.SegmentKey{asked}}}
	}
	return []domain.Condition{{Attribute: "plan", Operator: domain.Equals, Values: []json.RawMessage{json.RawMessage(fmt.Sprint(r.pick(3)))}}}
}

func (r randomly) holdoutCommand(in domain.ProjectKey) holdout.Command {
	return [...]holdout.Command{
		holdout.Create{Project: in, Key: "h", Share: 5_000}, holdout.Describe{Name: r.text()}, holdout.ChangeShare{Share: domain.Weight(r.pick(3))}, //nolint:gosec // from 0 to 2
		holdout.Archive{}, holdout.Restore{},
	}[r.pick(5)]
}

func (r randomly) layerCommand(in domain.ProjectKey) layer.Command {
	return [...]layer.Command{
		layer.Create{Project: in, Key: "l"},
		layer.Describe{Name: r.text()},
		layer.Allocate{Experiment: "e", Share: 50_000},
		layer.Release{Experiment: "e"},
		layer.Archive{},
		layer.Restore{},
	}[r.pick(6)]
}

func (r randomly) keyCommand(id domain.KeyID) apikey.Command {
	if r.pick(2) == 0 {
		return apikey.Revoke{}
	}
	return apikey.Issue{Key: apikey.Key{ID: id, Kind: apikey.Admin, Name: "n", Hash: Hash, Project: [...]domain.ProjectKey{"", "shop"}[r.pick(2)]}}
}

func (r randomly) flagCommand(in domain.ProjectKey, key domain.FlagKey) flag.Command {
	e := r.environment()
	switch r.pick(13) {
	case 0:
		return flag.TurnOn{Environment: e}
	case 1:
		return flag.TurnOff{Environment: e}
	case 2, 3:
		return flag.ChangeTargeting{Environment: e, Targeting: r.targeting()}
	case 4:
		return flag.Describe{Name: r.text()}
	case 5:
		return flag.ChangeVariants{Variants: []flag.Variant{
			{Key: "on", Value: json.RawMessage("true")}, {Key: "off", Value: json.RawMessage("false")}, {Key: domain.VariantKey(fmt.Sprint("v", r.pick(2))), Value: json.RawMessage("true")},
		}}
	case 6:
		return flag.AttachExperiment{Environment: e, Experiment: "e", Split: Half("off", "on")}
	case 7:
		return flag.DetachExperiment{Environment: e, Experiment: "e"}
	case 8:
		return flag.Archive{}
	case 9:
		return flag.Restore{}
	case 10:
		return flag.ChangeMetadata{Metadata: flag.Metadata{{Name: "owner", Value: json.RawMessage(fmt.Sprint(r.pick(2)))}}[r.pick(2):]}
	default:
		return flag.Create{Project: in, Key: key, Type: flag.Boolean}
	}
}

func (r randomly) targeting() flag.Targeting {
	out := flag.Targeting{Default: flag.Serve{Variant: "on"}, Off: "off"}
	if r.pick(2) == 0 {
		split := Half("on", "off")
		out.Default = flag.Serve{Split: &split}
	}
	if r.pick(3) == 0 {
		out.Holdouts = []domain.HoldoutKey{"h"}
	}
	for range r.pick(3) {
		out.Rules = append(out.Rules, flag.Rule{Description: r.text(), If: r.conditions(""), Serve: flag.Serve{Variant: "on"}})
	}
	return out
}

// unreadable adds what no reader of this version understands.
func (r randomly) unreadable() {
	stream := [...]string{"flag-shop.f3", "flag-blog.f3", "metric-blog.orders", "experiment-blog.e", "apikey-k2", "project-late"}[r.pick(6)]
	switch r.pick(3) {
	case 0:
		r.h.Raw(stream, "SomethingNew", `{"a":1}`)
	case 1:
		r.h.Raw(stream, "FlagCreated", `{"key":`)
	default:
		r.h.Raw(stream, "FlagTurnedOn", `{"environment":"production"}`)
	}
}
