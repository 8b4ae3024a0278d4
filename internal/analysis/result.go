// Package analysis turns an experiment and the facts at a log position into one Result: numbers and a verdict, no
// rendering. It is what reports tell and what guards act on, so the two can never disagree.
//
// # The model
//
// A Result is a pure function of the experiment's history and the facts up to a position, and of Version. Asked again at the
// same position it is the same, to the byte. Everything a reader needs to recompute it is in it: the counts and
// sums per arm, the method and the critical value of every comparison.
//
// The control is the first arm; every difference is treatment - control. One critical value per comparison drives its p,
// its interval and its relative interval, so they never contradict each other. Which critical value that is, the frozen plan
// says: that of the last recorded look of a group sequential design, that of a confidence sequence, or that of a fixed horizon,
// at the level that the correction for several comparisons leaves. A metric that cannot be judged says why, alone, and takes no
// other down.
//
// In a group sequential design the comparisons are those of the last reading: they are made from the facts at its position, so
// that whoever opens the report in between sees what may be concluded and no more. Units that came since are counted beside
// them, and health is always that of all facts.
package analysis

import (
	"time"

	"github.com/assayhq/assay/domain/experiment"
)

// Version names the computation. It changes when the same facts give other numbers.
const Version = "3"

// Result is everything that is known about an experiment at a position.
type Result struct {
	AnalysisVersion string `json:"analysis_version"`
	// Position is the log position whose facts are in it, a decimal string.
	Position   string     `json:"position"`
	Project    string     `json:"project"`
	Experiment Experiment `json:"experiment"`
	Verdict    Verdict    `json:"verdict"`
	Plan       Plan       `json:"plan"`
	Looks      *Looks     `json:"looks,omitempty"`
	// Weighings are the changes of the arms' weights, Bandit the weights that the plan's bandit recommends.
	Weighings []Weighing  `json:"weight_changes,omitempty"`
	Bandit    *Thompson   `json:"bandit,omitempty"`
	Arms      []Arm       `json:"arms"`
	Metrics   []Metric    `json:"metrics"`
	Segments  []Segmented `json:"segments,omitempty"`
	Health    Health      `json:"health"`
	Data      Data        `json:"data"`
	// Alpha is the two-sided error probability of the family of comparisons that decides. The interval of a comparison covers 1 - its
	// level, which is Alpha unless it was corrected.
	Alpha float64 `json:"alpha"`
}

// Experiment is what was asked and how.
type Experiment struct {
	Key         string `json:"key"`
	Name        string `json:"name"`
	Status      string `json:"status"`
	Hypothesis  string `json:"hypothesis"`
	Flag        string `json:"flag"`
	Environment string `json:"environment"`
	UnitType    string `json:"unit_type"`
	// UnitBy is the attribute whose value is the unit's id; empty for the targeting key.
	UnitBy     string               `json:"unit_by,omitempty"`
	PlannedEnd time.Time            `json:"planned_end,omitzero"`
	StartedAt  time.Time            `json:"started_at,omitzero"`
	StoppedAt  time.Time            `json:"stopped_at,omitzero"`
	DecidedAt  time.Time            `json:"decided_at,omitzero"`
	Decision   *experiment.Decision `json:"decision,omitempty"`
	Amendments []Amendment          `json:"amendments,omitempty"`
}

// Amendment is a change of the plan after the start.
type Amendment struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	// Changed names what it changed of the plan.
	Changed []string `json:"changed,omitempty"`
}

// Outcome is what the verdict says, one of five.
type Outcome string

// The outcomes. DoNotTrust always wins.
const (
	Ship         Outcome = "ship"
	DoNotShip    Outcome = "do_not_ship"
	NoDifference Outcome = "no_clear_difference"
	NotEnough    Outcome = "not_enough_data"
	DoNotTrust   Outcome = "do_not_trust"
)

// Verdict is the answer in a sentence.
type Verdict struct {
	Outcome Outcome `json:"outcome"`
	// Variant is the arm to ship, or the one that must not; empty otherwise.
	Variant  string `json:"variant,omitempty"`
	Sentence string `json:"sentence"`
}

