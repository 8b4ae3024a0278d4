package esdb

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/esdb/esdbtest"
	"github.com/assayhq/assay/eventlog/eventlogtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, connection string, o Options) *Log {
	t.Helper()
	log, err := Open(t.Context(), connection, o)
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

func patient(o Options) Options {
	o.Patience, o.Attempt = 40*time.Second, 20*time.Second
	return o
}

// harness is patient: a machine that has no time for a test is no reason for it to fail.
func harness(t *testing.T, connection string, o Options) eventlogtest.Harness {
	o = patient(o)
	log := open(t, connection, o)
	return eventlogtest.Harness{
		Log: log,
		Reopen: func() eventlog.Log {
			shut(t, log)
			log = open(t, connection, o)
			return log
		},
	}
}

func TestTheLogInAnEventStoreKeepsThePromises(t *testing.T) {
	eventlogtest.Run(t, func(t *testing.T) eventlogtest.Harness {
		return harness(t, esdbtest.Start(t, esdbtest.Options{}).ConnectionString(), Options{})
	})
}

// The log of another installation, over TLS and with a password, though streams of this one may have been trimmed, and whatever else is written to a shared cluster, is not seen.
func TestTheLogKeepsThePromisesAmongStrangers(t *testing.T) {
	cluster := esdbtest.Start(t, esdbtest.Options{TLS: true, Users: map[string]string{"ann": "s3cret"}, EarlyCheckpoints: true})
	stranger := open(t, cluster.ConnectionString("ann"), patient(Options{Prefix: "theirs."}))
	var n, logs atomic.Int64
	eventlogtest.Run(t, func(t *testing.T) eventlogtest.Harness {
		h := harness(t, cluster.ConnectionString("ann"), Options{Prefix: fmt.Sprintf("ours%d.", logs.Add(1)), Trims: []string{"measurement"}})
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond):
				}
				id := eventlog.NewID("stranger", int(n.Add(1)))
				if _, err := stranger.Append(t.Context(), "flag-a", eventlog.Any, eventlog.Event{ID: id, Type: "Noted"}); err != nil && t.Context().Err() == nil {
					t.Errorf("the stranger: %v", err)
				}
				cluster.WriteSystemEvent()
			}
		}()
		t.Cleanup(func() { close(stop); <-stopped })
		return h
	})
}
