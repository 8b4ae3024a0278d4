package eventlog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/assayhq/assay/eventlog"
)

// Oracle: Python 3.11, for each row
//
//	ns = uuid.uuid5(uuid.NAMESPACE_URL, "assay.event")
//	uuid.UUID(bytes=hashlib.sha1(ns.bytes + command.encode() + b"\0" + index.to_bytes(4, "big")).digest()[:16], version=5)
//
// which is uuid.uuid5(ns, name) for a name of bytes; for index 0 and 1 uuid.uuid5(ns, command + "\0\0\0\0" + chr(index)) agrees.
func TestAnIDIsTheVersion5UUIDOfCommandAndIndex(t *testing.T) {
	for _, c := range []struct {
		command string
		index   int
		want    string
	}{
		{"0190a5c8-7f0e-7c52-b6a1-3f6f0d3c9f11", 0, "c5788d50-c952-553b-9535-573a6f6ab777"},
		{"0190a5c8-7f0e-7c52-b6a1-3f6f0d3c9f11", 1, "a440a73e-4508-5cbe-af11-ece933961e17"},
		{"0190a5c8-7f0e-7c52-b6a1-3f6f0d3c9f11", 999, "d98249b8-4078-5b44-914b-71e17b5a3f5d"},
		{"", 0, "712fb4ef-f5ed-5ece-92a8-da655bf993a9"},
		{"größe", 7, "99384058-6419-5626-a3db-8a973ac6b62d"},
	} {
		if got := eventlog.NewID(c.command, c.index).String(); got != c.want {
			t.Errorf("NewID(%q, %d) = %s, want %s", c.command, c.index, got, c.want)
		}
	}
}

func TestIDsOfDifferentCommandsAndIndexesDiffer(t *testing.T) {
	seen := map[eventlog.ID]string{}
	for _, command := range []string{"", "a", "b", "ab", "a\x00\x00\x00\x00\x00"} {
		for index := range eventlog.MaxEvents {
			id, name := eventlog.NewID(command, index), fmt.Sprintf("%q %d", command, index)
			if other, taken := seen[id]; taken {
				t.Fatalf("%s and %s have the same id", name, other)
			}
			seen[id] = name
		}
	}
}

func event(index int) eventlog.Event {
	return eventlog.Event{ID: eventlog.NewID("check", index), Type: "Noted", Data: []byte("{}"), Meta: map[string]string{"actor": "ann"}}
}

func events(n int) []eventlog.Event {
	all := make([]eventlog.Event, n)
	for i := range all {
		all[i] = event(i)
	}
	return all
}

func with(change func(*eventlog.Event)) []eventlog.Event {
	e := event(0)
	change(&e)
	return []eventlog.Event{e}
}

