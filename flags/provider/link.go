package provider

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
)

// link keeps the provider in touch with the server, and tells the SDK when that changes.
type link struct {
	provider *Provider

	mu    sync.Mutex // guards what follows
	state openfeature.State
	why   error       // of a state other than READY
	grace *time.Timer // turns STALE into ERROR
	ended bool

	correction *time.Timer // runs correct
}

// newLink makes a link after an Init with that outcome. Without a ruleset to decide by the SDK tells ERROR. With one it tells
// READY, which is not the whole truth as long as the server has not confirmed it; keep tells the rest.
func newLink(p *Provider, outcome error) *link {
	l := &link{provider: p, state: openfeature.ReadyState, why: outcome}
	l.correction = time.AfterFunc(time.Hour, l.correct)
	l.correction.Stop()
	switch {
	case outcome == nil:
	case p.current.Load() == nil:
		l.state = openfeature.ErrorState
	default:
		l.state = openfeature.StaleState
		if p.current.Load().confirmed {
			l.grace = time.AfterFunc(p.config.ErrorAfter, l.despair)
		}
	}
	return l
}

// outcome is what an Init has to report now. The SDK makes it the state of every domain that the provider serves, whatever was
// told before: ERROR, or READY, which is corrected when it is not true.
func (l *link) outcome() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.state {
	case openfeature.ReadyState:
		return nil
	case openfeature.StaleState:
		if !l.ended {
			l.correction.Stop()
			l.correction.Reset(l.provider.pace.settle)
		}
		return nil
	}
	return &openfeature.ProviderInitError{ErrorCode: openfeature.GeneralCode, Message: l.why.Error() + "; it is being tried again"}
}

// correct tells STALE after the SDK has told READY.
func (l *link) correct() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended && l.state == openfeature.StaleState {
		l.emit(openfeature.ProviderStale, openfeature.ProviderEventDetails{Message: l.why.Error()})
	}
}

// keep follows the stream, and polls where there is none, until ctx ends.
func (l *link) keep(ctx context.Context) {
	defer l.end()
	pace := l.provider.pace
	backoff, away := pace.least, false
	for wait := 2 * pace.settle; pause(ctx, jitter(wait)); { // a correction comes first
		opened := time.Now()
		err := l.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(opened) > pace.most {
			backoff = pace.least
		}
		// The stream ended; the ruleset itself may still be there to be asked for.
		failed := l.refresh(ctx)
		if away && failed == nil {
			backoff = pace.least // it is back
		}
		away = failed != nil
		longest := pace.most
		if !away && refusalOf(err) != nil {
			// A server that is starting refuses for a moment. Where no stream gets through at all, this becomes polling.
			longest = l.provider.config.PollInterval
			backoff = min(backoff, longest)
		}
		wait = max(backoff, askedWait(failed))
		backoff = min(2*backoff, longest)
	}
}

// jitter is between once and one and a half times the wait, so that the clients of a server that went away do not all come
// back at the same instant.
func jitter(wait time.Duration) time.Duration {
	return wait + rand.N(wait/2+1) //nolint:gosec // it protects the server's load, not a secret
}

// pause reports whether ctx goes on after the wait.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// refresh asks for the ruleset once and tells what that shows.
func (l *link) refresh(ctx context.Context) error {
	changed, err := l.provider.load(ctx)
	switch {
	case err == nil:
		l.found(changed) // even if ctx has ended meanwhile: it is in use
	case ctx.Err() != nil:
	case !errors.Is(err, errBehind) || l.provider.behindFor() >= l.provider.config.ErrorAfter:
		l.lost(err)
	}
	return err
}

// found tells that the server is there, unless that is known, and which flags changed.
func (l *link) found(changed []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != openfeature.ReadyState {
		l.state = openfeature.ReadyState
		if l.grace != nil {
			l.grace.Stop()
		}
		l.emit(openfeature.ProviderReady, openfeature.ProviderEventDetails{Message: "in touch with the assay server"})
	}
	if len(changed) > 0 {
		l.emit(openfeature.ProviderConfigChange, openfeature.ProviderEventDetails{Message: "the ruleset changed", FlagChanges: changed})
	}
}

// lost tells once that the server is away, and starts the time until that is an error.
func (l *link) lost(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.why = err
	if l.state != openfeature.ReadyState {
		return
	}
	l.state = openfeature.StaleState
	l.emit(openfeature.ProviderStale, openfeature.ProviderEventDetails{Message: err.Error()})
	l.grace = time.AfterFunc(l.provider.config.ErrorAfter, l.despair)
}

func (l *link) despair() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || l.state != openfeature.StaleState {
		return
	}
	l.state = openfeature.ErrorState
	l.emit(openfeature.ProviderError, openfeature.ProviderEventDetails{
		// Handlers are not given the code, so the message has it too.
		ErrorCode: openfeature.GeneralCode, Message: "GENERAL: the last ruleset goes on deciding; " + l.why.Error(),
	})
}

func (l *link) isReady() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == openfeature.ReadyState
}

// end leaves nothing behind that could still tell something.
func (l *link) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.correction.Stop()
	if l.grace != nil {
		l.grace.Stop()
	}
}

// emit tells the SDK. When nobody reads events the provider must not wait for them; then the oldest is given up, because the
// newest is the one that is true.
func (l *link) emit(kind openfeature.EventType, details openfeature.ProviderEventDetails) {
	events := l.provider.events
	for {
		select {
		case events <- openfeature.Event{ProviderName: Name, EventType: kind, ProviderEventDetails: details}:
			return
		default:
		}
		select {
		case <-events:
		default:
		}
	}
}
