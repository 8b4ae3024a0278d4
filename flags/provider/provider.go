// Package provider is the OpenFeature provider for Go: it loads an environment's ruleset from an assay server, keeps it up to
// date, and decides in the process of the app. It is what a Go app imports, and it brings nothing but the OpenFeature SDK.
//
//	openfeature.SetProviderAndWait(provider.New(provider.Config{URL: "https://flags.example.com", Key: os.Getenv("ASSAY_KEY")}))
//
// # The model
//
// Init loads the ruleset. From then on a stream tells when it has moved on and the provider loads it again; where streams do not
// get through it polls. A decision reads the compiled ruleset of the moment: no lock, no network, no waiting, and the
// last ruleset goes on deciding when the server is away.
//
// Deciding for a subject under an experiment is an exposure. It is reported once per flag, unit and variant, together with what
// Track records, in batches, in the background. Queues are bounded: when the server is away for long, the newest facts are
// dropped and counted, and the app never notices.
//
// The provider is READY while it is in touch with the server, STALE as soon as it is not, and in ERROR when that has lasted
// ErrorAfter. It tells each change once; READY or ERROR after Init are told by the SDK.
package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/assayhq/assay/flags"
)

// Config says where the server is. Everything but URL and Key has a default.
type Config struct {
	// URL of the server, such as "https://flags.example.com", and a server Key of the environment.
	URL, Key string
	// HTTPClient makes the requests. It must not have a timeout, which would end the stream; default: a plain client.
	HTTPClient *http.Client
	// PollInterval is how often the ruleset is asked for where no stream gets through; default 30 s.
	PollInterval time.Duration
	// FlushInterval is how long facts wait for their batch to fill; default 1 s.
	FlushInterval time.Duration
	// ErrorAfter is how long the provider is STALE before it is in ERROR; default 5 s.
	ErrorAfter time.Duration
	// QueueSize bounds the facts that wait to be sent; default 20,000.
	QueueSize int
	// RememberExposures bounds the exposures that are remembered as reported; default 200,000. A forgotten one is reported
	// again, which the server bears.
	RememberExposures int
	// Attributes names the context attributes that are reported with an exposure, to compare segments by. Default: none, so
	// that nothing personal leaves the app by accident.
	Attributes []string
	// Metadata adds flagSetId and version to every evaluation's flag metadata, at two allocations each.
	Metadata bool
}

// Name is the provider's name in OpenFeature.
const Name = "assay"

const (
	requestTimeout = 10 * time.Second
	leastBackoff   = 200 * time.Millisecond
	mostBackoff    = 30 * time.Second
	silence        = 45 * time.Second // a stream without even a heartbeat for so long is dead
)

