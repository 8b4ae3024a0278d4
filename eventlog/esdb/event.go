package esdb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/assayhq/assay/eventlog"
)

// proposals are the events as the driver takes them. They share nothing with what the caller handed in, because a call that is
// given up may still run.
func proposals(events []eventlog.Event) ([]driver.EventData, error) {
	all := make([]driver.EventData, len(events))
	for i, e := range events {
		all[i] = driver.EventData{EventID: [16]byte(e.ID), EventType: e.Type, Data: bytes.Clone(e.Data), ContentType: driver.ContentTypeBinary}
		if len(e.Data) > 0 && (e.Data[0] == '{' || e.Data[0] == '[') && json.Valid(e.Data) {
			all[i].ContentType = driver.ContentTypeJson // so that the server's own tools show it
		}
		if len(e.Meta) > 0 {
			meta, err := json.Marshal(e.Meta)
			if err != nil {
				return nil, fmt.Errorf("%w: the metadata of event %d: %w", eventlog.ErrInvalid, i, err)
			}
			all[i].Metadata = meta
		}
	}
	return all, nil
}

// recorded translates an event of the server.
func (l *Log) recorded(e *driver.RecordedEvent) eventlog.Recorded {
	return eventlog.Recorded{
		Event:    eventlog.Event{ID: eventlog.ID(e.EventID), Type: e.EventType, Data: e.Data, Meta: flat(e.UserMetadata)},
		Stream:   strings.TrimPrefix(e.StreamID, l.prefix),
		Revision: eventlog.Revision(e.EventNumber), //nolint:gosec // the server's are signed, too
		Position: eventlog.Position(e.Position.Commit), RecordedAt: e.CreatedDate,
	}
}

// flat reads metadata. Ours is a flat object of texts; of what others wrote, other values are kept as their JSON, and what is
// no object is left out: a reader that stopped here would never get past it.
func flat(meta []byte) map[string]string {
	if len(meta) == 0 {
		return nil
	}
	var texts map[string]string
	if json.Unmarshal(meta, &texts) == nil {
		return texts
	}
	var values map[string]json.RawMessage
	if json.Unmarshal(meta, &values) != nil {
		return nil
	}
	texts = make(map[string]string, len(values))
	for k, v := range values {
		var text string
		if json.Unmarshal(v, &text) != nil {
			text = string(v)
		}
		texts[k] = text
	}
	return texts
}

// ours reports whether a stream of the server belongs to this log.
func (l *Log) ours(stream string) bool {
	if l.prefix == "" {
		return !strings.HasPrefix(stream, "$")
	}
	return len(stream) > len(l.prefix) && strings.HasPrefix(stream, l.prefix)
}

// filter matches the log's own streams.
func (l *Log) filter() *driver.SubscriptionFilter {
	if l.prefix == "" {
		return &driver.SubscriptionFilter{Type: driver.StreamFilterType, Regex: `^[^\$]`}
	}
	return &driver.SubscriptionFilter{Type: driver.StreamFilterType, Prefixes: []string{l.prefix}}
}

// narrow matches at least the streams of the categories: those whose names begin with one.
func (l *Log) narrow(categories []string) *driver.SubscriptionFilter {
	f := &driver.SubscriptionFilter{Type: driver.StreamFilterType}
	for _, c := range categories {
		f.Prefixes = append(f.Prefixes, l.prefix+c)
	}
	return f
}
