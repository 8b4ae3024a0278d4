package provider

import (
	"bufio"
	"bytes"
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
	open, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(l.provider.pace.request, func() { cancel(errSilent) })
	defer watchdog.Stop()
	request, err := http.NewRequestWithContext(open, http.MethodGet, l.provider.config.URL+"/api/v1/ruleset/changes?deltas=true", nil)
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
	watchdog.Stop() // while the ruleset is loaded nobody listens
	if !l.isReady() {
		if err := l.refresh(ctx); err != nil {
			return err
		}
	}
	err = l.read(ctx, response.Body, watchdog)
	if cause := context.Cause(open); cause != nil {
		return cause
	}
	return err
}

// mostEvent bounds an event of the stream. A server sends larger changes as a word that there is something new.
const mostEvent = 8 << 20

// read takes the events of a stream (WHATWG HTML, section 9.2.6).
func (l *link) read(ctx context.Context, stream io.Reader, watchdog *time.Timer) error {
	alive := func() { watchdog.Reset(l.provider.pace.silence) }
	lines := bufio.NewScanner(watched{stream, alive})
	lines.Buffer(nil, mostEvent)
	var kind string
	var data []byte
	for alive(); lines.Scan(); {
		line := lines.Bytes()
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "event":
			kind = string(value)
		case "data":
			if len(data)+len(value) > mostEvent {
				return errTooLarge
			}
			data = append(data, value...)
		}
		if len(line) > 0 {
			continue
		}
		watchdog.Stop()
		if err := l.hear(ctx, kind, data); err != nil {
			return err
		}
		alive()
		kind, data = "", nil
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("the stream of changes broke: %w", err)
	}
	return errEnded
}

// hear acts on an event. A change that comes with the event is applied; when it does not fit, or there is only word of one, the
// ruleset is asked for.
func (l *link) hear(ctx context.Context, kind string, data []byte) error {
	switch kind {
	case "delta":
		changed, err := l.provider.step(ctx, data)
		if err == nil {
			l.found(changed)
		}
		if err == nil && !l.provider.wantsWhole.Load() {
			return nil
		}
	case "ruleset":
	default:
		return nil
	}
	return l.refresh(ctx)
}
