package pebblelog

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// latch remembers the first failure after which the log must not be written again. Nothing resets it: what the disk holds
// after a failed sync is unknown until the folder is opened anew.
type latch struct {
	failure atomic.Pointer[error]
	tell    func(error)
}

func (l *latch) set(err error) {
	if l.failure.CompareAndSwap(nil, &err) {
		l.tell(err)
	}
}

func (l *latch) get() error {
	if err := l.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// logger is Pebble's logger. Pebble reports a failed write or sync of its write-ahead log through Fatalf only: when that
// returns, the commit returns nil although nothing is durable. So Fatalf sets the latch and every commit asks it.
type logger struct {
	latch   *latch
	warn    func(string)
	trouble *trouble
}

// trouble is closed by the first background work that fails: Pebble tries it again for ever, so nobody should wait for it.
type trouble struct {
	once sync.Once
	met  chan struct{}
}

func (t *trouble) meet() { t.once.Do(func() { close(t.met) }) }

// Infof says nothing: the store tells of every file that it writes.
func (l logger) Infof(string, ...any) {}

// Errorf tells what went wrong and was survived.
func (l logger) Errorf(format string, args ...any) { l.warn(fmt.Sprintf(format, args...)) }

// Fatalf stops all writing instead of the program, which goes on deciding and reading.
func (l logger) Fatalf(format string, args ...any) { l.latch.set(fmt.Errorf(format, args...)) }

// listener returns the callbacks through which Pebble reports trouble that no call returns.
func (l logger) listener() *pebble.EventListener {
	return &pebble.EventListener{
		// The read that found it gets an error too. Appending to a log that has to be restored would lose what is appended.
		DataCorruption: func(info pebble.DataCorruptionInfo) { l.latch.set(corrupt("file %s: %v", info.Path, info.Details)) },
		BackgroundError: func(err error) {
			l.trouble.meet()
			if pebble.IsCorruptionError(err) {
				l.latch.set(corrupt("%v", err))
				return
			}
			l.warn(fmt.Sprintf("background work failed and is tried again: %v", err))
		},
		DiskSlow: func(info pebble.DiskSlowInfo) { l.warn("the disk is slow: " + info.String()) },
	}
}
