package modelcheck_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/eventlogtest"
	"github.com/assayhq/assay/eventlog/pebblelog"
)

// inMemory is the reference log. Its process is killed; it loses nothing.
type inMemory struct{ log *eventlogtest.MemoryLog }

func (e *inMemory) open(*world, func()) (eventlog.Log, error) {
	if e.log == nil {
		e.log = eventlogtest.Memory()
	} else {
		e.log = e.log.Reopen()
	}
	return e.log, nil
}

func (e *inMemory) trouble(w *world) trouble { return usualTrouble(w.schedule.dice) }
func (e *inMemory) broken() bool             { return false }
func (e *inMemory) bury(eventlog.Log) error  { return e.log.Close() }
func (e *inMemory) crash(*world) bool        { return false }

func usualTrouble(d *dice) trouble {
	switch n := d.n(100); {
	case n < 3:
		return refuse
	case n < 8:
		return forget
	case n < 15:
		return lose
	default:
		return none
	}
}

// embedded is the embedded log on a disk in memory whose power can be cut at any operation and whose syncs can fail.
type embedded struct {
	mu     sync.Mutex
	disk   *vfs.MemFS // of the process that runs
	next   *vfs.MemFS // what the next one finds
	random *rand.Rand
	log    *pebblelog.Log
	died   func()
	cutIn  int // operations; 0: never
	fail   bool
	cuts   int
	fails  int
}

func newEmbedded(seed uint64) *embedded {
	return &embedded{random: rand.New(rand.NewPCG(seed, 3)), next: vfs.NewCrashableMem()}
}

func (e *embedded) open(_ *world, died func()) (eventlog.Log, error) {
	e.mu.Lock()
	if e.next == nil { // nobody cut the power: whatever was written is there, but for what a sync that failed may have taken along
		e.next = e.clone(100)
	}
	e.disk, e.next, e.died, e.fail, e.cutIn = e.next, nil, died, false, 0
	fs := errorfs.Wrap(e.disk, errorfs.InjectorFunc(e.inject))
	e.mu.Unlock()
	log, err := pebblelog.Open("log", pebblelog.Options{FS: fs, Reserve: 1})
	e.log = log
	return log, err
}

func (e *embedded) clone(survive int) *vfs.MemFS {
	return e.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: survive, RNG: e.random})
}

// inject is asked before every operation on the disk.
func (e *embedded) inject(op errorfs.Op) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		if e.fail && strings.HasSuffix(op.Path, ".log") {
			e.fails++
			return errorfs.ErrInjected
		}
	case errorfs.OpFileRead, errorfs.OpFileReadAt, errorfs.OpFileStat, errorfs.OpStat, errorfs.OpList, errorfs.OpOpen:
		return nil
	default:
	}
	if e.cutIn > 0 && e.next == nil {
		if e.cutIn--; e.cutIn == 0 {
			e.cuts++
			e.next = e.clone([]int{0, 10, 50, 90, 100}[e.random.IntN(5)])
			e.died()
		}
	}
	return nil
}

func (e *embedded) trouble(w *world) trouble {
	if w.schedule.dice.once(60) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.fail = true
		return meddle
	}
	return usualTrouble(w.schedule.dice)
}

func (e *embedded) broken() bool { return e.log.Status().State != pebblelog.Writable }

func (e *embedded) bury(log eventlog.Log) error {
	e.mu.Lock()
	if e.next == nil && (e.fail || e.random.IntN(2) == 0) {
		e.next = e.clone([]int{0, 50, 100}[e.random.IntN(3)])
	}
	e.fail, e.cutIn = false, 0
	e.mu.Unlock()
	_ = log // it may have a flaw around it
	err := e.log.Close()
	if errors.Is(err, errorfs.ErrInjected) || err != nil && e.fails > 0 {
		return nil
	}
	return err
}

// crash cuts the power a few operations from now.
func (e *embedded) crash(w *world) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if w.schedule.dice.once(3) {
		return false
	}
	e.cutIn = 1 + e.random.IntN(6)
	return true
}
