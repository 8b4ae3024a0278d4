// Package projections is the contract between the log and everything derived from it, and the Runner that keeps a
// derivation up to date. It is for whoever adds a read model.
//
// # The model
//
// A Projection folds events into a state of its own and remembers up to which position it has. State and checkpoint move
// together: whatever survives a crash, the two belong to each other, so applying goes on exactly where it stopped. Batches
// may arrive that overlap what was applied already; a projection skips what it knows by position, so a duplicate changes
// nothing. A state is worth nothing that could not be thrown away and folded again from position 0: live = rebuilt.
package projections

import (
	"context"

	"github.com/assayhq/assay/eventlog"
)

// Projection is one read model.
type Projection interface {
	// Name is unique in the program.
	Name() string
	// Version changes when the same events fold to another state; a new version starts from position 0.
	Version() int
	// Filter chooses the events it wants.
	Filter() eventlog.Filter
	// Position is up to where its state is applied: where following the log resumes. 0 at first.
	Position() eventlog.Position
	// Apply folds the batch, in order, and moves the position to that of its last record; checkpoint records among
	// them carry no event but move the position too. Where moving state and position costs much, they may wait for the next
	// batch, when this one has BatchRecords and no checkpoint: there is more to come. An error leaves state and position as they
	// were, or further on within the batch, but always together.
	Apply(ctx context.Context, batch []eventlog.Recorded) error
}
