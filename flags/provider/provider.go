// Package provider is the OpenFeature provider for Go: it loads an environment's ruleset from an assay server, keeps it up to
// date, and decides in the process of the app. It is what a Go app imports, and it brings nothing but the OpenFeature SDK.
//
//	openfeature.SetProviderAndWait(provider.New(provider.Config{URL: "https://flags.example.com", Key: os.Getenv("ASSAY_KEY")}))
//
// # The model
//
// Init loads the ruleset. From then on a stream tells when it has moved on and the provider loads it again; where streams do not
// get through it polls. A decision reads the compiled ruleset of the moment: no lock, no network, no waiting, and the
// last ruleset goes on deciding when the server is away. When it is away at the start, the one that an earlier process kept
// in Config.KeepIn decides, or that of Config.Bootstrap.
//
// What the server says is not believed blindly: something that is no ruleset, is too large, is of another environment or is
// older than the ruleset in use is not used. Decisions never go backwards.
//
// Deciding for a subject under an experiment is an exposure. It is reported once per flag, unit and variant, together with what
// Track records, in batches, in the background. Queues are bounded: when the server is away for long, the newest facts are
// dropped and counted, and the app never notices.
//
// The provider is READY while it is in touch with the server, STALE as soon as it is not, and in ERROR when that has lasted
// ErrorAfter. One that started from a file is STALE until the server confirms what it decides by. It tells each change once;
// READY or ERROR after Init are told by the SDK.
//
// Client is the way to decide without the SDK, for hot paths.
package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
	// Environment is what the app expects the key to be for, such as "shop/production". When it is set, a ruleset of any other
	// environment is refused, whether a server or a file offers it. Default: whatever the key is for.
	Environment string
	// KeepIn is a folder in which the last ruleset is kept, so that the next process can decide when the server is away at its
	// start. Every key has a file of its own there; several processes may share it. Default: nothing is kept.
	KeepIn string
	// Bootstrap is a file with a ruleset, as GET /api/v1/ruleset answers it, to start from when the server is away and nothing
	// newer was kept.
	Bootstrap string
	// AcceptOlderAfter is how long the server must have offered nothing but an older ruleset than the one in use before it is
	// believed, as it should be when the log was restored from a backup. Default: never, because a server that lags behind
	// must not take anybody back; then apps move on when the log has grown beyond what they have.
	AcceptOlderAfter time.Duration
	// MaxRulesetBytes bounds what a ruleset may weigh as JSON; default 256 MiB, some 400,000 flags.
	MaxRulesetBytes int64
	// HTTPClient makes the requests; default: a client of the provider's own. Its Timeout is not used, because it would end
	// the stream; every request has a bound of its own.
	HTTPClient *http.Client
	// PollInterval is how often the ruleset is asked for where no stream gets through; default 30 s.
	PollInterval time.Duration
	// FlushInterval is how long facts wait for their batch to fill; default 1 s.
	FlushInterval time.Duration
	// ErrorAfter is how long the provider is STALE before it is in ERROR; default 5 s.
	ErrorAfter time.Duration
	// QueueSize bounds the exposures, and by itself the measurements, that wait to be sent; default 20,000.
	QueueSize int
	// RememberExposures bounds the exposures that are remembered as reported; default 100,000. A forgotten one is reported
	// again, which the server bears.
	RememberExposures int
	// UnitType is what the targeting key given to Track identifies; default "user". Exposures have the experiment's.
	UnitType string
	// Attributes names the context attributes that are reported with an exposure, to compare segments by. Default: none, so
	// that nothing personal leaves the app by accident.
	Attributes []string
	// ManualExposures leaves it to the app to say, with Client.Expose, what a subject was shown. Otherwise evaluating a flag
	// that is under an experiment is an exposure.
	ManualExposures bool
	// Metadata adds flagSetId, version and, for an exposure, experiment to every evaluation's flag metadata. It is off by
	// default because the SDK copies the metadata of every evaluation, at two allocations each.
	Metadata bool
}

// Name is the provider's name in OpenFeature.
const Name = "assay"

