package domain

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// taken says what an operator takes.
type taken struct {
	least, most int
	kind        string // scalar, string or number
	problem     func(json.RawMessage) string
}

func takenBy(o Operator) (taken, bool) {
	fine := func(json.RawMessage) string { return "" }
	switch o {
	case Equals, NotEquals:
		return taken{1, 1, "scalar", fine}, true
	case In, NotIn, HasAny, HasAll, HasNone, HasOnly, HasExactly:
		return taken{1, maxValues, "scalar", fine}, true
	case Contains, NotContains, StartsWith, NotStartsWith, EndsWith, NotEndsWith:
		return taken{1, maxValues, "string", fine}, true
	case Matches, NotMatches:
		return taken{1, maxPatterns, "string", texts(patternProblem)}, true
	case Greater, GreaterOrEqual, Less, LessOrEqual:
		return taken{1, 1, "number", fine}, true
	case Between, Modulo, HasSize:
		return taken{2, 2, "number", fine}, true
	case Present, NotPresent, IsEmpty:
		return taken{0, 0, "scalar", fine}, true
	case IsType:
		return taken{1, len(typeNames()), "string", texts(typeProblem)}, true
	}
	return takenByFormats(o)
}

func takenByFormats(o Operator) (taken, bool) {
	switch o {
	case VersionEquals:
		return taken{1, maxValues, "string", texts(versionProblem)}, true
	case VersionGreater, VersionGreaterOrEqual, VersionLess, VersionLessOrEqual:
		return taken{1, 1, "string", texts(versionProblem)}, true
	case VersionInRange:
		return taken{1, maxPatterns, "string", texts(rangeProblem)}, true
	case Before, BeforeOrAt, After, AfterOrAt:
		return taken{1, 1, "string", texts(timeProblem)}, true
	case OnSameDate:
		return taken{1, maxValues, "string", texts(timeProblem)}, true
	case InNetwork:
		return taken{1, maxValues, "string", texts(networkProblem)}, true
	}
	return taken{}, false
}

func (t taken) arity() string {
	switch {
	case t.most == 0:
		return "no values"
	case t.least == t.most && t.most == 1:
		return "exactly one " + t.kind
	case t.least == t.most:
		return fmt.Sprintf("exactly %d %ss", t.most, t.kind)
	default:
		return fmt.Sprintf("1 to %d %ss", t.most, t.kind)
	}
}

// texts reads a JSON string before it is looked at.
func texts(problem func(string) string) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return "is no string"
		}
		return problem(text)
	}
}

const (
	maxPatterns = 50
	maxPattern  = 1_000 // bytes
)

func patternProblem(text string) string {
	if len(text) > maxPattern {
		return fmt.Sprintf("is longer than %d bytes; regular expressions are shorter", maxPattern)
	}
	if _, err := regexp.Compile(text); err != nil {
		return "is no regular expression of RE2: " + err.Error()
	}
	if _, err := regexp.Compile("(?i)" + text); err != nil {
		return "is no regular expression of RE2: " + err.Error()
	}
	return ""
}

func typeNames() []string { return []string{"string", "number", "boolean", "list", "object", "time"} }

func typeProblem(text string) string {
	if slices.Contains(typeNames(), text) {
		return ""
	}
	return "is no type; take string, number, boolean, list, object or time"
}

const (
	versionPart = `(?:0|[1-9][0-9]{0,17})`
	versionText = `[vV]?` + versionPart + `(?:\.` + versionPart + `){0,2}(?:-` + preIdentifier + `(?:\.` + preIdentifier + `)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?`
	// A number of a pre-release has no leading zeros; anything with a letter or a hyphen in it is a name.
	preIdentifier = `(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)`
	boundText     = `(?:(?:\^|~|==?|[<>]=?)? ?` + versionText + `|[vV]?` + versionPart + `(?:\.` + versionPart + `)?(?:\.[*xX]){1,2}|[*xX])`
	rangeText     = ` *(?:` + versionText + ` - ` + versionText + `|` + boundText + `(?: +` + boundText + `)*) *`
)

var (
	versionPattern = regexp.MustCompile(`^` + versionText + `$`)
	rangePattern   = regexp.MustCompile(`^` + rangeText + `(?:\|\|` + rangeText + `)*$`)
)

func versionProblem(text string) string {
	if versionPattern.MatchString(text) {
		return ""
	}
	return "is no version; write it like 1.2.3 or 1.2.3-rc.1"
}

func rangeProblem(text string) string {
	if len(text) <= maxPattern && rangePattern.MatchString(text) {
		return ""
	}
	return "is no range of versions; write it like ^1.2, ~1.2.3 or >=1.2 <2 || 3.x"
}

func timeProblem(text string) string {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if _, err := time.Parse(layout, text); err == nil && !strings.Contains(text, ",") {
			return ""
		}
	}
	return "is no time; write it like 2026-03-01T12:00:00Z, or 2026-03-01 for midnight UTC"
}

func networkProblem(text string) string {
	if prefix, err := netip.ParsePrefix(text); err == nil && (!prefix.Addr().Is4In6() || prefix.Bits() >= 96) {
		return ""
	}
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		return ""
	}
	return "is neither an IP address nor a CIDR range; write it like 10.0.0.0/8 or 2001:db8::/32"
}
