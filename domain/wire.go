package domain

import (
	"encoding/json"
	"fmt"
)

// Wire is a table of how events are written down: wire name to decoder. It is for the wire.go of an aggregate.
type Wire[E any] map[string]func([]byte) (E, error)

// Decode finds the decoder of the name. Unknown fields in a body are ignored, so that an older program can read what a newer
// one wrote as long as it knows the name.
func (w Wire[E]) Decode(name string, body []byte) (E, error) {
	decode, ok := w[name]
	if !ok {
		var none E
		return none, fmt.Errorf("event %q is not known to this version", name)
	}
	event, err := decode(body)
	if err != nil {
		return event, fmt.Errorf("decoding event %s: %w", name, err)
	}
	return event, nil
}

// As decodes a body as the event type T.
func As[T, E any](body []byte) (E, error) {
	var event T
	err := json.Unmarshal(body, &event)
	out, _ := any(event).(E)
	return out, err
}

// WriteEvent encodes an event under its wire name.
func WriteEvent(name string, event any) (string, []byte, error) {
	body, err := json.Marshal(event)
	if err != nil {
		return "", nil, fmt.Errorf("encoding event %s: %w", name, err)
	}
	return name, body, nil
}
