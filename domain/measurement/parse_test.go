package measurement_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/measurement"
)

func TestAWholeExposureIsRead(t *testing.T) {
	text := []byte(` {"event_id":"x-1","type":"exposure","experiment_key":"checkout","variant":"Mens E-Mail","unit_type":"device","unit_id":"d\u00e9\"7",
		"occurred_at":"2026-01-31T09:00:00.123456789+01:00","received_at":"2020-01-01T00:00:00Z","flag_key":"one-page","reason":"SPLIT","flag_version":"812",
		"attributes":{"country":"<DE>","age":4.2e1,"new":true,"left":null,"a\/b":""},"ts":"assumed"} `)
	want := measurement.Exposure{
		EventID: "x-1", Experiment: "checkout", Variant: "Mens E-Mail", UnitType: "device", Unit: `dé"7`, OccurredAt: time.Date(2026, 1, 31, 8, 0, 0, 123456789, time.UTC),
		Flag: "one-page", Reason: "SPLIT", FlagVersion: "812", TS: "assumed",
		Attributes: map[string]json.RawMessage{"country": json.RawMessage(`"<DE>"`), "age": json.RawMessage("4.2e1"), "new": json.RawMessage("true"), "a/b": json.RawMessage(`""`)},
	}
	got, err := measurement.ParseExposure(text)
	for i := range text {
		text[i] = 'x' // the caller may reuse it
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestAWholeMeasurementIsRead(t *testing.T) {
	got, err := measurement.ParseMeasurement([]byte(`{"value":-1.5e2,"event_id":"m-1","type":"measurement","event_name":"purchase","unit_id":"7","occurred_at":"2026-01-31T08:00:00Z","currency":"EUR","properties":{"items":3}}`))
	want := measurement.Measurement{
		EventID: "m-1", Event: "purchase", UnitType: "user", Unit: "7", OccurredAt: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), Value: -150, Currency: "EUR",
		Properties: map[string]json.RawMessage{"items": json.RawMessage("3")},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	for _, nulls := range []string{"", `,"value":1,"event_id":null,"type":null,"unit_type":null,"received_at":null,"currency":null,"properties":null,"ts":null`, `,"type":"","unit_type":"","properties":{"a":null}`} {
		got, err := measurement.ParseMeasurement([]byte(`{"event_name":"e","unit_id":"u","occurred_at":"2026-01-31T08:00:00Z"` + nulls + `}`))
		// The SHA-256 of "11:measurement1:e4:user1:u20:2026-01-31T08:00:00Z1:1" by sha256sum, its first 40 digits.
		want := measurement.Measurement{EventID: "sha256-" + derived, Event: "e", UnitType: "user", Unit: "u", OccurredAt: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), Value: 1}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", nulls, got, err)
		}
	}
}

func TestItemsWithoutAnIDAreTheSameWhenTheySayTheSame(t *testing.T) {
	parse := func(unit, at, value string) string {
		m, err := measurement.ParseMeasurement(fmt.Appendf(nil, `{"event_name":"e","unit_id":%q,"occurred_at":%q,"value":%s}`, unit, at, value))
		if err != nil {
			t.Fatal(err)
		}
		return m.EventID
	}
	one := parse("u", "2026-01-31T08:00:00Z", "1")
	if again := parse("u", "2026-01-31T09:00:00+01:00", "1.0"); again != one {
		t.Errorf("%s, but in another spelling %s", one, again)
	}
	for _, other := range []string{parse("v", "2026-01-31T08:00:00Z", "1"), parse("u", "2026-01-31T08:00:01Z", "1"), parse("u", "2026-01-31T08:00:00Z", "2")} {
		if other == one {
			t.Error("different items have the same id")
		}
	}
	x, err := measurement.ParseExposure([]byte(`{"experiment_key":"e","variant":"1","unit_id":"u","occurred_at":"2026-01-31T08:00:00Z"}`))
	if err != nil || x.EventID == one || !strings.HasPrefix(x.EventID, "sha256-") {
		t.Errorf("exposure %s, %v", x.EventID, err)
	}
}

// with is a well-formed measurement with one field set to a JSON text; as many as are given.
func with(fields ...string) string {
	all := map[string]string{"event_id": `"m"`, "event_name": `"e"`, "unit_id": `"u"`, "occurred_at": `"2026-01-31T08:00:00Z"`}
	for i := 0; i < len(fields); i += 2 {
		all[fields[i]] = fields[i+1]
	}
	return object(all)
}

func exposureWith(fields ...string) string {
	all := map[string]string{"event_id": `"x"`, "experiment_key": `"e"`, "variant": `"v"`, "unit_id": `"u"`, "occurred_at": `"2026-01-31T08:00:00Z"`}
	for i := 0; i < len(fields); i += 2 {
		all[fields[i]] = fields[i+1]
	}
	return object(all)
}

func object(all map[string]string) string {
	var out []string
	for name, value := range all {
		out = append(out, fmt.Sprintf("%q:%s", name, value))
	}
	return "{" + strings.Join(out, ",") + "}"
}