// pace is how long things take. Tests shorten it.
type pace struct {
	request  time.Duration // bounds every request but the stream; while a ruleset is coming in, the wait for the next piece
	transfer time.Duration // bounds loading a ruleset
	start    time.Duration // bounds what Init waits for the server when there is a ruleset to start from
	keep     time.Duration // between two writings
	rest     time.Duration // the same as a multiple of how long writing took
	silence  time.Duration // a stream without even a heartbeat (every 15 s) for so long is dead
	settle   time.Duration // after Init before anything is told, so that the SDK tells the outcome of Init first
	least    time.Duration // backoff
	most     time.Duration
}

// Provider implements openfeature.FeatureProvider, ContextAwareStateHandler, EventHandler and Tracker. Make one with New, and give
// it to one API; it may serve several domains of that.
type Provider struct {
	config  Config
	pace    pace
	http    *http.Client
	current atomic.Pointer[loaded]
	behind  time.Time // since when the server has only offered older rulesets, zero for not; only load touches it
	events  chan openfeature.Event
	facts   *reporter
	keeper  *keeper
	// wantsWhole: the next ruleset must come as a whole, even if it is no other.
	wantsWhole atomic.Bool
	// notReady is what is decided before there is a ruleset.
	notReady *flags.Outcome

	loading gate // held while a ruleset is loaded
	mu      sync.Mutex
	life    *life // from Init to Shutdown, nil otherwise; guarded by mu
}

// life is what runs from an Init to a Shutdown.
type life struct {
	link   *link         // set when begun is closed, unless Init failed for good
	begun  chan struct{} // closed when Init is over
	failed error         // why Init failed for good
	end    context.CancelFunc
	done   sync.WaitGroup
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
	orDefault(&c.PollInterval, 30*time.Second)
	orDefault(&c.FlushInterval, time.Second)
	orDefault(&c.ErrorAfter, 5*time.Second)
	orDefault(&c.QueueSize, 20_000)
	orDefault(&c.RememberExposures, 100_000)
	orDefault(&c.MaxRulesetBytes, 256<<20)
	if c.UnitType == "" {
		c.UnitType = "user"
	}
	p := &Provider{
		config: c, http: clientOf(c), events: make(chan openfeature.Event, 64), loading: newGate(),
		notReady: &flags.Outcome{Reason: flags.Error, ErrorCode: providerNotReady},
		pace: pace{
			request: 10 * time.Second, silence: 45 * time.Second, settle: 50 * time.Millisecond,
			least: 200 * time.Millisecond, most: 30 * time.Second,
			transfer: 2 * time.Minute, start: 2 * time.Second, keep: time.Second, rest: 20,
		},
	}
	p.facts, p.keeper = newReporter(p), newKeeper(p)
	return p
}

func orDefault[T int | int64 | time.Duration](value *T, standard T) {
	if *value <= 0 {
		*value = standard
	}
}

func clientOf(c Config) *http.Client {
	if c.HTTPClient != nil {
		own := *c.HTTPClient
		own.Timeout = 0
		return &own
	}
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return &http.Client{} // the app replaced the default transport; it knows why
	}
	return &http.Client{Transport: standard.Clone()}
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

// InitWithContext loads the ruleset. A key that the server refuses or that is for another environment than the app, or an
// unusable URL, is fatal. When the server cannot be reached and there is nothing to start from it is an error; with or
// without, the provider goes on trying in the background until Shutdown. While the provider runs (for another domain), it only
// tells whether there is something to decide by.
func (p *Provider) InitWithContext(ctx context.Context, _ openfeature.EvaluationContext) error {
	background, end := context.WithCancel(context.Background())
	mine := &life{begun: make(chan struct{}), end: end}
	mine.done.Add(1) // for the loading below; Shutdown waits for it, too
	p.mu.Lock()
	running := p.life
	if running == nil {
		p.life = mine
	}
	p.mu.Unlock()
	if running != nil {
		end()
		return running.trouble(ctx)
	}
	defer mine.done.Done()
	defer close(mine.begun)
	bounded, cancel := context.WithCancel(background)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	err := p.begin(bounded)
	if mine.failed = fatal(err); mine.failed != nil {
		p.forget(mine)
		p.hangUp()
		return mine.failed
	}
	drain(p.events) // what nobody read of an earlier life is not true any more
	mine.link = newLink(p, err)
	mine.done.Go(func() { mine.link.keep(background) })
	mine.done.Go(func() { p.facts.run(background) })
	mine.done.Go(func() { p.keeper.run(background) })
	return mine.link.outcome()
}

