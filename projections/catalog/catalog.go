// Package catalog is the read model of the configuration: projects, flags, metrics, experiments and API keys as lists, in
// detail, as they were at any position, and their history with who, why and when. It is for the handlers that show them and for
// authentication, which looks a key up on every request.
//
// # The model
//
// Every stream is a book: its events with their metadata, and the state they fold to. Configuration is small (thousands of
// events, not millions), so all books are in memory and are read from the log at the start. What is handed out is a value
// or never changes, so it may be read while events are applied.
//
// A book with an event this version does not know stays at its last good state and is listed by Problems.
package catalog

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
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

// Projection is the read model. Apply is called by one goroutine, everything else by any number.
type Projection struct {
	mu          sync.RWMutex // guards what follows
	position    eventlog.Position
	projects    shelf[project.State, project.Command, project.Event]
	flags       shelf[flag.State, flag.Command, flag.Event]
	metrics     shelf[metric.State, metric.Command, metric.Event]
	experiments shelf[experiment.State, experiment.Command, experiment.Event]
	keys        shelf[apikey.State, apikey.Command, apikey.Event]
	history     []Change
	problems    []Problem
}

var _ projections.Projection = (*Projection)(nil)

// Change is an event as a person reads it.
type Change struct {
	Position projections.Position
	Revision projections.Revision
	Project  domain.ProjectKey // empty for what belongs to the installation
	Category string            // "flag", "experiment", ...
	Key      string            // of the thing
	Event    string            // wire name
	Data     json.RawMessage   // never secret
	Actor    domain.Actor
	Reason   string
	At       time.Time
}

// Problem is a book that stays at its last good state.
type Problem struct {
	Stream   string
	Position projections.Position
	Detail   string
}

// New makes an empty one.
func New() *Projection {
	return &Projection{
		projects: newShelf(project.Aggregate, func(s project.State) (domain.ProjectKey, string) { return s.Key, string(s.Key) }),
		flags:    newShelf(flag.Aggregate, func(s flag.State) (domain.ProjectKey, string) { return s.Project, string(s.Key) }),
		metrics:  newShelf(metric.Aggregate, func(s metric.State) (domain.ProjectKey, string) { return s.Project, string(s.Key) }),
		experiments: newShelf(experiment.Aggregate, func(s experiment.State) (domain.ProjectKey, string) {
			return s.Project, string(s.Key)
		}),
		keys: newShelf(apikey.Aggregate, func(s apikey.State) (domain.ProjectKey, string) { return s.Key.Project, string(s.Key.ID) }),
	}
}

// Name is "catalog".
func (p *Projection) Name() string { return "catalog" }

// Version is the version of the fold.
func (p *Projection) Version() int { return 1 }

// Filter chooses the configuration's events.
func (p *Projection) Filter() eventlog.Filter {
	return eventlog.Filter{Categories: []string{
		project.Aggregate.Category, flag.Aggregate.Category, metric.Aggregate.Category, experiment.Aggregate.Category, apikey.Aggregate.Category,
	}}
}

// Position is up to where the log has been applied.
func (p *Projection) Position() eventlog.Position {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.position
}

// Apply adds the events to their books.
func (p *Projection) Apply(_ context.Context, batch []eventlog.Recorded) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range batch {
		if r.Position <= p.position {
			continue
		}
		p.position = r.Position
		if r.IsCheckpoint() {
			continue
		}
		if err := p.add(r); err != nil {
			p.problems = append(p.problems, Problem{Stream: r.Stream, Position: r.Position, Detail: err.Error()})
		}
	}
	return nil
}

func (p *Projection) add(r eventlog.Recorded) error {
	change := Change{
		Position: r.Position, Revision: r.Revision, Category: eventlog.Category(r.Stream), Event: r.Type, Data: r.Data,
		Actor: domain.Actor(r.Meta["actor"]), Reason: r.Meta["reason"], At: timeOf(r),
	}
	var err error
	switch change.Category {
	case p.projects.aggregate.Category:
		change.Project, change.Key, err = p.projects.add(r, change)
	case p.flags.aggregate.Category:
		change.Project, change.Key, err = p.flags.add(r, change)
	case p.metrics.aggregate.Category:
		change.Project, change.Key, err = p.metrics.add(r, change)
	case p.experiments.aggregate.Category:
		change.Project, change.Key, err = p.experiments.add(r, change)
	case p.keys.aggregate.Category:
		change.Project, change.Key, err = p.keys.add(r, change)
		change.Data = withoutHash(r.Data)
	}
	if err != nil {
		return err
	}
	p.history = append(p.history, change)
	return nil
}

// withoutHash drops the hash of a key's secret: nobody needs it, and it is a step towards the secret.
func withoutHash(data json.RawMessage) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return nil
	}
	delete(fields, "hash")
	out, err := json.Marshal(fields)
	if err != nil {
		return nil
	}
	return out
}

// timeOf is when the command was given, else when the log took the event in.
func timeOf(r eventlog.Recorded) time.Time {
	if at, err := time.Parse(time.RFC3339Nano, r.Meta["time"]); err == nil {
		return at.UTC()
	}
	return r.RecordedAt.UTC()
}

// Problems lists the books that stay at their last good state.
func (p *Projection) Problems() []Problem {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Clone(p.problems)
}
