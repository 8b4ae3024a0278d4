// Package catalog is the read model of the configuration: projects, flags, segments, layers, holdouts, metrics, experiments and API keys as lists, in
// detail, as they were at any position, and their history with who, why and when. It is for the handlers that show them and for
// authentication, which looks a key up on every request.
//
// # The model
//
// Every stream is a book: its events with their metadata, and the state they fold to. Configuration is small (100,000 flags,
// not millions), so all books are in memory and are read from the log at the start; each event is there once, as the text it
// is in the log, and is decoded again by whoever asks for the past. Of flags, which may be many, both the texts of events and the
// entries are packed. What is handed out is a value or never changes, so it may be read while events are applied.
//
// A book with an event that this version cannot read stays at its last good state from there on: its Entry says so, Problems
// lists it, and the events are in its history, marked. All other books go on.
package catalog

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/holdout"
	"github.com/assayhq/assay/domain/layer"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/domain/segment"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/projections"
)

// Projection is the read model. Apply is called by one goroutine, everything else by any number.
type Projection struct {
	mu sync.RWMutex // guards what follows
	state
}

// state is everything that is folded.
type state struct {
	position    eventlog.Position
	projects    shelf[project.State, project.Command, project.Event]
	flags       shelf[flag.State, flag.Command, flag.Event]
	metrics     shelf[metric.State, metric.Command, metric.Event]
	experiments shelf[experiment.State, experiment.Command, experiment.Event]
	segments    shelf[segment.State, segment.Command, segment.Event] // without the ids of their lists
	layers      shelf[layer.State, layer.Command, layer.Event]
	holdouts    shelf[holdout.State, holdout.Command, holdout.Event]
	keys        shelf[apikey.State, apikey.Command, apikey.Event]
	history     map[domain.ProjectKey][]*page // by position
	problems    []Problem                     // at most one for each book
	words       *projections.Words
	origins     map[origin]*origin // few, and each for many events
	scribe      scribe
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
	Data     json.RawMessage   // never secret; nil when it could not be read and might be
	Actor    domain.Actor
	Reason   string
	At       time.Time // when the command was given
	// Problem says why the event is not part of the thing's state; empty when it is.
	Problem string
}

// Problem is a book that stays at its last good state.
type Problem struct {
	Stream   string
	Position projections.Position // of the first event that could not be read
	Detail   string
}

// New makes an empty one.
func New() *Projection {
	words := &projections.Words{}
	p := &Projection{state: state{
		projects: newShelf(words, project.Aggregate, func(s project.State) identity {
			return identity{stream: domain.Stream(project.Aggregate.Category, "", s.Key), project: s.Key, key: string(s.Key), name: s.Name}
		}),
		flags: newShelf(words, flag.Aggregate, func(s flag.State) identity {
			out := identityOf(flag.Aggregate.Category, s.Project, s.Key, s.Name, s.Archived)
			out.asks = asks(s)
			return out
		}),
		metrics: newShelf(words, metric.Aggregate, func(s metric.State) identity {
			return identityOf(metric.Aggregate.Category, s.Project, s.Key, s.Name, s.Archived)
		}),
		experiments: newShelf(words, experiment.Aggregate, func(s experiment.State) identity {
			return identityOf(experiment.Aggregate.Category, s.Project, s.Key, s.Name, false)
		}),
		segments: newShelf(words, withoutIDs(segment.Aggregate), func(s segment.State) identity {
			return identityOf(segment.Aggregate.Category, s.Project, s.Key, s.Name, s.Archived)
		}),
		layers: newShelf(words, layer.Aggregate, func(s layer.State) identity {
			return identityOf(layer.Aggregate.Category, s.Project, s.Key, s.Name, s.Archived)
		}),
		holdouts: newShelf(words, holdout.Aggregate, func(s holdout.State) identity {
			return identityOf(holdout.Aggregate.Category, s.Project, s.Key, s.Name, s.Archived)
		}),
		keys: newShelf(words, apikey.Aggregate, func(s apikey.State) identity {
			return identity{stream: domain.Stream(apikey.Aggregate.Category, "", s.Key.ID), project: s.Key.Project, key: string(s.Key.ID), name: s.Key.Name, archived: s.Revoked}
		}),
		history: map[domain.ProjectKey][]*page{}, words: words, origins: map[origin]*origin{},
	}}
	p.flags.packs = true // of flags there may be 100,000, with little in each that others have not
	return p
}

func identityOf[K ~string](category string, in domain.ProjectKey, key K, name string, archived bool) identity {
	return identity{stream: domain.Stream(category, in, key), project: in, key: string(key), name: name, archived: archived}
}

