package openapi

import (
	"context"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections/catalog"
)

// ListMetrics lists a project's metrics.
func (s *Server) ListMetrics(ctx context.Context, r api.ListMetricsRequestObject) (api.ListMetricsResponseObject, error) {
	p, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	entries, next, err := s.Catalog.Metrics(p.State.Key, page(r.Params.Cursor, r.Params.Limit), catalog.Filter{Text: r.Params.Q, Archived: r.Params.Archived})
	if err != nil {
		return nil, err
	}
	out := api.ListMetrics200JSONResponse{Items: []api.Metric{}, NextCursor: next}
	for _, e := range entries {
		out.Items = append(out.Items, metricAnswer(e))
	}
	return out, nil
}

// CreateMetric creates one.
func (s *Server) CreateMetric(ctx context.Context, r api.CreateMetricRequestObject) (api.CreateMetricResponseObject, error) {
	p, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	b := r.Body
	c := metric.Create{
		Project: p.State.Key, Key: domain.MetricKey(b.Key), Name: b.Name, Description: b.Description,
		Definition: metric.Definition{
			Kind: metric.Kind(b.Kind), Event: b.Event, Direction: metric.Direction(b.Direction), WindowSeconds: b.WindowSeconds, Unit: b.Unit,
			Numerator: metric.Total(b.Numerator), Denominator: metric.Total(b.Denominator), DenominatorEvent: b.DenominatorEvent,
			Quantile: b.Quantile, Satisfied: b.Satisfied, Winsorize: b.Winsorize, CovariateDays: b.CovariateDays, CovariateEvent: b.CovariateEvent, Margin: b.Margin,
		},
	}
	o := once(ctx, options(ctx, b.Reason, nil), "createMetric", r.Params.IdempotencyKey)
	result, err := s.Commands.Metric(ctx, p.State.Key, c.Key, c, o)
	if err != nil {
		return nil, err
	}
	e := after(s, catalog.Entry[metric.State]{}, result, o.Actor)
	return api.CreateMetric201JSONResponse{
		Body: metricAnswer(e), Headers: api.CreateMetric201ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// GetMetric reads one.
func (s *Server) GetMetric(ctx context.Context, r api.GetMetricRequestObject) (api.GetMetricResponseObject, error) {
	e, err := s.metric(ctx, r.Project, r.Metric, nil)
	if err != nil {
		return nil, err
	}
	return api.GetMetric200JSONResponse{Body: metricAnswer(e), Headers: api.GetMetric200ResponseHeaders{ETag: etagOf(e.Revision)}}, nil
}

// ChangeMetric changes name or description.
func (s *Server) ChangeMetric(ctx context.Context, r api.ChangeMetricRequestObject) (api.ChangeMetricResponseObject, error) {
	b := either(r.JSONBody, r.ApplicationMergePatchPlusJSONBody)
	e, err := carryOut(ctx, s, s.metric, s.Commands.Metric, change{r.Project, r.Metric, r.Params.IfMatch, b.Reason, true}, func(was metric.State) []metric.Command {
		return []metric.Command{metric.Describe{Name: or(b.Name, was.Name), Description: or(b.Description, was.Description)}}
	})
	if err != nil {
		return nil, err
	}
	return api.ChangeMetric200JSONResponse{
		Body: metricAnswer(e), Headers: api.ChangeMetric200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// ArchiveMetric offers the metric to no new experiment.
func (s *Server) ArchiveMetric(ctx context.Context, r api.ArchiveMetricRequestObject) (api.ArchiveMetricResponseObject, error) {
	e, err := carryOut(ctx, s, s.metric, s.Commands.Metric, change{r.Project, r.Metric, r.Params.IfMatch, why(r.Body), false}, only[metric.State, metric.Command](metric.Archive{}))
	if err != nil {
		return nil, err
	}
	return api.ArchiveMetric200JSONResponse{
		Body: metricAnswer(e), Headers: api.ArchiveMetric200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// RestoreMetric offers the metric again.
func (s *Server) RestoreMetric(ctx context.Context, r api.RestoreMetricRequestObject) (api.RestoreMetricResponseObject, error) {
	e, err := carryOut(ctx, s, s.metric, s.Commands.Metric, change{r.Project, r.Metric, r.Params.IfMatch, why(r.Body), false}, only[metric.State, metric.Command](metric.Restore{}))
	if err != nil {
		return nil, err
	}
	return api.RestoreMetric200JSONResponse{
		Body: metricAnswer(e), Headers: api.RestoreMetric200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}
