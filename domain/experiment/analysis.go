package experiment

import (
	"math"
	"time"

	"github.com/assayhq/assay/domain"
)

// Analysis says how the results are computed and judged. In draft it holds what somebody said; starting fills in the rest, and
// from then on it is frozen with the plan. An experiment that started before there was such a section has none (its Method is
// empty) and keeps being judged as it was planned: with a fixed horizon.
type Analysis struct {
	// Method is chosen by the plan when it is empty: GroupSequential with a planned end or planned units, else
	// ConfidenceSequence.
	Method Method `json:"method,omitempty"`
	// Alpha is the two-sided error probability of the family of comparisons that decides; 0.05 unless told otherwise.
	Alpha float64 `json:"alpha,omitempty"`
	// Spending is how a group sequential design divides Alpha between its looks; SpendingPower is the exponent of SpendPower.
	Spending      Spending `json:"spending,omitempty"`
	SpendingPower float64  `json:"spending_power,omitempty"`
	// Looks is how many planned looks there are, equally spaced. LookAt says instead where they are: parts of the planned
	// information, increasing, the last one 1.
	Looks  int       `json:"looks,omitempty"`
	LookAt []float64 `json:"look_at,omitempty"`
	// PlannedUnits is how many units of all arms the plan asks for. With it a look's information is counted in units, without
	// it in time. A confidence sequence is tuned to be narrowest there.
	PlannedUnits int64 `json:"planned_units,omitempty"`
	// Correction is for the several comparisons of Scope.
	Correction Correction `json:"correction,omitempty"`
	Scope      Scope      `json:"scope,omitempty"`
	// CUPED says whether metrics that have a covariate are adjusted by it: on unless told otherwise.
	CUPED Switch `json:"cuped,omitempty"`
	// Segments are attributes of the exposures by whose values the primary metric is shown, too.
	Segments []string `json:"segments,omitempty"`
	// MinRuntimeSeconds is how long data must have come in before a conclusion in favour of an arm; nil: a week, or the planned
	// time when that is shorter.
	MinRuntimeSeconds *int64 `json:"min_runtime_seconds,omitempty"`
	// Margins are how much worse guardrails may get, where it is not what their metric says.
	Margins []Margin `json:"margins,omitempty"`
	// Target is by how much the primary metric is to improve; zero: by anything.
	Target Amount `json:"target,omitzero"`
	// Mixture is the size of the effects that MixtureSPRT looks for: the standard deviation of the normal distribution it mixes over.
	// Starting fills in Target where it is left out. A relative one holds for every metric, an absolute one is in the primary's unit.
	Mixture Amount `json:"mixture,omitzero"`
	// Tests are of metrics that are compared by another test than that of their kind.
	Tests []MetricTest `json:"tests,omitempty"`
	// PostStratify are attributes of the exposures whose values divide the units into strata: effects are taken within them and
	// weighed by their sizes. Units without the attribute are a stratum of their own.
	PostStratify []string `json:"post_stratify,omitempty"`
	// Covariates adjust metrics by the past of others, beside what their definitions say.
	Covariates []Covariates `json:"covariates,omitempty"`
	// Bayesian asks for the Bayesian view beside the other one.
	Bayesian *Bayesian `json:"bayesian,omitempty"`
	// Bandit asks for the weights of Thompson sampling.
	Bandit *Bandit `json:"bandit,omitempty"`
}

// Method is what makes intervals and p values valid.
type Method string

// The methods.
const (
	// GroupSequential is valid at the looks that were recorded, and only there.
	GroupSequential Method = "group_sequential"
	// ConfidenceSequence is valid at every moment.
	ConfidenceSequence Method = "confidence_sequence"
	// MixtureSPRT is valid at every moment, too, and strongest against effects of the size that the plan looks for.
	MixtureSPRT Method = "msprt"
	// Fixed is valid once, at the planned end.
	Fixed Method = "fixed"
)

// AlwaysValid reports whether the method holds however often one looks.
func (m Method) AlwaysValid() bool { return m == ConfidenceSequence || m == MixtureSPRT }

// Spending is a rule by which looks share the error probability.
type Spending string

// The rules. The first three are error-spending functions, which need no planned number of looks; the classic ones hold at
// equally spaced planned looks only.
const (
	SpendOBrienFleming   Spending = "obrien_fleming"         // Lan and DeMets 1983, O'Brien-Fleming type
	SpendPocock          Spending = "pocock"                 // Lan and DeMets 1983, Pocock type
	SpendPower           Spending = "power"                  // Kim and DeMets 1987: alpha t^power
	ClassicOBrienFleming Spending = "obrien_fleming_classic" // O'Brien and Fleming 1979
	ClassicPocock        Spending = "pocock_classic"         // Pocock 1977
)

