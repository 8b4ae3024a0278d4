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
	p := &program{connection: connection, run: run}
	eventlogtest.Run(t, func(t *testing.T) eventlogtest.Harness {
		log, options := p.open(t)
		return eventlogtest.Harness{
			Log: log,
			Reopen: func() eventlog.Log {
				_ = log.Close() // it always returns nil
				log = open(t, connection, options)
				return log
			},
		}
	})
	for _, c := range ofAServer() {
		t.Run(c.promise, func(t *testing.T) {
			log, _ := p.open(t)
			c.holds(t, log)
		})
	}
	if checks, lines := p.checks.Load(), p.lines.Load(); checks < 40 || lines != checks {
		t.Errorf("%d checks ran and %d lines were printed", checks, lines)
	}
	if cluster != nil {
		if left := cluster.Streams("assay-conformance-"); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
	fmt.Printf("%d checks, passed: %v\n", p.checks.Load(), !t.Failed())
}

// program is one run against one server.
type program struct {
	connection, run string
	checks, lines   atomic.Int64
}

// open opens the log of one check, and prints its line and deletes its streams when it has ended.
func (p *program) open(t *testing.T) (*esdb.Log, esdb.Options) {
	t.Helper()
	began := time.Now()
	options := esdb.Options{
		Prefix: fmt.Sprintf("%s.%d.", p.run, p.checks.Add(1)), Patience: 10 * time.Second, Attempt: 5 * time.Second, Trims: []string{"measurement"},
	}
	t.Cleanup(func() {
		cleanUp(t, p.connection, options)
		verdict := "ok  "
		if t.Failed() {
			verdict = "FAIL"
		}
		p.lines.Add(1)
		fmt.Printf("%s  %s  (%d ms)\n", verdict, strings.ReplaceAll(path.Base(t.Name()), "_", " "), time.Since(began).Milliseconds())
	})
	return open(t, p.connection, options), options
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
	options.Trims = nil // what is hidden is deleted, too
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
