package modelcheck_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/holdout"
	"github.com/assayhq/assay/domain/layer"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/domain/segment"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/internal/command"
)

// today is the clock of all commands: what is decided must not depend on when a retry comes.
var today = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)

const actor domain.Actor = "key:model"

// ask is a command to one aggregate, and the aggregate's law as the model of it.
type ask struct {
	name, stream string
	// alone says that nothing but this command's own stream has a part in the answer, so that the law is the whole model.
	alone bool
	run   func(ctx context.Context, s *command.Service, o command.Options) (answer, error)
	// decide folds nothing: it takes and returns the model's state of the stream.
	decide func(held held) (next held, events []string, refusal error)
}

// held is the model's state of a stream.
type held struct {
	state    any
	text     string // the state as JSON
	revision eventlog.Revision
	executed []string
}

func untouched() held { return held{revision: eventlog.NoStream} }

// answer is what came back from a command.
type answer struct {
	kind     kind
	code     string // of a refusal
	text     string // the state as JSON
	revision eventlog.Revision
	position eventlog.Position
	events   []string
}

type kind int

const (
	unknown kind = iota // no answer, or one that says that nobody knows
	nothing             // it has failed, and nothing is recorded
	refused
	done
)

type commandOp struct {
	ask
	id           string
	options      command.Options
	answer       answer
	begun, ended int64
}

func asking[S, C, E any](a domain.Aggregate[S, C, E], stream string, c C, do func(ctx context.Context, s *command.Service, o command.Options) (command.Result[S], error)) ask {
	return ask{
		name: fmt.Sprintf("%T", c), stream: stream, alone: true,
		run: func(ctx context.Context, s *command.Service, o command.Options) (answer, error) {
			r, err := do(ctx, s, o)
			return answer{text: text(r.State), revision: r.Revision, position: r.Position, events: r.Events}, err
		},
		decide: func(h held) (held, []string, error) {
			state, _ := h.state.(S)
			events, err := a.Decide(state, c, domain.Envelope{Actor: actor, Reason: "Because.", At: today})
			var names []string
			for _, e := range events {
				name, _, err := a.Encode(e)
				if err != nil {
					return h, nil, err
				}
				names = append(names, name)
				state = a.Evolve(state, e)
			}
			h.state, h.text, h.revision = state, text(state), h.revision+eventlog.Revision(len(events))
			return h, names, err
		},
	}
}

func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// step is the model of a command: one call of the law, at one moment.
func step(h held, op *commandOp) (bool, held) {
	executed := slices.Contains(h.executed, op.id)
	stale := op.options.IfRevision != nil && *op.options.IfRevision != h.revision && h.revision != eventlog.NoStream
	next, events, refusal := op.decide(h)
	if refusal == nil && len(events) > 0 {
		next.executed = append(slices.Clip(h.executed), op.id)
	}
	got := op.answer
	switch {
	case got.kind == unknown:
		if executed || stale || refusal != nil {
			return true, h
		}
		return true, next
	case got.kind == refused && executed:
		return false, h
	case got.kind == refused && stale:
		return got.code == "stale_revision", h
	case got.kind == refused:
		r, _ := domain.AsRefusal(refusal)
		return r != nil && r.Code == got.code, h
	case executed:
		return len(got.events) == 0 && got.revision == h.revision && got.text == h.text, h
	case stale || refusal != nil || !slices.Equal(got.events, events) || got.text != next.text:
		return false, h
	case op.options.DryRun:
		return got.revision == h.revision, h
	default:
		return got.revision == next.revision, next
	}
}

// lawful checks the commands of each stream against the law.
func (h *history) lawful() (wrong []string) {
	model := porcupine.Model{
		Init: func() any { return untouched() },
		Equal: func(a, b any) bool {
			x, y := a.(held), b.(held)
			return x.revision == y.revision && x.text == y.text && slices.Equal(x.executed, y.executed)
		},
		Step: func(state, input, _ any) (bool, any) { return step(state.(held), input.(*commandOp)) },
	}
	streams := map[string][]porcupine.Operation{}
	for _, op := range h.commands {
		if !op.alone || op.answer.kind == nothing || op.answer.kind == unknown && op.options.DryRun {
			continue
		}
		ended := op.ended
		if op.answer.kind == unknown {
			ended = math.MaxInt64
		}
		streams[op.stream] = append(streams[op.stream], porcupine.Operation{Input: op, Call: op.begun, Return: ended})
	}
	for stream, ops := range streams {
		wrong = append(wrong, judged("the commands to "+stream, model, ops)...)
	}
	return wrong
}

