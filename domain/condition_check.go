package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxConditions     = 50  // of a rule
	maxConditionsDeep = 500 // those within others counted
	maxConditionDepth = 8
	maxValues         = 1_000
	maxValue          = 64 << 10 // bytes
	maxAttribute      = 256
	maxPath           = 8
	maxAskedSegments  = 50
)

// ConditionChecker completes conditions and refuses what could never be served.
type ConditionChecker struct {
	// Salt is what slices without a salt get.
	Salt string
	// NoFlags refuses conditions on flags.
	NoFlags bool

	count int
}

// Check returns the conditions completed: values compacted, so that the same condition is the same bytes, and the fields of
// slices recorded even where the defaults apply. At least one condition is needed.
func (k *ConditionChecker) Check(all []Condition, pointer string) ([]Condition, error) {
	if len(all) == 0 || len(all) > maxConditions {
		return nil, Invalid(pointer, "a rule has 1 to %d conditions, this one %d; what is served to everybody belongs into default", maxConditions, len(all)).WithCode("wrong_number_of_conditions")
	}
	k.count = 0
	return k.checkAll(all, pointer, 1)
}

func (k *ConditionChecker) checkAll(all []Condition, pointer string, depth int) ([]Condition, error) {
	if depth > maxConditionDepth {
		return nil, Invalid(pointer, "conditions lie at most %d deep in one another; make a segment of the inner ones", maxConditionDepth).WithCode("too_deep")
	}
	if k.count += len(all); k.count > maxConditionsDeep {
		return nil, Invalid(pointer, "a rule has at most %d conditions in all; make segments of some", maxConditionsDeep).WithCode("wrong_number_of_conditions")
	}
	out := slices.Clone(all)
	for i := range out {
		if err := k.check(&out[i], fmt.Sprintf("%s/%d", pointer, i), depth); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (k *ConditionChecker) check(c *Condition, pointer string, depth int) (err error) {
	switch forms := c.forms(); {
	case len(forms) > 1:
		return Invalid(pointer, "a condition is one thing, this one is %s; make several of it", strings.Join(forms, " and ")).WithCode("several_conditions")
	case len(forms) == 0:
		return Invalid(pointer, "a condition compares an attribute, groups others with all or any, or asks for segments, for a flag or for a slice; this one does nothing").WithCode("empty_condition")
	}
	switch {
	case c.All != nil:
		c.All, err = k.checkGroup(c.All, pointer+"/all", depth)
	case c.Any != nil:
		c.Any, err = k.checkGroup(c.Any, pointer+"/any", depth)
	case c.Segments != nil:
		err = c.checkSegments(pointer + "/segments")
	case c.Flag != "":
		if k.NoFlags {
			return Invalid(pointer+"/flag", "a segment cannot depend on a flag; let the flags that use the segment ask for it").WithCode("flag_in_segment")
		}
		err = c.checkFlag(pointer)
	case c.Slice != nil:
		slice := *c.Slice
		c.Slice = &slice
		err = CheckSlice(c.Slice, k.Salt, pointer+"/slice")
	default:
		err = c.checkComparison(pointer)
	}
	return err
}

func (c *Condition) forms() (out []string) {
	for _, f := range []struct {
		is   bool
		name string
	}{
		{c.Attribute != "" || c.Operator != "", "a comparison"},
		{c.All != nil, "all"},
		{c.Any != nil, "any"},
		{c.Segments != nil, "segments"},
		{c.Flag != "", "a flag"},
		{c.Slice != nil, "a slice"},
	} {
		if f.is {
			out = append(out, f.name)
		}
	}
	return out
}

func (k *ConditionChecker) checkGroup(all []Condition, pointer string, depth int) ([]Condition, error) {
	if len(all) == 0 {
		return nil, Invalid(pointer, "a group needs conditions; give it some or leave it out").WithCode("wrong_number_of_conditions")
	}
	return k.checkAll(all, pointer, depth+1)
}

func (c *Condition) checkSegments(pointer string) error {
	if len(c.Segments) == 0 || len(c.Segments) > maxAskedSegments {
		return Invalid(pointer, "a condition asks for 1 to %d segments, this one for %d", maxAskedSegments, len(c.Segments)).WithCode("wrong_number_of_segments")
	}
	for i, s := range c.Segments {
		if err := At(fmt.Sprintf("%s/%d", pointer, i), CheckBroughtKey("segment", s)); err != nil {
			return err
		}
	}
	c.Segments = slices.Clone(c.Segments)
	return nil
}

func (c *Condition) checkFlag(pointer string) error {
	if err := At(pointer+"/flag", CheckBroughtKey("flag", c.Flag)); err != nil {
		return err
	}
	if (len(c.Variants) == 0) == (len(c.Values) == 0) {
		return Invalid(pointer, "say which variants or else which values the flag %q has to serve; one of the two", c.Flag).WithCode("variants_or_values")
	}
	if len(c.Variants)+len(c.Values) > maxValues {
		return Invalid(pointer, "a condition has at most %d variants or values", maxValues).WithCode("wrong_number_of_values")
	}
	for i, v := range c.Variants {
		if err := At(fmt.Sprintf("%s/variants/%d", pointer, i), CheckVariant(v)); err != nil {
			return err
		}
	}
	values := make([]json.RawMessage, 0, len(c.Values))
	for i, v := range c.Values {
		text, ok := Compact(v)
		if !ok || len(text) > maxValue || string(text) == "null" || text[0] == '[' || !isReadable(text) {
			return Invalid(fmt.Sprintf("%s/values/%d", pointer, i), "a flag serves a boolean, a string, a number or an object; compare with one of these").WithCode("wrong_value_type")
		}
		values = append(values, text)
	}
	if c.Values != nil {
		c.Values = values
	}
	return nil
}

// isReadable is false for numbers beyond floats.
func isReadable(text json.RawMessage) bool {
	var value any
	return json.Unmarshal(text, &value) == nil
}

// Compact returns a copy of a JSON text without white space between its parts.
func Compact(value json.RawMessage) (json.RawMessage, bool) {
	var out bytes.Buffer
	if !utf8.Valid(value) || json.Compact(&out, value) != nil || out.Len() == 0 {
		return nil, false
	}
	return out.Bytes(), true
}

func (c *Condition) checkComparison(pointer string) error {
	if err := CheckText(pointer+"/attribute", "attribute", c.Attribute, true, maxAttribute); err != nil {
		return err
	}
	if len(c.Path) > maxPath || len(c.Path) > 0 && c.Attribute == "targetingKey" {
		return Invalid(pointer+"/path", "a path has at most %d steps, and none into the targeting key, which is a text", maxPath).WithCode("bad_path")
	}
	for i, step := range c.Path {
		if err := CheckText(fmt.Sprintf("%s/path/%d", pointer, i), "step of the path", step, true, maxAttribute); err != nil {
			return err
		}
	}
	return c.checkValues(pointer)
}

// checkValues holds the values against what the operator takes.
func (c *Condition) checkValues(pointer string) error {
	takes, known := takenBy(c.Operator)
	if !known {
		return Invalid(pointer+"/operator", "there is no operator %q; use one of the documented ones, such as equals or in", c.Operator).WithCode("unknown_operator")
	}
	if len(c.Values) < takes.least || len(c.Values) > takes.most {
		return Invalid(pointer+"/values", "the operator %s takes %s, not %d", c.Operator, takes.arity(), len(c.Values)).WithCode("wrong_number_of_values")
	}
	var values []json.RawMessage
	for i, v := range c.Values {
		text, ok := Compact(v)
		at := fmt.Sprintf("%s/values/%d", pointer, i)
		if !ok || len(text) > maxValue || !isScalar(text, takes.kind) {
			return Invalid(at, "the operator %s compares with a %s; give it one", c.Operator, takes.kind).WithCode("wrong_value_type")
		}
		if problem := takes.problem(text); problem != "" {
			return Invalid(at, "the value %s %s", clip(string(text)), problem).WithCode("wrong_value")
		}
		values = append(values, text)
	}
	if c.Elements && !comparesElements(c.Operator) {
		return Invalid(pointer+"/elements", "the operator %s is about a list as a whole, or about none; leave elements out", c.Operator).WithCode("bad_elements")
	}
	if c.Operator == Modulo && isZero(values[0]) {
		return Invalid(pointer+"/values/0", "nothing can be divided by 0; take another divisor").WithCode("wrong_value")
	}
	c.Values = values
	return nil
}

// comparesElements reports whether the operator can be asked of the elements of a list, one by one.
func comparesElements(o Operator) bool {
	switch o {
	case Present, NotPresent, IsEmpty, IsType, HasAny, HasAll, HasNone, HasOnly, HasExactly, HasSize:
		return false
	default:
		return true
	}
}

func isZero(number json.RawMessage) bool {
	var f float64
	return json.Unmarshal(number, &f) == nil && f == 0
}

func isScalar(v json.RawMessage, kind string) bool {
	var value any
	if json.Unmarshal(v, &value) != nil {
		return false
	}
	switch value.(type) {
	case string:
		return kind != "number"
	case float64:
		return kind != "string"
	case bool:
		return kind == "scalar"
	}
	return false
}
