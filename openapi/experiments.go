package openapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections/catalog"
)

// ListExperiments lists a project's experiments.
func (s *Server) ListExperiments(ctx context.Context, r api.ListExperimentsRequestObject) (api.ListExperimentsResponseObject, error) {
	p, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	entries, next, err := s.Catalog.Experiments(p.State.Key, page(r.Params.Cursor, r.Params.Limit), catalog.Filter{Text: r.Params.Q}, experiment.Status(r.Params.Status))
	if err != nil {
		return nil, err
	}
	out := api.ListExperiments200JSONResponse{Items: []api.Experiment{}, NextCursor: next}
	for _, e := range entries {
		out.Items = append(out.Items, experimentAnswer(e))
	}
	return out, nil
}

// CreateExperiment creates a draft.
func (s *Server) CreateExperiment(ctx context.Context, r api.CreateExperimentRequestObject) (api.CreateExperimentResponseObject, error) {
	p, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	b := r.Body
	c := experiment.Create{
		Project: p.State.Key, Key: domain.ExperimentKey(b.Key), Name: b.Name,
		Plan: experiment.Plan{
			Hypothesis: b.Hypothesis, Flag: domain.FlagKey(b.Flag), Environment: domain.EnvironmentKey(b.Environment), Unit: domain.UnitType(b.Unit), By: b.By,
			Arms: b.Arms, Total: domain.Weight(b.Total), Layer: domain.LayerKey(b.Layer), LayerShare: domain.Weight(b.LayerShare), //nolint:gosec // the document bounds them
			Primary: domain.MetricKey(b.Primary), Secondary: metricKeys(b.Secondary), Guardrails: metricKeys(b.Guardrails), PlannedEnd: b.PlannedEnd, Analysis: b.Analysis,
		},
	}
	o := once(ctx, options(ctx, b.Reason, nil), "createExperiment", r.Params.IdempotencyKey)
	result, err := s.Commands.Experiment(ctx, p.State.Key, c.Key, c, o)
	if err != nil {
		return nil, err
	}
	e := after(s, catalog.Entry[experiment.State]{}, result, o.Actor)
	return api.CreateExperiment201JSONResponse{
		Body: experimentAnswer(e), Headers: api.CreateExperiment201ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

func metricKeys(keys []string) []domain.MetricKey {
	var out []domain.MetricKey
	for _, k := range keys {
		out = append(out, domain.MetricKey(k))
	}
	return out
}

// GetExperiment reads one.
func (s *Server) GetExperiment(ctx context.Context, r api.GetExperimentRequestObject) (api.GetExperimentResponseObject, error) {
	e, err := s.experiment(ctx, r.Project, r.Experiment, nil)
	if err != nil {
		return nil, err
	}
	return api.GetExperiment200JSONResponse{Body: experimentAnswer(e), Headers: api.GetExperiment200ResponseHeaders{ETag: etagOf(e.Revision)}}, nil
}

// experimentCommand gives an experiment a command that is made from what it is now.
func (s *Server) experimentCommand(ctx context.Context, in, key, match, reason string, partial bool, c func(experiment.State) (experiment.Command, error)) (catalog.Entry[experiment.State], error) {
	revision, err := ifMatch(match)
	if err != nil {
		return catalog.Entry[experiment.State]{}, err
	}
	was, err := s.experiment(ctx, in, key, revision)
	if err != nil {
		return was, err
	}
	if partial {
		revision = seen(revision, was.Revision)
	}
	o := options(ctx, reason, revision)
	asked, err := c(was.State)
	if err != nil {
		return was, err
	}
	result, err := s.Commands.Experiment(ctx, was.State.Project, was.State.Key, asked, o)
	return after(s, was, result, o.Actor), err
}

func always(c experiment.Command) func(experiment.State) (experiment.Command, error) {
	return func(experiment.State) (experiment.Command, error) { return c, nil }
}

// ChangeExperiment changes a draft or amends a plan.
func (s *Server) ChangeExperiment(ctx context.Context, r api.ChangeExperimentRequestObject) (api.ChangeExperimentResponseObject, error) {
	b := either(r.JSONBody, r.ApplicationMergePatchPlusJSONBody)
	e, err := s.experimentCommand(ctx, r.Project, r.Experiment, r.Params.IfMatch, b.Reason, true, func(was experiment.State) (experiment.Command, error) {
		plan, err := patched(was.Plan, b)
		return experiment.Change{Name: or(b.Name, was.Name), Plan: plan}, err
	})
	if err != nil {
		return nil, err
	}
	return api.ChangeExperiment200JSONResponse{
		Body: experimentAnswer(e), Headers: api.ChangeExperiment200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

func patched(p experiment.Plan, b *api.ExperimentPatch) (experiment.Plan, error) {
	p.Hypothesis = or(b.Hypothesis, p.Hypothesis)
	p.Flag = domain.FlagKey(or(b.Flag, string(p.Flag)))
	p.Environment = domain.EnvironmentKey(or(b.Environment, string(p.Environment)))
	p.Unit = domain.UnitType(or(b.Unit, string(p.Unit)))
	p.By = or(b.By, p.By)
	p.Arms = or(b.Arms, p.Arms)
	p.Total = domain.Weight(or(b.Total, int(p.Total))) //nolint:gosec // the document bounds it
	p.Layer = domain.LayerKey(or(b.Layer, string(p.Layer)))
	p.LayerShare = domain.Weight(or(b.LayerShare, int(p.LayerShare))) //nolint:gosec // the document bounds it
	p.Primary = domain.MetricKey(or(b.Primary, string(p.Primary)))
	p.PlannedEnd = or[time.Time](b.PlannedEnd, p.PlannedEnd)
	if b.Secondary != nil {
		p.Secondary = metricKeys(*b.Secondary)
	}
	if b.Guardrails != nil {
		p.Guardrails = metricKeys(*b.Guardrails)
	}
	if len(b.Analysis) > 0 {
		// The document's schema has been checked; what the patch leaves out stays. What is shared with the catalogue is not written to.
		p.Analysis = p.Analysis.Clone()
		if err := json.Unmarshal(b.Analysis, &p.Analysis); err != nil {
			return p, refuse(http.StatusBadRequest, "bad_value", "the analysis is not as the document says; see /openapi.json")
		}
	}
	return p, nil
}

// StartExperiment freezes the plan.
func (s *Server) StartExperiment(ctx context.Context, r api.StartExperimentRequestObject) (api.StartExperimentResponseObject, error) {
	e, err := s.experimentCommand(ctx, r.Project, r.Experiment, r.Params.IfMatch, why(r.Body), false, always(experiment.Start{}))
	if err != nil {
		return nil, err
	}
	return api.StartExperiment200JSONResponse{
		Body: experimentAnswer(e), Headers: api.StartExperiment200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// StopExperiment ends the assignment.
func (s *Server) StopExperiment(ctx context.Context, r api.StopExperimentRequestObject) (api.StopExperimentResponseObject, error) {
	e, err := s.experimentCommand(ctx, r.Project, r.Experiment, r.Params.IfMatch, why(r.Body), false, always(experiment.Stop{}))
	if err != nil {
		return nil, err
	}
	return api.StopExperiment200JSONResponse{
		Body: experimentAnswer(e), Headers: api.StopExperiment200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// DecideExperiment records the decision. Its why is the reason in the history.
func (s *Server) DecideExperiment(ctx context.Context, r api.DecideExperimentRequestObject) (api.DecideExperimentResponseObject, error) {
	d := experiment.Decision{Outcome: experiment.Outcome(r.Body.Outcome), Variant: domain.VariantKey(r.Body.Variant), Why: r.Body.Why}
	e, err := s.experimentCommand(ctx, r.Project, r.Experiment, r.Params.IfMatch, d.Why, false, always(experiment.Conclude{Decision: d}))
	if err != nil {
		return nil, err
	}
	return api.DecideExperiment200JSONResponse{
		Body: experimentAnswer(e), Headers: api.DecideExperiment200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// GetHistory lists a project's changes.
func (s *Server) GetHistory(ctx context.Context, r api.GetHistoryRequestObject) (api.GetHistoryResponseObject, error) {
	p, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	changes, next, err := s.Catalog.History(p.State.Key, catalog.HistoryQuery{
		Category: string(r.Params.Category), Key: r.Params.Key, Page: page(r.Params.Cursor, r.Params.Limit),
	})
	if err != nil {
		return nil, err
	}
	out := api.GetHistory200JSONResponse{Items: []api.Change{}, NextCursor: next}
	for _, c := range changes {
		out.Items = append(out.Items, api.Change{
			Position: positionOf(c.Position), Revision: int64(c.Revision), Category: c.Category, Key: c.Key, Event: c.Event,
			Data: c.Data, Actor: string(c.Actor), Reason: c.Reason, At: c.At,
		})
	}
	return out, nil
}
