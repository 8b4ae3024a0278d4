// Package flagimport brings flags of other products into a running server through its public API. It is what `assay import
// flags` runs.
//
// # The model
//
// A reader turns a file into flags and segments as this product's API takes them, and says for each flag that cannot be
// expressed why. A flag decides as before and keeps its buckets: what assigned its units is recorded with it. Where the source
// asks for something that an engine without a clock cannot know, or leaves something open, a note says what was made of it.
// What comes out is held against the law of flags before anything is sent. Plan compares with what the server has and changes
// nothing; Apply makes the changes, each an event with a reason. A flag that is refused costs none of the others.
//
// Contexts are OpenFeature's: the targeting key is the user's id (LaunchDarkly's key of the kind user, GrowthBook's id,
// Unleash's userId, GO Feature Flag's key), and attributes keep their names. Another kind of context of LaunchDarkly's is an
// attribute named like the kind, an object with the member key.
package flagimport

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/assayhq/assay/flags"
)

// Import is what a file brings.
type Import struct {
	// Flags are in an order in which each comes behind those that it asks for; the segments, too.
	Flags    []Flag
	Segments []Segment
	// Problems are the flags that are not imported.
	Problems []Problem
	// Notes are what there is to know of flags that are.
	Notes []Problem

	refused map[string]string // segments, and why
}

// Flag is a flag as the API takes it.
type Flag struct {
	Key      string
	Type     string
	Variants []Variant
	Setting  Setting
	// Metadata are what programs that evaluate it are told; nil from a source that has none, which leaves what there is.
	Metadata map[string]json.RawMessage
}

// Variant is a named value.
type Variant struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// Setting is what PATCH of a flag's environment takes.
type Setting struct {
	On      bool         `json:"on"`
	Off     string       `json:"off"` // empty for the caller's default
	Rules   []Rule       `json:"rules"`
	Logic   *flags.Logic `json:"logic,omitempty"`
	Default Serve        `json:"default"`
}

// Rule serves something to those for whom all conditions hold.
type Rule struct {
	ID          string            `json:"id"`
	Description string            `json:"description,omitempty"`
	If          []flags.Condition `json:"if"`
	Serve       Serve             `json:"serve"`
}

// Serve is a variant, a split, or as a default the caller's own.
type Serve struct {
	Variant       string `json:"variant,omitempty"`
	Split         *Split `json:"split,omitempty"`
	CallerDefault bool   `json:"caller_default,omitempty"`
}

// Segment is a segment as the API takes it; its lists are of targeting keys.
type Segment struct {
	Key         string        `json:"key"`
	Name        string        `json:"name,omitempty"`
	Description string        `json:"description,omitempty"`
	Rules       []SegmentRule `json:"rules"`
	Included    []string      `json:"-"`
	Excluded    []string      `json:"-"`
}

// SegmentRule is a set of conditions.
type SegmentRule struct {
	ID string            `json:"id"`
	If []flags.Condition `json:"if"`
}

// Problem says why a flag is not imported, or what there is to know of it.
type Problem struct {
	Flag   string `json:"flag"`
	Detail string `json:"detail"`
}

// Options are what a file does not say.
type Options struct {
	// Now is when the import happens: what depends on the time in the source is decided by it, or kept as a rule on the time.
	Now time.Time
	// Environment is the source's, for files that have several; empty where there is one.
	Environment string
	// IDs is how the SDKs that are in use read unit ids, where they differ from one language to another: UTF8, "utf16" (of
	// GrowthBook's: JavaScript, and Go since 0.7) or "lowbyte" (of Unleash's: JavaScript). Empty for what most do.
	IDs string
}

// UTF8 reads the bytes of a unit id.
const UTF8 = "utf8"

// Source reads the file of a product.
type Source func(text []byte, o Options) (Import, error)

// SourceNamed returns the reader of a product; ok is false when there is none.
func SourceNamed(name string) (read Source, ok bool) {
	switch name {
	case "flagd":
		return Flagd, true
	case "flagd-0.14":
		return FlagdV1, true
	case "growthbook":
		return GrowthBook, true
	case "goff":
		return GOFeatureFlag, true
	case "launchdarkly":
		return LaunchDarkly, true
	case "unleash":
		return Unleash, true
	}
	return nil, false
}

// Sources are the names that SourceNamed knows.
func Sources() []string {
	return []string{"flagd", "flagd-0.14", "goff", "growthbook", "launchdarkly", "unleash"}
}

// fail takes down why a flag is not imported.
func (m *Import) fail(flag string, why string) { m.Problems = append(m.Problems, Problem{flag, why}) }

// refuse takes down why a segment is not imported; so are flags that ask for it.
func (m *Import) refuse(segment, why string) {
	if m.refused == nil {
		m.refused = map[string]string{}
	}
	m.refused[segment] = why
}

// note takes down what there is to know of a flag, once.
func (m *Import) note(flag, what string) {
	if n := (Problem{flag, what}); !slices.Contains(m.Notes, n) {
		m.Notes = append(m.Notes, n)
	}
}

// failed reports why a flag is not imported; empty when nothing is known.
func (m *Import) failed(flag string) string {
	for _, p := range m.Problems {
		if p.Flag == flag {
			return p.Detail
		}
	}
	return ""
}

// drop takes a flag out, and what was said of it.
func (m *Import) drop(flag, why string) {
	m.Flags = slices.DeleteFunc(m.Flags, func(f Flag) bool { return f.Key == flag })
	m.Notes = slices.DeleteFunc(m.Notes, func(n Problem) bool { return n.Flag == flag })
	m.fail(flag, why)
}

func byKey(a, b Flag) int { return strings.Compare(a.Key, b.Key) }
