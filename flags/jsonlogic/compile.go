package jsonlogic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Fractional says which version of flagd's fractional an expression was written for.
type Fractional uint8

// The versions: up to flagd core 0.14, and from 0.15 on. They assign most units differently.
const (
	FractionalV2 Fractional = iota // the zero value: flagd of today
	FractionalV1
)

// maxDepth bounds how deep an expression may nest.
const maxDepth = 64

// Expression is a compiled rule: immutable, and safe for any number of goroutines.
type Expression struct {
	root node
	uses Uses
}

// Uses says what an expression reads. It may say too much, never too little.
type Uses struct {
	// Attributes are the keys of the context, sorted; "targetingKey" is one of them.
	Attributes []string
	// Everything: the rule computes what it reads, or reads the whole context.
	Everything bool
	// Time: the rule reads $flagd.timestamp.
	Time bool
}

// Uses returns what the expression reads.
func (e *Expression) Uses() Uses { return e.uses }

// Compile reads an expression. Evaluators are the shared rules that {"$ref": "name"} stands for; they may refer to each other,
// not in a circle. What flagd would only find out while evaluating (an operator that does not exist, a reference to nothing)
// is an error here; Lenient compiles it.
func Compile(text []byte, evaluators map[string]json.RawMessage, version Fractional) (*Expression, error) {
	e, problems, err := compile(text, evaluators, version)
	if err == nil && len(problems) > 0 {
		err = errors.New(problems[0])
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Lenient is Compile for files that flagd serves as they are: a part that cannot work is an error only for those whose
// evaluation reaches it. It fails when the text is no JSON or nests too deep.
func Lenient(text []byte, evaluators map[string]json.RawMessage, version Fractional) (*Expression, error) {
	e, _, err := compile(text, evaluators, version)
	return e, err
}

// Inline returns the expression with every reference replaced by what it stands for, compacted. A reference to nothing stays.
func Inline(text []byte, evaluators map[string]json.RawMessage) ([]byte, error) {
	c := compiler{evaluators: evaluators, attributes: map[string]bool{}}
	rule, err := parse(text)
	if err != nil {
		return nil, err
	}
	if rule, err = c.resolve(rule, nil, 0); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(rule); err != nil {
		return nil, fmt.Errorf("writing the expression: %w", err)
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

func compile(text []byte, evaluators map[string]json.RawMessage, version Fractional) (*Expression, []string, error) {
	c := compiler{evaluators: evaluators, version: version, attributes: map[string]bool{}}
	rule, err := parse(text)
	if err != nil {
		return nil, nil, err
	}
	if rule, err = c.resolve(rule, nil, 0); err != nil {
		return nil, nil, err
	}
	e := &Expression{root: c.node(rule)}
	for name := range c.attributes {
		c.uses.Attributes = append(c.uses.Attributes, name)
	}
	slices.Sort(c.uses.Attributes)
	e.uses = c.uses
	return e, c.problems, nil
}

func parse(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var rule any
	if err := decoder.Decode(&rule); err != nil {
		return nil, fmt.Errorf("the expression is no JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something after the expression; leave it out")
	}
	return rule, nil
}

// compiler makes one Expression.
type compiler struct {
	evaluators map[string]json.RawMessage
	version    Fractional
	attributes map[string]bool
	uses       Uses
	problems   []string
}

// resolve replaces references. within are the names of those that are being replaced.
func (c *compiler) resolve(rule any, within []string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the expression nests deeper than %d levels; make it flatter", maxDepth)
	}
	switch r := rule.(type) {
	case map[string]any:
		if name, ok := reference(r); ok {
			return c.dereference(name, r, within, depth)
		}
		out := make(map[string]any, len(r))
		for key, value := range r {
			resolved, err := c.resolve(value, within, depth+1)
			if err != nil {
				return nil, err
			}
			out[key] = resolved
		}
		return out, nil
	case []any:
		out := make([]any, len(r))
		for i, value := range r {
			resolved, err := c.resolve(value, within, depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = resolved
		}
		return out, nil
	}
	return rule, nil
}

func reference(rule map[string]any) (name string, ok bool) {
	if len(rule) != 1 {
		return "", false
	}
	name, ok = rule["$ref"].(string)
	return name, ok
}

func (c *compiler) dereference(name string, rule map[string]any, within []string, depth int) (any, error) {
	text, known := c.evaluators[name]
	if !known {
		return rule, nil
	}
	if slices.Contains(within, name) {
		return nil, fmt.Errorf("the shared rule %q refers to itself through %s; break the circle", name, strings.Join(within, ", "))
	}
	shared, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("the shared rule %q: %w", name, err)
	}
	return c.resolve(shared, append(slices.Clone(within), name), depth+1)
}

// node compiles a part of a rule: an object of one member is an operation, a list is evaluated element by element, and
// everything else, an object of several members included, stands for itself.
func (c *compiler) node(rule any) node {
	switch r := rule.(type) {
	case map[string]any:
		if len(r) != 1 {
			return constant{r}
		}
		for name, values := range r {
			return c.operation(name, values)
		}
	case []any:
		elements := c.nodes(r)
		for _, e := range elements {
			if _, fixed := e.(constant); !fixed {
				return list(elements)
			}
		}
	}
	return constant{rule}
}

func (c *compiler) nodes(rules []any) []node {
	out := make([]node, len(rules))
	for i, r := range rules {
		out[i] = c.node(r)
	}
	return out
}

func (c *compiler) operation(name string, values any) node {
	if name == "var" || name == "missing" || name == "missing_some" {
		c.reads(name, values)
	}
	a := arguments{raw: values, all: c.node(values)}
	if elements, isList := values.([]any); isList {
		a.isList, a.each = true, c.nodes(elements)
	}
	if name == "fractional" {
		c.attributes["targetingKey"] = true
		return eager{a, fractional{c.version}.evaluate}
	}
	if lazy := lazily(name); lazy != nil {
		return operation{a, lazy}
	}
	if evaluate := eagerly(name); evaluate != nil {
		return eager{a, evaluate}
	}
	if name == "$ref" {
		c.problems = append(c.problems, fmt.Sprintf("there is no shared rule %v; define it under $evaluators", values))
	} else {
		c.problems = append(c.problems, fmt.Sprintf("there is no operator %q; use one that flagd has", name))
	}
	return unknown{name}
}

// reads notes what a variable, or a test for variables, looks at.
func (c *compiler) reads(operator string, values any) {
	if operator == "missing_some" {
		if parts, ok := values.([]any); ok && len(parts) == 2 {
			c.reads("missing", parts[1])
			return
		}
		c.uses.Everything = true
		return
	}
	names := []any{values}
	if elements, isList := values.([]any); isList {
		names = elements
		if operator == "var" && len(elements) > 1 {
			names = elements[:1] // the second is what stands in for a missing one
		}
		if len(elements) == 0 && operator == "var" {
			names = []any{""}
		}
	}
	for _, n := range names {
		c.read(n)
	}
}

func (c *compiler) read(name any) {
	switch n := name.(type) {
	case string:
		first := ""
		for part := range strings.SplitSeq(n, ".") {
			if part != "" {
				first = part
				break
			}
		}
		switch first {
		case "":
			c.uses.Everything, c.uses.Time = true, true
		case flagdKey:
			c.uses.Time = c.uses.Time || !strings.HasSuffix(n, ".flagKey")
		default:
			c.attributes[first] = true
		}
	case float64:
		c.attributes[textOf(n)] = true
	default:
		c.uses.Everything, c.uses.Time = true, true
	}
}
