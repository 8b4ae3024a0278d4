package app

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/pebblelog"
	"github.com/assayhq/assay/internal/archive"
	"github.com/assayhq/assay/openapi"
	"github.com/assayhq/assay/projections"
)

// engine is an open log, and what operators ask of it.
type engine interface {
	eventlog.Log
	openapi.Store
	// factsFolder is where the facts folded from this log are. Positions of different logs have nothing to do with each other,
	// so each log has a folder of its own.
	factsFolder() string
	// Trim takes all events of a stream out of readers' sight and returns how many of them the facts here may still hold.
	Trim(ctx context.Context, stream string) (int, error)
	// forgot says that the facts have been folded anew since these streams were trimmed.
	forgot(streams []string) error
	Close() error
	// collect registers the engine's own metrics.
	collect(prometheus.Registerer) error
	// serving names the read models whose states go into backups.
	serving([]projections.Hashed)
}

// embedded is the engine on pebblelog.
type embedded struct {
	*pebblelog.Log
	data    string
	now     func() time.Time
	models  []projections.Hashed
	appends prometheus.Histogram
	groups  prometheus.Histogram
}

var _ engine = (*embedded)(nil)

func openEmbedded(c Config) (*embedded, error) {
	e := &embedded{
		data: c.Data, now: c.Now,
		appends: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "assay_log_fsync_duration_seconds", Help: "How long it took until a group of appends was durable.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 18),
		}),
		groups: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "assay_log_group_appends", Help: "How many appends shared one sync.", Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
	}
	if err := removeScratch(c.Data); err != nil {
		return nil, err
	}
	var err error
	e.Log, err = pebblelog.Open(filepath.Join(c.Data, "log"), pebblelog.Options{
		FS: c.FS, Now: c.Now,
		Failed: func(err error) { c.Log.Error().Err(err).Msg("the log takes no more writes until a restart") },
		Warn:   func(text string) { c.Log.Warn().Msg(text) },
		Synced: func(took time.Duration, appends int) {
			e.appends.Observe(took.Seconds())
			e.groups.Observe(float64(appends))
		},
	})
	return e, err
}

func (e *embedded) factsFolder() string { return filepath.Join(e.data, "facts") }

// forgot has nothing to remember: an event that is trimmed is not trimmed again.
func (e *embedded) forgot([]string) error { return nil }

// removeScratch removes what a backup left that a crash cut short.
func removeScratch(data string) error {
	left, err := filepath.Glob(filepath.Join(data, archive.ScratchPattern))
	if err != nil {
		return fmt.Errorf("looking for what a backup left: %w", err)
	}
	for _, name := range left {
		if err := os.RemoveAll(name); err != nil {
			return fmt.Errorf("removing what a backup left: %w", err)
		}
	}
	return nil
}

// Status implements openapi.Store.
func (e *embedded) Status() openapi.StoreStatus {
	s := e.Log.Status()
	return openapi.StoreStatus{
		Engine: "embedded", State: string(s.State), Reason: s.Reason, Position: s.Tip.Position, Events: uint64(s.Tip.Position), Chain: s.Tip.Chain.String(),
		RecordedAt: s.Tip.RecordedAt, Waiting: s.Waiting, SizeBytes: s.SizeBytes, FreeBytes: s.FreeBytes, FreeKnown: s.FreeKnown,
	}
}

// Verify implements openapi.Store.
func (e *embedded) Verify(ctx context.Context, found func(openapi.StoreFault)) (openapi.StoreVerified, error) {
	seen, err := e.Log.Verify(ctx, func(f pebblelog.Fault) {
		found(openapi.StoreFault{Position: f.Position, Kind: string(f.Kind), Detail: f.Detail})
	})
	return openapi.StoreVerified{Position: seen.Tip.Position, Chain: seen.Tip.Chain.String(), Events: seen.Events, Trimmed: seen.Trimmed}, err
}

// Backup implements openapi.Store.
func (e *embedded) Backup(ctx context.Context, out io.Writer) error {
	states, err := archive.States(e.models)
	if err != nil {
		return err
	}
	_, err = archive.Backup(ctx, e.Log, e.data, e.now(), states, out)
	return err
}

func (e *embedded) serving(models []projections.Hashed) { e.models = models }

func (e *embedded) collect(r prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{
		e.appends, e.groups,
		counter("assay_log_appends_total", "Appends answered since the start.", func() float64 { return float64(e.Log.Status().Appends) }),
		counter("assay_log_appends_refused_total", "Appends that were refused because of the log's state, or whose outcome is unknown.", func() float64 { return float64(e.Log.Status().Refused) }),
		counter("assay_log_events_total", "Events recorded since the start.", func() float64 { return float64(e.Log.Status().Events) }),
		gauge("assay_log_syncing_seconds", "How long the write that is going on has been waiting for the disk.", func() float64 { return e.Log.Status().Syncing.Seconds() }),
	} {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}
