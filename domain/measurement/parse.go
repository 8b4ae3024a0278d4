package measurement

import (
	"bytes"
	"encoding/json"
	"maps"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/assayhq/assay/domain"
)

// maxItem bounds the text of an item: everything it may hold, each byte escaped, and white space besides.
const maxItem = 1 << 20

// ParseExposure reads one exposure of the input format and checks it: one JSON object with the fields of Exposure, and type
// and received_at, which add nothing. Fields that are unknown or there twice are refused; null is the same as leaving a
// field out. The text may be reused afterwards. The error is a *domain.Refusal.
func ParseExposure(text []byte) (Exposure, error) {
	var x Exposure
	p := parser{scanner: scanner{text: text}, kind: "exposure"}
	err := p.item(func(name []byte) error {
		switch string(name) {
		case "experiment_key":
			return textInto(&p, &x.Experiment)
		case "variant":
			return textInto(&p, &x.Variant)
		case "flag_key":
			return textInto(&p, &x.Flag)
		case "reason":
			return textInto(&p, &x.Reason)
		case "flag_version":
			return textInto(&p, &x.FlagVersion)
		case "attributes":
			return p.scalars(&x.Attributes)
		}
		return p.common(name, &x.EventID, &x.UnitType, &x.Unit, &x.OccurredAt, &x.TS)
	})
	if err != nil {
		return Exposure{}, err
	}
	if err := CheckExposure(&x); err != nil {
		return Exposure{}, err
	}
	return x, nil
}

// ParseMeasurement reads one measurement of the input format and checks it, as ParseExposure does. A value that is left out
// is 1; null is refused, because an amount nobody knows is not 1.
func ParseMeasurement(text []byte) (Measurement, error) {
	m := Measurement{Value: 1}
	p := parser{scanner: scanner{text: text}, kind: "measurement"}
	err := p.item(func(name []byte) error {
		switch string(name) {
		case "event_name":
			return textInto(&p, &m.Event)
		case "value":
			return p.number(&m.Value)
		case "currency":
			return textInto(&p, &m.Currency)
		case "properties":
			return p.scalars(&m.Properties)
		}
		return p.common(name, &m.EventID, &m.UnitType, &m.Unit, &m.OccurredAt, &m.TS)
	})
	if err != nil {
		return Measurement{}, err
	}
	if err := CheckMeasurement(&m); err != nil {
		return Measurement{}, err
	}
	return m, nil
}

// parser reads an item field by field.
type parser struct {
	scanner
	kind  string            // what type says, if anything
	field []byte            // the one being read
	seen  [maxFields][]byte // those read before it
	count int
}

// maxFields is the number of fields an item can have.
const maxFields = 16

// item reads the object, calling read with each name; read reads the value.
func (p *parser) item(read func(name []byte) error) error {
	if len(p.text) > maxItem {
		return domain.Invalid("", "the item has %d bytes, at most %d are allowed; make it smaller", len(p.text), maxItem).WithCode("too_long")
	}
	if !utf8.Valid(p.text) {
		return domain.Invalid("", "the item is not valid UTF-8; send it as UTF-8").WithCode("not_text")
	}
	err := p.object(func(name []byte) error {
		p.field = name
		for _, before := range p.seen[:p.count] {
			if bytes.Equal(before, name) {
				return p.twice("")
			}
		}
		if err := read(name); err != nil {
			return err
		}
		// Only names that read knows come here, so there is room for them.
		p.seen[p.count] = name
		p.count++
		return nil
	})
	if p.peek(); err == nil && p.at < len(p.text) {
		return domain.Invalid("", "something follows the JSON object of the item; send one object per item").WithCode("malformed_json")
	}
	return err
}

// object reads an object, calling read with each name.
func (p *parser) object(read func(name []byte) error) error {
	if !p.take('{') {
		return p.malformed()
	}
	if p.take('}') {
		return nil
	}
	for {
		name, ok := p.name()
		if !ok {
			return p.malformed()
		}
		if err := read(name); err != nil {
			return err
		}
		if p.take('}') {
			return nil
		}
		if !p.take(',') {
			return p.malformed()
		}
	}
}

// name reads the name of a field and the colon behind it.
func (p *parser) name() (name []byte, ok bool) {
	if p.peek() != '"' {
		return nil, false
	}
	start := p.at
	plain, ok := p.str()
	if !ok {
		return nil, false
	}
	name = p.text[start+1 : p.at-1]
	if !plain {
		name = []byte(unquote(p.text[start:p.at]))
	}
	return name, p.take(':')
}

