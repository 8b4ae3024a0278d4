package modelcheck_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/domain/segment"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/projections"
)

// size is how long a history is.
type size struct{ clients, commands, crashes int }

// world is one history while it happens.
type world struct {
	t        testing.TB
	seed     uint64
	size     size
	engine   engine
	schedule *schedule
	history  *history
	flaw     flaw
	base     string
	folder   string // of the facts
	deaths   int
	stormy   atomic.Bool
	calm     chan struct{} // closed when the clients are done
	over     chan struct{} // closed when nothing will happen any more

	mu      sync.Mutex
	process *process
	booted  chan struct{} // closed by the next boot
	wrong   []string
	batches []*batch
	samples []sample
	readers []*reader
	follows []*follower

	count struct{ conflicts, unknown, refused, done, dry, deltas, wholes, rebuilds atomic.Int64 }
}

// batch is one that a client sent.
type batch struct {
	ids      []string
	acked    bool
	position eventlog.Position
	tries    int
}

// sample is what a read model was at a moment.
type sample struct {
	name string
	at   eventlog.Position
	hash [sha256.Size]byte
}

func newWorld(t testing.TB, seed uint64, e engine, s size, f flaw, free bool) *world {
	base := t.TempDir()
	return &world{
		t: t, seed: seed, size: s, engine: e, schedule: newSchedule(seed, free), history: &history{}, flaw: f, base: base, folder: filepath.Join(base, "facts"),
		calm: make(chan struct{}), over: make(chan struct{}), booted: make(chan struct{}),
	}
}

func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// alive returns the process that runs, or waits for the next.
func (w *world) alive() *process {
	for {
		w.mu.Lock()
		p, booted := w.process, w.booted
		w.mu.Unlock()
		if p != nil && !p.dead() {
			return p
		}
		<-booted
	}
}

func (w *world) start() error {
	p, err := w.boot()
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.process = p
	close(w.booted)
	w.booted = make(chan struct{})
	return nil
}

func (w *world) restart() error { return errors.Join(w.bury(w.process), w.start()) }

// sample notes what the read models are now.
func (w *world) sample(p *process) {
	for name, r := range p.runners {
		hashed, _ := r.Projection().(projections.Hashed)
		at, hash, err := hashed.StateHash()
		if err != nil {
			w.fail("hashing %s: %v", name, err)
		}
		w.mu.Lock()
		w.samples = append(w.samples, sample{name: name, at: at, hash: hash})
		w.mu.Unlock()
	}
}

// happen lets the history happen.
func (w *world) happen() error {
	if err := w.start(); err != nil {
		return err
	}
	if err := furnish(as(context.Background(), "furnisher"), w.process.service); err != nil {
		return err
	}
	for _, key := range []domain.SegmentKey{"s0", "s1"} {
		w.ask(w.schedule.dice, "furnisher", toSegment(key, segment.Create{Project: "shop", Key: key}), command.Options{Actor: actor, Reason: "Because.", CommandID: string(key)})
	}
	w.stormy.Store(true)
	var clients, others sync.WaitGroup
	for i := range w.size.clients {
		d := newDice(w.seed, uint64(10+i))
		clients.Go(func() { w.client(i, d) })
	}
	for i := range 2 {
		r, f := &reader{w: w, who: fmt.Sprint("reader ", i)}, &follower{w: w, who: fmt.Sprint("follower ", i), dice: newDice(w.seed, uint64(20+i))}
		w.readers, w.follows = append(w.readers, r), append(w.follows, f)
		others.Go(r.run)
		others.Go(f.run)
	}
	crashing := make(chan error, 1)
	go func() { crashing <- w.chaos(newDice(w.seed, 2)) }()
	clients.Wait()
	close(w.calm)
	err := <-crashing
	w.stormy.Store(false)
	if err != nil {
		return err
	}
	err = w.settle()
	close(w.over)
	w.process.end()
	others.Wait()
	return err
}

// settle waits until everybody has seen everything.
func (w *world) settle() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p := w.alive()
	head, err := p.log.Head(ctx)
	if err != nil {
		return err
	}
	for name, r := range p.runners {
		if err := r.Wait(ctx, head); err != nil {
			return fmt.Errorf("%s never comes to the end %d, it is at %d: %w", name, head, r.Position(), err)
		}
		for r.Rebuild().Running {
			time.Sleep(time.Millisecond)
			if ctx.Err() != nil {
				return fmt.Errorf("%s is never rebuilt", name)
			}
		}
		if failure := r.Rebuild().Failure; failure != nil {
			w.fail("rebuilding %s: %v", name, failure)
		}
	}
	for _, r := range w.readers {
		served, there := p.ruleset.Current(place)
		if !there {
			w.fail("nothing is served in the end")
			break
		}
		for !r.has(served.Revision) {
			time.Sleep(time.Millisecond)
			if ctx.Err() != nil {
				w.fail("%s ends at revision %d, not at %d", r.who, r.last(), served.Revision)
				break
			}
		}
	}
	for _, f := range w.follows {
		for !f.at(head) {
			time.Sleep(time.Millisecond)
			if ctx.Err() != nil {
				w.fail("%s never comes to the end %d", f.who, head)
				break
			}
		}
	}
	w.sample(p)
	return nil
}

