package pebblelog

import (
	"sync/atomic"
	"time"
)

// State says what the log does for its callers now.
type State string

// The states.
const (
	// Writable: appends are recorded.
	Writable State = "writable"
	// Full: appends are refused until there is room on the disk again.
	Full State = "full"
	// ReadOnly: a write failed or bytes did not read back; appends are refused until the folder is opened again.
	ReadOnly State = "read-only"
	// Closed: nothing is served any more.
	Closed State = "closed"
)

// Status is how the log is, for health and metrics.
type Status struct {
	State State
	// Reason says in a sentence why it is not writable, or what is slow; empty when all is well.
	Reason string
	Tip    Tip
	// Waiting is the number of appends that wait for the disk.
	Waiting int
	// Syncing is how long the disk has been busy with the write that is going on; 0 when it is idle.
	Syncing time.Duration
	// SizeBytes is what the folder takes; FreeBytes is what its disk has left, and is unknown (FreeKnown false) on some.
	SizeBytes uint64
	FreeBytes uint64
	FreeKnown bool
	// Appends counts what was answered since the log was opened, Refused those among them that were not recorded because of
	// the log's state, Events what they recorded.
	Appends, Refused, Events uint64
}

// slow is after how long a single write is worth telling.
const slow = time.Second

// counters are written by the committer and read by anybody.
type counters struct {
	appends, refused, events atomic.Uint64
	began                    atomic.Int64 // when the write that is going on began, in nanoseconds of the process's clock; 0: none
}

// Status returns how the log is. It never waits for the disk.
func (l *Log) Status() Status {
	s := Status{
		State: Writable, Tip: l.Tip(), Waiting: l.queue.size(),
		FreeBytes: l.room.free.Load(), FreeKnown: l.room.known.Load(),
		Appends: l.count.appends.Load(), Refused: l.count.refused.Load(), Events: l.count.events.Load(),
	}
	if began := l.count.began.Load(); began > 0 {
		s.Syncing = max(0, time.Since(l.opened)-time.Duration(began))
	}
	l.gate.RLock()
	if !l.closed {
		s.SizeBytes = l.db.Metrics().DiskSpaceUsage()
	}
	l.gate.RUnlock()
	failure, full := l.latch.get(), l.full.Load()
	select {
	case <-l.closing:
		s.State, s.Reason = Closed, "the log is closed"
		return s
	default:
	}
	switch {
	case failure != nil:
		s.State, s.Reason = ReadOnly, "no writes are taken until the server is started again: "+failure.Error()
	case full != nil:
		s.State, s.Reason = Full, (*full).Error()
	case s.Syncing > slow:
		s.Reason = "the disk has not answered a write for " + s.Syncing.Round(time.Second).String()
	}
	return s
}

// Tip returns the end of the log as readers see it.
func (l *Log) Tip() Tip {
	if tip := l.tip.Load(); tip != nil {
		return *tip
	}
	return Tip{}
}

func (l *Log) publish(tip Tip) {
	l.tip.Store(&tip)
	l.head.Store(uint64(tip.Position))
}
