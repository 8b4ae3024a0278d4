package lint

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/assayhq/assay"

// The import table, also through others: what a package brings along, not only what it names. depguard holds the direct imports.
func TestRoomsBringAlongOnlyWhatTheyMay(t *testing.T) {
	for _, room := range []struct {
		packages string
		// may lists prefixes of what the packages and everything they import may be, besides the standard library.
		may    []string
		reason string
	}{
		{"./domain/...", []string{module + "/domain", module + "/flags/jsonlogic"}, "a decision is pure; a flag's expression is judged by the compiler that evaluates it"},
		{"./flags/jsonlogic", []string{module + "/flags/jsonlogic"}, "an expression is pure"},
		{"./flags ./flags/ofrep ./flags/flagdsync", []string{module + "/flags"}, "the engine is embedded in clients"},
		{"./flags/provider", []string{
			module + "/flags", "github.com/open-feature/go-sdk", "github.com/go-logr/logr", "go.uber.org/mock", "golang.org/x/", "vendor/golang.org/x/",
		}, "a client app gets the OpenFeature SDK and nothing else"},
		{"./stats/...", []string{module + "/stats", "gonum.org/v1/gonum"}, "statistics are pure"},
		{"./eventlog", nil, "the port belongs to nobody's engine"},
		{"./internal/command", []string{module + "/domain", module + "/flags/jsonlogic", module + "/eventlog", module + "/internal/command"}, "the write path knows no adapter"},
		{"./projections ./projections/ruleset ./projections/catalog", []string{
			module + "/domain", module + "/eventlog", module + "/flags", module + "/projections",
		}, "read models know the port of the log, never an engine"},
	} {
		for _, name := range list(t, "-deps", room.packages) {
			if isStandard(name) || allowed(name, room.may) || name == module+"/eventlog" && room.packages == "./eventlog" {
				continue
			}
			t.Errorf("%s brings along %s, but %s", room.packages, name, room.reason)
		}
	}
}

// Only internal/command writes: nobody else names the log and Append in one package. The linter holds the calls; this holds that
// handlers and policies cannot even see the log.
func TestHandlersCannotSeeTheLog(t *testing.T) {
	for _, name := range []string{"./openapi/...", "./internal/analysis"} {
		for _, imported := range list(t, "-f", "{{join .Imports \"\\n\"}}", name) {
			if strings.HasPrefix(imported, module+"/eventlog") {
				t.Errorf("%s imports %s; it must go through internal/command and the read models", name, imported)
			}
		}
	}
}

func list(t *testing.T, args ...string) []string {
	t.Helper()
	var words []string
	for _, a := range args {
		if strings.HasPrefix(a, "./") {
			words = append(words, strings.Fields(a)...)
			continue
		}
		words = append(words, a)
	}
	c := exec.CommandContext(t.Context(), "go", append([]string{"list"}, words...)...)
	c.Dir = "../.."
	out, err := c.Output()
	if err != nil {
		t.Fatalf("go list %v: %v", words, err)
	}
	return strings.Fields(string(out))
}

func isStandard(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return !strings.Contains(first, ".") || strings.HasPrefix(name, "vendor/")
}

func allowed(name string, may []string) bool {
	for _, prefix := range may {
		if name == strings.TrimSuffix(prefix, "/") || strings.HasPrefix(name, strings.TrimSuffix(prefix, "/")+"/") {
			return true
		}
	}
	return false
}
