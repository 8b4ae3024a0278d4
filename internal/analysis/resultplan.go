package analysis

import (
	"time"

	"github.com/assayhq/assay/domain/experiment"
)

// Plan is how the experiment is analysed, as it was frozen at the start.
type Plan struct {
	// Analysis is the plan's section. Its Method is fixed for experiments from before there was one.
	experiment.Analysis
	// Sentences tell it to a reader.
	Sentences []string `json:"sentences"`
}

// Looks are the readings that were recorded.
type Looks struct {
	// Planned is how many looks the plan has; 0 for a method without a plan of looks.
	Planned int    `json:"planned,omitempty"`
	Taken   []Look `json:"taken"`
	// Next is when the next planned look is due, at the zero time when it goes by units or there is none; NextFraction is at which
	// part of the planned information.
	Next         time.Time `json:"next,omitzero"`
	NextFraction float64   `json:"next_fraction,omitempty"`
	// Position is that of the facts the comparisons are made from: the last look's.
	Position string `json:"position,omitempty"`
	// UnitsSince are units that came after the last look; they are not in the comparisons.
	UnitsSince int64 `json:"units_since,omitempty"`
	// Bounds are the critical values of the looks so far, at the plan's alpha.
	Bounds   []float64 `json:"bounds,omitempty"`
	Sentence string    `json:"sentence"`
}

// Look is one recorded reading.
type Look struct {
	Look     int                   `json:"look"`
	Planned  int                   `json:"planned,omitempty"`
	Position string                `json:"position"`
	At       time.Time             `json:"at"`
	Fraction float64               `json:"fraction"`
	Final    bool                  `json:"final,omitempty"`
	Units    []int64               `json:"units"`
	Compared []experiment.Compared `json:"comparisons"`
	Verdict  string                `json:"verdict"`
}

// Guard is what may be said of a guardrail: two one-sided tests against a margin, valid at every moment.
type Guard struct {
	// Margin is how much worse the metric may get; a value of 0 asks only whether it got worse at all.
	Margin experiment.Amount `json:"margin"`
	State  GuardState        `json:"state"`
	// HarmP is the p value of harm beyond the margin, SafeP that of no harm beyond it.
	HarmP    float64 `json:"harm_p_value"`
	SafeP    float64 `json:"safe_p_value"`
	Sentence string  `json:"sentence"`
}

// GuardState is one of three.
type GuardState string

// The states of a guardrail.
const (
	GuardHolds    GuardState = "holds"    // shown to be no worse than the margin
	GuardBreached GuardState = "breached" // shown to be worse than the margin
	GuardOpen     GuardState = "open"     // neither is shown yet
)

// Target is what may be said of the KPI target.
type Target struct {
	Target experiment.Amount `json:"target"`
	// Reached: the whole interval lies beyond the target. Missed: the whole interval lies below it. Neither: it is open.
	Reached  bool   `json:"reached"`
	Missed   bool   `json:"missed"`
	Sentence string `json:"sentence"`
}

// Bayesian is the view of somebody who starts from the prior and looks once.
type Bayesian struct {
	// ChanceToWin is the probability that the arm is better than the control, by the metric's direction.
	ChanceToWin float64 `json:"chance_to_win"`
	// LossIfShipped is by how much the arm is expected to be worse when it is chosen, LossIfKept when the control is; in the
	// metric's own unit.
	LossIfShipped float64 `json:"expected_loss_if_shipped"`
	LossIfKept    float64 `json:"expected_loss_if_kept"`
	// Credible is the interval of the difference that holds 1 - alpha of the posterior; nil where it is not computed.
	Credible *Interval `json:"credible,omitempty"`
	Method   string    `json:"method"`
}

// Capped says where a metric's values end.
type Capped struct {
	Lower *float64 `json:"lower,omitempty"`
	Upper *float64 `json:"upper,omitempty"`
	// Units are how many units of each arm were capped.
	Units []int64 `json:"units"`
}

// Adjusted is what covariates did to a metric.
type Adjusted struct {
	// Covariate says in words what it is; of several, all of them, and Covariates one by one.
	Covariate  string   `json:"covariate"`
	Covariates []string `json:"covariates,omitempty"`
	// Theta is the slope, VarianceReduction the share of the variance of the difference that was removed, by treatment arm.
	Comparisons []AdjustedArm `json:"comparisons"`
}

// AdjustedArm is the adjustment of one comparison.
type AdjustedArm struct {
	Variant string  `json:"variant"`
	Theta   float64 `json:"theta"`
	// Thetas are the slopes of several covariates, in their order; 0 for one that the others explain. The first is Theta.
	Thetas            []float64 `json:"thetas,omitempty"`
	VarianceReduction float64   `json:"variance_reduction"`
	// Unadjusted is the difference without the covariate.
	Unadjusted Estimate `json:"unadjusted"`
}

// Segmented is the primary metric by the values of an attribute.
type Segmented struct {
	Attribute string    `json:"attribute"`
	Segments  []Segment `json:"segments"`
	// Interactions test, by treatment arm, whether the effect differs between the segments.
	Interactions []Interaction `json:"interactions"`
	Sentence     string        `json:"sentence"`
}

// Segment is the units with one value of the attribute. Its comparisons are not corrected and decide nothing.
type Segment struct {
	Value       string      `json:"value"`
	Arms        []MetricArm `json:"arms"`
	Comparisons []Effect    `json:"comparisons"`
	// SRMP is the p value of the sample ratio within the segment; nil when it was not tested.
	SRMP *float64 `json:"srm_p_value,omitempty"`
}

// Interaction is a test of one effect being different in different segments.
type Interaction struct {
	Variant string  `json:"variant"`
	P       float64 `json:"p_value"`
	Method  string  `json:"method"`
}