// Classic reports whether the rule holds at equally spaced planned looks only.
func (s Spending) Classic() bool { return s == ClassicOBrienFleming || s == ClassicPocock }

// Correction is a rule for several comparisons.
type Correction string

// The corrections.
const (
	Holm         Correction = "holm"       // family-wise error, step-down
	Bonferroni   Correction = "bonferroni" // family-wise error, one level for all
	BH           Correction = "bh"         // false discovery rate (Benjamini and Hochberg)
	EBH          Correction = "ebh"        // false discovery rate by e-values (Wang and Ramdas), for always-valid methods
	NoCorrection Correction = "none"
)

// Scope says which comparisons are one family.
type Scope string

// The scopes: each comparison is an arm against the control in one metric.
const (
	ScopePrimary Scope = "primary" // the arms in the primary metric
	ScopeGoals   Scope = "goals"   // and in the secondary ones
	ScopeAll     Scope = "all"     // and in the guardrails
)

// Switch is on or off; empty: the default.
type Switch string

// The positions of a switch.
const (
	On  Switch = "on"
	Off Switch = "off"
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

// Margin is how much worse a guardrail may get and still count as unharmed.
type Margin struct {
	Metric domain.MetricKey `json:"metric"`
	Amount
}

// Bayesian is the prior of the Bayesian view: Beta(A, B) of the rates of a binary metric (1, 1 when both are 0), or, when RelativeSD
// is given, a normal prior of the relative effect.
type Bayesian struct {
	RelativeMean float64 `json:"relative_mean,omitempty"`
	RelativeSD   float64 `json:"relative_sd,omitempty"`
	A            float64 `json:"a,omitempty"`
	B            float64 `json:"b,omitempty"`
}

const (
	defaultAlpha = 0.05
	// Without a number of looks there is one a day, within these bounds: more than thirty cost power and tell little.
	fewestLooks = 5
	mostLooks   = 30
	// MaxLooks bounds the recorded looks of a group sequential experiment.
	MaxLooks    = 100
	maxSegments = 10
	maxAmount   = 1e12
	maxUnits    = 1 << 40
	week        = 7 * 24 * time.Hour
)

// Resolved is the analysis with everything filled in that nobody said, for a start at the given time.
func (p Plan) Resolved(at time.Time) Analysis {
	a := p.Analysis
	var planned time.Duration
	if !p.PlannedEnd.IsZero() {
		planned = p.PlannedEnd.Sub(at)
	}
	a.Method = p.willBe()
	if a.Alpha == 0 {
		a.Alpha = defaultAlpha
	}
	if a.Method == GroupSequential {
		a = a.withLooks(planned)
	}
	if a.Method == MixtureSPRT && a.Mixture == (Amount{}) {
		a.Mixture = a.Target
	}
	a.Correction, a.Scope, a.CUPED = or(a.Correction, Holm), or(a.Scope, ScopePrimary), or(a.CUPED, On)
	if a.MinRuntimeSeconds == nil {
		runtime := week
		if planned > 0 && planned < week {
			runtime = planned
		}
		seconds := int64(runtime / time.Second)
		a.MinRuntimeSeconds = &seconds
	}
	a.Bandit = a.Bandit.resolved(len(p.Arms))
	return a.withPriors()
}

func (a Analysis) withLooks(planned time.Duration) Analysis {
	a.Spending = or(a.Spending, SpendOBrienFleming)
	if a.Spending == SpendPower && a.SpendingPower == 0 {
		a.SpendingPower = 2
	}
	switch {
	case len(a.LookAt) > 0:
		a.Looks = len(a.LookAt)
	case a.Looks == 0:
		days := int(math.Round(planned.Hours() / 24))
		a.Looks = min(max(days, fewestLooks), mostLooks)
	}
	return a
}

// Schedule lists the planned looks as parts of the planned information; none for a method without looks.
func (a Analysis) Schedule() []float64 {
	if a.Method != GroupSequential {
		return nil
	}
	if len(a.LookAt) > 0 {
		return a.LookAt
	}
	out := make([]float64, a.Looks)
	for i := range out {
		out[i] = float64(i+1) / float64(a.Looks)
	}
	return out
}

func or[T comparable](given, otherwise T) T {
	var none T
	if given == none {
		return otherwise
	}
	return given
}
