package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/catalog"
)

// Retention says how many days measurements are kept, by "project/environment", "project/*" or "*"; the most exact name
// counts. What no name fits is kept for ever.
type Retention map[string]int

// LeastRetention is the shortest retention in days: an experiment that is about to start may look back.
const LeastRetention = 30

// ParseRetention reads what --retain was given, such as "shop/production=90,*=400".
func ParseRetention(text string) (Retention, error) {
	r := Retention{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, number, _ := strings.Cut(part, "=")
		days, err := strconv.Atoi(number)
		if first, second, two := strings.Cut(name, "/"); err != nil || first == "" || two && (second == "" || first == "*") {
			return nil, fmt.Errorf("%q is no retention; write PROJECT/ENVIRONMENT=DAYS, PROJECT/*=DAYS or *=DAYS, separated by commas", part)
		}
		if days < LeastRetention {
			return nil, fmt.Errorf("measurements are kept at least %d days, because an experiment that starts may look back; %q says less", LeastRetention, part)
		}
		r[name] = days
	}
	return r, nil
}

// of returns the days for an environment, 0 for ever.
func (r Retention) of(in domain.ProjectKey, environment domain.EnvironmentKey) int {
	for _, name := range []string{fmt.Sprintf("%s/%s", in, environment), fmt.Sprintf("%s/*", in), "*"} {
		if days, ok := r[name]; ok {
			return days
		}
	}
	return 0
}

const retentionPause = time.Hour

// trimmer removes old measurements from the log, day by day. A day that any report can be made of is kept, whatever its age: a
// report asked for again must be the same bytes. See internal/decisions/0035.
type trimmer struct {
	policy  Retention
	log     engine
	catalog *catalog.Projection
	facts   *projections.Runner
	now     func() time.Time
	out     zerolog.Logger
	settled map[string]bool // streams that are trimmed
	pending []string        // those of them that the facts still hold
}

