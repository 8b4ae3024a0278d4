package openapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections/facts"
	"github.com/assayhq/assay/projections/ruleset"
)

// placeOf is the environment a request is about: that of the key, or the one an admin key names.
func (s *Server) placeOf(ctx context.Context, project, environment string) (ruleset.Place, error) {
	p := principalOf(ctx)
	place := ruleset.Place{Project: p.Project, Environment: p.Environment}
	if p.Environment == "" {
		place.Environment = domain.EnvironmentKey(environment)
	}
	if place.Project == "" {
		place.Project = domain.ProjectKey(project)
	}
	if place.Project == "" || place.Environment == "" {
		return place, refuse(http.StatusBadRequest, "place_missing", "an admin key belongs to no environment; name one with ?project=…&environment=…, or use a server or client key")
	}
	if environment != "" && place.Environment != domain.EnvironmentKey(environment) {
		return place, refuse(http.StatusForbidden, "forbidden", "the API key is for the environment %q, not for %q", place.Environment, environment)
	}
	if _, ok := s.Rulesets.Current(place); !ok {
		return place, notFound("environment", string(place.Project)+"/"+string(place.Environment))
	}
	return place, nil
}

// RecordExposures takes in exposures.
func (s *Server) RecordExposures(ctx context.Context, r api.RecordExposuresRequestObject) (api.RecordExposuresResponseObject, error) {
	place, err := s.placeOf(ctx, r.Params.Project, r.Params.Environment)
	if err != nil {
		return nil, err
	}
	out, err := s.ingest(ctx, place, r.Body.Items, s.exposureTaker(ctx, place))
	if err != nil {
		return nil, err
	}
	return api.RecordExposures202JSONResponse(out), nil
}

// RecordMeasurements takes in measurements.
func (s *Server) RecordMeasurements(ctx context.Context, r api.RecordMeasurementsRequestObject) (api.RecordMeasurementsResponseObject, error) {
	place, err := s.placeOf(ctx, r.Params.Project, r.Params.Environment)
	if err != nil {
		return nil, err
	}
	out, err := s.ingest(ctx, place, r.Body.Items, takeMeasurement)
	if err != nil {
		return nil, err
	}
	return api.RecordMeasurements202JSONResponse(out), nil
}

// taken is an item that is well formed: its id, its fingerprint, and how it gets into a batch.
type taken struct {
	id          string
	fingerprint uint64
	add         func(*measurement.Batch)
}

func takeMeasurement(text json.RawMessage) (taken, error) {
	m, err := measurement.ParseMeasurement(text)
	if err != nil {
		return taken{}, err
	}
	return taken{id: m.EventID, fingerprint: m.Fingerprint(), add: func(b *measurement.Batch) { b.Measurements = append(b.Measurements, m) }}, nil
}

// exposureTaker takes exposures to arms of experiments that exist in the place.
func (s *Server) exposureTaker(ctx context.Context, place ruleset.Place) func(json.RawMessage) (taken, error) {
	known := map[domain.ExperimentKey]*experiment.State{}
	find := func(key domain.ExperimentKey) *experiment.State {
		if state, looked := known[key]; looked {
			return state
		}
		known[key] = s.lookExperiment(ctx, place, key)
		return known[key]
	}
	return func(text json.RawMessage) (taken, error) {
		x, err := measurement.ParseExposure(text)
		if err != nil {
			return taken{}, err
		}
		if err := checkExposed(x, find(x.Experiment), place); err != nil {
			return taken{}, err
		}
		return taken{id: x.EventID, fingerprint: x.Fingerprint(), add: func(b *measurement.Batch) { b.Exposures = append(b.Exposures, x) }}, nil
	}
}

func checkExposed(x measurement.Exposure, state *experiment.State, place ruleset.Place) error {
	if state == nil {
		return domain.Invalid("/experiment_key", "there is no experiment %q in the project %q; create it first", x.Experiment, place.Project).WithCode("unknown_experiment")
	}
	if state.Plan.Environment != place.Environment {
		return domain.Invalid("/experiment_key", "the experiment %q runs in %q, not in %q; use a key of its environment", x.Experiment, state.Plan.Environment, place.Environment).WithCode("wrong_environment")
	}
	if state.Plan.Unit != x.UnitType {
		return domain.Invalid("/unit_type", "the experiment %q randomises by %q, not by %q", x.Experiment, state.Plan.Unit, x.UnitType).WithCode("wrong_unit_type")
	}
	for _, arm := range state.Plan.Arms {
		if arm.Variant == x.Variant {
			return nil
		}
	}
	return domain.Invalid("/variant", "the experiment %q has no arm %q", x.Experiment, x.Variant).WithCode("unknown_variant")
}

// lookExperiment finds an experiment, once waiting for the catalogue to reach the head of the log, because it may have
// been created a moment ago. nil when there is none.
func (s *Server) lookExperiment(ctx context.Context, place ruleset.Place, key domain.ExperimentKey) *experiment.State {
	for _, waited := range []bool{false, true} {
		if e, ok := s.Catalog.Experiment(place.Project, key); ok {
			return &e.State
		}
		if waited {
			break
		}
		head, err := s.Head(ctx)
		if err != nil || s.waitFor(ctx, head) != nil {
			return nil
		}
	}
	return nil
}

// ingest judges each item by itself and records those that are new.
func (s *Server) ingest(ctx context.Context, place ruleset.Place, items []json.RawMessage, take func(json.RawMessage) (taken, error)) (api.BatchOutcome, error) {
	out := api.BatchOutcome{Items: []api.ItemOutcome{}}
	if len(items) == 0 || len(items) > measurement.MaxItems {
		return out, refuse(http.StatusBadRequest, "bad_batch", "a batch has 1 to %d items, this one %d; send them in several", measurement.MaxItems, len(items))
	}
	batch := measurement.Batch{Project: place.Project, Environment: place.Environment}
	here := map[string]uint64{}
	for i, text := range items {
		t, err := take(text)
		if err != nil {
			r, ok := domain.AsRefusal(err)
			if !ok {
				return out, err
			}
			out.Rejected++
			out.Items = append(out.Items, api.ItemOutcome{Index: i, Status: api.Rejected, Code: r.Code, Detail: r.Sentence})
			continue
		}
		status, err := s.statusOf(place.Project, t, here)
		if err != nil {
			return out, err
		}
		switch status {
		case facts.Duplicate:
			out.Duplicates++
			out.Items = append(out.Items, api.ItemOutcome{Index: i, Status: api.Duplicate})
		case facts.Conflict:
			out.Rejected++
			out.Items = append(out.Items, api.ItemOutcome{
				Index: i, Status: api.Rejected, Code: "event_id_conflict",
				Detail: "there is an item with this event_id and another content; give every event an id of its own",
			})
		default:
			here[t.id] = t.fingerprint
			t.add(&batch)
			out.Accepted++
		}
	}
	if batch.Len() == 0 {
		return out, nil
	}
	position, err := s.Commands.RecordBatch(ctx, batch, principalOf(ctx).Actor())
	out.Position = positionOf(position)
	return out, err
}

// statusOf looks an id up among the items of this batch and among all facts.
func (s *Server) statusOf(project domain.ProjectKey, t taken, here map[string]uint64) (facts.Status, error) {
	if fingerprint, again := here[t.id]; again {
		if fingerprint == t.fingerprint {
			return facts.Duplicate, nil
		}
		return facts.Conflict, nil
	}
	return s.Facts.Status(project, t.id, t.fingerprint)
}
