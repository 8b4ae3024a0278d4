package openapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/internal/analysis"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/openapi/report"
	"github.com/assayhq/assay/projections"
)

// results makes the analysis of an experiment at a position; at an empty one, of all that the read models know.
func (s *Server) results(ctx context.Context, in, key, asOf string) (analysis.Result, error) {
	if _, err := s.experiment(ctx, in, key, nil); err != nil {
		return analysis.Result{}, err
	}
	if err := s.factsReady(ctx); err != nil {
		return analysis.Result{}, err
	}
	at, err := s.positionFor(asOf)
	if err != nil {
		return analysis.Result{}, err
	}
	project := domain.ProjectKey(in)
	input, ok, err := s.sources().Read(ctx, project, domain.ExperimentKey(key), at, nil)
	if err != nil {
		return analysis.Result{}, err
	}
	if !ok {
		return analysis.Result{}, refuse(http.StatusNotFound, "not_found", "there was no experiment %q at position %d", key, at)
	}
	return analysis.Analyze(input), nil
}

// factsReady waits until the facts have been at the head of the log since the start. The server is ready before that, because
// decisions and changes need no facts; but results that are older than those of before a restart would surprise.
func (s *Server) factsReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.LongestWait)
	defer cancel()
	for _, r := range s.Runners {
		if r.Projection() != projections.Projection(s.Facts) {
			continue
		}
		if err := r.WaitCaughtUp(ctx); err != nil {
			return behind("the measurements are still being read after the start; try again in a moment")
		}
	}
	return nil
}

func (s *Server) sources() analysis.Sources {
	return analysis.Sources{Catalog: s.Catalog, Facts: s.Facts}
}

// positionFor reads as_of. Without one it is the newest position that both the catalogue and the facts have reached.
func (s *Server) positionFor(asOf string) (projections.Position, error) {
	now := min(s.Catalog.Position(), s.Facts.Position())
	if asOf == "" {
		return now, nil
	}
	n, err := strconv.ParseUint(asOf, 10, 64)
	if err != nil || n == 0 {
		return 0, refuse(http.StatusBadRequest, "bad_parameter", "as_of is no log position; it is a number from 1")
	}
	if at := projections.Position(n); at <= now {
		return at, nil
	}
	return 0, behind("the read models are at position %d; position %d cannot be looked at yet", now, n)
}

// GetResults answers the numbers.
func (s *Server) GetResults(ctx context.Context, r api.GetResultsRequestObject) (api.GetResultsResponseObject, error) {
	result, err := s.results(ctx, r.Project, r.Experiment, r.Params.AsOf)
	if err != nil {
		return nil, err
	}
	return api.GetResults200JSONResponse(result), nil
}

// reportPolicy lets a report show itself and nothing else: no script, nothing from elsewhere.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// GetReport answers the same, told for people.
func (s *Server) GetReport(ctx context.Context, r api.GetReportRequestObject) (api.GetReportResponseObject, error) {
	result, err := s.results(ctx, r.Project, r.Experiment, r.Params.AsOf)
	if err != nil {
		return nil, err
	}
	format := report.Format(r.Params.Format)
	if format == "" {
		format = preferred(r.Params.Accept)
	}
	body, err := report.Render(result, format)
	if err != nil {
		return nil, err
	}
	return blob{contentType: format.ContentType(), header: map[string]string{"Content-Security-Policy": reportPolicy}, body: body}, nil
}

// preferred is the format an Accept header asks for first; HTML when it asks for none of them.
func preferred(accept string) report.Format {
	for part := range strings.SplitSeq(accept, ",") {
		media, _, _ := strings.Cut(part, ";")
		switch strings.TrimSpace(media) {
		case "text/html", "*/*":
			return report.HTML
		case "text/plain":
			return report.Text
		case "application/json":
			return report.JSON
		}
	}
	return report.HTML
}
