package experiment

import (
	"time"

	"github.com/assayhq/assay/domain"
)

// Plan is what is written down before the first unit is seen.
type Plan struct {
	// Hypothesis: we believe <change> for <audience> will <move metric> because <evidence>.
	Hypothesis  string                `json:"hypothesis"`
	Flag        domain.FlagKey        `json:"flag"`
	Environment domain.EnvironmentKey `json:"environment"`
	Unit        domain.UnitType       `json:"unit"`
	// By is the attribute of the context whose value is the unit's id; empty: the targeting key.
	By string `json:"by,omitempty"`
	// Arms are at least two; the first is the control. Weights add up to Total.
	Arms  []Arm         `json:"arms"`
	Total domain.Weight `json:"total"`
	// Layer excludes the experiments in it from each other; the experiment takes part with LayerShare of the layer's buckets.
	// Empty: it is in none.
	Layer      domain.LayerKey `json:"layer,omitempty"`
	LayerShare domain.Weight   `json:"layer_share,omitempty"`
	// Primary is the metric that decides. Secondary ones explain, Guardrails must not get worse. No metric twice.
	Primary    domain.MetricKey   `json:"primary"`
	Secondary  []domain.MetricKey `json:"secondary,omitempty"`
	Guardrails []domain.MetricKey `json:"guardrails,omitempty"`
	// PlannedEnd is when the primary metric is read; the zero time: open-ended.
	PlannedEnd time.Time `json:"planned_end,omitzero"`
	// Analysis says how the results are computed and judged.
	Analysis Analysis `json:"analysis,omitzero"`
}

// Arm is a variant under test and its weight.
type Arm struct {
	Variant domain.VariantKey `json:"variant"`
	Weight  domain.Weight     `json:"weight"`
}

// Metrics lists the plan's metrics, the primary first.
func (p Plan) Metrics() []domain.MetricKey {
	all := make([]domain.MetricKey, 0, 1+len(p.Secondary)+len(p.Guardrails))
	all = append(all, p.Primary)
	all = append(all, p.Secondary...)
	return append(all, p.Guardrails...)
}

// Decision is what somebody made of the results.
type Decision struct {
	Outcome Outcome `json:"outcome"`
	// Variant is the one to ship; required for Ship, empty otherwise.
	Variant domain.VariantKey `json:"variant,omitempty"`
	// Why is at least 20 characters, for those who ask in a year.
	Why string `json:"why"`
}

// Outcome is the kind of a decision.
type Outcome string

// The outcomes.
const (
	Ship    Outcome = "ship"    // roll the variant out
	Keep    Outcome = "keep"    // keep what there was
	Iterate Outcome = "iterate" // change the idea and test again
	Rerun   Outcome = "rerun"   // the test failed, not the idea
)

// Status is where in its life an experiment is.
type Status string

// The statuses; the empty one: it does not exist.
const (
	StatusDraft   Status = "draft"
	StatusRunning Status = "running"
	StatusStopped Status = "stopped"
	StatusDecided Status = "decided"
)

// State is what is known of an experiment. The zero value: it does not exist.
type State struct {
	Project domain.ProjectKey
	Key     domain.ExperimentKey
	Name    string
	Status  Status
	// Plan is the one that counts now; Frozen is the pre-registered one, zero in draft.
	Plan      Plan
	Frozen    Plan
	Salt      string
	Algorithm string
	// Amendments counts the changes of the plan since the start.
	Amendments int
	Decision   *Decision
	// Readings are the looks at the results that count, in order.
	Readings []Reading
}

// Exists reports whether the experiment was ever created.
func (s State) Exists() bool { return s.Key != "" }
