package modelcheck_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/esdb"
	"github.com/assayhq/assay/eventlog/esdb/esdbtest"
)

// cluster is an event store that the unmodified client talks to, and that loses answers, connections and subscriptions.
type cluster struct {
	server *esdbtest.Cluster
	storm  *dice
	faults atomic.Int64
	log    *esdb.Log
}

func newCluster(t *testing.T, seed uint64) *cluster {
	return &cluster{server: esdbtest.Start(t, esdbtest.Options{}), storm: newDice(seed, 4)}
}

func (e *cluster) open(w *world, _ func()) (eventlog.Log, error) {
	e.server.OnAppend(func(string) esdbtest.Fault {
		if !w.stormy.Load() || !e.storm.once(6) {
			return esdbtest.None
		}
		e.faults.Add(1)
		return []esdbtest.Fault{
			esdbtest.Refuse, esdbtest.Abort, esdbtest.CutBefore, esdbtest.LoseAnswer, esdbtest.TimeOut, esdbtest.CutAfter, esdbtest.Slow(5 * time.Millisecond),
		}[e.storm.n(7)]
	})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var err error
	e.log, err = esdb.Open(ctx, e.server.ConnectionString(), esdb.Options{})
	return e.log, err
}

func (e *cluster) trouble(w *world) trouble { return usualTrouble(w.schedule.dice) }
func (e *cluster) broken() bool             { return false }
func (e *cluster) bury(eventlog.Log) error  { return e.log.Close() }

// crash breaks what the client holds, or ends the process.
func (e *cluster) crash(*world) bool {
	switch e.storm.n(3) {
	case 0:
		e.server.CutConnections()
	case 1:
		e.server.DropSubscriptions()
	default:
		return false
	}
	return true
}

// The same clients, read models and checks on an event store, and on the embedded log with nobody holding goroutines back, where
// facts write segments and are killed between them.
func TestHistoriesThatRunFreelyAreOnesThatTheModelAllows(t *testing.T) {
	for name, engineOf := range map[string]func(t *testing.T, seed uint64) engine{
		"event store": func(t *testing.T, seed uint64) engine { return newCluster(t, seed) },
		"embedded":    func(_ *testing.T, seed uint64) engine { return newEmbedded(seed) },
	} {
		t.Run(name, func(t *testing.T) {
			var all tally
			n := max(1, *histories/5)
			for i := range n {
				seed := *firstSeed + uint64(i)
				out := letRun(t, seed, engineOf(t, seed))
				if len(out.wrong) > 0 {
					t.Fatalf("seed %d:\n%s\nagain with: go test ./internal/modelcheck -run 'RunFreely.*/%s' -seed %d -histories 1 -count 5", seed, strings.Join(out.wrong, "\n"), name, seed)
				}
				all.add(out)
			}
			all.report(t, n)
			if all.done < 20*n || all.deltas < n {
				t.Errorf("too little happened: %+v", all)
			}
		})
	}
}

func letRun(t *testing.T, seed uint64, e engine) (out evidence) {
	t.Helper()
	w := newWorld(t, seed, e, usual, flaw{}, true)
	err := w.happen()
	if err == nil {
		out.final, err = readAll(t.Context(), w.process.raw)
	}
	if err != nil {
		t.Fatalf("seed %d: %v %v", seed, err, w.wrong)
	}
	w.process.end()
	w.process.running.Wait()
	if err := w.closeFacts(w.process); err != nil {
		t.Error(err)
	}
	if err := w.engine.bury(w.process.log); err != nil {
		t.Error(err)
	}
	out.world, out.wrong = w, w.check(out.final)
	return out
}
