package command_test

import (
	"sync"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/eventlog"
)

func withBandit(p *experiment.Plan) {
	p.Analysis = experiment.Analysis{Method: experiment.ConfidenceSequence, Bandit: &experiment.Bandit{}}
}

// bandit is a shop whose experiment "one" is a bandit that runs.
func bandit(t *testing.T) *trial {
	c := shop(t)
	ok(c.experiment("one", experiment.Change{Plan: plan(withBandit)}))(t)
	ok(c.experiment("one", experiment.Start{}))(t)
	return c
}

func weighing(off, on domain.Weight) experiment.Command {
	return experiment.Reweigh{Arms: []experiment.Arm{{Variant: "off", Weight: off}, {Variant: "on", Weight: on}}}
}

// on is the weight by which the flag serves the treatment.
func (c *trial) on() domain.Weight {
	return state(c, flag.Aggregate, "flag-shop.page").In("production").Experiment.Split.Weights[1].Weight
}

func TestTheFlagDividesByTheWeightsOfTheExperiment(t *testing.T) {
	c := bandit(t)
	changed := ok(c.experiment("one", weighing(20_000, 80_000)))(t)
	if changed.State.Plan.Arms[1].Weight != 80_000 || c.on() != 80_000 {
		t.Errorf("%+v, the flag has %d", changed.State.Plan.Arms, c.on())
	}
	// Back again moves exactly 30 % of the buckets, and nobody else: those that were the control's at first are its first.
	ok(c.experiment("one", weighing(50_000, 50_000)))(t)
	if split := state(c, flag.Aggregate, "flag-shop.page").In("production").Experiment.Split; c.on() != 50_000 || split.Salt != "shop.one/experiment/" || len(split.Ranges()) > 3 {
		t.Errorf("%+v", split)
	}
	head, _ := c.log.Head(t.Context())
	ok(c.experiment("one", weighing(50_000, 50_000)))(t)
	if now, _ := c.log.Head(t.Context()); now != head {
		t.Error("the same weights again are recorded")
	}
	_, err := c.experiment("two", weighing(50_000, 50_000))
	refused(t, err, "not_running")
}

func TestADryRunOfWeightsRecordsNothing(t *testing.T) {
	c := bandit(t)
	options := o()
	options.DryRun = true
	head, _ := c.log.Head(t.Context())
	would := ok(c.Experiment(t.Context(), "shop", "one", weighing(20_000, 80_000), options))(t)
	if now, _ := c.log.Head(t.Context()); now != head || would.State.Plan.Arms[1].Weight != 80_000 || c.on() != 50_000 {
		t.Errorf("%+v", would.State.Plan.Arms)
	}
}

func TestAChangeOfWeightsThatBreaksOffIsCompletedByRepeatingIt(t *testing.T) {
	c := bandit(t)
	c.log.once(flag.WireExperimentAttached, unavailable)
	_, err := c.experiment("one", weighing(20_000, 80_000))
	if err == nil || c.on() != 50_000 {
		t.Fatalf("nothing broke off: %v, %d", err, c.on())
	}
	ok(c.experiment("one", weighing(20_000, 80_000)))(t)
	if c.on() != 80_000 {
		t.Errorf("the flag has %d", c.on())
	}
}

// While one change waits to be carried to the flag another one is recorded and carried; whoever writes to the flag last leaves the newest.
func TestOfSeveralChangesOfWeightsTheNewestStays(t *testing.T) {
	c := bandit(t)
	c.log.once(flag.WireExperimentAttached, func(a appending) (eventlog.Position, error) {
		var other sync.WaitGroup
		other.Go(func() { ok(c.experiment("one", weighing(30_000, 70_000)))(t) })
		other.Wait()
		return a.do()
	})
	ok(c.experiment("one", weighing(20_000, 80_000)))(t)
	if got := state(c, experiment.Aggregate, "experiment-shop.one").Plan.Arms[1].Weight; got != 70_000 || c.on() != got {
		t.Errorf("the experiment has %d, the flag %d", got, c.on())
	}
}
