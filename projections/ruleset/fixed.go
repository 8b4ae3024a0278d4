package ruleset

import (
	"fmt"
	"sync"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/flags"
)

// Fix serves the snapshot in its place from now on, whatever the log says: for people who keep the flags of an environment in a
// file. The snapshot's revision must grow from one call to the next. With an error everything stays as it was.
func (p *Projection) Fix(s flags.Snapshot) error {
	rules, err := flags.Compile(s)
	if err != nil {
		return err
	}
	revision := eventlog.Position(s.Revision)
	served := &Served{
		Place: Place{domain.ProjectKey(s.Project), domain.EnvironmentKey(s.Environment)}, Ruleset: rules, ETag: etagOf(revision), Revision: revision,
		floor: revision, // no deltas: what was before is not kept
	}
	for _, f := range s.Flags {
		one, err := newShape(f, "file", nil)
		if err != nil {
			return fmt.Errorf("writing the flag %q: %w", f.Key, err)
		}
		served.flags = append(served.flags, one)
	}
	for i := range s.Segments {
		served.segments = append(served.segments, &segmentShape{segment: s.Segments[i], whole: revision})
	}
	served.json = sync.OnceValue(served.text)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fixed == nil {
		p.fixed = map[Place]*Served{}
	}
	p.fixed[served.Place] = served
	p.tell(served.Place)
	return nil
}

// tell wakes those who wait for the place. The lock is held.
func (p *Projection) tell(place Place) {
	for c := range p.waiting[place] {
		select {
		case c <- struct{}{}:
		default: // it has yet to receive the change before, and will then see this one too
		}
	}
}
