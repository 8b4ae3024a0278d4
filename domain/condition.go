package domain

import "encoding/json"

// Condition is a question about a subject. It is one of five: a comparison of an attribute with values (Operator is set), a
// group of conditions (All or Any is), membership of segments (Segments is), what another flag serves (Flag is), or a slice
// of all units (Slice is). Flags and segments ask the same questions, so the words are here.
type Condition struct {
	// Attribute is a key of the evaluation context, or "targetingKey"; Path leads further into an object.
	Attribute string   `json:"attribute,omitempty"`
	Path      []string `json:"path,omitempty"`
	Operator  Operator `json:"operator,omitempty"`
	// Values are JSON scalars; how many and of which type, the operator says.
	Values []json.RawMessage `json:"values,omitempty"`
	// IgnoreCase compares texts by Unicode's simple case folding.
	IgnoreCase bool `json:"ignore_case,omitempty"`
	// Elements looks into lists: the comparison of a list holds when it does for one of its elements.
	Elements bool `json:"elements,omitempty"`

	All []Condition `json:"all,omitempty"` // all of these hold
	Any []Condition `json:"any,omitempty"` // at least one of these holds

	// Segments holds for the members of at least one of them.
	Segments []SegmentKey `json:"segments,omitempty"`

	// Flag names another flag; the condition holds when that one serves the subject one of Variants, or else one of Values.
	Flag     FlagKey      `json:"flag,omitempty"`
	Variants []VariantKey `json:"variants,omitempty"`

	// Slice holds for the units in it.
	Slice *Slice `json:"slice,omitempty"`

	// Not turns the condition round, whatever it is.
	Not bool `json:"not,omitempty"`
}

// Operator says how a condition compares an attribute with its values.
type Operator string

// The operators; package flags says what each means to the letter. What a missing attribute does: every condition is false
// except NotPresent, IsEmpty and the negations. Strings compare by their bytes; numbers as numbers, whatever their spelling;
// values of different types are never equal.
const (
	Equals    Operator = "equals"     // one value
	NotEquals Operator = "not_equals" // one value
	In        Operator = "in"
	NotIn     Operator = "not_in"

	Contains      Operator = "contains" // strings; any of the values
	NotContains   Operator = "not_contains"
	StartsWith    Operator = "starts_with" // strings; any of the values
	NotStartsWith Operator = "not_starts_with"
	EndsWith      Operator = "ends_with" // strings; any of the values
	NotEndsWith   Operator = "not_ends_with"
	Matches       Operator = "matches" // regular expressions in RE2's syntax; any of the values
	NotMatches    Operator = "not_matches"

	Greater        Operator = "greater" // one number
	GreaterOrEqual Operator = "greater_or_equal"
	Less           Operator = "less"
	LessOrEqual    Operator = "less_or_equal"
	Between        Operator = "between" // two numbers, both included
	Modulo         Operator = "modulo"  // divisor and remainder

	VersionEquals         Operator = "version_equals" // versions of semver.org; any of the values
	VersionGreater        Operator = "version_greater"
	VersionGreaterOrEqual Operator = "version_greater_or_equal"
	VersionLess           Operator = "version_less"
	VersionLessOrEqual    Operator = "version_less_or_equal"
	VersionInRange        Operator = "version_in_range" // "^1.2", "~1.2.3", ">=1.2 <2 || 3.x"; any of the values

	Before     Operator = "before" // one time: RFC 3339, or a date
	BeforeOrAt Operator = "before_or_at"
	After      Operator = "after"
	AfterOrAt  Operator = "after_or_at"
	OnSameDate Operator = "on_same_date" // times; any of the values

	InNetwork Operator = "in_network" // IP addresses and CIDR ranges; any of the values

	Present    Operator = "exists"
	NotPresent Operator = "not_exists"
	IsEmpty    Operator = "is_empty"
	IsType     Operator = "is_type" // string, number, boolean, list, object, time

	HasAny     Operator = "has_any" // of a list
	HasAll     Operator = "has_all"
	HasNone    Operator = "has_none"
	HasOnly    Operator = "has_only"
	HasExactly Operator = "has_exactly"
	HasSize    Operator = "has_size" // least and most
)

// Slice is a part of all units: those whose bucket is in one of the ranges.
type Slice struct {
	// Algorithm, Salt and Total are recorded, so nobody is ever re-bucketed by an upgrade.
	Algorithm string `json:"algorithm"`
	Salt      string `json:"salt"`
	Total     Weight `json:"total"`
	// By is the attribute whose value is the unit id; empty for the targeting key.
	By string `json:"by,omitempty"`
	// Strings is how an algorithm of another product reads unit ids: "" for UTF-8, "utf16", "lowbyte".
	Strings string  `json:"strings,omitempty"`
	Ranges  []Range `json:"ranges"`
}

// Range is the buckets From, From+1, ... To-1.
type Range struct {
	From Weight `json:"from"`
	To   Weight `json:"to"`
}

// Size is how many buckets there are.
func (r Range) Size() Weight { return r.To - r.From }

// Asked lists, each once and in order of appearance, the flags and the segments that conditions ask for.
func Asked(all ...Condition) (flags []FlagKey, segments []SegmentKey) {
	seenFlags, seenSegments := map[FlagKey]bool{}, map[SegmentKey]bool{}
	var walk func([]Condition)
	walk = func(all []Condition) {
		for _, c := range all {
			if c.Flag != "" && !seenFlags[c.Flag] {
				seenFlags[c.Flag] = true
				flags = append(flags, c.Flag)
			}
			for _, s := range c.Segments {
				if !seenSegments[s] {
					seenSegments[s] = true
					segments = append(segments, s)
				}
			}
			walk(c.All)
			walk(c.Any)
		}
	}
	walk(all)
	return flags, segments
}