// Arm is a variant under test.
type Arm struct {
	Variant string `json:"variant"`
	Control bool   `json:"control"`
	// ExpectedShare is the arm's part of the planned split; where the weights changed, of the units as they came.
	ExpectedShare float64 `json:"expected_share"`
	Units         int64   `json:"units"`
}

// Metric is one metric of the plan over all arms.
type Metric struct {
	Key       string `json:"key"`
	Name      string `json:"name"`
	Role      Role   `json:"role"`
	Kind      string `json:"kind"`
	Direction string `json:"direction"`
	// Test is the test that the plan chose; empty for that of the kind.
	Test        string      `json:"test,omitempty"`
	Unit        string      `json:"unit,omitempty"`
	WindowSecs  int64       `json:"window_seconds,omitempty"`
	Arms        []MetricArm `json:"arms"`
	Comparisons []Effect    `json:"comparisons"`
	// Capped says where values were capped; nil when they were not.
	Capped *Capped `json:"capped,omitempty"`
	// Adjusted tells what covariates did (CUPED); nil without one.
	Adjusted *Adjusted `json:"adjusted,omitempty"`
	// Stratified tells what strata did; nil without them.
	Stratified *Stratified `json:"stratified,omitempty"`
	// Notes are sentences about how this metric was computed that a careful reader wants to know.
	Notes []string `json:"notes,omitempty"`
	// UnitsWithoutExposure sent measurements of this metric's event but were never exposed.
	UnitsWithoutExposure int64 `json:"units_without_exposure"`
}

// Role is what a metric is for in the plan.
type Role string

// The roles.
const (
	Primary   Role = "primary"
	Secondary Role = "secondary"
	Guardrail Role = "guardrail"
)

// MetricArm is a metric in one arm: counts and sums to recompute everything from, and the arm's figure.
type MetricArm struct {
	Variant string `json:"variant"`
	Units   int64  `json:"units"`
	// Conversions is set for binary metrics: units with a value of 1.
	Conversions *int64  `json:"conversions,omitempty"`
	Sum         float64 `json:"sum"`
	SumSquares  float64 `json:"sum_squares"`
	// Mean is the conversion rate of a binary metric.
	Mean float64 `json:"mean"`
	// Denominator is the sum of what a ratio or rate divides by; nil for other kinds.
	Denominator *float64 `json:"denominator,omitempty"`
	// SD is the standard deviation with n - 1; nil with less than two units.
	SD *float64 `json:"sd,omitempty"`
	// Interval of the mean: Wilson for rates, Student's t for means; nil where there is none.
	Interval *Interval `json:"interval,omitempty"`
}

// Interval is a closed range.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Effect compares one arm with the control.
type Effect struct {
	Variant string `json:"variant"`
	Control string `json:"control"`
	// Problem says in a sentence why there is no comparison; everything below is absent then.
	Problem string `json:"problem,omitempty"`
	Method  string `json:"method,omitempty"`
	// Difference is treatment - control in the metric's own unit; in a comparison by ranks it is Rank.Superiority - 0.5.
	Difference *Estimate `json:"difference,omitempty"`
	// Relative is the difference over the control's absolute mean; nil when the control's mean is 0.
	Relative  *Relative `json:"relative,omitempty"`
	Statistic float64   `json:"statistic,omitempty"`
	// DF are the degrees of freedom of a t statistic; nil for a z statistic.
	DF       *float64 `json:"df,omitempty"`
	Critical float64  `json:"critical_value,omitempty"`
	P        float64  `json:"p_value"`
	// LnP is the natural logarithm of P, for when P underflows.
	LnP float64 `json:"ln_p_value"`
	// Rule is what makes p and the intervals valid: the fixed horizon, a look of a group sequential design, a confidence sequence.
	Rule string `json:"rule,omitempty"`
	// Level is the error probability at which the intervals are made; AdjustedP is the p value after the correction for several
	// comparisons of Family. Both are nil and empty for a comparison that belongs to no family.
	Level     *float64 `json:"level,omitempty"`
	AdjustedP *float64 `json:"adjusted_p_value,omitempty"`
	Family    string   `json:"family,omitempty"`
	// Running is the strongest evidence so far, where the method is valid at every moment; for the primary metric.
	Running *Running `json:"running,omitempty"`
	// Rank is what a comparison by ranks says; nil for others.
	Rank *Rank `json:"rank,omitempty"`
	// Guard is the verdict on a guardrail.
	Guard *Guard `json:"guard,omitempty"`
	// Target is the verdict on the KPI target of the primary metric.
	Target *Target `json:"target,omitempty"`
	// Bayesian is the Bayesian view, when the plan asks for it.
	Bayesian *Bayesian `json:"bayesian,omitempty"`
	// Warnings are sentences about this comparison.
	Warnings []string `json:"warnings,omitempty"`
	// Exact is the p value of an exact test where the counts are small, at a fixed horizon: Fisher's or that of two Poisson rates, mid-p.
	Exact *ExactP `json:"exact,omitempty"`
	// Pooled is the classical pooled z test of two proportions, beside the one that the interval belongs to.
	Pooled *PooledZ `json:"pooled_z,omitempty"`
	// Word is "better", "worse" or "no clear difference", by the metric's direction.
	Word Word `json:"word,omitempty"`
}

