package flags

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
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

// Most flags are boolean, and their values are the same two.
var (
	yes = datum{typ: Boolean, bool: true, raw: json.RawMessage("true")} //nolint:gochecknoglobals // a compiled constant
	no  = datum{typ: Boolean, raw: json.RawMessage("false")}            //nolint:gochecknoglobals // a compiled constant
)

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

func compileValue(t Type, raw json.RawMessage) (Value, error) {
	switch {
	case t == Boolean && string(raw) == "true":
		return Value{d: &yes}, nil
	case t == Boolean && string(raw) == "false":
		return Value{d: &no}, nil
	}
	v := &datum{typ: t}
	var err error
	switch t {
	case Boolean:
		err = json.Unmarshal(raw, &v.bool)
		v.raw = strconv.AppendBool(nil, v.bool)
	case String:
		if err = json.Unmarshal(raw, &v.str); err == nil {
			v.raw, err = json.Marshal(v.str)
		}
	case Integer:
		var f float64
		if err = json.Unmarshal(raw, &f); err == nil && (f != math.Trunc(f) || math.Abs(f) > 1<<53) {
			err = fmt.Errorf("%s is no whole number within ±2^53", raw)
		}
		v.int = int64(f)
		v.raw = strconv.AppendInt(nil, v.int, 10)
	case Float:
		err = json.Unmarshal(raw, &v.float)
		v.raw = floatText(v.float)
	case Object:
		if err = json.Unmarshal(raw, &v.object); err == nil {
			var compact bytes.Buffer
			err = json.Compact(&compact, raw)
			v.raw = compact.Bytes()
		}
	default:
		err = fmt.Errorf("the type %q is not known to this version", t)
	}
	if err == nil && string(raw) == "null" {
		err = fmt.Errorf("null is no %s", t)
	}
	return Value{d: v}, err
}

// floatText is the shortest text that reads back as f, in the form of encoding/json but always recognisable as a float.
func floatText(f float64) json.RawMessage {
	format := byte('f')
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	out := strconv.FormatFloat(f, format, -1, 64)
	if !strings.ContainsAny(out, ".e") {
		out += ".0"
	}
	return json.RawMessage(out)
}

// compileAny reads a value whose type it tells by its JSON.
func compileAny(raw json.RawMessage) (Value, error) {
	switch first := strings.TrimLeft(string(raw), " \t\r\n"); {
	case first == "":
		return Value{}, errors.New("a value is empty")
	case first[0] == '"':
		return compileValue(String, raw)
	case first[0] == '{':
		return compileValue(Object, raw)
	case first[0] == 't' || first[0] == 'f':
		return compileValue(Boolean, raw)
	default:
		return compileValue(Float, raw)
	}
}

// equals compares values; numbers of both types as numbers, objects by their members.
func (v Value) equals(w Value) bool {
	if x, ok := v.Float(); ok {
		y, ok := w.Float()
		return ok && x == y
	}
	if v.Type() != w.Type() || v.d == nil {
		return false
	}
	switch v.d.typ {
	case Boolean:
		return v.d.bool == w.d.bool
	case String:
		return v.d.str == w.d.str
	default:
		return reflect.DeepEqual(v.d.object, w.d.object)
	}
}
