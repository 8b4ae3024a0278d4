package openapi

import (
	"context"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/segment"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections/catalog"
)

// ListSegments lists a project's segments.
func (s *Server) ListSegments(ctx context.Context, r api.ListSegmentsRequestObject) (api.ListSegmentsResponseObject, error) {
	p, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	entries, next, err := s.Catalog.Segments(p.State.Key, page(r.Params.Cursor, r.Params.Limit), catalog.Filter{Text: r.Params.Q, Archived: r.Params.Archived})
	if err != nil {
		return nil, err
	}
	out := api.ListSegments200JSONResponse{Items: []api.Segment{}, NextCursor: next}
	for _, e := range entries {
		out.Items = append(out.Items, s.segmentAnswer(e))
	}
	return out, nil
}

// CreateSegment creates one.
func (s *Server) CreateSegment(ctx context.Context, r api.CreateSegmentRequestObject) (api.CreateSegmentResponseObject, error) {
	p, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	b := r.Body
	c := segment.Create{Name: b.Name, Description: b.Description, By: b.By, Rules: b.Rules}
	o := once(ctx, options(ctx, b.Reason, nil), "createSegment", r.Params.IdempotencyKey)
	result, err := s.Commands.Segment(ctx, p.State.Key, domain.SegmentKey(b.Key), c, o)
	if err != nil {
		return nil, err
	}
	e := after(s, catalog.Entry[segment.State]{}, result, o.Actor)
	return api.CreateSegment201JSONResponse{
		Body: s.segmentAnswer(e), Headers: api.CreateSegment201ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// GetSegment reads one.
func (s *Server) GetSegment(ctx context.Context, r api.GetSegmentRequestObject) (api.GetSegmentResponseObject, error) {
	e, err := s.segment(ctx, r.Project, r.Segment, nil)
	if err != nil {
		return nil, err
	}
	return api.GetSegment200JSONResponse{Body: s.segmentAnswer(e), Headers: api.GetSegment200ResponseHeaders{ETag: etagOf(e.Revision)}}, nil
}

// ChangeSegment changes what is given. What may be refused goes first.
func (s *Server) ChangeSegment(ctx context.Context, r api.ChangeSegmentRequestObject) (api.ChangeSegmentResponseObject, error) {
	b := either(r.JSONBody, r.ApplicationMergePatchPlusJSONBody)
	e, err := carryOut(ctx, s, s.segment, s.Commands.Segment, change{r.Project, r.Segment, r.Params.IfMatch, b.Reason, true}, func(was segment.State) (all []segment.Command) {
		if b.Rules != nil {
			all = append(all, segment.ChangeRules{Rules: *b.Rules})
		}
		if b.Rules != nil && b.Name == nil && b.Description == nil {
			return all
		}
		return append(all, segment.Describe{Name: or(b.Name, was.Name), Description: or(b.Description, was.Description)})
	})
	if err != nil {
		return nil, err
	}
	return api.ChangeSegment200JSONResponse{
		Body: s.segmentAnswer(e), Headers: api.ChangeSegment200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// ArchiveSegment lets no further flag ask for it.
func (s *Server) ArchiveSegment(ctx context.Context, r api.ArchiveSegmentRequestObject) (api.ArchiveSegmentResponseObject, error) {
	e, err := carryOut(ctx, s, s.segment, s.Commands.Segment, change{r.Project, r.Segment, r.Params.IfMatch, why(r.Body), false}, only[segment.State, segment.Command](segment.Archive{}))
	if err != nil {
		return nil, err
	}
	return api.ArchiveSegment200JSONResponse{
		Body: s.segmentAnswer(e), Headers: api.ArchiveSegment200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// RestoreSegment undoes that.
func (s *Server) RestoreSegment(ctx context.Context, r api.RestoreSegmentRequestObject) (api.RestoreSegmentResponseObject, error) {
	e, err := carryOut(ctx, s, s.segment, s.Commands.Segment, change{r.Project, r.Segment, r.Params.IfMatch, why(r.Body), false}, only[segment.State, segment.Command](segment.Restore{}))
	if err != nil {
		return nil, err
	}
	return api.RestoreSegment200JSONResponse{
		Body: s.segmentAnswer(e), Headers: api.RestoreSegment200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

func (s *Server) segmentAnswer(e catalog.Entry[segment.State]) api.Segment {
	t := e.State
	uses := s.Catalog.UsesOfSegment(t.Project, t.Key)
	out := api.Segment{
		Key: string(t.Key), Name: t.Name, Description: t.Description, By: t.By, Rules: t.Rules, Included: t.Included.Count, Excluded: t.Excluded.Count,
		UsedByFlags: texts(uses.Flags), UsedBySegments: texts(uses.Segments), Archived: e.State.Archived, Revision: etagOf(e.Revision), Position: positionOf(e.Position),
		CreatedAt: e.CreatedAt, CreatedBy: string(e.CreatedBy), UpdatedAt: e.UpdatedAt, UpdatedBy: string(e.UpdatedBy),
	}
	if out.Rules == nil {
		out.Rules = []segment.Rule{}
	}
	return out
}
