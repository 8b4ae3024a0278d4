package jsonlogic

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
)

const (
	flagdKey     = "$flagd"
	targetingKey = "targetingKey"
)

const (
	maxSteps = 1_000_000
	maxText  = 1 << 20 // bytes
)

// Input is what an expression decides about.
type Input struct {
	// FlagKey is $flagd.flagKey.
	FlagKey string
	// Key is the targeting key; when it is empty, the attribute of that name.
	Key string
	// Attributes are the evaluation context: what encoding/json decodes, numbers of any Go type, or anything it can encode.
	Attributes map[string]any
	// At is $flagd.timestamp in seconds since 1970. Without it (0) there is no such variable.
	At int64
}

// Evaluate returns the JSON value of the expression: nil, bool, float64, string, []any or map[string]any. Do not write to it.
func (e *Expression) Evaluate(in *Input) (any, error) {
	f := frame{run: &run{}, data: in}
	value, err := e.root.eval(&f)
	if err != nil {
		return nil, err
	}
	return value, nil
}

// Variant returns the name of the variant that the expression's value stands for; ok is false when the value is null, which
// means the default variant. As in flagd, the name is the JSON text of the value without quotes.
func (e *Expression) Variant(in *Input) (name string, ok bool, err error) {
	value, err := e.Evaluate(in)
	if err != nil {
		return "", false, err
	}
	switch v := value.(type) {
	case nil:
		return "", false, nil
	case string:
		if !strings.ContainsAny(v, "\"\\<>&\u2028\u2029") && printable(v) {
			return v, true, nil
		}
	case bool:
		if v {
			return "true", true, nil
		}
		return "false", true, nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "", false, fmt.Errorf("the rule has no JSON value: %w", err)
	}
	return strings.ReplaceAll(string(text), `"`, ""), true, nil
}

func printable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// run is one evaluation.
type run struct{ steps int }

// frame is where a part of a rule is evaluated.
type frame struct {
	run *run
	// data is what variables are looked up in: the *Input, or the element that a list operation is at.
	data any
	// before are looked up first, in this order: the data of the enclosing filters.
	before []any
}

var errTooMuch = errors.New("the rule takes too many steps; make it simpler")

func (r *run) spend(steps int) error {
	r.steps += steps
	if r.steps > maxSteps {
		return errTooMuch
	}
	return nil
}

// node is a compiled part of a rule.
type node interface{ eval(f *frame) (any, error) }

// constant stands for itself.
type constant struct{ value any }

func (c constant) eval(*frame) (any, error) { return c.value, nil }

// list is evaluated element by element.
type list []node

func (l list) eval(f *frame) (any, error) {
	if err := f.run.spend(len(l)); err != nil {
		return nil, err
	}
	out := make([]any, len(l))
	for i, n := range l {
		value, err := n.eval(f)
		if err != nil {
			return nil, err
		}
		out[i] = value
	}
	return out, nil
}

// arguments are what an operator is given.
type arguments struct {
	raw    any
	all    node   // the value of all
	isList bool   // raw is a list,
	each   []node // and these are the values of its elements
}

// operation decides itself which of its arguments it evaluates.
type operation struct {
	arguments
	evaluate func(f *frame, a *arguments) (any, error)
}

func (o operation) eval(f *frame) (any, error) {
	if err := f.run.spend(1); err != nil {
		return nil, err
	}
	return o.evaluate(f, &o.arguments)
}

// eager is an operation on the values of its arguments.
type eager struct {
	arguments
	evaluate func(f *frame, values any) (any, error)
}

func (e eager) eval(f *frame) (any, error) {
	if err := f.run.spend(1); err != nil {
		return nil, err
	}
	values, err := e.all.eval(f)
	if err != nil {
		return nil, err
	}
	return e.evaluate(f, values)
}

// unknown is an operator that does not exist: an error for those who reach it.
type unknown struct{ name string }

func (u unknown) eval(*frame) (any, error) {
	return nil, fmt.Errorf("there is no operator %q", u.name)
}

// truthy is what counts as true.
func truthy(value any) bool {
	switch v := value.(type) {
	case bool:
		return v
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return false
}

// listOf is the values as a list; most operators work on nothing else.
func listOf(values any, least int) ([]any, error) {
	l, ok := values.([]any)
	if !ok || len(l) < least {
		return nil, fmt.Errorf("an operator needs a list of at least %d values", least)
	}
	return l, nil
}

// finite refuses what JSON cannot say.
func finite(n float64) bool { return !math.IsNaN(n) && !math.IsInf(n, 0) }
