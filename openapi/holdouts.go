package openapi

import (
	"context"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/holdout"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections/catalog"
)

// ListHoldouts lists a project's holdouts.
func (s *Server) ListHoldouts(ctx context.Context, r api.ListHoldoutsRequestObject) (api.ListHoldoutsResponseObject, error) {
	p, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	entries, next, err := s.Catalog.Holdouts(p.State.Key, page(r.Params.Cursor, r.Params.Limit), catalog.Filter{Text: r.Params.Q, Archived: r.Params.Archived})
	if err != nil {
		return nil, err
	}
	out := api.ListHoldouts200JSONResponse{Items: []api.Holdout{}, NextCursor: next}
	for _, e := range entries {
		out.Items = append(out.Items, s.holdoutAnswer(e))
	}
	return out, nil
}

// CreateHoldout creates one.
func (s *Server) CreateHoldout(ctx context.Context, r api.CreateHoldoutRequestObject) (api.CreateHoldoutResponseObject, error) {
	p, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	b := r.Body
	c := holdout.Create{
		Name: b.Name, Description: b.Description, By: b.By, Algorithm: b.Algorithm, Salt: b.Salt,
		Total: domain.Weight(b.Total), Share: domain.Weight(b.Share), //nolint:gosec // the document bounds them
	}
	o := once(ctx, options(ctx, b.Reason, nil), "createHoldout", r.Params.IdempotencyKey)
	result, err := s.Commands.Holdout(ctx, p.State.Key, domain.HoldoutKey(b.Key), c, o)
	if err != nil {
		return nil, err
	}
	e := after(s, catalog.Entry[holdout.State]{}, result, o.Actor)
	return api.CreateHoldout201JSONResponse{
		Body: s.holdoutAnswer(e), Headers: api.CreateHoldout201ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// GetHoldout reads one.
func (s *Server) GetHoldout(ctx context.Context, r api.GetHoldoutRequestObject) (api.GetHoldoutResponseObject, error) {
	e, err := s.holdout(ctx, r.Project, r.Holdout, nil)
	if err != nil {
		return nil, err
	}
	return api.GetHoldout200JSONResponse{Body: s.holdoutAnswer(e), Headers: api.GetHoldout200ResponseHeaders{ETag: etagOf(e.Revision)}}, nil
}

// ChangeHoldout changes what is given. What may be refused goes first.
func (s *Server) ChangeHoldout(ctx context.Context, r api.ChangeHoldoutRequestObject) (api.ChangeHoldoutResponseObject, error) {
	b := either(r.JSONBody, r.ApplicationMergePatchPlusJSONBody)
	e, err := carryOut(ctx, s, s.holdout, s.Commands.Holdout, change{r.Project, r.Holdout, r.Params.IfMatch, b.Reason, true}, func(was holdout.State) (all []holdout.Command) {
		if b.Share != nil {
			all = append(all, holdout.ChangeShare{Share: domain.Weight(*b.Share)}) //nolint:gosec // the document bounds it
		}
		if b.Share != nil && b.Name == nil && b.Description == nil {
			return all
		}
		return append(all, holdout.Describe{Name: or(b.Name, was.Name), Description: or(b.Description, was.Description)})
	})
	if err != nil {
		return nil, err
	}
	return api.ChangeHoldout200JSONResponse{
		Body: s.holdoutAnswer(e), Headers: api.ChangeHoldout200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// ArchiveHoldout lets everybody go.
func (s *Server) ArchiveHoldout(ctx context.Context, r api.ArchiveHoldoutRequestObject) (api.ArchiveHoldoutResponseObject, error) {
	e, err := carryOut(ctx, s, s.holdout, s.Commands.Holdout, change{r.Project, r.Holdout, r.Params.IfMatch, why(r.Body), false}, only[holdout.State, holdout.Command](holdout.Archive{}))
	if err != nil {
		return nil, err
	}
	return api.ArchiveHoldout200JSONResponse{
		Body: s.holdoutAnswer(e), Headers: api.ArchiveHoldout200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// RestoreHoldout undoes that.
func (s *Server) RestoreHoldout(ctx context.Context, r api.RestoreHoldoutRequestObject) (api.RestoreHoldoutResponseObject, error) {
	e, err := carryOut(ctx, s, s.holdout, s.Commands.Holdout, change{r.Project, r.Holdout, r.Params.IfMatch, why(r.Body), false}, only[holdout.State, holdout.Command](holdout.Restore{}))
	if err != nil {
		return nil, err
	}
	return api.RestoreHoldout200JSONResponse{
		Body: s.holdoutAnswer(e), Headers: api.RestoreHoldout200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

func (s *Server) holdoutAnswer(e catalog.Entry[holdout.State]) api.Holdout {
	t := e.State
	return api.Holdout{
		Key: string(t.Key), Name: t.Name, Description: t.Description, By: t.By, Algorithm: t.Algorithm, Salt: t.Salt, Total: int(t.Total), Share: int(t.Share),
		UsedByFlags: texts(s.Catalog.UsesOfHoldout(t.Project, t.Key).Flags), Archived: e.State.Archived, Revision: etagOf(e.Revision), Position: positionOf(e.Position),
		CreatedAt: e.CreatedAt, CreatedBy: string(e.CreatedBy), UpdatedAt: e.UpdatedAt, UpdatedBy: string(e.UpdatedBy),
	}
}
