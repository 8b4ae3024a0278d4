package app

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/assayhq/assay/projections"
)

func gauge(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
}

func counter(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value)
}

// telemetry answers /metrics. It has a registry of its own, so two servers can live in one process.
func telemetry(e engine, runners []*projections.Runner, now func() time.Time) (http.Handler, error) {
	r := prometheus.NewRegistry()
	if err := e.collect(r); err != nil {
		return nil, err
	}
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		logState{e},
		readModels{runners: runners, now: now},
		buildInfo(),
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics: %w", err)
		}
	}
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{}), nil
}

func buildInfo() prometheus.Collector {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "assay_build_info", Help: "Always 1; the label says which version runs.", ConstLabels: prometheus.Labels{"version": version},
	}, func() float64 { return 1 })
}

func description(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// logState are the metrics that every engine has.
type logState struct{ engine engine }

// Describe sends nothing: the collector is unchecked.
func (logState) Describe(chan<- *prometheus.Desc) {}

// Collect asks the log once.
func (l logState) Collect(out chan<- prometheus.Metric) {
	s := l.engine.Status()
	send := func(name, help string, value float64) {
		out <- prometheus.MustNewConstMetric(description(name, help), prometheus.GaugeValue, value)
	}
	for _, state := range []string{"writable", "full", "read-only", "unreachable", "closed"} {
		value := 0.0
		if s.State == state {
			value = 1
		}
		out <- prometheus.MustNewConstMetric(description("assay_log_state", "1 for the state that the log is in.", "state"), prometheus.GaugeValue, value, state)
	}
	readOnly := 1.0
	if s.State == "writable" {
		readOnly = 0
	}
	send("assay_log_read_only", "1 while the log takes no writes, whatever the reason.", readOnly)
	send("assay_log_head_position", "Position of the last event.", float64(s.Position))
	send("assay_log_waiting_appends", "Appends that wait for the log.", float64(s.Waiting))
	if s.SizeBytes > 0 {
		send("assay_log_size_bytes", "What the log takes on disk.", float64(s.SizeBytes))
	}
	if s.FreeKnown {
		send("assay_log_free_bytes", "What the log's disk has left.", float64(s.FreeBytes))
	}
}

// readModels are the metrics of the projections.
type readModels struct {
	runners []*projections.Runner
	now     func() time.Time
}

// Describe sends nothing: the collector is unchecked.
func (readModels) Describe(chan<- *prometheus.Desc) {}

// scrapeTimeout bounds how long a scrape counts events.
const scrapeTimeout = 2 * time.Second

// Collect asks every runner once.
func (m readModels) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	for _, r := range m.runners {
		name := r.Projection().Name()
		send := func(metric, help string, value float64) {
			out <- prometheus.MustNewConstMetric(description(metric, help, "name"), prometheus.GaugeValue, value, name)
		}
		send("assay_projection_position", "Up to where the read model has applied the log.", float64(r.Position()))
		if n, err := r.Behind(ctx); err == nil {
			send("assay_projection_lag_events", fmt.Sprintf("Events that the read model has yet to apply; %d means as many or more.", projections.MostBehind), float64(n))
		}
		if lag, known := r.Lag(m.now()); known {
			send("assay_projection_lag_seconds", "Age of the newest event that the read model has applied while it is behind; 0 at the head.", lag.Seconds())
		}
		failing := 0.0
		if _, err := r.CaughtUp(); err != nil {
			failing = 1
		}
		send("assay_projection_failing", "1 while the latest attempt to apply events has failed.", failing)
	}
}
