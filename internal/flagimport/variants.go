package flagimport

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/assayhq/assay/flags"
)

// variants turns the values of a flag, which have no names, into variants.
type variants struct {
	typ flags.Type
	all []Variant
}

// name returns the variant that has the value, making it when there is none.
func (v *variants) name(value json.RawMessage) (string, error) {
	if err := v.accept(value); err != nil {
		return "", err
	}
	for _, have := range v.all {
		if same([]any{have.Value}, []any{value}) {
			return have.Key, nil
		}
	}
	name := fmt.Sprintf("value-%d", len(v.all))
	if v.typ == flags.Boolean {
		name = map[string]string{"true": "on", "false": "off"}[string(value)]
	}
	v.all = append(v.all, Variant{name, value})
	return name, nil
}

// named adds a variant under a name of its own.
func (v *variants) named(name string, value json.RawMessage) error {
	if err := v.accept(value); err != nil {
		return err
	}
	v.all = append(v.all, Variant{name, value})
	return nil
}

// accept finds the type that the values have in common.
func (v *variants) accept(value json.RawMessage) error {
	t := typeOfValue(value)
	switch {
	case t == "":
		return fmt.Errorf("it has the value %s, which is none that a flag here can have", short(value))
	case v.typ == "" || v.typ == flags.Integer && t == flags.Float:
		v.typ = t
	case t != v.typ && (v.typ != flags.Float || t != flags.Integer):
		return errors.New("its values are not all of one type")
	}
	return nil
}

// maxWhole is up to where whole numbers are those of every client.
const maxWhole = 1 << 53

func typeOfValue(raw json.RawMessage) flags.Type {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return ""
	}
	switch v := value.(type) {
	case bool:
		return flags.Boolean
	case string:
		return flags.String
	case float64:
		if v == math.Trunc(v) && math.Abs(v) <= maxWhole {
			return flags.Integer
		}
		return flags.Float
	case map[string]any:
		return flags.Object
	}
	return ""
}
