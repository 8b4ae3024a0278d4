package projections

import (
	"context"

	"github.com/assayhq/assay/eventlog"
)

// MostBehind is how far Behind counts, because counting reads the events.
const MostBehind = 1_000

// Behind counts the events in the log that the projection has yet to apply, up to MostBehind, which then means "or more".
func (r *Runner) Behind(ctx context.Context) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return behind(ctx, r.log, r.projection.Position(), r.projection.Filter())
}

func behind(ctx context.Context, log eventlog.Log, after Position, filter eventlog.Filter) (int, error) {
	count := 0
	for recorded, err := range log.All(ctx, after, filter) {
		switch {
		case err != nil:
			return 0, err
		case recorded.IsCheckpoint():
			return count, nil
		}
		if count++; count == MostBehind {
			return count, nil
		}
	}
	return count, nil
}
