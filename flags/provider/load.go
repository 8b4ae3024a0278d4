package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/assayhq/assay/flags"
)

// loaded is a ruleset with what belongs to it.
type loaded struct {
	rules     *flags.Ruleset
	timed     bool // rules depend on the time of the decision
	confirmed bool // the server said so, in this process; else it comes from a file
	etag      string
	metadata  openfeature.FlagMetadata            // nil unless the app wants it
	exposed   map[string]openfeature.FlagMetadata // the same with the experiment, by experiment
}

var (
	// errBehind means that the server is there but knows less than this provider: a node that lags behind another, or a log
	// that was restored.
	errBehind = errors.New("the assay server offers an older ruleset than the one in use, which is not used; if its log was restored, see Config.AcceptOlderAfter")
	// errElsewhere means that the server answers for another environment than before.
	errElsewhere = errors.New("the assay server offers the ruleset of another environment, which is not used")
	// errMisplaced means that the key is not one of the environment that the app is for.
	errMisplaced = errors.New("the key is not one of the environment in Config.Environment")
	errTooLarge  = errors.New("the assay server offers a ruleset beyond Config.MaxRulesetBytes, which is not used")
)

// load asks for the ruleset and swaps it in when it is another one; changed names the flags that changed. Whatever goes wrong,
// the ruleset in use stays.
func (p *Provider) load(ctx context.Context) (changed []string, err error) {
	if err := p.loading.enter(ctx); err != nil {
		return nil, err
	}
	defer p.loading.leave()
	was := p.current.Load()
	ctx, alive, done := p.whileAlive(ctx)
	defer done()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.config.URL+"/api/v1/ruleset", nil)
	if err != nil {
		return nil, fmt.Errorf("the URL of the assay server is wrong: %w", err)
	}
	whole := p.wantsWhole.Load()
	if was != nil && was.etag != "" && !whole {
		request.Header.Set("If-None-Match", was.etag)
	}
	response, err := p.send(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // the body was read; closing it cannot take anything back
	if response.StatusCode == http.StatusNotModified && was != nil && was.etag != "" {
		p.behind = time.Time{}
		return nil, nil
	}
	if response.ContentLength > p.config.MaxRulesetBytes {
		return nil, errTooLarge
	}
	text, err := readAll(watched{response.Body, alive}, p.config.MaxRulesetBytes)
	if err != nil {
		return nil, err
	}
	now, err := compile(text)
	if err != nil {
		return nil, err
	}
	now.etag, now.confirmed = response.Header.Get("ETag"), true
	if err := p.acceptable(was, now.rules); err != nil {
		return nil, err
	}
	p.use(now)
	p.keeper.changed(text, now.rules.Revision())
	if whole {
		p.wantsWhole.Store(false)
	}
	return now.changedSince(was), nil
}

func (l *loaded) changedSince(was *loaded) []string {
	if was == nil {
		return nil
	}
	return l.rules.Changed(was.rules)
}

// use puts the ruleset into use.
func (p *Provider) use(l *loaded) {
	if p.config.Metadata {
		l.describe()
	}
	l.timed = l.rules.Timed()
	p.behind = time.Time{}
	p.current.Store(l)
}

// whileAlive returns a context that ends when alive has not been called for the time of a request: a slow transfer may take
// long, one that stands still may not.
func (p *Provider) whileAlive(ctx context.Context) (inner context.Context, alive, done func()) {
	inner, cancel := context.WithTimeoutCause(ctx, p.pace.transfer, errSlow)
	inner, stop := context.WithCancelCause(inner)
	watchdog := time.AfterFunc(p.pace.request, func() { stop(errSlow) })
	return inner, func() { watchdog.Reset(p.pace.request) }, func() { watchdog.Stop(); stop(nil); cancel() }
}

var errSlow = errors.New("the assay server is too slow to answer")

// watched tells of every piece that is read.
type watched struct {
	io.Reader
	alive func()
}

// Read reads a piece.
func (w watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if n > 0 {
		w.alive()
	}
	return n, err
}

func readAll(body io.Reader, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(body, most+1))
	if err != nil {
		return nil, fmt.Errorf("the ruleset broke off: %w", err)
	}
	if int64(len(text)) > most {
		return nil, errTooLarge
	}
	return text, nil
}

func compile(text []byte) (*loaded, error) {
	snapshot, err := flags.ParseSnapshot(text)
	if err != nil {
		return nil, err
	}
	rules, err := flags.Compile(snapshot)
	if err != nil {
		return nil, err
	}
	return &loaded{rules: rules}, nil
}

// acceptable says why the offered ruleset must not replace the one in use; nil when it may. A provider stays in its
// environment, and never goes back.
func (p *Provider) acceptable(was *loaded, offered *flags.Ruleset) error {
	if want := p.config.Environment; want != "" && want != placeOf(offered) {
		return fmt.Errorf("%w: it is for %s, not for %s", errMisplaced, placeOf(offered), want)
	}
	if was == nil {
		return nil
	}
	if here := placeOf(was.rules); here != placeOf(offered) {
		if was.confirmed {
			return fmt.Errorf("%w: %s instead of %s", errElsewhere, placeOf(offered), here)
		}
		return nil // a file from elsewhere; the server knows better
	}
	if offered.Revision() >= was.rules.Revision() {
		return nil
	}
	if p.behind.IsZero() {
		p.behind = time.Now()
	}
	if after := p.config.AcceptOlderAfter; after > 0 && time.Since(p.behind) >= after {
		return nil
	}
	return fmt.Errorf("%w (revision %d after %d)", errBehind, offered.Revision(), was.rules.Revision())
}

func placeOf(r *flags.Ruleset) string { return r.Project() + "/" + r.Environment() }

// describe prepares the flag metadata of all decisions. The names are those of OpenFeature's telemetry conventions.
func (l *loaded) describe() {
	base := openfeature.FlagMetadata{"flagSetId": placeOf(l.rules), "version": strconv.FormatUint(l.rules.Revision(), 10)}
	l.metadata, l.exposed = base, map[string]openfeature.FlagMetadata{}
	for _, key := range l.rules.Experiments() {
		l.exposed[key] = openfeature.FlagMetadata{"flagSetId": base["flagSetId"], "version": base["version"], "experiment": key}
	}
}

// behindFor is how long the server has offered nothing but older rulesets. Only the goroutine that loads asks.
func (p *Provider) behindFor() time.Duration {
	if p.behind.IsZero() {
		return 0
	}
	return time.Since(p.behind)
}
