package policy_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/internal/policy"
)

// changes are the changes of the weights in the log: actor and the treatment's weight.
func (tm *team) changes() (actors []string, weights []uint32) {
	for r, err := range tm.log.Stream(tm.Context(), "experiment-shop.trial", 0) {
		if err != nil {
			tm.Fatal(err)
		}
		e, err := experiment.Aggregate.Decode(r.Type, r.Data)
		if err != nil {
			tm.Fatal(err)
		}
		if c, is := e.(experiment.WeightsChanged); is {
			actors, weights = append(actors, r.Meta["actor"]), append(weights, uint32(c.Arms[1].Weight))
		}
	}
	return actors, weights
}

// served are the weights that the flag divides units by.
func (tm *team) served() (weights []flag.VariantWeight) {
	var s flag.State
	for r, err := range tm.log.Stream(tm.Context(), "flag-shop.banner", 0) {
		if err != nil {
			tm.Fatal(err)
		}
		e, err := flag.Aggregate.Decode(r.Type, r.Data)
		if err != nil {
			tm.Fatal(err)
		}
		s = flag.Aggregate.Evolve(s, e)
	}
	if a := s.In("production").Experiment; a != nil {
		return a.Split.Weights
	}
	return nil
}

func daily() experiment.Plan {
	return experiment.Plan{Analysis: experiment.Analysis{Method: experiment.ConfidenceSequence, Bandit: &experiment.Bandit{Floor: 0.1, EverySeconds: 86_400}}}
}

// Three nodes apply the weights of every day, and each is recorded once; the flag follows.
func TestABanditMovesTrafficByItsSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tm := newTeam(t)
		tm.start(daily())
		for range 3 {
			defer tm.node()()
		}
		tm.ordering(200, 10, 10)
		time.Sleep(12 * time.Hour)
		synctest.Wait()
		if actors, _ := tm.changes(); len(actors) != 0 {
			t.Fatalf("weights changed before their time: %q", actors)
		}
		tm.ordering(200, 10, 5)
		time.Sleep(day)
		synctest.Wait()
		actors, weights := tm.changes()
		if len(actors) != 1 || actors[0] != string(policy.BanditActor) || weights[0] <= 85_000 || weights[0] > 90_000 {
			t.Fatalf("%q, %v", actors, weights)
		}
		if served := tm.served(); len(served) != 2 || uint32(served[1].Weight) != weights[0] {
			t.Errorf("the flag divides by %+v, the experiment by %v", served, weights)
		}
	})
}

// Without a schedule nothing moves, nor once the experiment has stopped.
func TestABanditWithoutAScheduleOnlyRecommends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tm := newTeam(t)
		plan := daily()
		plan.Analysis.Bandit.EverySeconds = 0
		tm.start(plan)
		defer tm.node()()
		tm.ordering(200, 10, 5)
		time.Sleep(3 * day)
		synctest.Wait()
		if actors, _ := tm.changes(); len(actors) != 0 {
			t.Errorf("%q", actors)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		tm := newTeam(t)
		tm.start(daily())
		defer tm.node()()
		tm.ordering(200, 10, 5)
		must[command.Result[experiment.State]](t)(tm.commands.Experiment(context.Background(), "shop", "trial", experiment.Stop{}, because))
		time.Sleep(3 * day)
		synctest.Wait()
		if actors, _ := tm.changes(); len(actors) != 0 {
			t.Errorf("%q", actors)
		}
	})
}
