package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A command in a decision that runs nothing shows nothing: every part of every -run and -bench pattern there matches a test of its package.
func TestTheCommandsOfTheDecisionsRunSomething(t *testing.T) {
	files, err := filepath.Glob("../decisions/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal("the decisions are not there: ", err)
	}
	command := regexp.MustCompile("`([^`]*go test [^`]*)`")
	seen := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range command.FindAllStringSubmatch(string(text), -1) {
			line := strings.ReplaceAll(found[1], `\|`, "|") // as it stands in a table
			seen++
			for _, wrong := range runsNothing(t, line) {
				t.Errorf("%s: %s: there is no %s", filepath.Base(file), line, wrong)
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d commands were found", seen)
	}
}

// runsNothing lists the parts of the patterns of a command that match nothing.
func runsNothing(t *testing.T, line string) (wrong []string) {
	t.Helper()
	var names []string
	for _, folder := range regexp.MustCompile(`\./[\w/.-]+`).FindAllString(line, -1) {
		names = append(names, testsIn(t, folder)...)
	}
	for _, found := range regexp.MustCompile(`-(run|bench) +('[^']*'|\S+)`).FindAllStringSubmatch(line, -1) {
		kind := map[string]string{"run": "Test", "bench": "Benchmark"}[found[1]]
		for part := range strings.SplitSeq(strings.Trim(found[2], "'"), "|") {
			part, _, _ = strings.Cut(part, "/")
			pattern, err := regexp.Compile(part)
			if err != nil || part != "^$" && !anyOf(names, kind, pattern) {
				wrong = append(wrong, kind+" "+part)
			}
		}
	}
	return wrong
}

func anyOf(names []string, kind string, pattern *regexp.Regexp) bool {
	for _, name := range names {
		if strings.HasPrefix(name, kind) && pattern.MatchString(name) {
			return true
		}
	}
	return false
}

// testsIn lists the tests and benchmarks of a folder, or of all below it when it ends with "...".
func testsIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	below := strings.HasSuffix(folder, "/...")
	root := filepath.Join("../..", strings.TrimSuffix(folder, "/..."))
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz)\w+)\(`)
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && !below {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, found := range declared.FindAllStringSubmatch(string(text), -1) {
			names = append(names, found[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
