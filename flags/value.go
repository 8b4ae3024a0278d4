package flags

import (
	"encoding/json"
	"math"
)

// Value is a variant's value, decoded once when the ruleset was compiled. It is a reference of one word; the zero Value has
// no type.
type Value struct{ d *datum }

// datum is a decoded value; the field that belongs to typ is set.
type datum struct {
	typ    Type
	bool   bool
	str    string
	int    int64
	float  float64
	object map[string]any
	raw    json.RawMessage
}

func (v Value) is(t Type) bool { return v.d != nil && v.d.typ == t }

// Type returns the flag's type; empty for the zero value.
func (v Value) Type() Type {
	if v.d == nil {
		return ""
	}
	return v.d.typ
}

// Bool returns the value of a boolean flag; ok is false for any other type.
func (v Value) Bool() (value, ok bool) {
	if !v.is(Boolean) {
		return false, false
	}
	return v.d.bool, true
}

// Text returns the value of a string flag.
func (v Value) Text() (value string, ok bool) {
	if !v.is(String) {
		return "", false
	}
	return v.d.str, true
}

// Int returns the value of an integer flag, or of a float flag that holds a whole number within ±2^53.
func (v Value) Int() (value int64, ok bool) {
	switch {
	case v.is(Integer):
		return v.d.int, true
	case v.is(Float) && v.d.float == math.Trunc(v.d.float) && math.Abs(v.d.float) <= 1<<53:
		return int64(v.d.float), true
	}
	return 0, false
}

// Float returns the value of a float flag, or of an integer flag as a float.
func (v Value) Float() (value float64, ok bool) {
	switch {
	case v.is(Float):
		return v.d.float, true
	case v.is(Integer):
		return float64(v.d.int), true
	}
	return 0, false
}

// Object returns the value of an object flag. It is shared by all decisions: do not write to it.
func (v Value) Object() (value map[string]any, ok bool) {
	if !v.is(Object) {
		return nil, false
	}
	return v.d.object, true
}

// JSON returns the JSON text of the value; a float always has a point or an exponent in it ("4.0"), an integer never,
// because typed SDKs tell the two apart by it. Do not write to it.
func (v Value) JSON() json.RawMessage {
	if v.d == nil {
		return nil
	}
	return v.d.raw
}
