package flagimport

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/assayhq/assay/flags"
)

// ldFlag is a flag as LaunchDarkly's SDKs get it (/sdk/latest-all), which is what its test files have too.
type ldFlag struct {
	On             bool              `json:"on"`
	Salt           string            `json:"salt"`
	Variations     []json.RawMessage `json:"variations"`
	OffVariation   *int              `json:"offVariation"`
	Fallthrough    ldServe           `json:"fallthrough"`
	Targets        []ldTarget        `json:"targets"`
	ContextTargets []ldTarget        `json:"contextTargets"`
	Rules          []ldRule          `json:"rules"`
	Prerequisites  []ldPrerequisite  `json:"prerequisites"`
}

type ldPrerequisite struct {
	Key       string `json:"key"`
	Variation int    `json:"variation"`
}

type ldTarget struct {
	ContextKind string   `json:"contextKind"`
	Values      []string `json:"values"`
	Variation   int      `json:"variation"`
}

type ldRule struct {
	ldServe
	ID          string     `json:"id"`
	Description string     `json:"description"`
	Clauses     []ldClause `json:"clauses"`
}

type ldServe struct {
	Variation *int       `json:"variation"`
	Rollout   *ldRollout `json:"rollout"`
}

type ldRollout struct {
	Kind        string `json:"kind"`
	ContextKind string `json:"contextKind"`
	BucketBy    string `json:"bucketBy"`
	Seed        *int   `json:"seed"`
	Variations  []struct {
		Variation int `json:"variation"`
		Weight    int `json:"weight"`
	} `json:"variations"`
}

// LaunchDarkly reads flags and segments as LaunchDarkly's SDKs get them: {"flags": {key: {...}}, "segments": {...}}; or the
// list of flags that its REST API answers, {"items": [...]}, of which one environment is taken. A unit keeps its bucket: salt
// or seed are recorded.
func LaunchDarkly(text []byte, o Options) (Import, error) {
	file, err := ldParse(text, o)
	if err != nil {
		return Import{}, err
	}
	l := ldImport{flags: map[string]*ldFlag{}, copied: map[string]bool{}, segments: file.Segments, kinds: otherKind.Match(text)}
	l.read(file.Flags)
	for _, key := range slices.Sorted(maps.Keys(file.Segments)) {
		if err := l.segment(key, file.Segments[key]); err != nil {
			l.out.refuse(key, err.Error())
		}
	}
	for _, key := range slices.Sorted(maps.Keys(l.flags)) {
		c := ldConverter{ldImport: &l, key: key, from: l.flags[key]}
		if f, err := c.flag(); err != nil {
			l.out.drop(key, err.Error())
		} else {
			l.out.Flags = append(l.out.Flags, f)
		}
	}
	l.out.finish()
	return l.out, nil
}

// ldImport is the translation of a file.
type ldImport struct {
	out      Import
	flags    map[string]*ldFlag
	segments map[string]json.RawMessage
	// copied are the flags whose off variation is a variant of its own: flags that have it for a prerequisite must tell whether
	// the flag is off, which fails a prerequisite there whatever it serves.
	copied map[string]bool
	kinds  bool // there are kinds of contexts besides user
}

// read finds out which flags there are, and of which others ask whether they are off.
func (l *ldImport) read(all map[string]json.RawMessage) {
	for key, text := range all {
		f := &ldFlag{}
		if err := json.Unmarshal(text, f); err != nil {
			l.out.fail(key, "it cannot be read: "+err.Error())
			continue
		}
		l.flags[key] = f
	}
	for _, f := range l.flags {
		for _, p := range f.Prerequisites {
			if on := l.flags[p.Key]; on != nil && on.OffVariation != nil && *on.OffVariation == p.Variation {
				l.copied[p.Key] = true
			}
		}
	}
}

// otherKind finds kinds of contexts besides user, and clauses about them.
var otherKind = regexp.MustCompile(`"(contextKind|rolloutContextKind|unboundedContextKind)"\s*:\s*"([^u"]|u[^s"]|us[^e"]|use[^r"]|u"|us"|use"|user[^"])|"attribute"\s*:\s*"kind"`)

// whileOff is the off variation as a variant of its own.
const whileOff = "while-off"

// ldConverter translates one flag.
type ldConverter struct {
	*ldImport
	key   string
	from  *ldFlag
	names []string // of the variations
	off   string   // the variant that is served when the flag is off
}

func (l *ldConverter) flag() (Flag, error) {
	v, err := l.variants()
	if err != nil {
		return Flag{}, err
	}
	if l.from.OffVariation != nil {
		if l.off, err = l.name(*l.from.OffVariation); err != nil {
			return Flag{}, err
		}
	}
	setting, err := l.setting()
	if l.copied[l.key] { // where a prerequisite fails the variation itself is served
		v.all = append(v.all, Variant{whileOff, l.from.Variations[*l.from.OffVariation]})
		setting.Off = whileOff
	}
	return Flag{Key: l.key, Type: string(v.typ), Variants: v.all, Setting: setting}, err
}

func (l *ldConverter) name(variation int) (string, error) {
	if variation < 0 || variation >= len(l.names) {
		return "", fmt.Errorf("it serves the variation %d, which it has not", variation)
	}
	return l.names[variation], nil
}