func TestCheckTakesWhatEveryEngineCanHold(t *testing.T) {
	largest := with(func(e *eventlog.Event) { e.Meta = nil; e.Data = make([]byte, eventlog.MaxAppendBytes-len(e.Type)) })
	for name, c := range map[string]struct {
		stream   string
		expected eventlog.Revision
		events   []eventlog.Event
	}{
		"one event":             {"flag-shop.checkout", eventlog.NoStream, events(1)},
		"any revision":          {"flag", eventlog.Any, events(1)},
		"a longest stream name": {strings.Repeat("s", eventlog.MaxName), 0, events(1)},
		"most events":           {"flag-a", 12, events(eventlog.MaxEvents)},
		"most bytes":            {"flag-a", 12, largest},
		"no data and no meta":   {"flag-a", 12, with(func(e *eventlog.Event) { e.Data, e.Meta = nil, nil })},
		"names of the server":   {"flag-a", 12, with(func(e *eventlog.Event) { e.Meta = map[string]string{"$causationId": ""} })},
	} {
		if err := eventlog.Check(c.stream, c.expected, c.events); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckRefusesWhatSomeEngineCannotHold(t *testing.T) {
	tooLong := strings.Repeat("n", eventlog.MaxName+1)
	tooLarge := with(func(e *eventlog.Event) { e.Meta = nil; e.Data = make([]byte, eventlog.MaxAppendBytes-len(e.Type)+1) })
	largeMeta := with(func(e *eventlog.Event) {
		e.Meta = map[string]string{"note": strings.Repeat("m", eventlog.MaxAppendBytes)}
	})
	for name, c := range map[string]struct {
		stream   string
		expected eventlog.Revision
		events   []eventlog.Event
		want     error
	}{
		"no stream":               {"", 0, events(1), eventlog.ErrInvalid},
		"an overlong stream":      {tooLong, 0, events(1), eventlog.ErrInvalid},
		"a system stream":         {"$all", 0, events(1), eventlog.ErrInvalid},
		"a stream not in UTF-8":   {"flag-\xff", 0, events(1), eventlog.ErrInvalid},
		"no revision":             {"flag-a", -3, events(1), eventlog.ErrInvalid},
		"no events":               {"flag-a", 0, nil, eventlog.ErrInvalid},
		"too many events":         {"flag-a", 0, events(eventlog.MaxEvents + 1), eventlog.ErrTooLarge},
		"an unset id":             {"flag-a", 0, with(func(e *eventlog.Event) { e.ID = eventlog.ID{} }), eventlog.ErrInvalid},
		"a repeated id":           {"flag-a", 0, append(events(2), event(0)), eventlog.ErrInvalid},
		"no type":                 {"flag-a", 0, with(func(e *eventlog.Event) { e.Type = "" }), eventlog.ErrInvalid},
		"an overlong type":        {"flag-a", 0, with(func(e *eventlog.Event) { e.Type = tooLong }), eventlog.ErrInvalid},
		"a system type":           {"flag-a", 0, with(func(e *eventlog.Event) { e.Type = "$>" }), eventlog.ErrInvalid},
		"a type not in UTF-8":     {"flag-a", 0, with(func(e *eventlog.Event) { e.Type = "No\xc3" }), eventlog.ErrInvalid},
		"metadata without a name": {"flag-a", 0, with(func(e *eventlog.Event) { e.Meta = map[string]string{"": "x"} }), eventlog.ErrInvalid},
		"metadata not in UTF-8":   {"flag-a", 0, with(func(e *eventlog.Event) { e.Meta["reason"] = "\xff" }), eventlog.ErrInvalid},
		"one byte too much":       {"flag-a", 0, tooLarge, eventlog.ErrTooLarge},
		"too much metadata":       {"flag-a", 0, largeMeta, eventlog.ErrTooLarge},
	} {
		if err := eventlog.Check(c.stream, c.expected, c.events); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestTheCategoryEndsBeforeTheFirstDash(t *testing.T) {
	for stream, want := range map[string]string{
		"flag-shop.checkout": "flag", "measurement-shop.production.2026-11-22": "measurement", "settings": "settings", "-x": "", "": "",
	} {
		if got := eventlog.Category(stream); got != want {
			t.Errorf("Category(%q) = %q, want %q", stream, got, want)
		}
	}
}

func TestAFilterMatchesWholeCategories(t *testing.T) {
	both := eventlog.Filter{Categories: []string{"flag", "experiment"}}
	for stream, want := range map[string]bool{
		"flag-a": true, "experiment-a": true, "flag": true, "flags-a": false, "fla-g": false, "measurement-flag-a": false,
	} {
		if got := both.Matches(stream); got != want {
			t.Errorf("flag or experiment matches %q: %v, want %v", stream, got, want)
		}
		if !(eventlog.Filter{}).Matches(stream) {
			t.Errorf("the zero filter does not match %q", stream)
		}
	}
}

func TestAConflictTellsWhereTheStreamIs(t *testing.T) {
	err := fmt.Errorf("turning on: %w", &eventlog.ConflictError{Stream: "flag-a", Expected: 3, Actual: 5})
	var conflict *eventlog.ConflictError
	if !errors.Is(err, eventlog.ErrConflict) || !errors.As(err, &conflict) || conflict.Actual != 5 {
		t.Errorf("%v is no conflict at revision 5", err)
	}
	if want := "turning on: stream flag-a is at revision 5, not at the expected 3"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}
