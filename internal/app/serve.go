// Package app puts assay together: it is the only place that knows all adapters. It opens the log, keeps the read models up to
// date, serves HTTP, and holds the subcommands that cmd/assay only names.
//
// # The model
//
// Serve blocks: it owns every goroutine it starts, and returns when its context ends, with everything closed in the order
// that loses nothing (stop taking requests, stop the read models, seal the facts, close the log). Two servers can live in one
// process, so tests start real ones.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/assayhq/assay/internal/analysis"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/internal/policy"
	"github.com/assayhq/assay/internal/vault"
	"github.com/assayhq/assay/openapi"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/facts"
	"github.com/assayhq/assay/projections/feedback"
	"github.com/assayhq/assay/projections/ruleset"
)

// Config is all that a server can be told. The zero value, but for Data, runs the embedded product.
type Config struct {
	// Data is the folder of the embedded log and the read models. It is made when it is not there.
	Data string
	// Secret, 64 hexadecimal digits, is what unit ids are hashed with; the content of SecretFile when it is empty.
	Secret string
	// SecretFile holds it; the file "secret" in Data when empty. The first start makes it. Nodes of one cluster need the same.
	SecretFile string
	// Keys is the folder of the keys that what people say is sealed under; the folder "keys" in Data when empty. Nodes of one
	// cluster share it.
	Keys string
	// NewSecret accepts another secret than the log knows: from then on every visitor counts as somebody new.
	NewSecret bool
	// Store is the connection string of an EventStoreDB cluster that holds the log; the log is embedded when it is empty.
	Store string
	// StorePrefix begins the names of this installation's streams in the cluster, which others may use besides.
	StorePrefix string
	// Listen is the address to serve on; 127.0.0.1:8080 when empty, port 0 for any free one.
	Listen string
	Log    zerolog.Logger
	// FS is the file system of the embedded log; the disk when nil.
	FS vfs.FS
	// EvaluationLimit holds callers of OFREP back; nobody when it is zero.
	EvaluationLimit openapi.Limit
	// Flags is a file of flag definitions of flagd's, and FlagsIn the project/environment that is served from it, whatever the
	// log says; the file is watched. None when empty.
	Flags   string
	FlagsIn string
	// FlagdListen is the address of a second listener, for flagd's sync protocol alone, whose callers need no key: whoever
	// reaches it reads the rules of every environment. None when empty.
	FlagdListen string
	// FlagdKeyInSelector lets clients of flagd's sync protocol give their API key as selector.
	FlagdKeyInSelector bool
	// Retention says how long measurements that no report needs are kept; for ever where it says nothing.
	Retention Retention
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// ReadingInterval is how often it is looked whether a reading of an experiment is due; 15 s when 0.
	ReadingInterval time.Duration
}

// DefaultListen is where a server listens that was told nothing. Only this machine can reach it.
const DefaultListen = "127.0.0.1:8080"

// Running is a server that is ready.
type Running struct {
	// URL is where it answers.
	URL string
	// Flagd is the address of the listener for flagd's sync protocol; empty for none.
	Flagd string
	// AdminKey is set when this start made the installation's first admin key. It is shown only here.
	AdminKey string
	// Head is the position of the log's last event.
	Head func(context.Context) (projections.Position, error)
}

const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	drainTimeout      = 10 * time.Second
	pingInterval      = 30 * time.Second
	pingTimeout       = 15 * time.Second
)

