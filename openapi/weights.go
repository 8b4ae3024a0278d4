package openapi

import (
	"context"
	"net/http"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/openapi/api"
)

// ChangeWeights gives the arms of a running bandit other weights: those in the body, else those that the results recommend now.
func (s *Server) ChangeWeights(ctx context.Context, r api.ChangeWeightsRequestObject) (api.ChangeWeightsResponseObject, error) {
	var c experiment.Reweigh
	c.Arms = r.Body.Arms
	if len(c.Arms) == 0 {
		result, err := s.results(ctx, r.Project, r.Experiment, "")
		if err != nil {
			return nil, err
		}
		if recommended, ok := result.Bandit.Reweighing(); ok {
			c = recommended
		} else if result.Bandit != nil {
			return nil, refuse(http.StatusConflict, "nothing_recommended", "no weights are recommended: %s", result.Bandit.Problem)
		}
	}
	e, err := s.experimentCommand(ctx, r.Project, r.Experiment, r.Params.IfMatch, r.Body.Reason, false, always(c))
	if err != nil {
		return nil, err
	}
	return api.ChangeWeights200JSONResponse{
		Body: experimentAnswer(e), Headers: api.ChangeWeights200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}
