package flagimport

import (
	"maps"
	"slices"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/flagdsync"
	"github.com/assayhq/assay/flags/jsonlogic"
)

// Flagd reads flag definitions of flagd core 0.15 and later. Targeting rules stay expressions, evaluated as flagd does.
func Flagd(text []byte) ([]Flag, []Problem, error) { return flagd(text, flags.FlagdV2) }

// FlagdV1 reads flag definitions of flagd core up to 0.14, whose fractional assigned most units otherwise.
func FlagdV1(text []byte) ([]Flag, []Problem, error) { return flagd(text, flags.FlagdV1) }

func flagd(text []byte, fractional string) (out []Flag, problems []Problem, err error) {
	file, err := flagdsync.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	for i := range file.Flags {
		d := &file.Flags[i]
		f, why := flagdFlag(d, fractional)
		if why != "" {
			problems = append(problems, Problem{d.Key, why})
			continue
		}
		out = append(out, f)
	}
	return out, problems, nil
}

func flagdFlag(d *flagdsync.Definition, fractional string) (f Flag, why string) {
	f = Flag{Key: d.Key, Type: string(d.TypeOf())}
	if f.Type == "" {
		return f, "its variants are not all of one type that a flag here can have: booleans, texts, numbers or objects"
	}
	for _, name := range slices.Sorted(maps.Keys(d.Variants)) {
		f.Variants = append(f.Variants, Variant{name, d.Variants[name]})
	}
	setting := map[string]any{"on": d.State != "DISABLED", "off": "", "rules": []any{}, "default": map[string]any{"caller_default": true}}
	if d.DefaultVariant != nil {
		if _, there := d.Variants[*d.DefaultVariant]; !there {
			return f, "its default variant " + *d.DefaultVariant + " is none of its variants"
		}
		setting["default"] = map[string]any{"variant": *d.DefaultVariant}
	}
	if d.Targeting != nil {
		if _, err := jsonlogic.Compile(d.Targeting, nil, jsonlogic.FractionalV2); err != nil {
			return f, "its targeting cannot be evaluated: " + err.Error()
		}
		setting["logic"] = map[string]any{"rule": d.Targeting, "fractional": fractional}
	}
	f.Setting = setting
	return f, ""
}
