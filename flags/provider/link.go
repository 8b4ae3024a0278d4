package provider

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/assayhq/assay/flags"
)

// maxRuleset bounds what a ruleset may weigh: some 100,000 flags.
const maxRuleset = 256 << 20

// load asks for the ruleset and swaps it in when it is another one; changed names its flags that changed.
func (p *Provider) load(ctx context.Context) (changed []string, err error) {
	was := p.current.Load()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.config.URL+"/api/v1/ruleset", nil)
	if err != nil {
		return nil, fmt.Errorf("the URL of the assay server is wrong: %w", err)
	}
	if was != nil {
		request.Header.Set("If-None-Match", was.etag)
	}
	response, err := send(p.config, request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // the body was read; closing it cannot take anything back
	if response.StatusCode == http.StatusNotModified && was != nil {
		return nil, nil
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxRuleset))
	if err != nil {
		return nil, fmt.Errorf("the ruleset broke off: %w", err)
	}
	snapshot, err := flags.ParseSnapshot(text)
	if err != nil {
		return nil, err
	}
	rules, err := flags.Compile(snapshot)
	if err != nil {
		return nil, err
	}
	now := &loaded{rules: rules, snapshot: snapshot, etag: response.Header.Get("ETag")}
	if p.config.Metadata {
		now.metadata = openfeature.FlagMetadata{
			"flagSetId": snapshot.Project + "/" + snapshot.Environment, "version": strconv.FormatUint(snapshot.Revision, 10),
		}
	}
	p.current.Store(now)
	if was == nil {
		return nil, nil
	}
	return difference(was.snapshot, snapshot), nil
}

// send makes a request with the key. An answer that is no success is a *refusedError.
func send(c Config, request *http.Request) (*http.Response, error) {
	request.Header.Set("Authorization", "Bearer "+c.Key)
	response, err := c.HTTPClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("the assay server cannot be reached: %w", err)
	}
	if response.StatusCode < 300 || response.StatusCode == http.StatusNotModified {
		return response, nil
	}
	defer response.Body.Close() //nolint:errcheck // the body was read; closing it cannot take anything back
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		text = nil
	}
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(text, &problem) != nil || problem.Detail == "" {
		problem.Detail = response.Status
	}
	refused := &refusedError{status: response.StatusCode, detail: problem.Detail}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		refused.wait = min(time.Duration(seconds)*time.Second, time.Minute)
	}
	return nil, refused
}

// difference names the flags that are new, gone or changed.
func difference(was, now flags.Snapshot) []string {
	before := make(map[string]uint64, len(was.Flags))
	for _, f := range was.Flags {
		before[f.Key] = f.Revision
	}
	var changed []string
	for _, f := range now.Flags {
		if revision, there := before[f.Key]; !there || revision != f.Revision {
			changed = append(changed, f.Key)
		}
		delete(before, f.Key)
	}
	for key := range before {
		changed = append(changed, key)
	}
	slices.Sort(changed)
	return changed
}

// link keeps the provider in touch with the server and tells when that changes. Only its own goroutine touches it.
type link struct {
	provider *Provider
	inTouch  bool      // the latest contact succeeded
	told     bool      // READY was the last thing told
	failed   bool      // ERROR was
	lost     time.Time // since when the server is away
}

// keep follows the stream, and polls where there is none, until ctx ends.
func (l *link) keep(ctx context.Context) {
	backoff := leastBackoff
	for ctx.Err() == nil {
		opened := time.Now()
		err := l.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(opened) > mostBackoff {
			backoff = leastBackoff
		}
		// The stream ended; the ruleset itself may still be there to be asked for.
		if l.refresh(ctx) == nil && l.refusesStreams(err) {
			backoff = l.provider.config.PollInterval
		}
		if !l.pause(ctx, backoff/2+rand.N(backoff/2+1)) { //nolint:gosec // jitter protects the server, not a secret
			return
		}
		backoff = min(2*backoff, mostBackoff, l.provider.config.PollInterval)
	}
}

// refusesStreams tells an answer that will be the same next time from a connection that broke.
func (l *link) refusesStreams(err error) bool {
	_, refused := errors.AsType[*refusedError](err)
	return refused
}

// pause waits, meanwhile turning STALE into ERROR when it is time. It reports whether ctx goes on.
func (l *link) pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	var worse <-chan time.Time
	if !l.inTouch && !l.failed {
		grace := time.NewTimer(time.Until(l.lost.Add(l.provider.config.ErrorAfter)))
		defer grace.Stop()
		worse = grace.C
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-worse:
			worse = nil
			l.despair()
		case <-timer.C:
			return true
		}
	}
}

// refresh asks for the ruleset once.
func (l *link) refresh(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	changed, err := l.provider.load(bounded)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		l.loose(err)
	default:
		l.found(changed)
	}
	return err
}

// found tells that the server is there, and which flags changed.
func (l *link) found(changed []string) {
	l.inTouch = true
	if !l.told {
		l.told, l.failed = true, false
		l.provider.emit(openfeature.ProviderReady, openfeature.ProviderEventDetails{Message: "in touch with the assay server"})
	}
	if len(changed) > 0 {
		l.provider.emit(openfeature.ProviderConfigChange, openfeature.ProviderEventDetails{Message: "the ruleset changed", FlagChanges: changed})
	}
}

// loose tells once that the server is away.
func (l *link) loose(err error) {
	if l.inTouch {
		l.lost = time.Now()
		l.inTouch = false
	}
	if l.told {
		l.told = false
		l.provider.emit(openfeature.ProviderStale, openfeature.ProviderEventDetails{Message: err.Error()})
	}
	if !l.failed && time.Since(l.lost) >= l.provider.config.ErrorAfter {
		l.despair()
	}
}

func (l *link) despair() {
	if l.failed {
		return
	}
	l.failed = true
	l.provider.emit(openfeature.ProviderError, openfeature.ProviderEventDetails{
		ErrorCode: openfeature.GeneralCode, Message: "the assay server has been away for a while; the last ruleset goes on deciding (GENERAL)",
	})
}

// follow reads the stream of changes until it ends, which is always an error.
func (l *link) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.provider.config.URL+"/api/v1/ruleset/changes", nil)
	if err != nil {
		return fmt.Errorf("the URL of the assay server is wrong: %w", err)
	}
	request.Header.Set("Accept", "text/event-stream")
	if now := l.provider.current.Load(); now != nil {
		request.Header.Set("Last-Event-ID", strconv.FormatUint(now.snapshot.Revision, 10))
	}
	response, err := send(l.provider.config, request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // a stream that ended cannot be closed worse
	if l.provider.current.Load() != nil {
		l.found(nil)
	}
	return l.read(ctx, response.Body, watchdog)
}

// read takes the events of a stream. Only the kind of an event counts; the ruleset itself is asked for.
func (l *link) read(ctx context.Context, stream io.Reader, watchdog *time.Timer) error {
	lines := bufio.NewScanner(stream)
	news := false
	for lines.Scan() {
		watchdog.Reset(silence)
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "event:"):
			news = strings.TrimSpace(line[len("event:"):]) == "ruleset"
		case line == "" && news:
			news = false
			if err := l.refresh(ctx); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("the stream of changes broke: %w", err)
	}
	return errors.New("the stream of changes ended")
}