func (l *ldConverter) setting() (Setting, error) {
	fulfilled, err := l.prerequisites()
	if err != nil {
		return Setting{}, err
	}
	var rules rules
	serves := always()
	switch {
	case isAlways(fulfilled):
	case l.off != "":
		rules.add("prerequisites", "A prerequisite fails.", not(fulfilled), variant(l.off))
	default: // nothing is served where they fail, which only a default can
		serves = fulfilled
	}
	if err := l.rules(&rules, serves); err != nil {
		return Setting{}, err
	}
	s := Setting{On: l.from.On, Off: l.off, Default: Serve{CallerDefault: true}}
	last, first, err := l.serve(l.from.Fallthrough)
	if err != nil {
		return s, err
	}
	first.add(&rules, "fallthrough", "", serves)
	if isAlways(serves) {
		s.Default = last
	} else {
		rules.add("fallthrough", "", serves, last)
	}
	s.Rules = rules
	return s, nil
}

// prerequisites hold when each of the flags is on and serves its variation.
func (l *ldConverter) prerequisites() (flags.Condition, error) {
	all := []flags.Condition{}
	for _, p := range l.from.Prerequisites {
		of := l.flags[p.Key]
		if of == nil {
			if why := l.out.failed(p.Key); why != "" {
				return never(), fmt.Errorf("it asks for the flag %s, which is not imported: %s", p.Key, why)
			}
			all = append(all, never()) // a flag that is not there fails
			continue
		}
		other := ldConverter{ldImport: l.ldImport, key: p.Key, from: of}
		if _, err := other.variants(); err != nil {
			return never(), fmt.Errorf("it asks for the flag %s, which is not imported: %w", p.Key, err)
		}
		name, err := other.name(p.Variation)
		if err != nil {
			all = append(all, never()) // nor does it serve a variation that it has not
			continue
		}
		all = append(all, flags.Condition{Flag: p.Key, Variants: []string{name}})
	}
	return allOf(all...), nil
}

// variants gives the variations names. Two of one value are two variants, because prerequisites tell them apart.
func (l *ldConverter) variants() (v variants, err error) {
	for _, value := range l.from.Variations {
		name, err := v.name(value)
		if err != nil {
			return v, err
		}
		if slices.Contains(l.names, name) {
			name = fmt.Sprintf("%s-%d", name, len(l.names))
			v.all = append(v.all, Variant{name, value})
		}
		l.names = append(l.names, name)
	}
	return v, nil
}

// rules are the targets, and then the rules, for those whom the condition serves.
func (l *ldConverter) rules(out *rules, serves flags.Condition) error {
	for _, t := range l.targets() {
		name, err := l.name(t.Variation)
		if err != nil {
			return err
		}
		out.add("", "", allOf(serves, l.keys(t.ContextKind, t.Values)), variant(name))
	}
	for i, r := range l.from.Rules {
		condition, err := l.clauses(r.Clauses)
		if err != nil {
			return fmt.Errorf("its rule %d %w", i+1, err)
		}
		condition = allOf(serves, condition)
		last, first, err := l.serve(r.ldServe)
		if err != nil {
			return err
		}
		first.add(out, r.ID, r.Description, condition)
		out.add(r.ID, r.Description, condition, last)
	}
	return nil
}

// targets are in the order in which they count: a context target of users without values stands for the target of the same
// variation.
func (l *ldConverter) targets() (out []ldTarget) {
	if len(l.from.ContextTargets) == 0 {
		return l.from.Targets
	}
	for _, t := range l.from.ContextTargets {
		if isUser(t.ContextKind) && len(t.Values) == 0 {
			i := slices.IndexFunc(l.from.Targets, func(o ldTarget) bool { return o.Variation == t.Variation })
			if i < 0 {
				continue
			}
			t = l.from.Targets[i]
		}
		out = append(out, t)
	}
	return out
}

func isUser(kind string) bool { return kind == "" || kind == "user" }

// present holds where the context has the kind. Where a file knows no kind but user, each context is one.
func (l *ldImport) present(kind string) flags.Condition {
	if isUser(kind) && !l.kinds {
		return always()
	}
	return ldKey(kind).exists()
}

// keys holds for the contexts of a kind with one of the keys.
func (l *ldImport) keys(kind string, keys []string) flags.Condition {
	values := make([]any, len(keys))
	for i, k := range keys {
		values[i] = k
	}
	return ldKey(kind).is(flags.In, values...)
}

// ldKey is where the key of a context is.
func ldKey(kind string) where {
	if isUser(kind) {
		return theKey
	}
	return where{kind, []string{"key"}}
}

// ldAttribute is where an attribute of a context is. References with slashes came with kinds: a clause without one names an
// attribute.
func ldAttribute(kind, reference string) (where, error) {
	steps := []string{reference}
	if kind != "" && strings.HasPrefix(reference, "/") {
		steps = strings.Split(reference[1:], "/")
		for i, s := range steps {
			if s == "" || strings.Contains(strings.ReplaceAll(strings.ReplaceAll(s, "~0", ""), "~1", ""), "~") {
				return where{}, fmt.Errorf("asks for the attribute %q, which is no reference", reference)
			}
			steps[i] = strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
		}
	}
	switch {
	case steps[0] == "":
		return where{}, errors.New("asks for an attribute without a name")
	case isUser(kind) && steps[0] == "key":
		return theKey, nil
	case isUser(kind):
		return where{steps[0], steps[1:]}, nil
	}
	return where{kind, steps}, nil
}
