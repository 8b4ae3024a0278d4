package pebblelog

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/eventlogtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is the machine's until it is set.
type clock struct{ set atomic.Pointer[time.Time] }

func (c *clock) now() time.Time {
	if at := c.set.Load(); at != nil {
		return *at
	}
	return time.Now()
}

func TestTheLogOnDiskKeepsThePromises(t *testing.T) {
	eventlogtest.Run(t, func(t *testing.T) eventlogtest.Harness { return harness(t, t.TempDir(), nil) })
}

func TestTheLogOnAFileSystemInMemoryKeepsThePromises(t *testing.T) {
	eventlogtest.Run(t, func(t *testing.T) eventlogtest.Harness { return harness(t, "log", vfs.NewMem()) })
}

func harness(t *testing.T, dir string, fs vfs.FS) eventlogtest.Harness {
	var c clock
	options := Options{FS: fs, Now: c.now, Failed: func(err error) { t.Errorf("the log failed: %v", err) }}
	log := open(t, dir, options)
	return eventlogtest.Harness{
		Log: log,
		Reopen: func() eventlog.Log {
			shut(t, log)
			log = open(t, dir, options)
			return log
		},
		SetClock: func(at time.Time) { c.set.Store(&at) },
	}
}

// open opens a log and closes it when the test ends.
func open(t testing.TB, dir string, options Options) *Log {
	t.Helper()
	log, err := Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, log) })
	return log
}

func shut(t testing.TB, log *Log) {
	t.Helper()
	if err := log.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}
