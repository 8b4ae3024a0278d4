package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheSharedCases runs the whole reference: 60-digit arithmetic, checked by R, scipy and others as each case says.
func TestTheSharedCases(t *testing.T) {
	const folder = "../../../shared/stats-golden"
	if _, err := os.Stat(folder); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the reference cases are missing: ", err)
		}
		t.Skip("the reference cases are not beside the checkout")
	}
	paths, err := filepath.Glob(folder + "/*.json")
	if err != nil || len(paths) < 43 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(name, func(t *testing.T) {
			f, err := read(path)
			if err != nil || f.Schema != schema || f.Method != name || len(f.Cases) == 0 {
				t.Fatalf("%+v, %v", f, err)
			}
			if failures := f.check(methods()); len(failures) > 0 {
				t.Errorf("%d of %d failed:\n%s", len(failures), len(f.Cases), strings.Join(failures, "\n"))
			}
		})
	}
}

// TestTheCasesThatMatterMost runs a smaller copy of them, the hard ones of every method, which is in the repository.
func TestTheCasesThatMatterMost(t *testing.T) {
	var out strings.Builder
	ok, err := run("testdata", &out)
	if err != nil || !ok || !strings.Contains(out.String(), "in 43 files") {
		t.Errorf("%v, %v\n%s", ok, err, out.String())
	}
}

// The rule of comparison is the schema's own; a command that passes everything would pass the files too.
func TestTheRuleOfComparison(t *testing.T) {
	tol := tolerance{Rel: 1e-3, Abs: 1e-6}
	for _, c := range []struct {
		got  any
		want string
		pass bool
	}{
		{1.0009, "1.0", true},
		{1.0011, "1.0", false},
		{5e-7, "0.0", true},
		{2e-6, "0.0", false},
		{1.0001, "1", false}, // written as a whole number
		{int64(1), "1", true},
		{1, "1.0", true},
		{"unbounded", `"unbounded"`, true},
		{"bounded", `"unbounded"`, false},
		{nil, "null", true},
		{0.0, "null", false},
		{true, "true", true},
		{false, "true", false},
		{posInf(), `"Infinity"`, true},
		{posInf(), `"-Infinity"`, false},
		{1e300, `"Infinity"`, false},
		{[]float64{1, 2}, "[1.0, 2.0001]", true},
		{[]float64{1}, "[1.0, 2.0]", false},
		{[]any{1.0, nil}, "[1.0, null]", true},
		{nil, "1.0", false},
	} {
		if got := same(c.got, decoded([]byte(c.want)), tol); got != c.pass {
			t.Errorf("%v against %s: %v", c.got, c.want, got)
		}
	}
}

func TestFailuresAreToldAndEndWithAnError(t *testing.T) {
	write := func(text string) string {
		folder := t.TempDir()
		if err := os.WriteFile(folder+"/f.json", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	const head = `{"schema": "abstats-golden/1", "method": "two_prop_z", "cases": [{"id": "x", "input": {"x_a": 1, "n_a": 2, "x_b": 1, "n_b": 2, "alpha": 0.05}, "tol": {"default": {"rel": 1e-9, "abs": 0}}, "expected": `
	for _, c := range []struct{ name, text, told string }{
		{"a wrong value", head + `{"status": "ok", "p_a": 0.25}}]}`, "p_a: got 0.5, want 0.25"},
		{"a missing value", head + `{"status": "ok", "no_such": 0.25}}]}`, "no_such: got nothing, want 0.25"},
		{"a wrong status", head + `{"status": "zero_variance"}}]}`, "status: got ok, want zero_variance"},
		{"an unknown method", strings.Replace(head, "two_prop_z", "no_such", 1) + `{"status": "ok"}}]}`, `"no_such" is unknown`},
	} {
		var out strings.Builder
		ok, err := run(write(c.text), &out)
		if ok || err != nil || !strings.Contains(out.String(), "f: 0/1") || !strings.Contains(out.String(), c.told) {
			t.Errorf("%s: %v %v\n%s", c.name, ok, err, out.String())
		}
	}
	if _, err := run(t.TempDir(), &strings.Builder{}); err == nil {
		t.Error("an empty folder passed")
	}
}

func posInf() float64 { x, _ := specialNumber("Infinity"); return x }
