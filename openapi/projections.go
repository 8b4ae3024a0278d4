package openapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections"
)

// ListProjections lists the read models.
func (s *Server) ListProjections(ctx context.Context, _ api.ListProjectionsRequestObject) (api.ListProjectionsResponseObject, error) {
	head, err := s.Head(ctx)
	if err != nil {
		return nil, refuse(http.StatusServiceUnavailable, "log_unavailable", "the log cannot be read at the moment; try again later")
	}
	out := api.ListProjections200JSONResponse{Head: positionOf(head), Items: []api.Projection{}}
	for _, r := range s.Runners {
		out.Items = append(out.Items, s.projection(ctx, r))
	}
	return out, nil
}

// RebuildProjection asks for a rebuild and answers when it has begun.
func (s *Server) RebuildProjection(_ context.Context, request api.RebuildProjectionRequestObject) (api.RebuildProjectionResponseObject, error) {
	for _, r := range s.Runners {
		if r.Projection().Name() != request.Projection {
			continue
		}
		switch err := r.RequestRebuild(); {
		case errors.Is(err, projections.ErrRebuilding):
			return nil, refuse(http.StatusConflict, "rebuild_running", "%s", err.Error())
		case err != nil:
			return nil, refuse(http.StatusConflict, "not_rebuildable", "%s", err.Error())
		}
		return api.RebuildProjection202Response{}, nil
	}
	return nil, notFound("read model", request.Projection)
}

// projection says how a read model is.
func (s *Server) projection(ctx context.Context, r *projections.Runner) api.Projection {
	out := api.Projection{
		Name: r.Projection().Name(), Version: r.Projection().Version(), Status: api.ProjectionStatusOk, Position: positionOf(r.Position()),
	}
	out.Problems = s.problems(r)
	caughtUp, err := r.CaughtUp()
	switch {
	case !caughtUp:
		out.Status = api.ProjectionStatusStarting
	case err != nil || len(out.Problems) > 0:
		out.Status = api.ProjectionStatusDegraded
	}
	if n, err := r.Behind(ctx); err == nil {
		out.EventsBehind = &n
	}
	if lag, known := r.Lag(s.Now()); known {
		seconds := lag.Seconds()
		out.SecondsBehind = &seconds
	}
	if b := r.Rebuild(); b.Running || b.Done > 0 || b.Failure != nil {
		out.Rebuild = &rebuild{Running: b.Running, Done: b.Done, Position: positionOf(b.Position)}
		if b.Failure != nil {
			out.Rebuild.Failure = b.Failure.Error()
		}
	}
	return out
}

type (
	rebuild = struct {
		Done     int    `json:"done"`
		Failure  string `json:"failure,omitempty"`
		Position string `json:"position"`
		Running  bool   `json:"running"`
	}
	unreadable = struct {
		Detail   string `json:"detail"`
		Position string `json:"position"`
		Stream   string `json:"stream,omitempty"`
	}
)

// problems is what a read model had to leave out, or as it was.
func (s *Server) problems(r *projections.Runner) []unreadable {
	out := []unreadable{}
	switch r.Projection() {
	case projections.Projection(s.Catalog):
		for _, p := range s.Catalog.Problems() {
			out = append(out, unreadable{Stream: p.Stream, Position: positionOf(p.Position), Detail: p.Detail})
		}
	case projections.Projection(s.Rulesets):
		for _, p := range s.Rulesets.Problems() {
			out = append(out, unreadable{Stream: p.Stream, Position: positionOf(p.Position), Detail: p.Detail})
		}
	case projections.Projection(s.Feedback):
		for _, p := range s.Feedback.Problems() {
			out = append(out, unreadable{Stream: p.Stream, Position: positionOf(p.Position), Detail: p.Detail})
		}
	case projections.Projection(s.Facts):
		if err := s.Facts.Damage(); err != nil {
			out = append(out, unreadable{Position: positionOf(r.Position()), Detail: err.Error()})
		}
		for _, p := range s.Facts.Parked() {
			out = append(out, unreadable{Position: positionOf(p.Position), Detail: p.Reason})
		}
	}
	return out
}
