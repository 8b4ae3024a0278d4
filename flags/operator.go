package flags

// Operator says how a condition compares an attribute with its values.
type Operator string

// The operators. What a missing attribute does: every condition is false except NotExists, IsEmpty and the negations (the
// operators that begin with not_, and Not). Values of different types are never equal, and an attribute of a type that the
// operator has no use for is as if it were missing.
//
// Texts compare by their bytes, numbers as float64 whatever their Go type, so that all languages agree (ids beyond 2^53
// belong in texts).
const (
	Equals    Operator = "equals"     // one scalar
	NotEquals Operator = "not_equals" // one scalar
	In        Operator = "in"         // scalars
	NotIn     Operator = "not_in"     // scalars

	Contains      Operator = "contains"        // texts; any of them
	NotContains   Operator = "not_contains"    // texts; none of them
	StartsWith    Operator = "starts_with"     // texts; any of them
	NotStartsWith Operator = "not_starts_with" // texts; none of them
	EndsWith      Operator = "ends_with"       // texts; any of them
	NotEndsWith   Operator = "not_ends_with"   // texts; none of them
	Matches       Operator = "matches"         // regular expressions in RE2's syntax, found anywhere in the text; any of them
	NotMatches    Operator = "not_matches"     // none of them

	Greater        Operator = "greater"          // one number
	GreaterOrEqual Operator = "greater_or_equal" // one number
	Less           Operator = "less"             // one number
	LessOrEqual    Operator = "less_or_equal"    // one number
	Between        Operator = "between"          // two numbers, both included
	Modulo         Operator = "modulo"           // divisor and remainder: the attribute divided leaves the remainder

	// Versions are those of semver.org 2.0.0; a leading v and missing minor and patch numbers are allowed, build metadata
	// is ignored.
	VersionEquals         Operator = "version_equals"           // versions; any of them
	VersionGreater        Operator = "version_greater"          // one version
	VersionGreaterOrEqual Operator = "version_greater_or_equal" // one version
	VersionLess           Operator = "version_less"             // one version
	VersionLessOrEqual    Operator = "version_less_or_equal"    // one version
	// VersionInRange takes ranges such as "^1.2", "~1.2.3", ">=1.2 <2", "1.2 - 1.9" (both included), any of them joined by
	// "||". A pre-release is in a range when it lies between the bounds; nothing more is asked.
	VersionInRange Operator = "version_in_range"

	// Times are RFC 3339 texts, or dates ("2026-03-01", midnight UTC). An attribute may also be a time.Time or a number of
	// Unix seconds, or of milliseconds from 1e11 on. The engine has no clock: what is compared comes from the context.
	Before     Operator = "before"       // one time; earlier than it
	BeforeOrAt Operator = "before_or_at" // one time; earlier or the same
	After      Operator = "after"        // one time; later than it
	AfterOrAt  Operator = "after_or_at"  // one time; later or the same
	OnSameDate Operator = "on_same_date" // times; the same day of UTC as any of them

	InNetwork Operator = "in_network" // IP addresses and CIDR ranges, v4 and v6; any of them. IPv4 in IPv6 is IPv4

	Exists    Operator = "exists"     // no values
	NotExists Operator = "not_exists" // no values
	IsEmpty   Operator = "is_empty"   // no values: missing, "" or a list without elements
	IsType    Operator = "is_type"    // "string", "number", "boolean", "list", "object", "time"; any of them

	// Lists are attributes of a slice type; a scalar is a list of one.
	HasAny     Operator = "has_any"     // scalars: at least one is in the list
	HasAll     Operator = "has_all"     // scalars: all are in the list
	HasNone    Operator = "has_none"    // scalars: none is in the list, or there is no list
	HasOnly    Operator = "has_only"    // scalars: the list has no others
	HasExactly Operator = "has_exactly" // scalars: the list has these and no others
	HasSize    Operator = "has_size"    // two whole numbers, least and most elements
)
