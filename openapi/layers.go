package openapi

import (
	"context"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/layer"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections/catalog"
)

// ListLayers lists a project's layers.
func (s *Server) ListLayers(ctx context.Context, r api.ListLayersRequestObject) (api.ListLayersResponseObject, error) {
	p, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	entries, next, err := s.Catalog.Layers(p.State.Key, page(r.Params.Cursor, r.Params.Limit), catalog.Filter{Text: r.Params.Q, Archived: r.Params.Archived})
	if err != nil {
		return nil, err
	}
	out := api.ListLayers200JSONResponse{Items: []api.Layer{}, NextCursor: next}
	for _, e := range entries {
		out.Items = append(out.Items, s.layerAnswer(e))
	}
	return out, nil
}

// CreateLayer creates one.
func (s *Server) CreateLayer(ctx context.Context, r api.CreateLayerRequestObject) (api.CreateLayerResponseObject, error) {
	p, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	b := r.Body
	c := layer.Create{
		Name: b.Name, Description: b.Description, By: b.By, Algorithm: b.Algorithm, Salt: b.Salt, Total: domain.Weight(b.Total), //nolint:gosec // the document bounds it
	}
	o := once(ctx, options(ctx, b.Reason, nil), "createLayer", r.Params.IdempotencyKey)
	result, err := s.Commands.Layer(ctx, p.State.Key, domain.LayerKey(b.Key), c, o)
	if err != nil {
		return nil, err
	}
	e := after(s, catalog.Entry[layer.State]{}, result, o.Actor)
	return api.CreateLayer201JSONResponse{
		Body: s.layerAnswer(e), Headers: api.CreateLayer201ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// GetLayer reads one.
func (s *Server) GetLayer(ctx context.Context, r api.GetLayerRequestObject) (api.GetLayerResponseObject, error) {
	e, err := s.layer(ctx, r.Project, r.Layer, nil)
	if err != nil {
		return nil, err
	}
	return api.GetLayer200JSONResponse{Body: s.layerAnswer(e), Headers: api.GetLayer200ResponseHeaders{ETag: etagOf(e.Revision)}}, nil
}

// ChangeLayer changes what is given. What may be refused goes first.
func (s *Server) ChangeLayer(ctx context.Context, r api.ChangeLayerRequestObject) (api.ChangeLayerResponseObject, error) {
	b := either(r.JSONBody, r.ApplicationMergePatchPlusJSONBody)
	e, err := carryOut(ctx, s, s.layer, s.Commands.Layer, change{r.Project, r.Layer, r.Params.IfMatch, b.Reason, true}, func(was layer.State) []layer.Command {
		return []layer.Command{layer.Describe{Name: or(b.Name, was.Name), Description: or(b.Description, was.Description)}}
	})
	if err != nil {
		return nil, err
	}
	return api.ChangeLayer200JSONResponse{
		Body: s.layerAnswer(e), Headers: api.ChangeLayer200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// ArchiveLayer closes it.
func (s *Server) ArchiveLayer(ctx context.Context, r api.ArchiveLayerRequestObject) (api.ArchiveLayerResponseObject, error) {
	e, err := carryOut(ctx, s, s.layer, s.Commands.Layer, change{r.Project, r.Layer, r.Params.IfMatch, why(r.Body), false}, only[layer.State, layer.Command](layer.Archive{}))
	if err != nil {
		return nil, err
	}
	return api.ArchiveLayer200JSONResponse{
		Body: s.layerAnswer(e), Headers: api.ArchiveLayer200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// RestoreLayer undoes that.
func (s *Server) RestoreLayer(ctx context.Context, r api.RestoreLayerRequestObject) (api.RestoreLayerResponseObject, error) {
	e, err := carryOut(ctx, s, s.layer, s.Commands.Layer, change{r.Project, r.Layer, r.Params.IfMatch, why(r.Body), false}, only[layer.State, layer.Command](layer.Restore{}))
	if err != nil {
		return nil, err
	}
	return api.RestoreLayer200JSONResponse{
		Body: s.layerAnswer(e), Headers: api.RestoreLayer200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

func (s *Server) layerAnswer(e catalog.Entry[layer.State]) api.Layer {
	t := e.State
	out := api.Layer{
		Key: string(t.Key), Name: t.Name, Description: t.Description, By: t.By, Algorithm: t.Algorithm, Salt: t.Salt, Total: int(t.Total), Parts: []api.LayerPart{},
		Archived: e.State.Archived, Revision: etagOf(e.Revision), Position: positionOf(e.Position),
		CreatedAt: e.CreatedAt, CreatedBy: string(e.CreatedBy), UpdatedAt: e.UpdatedAt, UpdatedBy: string(e.UpdatedBy),
	}
	for _, a := range t.Allocations {
		out.Parts = append(out.Parts, api.LayerPart{Experiment: string(a.Experiment), Ranges: a.Ranges})
	}
	return out
}
