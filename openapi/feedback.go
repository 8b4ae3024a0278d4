package openapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/feedback"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections"
	said "github.com/assayhq/assay/projections/feedback"
	"github.com/assayhq/assay/projections/ruleset"
)

// Vault seals what people say under a key for each of them, and deletes that key.
type Vault interface {
	// Seal seals a text of a subject; about is what else is told of the same thing, which the mark depends on as well.
	Seal(in domain.ProjectKey, subject, id string, text, about []byte) (Sealed, error)
	// Unseal reads a text; the error is ErrSealed when its key is gone.
	Unseal(in domain.ProjectKey, subject, id, key string, sealed []byte) ([]byte, error)
	// Erase deletes the key of a subject. It is no error when there is none.
	Erase(in domain.ProjectKey, subject string) error
}

// Sealed is a sealed text, the id of the key and a keyed hash of the content.
type Sealed struct {
	Key   string
	Bytes []byte
	Mark  string
}

// ErrSealed says that the key of a text is gone.
var ErrSealed = errors.New("the key of this text is gone")

// The names under which subjects and ids of feedback are hashed: the same person is somebody else among the measured units.
const (
	subjectUnit  domain.UnitType = "subject of feedback"
	feedbackUnit domain.UnitType = "id of feedback"
)

// words are what is sealed.
type words struct {
	EventID string `json:"event_id"`
	Text    string `json:"text"`
}

// RecordFeedback takes in what people said.
func (s *Server) RecordFeedback(ctx context.Context, _ api.RecordFeedbackRequestObject) (api.RecordFeedbackResponseObject, error) {
	items, _ := ctx.Value(itemsKey).([]json.RawMessage)
	place := placeOf(ctx)
	in := listener{
		intake: intake{server: s, place: place, out: api.BatchOutcome{Items: []api.ItemOutcome{}}},
		about:  arms{server: s, place: place, found: map[domain.ExperimentKey]*experiment.State{}},
		names:  measurement.NewPseudonyms(s.UnitKey(place.Project)),
	}
	for i, text := range items {
		if err := in.item(ctx, i, text); err != nil {
			return nil, err
		}
	}
	in.out.Position = positionOf(in.position)
	if in.position == 0 {
		in.out.Position = positionOf(s.Feedback.Position())
	}
	return api.RecordFeedback202JSONResponse(in.out), nil
}

// listener judges the items of one request, each by itself.
type listener struct {
	intake
	about    arms
	names    *measurement.Pseudonyms
	position projections.Position
}

// item records one item. An error fails the request, which may then be sent again as it is.
func (l *listener) item(ctx context.Context, i int, text json.RawMessage) error {
	result, err := l.give(ctx, text)
	if r, refused := domain.AsRefusal(err); refused {
		l.reject(i, r.Code, r.Sentence)
		return nil
	}
	if err != nil {
		return err
	}
	l.position = max(l.position, result.Position)
	if len(result.Events) == 0 {
		l.out.Duplicates++
		l.out.Items = append(l.out.Items, api.ItemOutcome{Index: i, Status: api.Duplicate})
		return nil
	}
	l.out.Accepted++
	return nil
}

func (l *listener) give(ctx context.Context, text json.RawMessage) (none command.Result[feedback.State], err error) {
	if p, ok := errors.AsType[*problem](checkJSON(text)); ok {
		return none, domain.Invalid("", "%s", p.Detail).WithCode(p.Code)
	}
	heard, err := feedback.Parse(text, l.server.Now())
	if err != nil {
		return none, err
	}
	if err := l.checkAbout(ctx, heard); err != nil {
		return none, err
	}
	subject, id := l.names.Of(subjectUnit, heard.Subject), l.names.Of(feedbackUnit, heard.EventID)
	item := feedback.Item{
		ID: id, Environment: l.place.Environment, Experiment: heard.Experiment, Flag: heard.Flag, Variant: heard.Variant, Score: heard.Score,
	}
	about, err := json.Marshal(item) // without the time, which a sender may leave to us
	if err != nil {
		return none, err
	}
	item.OccurredAt = *heard.OccurredAt
	plain, err := json.Marshal(words{EventID: heard.EventID, Text: heard.Text})
	if err != nil {
		return none, err
	}
	sealed, err := l.server.Vault.Seal(l.place.Project, subject, id, plain, about)
	if err != nil {
		return none, err
	}
	item.Key, item.Sealed, item.Mark = sealed.Key, sealed.Bytes, sealed.Mark
	give := feedback.Give{Project: l.place.Project, Subject: subject, Item: item}
	return l.server.Commands.Feedback(ctx, l.place.Project, subject, give, command.Options{Actor: principalOf(ctx).Actor()})
}

// checkAbout refuses feedback about what does not exist, or about a variant that nobody can have seen.
func (l *listener) checkAbout(ctx context.Context, heard feedback.Said) error {
	if heard.Experiment != "" {
		if err := l.checkExperiment(ctx, heard); err != nil {
			return err
		}
	}
	if heard.Flag == "" {
		return nil
	}
	state, err := l.flag(ctx, l.place, heard.Flag)
	if err != nil {
		return err
	}
	if state == nil {
		return domain.Invalid("/flag_key", "there is no flag %q in the project %q; create it first", heard.Flag, l.place.Project).WithCode("unknown_flag")
	}
	if heard.Variant == "" || slices.ContainsFunc(state.Variants, func(v flag.Variant) bool { return v.Key == heard.Variant }) {
		return nil
	}
	return domain.Invalid("/variant", "the flag %q has no variant %q", heard.Flag, heard.Variant).WithCode("unknown_variant")
}

