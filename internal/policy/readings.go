package policy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/internal/analysis"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/projections/catalog"
)

// ReadingActor is who takes the planned looks.
const ReadingActor domain.Actor = "system:readings"

// Readings takes the planned looks at experiments when they are due.
type Readings struct {
	Sources  analysis.Sources
	Commands *command.Service
	// Now is the clock, Every how often it is looked whether something is due; 15 s when 0.
	Now   func() time.Time
	Every time.Duration
	// Report hears of what went wrong; the loop goes on. It may be nil.
	Report func(error)
}

// Run looks whether a reading is due until ctx ends. It returns nil then.
func (r Readings) Run(ctx context.Context) error {
	every := r.Every
	if every <= 0 {
		every = 15 * time.Second
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := r.Take(ctx); err != nil && ctx.Err() == nil && r.Report != nil {
				r.Report(err)
			}
		}
	}
}

// Take takes every reading that is due now. One that cannot be taken does not keep the others.
func (r Readings) Take(ctx context.Context) error {
	now, at := r.Now(), r.Sources.Position()
	var failed error
	for _, e := range r.candidates() {
		in, key := e.State.Project, e.State.Key
		reading, due, err := r.Sources.Take(ctx, in, key, at, now, analysis.BySchedule)
		if err == nil && due {
			err = r.record(ctx, in, key, reading)
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("taking a reading of the experiment %s in %s: %w", key, in, err))
		}
	}
	return failed
}

func (r Readings) record(ctx context.Context, in domain.ProjectKey, key domain.ExperimentKey, reading experiment.Reading) error {
	id, reason := fmt.Sprintf("reading/%s/%s/%d", in, key, reading.Planned), fmt.Sprintf("Planned look %d is due.", reading.Planned)
	if reading.Planned == 0 {
		id, reason = fmt.Sprintf("reading/%s/%s/closing", in, key), "The experiment has stopped; this reading closes it."
	}
	_, err := r.Commands.Experiment(ctx, in, key, experiment.TakeReading{Reading: reading}, command.Options{Actor: ReadingActor, Reason: reason, CommandID: id})
	if _, refused := domain.AsRefusal(err); refused {
		return nil // somebody was faster: it was decided, or has had its last look
	}
	return err
}

// candidates are the experiments that may need a reading: those that run, and those that have stopped and are not decided.
func (r Readings) candidates() []catalog.Entry[experiment.State] {
	var out []catalog.Entry[experiment.State]
	projects := all(func(p catalog.Page) (entries []domain.ProjectKey, next string, err error) {
		list, next, err := r.Sources.Catalog.Projects(p, "")
		for _, e := range list {
			entries = append(entries, e.State.Key)
		}
		return entries, next, err
	})
	for _, in := range projects {
		for _, status := range []experiment.Status{experiment.StatusRunning, experiment.StatusStopped} {
			out = append(out, all(func(p catalog.Page) ([]catalog.Entry[experiment.State], string, error) {
				return r.Sources.Catalog.Experiments(in, p, catalog.Filter{}, status)
			})...)
		}
	}
	return out
}

// all turns pages into one list.
func all[T any](list func(catalog.Page) ([]T, string, error)) []T {
	var out []T
	page := catalog.Page{Limit: 200}
	for {
		entries, next, err := list(page)
		if err != nil {
			return out // cursors come from the list itself, so they are good
		}
		out = append(out, entries...)
		if next == "" {
			return out
		}
		page.After = next
	}
}
