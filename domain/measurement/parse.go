package measurement

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/assayhq/assay/domain"
)

const (
	maxText  = 256  // bytes of a short text field
	maxName  = 256  // bytes of an event or attribute name
	maxValue = 1e15 // keeps sums of squares of a billion units finite and exact enough
)

// exposureItem and measurementItem are the input format (type and received_at are accepted and add nothing).
type exposureItem struct {
	Type       string `json:"type"`
	ReceivedAt string `json:"received_at"`
	Exposure
}

type measurementItem struct {
	Type       string `json:"type"`
	ReceivedAt string `json:"received_at"`
	Measurement
	Value *float64 `json:"value"`
}

// ParseExposure reads one exposure of the input format and checks it. The error is a *domain.Refusal.
func ParseExposure(text []byte) (Exposure, error) {
	var item exposureItem
	if err := decodeStrict(text, &item); err != nil {
		return Exposure{}, err
	}
	if err := checkType(item.Type, "exposure"); err != nil {
		return Exposure{}, err
	}
	x := item.Exposure
	return x, CheckExposure(&x)
}

// ParseMeasurement reads one measurement of the input format and checks it. The error is a *domain.Refusal.
func ParseMeasurement(text []byte) (Measurement, error) {
	var item measurementItem
	if err := decodeStrict(text, &item); err != nil {
		return Measurement{}, err
	}
	if err := checkType(item.Type, "measurement"); err != nil {
		return Measurement{}, err
	}
	m := item.Measurement
	m.Value = 1
	if item.Value != nil {
		m.Value = *item.Value
	}
	return m, CheckMeasurement(&m)
}

// CheckExposure fills in the defaults and refuses what is not well formed.
func CheckExposure(x *Exposure) error {
	if err := domain.CheckKey("experiment", x.Experiment); err != nil {
		return at("/experiment_key", err)
	}
	if err := domain.CheckVariant(x.Variant); err != nil {
		return at("/variant", err)
	}
	if err := checkUnit(&x.UnitType, x.Unit, &x.OccurredAt, x.TS); err != nil {
		return err
	}
	for _, field := range []struct{ pointer, text string }{
		{"/flag_key", string(x.Flag)}, {"/reason", x.Reason}, {"/flag_version", x.FlagVersion},
	} {
		if err := domain.CheckText(field.pointer, field.pointer[1:], field.text, false, maxText); err != nil {
			return err
		}
	}
	if err := checkScalars("/attributes", x.Attributes); err != nil {
		return err
	}
	if x.EventID == "" {
		x.EventID = derivedID("exposure", string(x.Experiment), string(x.UnitType), x.Unit, x.OccurredAt, string(x.Variant))
	}
	return domain.CheckText("/event_id", "event_id", x.EventID, true, MaxEventID)
}

// CheckMeasurement fills in the defaults and refuses what is not well formed.
func CheckMeasurement(m *Measurement) error {
	if err := domain.CheckText("/event_name", "event_name", m.Event, true, maxName); err != nil {
		return err
	}
	if err := checkUnit(&m.UnitType, m.Unit, &m.OccurredAt, m.TS); err != nil {
		return err
	}
	if math.IsNaN(m.Value) || math.Abs(m.Value) > maxValue {
		return domain.Invalid("/value", "the value must be a number within ±1e15").WithCode("value_out_of_range")
	}
	if err := domain.CheckText("/currency", "currency", m.Currency, false, 16); err != nil {
		return err
	}
	if err := checkScalars("/properties", m.Properties); err != nil {
		return err
	}
	if m.EventID == "" {
		m.EventID = derivedID("measurement", m.Event, string(m.UnitType), m.Unit, m.OccurredAt, strconv.FormatFloat(m.Value, 'g', -1, 64))
	}
	return domain.CheckText("/event_id", "event_id", m.EventID, true, MaxEventID)
}

func checkType(got, want string) error {
	if got != "" && got != want {
		return domain.Invalid("/type", "the type is %q, but this endpoint takes items of type %q", got, want).WithCode("wrong_item_type")
	}
	return nil
}

func checkUnit(unitType *domain.UnitType, unit string, occurredAt *time.Time, ts string) error {
	if *unitType == "" {
		*unitType = domain.DefaultUnit
	}
	if err := domain.CheckKey("unit type", *unitType); err != nil {
		return at("/unit_type", err)
	}
	if err := domain.CheckText("/unit_id", "unit_id", unit, true, MaxUnit); err != nil {
		return err
	}
	if occurredAt.IsZero() {
		return domain.Invalid("/occurred_at", "occurred_at is missing; say when it happened in RFC 3339").WithCode("missing_occurred_at")
	}
	if year := occurredAt.Year(); year < 1970 || year > 2261 {
		return domain.Invalid("/occurred_at", "occurred_at lies in the year %d; it must lie between 1970 and 2261", year)
	}
	*occurredAt = occurredAt.UTC()
	if ts != "" && ts != AssumedTime {
		return domain.Invalid("/ts", "ts is %q; it may only be %q", ts, AssumedTime)
	}
	return nil
}

func checkScalars(pointer string, values map[string]json.RawMessage) error {
	if len(values) > MaxAttributes {
		return domain.Invalid(pointer, "there are %d entries, at most %d are allowed", len(values), MaxAttributes)
	}
	for name, v := range values {
		if name == "" || len(name) > maxName {
			return domain.Invalid(pointer, "a name has %d bytes, not 1 to %d", len(name), maxName)
		}
		if len(v) == 0 || v[0] == '{' || v[0] == '[' || len(v) > maxText*4 {
			return domain.Invalid(pointer+"/"+name, "the value must be a text, a number or a boolean of at most %d bytes", maxText*4).WithCode("not_a_scalar")
		}
	}
	return nil
}

// derivedID is the id of an item whose source gives none: equal rows are one event.
func derivedID(kind, name, unitType, unit string, occurredAt time.Time, value string) string {
	hash := sha256.New()
	for _, part := range []string{kind, name, unitType, unit, occurredAt.UTC().Format(time.RFC3339Nano), value} {
		hash.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return "sha256-" + hex.EncodeToString(hash.Sum(nil)[:20])
}

// decodeStrict decodes one JSON object without unknown fields and without anything after it.
func decodeStrict(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return refusalOf(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return domain.Invalid("", "there is more than one JSON object in the item").WithCode("malformed_json")
	}
	return nil
}

// refusalOf turns an error of encoding/json into a sentence.
func refusalOf(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		pointer := "/" + strings.TrimPrefix(strings.TrimPrefix(wrong.Field, "Exposure."), "Measurement.")
		return domain.Invalid(pointer, "the field %s holds a %s, which is the wrong type", pointer[1:], wrong.Value).WithCode("wrong_type")
	}
	if _, ok := errors.AsType[*time.ParseError](err); ok {
		return domain.Invalid("/occurred_at", "occurred_at is no time in RFC 3339; write it like 2026-01-31T08:00:00Z").WithCode("wrong_type")
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return domain.Invalid("", "there is no field %s in an item; leave it out or put it into attributes or properties", name).WithCode("unknown_field")
	}
	return domain.Invalid("", "the item is no JSON object: %s", fmt.Sprint(err)).WithCode("malformed_json")
}

func at(pointer string, err error) error {
	if r, ok := domain.AsRefusal(err); ok {
		moved := *r
		moved.Pointer = pointer
		return &moved
	}
	return err
}
