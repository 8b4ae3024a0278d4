package openapi

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections/facts"
	"github.com/assayhq/assay/projections/ruleset"
)

// RecordExposures takes in exposures.
func (s *Server) RecordExposures(ctx context.Context, _ api.RecordExposuresRequestObject) (api.RecordExposuresResponseObject, error) {
	place := placeOf(ctx)
	known := arms{server: s, place: place, found: map[domain.ExperimentKey]*experiment.State{}, units: s.units(place.Project)}
	out, err := s.ingest(ctx, place, known.take)
	if err != nil {
		return nil, err
	}
	return api.RecordExposures202JSONResponse(out), nil
}

// RecordMeasurements takes in measurements.
func (s *Server) RecordMeasurements(ctx context.Context, _ api.RecordMeasurementsRequestObject) (api.RecordMeasurementsResponseObject, error) {
	place := placeOf(ctx)
	units := s.units(place.Project)
	out, err := s.ingest(ctx, place, func(_ context.Context, text json.RawMessage) (taken, error) { return takeMeasurement(text, units) })
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

// take makes an item of its JSON. A *domain.Refusal is the item's fault; any other error fails the request.
type take func(ctx context.Context, text json.RawMessage) (taken, error)

// units says how a unit id is kept: as it is, or as a pseudonym. Everything behind it, fingerprints included, knows only what is kept.
type units func(domain.UnitType, string) string

// units is how a project's unit ids are kept. One for each request: it is not for concurrent use. A project that is not known yet
// is new, and new ones hash unless they say otherwise.
func (s *Server) units(in domain.ProjectKey) units {
	if e, known := s.Catalog.Project(in); known && e.State.UnitIDs != project.Hashed {
		return func(_ domain.UnitType, id string) string { return id }
	}
	return measurement.NewPseudonyms(s.UnitKey(in)).Of
}

func takeMeasurement(text json.RawMessage, kept units) (taken, error) {
	m, err := measurement.ParseMeasurement(text)
	if err != nil {
		return taken{}, err
	}
	m.Unit = kept(m.UnitType, m.Unit)
	return taken{id: m.EventID, fingerprint: m.Fingerprint(), add: func(b *measurement.Batch) { b.Measurements = append(b.Measurements, m) }}, nil
}

// arms takes exposures to arms of experiments that exist in the place.
type arms struct {
	server *Server
	place  ruleset.Place
	found  map[domain.ExperimentKey]*experiment.State // nil: there is none
	waited bool
	units  units
}

func (a *arms) take(ctx context.Context, text json.RawMessage) (taken, error) {
	x, err := measurement.ParseExposure(text)
	if err != nil {
		return taken{}, err
	}
	state, err := a.experiment(ctx, x.Experiment)
	if err != nil {
		return taken{}, err
	}
	if err := checkExposed(x, state, a.place); err != nil {
		return taken{}, err
	}
	x.Unit = a.units(x.UnitType, x.Unit)
	return taken{id: x.EventID, fingerprint: x.Fingerprint(), add: func(b *measurement.Batch) { b.Exposures = append(b.Exposures, x) }}, nil
}

// experiment finds an experiment, once in a request waiting for the catalogue to reach the head of the log, because it may
// have been created a moment ago. A catalogue that cannot get there fails the request: nobody knows whether the
// exposure is good, and the caller still has it.
func (a *arms) experiment(ctx context.Context, key domain.ExperimentKey) (*experiment.State, error) {
	if state, looked := a.found[key]; looked {
		return state, nil
	}
	e, ok := a.server.Catalog.Experiment(a.place.Project, key)
	if !ok && !a.waited {
		a.waited = true
		if err := a.server.catchUp(ctx); err != nil {
			return nil, err
		}
		e, ok = a.server.Catalog.Experiment(a.place.Project, key)
	}
	a.found[key] = nil
	if ok {
		a.found[key] = &e.State
	}
	return a.found[key], nil
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

// intake sorts the items of one request.
type intake struct {
	server *Server
	place  ruleset.Place
	batch  measurement.Batch
	ids    map[string]uint64 // fingerprints of the items in batch
	out    api.BatchOutcome
}

// ingest judges each item by itself and records those that are new.
func (s *Server) ingest(ctx context.Context, place ruleset.Place, take take) (api.BatchOutcome, error) {
	// Facts that are still being read after a start do not know all ids yet, so they are given a moment. Then the items are taken
	// all the same: nothing is lost, and one that comes twice counts once.
	_ = s.factsReady(ctx)
	items, _ := ctx.Value(itemsKey).([]json.RawMessage)
	in := intake{
		server: s, place: place, ids: make(map[string]uint64, len(items)), out: api.BatchOutcome{Items: []api.ItemOutcome{}},
		batch: measurement.Batch{Project: place.Project, Environment: place.Environment},
	}
	for i, text := range items {
		if err := in.item(ctx, i, text, take); err != nil {
			return in.out, err
		}
	}
	if in.batch.Len() == 0 {
		in.out.Position = positionOf(s.Facts.Position())
		return in.out, nil
	}
	position, err := s.Commands.RecordBatch(ctx, in.batch, principalOf(ctx).Actor())
	in.out.Position = positionOf(position)
	return in.out, err
}

func (n *intake) item(ctx context.Context, i int, text json.RawMessage, take take) error {
	t, err := take(ctx, text)
	if r, refused := domain.AsRefusal(err); refused {
		n.reject(i, r.Code, r.Sentence)
		return nil
	}
	if err != nil {
		return err
	}
	status, err := n.status(t)
	if err != nil {
		return err
	}
	switch status {
	case facts.Duplicate:
		n.out.Duplicates++
		n.out.Items = append(n.out.Items, api.ItemOutcome{Index: i, Status: api.Duplicate})
	case facts.Conflict:
		n.reject(i, "event_id_conflict", "there is an item with this event_id and another content; give every event an id of its own")
	case facts.New:
		n.ids[t.id] = t.fingerprint
		t.add(&n.batch)
		n.out.Accepted++
	}
	return nil
}

func (n *intake) reject(i int, code, sentence string) {
	n.out.Rejected++
	n.out.Items = append(n.out.Items, api.ItemOutcome{Index: i, Status: api.Rejected, Code: code, Detail: sentence})
}

// status looks an id up among the items of this batch and among all facts.
func (n *intake) status(t taken) (facts.Status, error) {
	if fingerprint, again := n.ids[t.id]; again {
		if fingerprint == t.fingerprint {
			return facts.Duplicate, nil
		}
		return facts.Conflict, nil
	}
	status, err := n.server.Facts.Status(n.place.Project, t.id, t.fingerprint)
	if _, damaged := errors.AsType[*facts.DamageError](err); damaged {
		// The ids are being made again from the log. Until then an item that comes twice is not told so, but it counts once.
		return facts.New, nil
	}
	return status, err
}
