package flags

import "encoding/json"

// Format is the version of the snapshot's wire format.
const Format = 1

// Snapshot is all flags of one environment at one position of the log. Its JSON is the ruleset that servers hand out.
type Snapshot struct {
	Format      int    `json:"format"`
	Project     string `json:"project"`
	Environment string `json:"environment"`
	// Revision is the log position of the newest event that shaped the snapshot; a string in JSON because it may exceed
	// 2^53.
	Revision uint64 `json:"revision,string"`
	// Segments are those that the flags ask for, sorted by key.
	Segments []Segment `json:"segments,omitempty"`
	// Flags are sorted by key. Archived flags are not in it.
	Flags []Flag `json:"flags"`
}

// Flag is one flag in one environment. While it is on it serves, in this order: the override that names the unit, the
// holdout that holds the unit back, the first rule that holds, the experiment if the unit is in it, the default.
type Flag struct {
	Key  string `json:"key"`
	Type Type   `json:"type"`
	// Revision is the log position of the newest event that shaped this flag here.
	Revision uint64 `json:"revision,string"`
	// Requires names what a program must know beyond this format to serve the flag right; see Needs. Whoever doesn't know
	// one of them answers PARSE_ERROR instead of ignoring it, so that what is added later is safe for programs of today.
	Requires  []string   `json:"requires,omitempty"`
	On        bool       `json:"on"`
	Variants  []Variant  `json:"variants"`
	Off       string     `json:"off"` // the variant served while the flag is not on; "" for the caller's default
	Overrides []Override `json:"overrides,omitempty"`
	Holdouts  []Holdout  `json:"holdouts,omitempty"`
	Rules     []Rule     `json:"rules,omitempty"`
	// Logic decides what no rule matches, when there is one.
	Logic *Logic `json:"logic,omitempty"`
	// Experiment takes what no rule matches, when there is one.
	Experiment *Experiment `json:"experiment,omitempty"`
	// Default may be the zero Serve: the caller's default.
	Default Serve `json:"default"`
	// Stale says that the flag is served as it last was, because the server cannot read a later change of it.
	Stale bool `json:"stale,omitempty"`
	// Metadata come back with every decision: texts, numbers and booleans by name. They decide nothing.
	Metadata map[string]json.RawMessage `json:"metadata,omitempty"`
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

// Override serves a variant to units that are named one by one. Of two overrides that name a unit the first counts.
type Override struct {
	Variant string   `json:"variant"`
	By      string   `json:"by,omitempty"` // attribute that holds the unit id; empty for the targeting key
	Units   []string `json:"units"`
}

// Holdout holds a slice of all units back from what the flag would serve them.
type Holdout struct {
	Key   string `json:"key"`
	Slice Slice  `json:"slice"`
	Serve string `json:"serve"` // the variant for those who are held back
}

// Rule serves something to the subjects for whom all conditions hold.
type Rule struct {
	ID    string      `json:"id"`
	If    []Condition `json:"if"`
	Serve Serve       `json:"serve"`
}

// Condition is one of five things: a comparison of an attribute with values (Operator is set), a group of conditions (All or
// Any is), membership of segments (Segments is), what another flag serves (Flag is), or a slice of all units (Slice is).
type Condition struct {
	// Attribute is a key of the evaluation context, or TargetingKey; Path leads further into an object.
	Attribute string            `json:"attribute,omitempty"`
	Path      []string          `json:"path,omitempty"`
	Operator  Operator          `json:"operator,omitempty"`
	Values    []json.RawMessage `json:"values,omitempty"`
	// IgnoreCase compares texts by Unicode's simple case folding.
	IgnoreCase bool `json:"ignore_case,omitempty"`
	// Elements looks into lists: where the attribute is one, the comparison holds when it does for one of its elements.
	Elements bool `json:"elements,omitempty"`

	All []Condition `json:"all,omitempty"` // all of these hold
	Any []Condition `json:"any,omitempty"` // at least one of these holds

	// Segments are keys; the condition holds for the members of at least one of them.
	Segments []string `json:"segments,omitempty"`

	// Flag is the key of another flag. The condition holds when that flag serves the subject one of Variants, or one of
	// Values; a flag that is off serves its off variant.
	Flag     string   `json:"flag,omitempty"`
	Variants []string `json:"variants,omitempty"`

	// Slice holds for the units in it. A subject without unit id is in no slice.
	Slice *Slice `json:"slice,omitempty"`

	// Not turns the condition round, whatever it is: where it would hold it does not, where it would not it does.
	Not bool `json:"not,omitempty"`
}

// Slice is a part of all units: those whose bucket is in one of the ranges. The other fields are those of Split.
type Slice struct {
	Algorithm string  `json:"algorithm"`
	Salt      string  `json:"salt"`
	Total     uint32  `json:"total"`
	By        string  `json:"by,omitempty"`
	Strings   string  `json:"strings,omitempty"`
	Ranges    []Range `json:"ranges"`
}

// Range is the buckets From, From+1, ... To-1.
type Range struct {
	From uint32 `json:"from"`
	To   uint32 `json:"to"`
}

// Serve is either one variant or a split.
type Serve struct {
	Variant string `json:"variant,omitempty"`
	Split   *Split `json:"split,omitempty"`
}

// Split divides units between variants.
type Split struct {
	Algorithm string `json:"algorithm"`
	Salt      string `json:"salt"`
	Total     uint32 `json:"total"`
	By        string `json:"by,omitempty"` // attribute that holds the unit id, see ByPath; empty for the targeting key
	// Strings is how the algorithms of other products read a unit id: "" for its UTF-8 bytes, "utf16" for UTF-16 units as
	// the JavaScript SDKs of GrowthBook and flagd do, "lowbyte" for the low bytes of those as Unleash's does.
	Strings string `json:"strings,omitempty"`
	// Weights are ranges of buckets, one after the other, that add up to Total. A variant may have several: that is how
	// weights change without moving more units than they must.
	Weights []Weight `json:"weights"`
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
	// Within limits the experiment to units that are in all of these slices: its part of a layer.
	Within []Slice `json:"within,omitempty"`
}

// Segment is a named set of subjects: the units that are listed, except those listed as excluded, and whoever a rule finds.
// Included counts before Excluded, and both before the rules.
type Segment struct {
	Key string `json:"key"`
	// Revision is the log position of the newest event that shaped the segment here.
	Revision uint64 `json:"revision,string"`
	By       string `json:"by,omitempty"` // attribute that the lists name; empty for the targeting key
	Included IDs    `json:"included,omitzero"`
	Excluded IDs    `json:"excluded,omitzero"`
	// Rules: a subject for whom all conditions of one of them hold is a member. Flags cannot be asked for here.
	Rules []SegmentRule `json:"rules,omitempty"`
}

// SegmentRule is a set of conditions.
type SegmentRule struct {
	ID string      `json:"id"`
	If []Condition `json:"if"`
}
