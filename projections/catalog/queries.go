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

// those are the things of a project that pass the filter.
func those[S any](in domain.ProjectKey, f Filter) func(*book[S]) bool {
	text := strings.ToLower(f.Text)
	return func(b *book[S]) bool {
		if b.subject.project != in || b.archived && !f.Archived {
			return false
		}
		return text == "" || strings.Contains(strings.ToLower(b.subject.key), text) || strings.Contains(strings.ToLower(b.name), text)
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
	return p.projects.list(page, func(b *book[project.State]) bool { return only == "" || b.subject.project == only })
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
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.flags.list(page, those[flag.State](in, f))
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
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.metrics.list(page, those[metric.State](in, f))
}

// Experiment returns an experiment.
func (p *Projection) Experiment(in domain.ProjectKey, key domain.ExperimentKey) (Entry[experiment.State], bool) {
	return get(p, &p.experiments, in, key)
}

// Experiments lists a project's experiments, all or those of a status.
func (p *Projection) Experiments(in domain.ProjectKey, page Page, f Filter, status experiment.Status) ([]Entry[experiment.State], string, error) {
	keep := those[experiment.State](in, f)
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.experiments.list(page, func(b *book[experiment.State]) bool { return keep(b) && (status == "" || b.now.State.Status == status) })
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
	return p.keys.list(page, those[apikey.State](in, Filter{}))
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
	return h.entry(b), true
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
	var r reader
	for _, page := range b.pages {
		if page.position > at {
			break
		}
		when, data := r.read(page)
		event, err := p.experiments.aggregate.Decode(page.origin.event, []byte(data))
		if err != nil {
			continue // it could be read when it was added
		}
		switch event.(type) {
		case experiment.Started:
			course.StartedAt = when.at
		case experiment.Stopped:
			course.StoppedAt = when.at
		case experiment.DecisionRecorded:
			course.DecidedAt = when.at
		case experiment.PlanAmended:
			course.Amendments = append(course.Amendments, page.change(&r))
		case experiment.WeightsChanged:
			course.Weights = append(course.Weights, page.change(&r))
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
	var r reader
	for _, c := range slices.Backward(all) {
		if q.Category != "" && c.origin.category != q.Category || q.Key != "" && c.subject.key != q.Key {
			continue
		}
		if len(out) == q.Page.limit() {
			return out, cursor(out[len(out)-1].Position), nil
		}
		out = append(out, c.change(&r))
	}
	return out, "", nil
}
