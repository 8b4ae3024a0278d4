// Package ruleset is the read model that every client sees: for each environment of each project the flags as they are
// served now, compiled and ready. It is for the handlers that evaluate, hand out rulesets and announce changes.
//
// # The model
//
// Events of projects and flags are folded into states; each state that shapes what an environment serves becomes a
// flags.Flag there, and the environment's flags together a Served: an immutable snapshot whose Revision is the position of
// the newest event that shaped it. A change in staging does not move production. Served values are swapped whole, so
// readers take no lock for longer than a look-up.
//
// A flag with an event this version does not know freezes at its last good state and is listed by Problems.
package ruleset

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/projections"
)

// Place is an environment of a project.
type Place struct {
	Project     domain.ProjectKey
	Environment domain.EnvironmentKey
}

// Served is what an environment serves. It is immutable.
type Served struct {
	Ruleset *flags.Ruleset
	// JSON is the flags.Snapshot as it is handed out; a flag's text only changes when the flag does.
	JSON []byte
	// ETag is a strong one, quotes included.
	ETag     string
	Revision projections.Position
}

// Problem is a flag that is frozen at its last good state.
type Problem struct {
	Stream   string
	Position projections.Position
	Detail   string
}

// Projection is the read model. Apply is called by one goroutine, everything else by any number.
type Projection struct {
	mu       sync.RWMutex // guards what follows
	position eventlog.Position
	served   map[Place]*Served
	waiting  map[Place]map[chan struct{}]struct{}
	problems map[string]Problem

	// Only Apply touches these.
	projects map[domain.ProjectKey]*projectState
	streams  map[string]inStream
	frozen   map[string]bool
}

// inStream is what a stream is about. Stream names are never taken apart; what created the stream says it.
type inStream struct {
	project *projectState
	flag    *flagState // nil for a project's own stream
}

type projectState struct {
	state project.State
	flags map[domain.FlagKey]*flagState
}

type flagState struct {
	state flag.State
	// shaped is the position that last changed what the flag serves in an environment, text its JSON there.
	shaped map[domain.EnvironmentKey]eventlog.Position
	text   map[domain.EnvironmentKey]json.RawMessage
	last   map[domain.EnvironmentKey]flags.Flag
}

var _ projections.Projection = (*Projection)(nil)

// New makes an empty one.
func New() *Projection {
	return &Projection{
		served: map[Place]*Served{}, waiting: map[Place]map[chan struct{}]struct{}{}, problems: map[string]Problem{},
		projects: map[domain.ProjectKey]*projectState{}, streams: map[string]inStream{}, frozen: map[string]bool{},
	}
}

// Name is "ruleset".
func (p *Projection) Name() string { return "ruleset" }

// Version is the version of the fold.
func (p *Projection) Version() int { return 1 }

// Filter chooses the events of projects and flags.
func (p *Projection) Filter() eventlog.Filter {
	return eventlog.Filter{Categories: []string{project.Aggregate.Category, flag.Aggregate.Category}}
}

// Position is up to where the log has been applied.
func (p *Projection) Position() eventlog.Position {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.position
}

// Current returns what the environment serves; ok is false when there is no such environment.
func (p *Projection) Current(place Place) (served *Served, ok bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	served, ok = p.served[place]
	return served, ok
}

// Problems lists the frozen flags.
func (p *Projection) Problems() []Problem {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.SortedFunc(maps.Values(p.problems), func(a, b Problem) int { return cmp.Compare(a.Position, b.Position) })
}

// Subscribe returns a channel that receives after every change of what the environment serves; changes that come faster than
// they are received are one. cancel ends it.
func (p *Projection) Subscribe(place Place) (changes <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting[place] == nil {
		p.waiting[place] = map[chan struct{}]struct{}{}
	}
	p.waiting[place][c] = struct{}{}
	return c, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.waiting[place], c)
	}
}

