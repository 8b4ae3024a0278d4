package ruleset

import (
	"fmt"
	"slices"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/segment"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/flags"
)

// segmentState is a segment as all environments have it. Its lists may be long, so they are changed once for all the events of
// a batch, when they are published.
type segmentState struct {
	state    segment.State // without the ids of its lists
	included listState
	excluded listState
	whole    eventlog.Position // of the newest event that changed anything but the lists' members
}

// listState is a list and what has yet to be done to it.
type listState struct {
	ids     flags.IDs
	pending map[string]bool // on the list, or no more
	cleared bool            // before that
	log     []listEntry     // what was done lately, for deltas
	logged  int             // ids in the log
	since   eventlog.Position
}

// listEntry is a change of a list by one event.
type listEntry struct {
	at   eventlog.Position
	ids  []string
	gone bool
}

// maxLogged bounds the ids that are kept of a list's latest changes; whoever is further behind gets the whole segment.
const maxLogged = 100_000

func (p *Projection) foldSegment(r eventlog.Recorded) error {
	event, err := segment.Aggregate.Decode(r.Type, r.Data)
	if err != nil {
		return err
	}
	in := p.streams[r.Stream]
	if in.segment == nil {
		in.segment = &segmentState{}
	}
	was := in.segment.state
	next := segment.Aggregate.Evolve(was, segment.WithoutIDs(event))
	if r.Stream != domain.Stream(segment.Aggregate.Category, next.Project, next.Key) {
		return fmt.Errorf("%s makes it another segment than that of its stream", r.Type)
	}
	in.project = p.project(next.Project)
	in.segment.state = next
	in.project.segments[next.Key] = in.segment
	p.streams[r.Stream] = in
	if in.segment.change(event, r.Position) {
		for _, at := range in.project.places {
			at.segmentChanged(next.Key, r.Position)
		}
	}
	return nil
}

// change reports whether what is served of the segment is another one.
func (s *segmentState) change(event segment.Event, at eventlog.Position) bool {
	switch e := event.(type) {
	case segment.Created, segment.RulesChanged:
		s.whole = at
	case segment.IDsAdded:
		s.list(e.List).change(e.IDs, false, at)
	case segment.IDsRemoved:
		s.list(e.List).change(e.IDs, true, at)
	case segment.ListCleared:
		*s.list(e.List) = listState{cleared: true, since: at}
		s.whole = at
	case segment.Described, segment.Archived, segment.Restored:
		return false // whoever asks for an archived segment goes on
	}
	return true
}

func (s *segmentState) list(name segment.List) *listState {
	if name == segment.Excluded {
		return &s.excluded
	}
	return &s.included
}

func (l *listState) change(ids []string, gone bool, at eventlog.Position) {
	if l.pending == nil {
		l.pending = make(map[string]bool, len(ids))
	}
	for _, id := range ids {
		l.pending[id] = !gone
	}
	l.log = append(l.log, listEntry{at: at, ids: ids, gone: gone})
	l.logged += len(ids)
	for l.logged > maxLogged {
		l.logged -= len(l.log[0].ids)
		l.since = l.log[0].at
		l.log = l.log[1:]
	}
}

// settle does what is pending and returns the list.
func (l *listState) settle() flags.IDs {
	if l.cleared {
		l.ids, l.cleared = flags.IDs{}, false
	}
	if len(l.pending) > 0 {
		var more, less []string
		for id, on := range l.pending {
			if on {
				more = append(more, id)
			} else {
				less = append(less, id)
			}
		}
		l.ids, l.pending = l.ids.With(more, less), nil
	}
	return l.ids
}

// recentChanges are a list's latest changes, all after a position. They never change.
type recentChanges struct {
	log   []listEntry
	since eventlog.Position
}

func (l *listState) recent() recentChanges {
	return recentChanges{log: slices.Clip(l.log), since: l.since}
}

// after is what happened to the list after a position; known is false when that is too long ago.
func (r recentChanges) after(at eventlog.Position) (change flags.IDsChange, known bool) {
	if at < r.since {
		return change, false
	}
	on := map[string]bool{}
	for _, e := range r.log {
		if e.at > at {
			for _, id := range e.ids {
				on[id] = !e.gone
			}
		}
	}
	var more, less []string
	for id, is := range on {
		if is {
			more = append(more, id)
		} else {
			less = append(less, id)
		}
	}
	return flags.IDsChange{Add: flags.NewIDs(more...), Remove: flags.NewIDs(less...)}, true
}

// segmentShape is a segment as an environment serves it.
type segmentShape struct {
	segment            flags.Segment
	whole              eventlog.Position // of the newest event that changed anything but the lists' members
	included, excluded recentChanges
}

// wire is the segment as it is handed out, without its revision.
func (s *segmentState) wire() flags.Segment {
	out := flags.Segment{Key: string(s.state.Key), By: s.state.By, Included: s.included.settle(), Excluded: s.excluded.settle()}
	for _, r := range s.state.Rules {
		out.Rules = append(out.Rules, flags.SegmentRule{ID: r.ID, If: conditionsOf(r.If)})
	}
	return out
}
