package flagdsync

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/flags"
)

// Set is a set of flag definitions.
type Set struct {
	// JSON is the document, the same bytes for the same snapshot; a flag's text changes only when the flag, or what it asks
	// for, does.
	JSON []byte
	// Problems lists the flags that the format cannot express, in the order of their keys.
	Problems []Problem
}

// Problem says why a flag is not in the other format as it is here.
type Problem struct {
	Flag   string `json:"flag"`
	Detail string `json:"detail"`
}

// ProblemKey is the member of a flag's metadata that says why the format cannot express the flag.
const ProblemKey = "problem"

// maxSet is what a set may weigh before clients with gRPC's default limit of 4 MiB come near it.
const maxSet = 3 << 20

type definition struct {
	State          string                     `json:"state"`
	Variants       map[string]json.RawMessage `json:"variants"`
	DefaultVariant string                     `json:"defaultVariant,omitempty"`
	Targeting      any                        `json:"targeting,omitempty"`
	Metadata       map[string]any             `json:"metadata,omitempty"`
}

// Export writes the snapshot. broken are the flags that the engine cannot serve, as Ruleset.Problems lists them.
func Export(s flags.Snapshot, broken []flags.Problem) (Set, error) {
	e := exporter{flags: make(map[string]*flags.Flag, len(s.Flags)), segments: make(map[string]*flags.Segment, len(s.Segments)), broken: map[string]string{}}
	for i := range s.Flags {
		e.flags[s.Flags[i].Key] = &s.Flags[i]
	}
	for i := range s.Segments {
		e.segments[s.Segments[i].Key] = &s.Segments[i]
	}
	for _, p := range broken {
		e.broken[p.Flag] = p.Detail
	}
	var out Set
	var text bytes.Buffer
	text.WriteString(`{"$schema":"https://flagd.dev/schema/v0/flags.json","flags":{`)
	for i := range s.Flags {
		f := &s.Flags[i]
		d, err := e.define(f)
		if problem, ok := errors.AsType[*inexpressible](err); ok {
			out.Problems = append(out.Problems, Problem{f.Key, problem.why})
			d = refusal(f, problem.why)
		} else if err != nil {
			return Set{}, err
		}
		if i > 0 {
			text.WriteByte(',')
		}
		if err := write(&text, f.Key, d); err != nil {
			return Set{}, err
		}
	}
	// Nothing here may change with the revision: clients put these into every flag and would take all for changed.
	metadata := map[string]any{"flagSetId": s.Project + "/" + s.Environment}
	encoded, err := json.Marshal(metadata)
	if err != nil {
		return Set{}, fmt.Errorf("writing the metadata: %w", err)
	}
	text.WriteString(`},"metadata":`)
	text.Write(encoded)
	text.WriteByte('}')
	out.JSON = text.Bytes()
	if len(out.JSON) > maxSet {
		out.Problems = append(out.Problems, Problem{"", fmt.Sprintf(
			"the set has %d bytes; most clients take no more than 4194304, so archive flags, or let clients decide remotely", len(out.JSON))})
	}
	return out, nil
}

func write(text *bytes.Buffer, key string, d definition) error {
	name, err := json.Marshal(key)
	if err != nil {
		return fmt.Errorf("writing the flag %q: %w", key, err)
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(d); err != nil {
		return fmt.Errorf("writing the flag %q: %w", key, err)
	}
	text.Write(name)
	text.WriteByte(':')
	text.Write(bytes.TrimSpace(body.Bytes()))
	return nil
}

// inexpressible says why flagd cannot say it.
type inexpressible struct{ why string }

// Error is why the format cannot say it.
func (i *inexpressible) Error() string { return i.why }

func cannot(format string, args ...any) error { return &inexpressible{fmt.Sprintf(format, args...)} }

// exporter translates the flags of one snapshot.
type exporter struct {
	flags    map[string]*flags.Flag
	segments map[string]*flags.Segment
	broken   map[string]string
	asking   []string // the flags that are being inlined
}

// refusal is a flag whose evaluation is an error that says so: what cannot be served right must not be served wrong.
func refusal(f *flags.Flag, why string) definition {
	d := definition{State: "ENABLED", Variants: variantsOf(f), Targeting: op("if", true, nameless(f, "not expressible"))}
	d.Metadata = metadataOf(f)
	d.Metadata[ProblemKey] = why
	if len(d.Variants) == 0 {
		d.Variants = map[string]json.RawMessage{"none": json.RawMessage("false")}
	}
	return d
}

// metadataOf are what telemetry shows of a flag: its version, unless it has one of its own, and what it says of itself.
func metadataOf(f *flags.Flag) map[string]any {
	out := map[string]any{"version": strconv.FormatUint(f.Revision, 10)}
	for name, value := range f.Metadata {
		out[name] = value
	}
	return out
}

func variantsOf(f *flags.Flag) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, len(f.Variants))
	for _, v := range f.Variants {
		out[v.Key] = v.Value
	}
	return out
}

