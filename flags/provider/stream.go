package provider

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

var (
	errSilent = errors.New("the stream of changes fell silent")
	errEnded  = errors.New("the stream of changes ended")
)

// follow reads the stream of changes until it ends, which is always an error.
func (l *link) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(l.provider.pace.request, func() { cancel(errSilent) })
	defer watchdog.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.provider.config.URL+"/api/v1/ruleset/changes", nil)
	if err != nil {
		return fmt.Errorf("the URL of the assay server is wrong: %w", err)
	}
	request.Header.Set("Accept", "text/event-stream")
	if now := l.provider.current.Load(); now != nil {
		request.Header.Set("Last-Event-ID", strconv.FormatUint(now.rules.Revision(), 10))
	}
	response, err := l.provider.send(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // a stream that ended cannot be closed worse
	if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		return &refusedError{status: response.StatusCode, detail: fmt.Sprintf("not a stream of changes but %q", kind)}
	}
	if !l.isReady() {
		if err := l.refresh(ctx); err != nil {
			return err
		}
	}
	err = l.read(ctx, response.Body, func() { watchdog.Reset(l.provider.pace.silence) })
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// read takes the events of a stream (WHATWG HTML, section 9.2.6). Only the kind of an event counts; the ruleset itself is
// asked for.
func (l *link) read(ctx context.Context, stream io.Reader, alive func()) error {
	lines := bufio.NewScanner(stream)
	news := false
	for alive(); lines.Scan(); alive() {
		line := lines.Text()
		if kind, is := strings.CutPrefix(line, "event:"); is {
			news = strings.TrimSpace(kind) == "ruleset"
		}
		if line != "" || !news {
			continue
		}
		news = false
		if err := l.refresh(ctx); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("the stream of changes broke: %w", err)
	}
	return errEnded
}
