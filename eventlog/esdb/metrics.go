package esdb

import "sync/atomic"

// Metrics are counters since the log was opened.
type Metrics struct {
	// Connected: there is a connection that worked when it was last used.
	Connected bool
	// Connects counts connections made; the first is one of them.
	Connects int64
	// Appends were recorded; Conflicts were refused for their revision; Retries are attempts after the first; Unknown were
	// answered eventlog.ErrUnknownOutcome, Failed with another error of the connection.
	Appends, Conflicts, Retries, Unknown, Failed int64
	// Subscriptions counts subscriptions opened, Resumed those of them that went on after a break.
	Subscriptions, Resumed int64
}

type metrics struct {
	connected                                    atomic.Bool
	connects                                     atomic.Int64
	appends, conflicts, retries, unknown, failed atomic.Int64
	subscriptions, resumed                       atomic.Int64
}

// Metrics returns the counters as they are now.
func (l *Log) Metrics() Metrics {
	m := &l.metrics
	return Metrics{
		Connected: m.connected.Load(), Connects: m.connects.Load(),
		Appends: m.appends.Load(), Conflicts: m.conflicts.Load(), Retries: m.retries.Load(), Unknown: m.unknown.Load(), Failed: m.failed.Load(),
		Subscriptions: m.subscriptions.Load(), Resumed: m.resumed.Load(),
	}
}