// nameless is a text that names no variant of the flag: evaluating to it is an error.
func nameless(f *flags.Flag, text string) string {
	for slices.ContainsFunc(f.Variants, func(v flags.Variant) bool { return v.Key == text }) {
		text += "!"
	}
	return text
}

func (e *exporter) define(f *flags.Flag) (definition, error) {
	d := definition{State: "ENABLED", Variants: variantsOf(f), Metadata: metadataOf(f)}
	if why, broken := e.broken[f.Key]; broken {
		return d, cannot("the flag cannot be served at all: %s", why)
	}
	for _, v := range f.Variants {
		if strings.ContainsAny(v.Key, "\"\\<>&\u2028\u2029") {
			return d, cannot("the variant %q has a character that flagd's evaluator does not find variants by", v.Key)
		}
	}
	if !f.On {
		d.DefaultVariant = f.Off
		if f.Off == "" {
			d.State = "DISABLED" // which serves the caller's default, as here
		}
		return d, nil
	}
	d.DefaultVariant = f.Default.Variant
	rule, err := e.rule(f, nil)
	d.Targeting = rule
	return d, err
}

// variant is a rule for the variant that a flag serves, whatever it is; for other flags that ask for it.
func (e *exporter) variant(key string) (any, error) {
	f := e.flags[key]
	switch {
	case f == nil:
		return nil, cannot("it asks for the flag %q, which is not there", key)
	case e.broken[key] != "":
		return nil, cannot("it asks for the flag %q, which cannot be served", key)
	case slices.Contains(e.asking, key) || len(e.asking) > maxAsking:
		return nil, cannot("it asks for too many flags in a row")
	case !f.On:
		return f.Off, nil
	}
	e.asking = append(e.asking, key)
	defer func() { e.asking = e.asking[:len(e.asking)-1] }()
	rule, err := e.rule(f, f.Default.Variant)
	if err == nil && rule == nil {
		rule = f.Default.Variant
	}
	return rule, err
}

// maxAsking bounds how many flags may be written into each other.
const maxAsking = 8

// rule is the targeting of a flag that is on; nil when everybody gets the default. otherwise is what it evaluates to where the
// default, a variant, is served.
func (e *exporter) rule(f *flags.Flag, otherwise any) (any, error) {
	chain, err := e.chain(f)
	if err != nil {
		return nil, err
	}
	last, err := e.otherwise(f, otherwise)
	if err != nil {
		return nil, err
	}
	if f.Logic != nil {
		if last, err = logicOr(f, last, otherwise); err != nil {
			return nil, err
		}
	}
	if len(chain) == 0 {
		return last, nil
	}
	return op("if", append(chain, last)...), nil
}

// chain is what a flag looks at before its default: condition, result, condition, result, and so on.
func (e *exporter) chain(f *flags.Flag) (chain []any, err error) {
	add := func(condition, result any) { chain = append(chain, condition, result) }
	for _, o := range f.Overrides {
		if o.By != "" {
			if _, err := addressable(flags.ByPath(o.By)); err != nil {
				return nil, err
			}
		}
		add(isListed(unitBy(o.By), o.Units), o.Variant)
	}
	for i := range f.Holdouts {
		in, err := e.slice(&f.Holdouts[i].Slice)
		if err != nil {
			return nil, err
		}
		add(in, f.Holdouts[i].Serve)
	}
	for i := range f.Rules {
		condition, err := e.all(f.Rules[i].If)
		if err != nil {
			return nil, err
		}
		result, err := serve(f, f.Rules[i].Serve)
		if err != nil {
			return nil, err
		}
		add(condition, result)
	}
	return chain, nil
}

// logicOr is flagd's own rule. What it does not decide can only be the default: asking twice would double the rule.
func logicOr(f *flags.Flag, last, otherwise any) (any, error) {
	if last != nil || otherwise != nil {
		return nil, cannot("it has a rule of flagd's and something behind it, which one rule of flagd's cannot be")
	}
	if f.Logic.Fractional == flags.FlagdV1 {
		return nil, cannot("its fractional is that of flagd before 0.15, which today's clients have not")
	}
	return f.Logic.Rule, nil
}

// otherwise is what a flag serves when none of its rules does: the experiment, the default.
func (e *exporter) otherwise(f *flags.Flag, otherwise any) (any, error) {
	fallback := otherwise
	if f.Default.Split != nil {
		var err error
		if fallback, err = split(f, f.Default.Split); err != nil {
			return nil, err
		}
	}
	if f.Experiment == nil {
		return fallback, nil
	}
	divided, err := split(f, &f.Experiment.Split)
	if err != nil || len(f.Experiment.Within) == 0 {
		return divided, err
	}
	var within []any
	for i := range f.Experiment.Within {
		in, err := e.slice(&f.Experiment.Within[i])
		if err != nil {
			return nil, err
		}
		within = append(within, in)
	}
	return op("if", and(within...), divided, fallback), nil
}