// Name is "catalog".
func (p *Projection) Name() string { return "catalog" }

// Version is the version of the fold.
func (p *Projection) Version() int { return 1 }

// Filter chooses the configuration's events.
func (p *Projection) Filter() eventlog.Filter {
	return eventlog.Filter{Categories: []string{
		project.Aggregate.Category, flag.Aggregate.Category, metric.Aggregate.Category, experiment.Aggregate.Category, apikey.Aggregate.Category,
		segment.Aggregate.Category, layer.Aggregate.Category, holdout.Aggregate.Category,
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
		p.add(r)
	}
	return nil
}

func (p *Projection) add(r eventlog.Recorded) {
	at := stamp{revision: r.Revision, position: r.Position, at: timeOf(r)}
	now := &page{position: r.Position, origin: p.origin(origin{eventlog.Category(r.Stream), r.Type, domain.Actor(r.Meta["actor"]), r.Meta["reason"]})}
	data, write := string(r.Data), p.scribe.alone
	var problem *Problem
	switch now.origin.category {
	case p.projects.aggregate.Category:
		problem = p.projects.add(r, at, now)
	case p.flags.aggregate.Category:
		problem = p.flags.add(r, at, now)
		write = p.scribe.among // there may be many, and their past is hardly ever asked for
	case p.metrics.aggregate.Category:
		problem = p.metrics.add(r, at, now)
	case p.experiments.aggregate.Category:
		problem = p.experiments.add(r, at, now)
	case p.segments.aggregate.Category:
		problem = p.segments.add(r, at, now)
		data = countOf(now.origin.event, data)
	case p.layers.aggregate.Category:
		problem = p.layers.add(r, at, now)
	case p.holdouts.aggregate.Category:
		problem = p.holdouts.add(r, at, now)
	case p.keys.aggregate.Category:
		problem = p.keys.add(r, at, now)
		if data = withoutHash(data); now.problem != nil {
			data = "" // where the secret's hash is in it, only a newer version knows
		}
	default:
		return // the filter lets no others through
	}
	if problem != nil {
		p.problems = append(p.problems, *problem)
	}
	if now.problem != nil && !json.Valid([]byte(data)) {
		data = "" // whoever hands the change out as JSON must not break on it
	}
	now.text = write(at, data)
	p.history[now.subject.project] = append(p.history[now.subject.project], now)
}

// mostOrigins bounds those that are remembered, as every reason is another.
const mostOrigins = 8_192

// origin returns one that is the same and holds on to no record of the log.
func (p *Projection) origin(of origin) *origin {
	if same, known := p.origins[of]; known {
		return same
	}
	if len(p.origins) >= mostOrigins {
		clear(p.origins)
	}
	out := &origin{p.words.Of(of.category), p.words.Of(of.event), domain.Actor(p.words.Of(string(of.actor))), p.words.Of(of.reason)}
	p.origins[*out] = out
	return out
}

// withoutIDs reads events of segments without the ids in them, which may be a million.
func withoutIDs(a domain.Aggregate[segment.State, segment.Command, segment.Event]) domain.Aggregate[segment.State, segment.Command, segment.Event] {
	decode := a.Decode
	a.Decode = func(name string, body []byte) (segment.Event, error) {
		event, err := decode(name, body)
		if err != nil {
			return event, err
		}
		return segment.WithoutIDs(event), nil
	}
	return a
}

// countOf is the data of a segment's change with how many ids it has instead of the ids.
func countOf(event, data string) string {
	if event != segment.WireIDsAdded && event != segment.WireIDsRemoved {
		return data
	}
	var fields struct {
		List  string            `json:"list"`
		IDs   []json.RawMessage `json:"ids"`
		Count int               `json:"count"`
	}
	if json.Unmarshal([]byte(data), &fields) != nil {
		return ""
	}
	out, err := json.Marshal(map[string]any{"list": fields.List, "ids": len(fields.IDs), "count": fields.Count})
	if err != nil {
		return ""
	}
	return string(out)
}

// withoutHash drops the hash of a key's secret: nobody needs it, and it is a step towards the secret.
func withoutHash(data string) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(data), &fields) != nil {
		return ""
	}
	// Names are matched as the decoder matches them, whatever their case.
	maps.DeleteFunc(fields, func(name string, _ json.RawMessage) bool { return strings.EqualFold(name, "hash") })
	out, err := json.Marshal(fields)
	if err != nil {
		return ""
	}
	return string(out)
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