// common reads the fields that all items have.
func (p *parser) common(name []byte, id *string, unitType *domain.UnitType, unit *string, occurredAt *time.Time, ts *string) error {
	switch string(name) {
	case "event_id":
		return textInto(p, id)
	case "unit_type":
		return textInto(p, unitType)
	case "unit_id":
		return textInto(p, unit)
	case "occurred_at":
		return p.time(occurredAt)
	case "ts":
		return textInto(p, ts)
	case "type":
		var kind string
		if err := textInto(p, &kind); err != nil {
			return err
		}
		return checkType(kind, p.kind)
	case "received_at":
		var ignored string
		return textInto(p, &ignored)
	}
	return domain.Invalid(p.pointer(""), "there is no field %q in an %s; leave it out, or put it into attributes or properties", clip(string(name)), p.kind).WithCode("unknown_field")
}

func checkType(got, want string) error {
	if got != "" && got != want {
		return domain.Invalid("/type", "the type is %q, but this endpoint takes items of type %q", clip(got), want).WithCode("wrong_item_type")
	}
	return nil
}

// read reads a scalar; null is returned as nil.
func (p *parser) read() ([]byte, error) {
	if c := p.peek(); c == '{' || c == '[' {
		return nil, p.wrongType("an object or a list")
	}
	value, ok := p.scalar()
	if !ok {
		return nil, p.malformed()
	}
	if value[0] == 'n' {
		return nil, nil
	}
	return value, nil
}

func textInto[T ~string](p *parser, into *T) error {
	value, err := p.read()
	if err != nil || value == nil {
		return err
	}
	if value[0] != '"' {
		return p.wrongType("no text")
	}
	*into = T(unquote(value))
	return nil
}

func (p *parser) number(into *float64) error {
	value, err := p.read()
	if err != nil {
		return err
	}
	if value == nil {
		return p.wrongType("null")
	}
	if value[0] == '"' || value[0] == 't' || value[0] == 'f' {
		return p.wrongType("no number")
	}
	number, err := strconv.ParseFloat(string(value), 64)
	*into = number // ±Inf when it is out of range, which CheckMeasurement refuses
	if err != nil && number == 0 {
		return p.wrongType("no number")
	}
	return nil
}

func (p *parser) time(into *time.Time) error {
	value, err := p.read()
	if err != nil || value == nil {
		return err
	}
	if value[0] != '"' {
		return p.wrongType("no text")
	}
	text := value[1 : len(value)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		text = []byte(unquote(value))
	}
	var at time.Time
	if err := at.UnmarshalText(text); err != nil {
		return domain.Invalid(p.pointer(""), "%s is no time in RFC 3339; write it like 2026-01-31T08:00:00Z", p.field).WithCode("wrong_type")
	}
	*into = at.UTC()
	return nil
}

// scalars reads an object of scalars. What is null is left out.
func (p *parser) scalars(into *map[string]json.RawMessage) error {
	if p.peek() != '{' {
		value, err := p.read()
		if err == nil && value != nil {
			return p.wrongType("no object")
		}
		return err
	}
	values := map[string]json.RawMessage{}
	err := p.object(func(name []byte) error {
		if _, again := values[string(name)]; again {
			return p.twice(string(name))
		}
		if c := p.peek(); c == '{' || c == '[' {
			return domain.Invalid(p.pointer(string(name)), "an entry of %s holds an object or a list; send a text, a number or a boolean", p.field).WithCode("not_a_scalar")
		}
		value, err := p.read()
		values[string(name)] = bytes.Clone(value)
		return err
	})
	maps.DeleteFunc(values, func(_ string, value json.RawMessage) bool { return value == nil })
	if err == nil && len(values) > 0 {
		*into = values
	}
	return err
}

// pointer points at the field being read, or at an entry of it.
func (p *parser) pointer(entry string) string {
	pointer := "/" + escape(clip(string(p.field)))
	if entry != "" {
		pointer += "/" + escape(clip(entry))
	}
	return pointer
}

func (p *parser) twice(entry string) error {
	return domain.Invalid(p.pointer(entry), "the field %s is there twice; leave one out", p.pointer(entry)).WithCode("duplicate_field")
}

func (p *parser) wrongType(is string) error {
	return domain.Invalid(p.pointer(""), "the field %s holds %s, which is the wrong type", p.field, is).WithCode("wrong_type")
}

func (p *parser) malformed() error {
	return domain.Invalid("", "the item is no JSON object: it cannot be read at byte %d", p.at+1).WithCode("malformed_json")
}
