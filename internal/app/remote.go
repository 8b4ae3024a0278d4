package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/eventlog/esdb"
	"github.com/assayhq/assay/internal/archive"
	"github.com/assayhq/assay/openapi"
	"github.com/assayhq/assay/projections"
)

// cluster is the engine on an EventStoreDB cluster.
type cluster struct {
	*esdb.Log
	facts   string
	lock    io.Closer
	trimmed *forgotten
}

var _ engine = (*cluster)(nil)

func openCluster(ctx context.Context, c Config) (*cluster, error) {
	e := &cluster{facts: filepath.Join(c.Data, "facts-"+identity(c.Store, c.StorePrefix))}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	var err error
	// The embedded log locks its folder; here nothing else keeps two servers from writing the same facts.
	if e.lock, err = vfs.Default.Lock(e.facts + ".lock"); err != nil {
		return nil, fmt.Errorf("another server uses the data folder %s; give each one of its own with --data: %w", c.Data, err)
	}
	if e.trimmed, err = openForgotten(e.facts + ".trimmed"); err != nil {
		return nil, errors.Join(err, e.lock.Close())
	}
	e.Log, err = esdb.Open(ctx, c.Store, esdb.Options{
		Prefix: c.StorePrefix, Trims: trimmable(), Warn: func(text string) { c.Log.Warn().Msg(text) },
	})
	if err != nil {
		return nil, errors.Join(err, e.lock.Close())
	}
	return e, nil
}

// Close closes the log and lets go of the data folder.
func (c *cluster) Close() error { return errors.Join(c.Log.Close(), c.lock.Close()) }

// openRemote connects a command to a cluster.
func openRemote(ctx context.Context, connection string, s Streams) (closableLog, error) {
	if !esdb.IsConnectionString(connection) {
		return nil, fmt.Errorf("%q is neither a data folder nor a connection string; write esdb://host:2113?tls=true", connection)
	}
	return esdb.Open(ctx, connection, esdb.Options{
		Prefix: s.Getenv("ASSAY_LOG_PREFIX"), Trims: trimmable(), Warn: func(text string) { say(s.Err, "warning: %s\n", text) },
	})
}

func (c *cluster) factsFolder() string { return c.facts }

// Status implements openapi.Store. The cluster is not asked: a status never waits.
func (c *cluster) Status() openapi.StoreStatus {
	s := openapi.StoreStatus{
		Engine: "eventstoredb", State: openapi.StoreWritable, Position: c.Seen(),
		Note: "an event store keeps neither a count nor a chain of the events; GET /api/v1/log/verification computes them, and so does assay log verify --log esdb://…",
	}
	if !c.Metrics().Connected {
		s.State, s.Reason = openapi.StoreUnreachable, "the event store cannot be reached; the server keeps trying"
	}
	return s
}

// Verify implements openapi.Store: it reads everything, and names streams with gaps.
func (c *cluster) Verify(ctx context.Context, found func(openapi.StoreFault)) (openapi.StoreVerified, error) {
	r, err := archive.Check(ctx, c.Log)
	for _, f := range r.Faults {
		found(openapi.StoreFault{Position: f.Position, Kind: string(f.Kind), Detail: f.Detail})
	}
	return openapi.StoreVerified{Position: r.Head.Position, Chain: r.Head.Chain.String(), Events: r.Head.Events, Trimmed: r.Trimmed}, err
}

// Backup implements openapi.Store: a cluster has its own.
func (c *cluster) Backup(context.Context, io.Writer) error { return openapi.ErrNoBackup }

// trimmable are the categories of streams that retention may be asked for.
func trimmable() []string { return []string{measurement.Category} }

// Trim implements engine. Another node may have been faster, and the facts of this one still hold what is gone.
func (c *cluster) Trim(ctx context.Context, stream string) (int, error) {
	n, err := c.Log.Trim(ctx, stream)
	if c.trimmed.has(stream) {
		n = 0
	}
	return n, err
}

func (c *cluster) forgot(streams []string) error { return c.trimmed.add(streams) }

func (c *cluster) serving([]projections.Hashed) {}

func (c *cluster) collect(r prometheus.Registerer) error {
	number := func(name, help string, value func(esdb.Metrics) int64) prometheus.Collector {
		return counter(name, help, func() float64 { return float64(value(c.Metrics())) })
	}
	for _, m := range []prometheus.Collector{
		gauge("assay_eventstore_up", "1 while the event store answers.", func() float64 {
			if c.Metrics().Connected {
				return 1
			}
			return 0
		}),
		number("assay_eventstore_connects_total", "Connections made; the first is one of them.", func(m esdb.Metrics) int64 { return m.Connects }),
		number("assay_log_appends_total", "Appends recorded since the start.", func(m esdb.Metrics) int64 { return m.Appends }),
		number("assay_log_appends_refused_total", "Appends that failed, or whose outcome is unknown.", func(m esdb.Metrics) int64 { return m.Failed + m.Unknown }),
		number("assay_log_conflicts_total", "Appends refused for their revision.", func(m esdb.Metrics) int64 { return m.Conflicts }),
		number("assay_log_retries_total", "Attempts after the first.", func(m esdb.Metrics) int64 { return m.Retries }),
		number("assay_eventstore_subscriptions_total", "Subscriptions opened.", func(m esdb.Metrics) int64 { return m.Subscriptions }),
		number("assay_eventstore_subscriptions_resumed_total", "Subscriptions that went on after a break.", func(m esdb.Metrics) int64 { return m.Resumed }),
	} {
		if err := r.Register(m); err != nil {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}
