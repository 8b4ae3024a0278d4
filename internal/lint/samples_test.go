package lint_test

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/feedback"
	aflag "github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/holdout"
	"github.com/assayhq/assay/domain/installation"
	"github.com/assayhq/assay/domain/layer"
	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/domain/segment"
)

var update = flag.Bool("update", false, "add new samples of events to testdata/samples.sha256; nothing in it is ever changed or removed")

const (
	root     = "../.."
	hashList = "testdata/samples.sha256"
)

// decoders are those of all packages that write events, by folder.
func decoders() map[string]func(name string, body []byte) error {
	return map[string]func(string, []byte) error{
		"apikey": decoder(apikey.Aggregate.Decode), "experiment": decoder(experiment.Aggregate.Decode), "feedback": decoder(feedback.Aggregate.Decode), "flag": decoder(aflag.Aggregate.Decode),
		"holdout": decoder(holdout.Aggregate.Decode), "installation": decoder(installation.Aggregate.Decode), "layer": decoder(layer.Aggregate.Decode), "metric": decoder(metric.Aggregate.Decode),
		"project": decoder(project.Aggregate.Decode), "segment": decoder(segment.Aggregate.Decode),
		"measurement": func(name string, body []byte) error {
			_, err := measurement.Decode(name, body)
			return err
		},
	}
}

func decoder[E any](decode func(string, []byte) (E, error)) func(string, []byte) error {
	return func(name string, body []byte) error { _, err := decode(name, body); return err }
}

// samples reads all frozen events, by their paths from the root of the repository.
func samples(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(root + "/domain/*/testdata/events/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("found no samples: %v", err)
	}
	out := map[string][]byte{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.ToSlash(strings.TrimPrefix(file, filepath.Clean(root)+string(filepath.Separator)))] = body
	}
	return out
}

func TestEveryEventEverWrittenIsStillRead(t *testing.T) {
	decoders := decoders()
	for path, body := range samples(t) {
		folder := strings.Split(path, "/")[1]
		name := wireNameOf(filepath.Base(path))
		if decode, ok := decoders[folder]; !ok {
			t.Errorf("%s: no decoder is known here; add that of package %s", path, folder)
		} else if err := decode(name, body); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestSamplesOfEventsNeverChange(t *testing.T) {
	text, err := os.ReadFile(hashList)
	if err != nil && !*update {
		t.Fatal(err)
	}
	frozen := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if hash, path, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			frozen[path] = hash
		}
	}
	added, all := false, samples(t)
	for path, body := range all {
		sum := sha256.Sum256(body)
		hash := hex.EncodeToString(sum[:])
		switch was, ok := frozen[path]; {
		case !ok && *update:
			frozen[path], added = hash, true
		case !ok:
			t.Errorf("%s is new; freeze it with: go test ./internal/lint -update", path)
		case was != hash:
			t.Errorf("%s was changed, but logs hold what it was; take the change back and add a sample of a new version", path)
		}
	}
	for path := range frozen {
		if _, ok := all[path]; !ok {
			t.Errorf("%s is gone, but logs hold what it was; bring it back", path)
		}
	}
	if !added || t.Failed() {
		return
	}
	var out strings.Builder
	for _, path := range slices.Sorted(maps.Keys(frozen)) {
		fmt.Fprintf(&out, "%s  %s\n", frozen[path], path)
	}
	if err := os.WriteFile(hashList, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEveryWireNameHasASample(t *testing.T) {
	all := samples(t)
	files, err := filepath.Glob(root + "/domain/*/wire.go")
	if err != nil || len(files) != len(decoders()) {
		t.Fatalf("found %d wire.go, but decoders for %d packages are known here (%v)", len(files), len(decoders()), err)
	}
	for _, file := range files {
		folder := filepath.Base(filepath.Dir(file))
		names := wireNames(t, file)
		if len(names) == 0 {
			t.Errorf("%s declares no constant Wire…", file)
		}
		for _, name := range names {
			prefix := fmt.Sprintf("domain/%s/testdata/events/%s.", folder, fileOf(name))
			if !slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(path string) bool { return strings.HasPrefix(path, prefix) }) {
				t.Errorf("there is no %sjson; add a sample of the event and its meaning to the package's tests", prefix)
			}
		}
	}
}

var laterVersion = regexp.MustCompile(`\.v([2-9]|[1-9][0-9]+)$`)

// fileOf begins the names of a wire name's samples: the first version has no number in the log, but one in its file.
func fileOf(name string) string {
	if laterVersion.MatchString(name) {
		return name
	}
	return name + ".v1"
}

// wireNameOf is the wire name of a sample such as FlagCreated.v1.json or FlagCreated.v2.empty.json.
func wireNameOf(file string) string {
	parts := strings.SplitN(file, ".", 3)
	if versioned := parts[0] + "." + parts[1]; laterVersion.MatchString(versioned) {
		return versioned
	}
	return parts[0]
}

func TestSamplesOfLaterVersionsAreNamedAfterTheirWireName(t *testing.T) {
	for file, want := range map[string]string{
		"FlagCreated.v1.json": "FlagCreated", "FlagCreated.v1.empty.json": "FlagCreated", "FlagCreated.v2.json": "FlagCreated.v2",
		"FlagCreated.v2.empty.json": "FlagCreated.v2", "FlagCreated.v13.json": "FlagCreated.v13", "FlagCreated.json": "FlagCreated",
	} {
		name := wireNameOf(file)
		if name != want {
			t.Errorf("%s is a sample of %s, want %s", file, name, want)
		}
		if file != "FlagCreated.json" && !strings.HasPrefix(file, fileOf(name)+".") {
			t.Errorf("%s is not found as a sample of %s", file, name)
		}
	}
}

// wireNames are the values of the constants Wire… of a file.
func wireNames(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Wire") || len(spec.Values) != 1 {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			name, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Error(err)
			}
			names = append(names, name)
		}
		return true
	})
	return names
}
