package flagimport

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/assayhq/assay/flags"
)

// GrowthBook compares versions part by part as texts, numbers padded. For versions of semver.org that is their order. One with
// fewer numbers comes before all that begin with them, so 1.2 is less than 1.2.0, which here is the same.

// gbNumber is a number of a version that the padding orders right.
const gbNumber = `(0|[1-9]\d{0,4})`

// gbForm is the versions with so many numbers; only three may be followed by a pre-release.
func gbForm(numbers int) string {
	out := "^v?" + gbNumber + strings.Repeat(`\.`+gbNumber, numbers-1)
	if numbers == 3 {
		out += `(-[0-9A-Za-z]+(\.[0-9A-Za-z]+)*)?`
	}
	return out + `(\+[0-9A-Za-z]+(\.[0-9A-Za-z]+)*)?$`
}

// gbVersions compares versions of one, two and three numbers each by its own rule. Any other text matches nothing but $vne.
func gbVersions(at where, name string, argument any) (flags.Condition, error) {
	text, is := argument.(string)
	numbers := 0
	for n := 1; n <= 3; n++ {
		if regexp.MustCompile(gbForm(n)).MatchString(text) {
			numbers = n
		}
	}
	if !is || numbers == 0 {
		return never(), fmt.Errorf("compares %s with the version %s, which is none with up to three numbers", at.attribute, short(argument))
	}
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "v"), "+")
	operator := "$v" + strings.TrimPrefix(strings.Replace(name, "$vne", "$veq", 1), "$v")
	all := []flags.Condition{}
	for n := 1; n <= 3; n++ {
		c := gbVersion(at, operator, n, text, numbers)
		if !isNever(c) {
			all = append(all, allOf(at.is(flags.Matches, gbForm(n)), c))
		}
	}
	return negatedIf(name == "$vne", anyOf(all...)), nil
}

// gbVersion compares attributes that have n numbers with a version of as many as given.
func gbVersion(at where, operator string, n int, than string, given int) flags.Condition {
	if n == given {
		o := map[string]flags.Operator{
			"$veq": flags.VersionEquals, "$vgt": flags.VersionGreater, "$vgte": flags.VersionGreaterOrEqual, "$vlt": flags.VersionLess, "$vlte": flags.VersionLessOrEqual,
		}[operator]
		return at.is(o, than)
	}
	if operator == "$veq" {
		return never()
	}
	// Only the numbers that both have are compared; where they are the same, the one with fewer is less.
	shared := strings.Split(strings.Split(than, "-")[0], ".")[:min(n, given)]
	greater := operator == "$vgt" || operator == "$vgte"
	if n > given { // the attribute is greater where what is shared is the same
		if greater {
			return at.is(flags.VersionGreaterOrEqual, gbLeast(shared))
		}
		return at.is(flags.VersionLess, gbLeast(shared))
	}
	last, err := strconv.Atoi(shared[len(shared)-1])
	if err != nil {
		return never() // the form is of numbers
	}
	next := append(append([]string{}, shared[:len(shared)-1]...), strconv.Itoa(last+1))
	if greater {
		return at.is(flags.VersionGreaterOrEqual, gbLeast(next))
	}
	return at.is(flags.VersionLess, gbLeast(next))
}

// gbLeast is the first version that begins with the numbers.
func gbLeast(numbers []string) string {
	full := append(append([]string{}, numbers...), "0", "0")[:3]
	return strings.Join(full, ".") + "-0"
}
