// Package pebblelog is the embedded event log: the port eventlog on the key-value store Pebble, in one folder of one
// process. It is assay's default store.
//
// # The model
//
// An event is stored once, under its position, which here counts from 1 without gaps. Two small indexes lead to it: stream
// and revision to position, for loading a stream, and category and position, so that a reader of one category never
// touches the bodies of the others. All keys of one append are one atomic batch.
//
// One goroutine commits. Appends queue up before it; what has queued while the disk was busy becomes one batch and shares
// one sync. It alone gives out revisions and positions, so every expected revision is compared with the appends before it
// in the same batch. An append is answered after the sync of its batch, and only then do readers see its events: the head
// moves after the sync, and no reader reads past the head.
//
// Each record carries the chain (eventlog.Hash) of all events up to it, so Verify can name the one event that was changed.
// Beside Pebble's files lies a mark of the last position that was acknowledged, which tells a damaged end of the write-ahead
// log from a torn one. Trim takes an event's data away and leaves its place and its digest.
//
// # Failure
//
// When a write or a sync fails, nobody knows what the disk holds until the folder is opened again. The log is then
// read-only for good: appends in flight answer eventlog.ErrUnknownOutcome, later ones eventlog.ErrUnavailable, readers go
// on up to the last event that is known to be durable. Close the log, mend the disk, open it again and repeat the append.
//
// While the disk has less room than a reserve, appends answer eventlog.ErrUnavailable and nothing is written; they are taken
// again once there is more. An append waits for a slow disk no longer than Options.Patience, and no more than
// Options.MaxWaiting wait at once. Status tells all of this.
//
// Bytes that do not read back are eventlog.ErrCorrupt. Nothing is skipped: a missing position or revision is an error too.
// The log takes no writes then, because what is appended to a log that has to be restored would be lost.
package pebblelog

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/assayhq/assay/eventlog"
)

// Options change how a log is opened. The zero value is the product's default: the disk and the machine's clock.
type Options struct {
	// FS is the file system that holds the folder. Default: the disk.
	FS vfs.FS
	// Now is the clock of RecordedAt. Default: time.Now.
	Now func() time.Time
	// Failed is told once why the log has become read-only. It may be called from any goroutine and must neither block nor
	// call the log. Default: nobody is told, the next append answers the reason.
	Failed func(error)
	// Synced is told how long each write of a group of appends took, until it was durable. The same rules as for Failed.
	Synced func(took time.Duration, appends int)
	// Reserve is the space that appends leave free on the disk, so that the log can be opened and tidied when it is full; 64
	// MiB when 0.
	Reserve uint64
	// Patience is how long an append waits for the disk; 10 s when 0.
	Patience time.Duration
	// MaxWaiting is how many appends may wait for the disk; 4,096 when 0. More are refused at once.
	MaxWaiting int
	// Warn is told of trouble that the log survives, such as a slow disk. The same rules as for Failed.
	Warn func(string)
}

// Memory of one log: the cache of blocks read, and up to four tables of recent writes.
const (
	cacheBytes    = 16 << 20
	memTableBytes = 8 << 20
	memTables     = 4
	openFiles     = 500
)

// What Options say when they say nothing.
const (
	defaultReserve  = 64 << 20
	defaultPatience = 10 * time.Second
	defaultWaiting  = 4_096
)

// Log is an eventlog.Log in a folder. Open makes one.
type Log struct {
	folder string
	db     *pebble.DB
	cache  *pebble.Cache
	now    func() time.Time
	latch  *latch
	// trouble tells that a flush may never end
	trouble *trouble

	options  Options
	opened   time.Time
	head     atomic.Uint64 // position of the last durable event
	tip      atomic.Pointer[Tip]
	mark     *mark // nil once it cannot be written
	room     room
	full     atomic.Pointer[error] // why there is no room; nil when there is
	count    counters
	trimming sync.Mutex
	news     news
	queue    *queue
	write    writer

	// gate is held shared by whoever reads from db, and exclusively to close it.
	gate     sync.RWMutex
	closed   bool          // guarded by gate
	closing  chan struct{} // closed when Close begins
	finished chan struct{} // closed when the committer has ended
	once     sync.Once
	closeErr error
}

var _ eventlog.Log = (*Log)(nil)

