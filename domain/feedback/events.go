package feedback

import (
	"time"

	"github.com/assayhq/assay/domain"
)

// Event is something that has happened to what a subject said.
//
//sumtype:decl
type Event interface{ isFeedbackEvent() }

// The events.
type (
	// Given says: the subject said something.
	Given struct {
		Project domain.ProjectKey `json:"project"`
		Subject string            `json:"subject"`
		Item
	}
	// Erased says: the keys are deleted under which all before this was sealed.
	Erased struct {
		Project domain.ProjectKey `json:"project"`
		Subject string            `json:"subject"`
		// Keys are the ids of the deleted keys, so that a copy of one that turns up again is known for what it is.
		Keys []string `json:"keys"`
	}
)

func (Given) isFeedbackEvent()  {}
func (Erased) isFeedbackEvent() {}

// Item is one thing that was said.
type Item struct {
	// ID is the pseudonym of the sender's id, unique for a subject.
	ID          string                `json:"id"`
	Environment domain.EnvironmentKey `json:"environment"`
	Experiment  domain.ExperimentKey  `json:"experiment,omitempty"`
	Flag        domain.FlagKey        `json:"flag,omitempty"`
	Variant     domain.VariantKey     `json:"variant,omitempty"`
	// Score is on the sender's scale; nil when none was given.
	Score      *float64  `json:"score,omitempty"`
	OccurredAt time.Time `json:"occurred_at"`
	// Key is the id of the key that Sealed is sealed under.
	Key    string `json:"key"`
	Sealed []byte `json:"sealed"`
	// Mark is a hash of the whole content under the subject's key: the same again has the same one, and without the key it says nothing.
	Mark string `json:"mark"`
}
