package flag

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/assayhq/assay/domain"
)

// Type is the type of a flag's values.
type Type string

// The types. Integer values are whole numbers within ±2^53, which every SDK can carry.
const (
	Boolean Type = "boolean"
	String  Type = "string"
	Integer Type = "integer"
	Float   Type = "float"
	Object  Type = "object" // a JSON object
)

// Variant is one named value of a flag. Value keeps its JSON text, compacted.
type Variant struct {
	Key   domain.VariantKey `json:"key"`
	Value json.RawMessage   `json:"value"`
}

// Targeting is what an environment serves while the flag is on there: the override that names the unit, else the variant Held
// to whom a holdout holds back, else the first rule whose conditions all hold, else what the logic says, else the attached
// experiment, else the default. Off is served to everybody while it is off.
type Targeting struct {
	Overrides []Override          `json:"overrides,omitempty"`
	Holdouts  []domain.HoldoutKey `json:"holdouts,omitempty"`
	// Held is what those who are held back get; Off when it is empty.
	Held    domain.VariantKey `json:"held,omitempty"`
	Rules   []Rule            `json:"rules,omitempty"`
	Logic   *Logic            `json:"logic,omitempty"`
	Default Serve             `json:"default"`
	Off     domain.VariantKey `json:"off"`
	// OffCallerDefault: while it is off no variant is served, the application goes on with its own value. Off is empty then.
	OffCallerDefault bool `json:"off_caller_default,omitempty"`
}

// Override serves a variant to units that are named one by one.
type Override struct {
	Variant domain.VariantKey `json:"variant"`
	// By is the attribute whose value is the unit id; empty for the targeting key.
	By    string   `json:"by,omitempty"`
	Units []string `json:"units"`
}

// Rule serves something to the subjects for whom all conditions hold.
type Rule struct {
	// ID names the rule in decisions and reports; unique in the environment. The decider numbers the ones without.
	ID string `json:"id"`
	// Description says in words whom the rule is for.
	Description string      `json:"description,omitempty"`
	If          []Condition `json:"if"` // at least one
	Serve       Serve       `json:"serve"`
}

// Condition is a question about a subject.
type Condition = domain.Condition

// Operator says how a condition compares.
type Operator = domain.Operator

// Some operators; package domain has all of them.
const (
	Equals         = domain.Equals
	NotEquals      = domain.NotEquals
	In             = domain.In
	NotIn          = domain.NotIn
	Contains       = domain.Contains
	StartsWith     = domain.StartsWith
	EndsWith       = domain.EndsWith
	Greater        = domain.Greater
	GreaterOrEqual = domain.GreaterOrEqual
	Less           = domain.Less
	LessOrEqual    = domain.LessOrEqual
	Exists         = domain.Present
	NotExists      = domain.NotPresent
)

// Serve is either one variant or a split. A default may also be the caller's own.
type Serve struct {
	Variant domain.VariantKey `json:"variant,omitempty"`
	Split   *Split            `json:"split,omitempty"`
	// CallerDefault serves no variant: the application goes on with the value it would have without the flag.
	CallerDefault bool `json:"caller_default,omitempty"`
}

// Split divides units between variants by a hash of salt and unit id.
type Split struct {
	// Algorithm, Salt and Total are recorded, so nobody is ever re-bucketed by an upgrade.
	Algorithm string        `json:"algorithm"`
	Salt      string        `json:"salt"`
	Total     domain.Weight `json:"total"`
	// By is the attribute whose value is the unit id; empty for the targeting key.
	By string `json:"by,omitempty"`
	// Strings is how an algorithm of another product reads unit ids; see domain.Slice.
	Strings string `json:"strings,omitempty"`
	// Weights add up to Total. Their order decides the ranges, so it is kept.
	Weights []VariantWeight `json:"weights"`
	// Layout is the ranges of buckets, one after the other, where they are not simply the weights in their order: when
	// weights change, every unit that can keep its variant does. It has the same sums as Weights.
	Layout []VariantWeight `json:"layout,omitempty"`
}

// Ranges are the variants' ranges of buckets, one after the other from 0 to Total.
func (s Split) Ranges() []VariantWeight {
	if len(s.Layout) > 0 {
		return s.Layout
	}
	return s.Weights
}

// VariantWeight is a variant's part of a split's total.
type VariantWeight struct {
	Variant domain.VariantKey `json:"variant"`
	Weight  domain.Weight     `json:"weight"`
}

// State is what is known of a flag. The zero value: it does not exist.
type State struct {
	Project     domain.ProjectKey
	Key         domain.FlagKey
	Name        string
	Description string
	Metadata    Metadata
	Type        Type
	Variants    []Variant
	// Default and Off are what Created named; environments that have no entry below serve them, and are off.
	Default domain.VariantKey
	Off     domain.VariantKey
	// Environments are sorted by key.
	Environments []Setting
	Archived     bool
}

// Setting is an environment that was touched. They are in a list, not in a map, because there are few of them and many flags.
type Setting struct {
	Key domain.EnvironmentKey
	Environment
}

// Environment is a flag's setting in one environment.
type Environment struct {
	On         bool
	Targeting  Targeting
	Experiment *Attachment // nil: none attached
}

// Attachment is an experiment that a flag serves.
type Attachment struct {
	Experiment domain.ExperimentKey
	Unit       domain.UnitType
	Split      Split
	// Layer is where the experiment has the slices Within, that limit it; empty for none.
	Layer  domain.LayerKey
	Within []domain.Slice
}

// Exists reports whether the flag was ever created.
func (s State) Exists() bool { return s.Key != "" }

// In returns the setting in an environment, the initial one when it was never touched there.
func (s State) In(environment domain.EnvironmentKey) Environment {
	if i, there := s.find(environment); there {
		return s.Environments[i].Environment
	}
	return Environment{Targeting: Targeting{Default: Serve{Variant: s.Default}, Off: s.Off}}
}

// find is where an environment is, or would be.
func (s State) find(environment domain.EnvironmentKey) (int, bool) {
	return slices.BinarySearchFunc(s.Environments, environment, func(e Setting, key domain.EnvironmentKey) int { return cmp.Compare(e.Key, key) })
}