// Serve runs a server until ctx ends. ready, which may be nil, is called once, when requests are answered and the read models
// of the configuration have caught up with the log. Results are answered once the facts have, too.
func Serve(ctx context.Context, c Config, ready func(Running)) (err error) {
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	log, err := openStore(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	store, err := facts.Open(log.factsFolder(), facts.Options{
		Report: func(err error) { c.Log.Warn().Err(err).Msg("facts") },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	listener, err := listen(ctx, c.Listen, "--listen")
	if err != nil {
		return err
	}
	var flagd net.Listener
	if c.FlagdListen != "" {
		if flagd, err = listen(ctx, c.FlagdListen, "--flagd-listen"); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	s := &server{
		config: c, commands: command.New(log, c.Now), catalog: catalog.New(), rulesets: ruleset.New(), facts: store, feedback: feedback.New(), listener: listener, flagd: flagd, log: log,
	}
	if err := s.prepare(ctx); err != nil {
		return errors.Join(err, s.close())
	}
	for _, p := range []projections.Projection{s.catalog, s.rulesets, s.facts, s.feedback} {
		s.runners = append(s.runners, projections.NewRunner(log, p, func(err error) { c.Log.Error().Err(err).Msg("a read model is behind") }))
	}
	log.serving([]projections.Hashed{s.catalog, s.rulesets, s.facts, s.feedback})
	return s.run(ctx, ready)
}

// prepare does what may still keep the server from starting.
func (s *server) prepare(ctx context.Context) (err error) {
	if err := s.openFile(); err != nil {
		return err
	}
	if s.secret, err = introduce(ctx, s.commands, s.config); err != nil {
		return err
	}
	s.vault, err = vault.Open(s.config.keysFolder(), s.secret.key("subject-keys"))
	return err
}

// openFile serves the file of flags for the first time, if there is one. A file that cannot be served is no way to start.
func (s *server) openFile() (err error) {
	if s.config.Flags == "" {
		return nil
	}
	if s.file, err = newFlagFile(s.config.Flags, s.config.FlagsIn); err != nil {
		return err
	}
	_, err = s.file.load(s)
	return err
}

func listen(ctx context.Context, address, option string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("the address %s cannot be listened on; choose another with %s: %w", address, option, err)
	}
	return l, nil
}

type server struct {
	config   Config
	log      engine
	commands *command.Service
	catalog  *catalog.Projection
	rulesets *ruleset.Projection
	facts    *facts.Store
	feedback *feedback.Projection
	vault    *vault.Vault
	runners  []*projections.Runner
	listener net.Listener
	flagd    net.Listener // for flagd's sync protocol alone; nil for none
	file     *flagFile    // that an environment is served from; nil for none
	secret   secret
}

// close ends a server that never ran.
func (s *server) close() error {
	err := s.listener.Close()
	if s.flagd != nil {
		err = errors.Join(err, s.flagd.Close())
	}
	return err
}

func (s *server) run(ctx context.Context, ready func(Running)) error {
	group, ctx := errgroup.WithContext(ctx)
	metrics, err := telemetry(s.log, s.runners, s.config.Now)
	if err != nil {
		return err
	}
	dependencies := openapi.Dependencies{
		Commands: s.commands, Catalog: s.catalog, Rulesets: s.rulesets, Facts: s.facts, Feedback: s.feedback, Vault: sealing{s.vault}, Runners: s.runners, Head: s.log.Head,
		Store: s.log, Telemetry: metrics,
		Now: s.config.Now, Random: rand.Reader, UnitKey: s.secret.unitKey, Log: s.config.Log, EvaluationLimit: s.config.EvaluationLimit,
		FlagdKeyInSelector: s.config.FlagdKeyInSelector,
	}
	handler, err := openapi.New(ctx, dependencies)
	if err != nil {
		return err
	}
	for _, r := range s.runners {
		group.Go(func() error { return r.Run(ctx) })
	}
	if s.file != nil {
		group.Go(func() error { return s.file.follow(ctx, s) })
	}
	serveOn(ctx, group, s.listener, handler)
	if s.flagd != nil {
		serveOn(ctx, group, s.flagd, openapi.NewFlagdSync(ctx, dependencies))
	}
	group.Go(func() error { return s.announce(ctx, ready) })
	group.Go(func() error {
		for _, r := range s.runners {
			if err := r.WaitCaughtUp(ctx); err != nil {
				return nil //nolint:nilerr // the context ended before the read models knew what is due
			}
		}
		group.Go(func() error { return s.bandits().Run(ctx) })
		return s.readings().Run(ctx)
	})
	group.Go(func() error { return s.retain(ctx) })
	group.Go(func() error { return s.forget(ctx) })
	return group.Wait()
}

// serveOn serves on a listener until ctx ends, and then until the requests that are open are answered.
func serveOn(ctx context.Context, group *errgroup.Group, on net.Listener, handler http.Handler) {
	web := &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, Protocols: protocols(),
		// A client that is gone without a word, or that does not read, must not keep its streams.
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingInterval, PingTimeout: pingTimeout, WriteByteTimeout: pingTimeout},
	}
	group.Go(func() error {
		if err := web.Serve(on); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serving HTTP: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		// The context has ended, so draining needs one of its own.
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		if err := web.Shutdown(drain); err != nil {
			return errors.Join(fmt.Errorf("requests were still open after %v: %w", drainTimeout, err), web.Close())
		}
		return nil
	})
}

// protocols are HTTP/1.1, and HTTP/2 without TLS: one connection carries as many streams as a client opens, and gRPC needs it.
func protocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}

// readings is the loop that takes planned looks at experiments.
func (s *server) readings() policy.Readings {
	return policy.Readings{
		Sources: analysis.Sources{Catalog: s.catalog, Facts: s.facts}, Commands: s.commands, Now: s.config.Now, Every: s.config.ReadingInterval,
		Report: func(err error) { s.config.Log.Error().Err(err).Msg("readings") },
	}
}

// bandits is the loop that applies the weights of bandits whose plans ask for it.
func (s *server) bandits() *policy.Bandits {
	return &policy.Bandits{
		Sources: analysis.Sources{Catalog: s.catalog, Facts: s.facts}, Commands: s.commands, Now: s.config.Now, Every: s.config.ReadingInterval,
		Report: func(err error) { s.config.Log.Error().Err(err).Msg("bandits") },
	}
}

// retain removes old measurements once the read models know which are needed.
func (s *server) retain(ctx context.Context) error {
	t := &trimmer{policy: s.config.Retention, log: s.log, catalog: s.catalog, now: s.config.Now, out: s.config.Log}
	for _, r := range s.runners {
		if err := r.WaitCaughtUp(ctx); err != nil {
			return nil //nolint:nilerr // the context ended before the server was ready; that is no failure
		}
		if r.Projection() == projections.Projection(s.facts) {
			t.facts = r
		}
	}
	return t.run(ctx)
}

// announce waits until the read models of the configuration have caught up, makes the first admin key where there is none, and calls ready.
func (s *server) announce(ctx context.Context, ready func(Running)) error {
	for _, r := range s.configuration() {
		if err := r.WaitCaughtUp(ctx); err != nil {
			return nil //nolint:nilerr // the context ended before the server was ready; that is no failure
		}
	}
	if s.file != nil {
		if err := s.file.prepare(ctx, s); err != nil || ctx.Err() != nil {
			return err
		}
	}
	running := Running{URL: "http://" + s.listener.Addr().String(), Head: s.log.Head}
	if s.flagd != nil {
		running.Flagd = s.flagd.Addr().String()
	}
	var err error
	if running.AdminKey, err = s.firstAdminKey(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	s.config.Log.Info().Str("url", running.URL).Msg("ready")
	if ready != nil {
		ready(running)
	}
	return nil
}

// configuration is all read models but the facts, which only results need.
func (s *server) configuration() []*projections.Runner {
	return slices.DeleteFunc(slices.Clone(s.runners), func(r *projections.Runner) bool { return r.Projection() == projections.Projection(s.facts) })
}
