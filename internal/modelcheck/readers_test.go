package modelcheck_test

import (
	"context"
	"crypto/sha256"
	"sync"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/projections/ruleset"
)

var place = ruleset.Place{Project: "shop", Environment: "production"}

// reader is a client that keeps a ruleset up to date over all restarts of the server, as the provider does: changes when they
// lead on from what it has, the whole otherwise.
type reader struct {
	w   *world
	who string

	mu   sync.Mutex
	own  *flags.Ruleset
	seen []seen
}

// seen is what was served at a revision.
type seen struct {
	revision eventlog.Position
	hash     [sha256.Size]byte
}

func (r *reader) last() eventlog.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seen) == 0 {
		return 0
	}
	return r.seen[len(r.seen)-1].revision
}

func (r *reader) has(revision eventlog.Position) bool { return r.last() == revision }

func (r *reader) run() {
	for {
		select {
		case <-r.w.over:
			return
		default:
			r.connect(r.w.alive())
		}
	}
}

// connect reads from one process until it dies. As behind the server's readiness, it waits until the read model has been at
// the head.
func (r *reader) connect(p *process) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-p.died:
			cancel()
		case <-ctx.Done():
		}
	}()
	if p.runners["ruleset"].WaitCaughtUp(ctx) != nil {
		return
	}
	changes, stop := p.ruleset.Subscribe(place)
	defer stop()
	for {
		r.look(p)
		select {
		case <-changes:
		case <-ctx.Done():
			return
		case <-r.w.over:
			return
		}
	}
}

func (r *reader) look(p *process) {
	served, there := p.ruleset.Current(place)
	last := r.last()
	switch {
	case !there:
		r.w.fail("%s: what was served is gone", r.who)
		return
	case served.Revision < last:
		r.w.fail("%s: revision %d is served after %d", r.who, served.Revision, last)
		return
	case served.Revision == last:
		return
	}
	r.take(served, last)
	if r.own == nil || r.own.Sum() != served.Ruleset.Sum() {
		r.w.fail("%s: at revision %d it has something else than is served", r.who, served.Revision)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, seen{revision: served.Revision, hash: sha256.Sum256(served.JSON())})
}

func (r *reader) take(served *ruleset.Served, last eventlog.Position) {
	if delta, known := served.Since(last); known && r.own != nil {
		next, err := r.own.Apply(delta)
		if err != nil {
			r.w.fail("%s: the change from %d to %d does not fit: %v", r.who, last, served.Revision, err)
			return
		}
		r.w.count.deltas.Add(1)
		r.own = next
		return
	}
	r.w.count.wholes.Add(1)
	own, err := flags.Compile(served.Snapshot())
	if err != nil {
		r.w.fail("%s: revision %d does not compile: %v", r.who, served.Revision, err)
		return
	}
	r.own = own
}

// follower reads the log over all restarts, from where it stopped.
type follower struct {
	w    *world
	who  string
	dice *dice

	mu       sync.Mutex
	position eventlog.Position
	events   []eventlog.Recorded
}

func (f *follower) at(p eventlog.Position) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.position >= p
}

func (f *follower) run() {
	for {
		select {
		case <-f.w.over:
			return
		default:
			f.connect(f.w.alive())
		}
	}
}

// connect follows one process until it dies, or for a while.
func (f *follower) connect(p *process) {
	ctx, cancel := context.WithCancel(as(context.Background(), f.who))
	defer cancel()
	go func() {
		select {
		case <-p.died:
		case <-f.w.over:
		case <-ctx.Done():
		}
		cancel()
	}()
	for r, err := range p.All(ctx, f.position, eventlog.Filter{}) {
		if err != nil {
			return
		}
		f.mu.Lock()
		f.position = r.Position
		if !r.IsCheckpoint() {
			f.events = append(f.events, r)
		}
		f.mu.Unlock()
		if f.dice.once(40) {
			return // and come again
		}
	}
}
