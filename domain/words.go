package domain

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Keys by which aggregates name each other. A key is chosen by a person, never changes and is unique in its project.
type (
	// ProjectKey names a project; unique in an installation.
	ProjectKey string
	// EnvironmentKey names an environment of a project, such as "production".
	EnvironmentKey string
	// FlagKey names a flag.
	FlagKey string
	// SegmentKey names a segment.
	SegmentKey string
	// LayerKey names a layer.
	LayerKey string
	// HoldoutKey names a holdout.
	HoldoutKey string
	// MetricKey names a metric.
	MetricKey string
	// ExperimentKey names an experiment.
	ExperimentKey string
	// VariantKey names a variant of a flag, and so an arm of an experiment. It may be any short printable text, because
	// imported experiments bring theirs along ("Mens E-Mail").
	VariantKey string
	// KeyID names an API key; it is no secret.
	KeyID string
	// UnitType says what is randomised: "user" unless told otherwise.
	UnitType string
)

// Weight is a part of a Total, an integer so that no sum depends on its order.
type Weight uint32

// DefaultTotal is what the weights of a split add up to unless it says otherwise: one weight is 0.001 %.
const DefaultTotal Weight = 100_000

// MaxTotal bounds a split's total, so that (hash * total) >> 32 stays exact in 64 bits and flagd's limit holds.
const MaxTotal Weight = 1<<31 - 1

// DefaultUnit is the unit type of a split and an experiment that name none.
const DefaultUnit UnitType = "user"

// BucketingV1 is the name of the default bucketing algorithm: MurmurHash3 x86 32-bit, seed 0, over the UTF-8 bytes of salt
// and unit id; bucket = (hash * total) >> 32. The name is recorded with every split, so no upgrade re-buckets anybody.
const BucketingV1 = "murmur3-32/1"

const maxKey = 128

var keyPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,127}$`)

// CheckKey refuses a key that is not 1 to 128 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit. what names
// the key in the refusal ("project", "flag").
func CheckKey[K ~string](what string, key K) error {
	if keyPattern.MatchString(string(key)) {
		return nil
	}
	return Invalid("/key", "the %s key %q must have 1 to %d characters from a-z, 0-9, '.', '_' and '-' and begin with a letter or a digit", what, clip(string(key)), maxKey).WithCode("bad_key")
}

// Capitals are allowed in the keys that applications have written into their code for other products, and that come along
// with an import: those of flags and segments.
var broughtPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// CheckBroughtKey is CheckKey for keys of flags and segments, which may have capitals; "a" and "A" are two keys.
func CheckBroughtKey[K FlagKey | SegmentKey](what string, key K) error {
	if broughtPattern.MatchString(string(key)) {
		return nil
	}
	return Invalid("/key", "the %s key %q must have 1 to %d characters from a-z, A-Z, 0-9, '.', '_' and '-' and begin with a letter or a digit", what, clip(string(key)), maxKey).WithCode("bad_key")
}

// CheckProjectKey is CheckKey for the keys of projects and environments, which may not contain '.', because stream names
// join the keys with it.
func CheckProjectKey[K ~string](what string, key K) error {
	if err := CheckKey(what, key); err != nil {
		return err
	}
	if strings.Contains(string(key), ".") {
		return Invalid("/key", "the %s key %q must not contain '.'; use '-' instead", what, key).WithCode("bad_key")
	}
	return nil
}

// CheckVariant refuses a variant key that is not 1 to 128 bytes of printable text without spaces at its ends.
func CheckVariant(key VariantKey) error {
	s := string(key)
	ok := s != "" && len(s) <= maxKey && utf8.ValidString(s) && strings.TrimSpace(s) == s
	for _, r := range s {
		ok = ok && unicode.IsPrint(r)
	}
	if !ok {
		return Invalid("/variants", "the variant key %q must have 1 to %d bytes of printable text without spaces at its ends", clip(s), maxKey).WithCode("bad_key")
	}
	return nil
}

// CheckText refuses free text that is empty (when required), longer than limit bytes, or not printable UTF-8.
func CheckText(pointer, what, text string, required bool, limit int) error {
	if required && strings.TrimSpace(text) == "" {
		return Invalid(pointer, "the %s is missing; write it in a few words", what).WithCode("missing")
	}
	if len(text) > limit {
		return Invalid(pointer, "the %s has %d bytes, at most %d are allowed; make it shorter", what, len(text), limit).WithCode("too_long")
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return Invalid(pointer, "the %s is not valid UTF-8 text; send it as UTF-8 without NUL", what).WithCode("not_text")
	}
	return nil
}

// Limits of what people call things, in bytes.
const (
	MaxName        = 200
	MaxDescription = 4_000
)

// CheckNaming refuses a name or a description that people could not read: a name is required.
func CheckNaming(name, description string) error {
	if err := CheckText("/name", "name", name, true, MaxName); err != nil {
		return err
	}
	return CheckText("/description", "description", description, false, MaxDescription)
}

// Stream returns the name of an aggregate's stream: "category-project.key", or "category-key" for a thing that belongs
// to no project.
func Stream[K ~string](category string, project ProjectKey, key K) string {
	if project == "" {
		return category + "-" + string(key)
	}
	return category + "-" + string(project) + "." + string(key)
}

func clip(s string) string {
	if len(s) > maxKey {
		return strings.ToValidUTF8(s[:maxKey], "") + "…"
	}
	return s
}
