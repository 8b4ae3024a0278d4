package catalog

import (
	"encoding/json"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/eventlog"
)

// page is one event, for its book and for the history of its project. There may be hundreds of thousands, so what many have in
// common is held once.
type page struct {
	position eventlog.Position
	revision eventlog.Revision
	at       time.Time
	data     string // as in the log, but never secret; empty when it could not be read and might be
	origin   *origin
	subject  *subject
	problem  *Problem // why it is not part of the thing's state; nil when it is
}

// origin is what kind of event it is, and who made it.
type origin struct {
	category, event string
	actor           domain.Actor
	reason          string
}

// subject is the thing that an event is about; it never changes.
type subject struct {
	project domain.ProjectKey
	key     string
}

// change is the page as it is handed out.
func (p *page) change() Change {
	out := Change{
		Position: p.position, Revision: p.revision, Project: p.subject.project, Category: p.origin.category, Key: p.subject.key, Event: p.origin.event,
		Actor: p.origin.actor, Reason: p.origin.reason, At: p.at,
	}
	if p.data != "" {
		out.Data = json.RawMessage(p.data)
	}
	if p.problem != nil {
		out.Problem = p.problem.Detail
	}
	return out
}
