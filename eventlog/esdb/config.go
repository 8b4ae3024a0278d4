package esdb

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/assayhq/assay/eventlog"
)

// schemes maps what people write to what the driver takes; the newer names mean the same protocol.
func schemes() map[string]string {
	return map[string]string{
		"esdb": "esdb", "esdb+discover": "esdb+discover",
		"kurrentdb": "esdb", "kurrentdb+discover": "esdb+discover", "kurrent": "esdb", "kurrent+discover": "esdb+discover",
	}
}

// settings are the keys of a connection string that count, in lower case. The driver only logs the ones it does not know,
// so that a typing error in "tls" would go unnoticed.
func settings() []string {
	return []string{
		"tls", "tlsverifycert", "tlscafile", "usercertfile", "userkeyfile", "nodepreference", "gossiptimeout",
		"keepaliveinterval", "keepalivetimeout", "maxdiscoverattempts", "discoveryinterval", "defaultdeadline",
	}
}

// gossipSeconds bounds one question to a node that may be dead, unless the connection string says otherwise.
const gossipSeconds = 2

// IsConnectionString reports whether the text names an EventStoreDB or KurrentDB server, rather than a folder.
func IsConnectionString(text string) bool {
	scheme, _, found := strings.Cut(text, "://")
	return found && schemes()[strings.ToLower(scheme)] != ""
}

// Redacted returns a connection string that may be shown: without its password.
func Redacted(connection string) string {
	return regexp.MustCompile(`//[^@/?]*@`).ReplaceAllString(connection, "//***@")
}

// parse turns a connection string into the driver's configuration, and refuses what the driver would silently drop.
func parse(connection string) (*driver.Configuration, []string, error) {
	wrong := func(format string, args ...any) (*driver.Configuration, []string, error) {
		return nil, nil, fmt.Errorf("%w: the connection string %s: %s", eventlog.ErrInvalid, Redacted(connection), fmt.Sprintf(format, args...))
	}
	scheme, rest, found := strings.Cut(connection, "://")
	known := schemes()[strings.ToLower(scheme)]
	if !found || known == "" {
		return wrong("it begins with esdb://, esdb+discover://, kurrentdb:// or kurrentdb+discover://")
	}
	hosts, query, _ := strings.Cut(rest, "?")
	if strings.ContainsAny(hosts, "[]") {
		return wrong("IPv6 addresses are not understood by the client; use a host name")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return wrong("what follows the ? is not well formed")
	}
	if err := checkSettings(values); err != nil {
		return wrong("%v", err)
	}
	c, err := driver.ParseConnectionString(known + "://" + rest)
	if err != nil {
		return wrong("%s", Redacted(strings.ReplaceAll(err.Error(), connection, "")))
	}
	if c.DisableTLS && c.Username != "" {
		return wrong("user and password would not be sent with tls=false; use TLS, or leave them out")
	}
	var warnings []string
	if c.SkipCertificateVerification && !c.DisableTLS {
		warnings = append(warnings, "the certificate of the event store is not verified (tlsVerifyCert=false): anybody in between can read and change what is sent")
	}
	// One attempt at a time: after its last one the driver would close itself for ever.
	c.MaxDiscoverAttempts, c.DiscoveryInterval, c.DefaultDeadline = 1, 1, nil
	if !has(values, "gossiptimeout") {
		c.GossipTimeout = gossipSeconds
	}
	return c, warnings, nil
}

func has(values url.Values, key string) bool {
	for k := range values {
		if strings.EqualFold(k, key) {
			return true
		}
	}
	return false
}

func checkSettings(values url.Values) error {
	for key, v := range values {
		lower := strings.ToLower(key)
		if !slices.Contains(settings(), lower) {
			return fmt.Errorf("there is no setting %q; there are %s", key, strings.Join(settings(), ", "))
		}
		if lower == "defaultdeadline" {
			if n, err := strconv.Atoi(v[0]); err != nil || n < 1 {
				return fmt.Errorf("the setting %s is a number of milliseconds, not %q", key, v[0])
			}
		}
	}
	return nil
}
