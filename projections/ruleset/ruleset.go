// Package ruleset is the read model that every client sees: for each environment of each project the flags as they are
// served now, compiled and ready. It is for the handlers that evaluate, hand out rulesets and announce changes.
//
// # The model
//
// Events of projects, flags, segments and holdouts are folded into states; each state that shapes what an environment serves
// becomes a flags.Flag there, and the environment's flags together with the segments they ask for a Served: an immutable
// snapshot whose Revision is the position of the newest event that shaped it. A change in staging does not move production.
// Served values are swapped whole, so readers take no lock for longer than a look-up.
//
// An environment may have 100,000 flags. A change compiles only the flags that it touches and copies lists of pointers; the
// texts of all flags are put together only when somebody asks for the whole, and Since tells what is other than at an earlier
// revision.
//
// What is served depends on the events alone, never on the batches they came in. A stream with an event that this version
// cannot read freezes at its last good state; a flag then says, wherever it is served, that it is stale. A flag that does not
// compile answers PARSE_ERROR. Both are listed by Problems, and everything else goes on.
package ruleset

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/holdout"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/domain/segment"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/projections"
)

// Place is an environment of a project.
type Place struct {
	Project     domain.ProjectKey
	Environment domain.EnvironmentKey
}

// Served is what an environment serves. It is immutable: nobody may write to anything that comes from it.
type Served struct {
	Place
	Ruleset *flags.Ruleset
	// ETag is a strong one, quotes included.
	ETag     string
	Revision projections.Position

	flags    []*shape        // by key
	segments []*segmentShape // by key
	graves   []grave
	floor    eventlog.Position
	json     func() []byte
}

// Problem is something that is not served as the log says.
type Problem struct {
	Stream   string
	Position projections.Position // of the event that made it
	Detail   string
}

// Projection is the read model. Apply is called by one goroutine, everything else by any number.
type Projection struct {
	mu       sync.RWMutex // guards what follows
	position eventlog.Position
	served   map[Place]*Served
	fixed    map[Place]*Served // see Fix
	waiting  map[Place]map[chan struct{}]struct{}
	frozen   map[string]Problem // by stream; only Apply writes

	// Only Apply touches these. An Apply that fails leaves its folded events here, so that the next one publishes them.
	folded   eventlog.Position
	events   struct{ folded, published int } // how many
	places   []*placeState
	projects map[domain.ProjectKey]*projectState
	streams  map[string]inStream
	words    projections.Words
	latest   latest
	compiled flags.Compiled
}

var _ projections.Projection = (*Projection)(nil)

// New makes an empty one.
func New() *Projection {
	return &Projection{
		served: map[Place]*Served{}, waiting: map[Place]map[chan struct{}]struct{}{}, frozen: map[string]Problem{},
		projects: map[domain.ProjectKey]*projectState{}, streams: map[string]inStream{},
	}
}

// Name is "ruleset".
func (p *Projection) Name() string { return "ruleset" }

// Version is the version of the fold.
func (p *Projection) Version() int { return 3 }

// Filter chooses the events of projects and of what is served in them.
func (p *Projection) Filter() eventlog.Filter {
	return eventlog.Filter{Categories: []string{
		project.Aggregate.Category, flag.Aggregate.Category, segment.Aggregate.Category, holdout.Aggregate.Category,
	}}
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
	if served, ok = p.fixed[place]; ok {
		return served, true
	}
	served, ok = p.served[place]
	return served, ok
}

// Problems lists, by position, the streams that are frozen at their last good state and the flags that do not compile.
func (p *Projection) Problems() []Problem {
	p.mu.RLock()
	defer p.mu.RUnlock()
	all := slices.Collect(maps.Values(p.frozen))
	for _, served := range p.served {
		all = append(all, served.problems()...)
	}
	for _, served := range p.fixed {
		all = append(all, served.problems()...)
	}
	slices.SortFunc(all, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.Detail, b.Detail))
	})
	return all
}

// Frozen tells why a stream stays at its last good state, if it does.
func (p *Projection) Frozen(stream string) (problem Problem, frozen bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	problem, frozen = p.frozen[stream]
	return problem, frozen
}

// Subscribe returns a channel that receives after every change of what the environment serves; changes that come faster than
// they are received are one, and after the last of them there is always something to receive. cancel ends it; the channel
// is never closed.
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
		if len(p.waiting[place]) == 0 {
			delete(p.waiting, place)
		}
	}
}

// Apply folds the events and swaps in what they changed, unless that waits for more to come.
func (p *Projection) Apply(_ context.Context, batch []eventlog.Recorded) error {
	for _, r := range batch {
		if r.Position <= p.folded {
			continue
		}
		if _, frozen := p.frozen[r.Stream]; !frozen && !r.IsCheckpoint() {
			if err := p.fold(r); err != nil {
				p.freeze(Problem{Stream: r.Stream, Position: r.Position, Detail: err.Error()})
				p.markStale(r.Stream, r.Position)
			}
		}
		p.folded = r.Position
		p.events.folded++
	}
	if p.waits(batch) {
		return nil
	}
	return p.publish()
}

// waits reports whether what is folded can be published with more that is to come: publishing takes time in proportion to what is
// served, however little has changed. It does not wait for more than a quarter of what was published before, so that the whole
// of a long log takes time in proportion to its length.
func (p *Projection) waits(batch []eventlog.Recorded) bool {
	if len(batch) < projections.BatchRecords || slices.ContainsFunc(batch, eventlog.Recorded.IsCheckpoint) {
		return false
	}
	return p.events.folded-p.events.published < p.events.published/4
}

func (p *Projection) freeze(problem Problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen[problem.Stream] = problem
}

// publish swaps in what has changed since it last did, and moves the position with it.
func (p *Projection) publish() error {
	p.events.published = p.events.folded
	fresh := map[Place]*Served{}
	defer p.compiled.Forget()
	for _, at := range p.places {
		if !at.dirty() {
			continue
		}
		served, err := at.next(&p.compiled)
		if err != nil {
			return fmt.Errorf("serving %s/%s: %w", at.Project, at.Environment, err)
		}
		fresh[at.Place] = served
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.position = p.folded
	maps.Copy(p.served, fresh)
	for place := range fresh {
		p.tell(place)
	}
	return nil
}
