package flags

import "maps"

// Subject is whoever a decision is for.
type Subject struct {
	// Key is the targeting key: the unit id by which splits assign. Empty: the attribute TargetingKey where that is a text, as in
	// OpenFeature's flattened contexts; else unknown.
	Key string
	// Attributes is the evaluation context. Values of type string, bool, time.Time, any integer or float type, lists
	// ([]any, []string, []int, []int64, []float64, []bool) and objects (map[string]any) are compared; of any other type
	// only whether they are there. The map is only read, and never kept.
	Attributes map[string]any
	// Source is asked for what is not in Attributes; nil for nothing.
	Source Source
	// At is when the decision is made, in seconds since 1970: the engine has no clock. Only rules of flagd's that ask for
	// $flagd.timestamp depend on it (see Ruleset.Timed); for them 0 is a time that is not known.
	At int64
}

// Source is an evaluation context that nobody has to put together: the engine asks it for the attributes that a decision needs,
// of the same types as in Subject.Attributes, nil for one that is not there. An app whose user is a struct makes it one with a
// switch over the names. Rules of flagd's that compute which attributes they read see Subject.Attributes alone.
type Source interface{ Attribute(name string) any }

func (s *Subject) key() string {
	if s.Key == "" {
		return s.keyAmongAttributes()
	}
	return s.Key
}

func (s *Subject) keyAmongAttributes() string {
	key, _ := s.Attributes[TargetingKey].(string)
	return key
}

func (s *Subject) attribute(name string) any {
	value, there := s.Attributes[name]
	if !there && s.Source != nil {
		return s.Source.Attribute(name)
	}
	return value
}

// gathered is the attributes as a map, those that are named asked for.
func (s *Subject) gathered(names []string) map[string]any {
	if s.Source == nil {
		return s.Attributes
	}
	out := make(map[string]any, len(s.Attributes)+len(names))
	maps.Copy(out, s.Attributes)
	for _, name := range names {
		if value := s.attribute(name); value != nil {
			out[name] = value
		}
	}
	return out
}

// Reason says why a decision is what it is, in the words of OpenFeature.
type Reason string

// The reasons.
const (
	Static         Reason = "STATIC"          // no rule, no split: everybody gets this
	Default        Reason = "DEFAULT"         // there are rules, none matched
	TargetingMatch Reason = "TARGETING_MATCH" // a rule matched and served a variant
	SplitReason    Reason = "SPLIT"           // a split assigned the variant
	Disabled       Reason = "DISABLED"        // the flag is off here
	Error          Reason = "ERROR"           // see Decision.ErrorCode; use the caller's default
)

// ErrorCode is an OpenFeature error code; empty for none.
type ErrorCode string

// The error codes that a decision can have.
const (
	FlagNotFound        ErrorCode = "FLAG_NOT_FOUND"
	ParseError          ErrorCode = "PARSE_ERROR"           // the flag's definition does not compile
	TargetingKeyMissing ErrorCode = "TARGETING_KEY_MISSING" // a split needs a unit id and the subject has none
	TypeMismatch        ErrorCode = "TYPE_MISMATCH"         // only from the typed accessors
	General             ErrorCode = "GENERAL"               // a rule of flagd's names what is no variant
)

// Decision is what a flag serves to a subject, and why. It is a value of a few words: making one allocates nothing.
type Decision struct {
	// Outcome is what all subjects of the same fate have in common. It is shared by their decisions: only read it.
	*Outcome
	// UnitID is what was hashed when a split or a holdout assigned the variant, and Bucket, of [0, Total), where that put
	// it; with an override it is the unit that is named.
	UnitID string
	Bucket uint32
	// Revision is the log position that shaped the ruleset.
	Revision uint64
}

// Outcome is one of the things that a flag can answer, prepared when it was compiled.
//
// What every caller looks at comes first and fits a line of the processor's cache, because a flag that was not asked for a while
// has to be fetched from memory. Flags that answer the same share it, so that it is seldom far away.
type Outcome struct {
	// Value is meaningful when ErrorCode is empty. Where Variant is empty too it is the zero Value: the caller's default
	// applies, and that is no error.
	Value   Value
	Variant string
	Reason  Reason
	// Total tells, with Algorithm, how a split assigned; 0 when none did.
	Total uint32
	// Stale: the flag is served as it last was, because the server cannot read a later change of it.
	Stale bool
	// Override: the unit is named in the flag's overrides. Holdout is the key of the holdout that holds the unit back,
	// empty for none.
	Override bool
	plain    bool
	// Metadata is what the flag says of itself.
	Metadata Metadata
	// ErrorCode is set when there is no value; the caller's default applies.
	ErrorCode ErrorCode
	// Experiment is the key of the experiment whose split assigned the variant, and Unit its unit type; empty for none.
	// Only such a decision is an exposure.
	Experiment string
	Unit       string
	// Rule is the id of the rule that matched, empty for none.
	Rule string
	// Algorithm is how a split assigned, empty when none did.
	Algorithm string
	Holdout   string
}

// IsPlain reports whether an evaluation with this outcome has a value, a variant and a reason and nothing else to tell or to do: no
// error, no metadata, no exposure. It saves hot paths to look at each.
func (o *Outcome) IsPlain() bool { return o.plain }

// outcomes are those that were made so far, to make none twice. With nil every one is made anew.
type outcomes map[Outcome]*Outcome

func (all outcomes) of(o Outcome) *Outcome {
	o.plain = o.Variant != "" && o.ErrorCode == "" && o.Experiment == "" && !o.Stale && o.Metadata.IsZero()
	if all == nil {
		return &o
	}
	same := all[o]
	if same == nil {
		same = &o
		all[o] = same
	}
	return same
}
