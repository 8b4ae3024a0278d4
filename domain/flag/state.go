package flag

import (
	"encoding/json"

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

// Targeting is what an environment serves while the flag is on there: the first rule whose conditions all hold, else what the
// logic says, else the attached experiment, else the default. Off is served to everybody while it is off.
type Targeting struct {
	Rules   []Rule            `json:"rules,omitempty"`
	Logic   *Logic            `json:"logic,omitempty"`
	Default Serve             `json:"default"`
	Off     domain.VariantKey `json:"off"`
	// OffCallerDefault: while it is off no variant is served, the application goes on with its own value. Off is empty then.
	OffCallerDefault bool `json:"off_caller_default,omitempty"`
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

// Condition compares an attribute of the subject with values.
type Condition struct {
	// Attribute is a key of the evaluation context, or "targetingKey".
	Attribute string   `json:"attribute"`
	Operator  Operator `json:"operator"`
	// Values are JSON scalars: exactly one for the comparing operators, one or more for the others, none for Exists and
	// NotExists.
	Values []json.RawMessage `json:"values,omitempty"`
}

// Operator says how a condition compares.
type Operator string

// The operators. A missing attribute makes every condition false except NotExists, NotEquals and NotIn. Strings compare by
// their bytes; numbers as numbers, whatever their spelling; values of different types are never equal.
const (
	Equals         Operator = "equals"     // one value
	NotEquals      Operator = "not_equals" // one value
	In             Operator = "in"
	NotIn          Operator = "not_in"
	Contains       Operator = "contains"    // strings; any of the values
	StartsWith     Operator = "starts_with" // strings; any of the values
	EndsWith       Operator = "ends_with"   // strings; any of the values
	Greater        Operator = "greater"     // one number
	GreaterOrEqual Operator = "greater_or_equal"
	Less           Operator = "less"
	LessOrEqual    Operator = "less_or_equal"
	Exists         Operator = "exists"
	NotExists      Operator = "not_exists"
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
	// Weights add up to Total. Their order decides the ranges, so it is kept.
	Weights []VariantWeight `json:"weights"`
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
	Type        Type
	Variants    []Variant
	// Default and Off are what Created named; environments that have no entry below serve them, and are off.
	Default      domain.VariantKey
	Off          domain.VariantKey
	Environments map[domain.EnvironmentKey]Environment
	Archived     bool
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
}

// Exists reports whether the flag was ever created.
func (s State) Exists() bool { return s.Key != "" }

// In returns the setting in an environment, the initial one when it was never touched there.
func (s State) In(environment domain.EnvironmentKey) Environment {
	if e, ok := s.Environments[environment]; ok {
		return e
	}
	return Environment{Targeting: Targeting{Default: Serve{Variant: s.Default}, Off: s.Off}}
}