// checkExperiment holds the experiment to what an exposure to it is held to. Without a variant it is about all of it.
func (l *listener) checkExperiment(ctx context.Context, heard feedback.Said) error {
	state, err := l.about.experiment(ctx, heard.Experiment)
	if err != nil {
		return err
	}
	x := measurement.Exposure{Experiment: heard.Experiment, Variant: heard.Variant}
	if state != nil {
		x.UnitType = state.Plan.Unit
		if heard.Variant == "" && len(state.Plan.Arms) > 0 {
			x.Variant = state.Plan.Arms[0].Variant
		}
	}
	return checkExposed(x, state, l.place)
}

// flag finds a flag, as arms finds an experiment; nil when there is none.
func (l *listener) flag(ctx context.Context, place ruleset.Place, key domain.FlagKey) (*flag.State, error) {
	e, ok := l.server.Catalog.Flag(place.Project, key)
	if !ok && !l.about.waited {
		l.about.waited = true
		if err := l.server.catchUp(ctx); err != nil {
			return nil, err
		}
		e, ok = l.server.Catalog.Flag(place.Project, key)
	}
	if !ok {
		return nil, nil
	}
	return &e.State, nil
}

// defaultPage is how much is listed when nothing is said.
const defaultPage = 50

// ListFeedback lists what people said.
func (s *Server) ListFeedback(ctx context.Context, r api.ListFeedbackRequestObject) (api.ListFeedbackResponseObject, error) {
	p, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	q := said.Query{Experiment: domain.ExperimentKey(r.Params.Experiment), Flag: domain.FlagKey(r.Params.Flag), Limit: r.Params.Limit}
	if q.Limit == 0 {
		q.Limit = defaultPage
	}
	if r.Params.Cursor != "" {
		before, err := strconv.ParseUint(r.Params.Cursor, 10, 64)
		if err != nil || before == 0 {
			return nil, refuse(http.StatusBadRequest, "bad_cursor", "the cursor is not one that was answered; begin without one")
		}
		q.Before = projections.Position(before)
	}
	entries, more := s.Feedback.List(p.State.Key, q)
	out := api.ListFeedback200JSONResponse{Items: []api.Feedback{}}
	for _, e := range entries {
		out.Items = append(out.Items, s.feedbackAnswer(p.State.Key, e))
	}
	s.auditReading(ctx, p.State.Key, out.Items)
	if more {
		out.NextCursor = positionOf(entries[len(entries)-1].Position)
	}
	return out, nil
}

// auditReading writes down who reads what people said, before it is answered: whatever level the server logs at, and nothing of what
// was said or by whom. It is a line and no event, so that reading goes on while the log takes no writes.
func (s *Server) auditReading(ctx context.Context, in domain.ProjectKey, items []api.Feedback) {
	readable := 0
	for _, i := range items {
		if i.Status == api.Readable {
			readable++
		}
	}
	s.Log.Log().Str("audit", "feedback_read").Str("actor", string(principalOf(ctx).Actor())).Str("project", string(in)).
		Int("items", len(items)).Int("readable", readable).Str("request_id", requestIDOf(ctx)).Msg("what people said was read")
}

func (s *Server) feedbackAnswer(in domain.ProjectKey, e said.Entry) api.Feedback {
	out := api.Feedback{
		Id: e.ID, Subject: e.Subject, Environment: string(e.Environment), ExperimentKey: string(e.Experiment), FlagKey: string(e.Flag),
		Variant: string(e.Variant), Score: e.Score, OccurredAt: e.OccurredAt, RecordedAt: e.At, Position: positionOf(e.Position), Status: api.Erased,
	}
	if e.Erased {
		return out
	}
	out.Status = api.Unreadable
	text, err := s.Vault.Unseal(in, e.Subject, e.ID, e.Key, e.Sealed)
	var w words
	if err == nil {
		err = json.Unmarshal(text, &w)
	}
	switch {
	case errors.Is(err, ErrSealed):
	case err != nil:
		s.Log.Error().Err(err).Str("position", out.Position).Msg("feedback cannot be read")
	default:
		out.Status, out.EventId, out.Text = api.Readable, w.EventID, w.Text
	}
	return out
}

// EraseSubject deletes the key before it records that it is deleted: whatever fails in between, doing it again completes it.
func (s *Server) EraseSubject(ctx context.Context, r api.EraseSubjectRequestObject) (api.EraseSubjectResponseObject, error) {
	p, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	subject := measurement.NewPseudonyms(s.UnitKey(p.State.Key)).Of(subjectUnit, r.Body.Subject)
	if err := s.Vault.Erase(p.State.Key, subject); err != nil {
		return nil, err
	}
	result, err := s.Commands.Feedback(ctx, p.State.Key, subject, feedback.Erase{}, options(ctx, r.Body.Reason, nil))
	if err != nil {
		return nil, err
	}
	return api.EraseSubject204Response{Headers: api.EraseSubject204ResponseHeaders{AssayPosition: positionOf(result.Position)}}, nil
}
