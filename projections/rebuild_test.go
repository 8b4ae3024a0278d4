package projections_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/eventlogtest"
	"github.com/assayhq/assay/projections"
)

// renewable is a tally that can be rebuilt.
type renewable struct {
	tally
	refuse    error // what Adopt answers
	discarded *int
}

func (p *renewable) Fresh() (projections.Rebuildable, error) {
	return &renewable{discarded: p.discarded}, nil
}

func (p *renewable) Adopt(fresh projections.Rebuildable) error {
	if p.refuse != nil {
		return p.refuse
	}
	f := fresh.(*renewable)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.position, p.seen = f.position, f.seen
	return nil
}

func (p *renewable) Discard() error {
	*p.discarded++
	return nil
}

func waitForRebuild(t *testing.T, r *projections.Runner) projections.Rebuild {
	t.Helper()
	for r.Rebuild().Running {
		if t.Context().Err() != nil {
			t.Fatal("the test's time is over")
		}
	}
	return r.Rebuild()
}

// The oracle is the log itself: after the swap the projection has every event once and in order, those included that were recorded
// while it was rebuilt.
func TestARebuildEndsWithTheFoldOfTheWholeLogWhileItIsWrittenTo(t *testing.T) {
	log := eventlogtest.Memory()
	p := &renewable{discarded: new(int)}
	var want []eventlog.Position
	for i := range 50 {
		want = append(want, appendFlag(t, log, "flag-shop.a", i))
	}
	p.position, p.seen = want[40], []eventlog.Position{7, 7, 7} // a state that no log ever made
	r := projections.NewRunner(log, p, func(err error) { t.Error(err) })
	stop := start(t, r)
	if err := r.WaitCaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if slices.Equal(p.all(), want) {
		t.Fatal("the state was to be wrong")
	}
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := range 500 {
			want = append(want, appendFlag(t, log, "flag-shop.b", i))
		}
	})
	for range 3 {
		if err := r.RequestRebuild(); err != nil {
			t.Fatal(err)
		}
		if state := waitForRebuild(t, r); state.Failure != nil {
			t.Fatal(state.Failure)
		}
	}
	writer.Wait()
	if err := r.Wait(t.Context(), want[len(want)-1]); err != nil {
		t.Fatal(err)
	}
	if done := r.Rebuild().Done; done != 3 {
		t.Errorf("%d rebuilds are done, not 3", done)
	}
	if got := p.all(); !slices.Equal(got, want) {
		t.Errorf("it has %d events, the log %d", len(got), len(want))
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestARebuildThatIsRefusedLeavesEverythingAsItWas(t *testing.T) {
	log := eventlogtest.Memory()
	refusal := errors.New("the disk is full")
	p := &renewable{refuse: refusal, discarded: new(int)}
	at := appendFlag(t, log, "flag-shop.a", 1)
	var reported []error
	r := projections.NewRunner(log, p, func(err error) { reported = append(reported, err) })
	stop := start(t, r)
	if err := r.Wait(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	if err := r.RequestRebuild(); err != nil {
		t.Fatal(err)
	}
	if state := waitForRebuild(t, r); !errors.Is(state.Failure, refusal) || state.Done != 0 {
		t.Errorf("the rebuild ended with %+v", state)
	}
	next := appendFlag(t, log, "flag-shop.a", 2)
	if err := r.Wait(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	_ = stop()
	if got := p.all(); !slices.Equal(got, []eventlog.Position{at, next}) || *p.discarded != 1 || len(reported) != 1 {
		t.Errorf("it has %v, %d were discarded, reported: %v", got, *p.discarded, reported)
	}
}

func TestOneRebuildAtATimeAndOnlyOfWhatCanBe(t *testing.T) {
	if err := projections.NewRunner(eventlogtest.Memory(), &tally{}, nil).RequestRebuild(); !errors.Is(err, projections.ErrNotRebuildable) {
		t.Errorf("the answer is %v", err)
	}
	r := projections.NewRunner(eventlogtest.Memory(), &renewable{discarded: new(int)}, nil) // it does not run
	if err := r.RequestRebuild(); err != nil {
		t.Fatal(err)
	}
	if err := r.RequestRebuild(); !errors.Is(err, projections.ErrRebuilding) {
		t.Errorf("the answer is %v", err)
	}
}
