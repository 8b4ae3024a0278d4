package feedback

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"time"

	"github.com/assayhq/assay/domain"
)

// Said is one thing that a person said, as it is sent: it names them and is never recorded like this.
type Said struct {
	// EventID is the sender's, unique for the subject.
	EventID string `json:"event_id"`
	// Subject is how the product knows the person.
	Subject    string               `json:"subject"`
	Text       string               `json:"text"`
	Score      *float64             `json:"score"`
	Experiment domain.ExperimentKey `json:"experiment_key"`
	Flag       domain.FlagKey       `json:"flag_key"`
	Variant    domain.VariantKey    `json:"variant"`
	OccurredAt *time.Time           `json:"occurred_at"`
}

// Limits of what is said.
const (
	MaxText    = 8_000 // bytes
	MaxSubject = 512   // bytes
	maxEventID = 256   // bytes
)

// Parse reads one item and checks what can be checked before it is sealed; at is when it came in, and when it was said if it says
// nothing of that. The error is a *domain.Refusal that repeats nothing of what was said.
func Parse(text []byte, at time.Time) (Said, error) {
	var s Said
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&s)
	if err == nil && len(bytes.TrimSpace(text)) > 0 && bytes.TrimSpace(text)[0] != '{' {
		err = errors.New("no object")
	}
	if _, more := decoder.Token(); err == nil && !errors.Is(more, io.EOF) {
		err = errors.New("something follows")
	}
	if err != nil {
		return Said{}, unreadable(err)
	}
	if s.OccurredAt == nil {
		s.OccurredAt = &at
	}
	return s, s.check()
}

func unreadable(err error) *domain.Refusal {
	if field, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && field.Field != "" {
		return domain.Invalid("/"+field.Field, "the field %s holds a %s, which is the wrong type", field.Field, field.Value).WithCode("wrong_type")
	}
	if strings.HasPrefix(err.Error(), "json: unknown field") {
		return domain.Invalid("", "there is a field that is not known; feedback has event_id, subject, text, score, experiment_key, flag_key, variant and occurred_at").WithCode("unknown_field")
	}
	if _, ok := errors.AsType[*time.ParseError](err); ok {
		return domain.Invalid("/occurred_at", "occurred_at is no time in RFC 3339; write it like 2026-01-31T08:00:00Z").WithCode("wrong_type")
	}
	return domain.Invalid("", "the item is no JSON object that can be read").WithCode("malformed_json")
}

func (s Said) check() error {
	for _, t := range []struct {
		pointer, what, text string
		limit               int
	}{
		{"/event_id", "event_id", s.EventID, maxEventID}, {"/subject", "subject", s.Subject, MaxSubject}, {"/text", "text", s.Text, MaxText},
	} {
		if err := domain.CheckText(t.pointer, t.what, t.text, true, t.limit); err != nil {
			return err
		}
	}
	if s.Variant != "" && s.Experiment == "" && s.Flag == "" {
		return domain.Invalid("/variant", "a variant is one of a flag or an experiment; name that with flag_key or experiment_key").WithCode("missing")
	}
	if s.Score != nil && (math.IsNaN(*s.Score) || math.IsInf(*s.Score, 0)) {
		return domain.Invalid("/score", "the score is no finite number").WithCode("not_finite")
	}
	return nil
}
