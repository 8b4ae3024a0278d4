package catalog

import (
	"encoding/json"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/eventlog"
)

// page is one event, for its book and for the history of its project. There may be hundreds of thousands, so what many have in
// common is held once.
type page struct {
	position eventlog.Position
	text     passage // the stamp and the data, never secret; without data when it could not be read and might be
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
func (p *page) change(r *reader) Change {
	at, data := r.read(p)
	out := Change{
		Position: p.position, Revision: at.revision, Project: p.subject.project, Category: p.origin.category, Key: p.subject.key, Event: p.origin.event,
		Actor: p.origin.actor, Reason: p.origin.reason, At: at.at,
	}
	if data != "" {
		out.Data = json.RawMessage(data)
	}
	if p.problem != nil {
		out.Problem = p.problem.Detail
	}
	return out
}