// Apply folds the events and swaps in what they changed.
func (p *Projection) Apply(_ context.Context, batch []eventlog.Recorded) error {
	position := p.Position()
	changed := map[Place]eventlog.Position{}
	var problems []Problem
	for _, r := range batch {
		if r.Position <= position {
			continue
		}
		position = r.Position
		if r.IsCheckpoint() || p.frozen[r.Stream] {
			continue
		}
		if err := p.fold(r, changed); err != nil {
			p.frozen[r.Stream] = true
			problems = append(problems, Problem{Stream: r.Stream, Position: r.Position, Detail: err.Error()})
		}
	}
	fresh := map[Place]*Served{}
	for place, revision := range changed {
		served, err := p.serve(place, revision)
		if err != nil {
			return err
		}
		fresh[place] = served
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.position = position
	for _, problem := range problems {
		p.problems[problem.Stream] = problem
	}
	for place, served := range fresh {
		p.served[place] = served
		for c := range p.waiting[place] {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
	return nil
}

func (p *Projection) fold(r eventlog.Recorded, changed map[Place]eventlog.Position) error {
	if eventlog.Category(r.Stream) == project.Aggregate.Category {
		return p.foldProject(r, changed)
	}
	event, err := flag.Aggregate.Decode(r.Type, r.Data)
	if err != nil {
		return err
	}
	if created, ok := event.(flag.Created); ok {
		in := p.project(created.Project)
		f := &flagState{
			shaped: map[domain.EnvironmentKey]eventlog.Position{}, text: map[domain.EnvironmentKey]json.RawMessage{},
			last: map[domain.EnvironmentKey]flags.Flag{},
		}
		in.flags[created.Key] = f
		p.streams[r.Stream] = inStream{project: in, flag: f}
	}
	in, f := p.streams[r.Stream].project, p.streams[r.Stream].flag
	if f == nil {
		return fmt.Errorf("%s comes before the flag was created", r.Type)
	}
	f.state = flag.Aggregate.Evolve(f.state, event)
	for _, e := range in.state.Environments {
		if f.reshape(e.Key, r.Position) {
			changed[Place{in.state.Key, e.Key}] = r.Position
		}
	}
	return nil
}

func (p *Projection) foldProject(r eventlog.Recorded, changed map[Place]eventlog.Position) error {
	event, err := project.Aggregate.Decode(r.Type, r.Data)
	if err != nil {
		return err
	}
	switch e := event.(type) {
	case project.Created:
		in := p.project(e.Key)
		in.state = project.Aggregate.Evolve(in.state, e)
		p.streams[r.Stream] = inStream{project: in}
		for _, environment := range e.Environments {
			changed[Place{e.Key, environment.Key}] = r.Position
		}
	case project.EnvironmentAdded:
		in := p.streams[r.Stream].project
		if in == nil {
			return fmt.Errorf("%s comes before the project was created", r.Type)
		}
		in.state = project.Aggregate.Evolve(in.state, e)
		for _, f := range in.flags {
			f.reshape(e.Environment.Key, r.Position)
		}
		changed[Place{in.state.Key, e.Environment.Key}] = r.Position
	case project.Described:
		// Names are not served.
	}
	return nil
}

func (p *Projection) project(key domain.ProjectKey) *projectState {
	in, ok := p.projects[key]
	if !ok {
		in = &projectState{flags: map[domain.FlagKey]*flagState{}}
		in.state.Key = key
		p.projects[key] = in
	}
	return in
}

// reshape brings the flag's wire form in an environment up to date, and reports whether it changed.
func (f *flagState) reshape(environment domain.EnvironmentKey, at eventlog.Position) bool {
	_, was := f.text[environment]
	if f.state.Archived {
		delete(f.text, environment)
		delete(f.last, environment)
		f.shaped[environment] = at
		return was
	}
	now := wireOf(f.state, environment)
	if was && reflect.DeepEqual(now, f.last[environment]) {
		return false
	}
	f.last[environment] = now
	now.Revision = uint64(at)
	text, err := json.Marshal(now)
	if err != nil {
		// Values were checked to be JSON when they were written; the flag stays as it was served.
		return false
	}
	f.text[environment], f.shaped[environment] = text, at
	return true
}

// serve puts an environment together.
func (p *Projection) serve(place Place, revision eventlog.Position) (*Served, error) {
	in := p.projects[place.Project]
	keys := slices.Sorted(maps.Keys(in.flags))
	var text bytes.Buffer
	head := flags.Snapshot{Format: flags.Format, Project: string(place.Project), Environment: string(place.Environment), Revision: uint64(revision)}
	fmt.Fprintf(&text, `{"format":%d,"project":%q,"environment":%q,"revision":"%d","flags":[`, head.Format, head.Project, head.Environment, head.Revision)
	for _, key := range keys {
		f := in.flags[key]
		flagText, ok := f.text[place.Environment]
		if !ok {
			continue
		}
		if len(head.Flags) > 0 {
			text.WriteByte(',')
		}
		text.Write(flagText)
		one := f.last[place.Environment]
		one.Revision = uint64(f.shaped[place.Environment])
		head.Flags = append(head.Flags, one)
	}
	text.WriteString("]}")
	compiled, err := flags.Compile(head)
	if err != nil {
		return nil, fmt.Errorf("compiling %s/%s: %w", place.Project, place.Environment, err)
	}
	return &Served{
		Ruleset: compiled, JSON: text.Bytes(), Revision: revision,
		ETag: `"rs-` + strconv.FormatUint(uint64(revision), 10) + `"`,
	}, nil
}
