package openapi

import (
	"context"
	"maps"
	"slices"

	"github.com/assayhq/assay/domain/segment"
	"github.com/assayhq/assay/openapi/api"
)

const someIDs = 1_000

// ListSegmentIDs lists a part of a segment's list. It is read from the log, because no read model keeps it as it is written.
func (s *Server) ListSegmentIDs(ctx context.Context, r api.ListSegmentIDsRequestObject) (api.ListSegmentIDsResponseObject, error) {
	e, err := s.segment(ctx, r.Project, r.Segment, nil)
	if err != nil {
		return nil, err
	}
	read, err := s.Commands.SegmentLists(ctx, e.State.Project, e.State.Key)
	if err != nil {
		return nil, err
	}
	out := api.SegmentIDs{List: string(segment.Included), IDs: []string{}}
	list := read.State.Included
	if r.Params.List == api.ListSegmentIDsParamsList(segment.Excluded) {
		out.List, list = string(segment.Excluded), read.State.Excluded
	}
	out.Count = list.Count
	limit := r.Params.Limit
	if limit == 0 {
		limit = someIDs
	}
	all := slices.Sorted(maps.Keys(list.Set()))
	start, there := slices.BinarySearch(all, r.Params.After)
	if there && r.Params.After != "" {
		start++
	}
	end := min(len(all), start+limit)
	if out.IDs = append(out.IDs, all[start:end]...); end < len(all) {
		out.After = all[end-1]
	}
	return api.ListSegmentIDs200JSONResponse{Body: out, Headers: api.ListSegmentIDs200ResponseHeaders{ETag: etagOf(read.Revision)}}, nil
}

// ChangeSegmentIDs changes a segment's list: first who goes, then who comes.
func (s *Server) ChangeSegmentIDs(ctx context.Context, r api.ChangeSegmentIDsRequestObject) (api.ChangeSegmentIDsResponseObject, error) {
	b := r.Body
	e, err := carryOut(ctx, s, s.segment, s.Commands.Segment, change{r.Project, r.Segment, r.Params.IfMatch, b.Reason, false}, func(segment.State) (all []segment.Command) {
		if len(b.Remove) > 0 {
			all = append(all, segment.RemoveIDs{List: segment.List(b.List), IDs: b.Remove})
		}
		if len(b.Add) > 0 || b.Replace {
			all = append(all, segment.AddIDs{List: segment.List(b.List), IDs: b.Add, Only: b.Replace})
		}
		return all
	})
	if err != nil {
		return nil, err
	}
	return api.ChangeSegmentIDs200JSONResponse{
		Body: s.segmentAnswer(e), Headers: api.ChangeSegmentIDs200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}