// Provider implements openfeature.FeatureProvider, ContextAwareStateHandler, EventHandler and Tracker. Make one with New.
type Provider struct {
	config  Config
	current atomic.Pointer[loaded]
	events  chan openfeature.Event
	facts   *reporter

	mu    sync.Mutex // guards users and stop
	users int        // how often Init was called without a Shutdown: once per domain
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// loaded is a ruleset with what belongs to it.
type loaded struct {
	rules    *flags.Ruleset
	snapshot flags.Snapshot
	etag     string
	metadata openfeature.FlagMetadata
}

var (
	_ openfeature.FeatureProvider          = (*Provider)(nil)
	_ openfeature.ContextAwareStateHandler = (*Provider)(nil)
	_ openfeature.EventHandler             = (*Provider)(nil)
	_ openfeature.Tracker                  = (*Provider)(nil)
)

// New makes a provider. It does nothing until OpenFeature initialises it.
func New(c Config) *Provider {
	c.URL = strings.TrimSuffix(c.URL, "/")
	if c.HTTPClient == nil {
		c.HTTPClient = &http.Client{}
	}
	for value, standard := range map[*time.Duration]time.Duration{&c.PollInterval: 30 * time.Second, &c.FlushInterval: time.Second, &c.ErrorAfter: 5 * time.Second} {
		if *value <= 0 {
			*value = standard
		}
	}
	if c.QueueSize <= 0 {
		c.QueueSize = 20_000
	}
	if c.RememberExposures <= 0 {
		c.RememberExposures = 200_000
	}
	return &Provider{config: c, events: make(chan openfeature.Event, 64), facts: newReporter(c)}
}

// Metadata names the provider.
func (p *Provider) Metadata() openfeature.Metadata { return openfeature.Metadata{Name: Name} }

// Hooks are none: exposures are recorded while deciding, which costs no hook.
func (p *Provider) Hooks() []openfeature.Hook { return nil }

// EventChannel carries the changes of state.
func (p *Provider) EventChannel() <-chan openfeature.Event { return p.events }

// Init is InitWithContext without a bound of its own.
func (p *Provider) Init(c openfeature.EvaluationContext) error {
	return p.InitWithContext(context.Background(), c)
}

// InitWithContext loads the ruleset. A key that the server refuses is fatal. When the server cannot be reached it is an error, and
// the provider goes on trying in the background until Shutdown.
func (p *Provider) InitWithContext(ctx context.Context, _ openfeature.EvaluationContext) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users > 0 {
		p.users++
		if p.current.Load() == nil {
			return &openfeature.ProviderInitError{ErrorCode: openfeature.ProviderNotReadyCode, Message: "the assay server has not been reached yet; it is being tried"}
		}
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := p.load(bounded)
	if refused, ok := errors.AsType[*refusedError](err); ok && refused.forKey() {
		return &openfeature.ProviderInitError{ErrorCode: openfeature.ProviderFatalCode, Message: refused.Error()}
	}
	p.users = 1
	background, stop := context.WithCancel(context.Background())
	p.stop = stop
	connection := &link{provider: p, inTouch: err == nil, told: err == nil, failed: err != nil}
	p.done.Go(func() { connection.keep(background) })
	p.done.Go(func() { p.facts.run(background) })
	if err != nil {
		return &openfeature.ProviderInitError{ErrorCode: openfeature.GeneralCode, Message: err.Error()}
	}
	return nil
}

// Shutdown is ShutdownWithContext bounded by ten seconds.
func (p *Provider) Shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	_ = p.ShutdownWithContext(ctx) // the interface has no way to tell; Stats has
}

// ShutdownWithContext sends what waits, within ctx, and ends everything the provider started. The error says how many facts
// could not be sent. Afterwards Init may be called again.
func (p *Provider) ShutdownWithContext(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users == 0 {
		return nil
	}
	if p.users--; p.users > 0 {
		return nil
	}
	p.stop()
	p.done.Wait()
	return p.facts.flush(ctx)
}

// Flush sends the facts that wait, within ctx.
func (p *Provider) Flush(ctx context.Context) error { return p.facts.flush(ctx) }

// Stats are counts since New.
type Stats struct {
	Queued   int   // waiting now
	Sent     int64 // taken in by the server, duplicates included
	Rejected int64 // refused by the server
	Dropped  int64 // lost because the queue was full, or because Track had no targeting key
}

// Stats returns what became of exposures and tracked events.
func (p *Provider) Stats() Stats { return p.facts.stats() }

// Ruleset returns the compiled ruleset of the moment, for hot paths that decide without the SDK; nil before the first one.
// Decisions made with it report no exposures.
func (p *Provider) Ruleset() *flags.Ruleset {
	if l := p.current.Load(); l != nil {
		return l.rules
	}
	return nil
}

// emit tells the SDK. When nobody reads events the provider must not wait for them.
func (p *Provider) emit(kind openfeature.EventType, details openfeature.ProviderEventDetails) {
	select {
	case p.events <- openfeature.Event{ProviderName: Name, EventType: kind, ProviderEventDetails: details}:
	default:
	}
}

// refusedError is an answer other than the one asked for.
type refusedError struct {
	status int
	detail string
	wait   time.Duration
}

// Error says what the server said.
func (e *refusedError) Error() string {
	return fmt.Sprintf("the assay server answered %d: %s", e.status, e.detail)
}

func (e *refusedError) forKey() bool {
	return e.status == http.StatusUnauthorized || e.status == http.StatusForbidden
}
