package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"unicode/utf8"
)

const maxDepth = 64

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
		for w.at < len(w.text) && !isEnd(w.text[w.at]) {
			w.at++
		}
	}
	return nil
}

func (w *jsonWalk) object(depth int) error {
	var few [12]string // most objects are small; a map only pays for large ones
	keys, many := few[:0], map[string]bool(nil)
	w.at++
	for {
		w.space()
		if w.text[w.at] == '}' {
			w.at++
			return nil
		}
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
			many[key] = true
		}
		w.space()
		w.at++ // the colon
		if err := w.value(depth + 1); err != nil {
			return err
		}
		w.space()
		if w.text[w.at] == ',' {
			w.at++
		}
	}
}

func twice(keys []string, many map[string]bool, key string) bool {
	return slices.Contains(keys, key) || many[key]
}

func (w *jsonWalk) array(depth int) error {
	w.at++
	for {
		w.space()
		switch w.text[w.at] {
		case ']':
			w.at++
			return nil
		case ',':
			w.at++
			continue
		}
		if err := w.value(depth + 1); err != nil {
			return err
		}
	}
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
func keyText(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var key string
	if json.Unmarshal(quoted, &key) != nil {
		return string(quoted)
	}
	return key
}

func (w *jsonWalk) space() {
	for w.at < len(w.text) && (w.text[w.at] == ' ' || w.text[w.at] == '\t' || w.text[w.at] == '\n' || w.text[w.at] == '\r') {
		w.at++
	}
}

func isEnd(b byte) bool {
	return b == ',' || b == ']' || b == '}' || b == ' ' || b == '\t' || b == '\n' || b == '\r'
}
