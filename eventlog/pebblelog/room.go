package pebblelog

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/assayhq/assay/eventlog"
)

// room watches the space on the disk. A write that meets a full disk makes the log read-only until it is opened again, and
// Pebble needs space to open; so appends are refused while a reserve is still free, and accepted again once there is more.
type room struct {
	disk    vfs.FS
	folder  string
	reserve uint64

	free    atomic.Uint64 // bytes; unknown before the first look and on file systems that do not tell
	known   atomic.Bool
	looked  time.Time // only the committer
	written int       // since then
}

const (
	lookEvery = 100 * time.Millisecond
	lookAfter = 1 << 20 // bytes written
)

// check tells whether size more bytes fit; at is any clock that goes on. Only the committer calls it.
func (r *room) check(at time.Time, size int) error {
	r.written += size
	if since := at.Sub(r.looked); since < 0 || since >= lookEvery || r.written >= lookAfter {
		r.looked, r.written = at, size
		r.look()
	}
	if free := r.free.Load(); r.known.Load() && free < r.reserve+uint64(size) { //nolint:gosec // not negative
		return fmt.Errorf("%w: the disk of the event log in folder %s is full: %d bytes are free and %d are kept for opening and tidying; nothing was recorded, make room and try again",
			eventlog.ErrUnavailable, r.folder, free, r.reserve)
	}
	return nil
}

// look asks the file system; what does not tell has room.
func (r *room) look() {
	usage, err := r.disk.GetDiskUsage(r.folder)
	r.known.Store(err == nil)
	if err == nil {
		r.free.Store(usage.AvailBytes)
	}
}
