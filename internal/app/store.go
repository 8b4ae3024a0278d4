package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/assayhq/assay/eventlog/esdb"
)

// openStore opens the log that the configuration names.
func openStore(ctx context.Context, c Config) (engine, error) {
	if c.Store == "" {
		return openEmbedded(c)
	}
	if !esdb.IsConnectionString(c.Store) {
		return nil, fmt.Errorf("the log %q is no connection string; write esdb://host:2113?tls=true, or leave --log out for the embedded log in the data folder", c.Store)
	}
	return openCluster(ctx, c)
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
