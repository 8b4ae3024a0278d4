package openapi

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/assayhq/assay/flags/ofrep"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/openapi/auth"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/ruleset"
)

// served is what the caller's environment serves.
func (s *Server) served(ctx context.Context) (*ruleset.Served, error) {
	place := placeOf(ctx)
	served, ok := s.Rulesets.Current(place)
	if !ok {
		return nil, notFound("environment", string(place.Project)+"/"+string(place.Environment))
	}
	return served, nil
}

const jsonType = "application/json"

// EvaluateAll answers OFREP's bulk evaluation.
func (s *Server) EvaluateAll(ctx context.Context, r api.EvaluateAllRequestObject) (api.EvaluateAllResponseObject, error) {
	if r.Params.FlagConfigEtag != "" {
		s.awaitChange(ctx, r.Params.FlagConfigEtag)
	}
	served, err := s.served(ctx)
	if err != nil {
		return nil, err
	}
	who, failure := ofrep.ParseContext(*either(r.Body, nil), "")
	if failure != nil {
		return blob{status: http.StatusBadRequest, contentType: jsonType, body: failure}, nil
	}
	who.At = s.Now().Unix()
	events := s.eventsURI(ctx)
	tag := ofrep.ETag(served.Ruleset, who, events)
	if noneMatch(r.Params.IfNoneMatch, tag) {
		return blob{status: http.StatusNotModified, etag: tag}, nil
	}
	return blob{contentType: jsonType, etag: tag, body: ofrep.EvaluateAll(served.Ruleset, who, events)}, nil
}

// EvaluateFlag answers OFREP's evaluation of one flag.
func (s *Server) EvaluateFlag(ctx context.Context, r api.EvaluateFlagRequestObject) (api.EvaluateFlagResponseObject, error) {
	served, err := s.served(ctx)
	if err != nil {
		return nil, err
	}
	who, failure := ofrep.ParseContext(*either(r.Body, nil), r.Flag)
	if failure != nil {
		return blob{status: http.StatusBadRequest, contentType: jsonType, body: failure}, nil
	}
	who.At = s.Now().Unix()
	status, body := ofrep.Evaluate(served.Ruleset, r.Flag, who)
	return blob{status: status, contentType: jsonType, body: body}, nil
}

// awaitChange waits, not too long, until this server serves the change that an event told of. A client that got an older state
// would hear of the change no second time.
func (s *Server) awaitChange(ctx context.Context, etag string) {
	position, err := strconv.ParseUint(strings.Trim(strings.TrimPrefix(etag, "W/"), `"`), 10, 64)
	if err != nil {
		return // not from an event of ours; the client gets what there is
	}
	if head, err := s.Head(ctx); err != nil || projections.Position(position) > head {
		return
	}
	// It has an answer either way, the newest there is.
	_ = s.waitFor(ctx, s.configuration, projections.Position(position))
}

// eventsURI is where the caller's change events are.
func (s *Server) eventsURI(ctx context.Context) string {
	who, place := principalOf(ctx), placeOf(ctx)
	entry, ok := s.Catalog.Key(who.Key)
	if !ok {
		return ""
	}
	query := url.Values{"channel": {auth.Channel(entry.State.Key)}}
	if who.Environment == "" {
		query.Set("project", string(place.Project))
		query.Set("environment", string(place.Environment))
	}
	return "/ofrep/v1/events?" + query.Encode()
}

// FollowEvaluations answers the protocol's change events.
func (s *Server) FollowEvaluations(ctx context.Context, r api.FollowEvaluationsRequestObject) (api.FollowEvaluationsResponseObject, error) {
	return s.follow(ctx, r.Params.LastEventID, func(now *ruleset.Served, _ string) string { return ofrep.Event(idOf(now)) })
}
