package modelcheck_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/facts"
	"github.com/assayhq/assay/projections/ruleset"
)

// errDied is what a caller gets whose server died: no answer.
var errDied = errors.New("the process died")

// trouble is what goes wrong with one append.
type trouble int

const (
	none   trouble = iota
	refuse         // nothing is recorded, and it is told
	forget         // nothing is recorded, and nobody knows
	lose           // it is recorded, and nobody knows
	meddle         // the engine does something of its own
)

// engine is a log that outlives the processes that use it.
type engine interface {
	// open opens the log for a new process, after the last one was buried.
	open(w *world, died func()) (eventlog.Log, error)
	// trouble chooses what goes wrong with the next append.
	trouble(w *world) trouble
	// broken reports that only a new process helps.
	broken() bool
	// bury ends the log of a process; it is over for that process already.
	bury(log eventlog.Log) error
	// crash is another way to end a process than to kill it now; it may take effect later.
	crash(w *world) (later bool)
}

// process is one run of the server: the log as it sees it, with everything that goes wrong there, the write path and the
// read models.
type process struct {
	w    *world
	log  eventlog.Log
	raw  eventlog.Log // without the flaw that a test puts in
	died chan struct{}
	end  func()

	service *command.Service
	ruleset *ruleset.Projection
	facts   *facts.Store
	runners map[string]*projections.Runner
	running sync.WaitGroup

	mu    sync.Mutex
	reads map[string]int // by who reads: how often it has begun
}

func (w *world) boot() (*process, error) {
	p := &process{w: w, died: make(chan struct{}), reads: map[string]int{}}
	p.end = sync.OnceFunc(func() { close(p.died) })
	var err error
	if p.log, err = w.engine.open(w, p.end); err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	if p.raw = p.log; w.flaw.log != nil {
		p.log = w.flaw.log(w, p.log)
	}
	p.ruleset = ruleset.New()
	if p.facts, err = facts.Open(w.folder, facts.Options{SealRows: w.sealRows(), Report: func(err error) { w.fail("the facts: %v", err) }}); err != nil {
		return nil, err
	}
	var door eventlog.Log = p
	if w.flaw.service != nil {
		door = w.flaw.service(w, p)
	}
	p.service = command.New(door, func() time.Time { return today })
	p.runners = map[string]*projections.Runner{}
	ctx, cancel := context.WithCancel(context.Background())
	p.running.Go(func() {
		<-p.died
		cancel()
	})
	for _, projection := range []projections.Projection{p.ruleset, catalog.New(), p.facts} {
		r := projections.NewRunner(p, projection, func(error) {})
		p.runners[projection.Name()] = r
		p.running.Go(func() { _ = r.Run(as(ctx, "runner "+projection.Name())) })
	}
	return p, nil
}

// bury ends the process as kill -9 does: what it had in memory is gone, what it had written to disk is there.
func (w *world) bury(p *process) error {
	p.end()
	p.running.Wait()
	w.sample(p)
	left := filepath.Join(w.base, fmt.Sprint("facts", w.deaths))
	w.deaths++
	if err := os.CopyFS(left, os.DirFS(w.folder)); err != nil {
		return err
	}
	w.folder = left
	return errors.Join(w.closeFacts(p), w.engine.bury(p.log))
}

// sealRows makes facts write segments only where goroutines are free: the compressor keeps goroutines and channels for whoever
// comes next, and a bubble of synctest may not share those.
func (w *world) sealRows() int {
	if w.schedule.free {
		return 20
	}
	return 1 << 30
}

func (w *world) closeFacts(p *process) error {
	if w.schedule.free {
		return p.facts.Close()
	}
	return nil // it has no files yet, and closing would write some
}

func (p *process) dead() bool {
	select {
	case <-p.died:
		return true
	default:
		return false
	}
}

func (p *process) turn(ctx context.Context) bool { return p.w.schedule.turn(whoIn(ctx), p.died) }

func (p *process) reading(who string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads[who]++
	return p.reads[who]
}

// Append implements eventlog.Log.
func (p *process) Append(ctx context.Context, stream string, expected eventlog.Revision, events ...eventlog.Event) (eventlog.Position, error) {
	op := p.w.history.called(stream, logCall{expected: expected, ids: idsOf(events)})
	position, err := p.append(ctx, stream, expected, events)
	p.w.history.answered(op, logAnswer{err: err})
	if errors.Is(err, eventlog.ErrUnknownOutcome) {
		p.w.count.unknown.Add(1)
	}
	return position, err
}

func (p *process) append(ctx context.Context, stream string, expected eventlog.Revision, events []eventlog.Event) (eventlog.Position, error) {
	if !p.turn(ctx) {
		return 0, errDied
	}
	wrong := none
	if p.w.stormy.Load() {
		wrong = p.w.engine.trouble(p.w)
	}
	switch wrong {
	case refuse:
		return 0, fmt.Errorf("%w: it is refused", eventlog.ErrUnavailable)
	case forget:
		return 0, fmt.Errorf("%w: it is forgotten", eventlog.ErrUnknownOutcome)
	default:
	}
	position, err := p.log.Append(ctx, stream, expected, events...)
	if p.dead() || !p.turn(ctx) { // the answer is on its way
		return 0, errDied
	}
	if err == nil && wrong == lose {
		return 0, fmt.Errorf("%w: the answer is lost", eventlog.ErrUnknownOutcome)
	}
	if _, is := errors.AsType[*eventlog.ConflictError](err); is {
		p.w.count.conflicts.Add(1)
	}
	return position, err
}

// Stream implements eventlog.Log.
func (p *process) Stream(ctx context.Context, stream string, from eventlog.Revision) iter.Seq2[eventlog.Recorded, error] {
	return func(yield func(eventlog.Recorded, error) bool) {
		op := p.w.history.called(stream, logCall{read: true})
		var ids []eventlog.ID
		if !p.turn(ctx) {
			yield(eventlog.Recorded{}, errDied)
			return
		}
		for r, err := range p.log.Stream(ctx, stream, from) {
			if p.w.schedule.dice.once(8) {
				p.turn(ctx)
			}
			if p.dead() {
				r, err = eventlog.Recorded{}, errDied
			}
			if !yield(r, err) || err != nil {
				return
			}
			ids = append(ids, r.ID)
		}
		if from == 0 && !p.dead() {
			p.w.history.answered(op, logAnswer{ids: ids})
		}
	}
}

// All implements eventlog.Log.
func (p *process) All(ctx context.Context, after eventlog.Position, filter eventlog.Filter) iter.Seq2[eventlog.Recorded, error] {
	return func(yield func(eventlog.Recorded, error) bool) {
		// A read model and the one that is rebuilt beside it have one name; their readers must be told apart for the schedule.
		who := fmt.Sprint(whoIn(ctx), " reading ", p.reading(whoIn(ctx)))
		for r, err := range p.log.All(ctx, after, filter) {
			if !p.w.schedule.turn(who, p.died) || p.dead() {
				yield(eventlog.Recorded{}, errDied)
				return
			}
			if err == nil && ctx.Err() != nil { // chance would decide below whether it comes through
				r, err = eventlog.Recorded{}, ctx.Err()
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// Head implements eventlog.Log.
func (p *process) Head(ctx context.Context) (eventlog.Position, error) {
	if !p.turn(ctx) {
		return 0, errDied
	}
	return p.log.Head(ctx)
}

func idsOf(events []eventlog.Event) []eventlog.ID {
	out := make([]eventlog.ID, len(events))
	for i, e := range events {
		out[i] = e.ID
	}
	return out
}
