package projections

import (
	"bytes"
	"reflect"
	"strings"
	"sync"
)

// Texts holds texts that occur again and again once: of 100,000 flags nearly all are named "on" and "off" somewhere. It is for
// read models that keep what they read: what it returns shares no memory with what it was given, so a kept key does not keep
// the whole record alive that it was cut out of. The zero value is ready; any number of goroutines may use it.
type Texts struct {
	mu    sync.Mutex
	known map[string]string
	raw   map[string][]byte
}

// Longer texts are hardly ever the same; more are forgotten and begin anew, which costs a few copies.
const (
	longestShared = 64
	mostShared    = 8_192
)

// Of returns the text, or one that is the same.
func (t *Texts) Of(text string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of(text)
}

func (t *Texts) of(text string) string {
	if len(text) > longestShared {
		return strings.Clone(text)
	}
	if same, known := t.known[text]; known {
		return same
	}
	if t.known == nil || len(t.known) >= mostShared {
		t.known = map[string]string{}
	}
	text = strings.Clone(text)
	t.known[text] = text
	return text
}

func (t *Texts) bytes(text []byte) []byte {
	if len(text) > longestShared {
		return bytes.Clone(text)
	}
	if same, known := t.raw[string(text)]; known {
		return same
	}
	if t.raw == nil || len(t.raw) >= mostShared {
		t.raw = map[string][]byte{}
	}
	text = append(make([]byte, 0, len(text)), text...)
	t.raw[string(text)] = text
	return text
}

// Compact returns a copy of the value that takes the least memory: lists without room to grow, which decoding leaves at
// several times their size, and texts from t. It is for plain values that nobody writes to any more: what is the same may be
// shared. Maps, interfaces and unexported fields stay as they are.
func Compact[T any](t *Texts, value T) T {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.compact(reflect.ValueOf(&value).Elem())
	return value
}

func (t *Texts) compact(v reflect.Value) {
	switch v.Kind() { //nolint:exhaustive // numbers have nothing to share
	case reflect.String:
		v.SetString(t.of(v.String()))
	case reflect.Struct:
		for i := range v.NumField() { //nolint:modernize // Fields allocates for each of them
			if field := v.Field(i); field.CanSet() {
				t.compact(field)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			t.compact(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			own := reflect.New(v.Type().Elem())
			own.Elem().Set(v.Elem())
			t.compact(own.Elem())
			v.Set(own)
		}
	case reflect.Slice:
		t.compactList(v)
	}
}

func (t *Texts) compactList(v reflect.Value) {
	switch {
	case v.IsNil():
	case v.Type().Elem().Kind() == reflect.Uint8:
		v.SetBytes(t.bytes(v.Bytes()))
	default:
		own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(own, v)
		for i := range own.Len() {
			t.compact(own.Index(i))
		}
		v.Set(own)
	}
}
