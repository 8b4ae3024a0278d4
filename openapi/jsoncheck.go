package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/assayhq/assay/domain/measurement"
)

const maxDepth = 64

// splitItems takes the frame {"items":[…]} of a batch apart. Of the items it knows only where they begin and end, so that
// whatever is wrong in one of them is that one's fault alone; domain/measurement looks into them.
func splitItems(body []byte) ([]json.RawMessage, error) {
	if !json.Valid(body) {
		return nil, malformed(body)
	}
	w := &jsonWalk{text: body}
	w.space()
	if w.text[w.at] != '{' {
		return nil, refuse(http.StatusBadRequest, "wrong_type", `the body must be a JSON object like {"items":[…]}`)
	}
	w.at++
	var items []json.RawMessage
	for there := false; w.more('}'); {
		key := keyText(w.string())
		if string(key) != "items" {
			return nil, refuse(http.StatusBadRequest, "unknown_field", "there is a field %q that is not known here; a batch has only items", key)
		}
		if there {
			return nil, refuse(http.StatusBadRequest, "duplicate_json_key", "the key %q is twice in one JSON object; leave one out", key)
		}
		there = true
		w.space()
		w.at++ // the colon
		var err error
		if items, err = w.items(); err != nil {
			return nil, err
		}
	}
	if len(items) == 0 {
		return nil, refuse(http.StatusBadRequest, "empty_batch", "there are no items; send 1 to %d of them as {\"items\":[…]}", measurement.MaxItems)
	}
	return items, nil
}

func (w *jsonWalk) items() ([]json.RawMessage, error) {
	w.space()
	if w.text[w.at] != '[' {
		return nil, refuse(http.StatusBadRequest, "wrong_type", "items must be an array of objects")
	}
	w.at++
	var items []json.RawMessage
	for w.more(']') {
		if len(items) == measurement.MaxItems {
			return nil, refuse(http.StatusRequestEntityTooLarge, "too_many_items", "there are more than %d items; send them in several batches", measurement.MaxItems)
		}
		items = append(items, w.skip())
	}
	return items, nil
}

// more goes to the next member or element; it is false, and past the end, when there is none.
func (w *jsonWalk) more(end byte) bool {
	w.space()
	if w.text[w.at] == ',' {
		w.at++
		w.space()
	}
	if w.text[w.at] == end {
		w.at++
		return false
	}
	return true
}

// skip passes over a value and returns it.
func (w *jsonWalk) skip() []byte {
	start := w.at
	for depth := 0; ; {
		switch w.text[w.at] {
		case '{', '[':
			depth++
			w.at++
		case '}', ']':
			depth--
			w.at++
		case '"':
			w.string()
		case ',', ':', ' ', '\t', '\n', '\r':
			w.at++
		default:
			w.scalar()
		}
		if depth == 0 {
			return w.text[start:w.at]
		}
	}
}

// checkJSON refuses a body that is no single JSON value in valid UTF-8, is nested too deeply, or has a key twice in an object:
// decoders differ in which of the two they take, and so would what was meant and what is done.
func checkJSON(body []byte) error {
	if !utf8.Valid(body) {
		return refuse(http.StatusBadRequest, "malformed_json", "the body is not valid UTF-8")
	}
	if !json.Valid(body) {
		return malformed(body)
	}
	return (&jsonWalk{text: body}).value(1)
}

func malformed(body []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	for {
		_, err := decoder.Token()
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return refuse(http.StatusBadRequest, "malformed_json", "the body is no JSON: %s at byte %d", syntax.Error(), syntax.Offset)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return refuse(http.StatusBadRequest, "malformed_json", "the body is no single JSON value; it ends too early or goes on after its end")
		}
		if err != nil {
			return refuse(http.StatusBadRequest, "malformed_json", "the body is no JSON")
		}
	}
}

// jsonWalk goes over valid JSON once, looking at nothing but keys and depth.
type jsonWalk struct {
	text []byte
	at   int
}

func (w *jsonWalk) value(depth int) error {
	if depth > maxDepth {
		return refuse(http.StatusBadRequest, "too_deep", "the JSON is nested more than %d levels deep", maxDepth)
	}
	w.space()
	switch w.text[w.at] {
	case '{':
		return w.object(depth)
	case '[':
		return w.array(depth)
	case '"':
		w.string()
	default:
		w.scalar()
	}
	return nil
}

// scalar passes over a number, true, false or null.
func (w *jsonWalk) scalar() {
	for w.at < len(w.text) && !isEnd(w.text[w.at]) {
		w.at++
	}
}

func (w *jsonWalk) object(depth int) error {
	var few [12][]byte // most objects are small; a map only pays for large ones
	keys, many := few[:0], map[string]bool(nil)
	w.at++
	for w.more('}') {
		key := keyText(w.string())
		if twice(keys, many, key) {
			return refuse(http.StatusBadRequest, "duplicate_json_key", "the key %q is twice in one JSON object; leave one out", key)
		}
		if len(keys) < cap(keys) {
			keys = append(keys, key)
		} else {
			if many == nil {
				many = map[string]bool{}
			}
			many[string(key)] = true
		}
		w.space()
		w.at++ // the colon
		if err := w.value(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

func twice(keys [][]byte, many map[string]bool, key []byte) bool {
	return many[string(key)] || slices.ContainsFunc(keys, func(k []byte) bool { return bytes.Equal(k, key) })
}

func (w *jsonWalk) array(depth int) error {
	w.at++
	for w.more(']') {
		if err := w.value(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

// string passes over a string and returns it with its quotes.
func (w *jsonWalk) string() []byte {
	start := w.at
	for w.at++; w.text[w.at] != '"'; w.at++ {
		if w.text[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
	return w.text[start:w.at]
}

// keyText is a key without its quotes and escapes.
func keyText(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var key string
	if json.Unmarshal(quoted, &key) != nil {
		return quoted
	}
	return []byte(key)
}

func (w *jsonWalk) space() {
	for w.at < len(w.text) && (w.text[w.at] == ' ' || w.text[w.at] == '\t' || w.text[w.at] == '\n' || w.text[w.at] == '\r') {
		w.at++
	}
}

func isEnd(b byte) bool {
	return b == ',' || b == ']' || b == '}' || b == ' ' || b == '\t' || b == '\n' || b == '\r'
}
