// Package measurement holds the facts that experiments are judged by: exposures (a unit saw a variant) and measurements (a
// unit did something), and the batches in which they are written down. It is for ingestion, which checks items and records
// batches, and for projections/facts, which reads them.
//
// # The model
//
// Facts are no aggregate: nothing is decided about them, they only have to be well formed. An accepted batch of at most
// MaxItems becomes one event in the stream measurement-project.environment.day, with its items compressed. An item's
// event_id is unique in its project: the same id with the same content is a duplicate and ignored; with another content it
// is refused (Fingerprint tells).
package measurement

import (
	"encoding/json"
	"time"

	"github.com/assayhq/assay/domain"
)

// Category is the category of the streams that hold batches.
const Category = "measurement"

// Limits of a batch and its items.
const (
	MaxItems      = 1_000
	MaxEventID    = 256     // bytes
	MaxUnit       = 512     // bytes
	MaxAttributes = 64      // per item
	MaxBatchBytes = 1 << 18 // of the encoded batch; a bigger one is recorded in parts
)

// AssumedTime is the mark (field ts) of an item whose source gave no time stamp.
const AssumedTime = "assumed"

// Exposure says that a unit was given a variant.
type Exposure struct {
	EventID    string               `json:"event_id"`
	Experiment domain.ExperimentKey `json:"experiment_key"`
	Variant    domain.VariantKey    `json:"variant"`
	UnitType   domain.UnitType      `json:"unit_type"`
	Unit       string               `json:"unit_id"`
	OccurredAt time.Time            `json:"occurred_at"`
	Flag       domain.FlagKey       `json:"flag_key,omitempty"`
	Reason     string               `json:"reason,omitempty"`
	// FlagVersion is the ruleset revision that decided.
	FlagVersion string `json:"flag_version,omitempty"`
	// Attributes are JSON scalars; those at the first exposure are the ones a report segments by.
	Attributes map[string]json.RawMessage `json:"attributes,omitempty"`
	TS         string                     `json:"ts,omitempty"`
}

// Measurement says that a unit did something.
type Measurement struct {
	EventID    string          `json:"event_id"`
	Event      string          `json:"event_name"`
	UnitType   domain.UnitType `json:"unit_type"`
	Unit       string          `json:"unit_id"`
	OccurredAt time.Time       `json:"occurred_at"`
	// Value is finite; 1 when the source gave none.
	Value      float64                    `json:"value"`
	Currency   string                     `json:"currency,omitempty"`
	Properties map[string]json.RawMessage `json:"properties,omitempty"`
	TS         string                     `json:"ts,omitempty"`
}

// Batch is what one event of the log holds.
type Batch struct {
	Project      domain.ProjectKey     `json:"project"`
	Environment  domain.EnvironmentKey `json:"environment"`
	ReceivedAt   time.Time             `json:"received_at"`
	Exposures    []Exposure            `json:"exposures,omitempty"`
	Measurements []Measurement         `json:"measurements,omitempty"`
}

// Len returns the number of items.
func (b Batch) Len() int { return len(b.Exposures) + len(b.Measurements) }
