package flagimport

import (
	"regexp"
	"strings"
)

// patterns are the regular expressions that RE2 reads; one that it cannot read matches nothing, there and here.
func patterns(texts []any) (out []any) {
	for _, t := range texts {
		text, _ := t.(string)
		if _, err := regexp.Compile(text); err == nil {
			out = append(out, text)
		}
	}
	return out
}

var versionForm = regexp.MustCompile(`^(0|[1-9]\d*)(\.(0|[1-9]\d*)){0,2}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)

// isVersion reports whether the text is a version that may lack minor and patch numbers.
func isVersion(text string) bool { return versionForm.MatchString(text) }

// isFullVersion reports whether it is one of semver.org's, with all three numbers.
func isFullVersion(text string) bool {
	numbers, _, _ := strings.Cut(text, "+")
	numbers, _, _ = strings.Cut(numbers, "-")
	return isVersion(text) && strings.Count(numbers, ".") == 2
}
