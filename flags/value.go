package flags

import "encoding/json"

// Value is a variant's value, decoded once when the ruleset was compiled.
type Value struct {
	typ    Type
	bool   bool
	str    string
	int    int64
	float  float64
	object map[string]any
	raw    json.RawMessage
}

// Type returns the flag's type; empty for the zero value.
func (v Value) Type() Type { return v.typ }

// Bool returns the value of a boolean flag; ok is false for any other type.
func (v Value) Bool() (value, ok bool) { return v.bool, v.typ == Boolean }

// Text returns the value of a string flag.
func (v Value) Text() (value string, ok bool) { return v.str, v.typ == String }

// Int returns the value of an integer flag.
func (v Value) Int() (value int64, ok bool) { return v.int, v.typ == Integer }

// Float returns the value of a float flag, or of an integer flag as a float.
func (v Value) Float() (value float64, ok bool) {
	if v.typ == Integer {
		return float64(v.int), true
	}
	return v.float, v.typ == Float
}

// Object returns the value of an object flag. It is shared by all decisions: do not write to it.
func (v Value) Object() (value map[string]any, ok bool) { return v.object, v.typ == Object }

// JSON returns the JSON text of the value; a float always has a point or an exponent in it ("4.0"), an integer never,
// because typed SDKs tell the two apart by it. Do not write to it.
func (v Value) JSON() json.RawMessage { return v.raw }
