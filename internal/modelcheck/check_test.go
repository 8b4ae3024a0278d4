package modelcheck_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/facts"
	"github.com/assayhq/assay/projections/ruleset"
)

// final is the log in the end, read without anything in between.
type final struct {
	events  []eventlog.Recorded
	streams map[string][]eventlog.Recorded
}

func readAll(ctx context.Context, log eventlog.Log) (f final, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.streams = map[string][]eventlog.Recorded{}
	for r, err := range log.All(ctx, 0, eventlog.Filter{}) {
		if err != nil {
			return f, err
		}
		if r.IsCheckpoint() {
			break
		}
		f.events = append(f.events, r)
		f.streams[r.Stream] = append(f.streams[r.Stream], r)
	}
	return f, nil
}

// check judges the history by the log that is left.
func (w *world) check(f final) []string {
	ids := map[string][]eventlog.ID{}
	for stream, events := range f.streams {
		for i, e := range events {
			if e.Revision != eventlog.Revision(i) {
				w.fail("%s has revision %d where %d is expected", stream, e.Revision, i)
			}
			ids[stream] = append(ids[stream], e.ID)
		}
	}
	wrong := slices.Concat(w.wrong, w.history.linearizable(ids), w.history.lawful(), w.acknowledged(f), w.measured(f), w.followed(f), w.projected(f), agreed(f))
	slices.Sort(wrong)
	return slices.Compact(wrong)
}

// acknowledged checks that every command is there exactly as often as its answers say.
func (w *world) acknowledged(f final) (wrong []string) {
	at := map[eventlog.ID]eventlog.Recorded{}
	for _, e := range f.events {
		if other, twice := at[e.ID]; twice {
			wrong = append(wrong, fmt.Sprintf("event %s is at position %d and again at %d", e.ID, other.Position, e.Position))
		}
		at[e.ID] = e
	}
	commands := map[string][]*commandOp{}
	for _, op := range w.history.commands {
		commands[op.id] = append(commands[op.id], op)
	}
	known := map[eventlog.ID]bool{}
	for id, tries := range commands {
		held, open := 0, false
		for r, there := at[eventlog.NewID(id, 0)]; there; r, there = at[eventlog.NewID(id, held)] {
			if r.Stream != tries[0].stream {
				wrong = append(wrong, fmt.Sprintf("%s is in %s, not in %s", id, r.Stream, tries[0].stream))
			}
			known[r.ID] = true
			held++
		}
		said := 0
		for _, op := range tries {
			switch a := op.answer; {
			case a.kind == unknown:
				open = true
			case a.kind != done || op.options.DryRun || len(a.events) == 0:
			default:
				said++
				wrong = append(wrong, exactly(op, f.streams[op.stream])...)
			}
		}
		last := tries[len(tries)-1].answer
		switch {
		case said > 1:
			wrong = append(wrong, fmt.Sprintf("%s was recorded %d times, it says", id, said))
		case held > 0 && said == 0 && !open:
			wrong = append(wrong, fmt.Sprintf("%s is in the log, but nobody was told so", id))
		case held > 0 && tries[0].alone && last.kind == refused:
			wrong = append(wrong, fmt.Sprintf("%s was refused and is in the log", id))
		}
	}
	return append(wrong, strangers(f, commands, known)...)
}

// exactly checks that the events of an acknowledged command are where the answer says.
func exactly(op *commandOp, stream []eventlog.Recorded) []string {
	n := len(op.answer.events)
	first := int(op.answer.revision) + 1 - n
	if !op.alone { // settling may have moved it on
		first = slices.IndexFunc(stream, func(r eventlog.Recorded) bool { return r.ID == eventlog.NewID(op.id, 0) })
	}
	if first < 0 || first+n > len(stream) {
		return []string{fmt.Sprintf("%s was acknowledged and is not in the log", op.id)}
	}
	for i, name := range op.answer.events {
		if r := stream[first+i]; r.ID != eventlog.NewID(op.id, i) || r.Type != name || r.Meta[command.MetaCommand] != op.id {
			return []string{fmt.Sprintf("%s was acknowledged with event %d at revision %d, where %s of %s is", op.id, i, first+i, r.Type, r.Meta[command.MetaCommand])}
		}
	}
	if last := stream[first+n-1]; last.Position != op.answer.position {
		return []string{fmt.Sprintf("%s was acknowledged at position %d and is at %d", op.id, op.answer.position, last.Position)}
	}
	return nil
}

// strangers are events that nobody asked for.
func strangers(f final, commands map[string][]*commandOp, known map[eventlog.ID]bool) (wrong []string) {
	for _, e := range f.events {
		part, isPart := commands[e.Meta["$correlationId"]]
		switch {
		case known[e.ID] || eventlog.Category(e.Stream) == measurement.Category || e.Position <= furnished(f):
		case isPart && !part[0].alone && e.Meta[command.MetaCommand] != part[0].id: // an experiment's step on its flag or layer, or its abandonment
		default:
			wrong = append(wrong, fmt.Sprintf("nobody asked for %s at revision %d of %s, as %q", e.Type, e.Revision, e.Stream, e.Meta[command.MetaCommand]))
		}
	}
	return wrong
}