func quoted(n int) string { return `"` + strings.Repeat("x", n) + `"` }

func TestMalformedMeasurementsAreRefused(t *testing.T) {
	many := map[string]string{}
	for i := range 65 {
		many[fmt.Sprint("p", i)] = "1"
	}
	check(t, func(text string) error { _, err := measurement.ParseMeasurement([]byte(text)); return err }, []refusal{
		{"", "malformed_json", ""},
		{"null", "malformed_json", ""},
		{"[]", "malformed_json", ""},
		{`"e"`, "malformed_json", ""},
		{"{", "malformed_json", ""},
		{`{"event_id"`, "malformed_json", ""},
		{`{"event_id":"a",}`, "malformed_json", ""},
		{`{"event_id" "a"}`, "malformed_json", ""},
		{`{"event_id":'a'}`, "malformed_json", ""},
		{"{\"event_id\":\"a\nb\"}", "malformed_json", ""},
		{`{"event_id":"\x"}`, "malformed_json", ""},
		{`{"event_id":"\u12g4"}`, "malformed_json", ""},
		{`{"event_id":tru}`, "malformed_json", ""},
		{`{"value":01}`, "malformed_json", ""},
		{`{"value":1.}`, "malformed_json", ""},
		{`{"value":.5}`, "malformed_json", ""},
		{`{"value":-}`, "malformed_json", ""},
		{`{"value":1e}`, "malformed_json", ""},
		{`{"value":NaN}`, "malformed_json", ""},
		{`{"value":+1}`, "malformed_json", ""},
		{`{event_id:"a"}`, "malformed_json", ""},
		{with() + "{}", "malformed_json", ""},
		{with() + "\x00", "malformed_json", ""},
		{with() + "x", "malformed_json", ""},
		{"\ufeff" + with(), "malformed_json", ""},
		{with("unit_id", "\"\xff\""), "not_text", ""},
		{with("unit_id", `"a\u0000"`), "not_text", "/unit_id"},
		{with("unit_id", quoted(1<<20)), "too_long", ""},
		{with("userid", "1"), "unknown_field", "/userid"},
		{with("EVENT_ID", `"a"`), "unknown_field", "/EVENT_ID"},
		{with("variant", `"a"`), "unknown_field", "/variant"},
		{with("a/b~c", `{"deep":[]}`), "unknown_field", "/a~1b~0c"},
		{`{"event_id":"a","event_id":"a"}`, "duplicate_field", "/event_id"},
		{`{"event_id":"a","event\u005fid":"b"}`, "duplicate_field", "/event_id"},
		{`{"event_id":null,"event_id":"b"}`, "duplicate_field", "/event_id"},
		{with("properties", `{"a":1,"a":1}`), "duplicate_field", "/properties/a"},
		{with("properties", `{"a":null,"a":1}`), "duplicate_field", "/properties/a"},
		{with("type", `"exposure"`), "wrong_item_type", "/type"},
		{with("type", "1"), "wrong_type", "/type"},
		{with("received_at", "1"), "wrong_type", "/received_at"},
		{with("event_id", "7"), "wrong_type", "/event_id"},
		{with("event_id", quoted(257)), "too_long", "/event_id"},
		{with("event_name", "null"), "missing", "/event_name"},
		{with("event_name", quoted(257)), "too_long", "/event_name"},
		{with("event_name", "{}"), "wrong_type", "/event_name"},
		{with("unit_id", `""`), "missing", "/unit_id"},
		{with("unit_id", `" "`), "missing", "/unit_id"},
		{with("unit_id", "7"), "wrong_type", "/unit_id"},
		{with("unit_id", quoted(513)), "too_long", "/unit_id"},
		{with("unit_type", `"User Id"`), "bad_key", "/unit_type"},
		{with("occurred_at", "null"), "missing_occurred_at", "/occurred_at"},
		{with("occurred_at", `""`), "wrong_type", "/occurred_at"},
		{with("occurred_at", `"2026-01-31"`), "wrong_type", "/occurred_at"},
		{with("occurred_at", "1769846400"), "wrong_type", "/occurred_at"},
		{with("occurred_at", `"2026-02-30T00:00:00Z"`), "wrong_type", "/occurred_at"},
		{with("occurred_at", `"1969-12-31T23:59:59Z"`), "time_out_of_range", "/occurred_at"},
		{with("occurred_at", `"2262-01-01T00:00:00Z"`), "time_out_of_range", "/occurred_at"},
		{with("occurred_at", `"0001-01-01T00:00:00Z"`), "missing_occurred_at", "/occurred_at"},
		{with("value", "null"), "wrong_type", "/value"},
		{with("value", `"1"`), "wrong_type", "/value"},
		{with("value", "true"), "wrong_type", "/value"},
		{with("value", "[1]"), "wrong_type", "/value"},
		{with("value", "1e15"), "value_out_of_range", "/value"},
		{with("value", "-1e15"), "value_out_of_range", "/value"},
		{with("value", "1e999"), "value_out_of_range", "/value"},
		{with("value", "-1e999"), "value_out_of_range", "/value"},
		{with("currency", quoted(17)), "too_long", "/currency"},
		{with("ts", `"guessed"`), "unknown_mark", "/ts"},
		{with("properties", "[]"), "wrong_type", "/properties"},
		{with("properties", "1"), "wrong_type", "/properties"},
		{with("properties", `{"a":{}}`), "not_a_scalar", "/properties/a"},
		{with("properties", `{"a/b":[1]}`), "not_a_scalar", "/properties/a~1b"},
		{with("properties", `{"a":1e999}`), "not_a_scalar", "/properties/a"},
		{with("properties", `{"a":`+quoted(1023)+`}`), "not_a_scalar", "/properties/a"},
		{with("properties", `{"":1}`), "bad_name", "/properties"},
		{with("properties", "{"+quoted(257)+":1}"), "bad_name", "/properties"},
		{with("properties", object(many)), "too_many_attributes", "/properties"},
		{with("properties", `{"a":1`), "malformed_json", ""},
	})
}

