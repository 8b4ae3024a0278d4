package openapi

import (
	"context"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/catalog"
)

// options say on whose behalf a command runs.
func options(ctx context.Context, reason string, revision *projections.Revision) command.Options {
	return command.Options{Actor: principalOf(ctx).Actor(), Reason: reason, IfRevision: revision}
}

// once makes a command idempotent by the caller's key. Keys of different callers and operations never meet.
func once(ctx context.Context, o command.Options, operation, key string) command.Options {
	if key != "" {
		o.CommandID = "idempotency/" + operation + "/" + string(principalOf(ctx).Key) + "/" + key
		o.Request, _ = ctx.Value(requestHashKey).(string)
	}
	return o
}

func page(cursor string, limit int) catalog.Page { return catalog.Page{After: cursor, Limit: limit} }

// ListProjects lists what the key may see.
func (s *Server) ListProjects(ctx context.Context, r api.ListProjectsRequestObject) (api.ListProjectsResponseObject, error) {
	entries, next, err := s.Catalog.Projects(page(r.Params.Cursor, r.Params.Limit), principalOf(ctx).Project)
	if err != nil {
		return nil, err
	}
	out := api.ListProjects200JSONResponse{Items: []api.Project{}, NextCursor: next}
	for _, e := range entries {
		out.Items = append(out.Items, projectAnswer(e))
	}
	return out, nil
}

// CreateProject creates one.
func (s *Server) CreateProject(ctx context.Context, r api.CreateProjectRequestObject) (api.CreateProjectResponseObject, error) {
	b := r.Body
	o := once(ctx, options(ctx, b.Reason, nil), "createProject", r.Params.IdempotencyKey)
	key := domain.ProjectKey(b.Key)
	result, err := s.Commands.Project(ctx, key, project.Create{Key: key, Name: b.Name, Description: b.Description, Environments: b.Environments, UnitIDs: project.UnitIDs(b.UnitIds)}, o)
	if err != nil {
		return nil, err
	}
	e := after(s, catalog.Entry[project.State]{}, result, o.Actor)
	return api.CreateProject201JSONResponse{
		Body: projectAnswer(e), Headers: api.CreateProject201ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// GetProject reads one.
func (s *Server) GetProject(ctx context.Context, r api.GetProjectRequestObject) (api.GetProjectResponseObject, error) {
	e, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	return api.GetProject200JSONResponse{Body: projectAnswer(e), Headers: api.GetProject200ResponseHeaders{ETag: etagOf(e.Revision)}}, nil
}

// ChangeProject changes name or description.
func (s *Server) ChangeProject(ctx context.Context, r api.ChangeProjectRequestObject) (api.ChangeProjectResponseObject, error) {
	revision, err := ifMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	was, err := s.project(ctx, r.Project, revision)
	if err != nil {
		return nil, err
	}
	b := either(r.JSONBody, r.ApplicationMergePatchPlusJSONBody)
	c := project.Describe{Name: or(b.Name, was.State.Name), Description: or(b.Description, was.State.Description)}
	o := options(ctx, b.Reason, seen(revision, was.Revision))
	result, err := s.Commands.Project(ctx, was.State.Key, c, o)
	if err != nil {
		return nil, err
	}
	e := after(s, was, result, o.Actor)
	return api.ChangeProject200JSONResponse{
		Body: projectAnswer(e), Headers: api.ChangeProject200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// ListEnvironments lists a project's environments.
func (s *Server) ListEnvironments(ctx context.Context, r api.ListEnvironmentsRequestObject) (api.ListEnvironmentsResponseObject, error) {
	e, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	return api.ListEnvironments200JSONResponse{Items: e.State.Environments}, nil
}

// CreateEnvironment adds one.
func (s *Server) CreateEnvironment(ctx context.Context, r api.CreateEnvironmentRequestObject) (api.CreateEnvironmentResponseObject, error) {
	was, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	c := project.AddEnvironment{Environment: project.Environment{Key: domain.EnvironmentKey(r.Body.Key), Name: r.Body.Name}}
	o := once(ctx, options(ctx, r.Body.Reason, nil), "createEnvironment", r.Params.IdempotencyKey)
	result, err := s.Commands.Project(ctx, was.State.Key, c, o)
	if err != nil {
		return nil, err
	}
	e := after(s, was, result, o.Actor)
	return api.CreateEnvironment201JSONResponse{
		Body: projectAnswer(e), Headers: api.CreateEnvironment201ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// either is the body in whichever of the two media types it came.
func either[T any](a, b *T) *T {
	switch {
	case a != nil:
		return a
	case b != nil:
		return b
	default:
		return new(T)
	}
}

// or is the new value when there is one.
func or[T any](changed *T, was T) T {
	if changed != nil {
		return *changed
	}
	return was
}

// seen is the revision a partial change is decided on: what the caller has seen, or, with If-Match: *, what its missing parts
// were filled from.
func seen(given *projections.Revision, filledFrom projections.Revision) *projections.Revision {
	if given != nil {
		return given
	}
	return &filledFrom
}

func why(b *api.Why) string {
	if b == nil {
		return ""
	}
	return b.Reason
}