// furnished is up to where the history's ground was laid.
func furnished(f final) eventlog.Position { return f.streams["flag-shop.e1"][0].Position }

// measured checks that every item of every batch is there, and that what is there was sent.
func (w *world) measured(f final) (wrong []string) {
	sent, held := map[string]*batch{}, map[string]int{}
	for _, b := range w.batches {
		for _, id := range b.ids {
			sent[id] = b
		}
	}
	for _, e := range f.events {
		if eventlog.Category(e.Stream) != measurement.Category {
			continue
		}
		in, err := measurement.Decode(e.Type, e.Data)
		if err != nil {
			return []string{err.Error()}
		}
		for _, item := range in.Measurements {
			held[item.EventID]++
		}
	}
	for id, b := range sent {
		if n := held[id]; b.acked && n == 0 || n > b.tries {
			wrong = append(wrong, fmt.Sprintf("item %s was sent %d times and is there %d times", id, b.tries, n))
		}
	}
	for id := range held {
		if sent[id] == nil {
			wrong = append(wrong, fmt.Sprintf("nobody sent item %s", id))
		}
	}
	return wrong
}

// followed checks what the followers saw.
func (w *world) followed(f final) (wrong []string) {
	for _, follower := range w.follows {
		same := slices.EqualFunc(follower.events, f.events, func(a, b eventlog.Recorded) bool {
			return a.ID == b.ID && a.Position == b.Position && a.Stream == b.Stream && a.Revision == b.Revision && slices.Equal(a.Data, b.Data)
		})
		if !same {
			wrong = append(wrong, fmt.Sprintf("%s saw %d events that are not the %d of the log", follower.who, len(follower.events), len(f.events)))
		}
	}
	return wrong
}

// projected folds the log event by event and compares with what the read models were, and with what the readers saw.
func (w *world) projected(f final) (wrong []string) {
	fresh, err := facts.Open(filepath.Join(w.base, "fresh"), facts.Options{})
	if err != nil {
		return []string{err.Error()}
	}
	rules, ctx := ruleset.New(), context.Background()
	models := []projections.Hashed{rules, catalog.New(), fresh}
	served := map[eventlog.Position][sha256.Size]byte{}
	slices.SortStableFunc(w.samples, func(a, b sample) int { return cmp.Compare(a.at, b.at) })
	next := 0
	for i := 0; i <= len(f.events); i++ {
		for ; next < len(w.samples) && (i == len(f.events) || w.samples[next].at < f.events[i].Position); next++ {
			s := w.samples[next]
			at := slices.IndexFunc(models, func(m projections.Hashed) bool { return m.Name() == s.name })
			if err := models[at].Apply(ctx, []eventlog.Recorded{{Position: s.at}}); err != nil {
				wrong = append(wrong, err.Error())
			}
			if _, hash, err := models[at].StateHash(); err != nil || hash != s.hash {
				wrong = append(wrong, fmt.Sprintf("%s at position %d is not the fold of the log (%v)", s.name, s.at, err))
			}
		}
		if i == len(f.events) {
			break
		}
		for _, m := range models {
			if !m.Filter().Matches(f.events[i].Stream) {
				continue
			}
			if err := m.Apply(ctx, f.events[i:i+1]); err != nil {
				wrong = append(wrong, err.Error())
			}
		}
		if now, there := rules.Current(place); there {
			served[now.Revision] = sha256.Sum256(now.JSON())
		}
	}
	for _, r := range w.readers {
		for _, s := range r.seen {
			if served[s.revision] != s.hash {
				wrong = append(wrong, fmt.Sprintf("%s saw at revision %d what the log does not say", r.who, s.revision))
			}
		}
	}
	if err := fresh.Close(); err != nil {
		wrong = append(wrong, err.Error())
	}
	return wrong
}

// agreed checks that flags serve exactly the experiments that run.
func agreed(f final) (wrong []string) {
	attached := map[domain.ExperimentKey]string{}
	for _, key := range []string{"e0", "e1"} {
		if a := fold(flag.Aggregate, f.streams["flag-shop."+key]).In("production").Experiment; a != nil {
			attached[a.Experiment] += key
		}
	}
	for _, key := range []domain.ExperimentKey{"x0", "x1", "x2"} {
		want, state := "", fold(experiment.Aggregate, f.streams["experiment-shop."+string(key)])
		if state.Status == experiment.StatusRunning {
			want = string(state.Plan.Flag)
		}
		if attached[key] != want {
			wrong = append(wrong, fmt.Sprintf("experiment %s is %s and should be served by %q, but is by %q", key, state.Status, want, attached[key]))
		}
	}
	return wrong
}

func fold[S, C, E any](a domain.Aggregate[S, C, E], events []eventlog.Recorded) (state S) {
	for _, r := range events {
		if e, err := a.Decode(r.Type, r.Data); err == nil {
			state = a.Evolve(state, e)
		}
	}
	return state
}
