package policy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/internal/analysis"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/catalog"
)

// BanditActor is who applies the weights of bandits by the schedule of their plans.
const BanditActor domain.Actor = "system:bandit"

// Bandits applies the weights that the results recommend, as often as each plan says. Every time it does so has a number, counted from the start
// of the experiment, and the command an id of it: of several nodes one records the change. It need not be made again when a node was away.
type Bandits struct {
	Sources  analysis.Sources
	Commands *command.Service
	// Now is the clock, Every how often it is looked whether something is due; a minute when 0.
	Now   func() time.Time
	Every time.Duration
	// Report hears of what went wrong; the loop goes on. It may be nil.
	Report func(error)

	mu   sync.Mutex
	done map[string]int64 // by experiment, the number that was seen to last
}

// Run applies weights until ctx ends. It returns nil then.
func (b *Bandits) Run(ctx context.Context) error {
	every := b.Every
	if every <= 0 {
		every = time.Minute
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := b.Apply(ctx); err != nil && ctx.Err() == nil && b.Report != nil {
				b.Report(err)
			}
		}
	}
}

// Apply applies the weights of every bandit that is due. One that cannot be applied does not keep the others.
func (b *Bandits) Apply(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, at := b.Now(), b.Sources.Position()
	var failed error
	for _, e := range (Readings{Sources: b.Sources}).candidates() {
		bandit := e.State.Plan.Analysis.Bandit
		if bandit == nil || bandit.EverySeconds == 0 || e.State.Status != experiment.StatusRunning {
			continue
		}
		if err := b.apply(ctx, e, *bandit, now, at); err != nil {
			failed = errors.Join(failed, fmt.Errorf("applying the weights of the bandit %s in %s: %w", e.State.Key, e.State.Project, err))
		}
	}
	return failed
}

func (b *Bandits) apply(ctx context.Context, e catalog.Entry[experiment.State], bandit experiment.Bandit, now time.Time, at projections.Position) error {
	in, key := e.State.Project, e.State.Key
	number := b.due(in, key, bandit, now, at)
	if number == 0 {
		return nil
	}
	input, ok, err := b.Sources.Read(ctx, in, key, at, nil)
	if err != nil || !ok {
		return err
	}
	result := analysis.Analyze(input)
	if c, recommended := result.Bandit.Reweighing(); recommended {
		_, err = b.Commands.Experiment(ctx, in, key, c, command.Options{
			Actor: BanditActor, CommandID: fmt.Sprintf("bandit/%s/%s/%d", in, key, number),
			Reason: fmt.Sprintf("The bandit of the plan is due; these are the weights that the results at position %s recommend.", result.Position),
		})
		if _, refused := domain.AsRefusal(err); refused {
			err = nil // somebody was faster: it was stopped or decided, or its plan amended
		}
	}
	if err == nil {
		b.seen(in, key, number)
	}
	return err
}

// due is the number of the time that has come, of those that this node has not seen to; 0 when there is none.
func (b *Bandits) due(in domain.ProjectKey, key domain.ExperimentKey, bandit experiment.Bandit, now time.Time, at projections.Position) int64 {
	_, course, ok := b.Sources.Catalog.ExperimentAt(in, key, at)
	if !ok || course.StartedAt.IsZero() {
		return 0
	}
	every := time.Duration(bandit.EverySeconds) * time.Second
	if n := int64(now.Add(-analysis.Settling).Sub(course.StartedAt) / every); n > b.done[name(in, key)] {
		return n
	}
	return 0
}

func (b *Bandits) seen(in domain.ProjectKey, key domain.ExperimentKey, number int64) {
	if b.done == nil {
		b.done = map[string]int64{}
	}
	b.done[name(in, key)] = number
}

func name(in domain.ProjectKey, key domain.ExperimentKey) string {
	return string(in) + "/" + string(key)
}
