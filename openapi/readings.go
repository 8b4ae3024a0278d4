package openapi

import (
	"context"
	"net/http"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/internal/analysis"
	"github.com/assayhq/assay/openapi/api"
)

// DesignExperiment answers how large an experiment has to be. It records nothing.
func (s *Server) DesignExperiment(_ context.Context, r api.DesignExperimentRequestObject) (api.DesignExperimentResponseObject, error) {
	answer, err := analysis.Design(*r.Body)
	if err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, "no_such_design", "there is no answer to this: %v", err)
	}
	return api.DesignExperiment200JSONResponse(answer), nil
}

// ListReadings lists the looks that were recorded.
func (s *Server) ListReadings(ctx context.Context, r api.ListReadingsRequestObject) (api.ListReadingsResponseObject, error) {
	e, err := s.experiment(ctx, r.Project, r.Experiment, nil)
	if err != nil {
		return nil, err
	}
	out := api.ListReadings200JSONResponse{Items: []api.Reading{}}
	out.Items = append(out.Items, e.State.Readings...)
	return out, nil
}

// TakeReading looks at the results and records the look. It looks at what the read models know; min_position has them wait.
func (s *Server) TakeReading(ctx context.Context, r api.TakeReadingRequestObject) (api.TakeReadingResponseObject, error) {
	e, err := s.experiment(ctx, r.Project, r.Experiment, nil)
	if err != nil {
		return nil, err
	}
	at, err := s.positionFor("")
	if err != nil {
		return nil, err
	}
	reading, ok, err := s.sources().Take(ctx, e.State.Project, e.State.Key, at, s.Now(), analysis.BySomebody)
	switch {
	case err != nil:
		return nil, err
	case !ok && e.State.Status != experiment.StatusDraft:
		return nil, refuse(http.StatusConflict, "nothing_to_read", "there is nothing to compare yet: the arms need units whose primary metric can be compared, and some of the plan must have passed; send exposures and measurements first")
	}
	o := once(ctx, options(ctx, why(r.Body), nil), "takeReading", r.Params.IdempotencyKey)
	result, err := s.Commands.Experiment(ctx, e.State.Project, e.State.Key, experiment.TakeReading{Reading: reading}, o)
	if err != nil {
		return nil, err
	}
	last := result.State.LastReading()
	if last == nil {
		return nil, refuse(http.StatusConflict, "nothing_to_read", "there is nothing to look at yet; send exposures and measurements first")
	}
	return api.TakeReading200JSONResponse{
		Body: *last, Headers: api.TakeReading200ResponseHeaders{ETag: etagOf(result.Revision), AssayPosition: positionOf(result.Position)},
	}, nil
}