func TestMalformedExposuresAreRefused(t *testing.T) {
	check(t, func(text string) error { _, err := measurement.ParseExposure([]byte(text)); return err }, []refusal{
		{"{}", "bad_key", "/experiment_key"},
		{exposureWith("experiment_key", `"A"`), "bad_key", "/experiment_key"},
		{exposureWith("variant", "null"), "bad_key", "/variant"},
		{exposureWith("type", `"measurement"`), "wrong_item_type", "/type"},
		{exposureWith("value", "1"), "unknown_field", "/value"},
		{exposureWith("unit_id", "null"), "missing", "/unit_id"},
		{exposureWith("occurred_at", "null"), "missing_occurred_at", "/occurred_at"},
		{exposureWith("flag_key", quoted(257)), "too_long", "/flag_key"},
		{exposureWith("reason", quoted(257)), "too_long", "/reason"},
		{exposureWith("flag_version", quoted(257)), "too_long", "/flag_version"},
		{exposureWith("attributes", `{"a":[]}`), "not_a_scalar", "/attributes/a"},
		{exposureWith("event_id", quoted(257)), "too_long", "/event_id"},
	})
}

// derived was computed with sha256sum.
const derived = "6eb8d83dcfb06c06f3f5280e13e2e5c70a811dff"

type refusal struct{ text, code, pointer string }

func check(t *testing.T, parse func(string) error, all []refusal) {
	t.Helper()
	for _, c := range all {
		err := parse(c.text)
		r, ok := domain.AsRefusal(err)
		if !ok || r.Code != c.code || r.Pointer != c.pointer || r.Sentence == "" || len(r.Sentence) > 1_000 || r.Kind != domain.KindInvalid {
			t.Errorf("%.80s: %+v (%v), want %s at %q", c.text, r, err, c.code, c.pointer)
		}
	}
}

func TestTheLimitsThemselvesAreAllowed(t *testing.T) {
	for _, text := range []string{
		with("event_id", quoted(256)), with("event_name", quoted(256)), with("unit_id", quoted(512)), with("value", "999999999999999.9"), with("value", "-999999999999999"), with("currency", quoted(16)),
		with("occurred_at", `"1970-01-01T00:00:00Z"`), with("occurred_at", `"2261-12-31T23:59:59.999Z"`), with("properties", `{"a":`+quoted(1022)+`}`), with("properties", "{"+quoted(256)+":1}"), with("value", "1e-999"),
	} {
		if _, err := measurement.ParseMeasurement([]byte(text)); err != nil {
			t.Errorf("%.80s: %v", text, err)
		}
	}
}

func TestItemsThatWereNotParsedAreCheckedToo(t *testing.T) {
	at := time.Date(2026, 1, 31, 9, 0, 0, 0, time.FixedZone("", 3600))
	for name, change := range map[string]func(*measurement.Measurement){
		"NaN": func(m *measurement.Measurement) { m.Value = math.NaN() }, "infinity": func(m *measurement.Measurement) { m.Value = math.Inf(-1) },
		"a text that is not UTF-8": func(m *measurement.Measurement) { m.Unit = "\xff" },
	} {
		m := measurement.Measurement{Event: "e", Unit: "u", OccurredAt: at, Value: 1}
		if change(&m); measurement.CheckMeasurement(&m) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	for _, value := range []string{"", " 1", "1 ", "{}", "null", "tru", "1 2", "\"\xff\"", `"a`, "-", "1e400"} {
		x := measurement.Exposure{Experiment: "e", Variant: "v", Unit: "u", OccurredAt: at, Attributes: map[string]json.RawMessage{"a": json.RawMessage(value)}}
		if measurement.CheckExposure(&x) == nil {
			t.Errorf("the attribute %q was accepted", value)
		}
	}
	x := measurement.Exposure{Experiment: "e", Variant: "v", Unit: "u", OccurredAt: at}
	if err := measurement.CheckExposure(&x); err != nil || x.UnitType != "user" || x.OccurredAt != at.UTC() || x.EventID == "" {
		t.Errorf("%+v, %v", x, err)
	}
}
