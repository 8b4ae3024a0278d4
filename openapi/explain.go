package openapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/flags/ofrep"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections/ruleset"
)

// ExplainFlag decides for a context and tells every step. It is for people, and records nothing.
func (s *Server) ExplainFlag(ctx context.Context, r api.ExplainFlagRequestObject) (api.ExplainFlagResponseObject, error) {
	e, environments, err := s.flag(ctx, r.Project, r.Flag, nil)
	if err != nil {
		return nil, err
	}
	key := domain.EnvironmentKey(r.Environment)
	if err := has(environments, key); err != nil {
		return nil, err
	}
	who, failure := ofrep.ParseContext(map[string]any{"context": r.Body.Context}, r.Flag)
	if failure != nil {
		var told struct {
			Details string `json:"errorDetails"`
		}
		_ = json.Unmarshal(failure, &told) // it was made a moment ago
		return nil, refuse(http.StatusUnprocessableEntity, "bad_context", "%s", told.Details)
	}
	who.At = s.Now().Unix()
	served, ok := s.Rulesets.Current(ruleset.Place{Project: e.State.Project, Environment: key})
	if !ok {
		return nil, notFound("environment", key)
	}
	return api.ExplainFlag200JSONResponse(served.Ruleset.Explain(r.Flag, who)), nil
}
