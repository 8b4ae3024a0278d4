package flags_test

import (
	"os/exec"
	"regexp"
	"testing"
)

// A call of Decide passes nine words and is answered five: where it is not inlined, copying them takes as long as
// finding a flag (measured: 24 ns instead of 11 for a flag without rules). The compiler's budget leaves it no room to grow, so
// whoever adds a word to it must see this fail. The parts of the hash are small for the same reason.
func TestWhatMustBeInlinedIs(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "build", "-gcflags=-m=2", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{
		`\(\*Ruleset\)\.Decide`, `\(\*Ruleset\)\.flag`, `\(\*Ruleset\)\.All`, `\(\*Ruleset\)\.All\.func1`, "mixBlock", "finish", "load32", "loadFew",
		`\(\*Ruleset\)\.Resolve`, `\(\*Subject\)\.key`, "scaled", "rankOf", "hitsOfFew", "hitsOfRank",
	} {
		if !regexp.MustCompile(`(?m): can inline ` + name + ` with cost`).Match(out) {
			reason := regexp.MustCompile(`(?m): cannot inline ` + name + `: .*$`).Find(out)
			t.Errorf("%s is not inlined%s", name, reason)
		}
	}
	if !regexp.MustCompile(`inlining call to \(\*Ruleset\)\.Decide`).Match(out) {
		t.Error("Decide is not inlined where this package calls it")
	}
}