// kindOf says what an error means to a caller. A failure that is part of several counts before a refusal: something is left to
// be done.
func kindOf(ctx context.Context, err error) (kind, string) {
	refusal, isRefusal := domain.AsRefusal(err)
	switch {
	case err == nil:
		return done, ""
	case errors.Is(err, errDied) || errors.Is(err, eventlog.ErrUnknownOutcome):
		return unknown, ""
	case errors.Is(err, eventlog.ErrUnavailable) || errors.Is(err, eventlog.ErrConflict):
		return nothing, ""
	case isRefusal:
		return refused, refusal.Code
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return nothing, ""
	default:
		return -1, ""
	}
}

var (
	environments = []domain.EnvironmentKey{"production", "staging"}
	half         = flag.Split{Weights: []flag.VariantWeight{{Variant: "on", Weight: domain.DefaultTotal / 2}, {Variant: "off", Weight: domain.DefaultTotal / 2}}}
)

// anything chooses what a client asks for.
func anything(d *dice) ask {
	switch d.n(12) {
	case 0, 1:
		return aSegment(d)
	case 2:
		return aMetric(d)
	case 3, 4, 5:
		return anExperiment(d)
	case 6:
		return aProject(d)
	default:
		return aFlag(d)
	}
}

func aFlag(d *dice) ask {
	key, e := domain.FlagKey(fmt.Sprint("f", d.n(3))), environments[d.n(2)]
	c := [...]flag.Command{
		flag.Create{Project: "shop", Key: key, Type: flag.Boolean},
		flag.Create{Project: "shop", Key: key, Type: flag.Boolean},
		flag.TurnOn{Environment: e},
		flag.TurnOff{Environment: e},
		flag.TurnOn{Environment: e},
		flag.TurnOff{Environment: e},
		flag.Describe{Name: fmt.Sprint("Name ", d.n(3))},
		flag.Archive{},
		flag.Restore{},
		flag.ChangeTargeting{Environment: e, Targeting: someTargeting(d)},
		flag.ChangeTargeting{Environment: e, Targeting: someTargeting(d)},
	}[d.n(11)]
	return asking(flag.Aggregate, domain.Stream(flag.Aggregate.Category, "shop", key), c, func(ctx context.Context, s *command.Service, o command.Options) (command.Result[flag.State], error) {
		return s.Flag(ctx, "shop", key, c, o)
	})
}

func someTargeting(d *dice) flag.Targeting {
	out := flag.Targeting{Default: flag.Serve{Variant: "on"}, Off: "off"}
	if d.once(2) {
		out.Default = flag.Serve{Split: &half}
	}
	if d.once(2) {
		out.Rules = []flag.Rule{{If: []domain.Condition{{Segments: []domain.SegmentKey{domain.SegmentKey(fmt.Sprint("s", d.n(2)))}}}, Serve: flag.Serve{Variant: "on"}}}
	}
	if d.once(3) {
		out.Holdouts = []domain.HoldoutKey{"back"}
	}
	return out
}

func aSegment(d *dice) ask {
	key := domain.SegmentKey(fmt.Sprint("s", d.n(2)))
	ids := []string{fmt.Sprint("u", d.n(9)), fmt.Sprint("u", d.n(9))}
	c := [...]segment.Command{
		segment.AddIDs{List: segment.Included, IDs: ids},
		segment.AddIDs{List: segment.Excluded, IDs: ids, Only: d.once(4)},
		segment.RemoveIDs{List: segment.Included, IDs: ids},
		segment.Describe{Name: fmt.Sprint("Name ", d.n(3))},
		segment.ChangeRules{Rules: []segment.Rule{{If: []domain.Condition{{Attribute: "plan", Operator: domain.Equals, Values: []json.RawMessage{json.RawMessage(fmt.Sprint(d.n(3)))}}}}}},
	}[d.n(5)]
	return toSegment(key, c)
}

func toSegment(key domain.SegmentKey, c segment.Command) ask {
	return asking(segment.Aggregate, domain.Stream(segment.Aggregate.Category, "shop", key), c, func(ctx context.Context, s *command.Service, o command.Options) (command.Result[segment.State], error) {
		return s.Segment(ctx, "shop", key, c, o)
	})
}

