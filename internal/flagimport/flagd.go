package flagimport

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/flagdsync"
	"github.com/assayhq/assay/flags/jsonlogic"
)

// Flagd reads flag definitions of flagd core 0.15 and later. Targeting rules stay expressions, evaluated as flagd does.
func Flagd(text []byte, _ Options) (Import, error) { return flagd(text, flags.FlagdV2) }

// FlagdV1 reads flag definitions of flagd core up to 0.14, whose fractional assigned most units otherwise.
func FlagdV1(text []byte, _ Options) (Import, error) { return flagd(text, flags.FlagdV1) }

func flagd(text []byte, fractional string) (m Import, err error) {
	file, err := flagdsync.Parse(text)
	if err != nil {
		return Import{}, err
	}
	for i := range file.Flags {
		d := &file.Flags[i]
		if f, why := flagdFlag(d, fractional); why != "" {
			m.fail(d.Key, why)
		} else {
			f.Metadata = m.metadata(d.Key, d.Metadata)
			m.Flags = append(m.Flags, f)
		}
	}
	m.finish()
	return m, nil
}

func flagdFlag(d *flagdsync.Definition, fractional string) (f Flag, problem string) {
	var why string
	if text, marked := d.Metadata[flagdsync.ProblemKey]; marked && json.Unmarshal(text, &why) == nil {
		return f, "it was exported from assay, where flagd's format could not express it: " + why
	}
	f = Flag{Key: d.Key, Type: string(d.TypeOf())}
	if f.Type == "" {
		return f, "its variants are not all of one type that a flag here can have: booleans, texts, numbers or objects"
	}
	for _, name := range slices.Sorted(maps.Keys(d.Variants)) {
		f.Variants = append(f.Variants, Variant{name, d.Variants[name]})
	}
	f.Setting = Setting{On: d.State != "DISABLED", Default: Serve{CallerDefault: true}}
	if d.DefaultVariant != nil {
		if _, there := d.Variants[*d.DefaultVariant]; !there {
			return f, "its default variant " + *d.DefaultVariant + " is none of its variants"
		}
		f.Setting.Default = variant(*d.DefaultVariant)
	}
	if d.Targeting != nil {
		if _, err := jsonlogic.Compile(d.Targeting, nil, jsonlogic.FractionalV2); err != nil {
			return f, "its targeting cannot be evaluated: " + err.Error()
		}
		f.Setting.Logic = &flags.Logic{Rule: d.Targeting, Fractional: fractional}
	}
	return f, ""
}