// Open opens the log in the folder, creating both if they are missing; a power cut meanwhile hinders no later try. It returns
// eventlog.ErrUnavailable when another process has the folder open, and eventlog.ErrCorrupt when its end does not read back;
// damage further back makes the log read-only as soon as it is met. Close the log after use.
func Open(dir string, options Options) (*Log, error) {
	dir, options, err := complete(dir, options)
	if err != nil {
		return nil, err
	}
	l := &Log{
		folder: dir, now: options.Now, latch: &latch{tell: options.Failed}, trouble: &trouble{met: make(chan struct{})},
		options: options, opened: time.Now(), room: room{disk: options.FS, folder: dir, reserve: options.Reserve},
		queue: newQueue(options.MaxWaiting), closing: make(chan struct{}), finished: make(chan struct{}),
		cache: pebble.NewCache(cacheBytes),
	}
	l.db, err = pebble.Open(dir, l.settings(options))
	if err != nil {
		l.cache.Unref()
		return nil, openError(dir, err)
	}
	if err := l.recoverAll(); err != nil {
		err = errors.Join(err, l.db.Close())
		l.cache.Unref()
		return nil, fmt.Errorf("opening the event log in folder %s: %w", dir, err)
	}
	go l.commitAll()
	return l, nil
}

// recoverAll finds the end of the log and holds it against the mark.
func (l *Log) recoverAll() error {
	if err := l.recover(); err != nil {
		return err
	}
	m, marked, err := openMark(l.options.FS, l.folder)
	if err != nil {
		return err
	}
	if err := l.compareMark(marked); err != nil {
		return errors.Join(err, m.file.Close())
	}
	l.mark = m
	l.room.look()
	return nil
}

func complete(dir string, o Options) (string, Options, error) {
	if o.FS == nil {
		o.FS = vfs.Default
		// The lock of the folder is known by name within one process: give it one name.
		absolute, err := filepath.Abs(dir)
		if err != nil {
			return "", o, fmt.Errorf("opening the event log in folder %s: %w", dir, err)
		}
		dir = absolute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if o.Synced == nil {
		o.Synced = func(time.Duration, int) {}
	}
	if o.Reserve == 0 {
		o.Reserve = defaultReserve
	}
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	if o.MaxWaiting == 0 {
		o.MaxWaiting = defaultWaiting
	}
	return dir, o, nil
}

func (l *Log) settings(o Options) *pebble.Options {
	log := logger{latch: l.latch, warn: o.Warn, trouble: l.trouble}
	return &pebble.Options{
		FS:     carefulFS{o.FS},
		Logger: log, EventListener: log.listener(),
		// Older formats take a flipped bit in the write-ahead log for its end.
		FormatMajorVersion:          pebble.FormatNewest,
		Cache:                       l.cache,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: memTables,
		MaxOpenFiles:                openFiles,
	}
}

func openError(dir string, err error) error {
	switch {
	case errors.Is(err, errHeld):
		return fmt.Errorf("%w: the folder %s is in use: %w", eventlog.ErrUnavailable, dir, errHeld)
	case pebble.IsCorruptionError(err):
		return corrupt("the folder %s does not open: %v", dir, err)
	default:
		return fmt.Errorf("opening the event log in folder %s: %w", dir, err)
	}
}

// Close ends the committer and all readers and releases the folder. Appends that wait are answered with
// eventlog.ErrUnavailable, running readers yield it. Calling it again returns the same.
func (l *Log) Close() error {
	l.once.Do(func() {
		close(l.closing)
		l.queue.close()
		<-l.finished
		l.gate.Lock()
		defer l.gate.Unlock()
		l.closed = true
		if l.latch.get() == nil {
			// Tables detect every flipped bit; the end of a write-ahead log cannot be told from a torn one.
			l.closeErr = l.flush()
		}
		if l.mark != nil {
			// An older mark asks less, so what goes wrong here does no harm.
			_ = l.mark.file.Sync()
			_ = l.mark.file.Close()
		}
		l.closeErr = errors.Join(l.closeErr, l.db.Close())
		l.cache.Unref()
		if l.closeErr != nil {
			l.closeErr = fmt.Errorf("closing the event log in folder %s: %w", l.folder, l.closeErr)
		}
	})
	return l.closeErr
}

// flush moves what the write-ahead log holds into tables and begins a new one.
func (l *Log) flush() error {
	flushed, err := l.db.AsyncFlush()
	if err != nil {
		return readError(err)
	}
	select {
	case <-flushed:
		return nil
	case <-l.trouble.met:
		return fmt.Errorf("%w: the write-ahead log could not be moved into tables; nothing is lost, but see that the disk has room", eventlog.ErrUnavailable)
	}
}

func (l *Log) errClosed() error {
	return fmt.Errorf("%w: the event log in folder %s is closed", eventlog.ErrUnavailable, l.folder)
}

func (l *Log) errReadOnly(cause error) error {
	return fmt.Errorf("%w: the event log in folder %s is read-only until it is opened again: %w", eventlog.ErrUnavailable, l.folder, cause)
}

// Head returns the position of the last durable event, 0 when the log is empty.
func (l *Log) Head(ctx context.Context) (eventlog.Position, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	select {
	case <-l.closing:
		return 0, l.errClosed()
	default:
		return eventlog.Position(l.head.Load()), nil
	}
}