// begin loads the first ruleset. Without an error there is one of the server's; with one there may be another to decide by.
func (p *Provider) begin(ctx context.Context) error {
	if u, err := url.Parse(p.config.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errNoURL
	}
	broken := p.recall()
	bound := p.pace.request
	if p.current.Load() != nil {
		bound = p.pace.start
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	_, err := p.load(ctx)
	if err != nil && broken != nil {
		err = fmt.Errorf("%w; %v", err, broken) //nolint:errorlint // a broken file is never what makes an Init hopeless
	}
	return err
}

var errNoURL = errors.New("the URL of the assay server is missing or wrong; give one such as https://flags.example.com")

// fatal is an error that tells the SDK to give the provider up, nil if err is one that may pass.
func fatal(err error) error {
	if refused := refusalOf(err); errors.Is(err, errNoURL) || errors.Is(err, errMisplaced) || refused != nil && refused.ofKey() {
		return &openfeature.ProviderInitError{ErrorCode: openfeature.ProviderFatalCode, Message: err.Error()}
	}
	return nil
}

// trouble is what an Init that finds the provider running has to report.
func (l *life) trouble(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-l.begun:
	}
	if l.link == nil {
		return l.failed
	}
	return l.link.outcome()
}

// forget ends the life if it is still the provider's.
func (p *Provider) forget(l *life) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life == l {
		p.life = nil
	}
	l.end()
}

func drain(events chan openfeature.Event) {
	for {
		select {
		case <-events:
		default:
			return
		}
	}
}

// Shutdown is ShutdownWithContext bounded by ten seconds.
func (p *Provider) Shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), p.pace.request)
	defer cancel()
	_ = p.ShutdownWithContext(ctx) // the interface has no way to tell; Stats has
}

// ShutdownWithContext ends everything the provider started, at once, and then sends what waits, within ctx. The error says how
// many facts could not be sent. The last ruleset goes on deciding, and Init may be called again. A second call does nothing:
// the SDK calls it once for every domain.
func (p *Provider) ShutdownWithContext(ctx context.Context) error {
	p.mu.Lock()
	running := p.life
	p.life = nil
	p.mu.Unlock()
	if running == nil {
		return nil
	}
	running.end()
	running.done.Wait() // everything that runs ends with its context
	defer p.hangUp()
	return p.facts.flush(ctx)
}

// hangUp closes what connections the provider has to itself.
func (p *Provider) hangUp() {
	if p.config.HTTPClient == nil {
		p.http.CloseIdleConnections()
	}
}

// Flush sends the facts that wait, within ctx.
func (p *Provider) Flush(ctx context.Context) error { return p.facts.flush(ctx) }

// Stats are counts since New.
type Stats struct {
	Queued   int   // waiting now
	Sent     int64 // taken in by the server, duplicates included
	Rejected int64 // refused by the server
	Dropped  int64 // lost because a queue was full, or because Track had no targeting key or no finite value
	// LastRefusal is what the server said about the latest fact that it rejected, empty for none.
	LastRefusal string
	// Kept is the revision of the ruleset that this process kept in Config.KeepIn, 0 for none, and KeepError says why the
	// latest could not be kept, empty when it could.
	Kept      uint64
	KeepError string
}

// Stats returns what became of exposures, tracked events and kept rulesets.
func (p *Provider) Stats() Stats {
	s := p.facts.stats()
	s.Kept, s.KeepError = p.keeper.status()
	return s
}

// Ruleset returns the compiled ruleset of the moment, for hot paths that decide without the SDK; nil before the first one.
// Decisions made with it report no exposures.
func (p *Provider) Ruleset() *flags.Ruleset {
	if l := p.current.Load(); l != nil {
		return l.rules
	}
	return nil
}

// gate is a mutex that can be waited for within a context.
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g gate) leave() { <-g }