// run trims once an hour until ctx ends.
func (t *trimmer) run(ctx context.Context) error {
	if len(t.policy) == 0 {
		return nil
	}
	t.settled = map[string]bool{}
	for {
		if err := t.once(ctx); err != nil && ctx.Err() == nil {
			t.out.Error().Err(err).Msg("retention")
		}
		timer := time.NewTimer(retentionPause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// once trims whatever is due now. When anything was, the facts are folded anew: what is gone from the log must not live on in
// them.
func (t *trimmer) once(ctx context.Context) error {
	total, page := 0, catalog.Page{Limit: 200}
	for more := true; more; more = page.After != "" {
		projects, next, err := t.catalog.Projects(page, "")
		if err != nil {
			return err
		}
		for _, p := range projects {
			n, err := t.project(ctx, p)
			if total += n; err != nil {
				return err
			}
		}
		page.After = next
	}
	if total > 0 {
		t.out.Info().Int("events", total).Msg("measurements that no report can be made of were removed by age")
	}
	if len(t.pending) == 0 {
		return nil
	}
	return t.forget(ctx)
}

const forgetPause = 100 * time.Millisecond

// forget folds the facts anew, and remembers that it was done when it is. A rebuild that somebody else has asked for may have begun
// too early, so it does not count.
func (t *trimmer) forget(ctx context.Context) error {
	for {
		err := t.facts.RequestRebuild()
		if err == nil {
			break
		}
		if !errors.Is(err, projections.ErrRebuilding) {
			return fmt.Errorf("folding the facts anew: %w", err)
		}
		if !pauseFor(ctx, forgetPause) {
			return nil
		}
	}
	for t.facts.Rebuild().Running {
		if !pauseFor(ctx, forgetPause) {
			return nil
		}
	}
	if err := t.facts.Rebuild().Failure; err != nil {
		return fmt.Errorf("folding the facts anew: %w", err)
	}
	if err := t.log.forgot(t.pending); err != nil {
		return err
	}
	t.pending = nil
	return nil
}

func (t *trimmer) project(ctx context.Context, p catalog.Entry[project.State]) (total int, err error) {
	for _, environment := range p.State.Environments {
		n, err := t.environment(ctx, p.State.Key, environment.Key, p.CreatedAt)
		if total += n; err != nil {
			return total, err
		}
	}
	return total, nil
}

func (t *trimmer) environment(ctx context.Context, in domain.ProjectKey, environment domain.EnvironmentKey, since time.Time) (total int, err error) {
	days := t.policy.of(in, environment)
	if days == 0 {
		return 0, nil
	}
	needed, err := t.needed(in, environment)
	if err != nil {
		return 0, err
	}
	last := t.now().UTC().AddDate(0, 0, -days-1)
	for day := since.UTC().AddDate(0, 0, -1); !day.After(last); day = day.AddDate(0, 0, 1) {
		stream := domain.Stream(measurement.Category, in, fmt.Sprintf("%s.%s", environment, day.Format(time.DateOnly)))
		if t.settled[stream] {
			continue
		}
		keep, err := t.anyNeeded(ctx, stream, needed)
		if err != nil {
			return total, err
		}
		if keep {
			continue
		}
		n, err := t.log.Trim(ctx, stream)
		total += n
		if err != nil {
			return total, err
		}
		if t.settled[stream] = true; n > 0 {
			t.pending = append(t.pending, stream)
		}
	}
	return total, nil
}

// span is the time in which what happened can be part of a report; until is zero for ever.
type span struct{ since, until time.Time }

func (s span) covers(at time.Time) bool {
	return !at.Before(s.since) && (s.until.IsZero() || at.Before(s.until))
}

// needed lists the spans of all experiments of an environment that ever ran: from as far as their covariates look back to as
// long as their metrics count.
func (t *trimmer) needed(in domain.ProjectKey, environment domain.EnvironmentKey) (spans []span, err error) {
	for page := (catalog.Page{Limit: 200}); ; {
		experiments, next, err := t.catalog.Experiments(in, page, catalog.Filter{Archived: true}, "")
		if err != nil {
			return nil, err
		}
		for _, e := range experiments {
			_, course, ok := t.catalog.ExperimentAt(in, e.State.Key, e.Position)
			if e.Problem != "" || !ok {
				return nil, fmt.Errorf("the experiment %s cannot be read by this version, so nobody knows which measurements it needs; nothing is removed", e.State.Key)
			}
			if e.State.Plan.Environment == environment && !course.StartedAt.IsZero() {
				spans = append(spans, t.spanOf(in, e.State.Plan, course))
			}
		}
		if page.After = next; next == "" {
			return spans, nil
		}
	}
}

func (t *trimmer) spanOf(in domain.ProjectKey, plan experiment.Plan, course catalog.Course) span {
	back, window, ends := 0, time.Duration(0), !course.StoppedAt.IsZero()
	for _, c := range plan.Analysis.Covariates {
		back = max(back, c.Days)
	}
	for _, key := range plan.Metrics() {
		m, ok := t.catalog.Metric(in, key)
		d := m.State.Definition
		if !ok || d.WindowSeconds == 0 {
			ends = false // it counts without end
		}
		back, window = max(back, d.CovariateDays), max(window, time.Duration(d.WindowSeconds)*time.Second)
	}
	s := span{since: course.StartedAt.AddDate(0, 0, -back)}
	if ends {
		s.until = course.StoppedAt.Add(window)
	}
	return s
}

// anyNeeded tells whether a stream holds an exposure, or a measurement of a time that an experiment covers. Exposures are kept
// because each names an experiment.
func (t *trimmer) anyNeeded(ctx context.Context, stream string, needed []span) (bool, error) {
	for r, err := range t.log.Stream(ctx, stream, 0) {
		if err != nil {
			return true, fmt.Errorf("reading stream %s: %w", stream, err)
		}
		batch, err := measurement.Decode(r.Type, r.Data)
		if err != nil || len(batch.Exposures) > 0 {
			return true, nil //nolint:nilerr // what cannot be read is kept: a newer version may
		}
		for _, m := range batch.Measurements {
			for _, s := range needed {
				if s.covers(m.OccurredAt) {
					return true, nil
				}
			}
		}
	}
	return false, nil
}
