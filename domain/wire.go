package domain

import (
	"bytes"
	"encoding/json"
	"errors"
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

// Upcast decodes a body of an older shape and lifts it to today's. It is the decoder of the old wire name, when the event is
// written under a new one: after
//
//	WireTurnedOn:         domain.Upcast[Event](func(old turnedOnV1) TurnedOn { ... }),
//	WireTurnedOn + ".v2": domain.As[TurnedOn, Event],
//
// deciders and read models know the new shape only. lift answers every old event, with what its absence meant then, and knows
// nothing but the event; an older version still is lifted step by step by one lift that calls the next.
func Upcast[E, Old, New any](lift func(Old) New) func([]byte) (E, error) {
	return func(body []byte) (E, error) {
		var none E
		old, err := As[Old, any](body)
		if err != nil {
			return none, err
		}
		was, _ := old.(Old)
		event, ok := any(lift(was)).(E)
		if !ok {
			return none, fmt.Errorf("%T is no event of this aggregate", lift(was))
		}
		return event, nil
	}
}

// As decodes a body, which must be one JSON object, as the event type T.
func As[T, E any](body []byte) (E, error) {
	var event T
	err := json.Unmarshal(body, &event)
	if trimmed := bytes.TrimSpace(body); err == nil && (len(trimmed) == 0 || trimmed[0] != '{') {
		err = errors.New("the body is no JSON object")
	}
	out, ok := any(event).(E)
	if err == nil && !ok {
		err = fmt.Errorf("%T is no event of this aggregate", event)
	}
	return out, err
}

// WriteEvent encodes an event under its wire name. JSON inside the event (a variant's value) is written as it is: escaping
// '<', '>' and '&' as encoding/json does by default would change its bytes between deciding and replaying.
func WriteEvent(name string, event any) (string, []byte, error) {
	if name == "" {
		return "", nil, fmt.Errorf("encoding event %T: it has no wire name", event)
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(event); err != nil {
		return "", nil, fmt.Errorf("encoding event %s: %w", name, err)
	}
	return name, bytes.TrimSuffix(body.Bytes(), []byte("\n")), nil
}
