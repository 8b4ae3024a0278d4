package pebblelog

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/assayhq/assay/eventlog"
)

// Checkpoint makes a copy of the log in a folder that does not exist yet, while appends go on; files that never change are
// linked where the file system can. It holds at least everything that was acknowledged before the call, and opens as a log.
func (l *Log) Checkpoint(folder string) error {
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.closed {
		return l.errClosed()
	}
	if err := l.db.Checkpoint(folder, pebble.WithFlushedWAL()); err != nil {
		return fmt.Errorf("%w: copying the event log in folder %s: %w", eventlog.ErrUnavailable, l.folder, err)
	}
	return nil
}
