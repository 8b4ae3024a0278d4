package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/assayhq/assay/flags"
)

// maxRuleset bounds what a ruleset may weigh: some 100,000 flags.
const maxRuleset = 256 << 20

// loaded is a ruleset with what belongs to it.
type loaded struct {
	rules    *flags.Ruleset
	etag     string
	metadata openfeature.FlagMetadata            // nil unless the app wants it
	exposed  map[string]openfeature.FlagMetadata // the same with the experiment, by experiment
}

// errBehind means that the server is there but knows less than this provider: a node that lags behind another, or a log that
// was restored. The first passes by itself; the second is believed after a while.
var errBehind = errors.New("the assay server offers an older ruleset than the one in use; it is not used yet")

// load asks for the ruleset and swaps it in when it is another one; changed names the flags that changed. Only anew takes
// whatever there is.
func (p *Provider) load(ctx context.Context, anew bool) (changed []string, err error) {
	if err := p.loading.enter(ctx); err != nil {
		return nil, err
	}
	defer p.loading.leave()
	was := p.current.Load()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.config.URL+"/api/v1/ruleset", nil)
	if err != nil {
		return nil, fmt.Errorf("the URL of the assay server is wrong: %w", err)
	}
	if was != nil && was.etag != "" {
		request.Header.Set("If-None-Match", was.etag)
	}
	response, err := p.send(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // the body was read; closing it cannot take anything back
	if response.StatusCode == http.StatusNotModified && was != nil {
		p.behind = time.Time{}
		return nil, nil
	}
	rules, err := readRuleset(response.Body)
	if err != nil {
		return nil, err
	}
	if was != nil && !anew && p.isBehind(was, rules) {
		return nil, errBehind
	}
	p.behind = time.Time{}
	now := &loaded{rules: rules, etag: response.Header.Get("ETag")}
	if p.config.Metadata {
		now.describe()
	}
	p.current.Store(now)
	if was == nil {
		return nil, nil
	}
	return rules.Changed(was.rules), nil
}

func readRuleset(body io.Reader) (*flags.Ruleset, error) {
	text, err := io.ReadAll(io.LimitReader(body, maxRuleset))
	if err != nil {
		return nil, fmt.Errorf("the ruleset broke off: %w", err)
	}
	snapshot, err := flags.ParseSnapshot(text)
	if err != nil {
		return nil, err
	}
	return flags.Compile(snapshot)
}

// isBehind reports whether the offered ruleset is older than the one in use and has not been so for long.
func (p *Provider) isBehind(was *loaded, offered *flags.Ruleset) bool {
	samePlace := offered.Project() == was.rules.Project() && offered.Environment() == was.rules.Environment()
	if !samePlace || offered.Revision() >= was.rules.Revision() {
		return false
	}
	if p.behind.IsZero() {
		p.behind = time.Now()
	}
	return time.Since(p.behind) < p.pace.patience
}

// describe prepares the flag metadata of all decisions. The names are those of OpenFeature's telemetry conventions.
func (l *loaded) describe() {
	base := openfeature.FlagMetadata{
		"flagSetId": l.rules.Project() + "/" + l.rules.Environment(), "version": strconv.FormatUint(l.rules.Revision(), 10),
	}
	l.metadata, l.exposed = base, map[string]openfeature.FlagMetadata{}
	for _, key := range l.rules.Experiments() {
		l.exposed[key] = openfeature.FlagMetadata{"flagSetId": base["flagSetId"], "version": base["version"], "experiment": key}
	}
}

// send makes a request with the key. An answer that is no success is a *refusedError.
func (p *Provider) send(request *http.Request) (*http.Response, error) {
	request.Header.Set("Authorization", "Bearer "+p.config.Key)
	request.Header.Set("User-Agent", "assay-provider-go")
	response, err := p.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("the assay server cannot be reached: %w", err)
	}
	if response.StatusCode < 300 || response.StatusCode == http.StatusNotModified {
		return response, nil
	}
	defer response.Body.Close() //nolint:errcheck // the body was read; closing it cannot take anything back
	refused := &refusedError{status: response.StatusCode, detail: response.Status}
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.NewDecoder(io.LimitReader(response.Body, 1<<16)).Decode(&problem) == nil && problem.Detail != "" {
		refused.detail = problem.Detail
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		refused.wait = min(time.Duration(seconds)*time.Second, 10*time.Minute)
	}
	return nil, refused
}

// refusedError is an answer other than the one asked for.
type refusedError struct {
	status int
	detail string
	wait   time.Duration // as the server asks; 0 for not
}

// Error says what the server said.
func (e *refusedError) Error() string {
	return fmt.Sprintf("the assay server answered %d: %s", e.status, e.detail)
}

func (e *refusedError) ofKey() bool {
	return e.status == http.StatusUnauthorized || e.status == http.StatusForbidden
}

// refusalOf is the refusal in err, nil for none.
func refusalOf(err error) *refusedError {
	refused, _ := errors.AsType[*refusedError](err)
	return refused
}

// askedWait is how long the server asks to be left alone.
func askedWait(err error) time.Duration {
	if refused := refusalOf(err); refused != nil {
		return refused.wait
	}
	return 0
}