// chaos ends processes and has read models rebuilt, until the clients are done, and leaves one that works.
func (w *world) chaos(d *dice) error {
	for crashes := 0; ; {
		select {
		case <-w.calm:
			if w.process.dead() || w.engine.broken() {
				return w.restart()
			}
			return nil
		case <-w.process.died:
			if err := w.restart(); err != nil {
				return err
			}
			continue
		case <-time.After(d.millis(8)):
		}
		w.schedule.turn("chaos", w.calm)
		switch {
		case w.engine.broken():
			if err := w.restart(); err != nil {
				return err
			}
		case d.once(3):
			if crashes++; crashes <= w.size.crashes && !w.engine.crash(w) {
				if err := w.restart(); err != nil {
					return err
				}
			}
		case d.once(3):
			name := [...]string{"ruleset", "catalog", "facts"}[d.n(3)]
			if name == "facts" && !w.schedule.free {
				continue
			}
			if err := w.process.runners[name].RequestRebuild(); err == nil {
				w.count.rebuilds.Add(1)
			}
		default:
			w.sample(w.process)
		}
	}
}

// client asks for things, and asks again while it does not know what became of them.
func (w *world) client(i int, d *dice) {
	who := fmt.Sprint("client ", i)
	seen := map[string]eventlog.Revision{}
	for n := range w.size.commands {
		id := fmt.Sprintf("c%d.%d", i, n)
		if d.once(6) {
			w.measure(d, who, id)
			continue
		}
		a := anything(d)
		o := command.Options{Actor: actor, Reason: "Because.", CommandID: id, DryRun: d.once(12)}
		if revision, ok := seen[a.stream]; ok && a.alone && d.once(4) {
			o.IfRevision = &revision
		}
		for range 100 {
			out := w.ask(d, who, a, o)
			if out.kind == done {
				seen[a.stream] = out.revision
			}
			if out.kind >= refused || a.alone && d.once(10) {
				break
			}
			time.Sleep(d.millis(5))
		}
		if d.once(2) {
			time.Sleep(d.millis(3))
		}
	}
}

func (w *world) ask(d *dice, who string, a ask, o command.Options) answer {
	ctx := as(context.Background(), who)
	if a.alone && d.once(8) && w.stormy.Load() { // the caller is impatient
		limited, cancel := context.WithTimeout(ctx, d.millis(4))
		defer cancel()
		ctx = limited
	}
	p := w.alive()
	p.turn(as(ctx, who)) // those who waited for a process go on one by one
	op := &commandOp{ask: a, id: o.CommandID, options: o, begun: w.history.tick()}
	out, err := a.run(ctx, p.service, o)
	out.kind, out.code = kindOf(ctx, err)
	if out.kind < 0 {
		w.fail("%s %s to %s failed: %v", o.CommandID, a.name, a.stream, err)
		out.kind = nothing
	}
	op.answer, op.ended = out, w.history.tick()
	w.history.mu.Lock()
	w.history.commands = append(w.history.commands, op)
	w.history.mu.Unlock()
	switch {
	case out.kind == refused:
		w.count.refused.Add(1)
	case out.kind == done && o.DryRun:
		w.count.dry.Add(1)
	case out.kind == done:
		w.count.done.Add(1)
	}
	return out
}

// measure sends a batch until it is taken.
func (w *world) measure(d *dice, who, id string) {
	b := &batch{}
	in := measurement.Batch{Project: "shop", Environment: "production", ReceivedAt: today}
	for k := range 1 + d.n(4) {
		b.ids = append(b.ids, fmt.Sprint(id, ".", k))
		in.Measurements = append(in.Measurements, measurement.Measurement{
			EventID: b.ids[k], Event: "order", UnitType: "user", Unit: fmt.Sprint("u", d.n(9)), OccurredAt: today, Value: float64(d.n(100)),
		})
	}
	w.mu.Lock()
	w.batches = append(w.batches, b)
	w.mu.Unlock()
	for !b.acked && b.tries < 100 {
		b.tries++
		p := w.alive()
		p.turn(as(context.Background(), who))
		position, err := p.service.RecordBatch(as(context.Background(), who), in, actor)
		b.acked, b.position = err == nil, position
		if k, _ := kindOf(context.Background(), err); k < 0 || k == refused {
			w.fail("batch %s failed: %v", id, err)
		}
		if err != nil {
			time.Sleep(d.millis(5))
		}
	}
	if !b.acked {
		w.fail("batch %s is never taken", id)
	}
}
