package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/esdb"
	"github.com/assayhq/assay/eventlog/pebblelog"
)

// store is the open log of a server, on whichever engine.
type store struct {
	eventlog.Log
	close func() error
	// facts is the folder of the facts folded from this log. Positions of different logs have nothing to do with each other, so
	// each log has a folder of its own.
	facts string
	// trouble says in a sentence what the log cannot do now; empty when all is well.
	trouble func() string
}

// openStore opens the log that the configuration names.
func openStore(ctx context.Context, c Config) (*store, error) {
	if c.Store == "" {
		return openEmbedded(c)
	}
	if !esdb.IsConnectionString(c.Store) {
		return nil, fmt.Errorf("the log %q is no connection string; write esdb://host:2113?tls=true, or leave --log out for the embedded log in the data folder", c.Store)
	}
	log, err := esdb.Open(ctx, c.Store, esdb.Options{
		Prefix: c.StorePrefix,
		Warn:   func(text string) { c.Log.Warn().Msg(text) },
	})
	if err != nil {
		return nil, err
	}
	return &store{
		Log: log, close: log.Close, facts: filepath.Join(c.Data, "facts-"+identity(c.Store, c.StorePrefix)),
		trouble: func() string {
			if log.Metrics().Connected {
				return ""
			}
			return "the event store cannot be reached; decisions and reads go on, changes are refused"
		},
	}, nil
}

func openEmbedded(c Config) (*store, error) {
	log, err := pebblelog.Open(filepath.Join(c.Data, "log"), pebblelog.Options{
		Now:    c.Now,
		Failed: func(err error) { c.Log.Error().Err(err).Msg("the log takes no more writes until a restart") },
		Warn:   func(text string) { c.Log.Warn().Msg(text) },
	})
	if err != nil {
		return nil, err
	}
	return &store{
		Log: log, close: log.Close, facts: filepath.Join(c.Data, "facts"),
		trouble: func() string {
			switch s := log.Status(); {
			case s.State == pebblelog.Full:
				return "the disk of the log is full; decisions and reads go on, changes are refused"
			case s.State != pebblelog.Writable:
				return "the log takes no changes until the server is started again; decisions and reads go on"
			case s.Reason != "":
				return "the disk of the log is slow"
			default:
				return ""
			}
		},
	}, nil
}

// identity names a cluster and a prefix in a few letters: neither user nor password nor settings nor the order of hosts make a
// difference. A cluster under another name is taken for another one, and its facts are folded again.
func identity(connection, prefix string) string {
	_, rest, _ := strings.Cut(connection, "://")
	hosts, _, _ := strings.Cut(rest, "?")
	if at := strings.LastIndex(hosts, "@"); at >= 0 {
		hosts = hosts[at+1:]
	}
	if decoded, err := url.PathUnescape(hosts); err == nil {
		hosts = decoded
	}
	names := strings.Split(strings.ToLower(strings.TrimSuffix(hosts, "/")), ",")
	slices.Sort(names)
	sum := sha256.Sum256([]byte(strings.Join(names, ",") + "\x00" + prefix))
	return hex.EncodeToString(sum[:6])
}
