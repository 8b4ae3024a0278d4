// Command statsgolden holds the package stats against reference values: it reads every file of a folder in the schema
// abstats-golden/1, computes every case with stats and compares.
//
//	go run ./internal/statsgolden DIR
//
// # The model
//
// A file is one method with its cases; a case is an input, the expected status and values, and tolerances per value. The table of
// methods (table.go) has one function per method that reads the input, calls stats and names the values. It fits nothing: what a
// file's doc defines is computed for any input, and what cannot be computed is the error kind that the schema names.
//
// One line per file says how many cases passed; each failure is listed with what was got and what was wanted. The command ends
// with 1 when any case failed, a method is unknown, or there was nothing to check.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: statsgolden DIR, a folder with files in the schema", schema)
		os.Exit(2)
	}
	ok, err := run(os.Args[1], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run checks all files of a folder and reports whether every case passed.
func run(folder string, out io.Writer) (bool, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return false, fmt.Errorf("list %s: %w", folder, err)
	}
	slices.Sort(paths)
	var told strings.Builder
	ok, files, total, passed := true, 0, 0, 0
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		f, err := read(path)
		if err != nil {
			return false, err
		}
		if f.Schema != schema {
			fmt.Fprintf(&told, "%s: left out, its schema is %q\n", name, f.Schema)
			continue
		}
		failures := f.check(methods())
		files, total, passed = files+1, total+len(f.Cases), passed+len(f.Cases)-len(failures)
		fmt.Fprintf(&told, "%s: %d/%d\n", name, len(f.Cases)-len(failures), len(f.Cases))
		for _, failure := range failures {
			ok = false
			fmt.Fprintf(&told, "  %s\n", failure)
		}
	}
	if total == 0 {
		return false, fmt.Errorf("%s has no cases in the schema %s", folder, schema)
	}
	fmt.Fprintf(&told, "all: %d/%d in %d files\n", passed, total, files)
	if _, err := io.WriteString(out, told.String()); err != nil {
		return false, fmt.Errorf("tell the outcome: %w", err)
	}
	return ok, nil
}
