package projections

import (
	"context"
	"errors"
	"fmt"
)

// Rebuildable is a projection that can be folded anew beside itself while it goes on answering.
type Rebuildable interface {
	Projection
	// Fresh makes an empty one of the same kind and version, with nothing in common with this one.
	Fresh() (Rebuildable, error)
	// Adopt takes over state and position of one that Fresh made, which nobody uses any more after that. Readers see the
	// old state or the new one, never a mixture, and whoever waits for changes hears of it. With an error nothing has changed.
	Adopt(fresh Rebuildable) error
	// Discard frees what a fresh one holds that is not going to be adopted.
	Discard() error
}

// Mendable is a projection with a state on disk that it does not trust blindly: it notices when it reads something else than it wrote, and
// answers nothing from that. The runner folds it anew then, by itself.
type Mendable interface {
	Rebuildable
	// Damage is what is wrong with the state; nil when nothing is known.
	Damage() error
	// Damaged receives when damage is found in the state that serves.
	Damaged() <-chan struct{}
}

func damageOf(p Projection) error {
	if m, can := p.(Mendable); can {
		return m.Damage()
	}
	return nil
}

var (
	// ErrNotRebuildable says that the projection cannot be folded beside itself.
	ErrNotRebuildable = errors.New("this read model cannot be rebuilt while it serves; restart the server instead")
	// ErrRebuilding says that a rebuild is under way.
	ErrRebuilding = errors.New("a rebuild is under way already; wait for it to end")
)

// Rebuild is how the latest rebuild goes.
type Rebuild struct {
	// Running says that it has not ended yet.
	Running bool
	// Position is up to where the new state has been folded.
	Position Position
	// Done counts the rebuilds that have been swapped in since the start.
	Done int
	// Failure is why the latest one was given up; nil if it was not.
	Failure error
}

// Rebuild tells how the latest rebuild goes.
func (r *Runner) Rebuild() Rebuild {
	r.mu.Lock()
	defer r.mu.Unlock()
	state := r.rebuild
	if r.beside != nil {
		state.Position = r.beside.Position()
	}
	return state
}

// RequestRebuild asks Run to fold the whole log into a fresh projection beside the one that serves, and to swap it in when it
// has caught up: for a read model that is suspected to be wrong, and after a repair of the program. It returns at once;
// Rebuild tells how it goes. Nothing is served differently until the swap.
func (r *Runner) RequestRebuild() error {
	if _, can := r.projection.(Rebuildable); !can {
		return ErrNotRebuildable
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rebuild.Running {
		return ErrRebuilding
	}
	r.rebuild = Rebuild{Running: true, Done: r.rebuild.Done}
	r.requested <- struct{}{} // it has room: there is at most one request while none is running
	return nil
}

// rebuilds serves requests until ctx ends.
func (r *Runner) rebuilds(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.requested:
		}
		err := r.rebuildOnce(ctx)
		r.mu.Lock()
		r.rebuild.Running, r.rebuild.Failure = false, err
		if err == nil {
			r.rebuild.Done++
		}
		r.wake()
		r.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			r.report(err)
		}
	}
}

func (r *Runner) rebuildOnce(ctx context.Context) error {
	live, _ := r.projection.(Rebuildable)
	fresh, err := live.Fresh()
	if err != nil {
		return fmt.Errorf("rebuilding %s: %w", live.Name(), err)
	}
	beside := NewRunner(r.log, fresh, r.report)
	beside.aside = true
	r.mu.Lock()
	r.beside = beside
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.beside = nil
		r.rebuild.Position = beside.Position()
		r.mu.Unlock()
	}()
	for {
		swapped, err := r.catchUpAndSwap(ctx, live, fresh, beside)
		switch {
		case swapped:
			return nil
		case err != nil:
			return fmt.Errorf("rebuilding %s: %w", live.Name(), errors.Join(err, fresh.Discard()))
		}
	}
}

// catchUpAndSwap folds until the fresh one is no further behind than the one that serves, then holds that one's Apply and swaps.
// swapped is false without an error when the one that serves got ahead again meanwhile.
func (r *Runner) catchUpAndSwap(ctx context.Context, live, fresh Rebuildable, beside *Runner) (swapped bool, err error) {
	following, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- beside.Run(following) }()
	target := live.Position()
	err = beside.wait(ctx, func() bool { return beside.position >= target || damageOf(fresh) != nil })
	stop()
	if err = errors.Join(err, <-ended, damageOf(fresh)); err != nil {
		return false, err
	}
	r.applying.Lock()
	defer r.applying.Unlock()
	if fresh.Position() < live.Position() {
		return false, nil
	}
	if err := live.Adopt(fresh); err != nil {
		return false, err
	}
	r.announce()
	return true, nil
}

// announce publishes a position that moved without a batch.
func (r *Runner) announce() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.position = r.projection.Position()
	r.wake()
}

// mends folds a projection anew whenever it finds its state damaged, until ctx ends.
func (r *Runner) mends(ctx context.Context) {
	p, can := r.projection.(Mendable)
	if !can || r.aside {
		return // one that is being folded beside another is given up by that one's runner
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.Damaged():
		}
		if err := p.Damage(); err != nil {
			r.report(fmt.Errorf("projection %s: %w", p.Name(), err))
		}
		r.mend(ctx, p)
	}
}

// mend rebuilds until the damage is gone. The rebuild's own failures are reported by it.
func (r *Runner) mend(ctx context.Context, p Mendable) {
	for backoff := leastBackoff; p.Damage() != nil; backoff = min(2*backoff, mostBackoff) {
		if err := r.RequestRebuild(); err != nil && !errors.Is(err, ErrRebuilding) {
			r.report(err)
			return
		}
		if r.wait(ctx, func() bool { return !r.rebuild.Running }) != nil || p.Damage() != nil && !pause(ctx, backoff) {
			return
		}
	}
}