func aMetric(d *dice) ask {
	key := domain.MetricKey(fmt.Sprint("m", d.n(2)))
	c := [...]metric.Command{orders(key), metric.Describe{Name: fmt.Sprint("Name ", d.n(3))}, metric.Archive{}, metric.Restore{}}[d.n(4)]
	return asking(metric.Aggregate, domain.Stream(metric.Aggregate.Category, "shop", key), c, func(ctx context.Context, s *command.Service, o command.Options) (command.Result[metric.State], error) {
		return s.Metric(ctx, "shop", key, c, o)
	})
}

func orders(key domain.MetricKey) metric.Create {
	return metric.Create{Project: "shop", Key: key, Definition: metric.Definition{Kind: metric.Binary, Event: "order", Direction: metric.Increase}}
}

// aProject is about a project beside the one where everything else is.
func aProject(d *dice) ask {
	c := [...]project.Command{
		project.Create{Key: "blog"},
		project.Describe{Name: fmt.Sprint("Name ", d.n(3))},
		project.AddEnvironment{Environment: project.Environment{Key: domain.EnvironmentKey(fmt.Sprint("e", d.n(3)))}},
	}[d.n(3)]
	return asking(project.Aggregate, domain.Stream(project.Aggregate.Category, "", "blog"), c, func(ctx context.Context, s *command.Service, o command.Options) (command.Result[project.State], error) {
		return s.Project(ctx, "blog", c, o)
	})
}

func plan(key domain.FlagKey, in domain.LayerKey) experiment.Plan {
	p := experiment.Plan{
		Hypothesis: "We believe it helps.", Flag: key, Environment: "production", Primary: "orders",
		Arms: []experiment.Arm{{Variant: "off", Weight: domain.DefaultTotal / 2}, {Variant: "on", Weight: domain.DefaultTotal / 2}},
	}
	if in != "" {
		p.Layer, p.LayerShare = in, domain.DefaultTotal/2
	}
	return p
}

// anExperiment writes two or three streams, so the law of one is not the whole model of it.
func anExperiment(d *dice) ask {
	key := domain.ExperimentKey(fmt.Sprint("x", d.n(3)))
	p := plan(domain.FlagKey(fmt.Sprint("e", d.n(2))), domain.LayerKey([...]string{"", "", "lane"}[d.n(3)]))
	c := [...]experiment.Command{
		experiment.Create{Project: "shop", Key: key, Plan: p},
		experiment.Create{Project: "shop", Key: key, Plan: p},
		experiment.Start{},
		experiment.Start{},
		experiment.Start{},
		experiment.Stop{},
		experiment.Change{Name: fmt.Sprint("Name ", d.n(3)), Plan: p},
		experiment.TakeReading{Reading: experiment.Reading{Position: uint64(d.n(9)), Fraction: 1, Units: []int64{0, 0}, Hash: "00"}},
		experiment.Conclude{Decision: experiment.Decision{Outcome: experiment.Keep, Why: "It made no difference at all."}},
	}[d.n(9)]
	a := asking(experiment.Aggregate, domain.Stream(experiment.Aggregate.Category, "shop", key), c, func(ctx context.Context, s *command.Service, o command.Options) (command.Result[experiment.State], error) {
		return s.Experiment(ctx, "shop", key, c, o)
	})
	a.alone = false
	return a
}

// furnish makes what every history starts from.
func furnish(ctx context.Context, s *command.Service) error {
	o := command.Options{Actor: actor, Reason: "Because."}
	var errs []error
	add := func(err error) { errs = append(errs, err) }
	_, err := s.Project(ctx, "shop", project.Create{Key: "shop"}, o)
	add(err)
	_, err = s.Holdout(ctx, "shop", "back", holdout.Create{Key: "back", Share: 5_000}, o)
	add(err)
	_, err = s.Layer(ctx, "shop", "lane", layer.Create{Key: "lane"}, o)
	add(err)
	_, err = s.Metric(ctx, "shop", "orders", orders("orders"), o)
	add(err)
	for _, key := range []domain.FlagKey{"e0", "e1"} {
		_, err = s.Flag(ctx, "shop", key, flag.Create{Key: key, Type: flag.Boolean}, o)
		add(err)
	}
	return errors.Join(errs...)
}
