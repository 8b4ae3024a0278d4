package metric

import "github.com/assayhq/assay/domain"

// Definition says how measurements become one value per unit. Everything that could be chosen after looking at the data
// (caps, covariates, margins) is part of it, so that it is chosen before.
type Definition struct {
	Kind Kind `json:"kind"`
	// Event is the event_name of the measurements to look at.
	Event     string    `json:"event"`
	Direction Direction `json:"direction"`
	// WindowSeconds is how long after its first exposure a unit's measurements count; 0: without end.
	WindowSeconds int64 `json:"window_seconds,omitempty"`
	// Unit names what the value is counted in, for display ("EUR", "rounds").
	Unit string `json:"unit,omitempty"`
	// Numerator and Denominator say what a ratio divides: the first is made of Event, the second of DenominatorEvent.
	Numerator        Total  `json:"numerator,omitempty"`
	Denominator      Total  `json:"denominator,omitempty"`
	DenominatorEvent string `json:"denominator_event,omitempty"`
	// Quantile is which quantile of the single values a quantile metric looks at, between 0 and 1: 0.5 is the median.
	Quantile float64 `json:"quantile,omitempty"`
	// Satisfied is the lowest answer that counts as satisfied in a CSAT survey.
	Satisfied float64 `json:"satisfied,omitempty"`
	// Winsorize caps the units' values, so that a few giants cannot decide.
	Winsorize Winsorize `json:"winsorize,omitzero"`
	// CovariateDays is how many days before its first exposure a unit's measurements make the covariate by which the variance of
	// the metric is reduced (CUPED); 0: none. CovariateEvent is their event name, Event when empty.
	CovariateDays  int    `json:"covariate_days,omitempty"`
	CovariateEvent string `json:"covariate_event,omitempty"`
	// Margin is how much worse the metric may get as a guardrail and still count as unharmed, unless the plan says otherwise.
	Margin Amount `json:"margin,omitzero"`
}

// Total says how a unit's measurements add up to a part of a ratio.
type Total string

// The totals.
const (
	CountOf Total = "count" // their number
	SumOf   Total = "sum"   // the sum of their values
)

// Winsorize says where values end; what lies beyond is set to the end. A zero Cap leaves its side open.
type Winsorize struct {
	Lower Cap `json:"lower,omitzero"`
	Upper Cap `json:"upper,omitzero"`
}

// Cap is an end of the values: a value itself, or a percentile of the values of all arms together.
type Cap struct {
	By CapBy   `json:"by"`
	At float64 `json:"at"`
}

// CapBy says what a Cap's number is.
type CapBy string

// What a cap can be.
const (
	ByValue      CapBy = "value"
	ByPercentile CapBy = "percentile" // from 0 to 100
)

// Amount is a change of a metric: in its own unit, or as a share of the control's value.
type Amount struct {
	By    AmountBy `json:"by"`
	Value float64  `json:"value"`
}

// AmountBy says what an Amount's number is.
type AmountBy string

// What an amount can be.
const (
	Relative AmountBy = "relative" // 0.02 is 2 % of the control's value
	Absolute AmountBy = "absolute"
)

// Kind says how a unit's measurements become its value.
type Kind string

// The kinds.
const (
	Binary Kind = "binary" // 1 when there is any measurement, else 0
	Count  Kind = "count"  // the number of measurements
	Mean   Kind = "mean"   // the sum of their values
	// Ratio divides two totals over all units of an arm: sum of numerators by sum of denominators.
	Ratio Kind = "ratio"
	// Quantile is a quantile of the single measurements' values over all units of an arm, such as the 95th percentile of latency.
	Quantile Kind = "quantile"
	// Rate is the number of measurements per day under observation.
	Rate Kind = "rate"
	// NPS is the net promoter score of each unit's last answer from 0 to 10: the share of 9 and 10 less that of 0 to 6, times 100.
	NPS Kind = "nps"
	// CSAT is the share of units whose last answer is at least Satisfied.
	CSAT Kind = "csat"
)

// Kinds lists them.
func Kinds() []Kind { return []Kind{Binary, Count, Mean, Ratio, Quantile, Rate, NPS, CSAT} }

// Direction says which way is good.
type Direction string

// The directions.
const (
	Increase Direction = "increase"
	Decrease Direction = "decrease"
)

// MaxWindowSeconds bounds a window: 400 days.
const MaxWindowSeconds = 400 * 24 * 60 * 60

// MaxCovariateDays bounds the time before the first exposure that a covariate looks at.
const MaxCovariateDays = 400

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
