package modelcheck_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"

	"github.com/assayhq/assay/eventlog"
)

var (
	histories = flag.Int("histories", 10, "how `many` histories to make on each log that is simulated")
	firstSeed = flag.Uint64("seed", 1, "the `seed` of the first history; the others follow it")
)

var usual = size{clients: 4, commands: 30, crashes: 4}

// flaw is what a test of the check puts in; none by default.
type flaw struct {
	log     func(w *world, log eventlog.Log) eventlog.Log
	service func(w *world, log eventlog.Log) eventlog.Log
}

// evidence is what a history has left.
type evidence struct {
	wrong []string
	trace string
	world *world
	final final
}

// simulate makes one history, one goroutine at a time, and judges it.
func simulate(t *testing.T, seed uint64, engineOf func(seed uint64) engine, s size, f flaw) (out evidence) {
	t.Helper()
	cryptotest.SetGlobalRandom(t, seed)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, engineOf(seed), s, f, false)
		done := make(chan struct{})
		go w.schedule.run(done)
		err := w.happen()
		close(done)
		if err == nil {
			out.final, err = readAll(context.Background(), w.process.raw)
		}
		if w.process != nil {
			w.process.end()
			w.process.running.Wait()
			_ = w.closeFacts(w.process)
			_ = w.engine.bury(w.process.log)
		}
		if err != nil {
			w.fail("%v", err)
		}
		out.world, out.trace = w, fmt.Sprintf("%x", w.schedule.seen.Sum(nil))
	})
	out.wrong = out.world.check(out.final)
	return out
}

// engines are those that are simulated.
func engines() map[string]func(seed uint64) engine {
	return map[string]func(uint64) engine{
		"memory":   func(uint64) engine { return &inMemory{} },
		"embedded": func(seed uint64) engine { return newEmbedded(seed) },
	}
}

// Thousands of them take minutes:
//
//	go test ./internal/modelcheck -run EveryHistory -histories 5000 -timeout 2h
func TestEveryHistoryIsOneThatTheModelAllows(t *testing.T) {
	for name, engine := range engines() {
		t.Run(name, func(t *testing.T) {
			var all tally
			for i := range *histories {
				seed := *firstSeed + uint64(i)
				out := simulate(t, seed, engine, usual, flaw{})
				if len(out.wrong) > 0 {
					t.Fatalf("seed %d:\n%s\nagain with: go test ./internal/modelcheck -run 'EveryHistory.*/%s' -seed %d -histories 1 -count 5", seed, strings.Join(out.wrong, "\n"), name, seed)
				}
				all.add(out)
			}
			all.report(t, *histories)
			if *histories >= 10 {
				all.enough(t, name == "embedded")
			}
		})
	}
}

// tally is what happened in several histories.
type tally struct {
	events, commands, done, refused, dry, unknown, conflicts, crashes, cuts, fails, rebuilds, deltas, wholes, looks, samples, calls int
}

func (a *tally) add(out evidence) {
	w := out.world
	c := &w.count
	a.events += len(out.final.events)
	a.commands += len(w.history.commands)
	a.calls += len(w.history.calls)
	a.done, a.refused, a.dry = a.done+int(c.done.Load()), a.refused+int(c.refused.Load()), a.dry+int(c.dry.Load())
	a.unknown, a.conflicts = a.unknown+int(c.unknown.Load()), a.conflicts+int(c.conflicts.Load())
	a.crashes += w.deaths
	a.rebuilds, a.deltas, a.wholes = a.rebuilds+int(c.rebuilds.Load()), a.deltas+int(c.deltas.Load()), a.wholes+int(c.wholes.Load())
	a.samples += len(w.samples)
	for _, r := range w.readers {
		a.looks += len(r.seen)
	}
	if e, ok := w.engine.(*embedded); ok {
		a.cuts, a.fails = a.cuts+e.cuts, a.fails+e.fails
	}
}

func (a *tally) report(t *testing.T, histories int) {
	t.Logf("%d histories, %d events: %d tries of commands (%d done, %d refused, %d dry runs), %d appends whose outcome is unknown, %d conflicts, "+
		"%d ends of a process (%d power cuts, %d failed syncs), %d rebuilds, %d rulesets seen (%d changes, %d wholes), %d states compared, %d calls of the log judged",
		histories, a.events, a.commands, a.done, a.refused, a.dry, a.unknown, a.conflicts, a.crashes, a.cuts, a.fails, a.rebuilds, a.looks, a.deltas, a.wholes, a.samples, a.calls)
}

// enough checks that what was to happen did.
func (a *tally) enough(t *testing.T, disk bool) {
	for what, n := range map[string]int{
		"commands done": a.done, "refusals": a.refused, "dry runs": a.dry, "unknown outcomes": a.unknown, "conflicts": a.conflicts,
		"ends of a process": a.crashes, "rebuilds": a.rebuilds, "changes": a.deltas, "states": a.samples,
	} {
		if n < 10 {
			t.Errorf("only %d %s in all histories; they check little", n, what)
		}
	}
	if disk && (a.cuts < 5 || a.fails < 2) {
		t.Errorf("only %d power cuts and %d failed syncs", a.cuts, a.fails)
	}
}

// A seed that fails must fail again: the same turns, the same log, the same answers.
func TestASeedBringsTheSameHistoryBack(t *testing.T) {
	memory := engines()["memory"]
	for seed := uint64(100); seed < 103; seed++ {
		one, other := simulate(t, seed, memory, usual, flaw{}), simulate(t, seed, memory, usual, flaw{})
		if one.trace != other.trace {
			t.Errorf("seed %d took other turns the second time", seed)
		}
		same := slices.EqualFunc(one.final.events, other.final.events, func(a, b eventlog.Recorded) bool {
			return a.ID == b.ID && a.Stream == b.Stream && a.Position == b.Position && slices.Equal(a.Data, b.Data)
		})
		if !same || len(one.final.events) < 20 {
			t.Errorf("seed %d left another log: %d and %d events", seed, len(one.final.events), len(other.final.events))
		}
	}
}
