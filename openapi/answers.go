package openapi

import (
	"net/http"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections/catalog"
)

// blob is an answer whose bytes are ready: documents, rulesets, reports, evaluations.
type blob struct {
	status      int // 200 when 0
	contentType string
	etag        string
	header      map[string]string
	body        []byte
}

func (b blob) write(w http.ResponseWriter) error {
	h := w.Header()
	if b.contentType != "" {
		h.Set("Content-Type", b.contentType)
	}
	if b.etag != "" {
		h.Set("ETag", b.etag)
	}
	for k, v := range b.header {
		h.Set(k, v)
	}
	if b.status == 0 {
		b.status = http.StatusOK
	}
	w.WriteHeader(b.status)
	_, err := w.Write(b.body)
	return err
}

// VisitGetDocumentResponse writes the answer.
func (b blob) VisitGetDocumentResponse(w http.ResponseWriter) error { return b.write(w) }

// VisitGetDocumentSourceResponse writes the answer.
func (b blob) VisitGetDocumentSourceResponse(w http.ResponseWriter) error { return b.write(w) }

// VisitGetRulesetResponse writes the answer.
func (b blob) VisitGetRulesetResponse(w http.ResponseWriter) error { return b.write(w) }

// VisitGetFlagdFlagsResponse writes the answer.
func (b blob) VisitGetFlagdFlagsResponse(w http.ResponseWriter) error { return b.write(w) }

// VisitGetReportResponse writes the answer.
func (b blob) VisitGetReportResponse(w http.ResponseWriter) error { return b.write(w) }

// VisitEvaluateAllResponse writes the answer.
func (b blob) VisitEvaluateAllResponse(w http.ResponseWriter) error { return b.write(w) }

// VisitEvaluateFlagResponse writes the answer.
func (b blob) VisitEvaluateFlagResponse(w http.ResponseWriter) error { return b.write(w) }

func projectAnswer(e catalog.Entry[project.State]) api.Project {
	s := e.State
	unitIDs := api.ProjectUnitIdsRaw
	if s.UnitIDs == project.Hashed {
		unitIDs = api.ProjectUnitIdsHashed
	}
	return api.Project{
		Key: string(s.Key), Name: s.Name, Description: s.Description, Environments: s.Environments, UnitIds: unitIDs,
		Revision: etagOf(e.Revision), Position: positionOf(e.Position),
		CreatedAt: e.CreatedAt, CreatedBy: string(e.CreatedBy), UpdatedAt: e.UpdatedAt, UpdatedBy: string(e.UpdatedBy),
	}
}

func (s *Server) flagAnswer(e catalog.Entry[flag.State], environments []project.Environment) api.Flag {
	is := e.State
	out := api.Flag{
		Key: string(is.Key), Name: is.Name, Description: is.Description, Type: string(is.Type), Variants: is.Variants,
		Metadata: is.Metadata,
		Archived: is.Archived, Environments: map[string]api.FlagEnvironment{},
		Revision: etagOf(e.Revision), Position: positionOf(e.Position),
		CreatedAt: e.CreatedAt, CreatedBy: string(e.CreatedBy), UpdatedAt: e.UpdatedAt, UpdatedBy: string(e.UpdatedBy),
	}
	if p, frozen := s.Rulesets.Frozen(domain.Stream(flag.Aggregate.Category, is.Project, is.Key)); frozen {
		out.Stale = &stale{Position: positionOf(p.Position), Detail: p.Detail}
	}
	for _, environment := range environments {
		out.Environments[string(environment.Key)] = environmentAnswer(is, environment.Key)
	}
	return out
}

type stale = struct {
	Detail   string `json:"detail"`
	Position string `json:"position"`
}

func environmentAnswer(s flag.State, key domain.EnvironmentKey) api.FlagEnvironment {
	in := s.In(key)
	out := api.FlagEnvironment{On: in.On, Rules: in.Targeting.Rules, Default: in.Targeting.Default, Off: string(in.Targeting.Off), Logic: in.Targeting.Logic}
	out.Overrides, out.Holdouts, out.Held = in.Targeting.Overrides, texts(in.Targeting.Holdouts), string(in.Targeting.Held)
	if out.Rules == nil {
		out.Rules = []flag.Rule{}
	}
	if in.Experiment != nil {
		out.Experiment = string(in.Experiment.Experiment)
	}
	return out
}

func metricAnswer(e catalog.Entry[metric.State]) api.Metric {
	s := e.State
	return api.Metric{
		Key: string(s.Key), Name: s.Name, Description: s.Description, Kind: string(s.Definition.Kind), Event: s.Definition.Event,
		Direction: string(s.Definition.Direction), WindowSeconds: s.Definition.WindowSeconds, Unit: s.Definition.Unit, Archived: s.Archived,
		Numerator: string(s.Definition.Numerator), Denominator: string(s.Definition.Denominator), DenominatorEvent: s.Definition.DenominatorEvent,
		Quantile: s.Definition.Quantile, Satisfied: s.Definition.Satisfied, Winsorize: s.Definition.Winsorize,
		CovariateDays: s.Definition.CovariateDays, CovariateEvent: s.Definition.CovariateEvent, Margin: s.Definition.Margin,
		Revision: etagOf(e.Revision), Position: positionOf(e.Position),
		CreatedAt: e.CreatedAt, CreatedBy: string(e.CreatedBy), UpdatedAt: e.UpdatedAt, UpdatedBy: string(e.UpdatedBy),
	}
}

func experimentAnswer(e catalog.Entry[experiment.State]) api.Experiment {
	s := e.State
	out := api.Experiment{
		Key: string(s.Key), Name: s.Name, Status: api.ExperimentStatus(s.Status), Plan: s.Plan, Amendments: s.Amendments, Readings: len(s.Readings),
		Revision: etagOf(e.Revision), Position: positionOf(e.Position),
		CreatedAt: e.CreatedAt, CreatedBy: string(e.CreatedBy), UpdatedAt: e.UpdatedAt, UpdatedBy: string(e.UpdatedBy),
	}
	if s.Status != experiment.StatusDraft {
		out.FrozenPlan = &s.Frozen
	}
	if d := s.Decision; d != nil {
		out.Decision = &api.Decision{Outcome: api.DecisionOutcome(d.Outcome), Variant: string(d.Variant), Why: d.Why}
	}
	return out
}

// after is the entry as a write left it: what the catalogue will show when it gets there, known already.
func after[S any](s *Server, was catalog.Entry[S], r command.Result[S], actor domain.Actor) catalog.Entry[S] {
	now := s.Now().UTC().Truncate(time.Millisecond) // as commands are stamped
	e := catalog.Entry[S]{
		State: r.State, Revision: r.Revision, Position: r.Position, CreatedAt: was.CreatedAt, CreatedBy: was.CreatedBy,
		UpdatedAt: now, UpdatedBy: actor,
	}
	if e.CreatedAt.IsZero() {
		e.CreatedAt, e.CreatedBy = now, actor
	}
	if len(r.Events) == 0 && !was.UpdatedAt.IsZero() {
		e.UpdatedAt, e.UpdatedBy = was.UpdatedAt, was.UpdatedBy
	}
	return e
}
