package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/assayhq/assay/stats"
)

const schema = "abstats-golden/1"

// file is one method with its cases.
type file struct {
	Schema string `json:"schema"`
	Method string `json:"method"`
	Cases  []kase `json:"cases"`
}

// kase is one case; case is a word of Go.
type kase struct {
	ID       string                     `json:"id"`
	Desc     string                     `json:"desc"`
	Input    json.RawMessage            `json:"input"`
	Expected map[string]json.RawMessage `json:"expected"`
	Tol      map[string]tolerance       `json:"tol"`
}

type tolerance struct{ Rel, Abs float64 }

// values are what a method gave, by the names of the schema. A value is a number, a boolean, a text, nil for "not defined", or a
// list of such.
type values map[string]any

// method reads a case's input and computes it.
type method func(input json.RawMessage) (values, error)

func read(path string) (file, error) {
	text, err := os.ReadFile(path) //nolint:gosec // a folder named by whoever runs the command
	if err != nil {
		return file{}, err
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return file{}, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// check computes every case and tells what failed, one text per failed case.
func (f file) check(table map[string]method) []string {
	compute, known := table[f.Method]
	var failures []string
	for _, c := range f.Cases {
		problems := []string{fmt.Sprintf("the method %q is unknown", f.Method)}
		if known {
			problems = c.check(compute)
		}
		if len(problems) > 0 {
			failures = append(failures, fmt.Sprintf("%s (%s): %s", c.ID, c.Desc, strings.Join(problems, "; ")))
		}
	}
	return failures
}

// check computes the case and tells every difference. A panic is one too.
func (c kase) check(compute method) (problems []string) {
	defer func() {
		if r := recover(); r != nil {
			problems = append(problems, fmt.Sprintf("panic: %v", r))
		}
	}()
	got, err := compute(c.Input)
	status := statusOf(err)
	var want string
	if err := json.Unmarshal(c.Expected["status"], &want); err != nil {
		return []string{"the case expects no status"}
	}
	if status != want {
		return []string{fmt.Sprintf("status: got %s, want %s", orError(status, err), want)}
	}
	if err != nil {
		return nil
	}
	keys := make([]string, 0, len(c.Expected))
	for key := range c.Expected {
		if key != "status" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		tol, own := c.Tol[key]
		if !own {
			tol = c.Tol["default"]
		}
		value, there := got[key]
		if text := string(c.Expected[key]); !there && text != "null" {
			problems = append(problems, fmt.Sprintf("%s: got nothing, want %s", key, text))
		} else if !same(value, decoded(c.Expected[key]), tol) {
			problems = append(problems, fmt.Sprintf("%s: got %s, want %s", key, written(value), text))
		}
	}
	return problems
}

// statusOf is the schema's name of an error; stats uses the same names.
func statusOf(err error) string {
	if err == nil {
		return "ok"
	}
	if failure, ok := errors.AsType[*stats.Error](err); ok {
		return string(failure.Kind)
	}
	return ""
}

func orError(status string, err error) string {
	if err == nil {
		return status
	}
	return fmt.Sprintf("%s (%v)", status, err)
}

// decoded keeps numbers as they are written, because a whole number has to be met exactly.
func decoded(text json.RawMessage) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err
	}
	return v
}

// same is the schema's rule: |got - want| <= abs + rel·|want| for numbers, element by element in lists, everything else exactly.
func same(got, want any, tol tolerance) bool {
	switch want := want.(type) {
	case nil:
		return got == nil
	case bool:
		return got == want
	case string:
		if x, special := specialNumber(want); special {
			g, isNumber := numberOf(got)
			return isNumber && (g == x || math.IsNaN(g) && math.IsNaN(x)) || got == want
		}
		return got == want
	case json.Number:
		x, err := want.Float64()
		if err != nil {
			return false
		}
		g, isNumber := numberOf(got)
		if !strings.ContainsAny(want.String(), ".eE") {
			return isNumber && g == x
		}
		return isNumber && (g == x || math.Abs(g-x) <= tol.Abs+tol.Rel*math.Abs(x))
	case []any:
		list, isList := listOf(got)
		return isList && slices.EqualFunc(list, want, func(g, w any) bool { return same(g, w, tol) })
	default:
		return false
	}
}

func specialNumber(text string) (float64, bool) {
	switch text {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	return 0, false
}

func numberOf(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	}
	return 0, false
}

func listOf(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case []float64:
		return anys(v), true
	case []int:
		return anys(v), true
	case []int64:
		return anys(v), true
	case []bool:
		return anys(v), true
	case []string:
		return anys(v), true
	case [][]float64:
		return anys(v), true
	}
	return nil, false
}

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

func written(v any) string {
	if x, ok := v.(float64); ok {
		return fmt.Sprintf("%.17g", x)
	}
	return fmt.Sprintf("%v", v)
}
