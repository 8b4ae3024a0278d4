// Package feedback is the read model of what people said: everything by project, newest first, still sealed. It is for the handler
// that shows it, which asks the vault for each text, and for whoever deletes keys of erased subjects that turn up again.
//
// # The model
//
// What is said is kept in memory as it is in the log: sealed bytes, and beside them what names nobody. When a subject is erased,
// the sealed bytes are dropped here at once; when, where and which score stay, as in the log. A thing in the list is never
// changed in place, so that what was handed out stays as it was.
package feedback

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/feedback"
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
	position eventlog.Position
	said     map[domain.ProjectKey][]*Entry // by position
	subjects map[domain.ProjectKey]map[string]*subject
	erasures []Erasure
	problems []Problem
}

// subject is what is needed to erase one.
type subject struct {
	entries []int // in said; those that are not erased
}

// Entry is one thing that was said.
type Entry struct {
	Position      projections.Position
	At            time.Time // when it was recorded
	Subject       string    // the pseudonym
	feedback.Item           // without Sealed and Mark once it is erased
	Erased        bool
}

// Erasure says which keys of a subject must not be anywhere any more.
type Erasure struct {
	Position projections.Position
	Project  domain.ProjectKey
	Subject  string
	Keys     []string
}

// Problem is an event that could not be read, and is left out.
type Problem struct {
	Stream   string
	Position projections.Position
	Detail   string
}

var (
	_ projections.Rebuildable = (*Projection)(nil)
	_ projections.Hashed      = (*Projection)(nil)
)

// New makes an empty one.
func New() *Projection {
	return &Projection{state: state{said: map[domain.ProjectKey][]*Entry{}, subjects: map[domain.ProjectKey]map[string]*subject{}}}
}

// Name is "feedback".
func (p *Projection) Name() string { return "feedback" }

// Version is the version of the fold.
func (p *Projection) Version() int { return 1 }

// Filter chooses the events of subjects.
func (p *Projection) Filter() eventlog.Filter {
	return eventlog.Filter{Categories: []string{feedback.Aggregate.Category}}
}

// Position is up to where the log has been applied.
func (p *Projection) Position() eventlog.Position {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.position
}

// Apply adds what was said and drops what was erased.
func (p *Projection) Apply(_ context.Context, batch []eventlog.Recorded) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range batch {
		if r.Position <= p.position {
			continue
		}
		p.position = r.Position
		if !r.IsCheckpoint() {
			p.add(r)
		}
	}
	return nil
}

func (p *Projection) add(r eventlog.Recorded) {
	event, err := feedback.Aggregate.Decode(r.Type, r.Data)
	if err != nil {
		p.problems = append(p.problems, Problem{Stream: r.Stream, Position: r.Position, Detail: err.Error()})
		return
	}
	switch e := event.(type) {
	case feedback.Given:
		who := p.subject(e.Project, e.Subject)
		who.entries = append(who.entries, len(p.said[e.Project]))
		p.said[e.Project] = append(p.said[e.Project], &Entry{Position: r.Position, At: timeOf(r), Subject: e.Subject, Item: e.Item})
	case feedback.Erased:
		who := p.subject(e.Project, e.Subject)
		for _, i := range who.entries {
			entry := *p.said[e.Project][i]
			entry.Sealed, entry.Mark, entry.Erased = nil, "", true
			p.said[e.Project][i] = &entry
		}
		who.entries = nil
		p.erasures = append(p.erasures, Erasure{Position: r.Position, Project: e.Project, Subject: e.Subject, Keys: e.Keys})
	}
}

func (p *Projection) subject(in domain.ProjectKey, name string) *subject {
	if p.subjects[in] == nil {
		p.subjects[in] = map[string]*subject{}
	}
	if p.subjects[in][name] == nil {
		p.subjects[in][name] = &subject{}
	}
	return p.subjects[in][name]
}

// timeOf is when the command was given, else when the log took the event in.
func timeOf(r eventlog.Recorded) time.Time {
	if at, err := time.Parse(time.RFC3339Nano, r.Meta["time"]); err == nil {
		return at.UTC()
	}
	return r.RecordedAt.UTC()
}

// Query chooses what is listed.
type Query struct {
	Experiment domain.ExperimentKey // any when empty
	Flag       domain.FlagKey       // any when empty
	// Before is the position of the last entry of the page before; 0 for the first page.
	Before projections.Position
	// Limit is how many at most.
	Limit int
}

// List lists what was said in a project, newest first; more says that there is another page.
func (p *Projection) List(in domain.ProjectKey, q Query) (entries []Entry, more bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	said := p.said[in]
	end := len(said)
	if q.Before > 0 {
		end, _ = slices.BinarySearchFunc(said, q.Before, func(e *Entry, at projections.Position) int { return cmp.Compare(e.Position, at) })
	}
	for _, e := range slices.Backward(said[:end]) {
		if q.Experiment != "" && e.Experiment != q.Experiment || q.Flag != "" && e.Flag != q.Flag {
			continue
		}
		if len(entries) == q.Limit {
			return entries, true
		}
		entries = append(entries, *e)
	}
	return entries, false
}

// Erasures are those after the position, in order.
func (p *Projection) Erasures(after projections.Position) []Erasure {
	p.mu.RLock()
	defer p.mu.RUnlock()
	i, _ := slices.BinarySearchFunc(p.erasures, after+1, func(e Erasure, at projections.Position) int { return cmp.Compare(e.Position, at) })
	return slices.Clone(p.erasures[i:])
}

// Problems lists the events that were left out.
func (p *Projection) Problems() []Problem {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Clone(p.problems)
}

// StateHash hashes everything that is listed, the erasures and the problems.
func (p *Projection) StateHash() (projections.Position, [sha256.Size]byte, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	h := sha256.New()
	encoder := json.NewEncoder(h)
	for _, in := range slices.Sorted(maps.Keys(p.said)) {
		if err := encoder.Encode(map[string]any{"project": in, "said": p.said[in]}); err != nil {
			return p.position, [sha256.Size]byte{}, fmt.Errorf("hashing feedback: %w", err)
		}
	}
	err := encoder.Encode(map[string]any{"erasures": p.erasures, "problems": p.problems})
	return p.position, [sha256.Size]byte(h.Sum(nil)), err
}

// Fresh makes an empty one.
func (p *Projection) Fresh() (projections.Rebuildable, error) { return New(), nil }

// Adopt takes over the state of a fresh one.
func (p *Projection) Adopt(other projections.Rebuildable) error {
	fresh, ok := other.(*Projection)
	if !ok {
		return fmt.Errorf("%T is no feedback", other)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = fresh.state
	return nil
}

// Discard has nothing to free.
func (p *Projection) Discard() error { return nil }
