package metric

import "github.com/assayhq/assay/domain"

// Definition says how measurements become one value per unit.
type Definition struct {
	Kind Kind `json:"kind"`
	// Event is the event_name of the measurements to look at.
	Event     string    `json:"event"`
	Direction Direction `json:"direction"`
	// WindowSeconds is how long after its first exposure a unit's measurements count; 0: without end.
	WindowSeconds int64 `json:"window_seconds,omitempty"`
	// Unit names what the value is counted in, for display ("EUR", "rounds").
	Unit string `json:"unit,omitempty"`
}

// Kind says how a unit's measurements become its value.
type Kind string

// The kinds.
const (
	Binary Kind = "binary" // 1 when there is any measurement, else 0
	Count  Kind = "count"  // the number of measurements
	Mean   Kind = "mean"   // the sum of their values
)

// Direction says which way is good.
type Direction string

// The directions.
const (
	Increase Direction = "increase"
	Decrease Direction = "decrease"
)

// MaxWindowSeconds bounds a window: 400 days.
const MaxWindowSeconds = 400 * 24 * 60 * 60

// State is what is known of a metric. The zero value: it does not exist.
type State struct {
	Project     domain.ProjectKey
	Key         domain.MetricKey
	Name        string
	Description string
	Definition  Definition
	Archived    bool
}

// Exists reports whether the metric was ever created.
func (s State) Exists() bool { return s.Key != "" }
