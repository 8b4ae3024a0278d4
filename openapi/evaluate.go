package openapi

import (
	"context"
	"net/http"

	"github.com/assayhq/assay/flags/ofrep"
	"github.com/assayhq/assay/openapi/api"
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
	served, err := s.served(ctx)
	if err != nil {
		return nil, err
	}
	who, failure := ofrep.ParseContext(*either(r.Body, nil), "")
	if failure != nil {
		return blob{status: http.StatusBadRequest, contentType: jsonType, body: failure}, nil
	}
	tag := ofrep.ETag(served.Ruleset, who)
	if noneMatch(r.Params.IfNoneMatch, tag) {
		return blob{status: http.StatusNotModified, etag: tag}, nil
	}
	return blob{contentType: jsonType, etag: tag, body: ofrep.EvaluateAll(served.Ruleset, who)}, nil
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
	status, body := ofrep.Evaluate(served.Ruleset, r.Flag, who)
	return blob{status: status, contentType: jsonType, body: body}, nil
}
