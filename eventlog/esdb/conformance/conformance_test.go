package conformance

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/esdb"
	"github.com/assayhq/assay/eventlog/esdb/esdbtest"
	"github.com/assayhq/assay/eventlog/eventlogtest"
)

// TestConformance is the whole program.
func TestConformance(t *testing.T) {
	connection := os.Getenv("ASSAY_EVENTSTORE")
	var cluster *esdbtest.Cluster
	if connection == "" {
		cluster = esdbtest.Start(t, esdbtest.Options{Nodes: 3})
		connection = cluster.ConnectionString()
	}
	fmt.Printf("checking %s\n", esdb.Redacted(connection))
	_ = open(t, connection, esdb.Options{}).Close() // so that an unreachable server is told once
	random := make([]byte, 6)
	_, _ = rand.Read(random) // it never fails
	run := "assay-conformance-" + hex.EncodeToString(random)
	var checks atomic.Int64
	passed := eventlogtestRun(t, func(t *testing.T) eventlogtest.Harness {
		began := time.Now()
		options := esdb.Options{Prefix: fmt.Sprintf("%s.%d.", run, checks.Add(1)), Patience: 10 * time.Second, Attempt: 5 * time.Second}
		t.Cleanup(func() {
			cleanUp(t, connection, options)
			verdict := "ok  "
			if t.Failed() {
				verdict = "FAIL"
			}
			fmt.Printf("%s  %s  (%d ms)\n", verdict, strings.ReplaceAll(path.Base(t.Name()), "_", " "), time.Since(began).Milliseconds())
		})
		log := open(t, connection, options)
		return eventlogtest.Harness{
			Log: log,
			Reopen: func() eventlog.Log {
				_ = log.Close() // it always returns nil
				log = open(t, connection, options)
				return log
			},
		}
	})
	if checks.Load() < 30 {
		t.Errorf("only %d checks ran", checks.Load())
	}
	if cluster != nil {
		if left := cluster.Streams("assay-conformance-"); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
	fmt.Printf("%d checks, passed: %v\n", checks.Load(), passed)
}

func eventlogtestRun(t *testing.T, open func(t *testing.T) eventlogtest.Harness) (passed bool) {
	eventlogtest.Run(t, open)
	return !t.Failed()
}

func open(t *testing.T, connection string, options esdb.Options) *esdb.Log {
	t.Helper()
	log, err := esdb.Open(t.Context(), connection, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

// cleanUp deletes the streams of a check. A server that does not allow it is no reason to fail.
func cleanUp(t *testing.T, connection string, options esdb.Options) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	log, err := esdb.Open(ctx, connection, options)
	if err != nil {
		t.Logf("cleaning up: %v", err)
		return
	}
	defer log.Close()
	streams := map[string]bool{}
	for e, err := range log.All(ctx, 0, eventlog.Filter{}) {
		if err != nil {
			t.Logf("cleaning up: %v", err)
			return
		}
		if e.IsCheckpoint() {
			break
		}
		streams[e.Stream] = true
	}
	for stream := range streams {
		if err := log.Delete(ctx, stream); err != nil {
			fmt.Printf("      stream %s%s stays: %v\n", options.Prefix, stream, err)
		}
	}
}
