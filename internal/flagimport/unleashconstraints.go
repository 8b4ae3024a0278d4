package flagimport

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/assayhq/assay/flags"
)

type unleashConstraint struct {
	ContextName     string   `json:"contextName"`
	Operator        string   `json:"operator"`
	Values          []string `json:"values"`
	Value           string   `json:"value"`
	CaseInsensitive bool     `json:"caseInsensitive"`
	Inverted        bool     `json:"inverted"`
}

func unleashField(name string) where {
	if name == "userId" {
		return theKey
	}
	return where{attribute: name}
}

// constraint says the same as a constraint. What is missing is the empty text there; where a comparison of numbers, times or
// versions cannot be made it is false, also when it is inverted.
func (u *unleashImport) constraint(feature string, c unleashConstraint) (flags.Condition, error) {
	at := unleashField(c.ContextName)
	switch c.Operator {
	case "IN", "NOT_IN":
		return negatedIf(c.Inverted != (c.Operator == "NOT_IN"), unleashIn(at, c.Values)), nil
	case "STR_STARTS_WITH", "STR_ENDS_WITH", "STR_CONTAINS":
		return negatedIf(c.Inverted, unleashTexts(at, c)), nil
	case "REGEX":
		if _, err := regexp.Compile(c.Value); err != nil {
			return never(), fmt.Errorf("has the constraint %s REGEX %q, which is no regular expression here", c.ContextName, c.Value)
		}
		condition := at.is(flags.Matches, c.Value)
		condition.IgnoreCase = c.CaseInsensitive
		return negatedIf(c.Inverted, condition), nil
	case "NUM_EQ", "NUM_GT", "NUM_GTE", "NUM_LT", "NUM_LTE":
		n, err := strconv.ParseFloat(c.Value, 64)
		if err != nil {
			return never(), nil
		}
		u.out.note(feature, fmt.Sprintf("compares %s as a number: send it as one, and not as a text", c.ContextName))
		return unleashNumbers(at, c, n), nil
	case "SEMVER_EQ", "SEMVER_GT", "SEMVER_GTE", "SEMVER_LT", "SEMVER_LTE":
		return unleashVersions(at, c), nil
	case "DATE_AFTER", "DATE_BEFORE":
		return u.dates(at, c), nil
	}
	return never(), fmt.Errorf("has the constraint %s %s, which has no equal here", c.ContextName, c.Operator)
}

// unleashIn holds where the attribute is in the list. There all attributes are texts; here they may be numbers and booleans, too.
func unleashIn(at where, list []string) flags.Condition {
	var values []any
	missing := never()
	for _, text := range list {
		if text == "" {
			missing = at.is(flags.NotExists)
		}
		values = append(values, text)
		if at.attribute == theKey.attribute {
			continue
		}
		if n, err := strconv.ParseFloat(text, 64); err == nil && strconv.FormatFloat(n, 'f', -1, 64) == text {
			values = append(values, json.RawMessage(text))
		}
		if text == "true" || text == "false" {
			values = append(values, text == "true")
		}
	}
	return anyOf(at.is(flags.In, values...), missing)
}

func unleashTexts(at where, c unleashConstraint) flags.Condition {
	if slices.Contains(c.Values, "") {
		return always() // every text has the empty one in it
	}
	o := map[string]flags.Operator{"STR_STARTS_WITH": flags.StartsWith, "STR_ENDS_WITH": flags.EndsWith, "STR_CONTAINS": flags.Contains}[c.Operator]
	values := make([]any, len(c.Values))
	for i, v := range c.Values {
		values[i] = v
	}
	condition := at.is(o, values...)
	if c.CaseInsensitive {
		condition = ignoringCase(condition)
	}
	return condition
}

// unleashNumbers holds where both are numbers and compare so.
func unleashNumbers(at where, c unleashConstraint, n float64) flags.Condition {
	if c.Operator == "NUM_EQ" {
		if c.Inverted {
			return allOf(at.isType("number"), not(at.is(flags.Equals, n)))
		}
		return at.is(flags.Equals, n)
	}
	return at.is(comparing(c.Operator[len("NUM_"):], c.Inverted, flags.Greater, flags.GreaterOrEqual, flags.Less, flags.LessOrEqual), n)
}

// comparing finds the operator for GT, GTE, LT and LTE, or for the opposite.
func comparing(name string, inverted bool, gt, gte, lt, lte flags.Operator) flags.Operator {
	if inverted {
		gt, gte, lt, lte = lte, lt, gte, gt
	}
	return map[string]flags.Operator{"GT": gt, "GTE": gte, "LT": lt, "LTE": lte}[name]
}

// fullVersion is what Unleash takes for versions: all three numbers, and no v before them.
const fullVersion = `^[0-9]+\.[0-9]+\.[0-9]+([-+]\S*)?$`

func unleashVersions(at where, c unleashConstraint) flags.Condition {
	if !isFullVersion(c.Value) {
		return never()
	}
	is := at.is(flags.Matches, fullVersion)
	name := c.Operator[len("SEMVER_"):]
	if name == "EQ" {
		return allOf(is, negatedIf(c.Inverted, at.is(flags.VersionEquals, c.Value)))
	}
	return allOf(is, at.is(comparing(name, c.Inverted, flags.VersionGreater, flags.VersionGreaterOrEqual, flags.VersionLess, flags.VersionLessOrEqual), c.Value))
}

// dates compares the attribute or, where it is missing, the time.
func (u *unleashImport) dates(at where, c unleashConstraint) flags.Condition {
	t, err := time.Parse(time.RFC3339, c.Value)
	if err != nil {
		return never()
	}
	var o flags.Operator
	var now flags.Condition
	switch c.Operator {
	case "DATE_BEFORE":
		o, now = flags.Before, not(u.out.after(t, u.options.Now))
		if c.Inverted {
			o, now = flags.AfterOrAt, not(now)
		}
	default:
		o, now = flags.After, u.out.after(t.Add(1), u.options.Now)
		if c.Inverted {
			o, now = flags.BeforeOrAt, not(now)
		}
	}
	compared := at.is(o, t.UTC().Format(time.RFC3339Nano))
	form := anyOf(not(at.isType("string")), at.is(flags.Matches, rfc3339))
	return anyOf(allOf(compared, form), allOf(at.is(flags.NotExists), now))
}
