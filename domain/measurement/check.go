package measurement

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assayhq/assay/domain"
)

const (
	maxText     = 256  // bytes of a short text field
	maxName     = 256  // bytes of an event or attribute name
	maxCurrency = 16   // bytes
	maxScalar   = 1024 // bytes of the JSON of an attribute's value
	limitValue  = 1e15 // exclusive; keeps sums of squares of a billion units finite and exact enough

	firstYear, lastYear = 1970, 2261 // what fits into nanoseconds since 1970 in 64 bits
)

// CheckExposure fills in the defaults and refuses what is not well formed. The error is a *domain.Refusal.
func CheckExposure(x *Exposure) error {
	if err := domain.CheckKey("experiment", x.Experiment); err != nil {
		return domain.At("/experiment_key", err)
	}
	if err := domain.CheckVariant(x.Variant); err != nil {
		return domain.At("/variant", err)
	}
	if err := checkUnit(&x.UnitType, x.Unit, &x.OccurredAt, x.TS); err != nil {
		return err
	}
	if err := domain.CheckText("/flag_key", "flag_key", string(x.Flag), false, maxText); err != nil {
		return err
	}
	if err := domain.CheckText("/reason", "reason", x.Reason, false, maxText); err != nil {
		return err
	}
	if err := domain.CheckText("/flag_version", "flag_version", x.FlagVersion, false, maxText); err != nil {
		return err
	}
	if err := checkScalars("/attributes", x.Attributes); err != nil {
		return err
	}
	if x.EventID == "" {
		x.EventID = derivedID("exposure", string(x.Experiment), string(x.UnitType), x.Unit, x.OccurredAt, string(x.Variant))
	}
	return domain.CheckText("/event_id", "event_id", x.EventID, true, MaxEventID)
}

// CheckMeasurement fills in the defaults and refuses what is not well formed. The error is a *domain.Refusal.
func CheckMeasurement(m *Measurement) error {
	if err := domain.CheckText("/event_name", "event_name", m.Event, true, maxName); err != nil {
		return err
	}
	if err := checkUnit(&m.UnitType, m.Unit, &m.OccurredAt, m.TS); err != nil {
		return err
	}
	if math.IsNaN(m.Value) || math.Abs(m.Value) >= limitValue {
		return domain.Invalid("/value", "the value must be a number between -1e15 and 1e15; send it in a larger unit").WithCode("value_out_of_range")
	}
	if err := domain.CheckText("/currency", "currency", m.Currency, false, maxCurrency); err != nil {
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

func checkUnit(unitType *domain.UnitType, unit string, occurredAt *time.Time, ts string) error {
	switch *unitType {
	case domain.DefaultUnit:
	case "":
		*unitType = domain.DefaultUnit
	default:
		if err := domain.CheckKey("unit type", *unitType); err != nil {
			return domain.At("/unit_type", err)
		}
	}
	if err := domain.CheckText("/unit_id", "unit_id", unit, true, MaxUnit); err != nil {
		return err
	}
	if occurredAt.IsZero() {
		return domain.Invalid("/occurred_at", "occurred_at is missing; say when it happened in RFC 3339").WithCode("missing_occurred_at")
	}
	*occurredAt = occurredAt.UTC()
	if year := occurredAt.Year(); year < firstYear || year > lastYear {
		return domain.Invalid("/occurred_at", "occurred_at lies in the year %d; it must lie between %d and %d", year, firstYear, lastYear).WithCode("time_out_of_range")
	}
	if ts != "" && ts != AssumedTime {
		return domain.Invalid("/ts", "ts is %q; leave it out, or write %q when the source gave no time", clip(ts), AssumedTime).WithCode("unknown_mark")
	}
	return nil
}

// checkScalars refuses values that are no JSON scalars, because one of them would keep the whole batch from being written.
func checkScalars(pointer string, values map[string]json.RawMessage) error {
	if len(values) > MaxAttributes {
		return domain.Invalid(pointer, "there are %d entries, at most %d are allowed; leave some out", len(values), MaxAttributes).WithCode("too_many_attributes")
	}
	for name, v := range values {
		if name == "" || len(name) > maxName || !utf8.ValidString(name) {
			return domain.Invalid(pointer, "a name has %d bytes; give it 1 to %d bytes of UTF-8 text", len(name), maxName).WithCode("bad_name")
		}
		if len(v) > maxScalar || !isScalar(v) {
			return domain.Invalid(pointer+"/"+escape(name), "the value must be a text, a number or a boolean of at most %d bytes; send another or leave it out", maxScalar).WithCode("not_a_scalar")
		}
	}
	return nil
}

func isScalar(v json.RawMessage) bool {
	s := scanner{text: v}
	value, ok := s.scalar()
	if !ok || len(value) != len(v) || value[0] == 'n' || !utf8.Valid(v) {
		return false
	}
	if value[0] == '-' || value[0] <= '9' && value[0] >= '0' {
		_, err := strconv.ParseFloat(string(value), 64)
		return err == nil
	}
	return true
}

// derivedID is the id of an item whose source gives none: equal rows are one event.
func derivedID(kind, name, unitType, unit string, occurredAt time.Time, value string) string {
	hash := sha256.New()
	for _, part := range []string{kind, name, unitType, unit, occurredAt.UTC().Format(time.RFC3339Nano), value} {
		hash.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return "sha256-" + hex.EncodeToString(hash.Sum(nil)[:20])
}

// escape makes a name a token of a JSON pointer (RFC 6901).
func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func clip(text string) string {
	if len(text) > maxText {
		return strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
