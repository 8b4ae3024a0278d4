package flags

import "encoding/json"

// Format is the version of the snapshot's wire format.
const Format = 1

// BucketingV1 is the name of the default algorithm.
const BucketingV1 = "murmur3-32/1"

// Snapshot is all flags of one environment at one position of the log. Its JSON is the ruleset that servers hand out.
type Snapshot struct {
	Format      int    `json:"format"`
	Project     string `json:"project"`
	Environment string `json:"environment"`
	// Revision is the log position of the newest event that shaped the snapshot; a string in JSON because it may exceed
	// 2^53.
	Revision uint64 `json:"revision,string"`
	// Flags are sorted by key. Archived flags are not in it.
	Flags []Flag `json:"flags"`
}

// Flag is one flag in one environment.
type Flag struct {
	Key  string `json:"key"`
	Type Type   `json:"type"`
	// Revision is the log position of the newest event that shaped this flag here.
	Revision uint64 `json:"revision,string"`
	// Requires names what a program must know beyond this format to serve the flag right. Whoever doesn't know one of them
	// answers PARSE_ERROR instead of ignoring it, so that what is added later can be safe for programs of today. This
	// version knows none.
	Requires []string  `json:"requires,omitempty"`
	On       bool      `json:"on"`
	Variants []Variant `json:"variants"`
	Off      string    `json:"off"` // the variant served while the flag is not on
	Rules    []Rule    `json:"rules,omitempty"`
	// Experiment takes what no rule matches, when there is one.
	Experiment *Experiment `json:"experiment,omitempty"`
	Default    Serve       `json:"default"`
}

// Type is the type of a flag's values.
type Type string

// The types.
const (
	Boolean Type = "boolean"
	String  Type = "string"
	Integer Type = "integer"
	Float   Type = "float"
	Object  Type = "object"
)

// Variant is a named value.
type Variant struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// Rule serves something to the subjects for whom all conditions hold.
type Rule struct {
	ID    string      `json:"id"`
	If    []Condition `json:"if"`
	Serve Serve       `json:"serve"`
}

// Condition compares an attribute of the subject with values.
type Condition struct {
	Attribute string            `json:"attribute"`
	Operator  Operator          `json:"operator"`
	Values    []json.RawMessage `json:"values,omitempty"`
}

// Operator says how a condition compares.
type Operator string

// The operators. A missing attribute makes every condition false except NotExists, NotEquals and NotIn. Strings compare by
// their bytes; numbers as float64, whatever their Go type, so that all languages agree (ids beyond 2^53 belong in strings);
// values of different types are never equal.
const (
	Equals         Operator = "equals"
	NotEquals      Operator = "not_equals"
	In             Operator = "in"
	NotIn          Operator = "not_in"
	Contains       Operator = "contains"
	StartsWith     Operator = "starts_with"
	EndsWith       Operator = "ends_with"
	Greater        Operator = "greater"
	GreaterOrEqual Operator = "greater_or_equal"
	Less           Operator = "less"
	LessOrEqual    Operator = "less_or_equal"
	Exists         Operator = "exists"
	NotExists      Operator = "not_exists"
)

// Serve is either one variant or a split.
type Serve struct {
	Variant string `json:"variant,omitempty"`
	Split   *Split `json:"split,omitempty"`
}

// Split divides units between variants.
type Split struct {
	Algorithm string   `json:"algorithm"`
	Salt      string   `json:"salt"`
	Total     uint32   `json:"total"`
	By        string   `json:"by,omitempty"` // attribute that holds the unit id; empty for the targeting key
	Weights   []Weight `json:"weights"`      // add up to Total
}

// Weight is a variant's part of a split's total.
type Weight struct {
	Variant string `json:"variant"`
	Weight  uint32 `json:"weight"`
}

// Experiment is a running experiment on the flag.
type Experiment struct {
	Key   string `json:"key"`
	Unit  string `json:"unit"` // unit type, "user" as a rule
	Split Split  `json:"split"`
}