// Word is what a comparison says in a word.
type Word string

// The words.
const (
	Better  Word = "better"
	Worse   Word = "worse"
	Unclear Word = "no clear difference"
)

// Estimate is a number with its uncertainty.
type Estimate struct {
	Value    float64  `json:"value"`
	SE       float64  `json:"se"`
	Interval Interval `json:"interval"`
}

// Relative is a relative effect with Fieller's interval, whose ends are nil when it is unbounded.
type Relative struct {
	Value     float64  `json:"value"`
	Low       *float64 `json:"low"`
	High      *float64 `json:"high"`
	Unbounded bool     `json:"unbounded,omitempty"`
}

// PooledZ is the pooled z test of two proportions.
type PooledZ struct {
	SE float64 `json:"se"`
	Z  float64 `json:"z"`
	P  float64 `json:"p_value"`
}

// ExactP is an exact test's p value.
type ExactP struct {
	Method string  `json:"method"`
	P      float64 `json:"p_value"`
	LnP    float64 `json:"ln_p_value"`
}

// Health says whether the numbers can be trusted.
type Health struct {
	SRM        SRM        `json:"srm"`
	Crossovers Crossovers `json:"crossovers"`
	// Checks are the others, each with what to do.
	Checks []Check `json:"checks,omitempty"`
}

// Check is a health check beside the two that every experiment has.
type Check struct {
	Name     string `json:"name"`
	State    State  `json:"state"`
	Sentence string `json:"sentence"`
	// P is the check's p value, when it is a test.
	P *float64 `json:"p_value,omitempty"`
}

// State of a health check.
type State string

// The states.
const (
	Pass State = "pass"
	Warn State = "warn"
	Fail State = "fail"
	// None: there is nothing to check yet.
	None State = "none"
)

// SRM is the check for a sample ratio mismatch: chi-square of the units per arm against the planned split.
type SRM struct {
	State     State     `json:"state"`
	Observed  []int64   `json:"observed"`
	Expected  []float64 `json:"expected"`
	ChiSquare float64   `json:"chi_square"`
	DF        int       `json:"df"`
	P         float64   `json:"p_value"`
	Threshold float64   `json:"threshold"`
	// SequentialP is the p value of the test that may be watched all the time.
	SequentialP *float64 `json:"sequential_p_value,omitempty"`
	Sentence    string   `json:"sentence"`
}

// Crossovers are units that were seen in more than one arm. They are excluded from every arm.
type Crossovers struct {
	State    State   `json:"state"`
	Units    int64   `json:"units"`
	Share    float64 `json:"share"` // of all exposed units
	Policy   string  `json:"policy"`
	Sentence string  `json:"sentence"`
}

// Data says what the result is made of.
type Data struct {
	FirstExposure time.Time `json:"first_exposure,omitzero"`
	LastExposure  time.Time `json:"last_exposure,omitzero"`
	// AssumedTimes: the source gave no time stamps; what is drawn over time rests on assumed dates.
	AssumedTimes bool `json:"assumed_times,omitempty"`
	// UnknownVariantUnits were exposed only to variants that are no arms.
	UnknownVariantUnits int64 `json:"unknown_variant_units,omitempty"`
}
