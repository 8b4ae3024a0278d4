package catalog

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/projections"
)

// Filter chooses among the things of a project.
type Filter struct {
	// Text must be in the key or the name, whatever the case; empty: all.
	Text string
	// Archived shows archived things too.
	Archived bool
}

// test returns the filter as a function.
func (f Filter) test() func(key, name string, archived bool) bool {
	text := strings.ToLower(f.Text)
	return func(key, name string, archived bool) bool {
		if archived && !f.Archived {
			return false
		}
		return text == "" || strings.Contains(strings.ToLower(key), text) || strings.Contains(strings.ToLower(name), text)
	}
}

// Project returns a project.
func (p *Projection) Project(key domain.ProjectKey) (Entry[project.State], bool) {
	return get(p, &p.projects, "", key)
}

// Projects lists the projects; only, when not empty, is the one project that may be seen.
func (p *Projection) Projects(page Page, only domain.ProjectKey) ([]Entry[project.State], string, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.projects.list(page, func(key domain.ProjectKey, _ Entry[project.State]) bool { return only == "" || key == only })
}

// Flag returns a flag.
func (p *Projection) Flag(in domain.ProjectKey, key domain.FlagKey) (Entry[flag.State], bool) {
	return get(p, &p.flags, in, key)
}

// FlagAt returns a flag as it was at a position.
func (p *Projection) FlagAt(in domain.ProjectKey, key domain.FlagKey, at projections.Position) (Entry[flag.State], bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.flags.at(in, string(key), at)
}

// Flags lists a project's flags.
func (p *Projection) Flags(in domain.ProjectKey, page Page, f Filter) ([]Entry[flag.State], string, error) {
	keeps := f.test()
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.flags.list(page, func(project domain.ProjectKey, e Entry[flag.State]) bool {
		return project == in && keeps(string(e.State.Key), e.State.Name, e.State.Archived)
	})
}

// Metric returns a metric.
func (p *Projection) Metric(in domain.ProjectKey, key domain.MetricKey) (Entry[metric.State], bool) {
	return get(p, &p.metrics, in, key)
}

// MetricAt returns a metric as it was at a position.
func (p *Projection) MetricAt(in domain.ProjectKey, key domain.MetricKey, at projections.Position) (Entry[metric.State], bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.metrics.at(in, string(key), at)
}

// Metrics lists a project's metrics.
func (p *Projection) Metrics(in domain.ProjectKey, page Page, f Filter) ([]Entry[metric.State], string, error) {
	keeps := f.test()
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.metrics.list(page, func(project domain.ProjectKey, e Entry[metric.State]) bool {
		return project == in && keeps(string(e.State.Key), e.State.Name, e.State.Archived)
	})
}

// Experiment returns an experiment.
func (p *Projection) Experiment(in domain.ProjectKey, key domain.ExperimentKey) (Entry[experiment.State], bool) {
	return get(p, &p.experiments, in, key)
}

// Experiments lists a project's experiments, all or those of a status.
func (p *Projection) Experiments(in domain.ProjectKey, page Page, f Filter, status experiment.Status) ([]Entry[experiment.State], string, error) {
	keeps := f.test()
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.experiments.list(page, func(project domain.ProjectKey, e Entry[experiment.State]) bool {
		return project == in && keeps(string(e.State.Key), e.State.Name, false) && (status == "" || e.State.Status == status)
	})
}

// Key returns an API key by its id. Whoever authenticates with it must look at its Problem too: what could not be read may
// have been its revocation.
func (p *Projection) Key(id domain.KeyID) (Entry[apikey.State], bool) {
	return get(p, &p.keys, "", id)
}

// Keys lists the API keys of a project; those of the installation when it is empty.
func (p *Projection) Keys(in domain.ProjectKey, page Page) ([]Entry[apikey.State], string, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.keys.list(page, func(_ domain.ProjectKey, e Entry[apikey.State]) bool {
		return e.State.Key.Project == in && !e.State.Revoked
	})
}

// AnyAdminKey reports whether the installation has an admin key in use, one without a Problem.
func (p *Projection) AnyAdminKey() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, b := range p.keys.order {
		if k := b.now.State; k.Key.Kind == apikey.Admin && k.Key.Project == "" && !k.Revoked && b.problem == nil {
			return true
		}
	}
	return false
}

func get[S, C, E any, K ~string](p *Projection, h *shelf[S, C, E], in domain.ProjectKey, key K) (Entry[S], bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	b, ok := h.get(in, string(key))
	if !ok {
		return Entry[S]{}, false
	}
	return b.now, true
}

// Course is what happened to an experiment, with times; the zero time: it has not happened.
type Course struct {
	StartedAt, StoppedAt, DecidedAt time.Time
	// Amendments are the changes of the plan since the start, with who, when and why, in order.
	Amendments []Change
	// Weights are the changes of the arms' weights, in order.
	Weights []Change
}

// ExperimentAt returns an experiment as it was at a position, and its course up to there.
func (p *Projection) ExperimentAt(in domain.ProjectKey, key domain.ExperimentKey, at projections.Position) (Entry[experiment.State], Course, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	e, ok := p.experiments.at(in, string(key), at)
	if !ok {
		return e, Course{}, false
	}
	var course Course
	b, _ := p.experiments.get(in, string(key))
	for _, page := range b.pages {
		if page.position > at {
			break
		}
		event, err := p.experiments.aggregate.Decode(page.origin.event, []byte(page.data))
		if err != nil {
			continue // it could be read when it was added
		}
		switch event.(type) {
		case experiment.Started:
			course.StartedAt = page.at
		case experiment.Stopped:
			course.StoppedAt = page.at
		case experiment.DecisionRecorded:
			course.DecidedAt = page.at
		case experiment.PlanAmended:
			course.Amendments = append(course.Amendments, page.change())
		case experiment.WeightsChanged:
			course.Weights = append(course.Weights, page.change())
		case experiment.Created, experiment.Renamed, experiment.PlanChanged, experiment.ReadingTaken:
		}
	}
	return e, course, true
}

// HistoryQuery chooses changes.
type HistoryQuery struct {
	// Category and Key choose one kind of thing, or one thing; empty: all.
	Category, Key string
	Page          Page
}

// History returns a project's changes, newest first, and the cursor of the next page.
func (p *Projection) History(in domain.ProjectKey, q HistoryQuery) ([]Change, string, error) {
	before, err := q.Page.start()
	if err != nil {
		return nil, "", err
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	all := p.history[in]
	if before != 0 {
		end, _ := slices.BinarySearchFunc(all, before, func(c *page, at eventlog.Position) int { return cmp.Compare(c.position, at) })
		all = all[:end]
	}
	var out []Change
	for _, c := range slices.Backward(all) {
		if q.Category != "" && c.origin.category != q.Category || q.Key != "" && c.subject.key != q.Key {
			continue
		}
		if len(out) == q.Page.limit() {
			return out, cursor(out[len(out)-1].Position), nil
		}
		out = append(out, c.change())
	}
	return out, "", nil
}
