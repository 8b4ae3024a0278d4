package openapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections/ruleset"
)

// GetRuleset answers all flags of the caller's environment.
func (s *Server) GetRuleset(ctx context.Context, r api.GetRulesetRequestObject) (api.GetRulesetResponseObject, error) {
	served, err := s.served(ctx)
	if err != nil {
		return nil, err
	}
	if noneMatch(r.Params.IfNoneMatch, served.ETag) {
		return blob{status: http.StatusNotModified, etag: served.ETag}, nil
	}
	if served.Ruleset.Len() > s.LargeRuleset {
		return rulesetPieces{served, s.WriteTimeout}, nil
	}
	return blob{contentType: "application/json", etag: served.ETag, body: served.JSON()}, nil
}

// noneMatch reports whether the tag is among those of If-None-Match, compared weakly (RFC 9110, section 13.1.2).
func noneMatch(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part != "" && (part == "*" || part == tag) {
			return true
		}
	}
	return false
}

// keyRecheck is how soon a stream ends after its key was revoked.
const keyRecheck = 5 * time.Second

// FollowRuleset answers a stream of changes.
func (s *Server) FollowRuleset(ctx context.Context, r api.FollowRulesetRequestObject) (api.FollowRulesetResponseObject, error) {
	event := wordOf
	if r.Params.Deltas {
		event = s.deltas.event
	}
	return s.follow(ctx, r.Params.LastEventID, event)
}

// wordOf is the event that says that there is a new ruleset, and no more.
func wordOf(now *ruleset.Served, _ string) string {
	id := idOf(now)
	return fmt.Sprintf("event: ruleset\nid: %s\ndata: {\"revision\":%q}\n\n", id, id)
}

func idOf(s *ruleset.Served) string { return strconv.FormatUint(uint64(s.Revision), 10) }

// follow opens a stream of what event makes of the rulesets of the caller's environment and of the newest id that the client
// has, unless there are too many streams.
func (s *Server) follow(ctx context.Context, last string, event eventOf) (*changeStream, error) {
	if s.streams.Add(1) > s.MaxStreams {
		s.streams.Add(-1)
		p := refuse(http.StatusServiceUnavailable, "too_many_streams", "the server has all the streams it can bear; try again later, or poll the ruleset")
		p.retryAfter = 10
		return nil, p
	}
	return &changeStream{server: s, ctx: ctx, key: principalOf(ctx).Key, place: placeOf(ctx), last: last, event: event}, nil
}

// eventOf makes an event of what is served now for a client whose newest id is last.
type eventOf func(now *ruleset.Served, last string) string

// changeStream writes itself until the client, the key or the server ends.
type changeStream struct {
	server *Server
	ctx    context.Context //nolint:containedctx // it lives as long as its request
	key    domain.KeyID
	place  ruleset.Place
	last   string // the newest id the client has
	event  eventOf
}

// VisitFollowRulesetResponse writes the stream.
func (c *changeStream) VisitFollowRulesetResponse(w http.ResponseWriter) error { return c.write(w) }

// VisitFollowEvaluationsResponse writes the stream.
func (c *changeStream) VisitFollowEvaluationsResponse(w http.ResponseWriter) error { return c.write(w) }

func (c *changeStream) write(w http.ResponseWriter) error {
	defer c.server.streams.Add(-1)
	changes, cancel := c.server.Rulesets.Subscribe(c.place)
	defer cancel()
	heartbeat := time.NewTicker(c.server.Heartbeat)
	defer heartbeat.Stop()
	recheck := time.NewTicker(min(c.server.Heartbeat, keyRecheck))
	defer recheck.Stop()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies of the nginx family would hold events back
	out := &eventWriter{w: w, control: http.NewResponseController(w), timeout: c.server.WriteTimeout}
	out.write("retry: 1000\n\n")
	for {
		if !c.allowed() {
			return nil
		}
		if served, ok := c.server.Rulesets.Current(c.place); ok {
			if id := idOf(served); id != c.last {
				out.write(c.event(served, c.last))
				c.last = id
			}
		}
		if out.failed {
			return nil // the client is gone; nobody is left to tell
		}
		select {
		case <-c.ctx.Done():
			return nil
		case <-c.server.closing:
			return nil
		case <-changes:
		case <-recheck.C:
		case <-heartbeat.C:
			out.write(": \n\n")
		}
	}
}

// allowed reports whether the key that opened the stream is still good.
func (c *changeStream) allowed() bool {
	e, ok := c.server.Catalog.Key(c.key)
	return ok && e.Problem == "" && !e.State.Revoked
}

type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	failed  bool
}

func (e *eventWriter) write(text string) {
	if e.failed {
		return
	}
	// A writer without deadlines (in tests) is fine; one that has them must not hang on a client that never reads.
	_ = e.control.SetWriteDeadline(time.Now().Add(e.timeout))
	_, err := e.w.Write([]byte(text))
	if err == nil {
		err = e.control.Flush()
	}
	e.failed = err != nil
}
