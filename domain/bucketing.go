package domain

import (
	"fmt"
	"strconv"
	"strings"
)

const maxSalt = 128

// Ways in which SDKs of other products read unit ids; empty for UTF-8.
const (
	StringsUTF16   = "utf16"
	StringsLowByte = "lowbyte"
)

// algorithms are the bucketing algorithms that can be recorded, each with the other way its product reads ids, if any. Package
// flags holds the formulas, and a test that it knows all of these.
func algorithms() map[string]string {
	return map[string]string{
		BucketingV1: "",
		"flagd/1":   StringsUTF16, "flagd/2": StringsUTF16, "growthbook/1": StringsUTF16, "growthbook/2": StringsUTF16, "launchdarkly/1": "",
		"unleash-rollout/1": StringsLowByte, "unleash-variant/1": StringsLowByte, "go-feature-flag/1": "", "statsig/1": "", "split/1": "", "split/2": "",
		"flagsmith/1": "", "flipt-variant/1": "", "flipt-boolean/1": "", "posthog-rollout/1": "", "posthog-variant/1": "", "devcycle-rollout/1": "",
		"devcycle-variant/1": "", "eppo/1": "", "harness-ff/1": "",
	}
}

// Bucketing is how a unit gets its bucket: what splits and slices have in common.
type Bucketing struct {
	Algorithm, Salt, By, Strings string
	Total                        Weight
}

// CheckBucketing returns the bucketing completed: algorithm, salt and total are recorded even where the defaults apply.
func CheckBucketing(b Bucketing, salt, pointer string) (Bucketing, error) {
	if b.Algorithm == "" {
		b.Algorithm = BucketingV1
	}
	strange, known := algorithms()[b.Algorithm]
	if !known {
		return b, Invalid(pointer+"/algorithm", "there is no bucketing algorithm %q; leave it out for %s", b.Algorithm, BucketingV1).WithCode("unknown_algorithm")
	}
	if b.Strings != "" && b.Strings != strange {
		return b, Invalid(pointer+"/strings", "no SDK that buckets by %s reads unit ids as %q; leave it out for UTF-8", b.Algorithm, b.Strings).WithCode("unknown_strings")
	}
	if b.Salt == "" {
		b.Salt = salt
	}
	if err := CheckText(pointer+"/salt", "salt", b.Salt, true, maxSalt); err != nil {
		return b, err
	}
	if _, err := strconv.ParseInt(b.Salt, 10, 64); err != nil && strings.HasPrefix(b.Algorithm, "split/") {
		return b, Invalid(pointer+"/salt", "the salt of %s is its seed, a whole number; give it as text", b.Algorithm).WithCode("seed_missing")
	}
	if err := CheckText(pointer+"/by", "attribute to split by", b.By, false, maxAttribute); err != nil {
		return b, err
	}
	if strings.HasPrefix(b.By, "/") && (strings.HasSuffix(b.By, "/") || strings.Contains(b.By, "//")) {
		return b, Invalid(pointer+"/by", "the way %q to the unit id has a step without a name; write it like /organisation/key", b.By).WithCode("bad_path")
	}
	if b.Total == 0 {
		b.Total = DefaultTotal
	}
	if b.Total > MaxTotal {
		return b, Invalid(pointer+"/total", "the total of the weights is at most %d; choose a smaller one", MaxTotal).WithCode("total_too_large")
	}
	return b, nil
}

const maxRanges = 1_000

// CheckSlice completes the slice and refuses ranges that are not within the total, in order and apart from each other.
func CheckSlice(s *Slice, salt, pointer string) error {
	b, err := CheckBucketing(Bucketing{Algorithm: s.Algorithm, Salt: s.Salt, By: s.By, Strings: s.Strings, Total: s.Total}, salt, pointer)
	if err != nil {
		return err
	}
	s.Algorithm, s.Salt, s.Total = b.Algorithm, b.Salt, b.Total
	if len(s.Ranges) == 0 || len(s.Ranges) > maxRanges {
		return Invalid(pointer+"/ranges", "a slice has 1 to %d ranges, this one %d", maxRanges, len(s.Ranges)).WithCode("wrong_number_of_ranges")
	}
	end := Weight(0)
	for i, r := range s.Ranges {
		if r.From >= r.To || r.To > s.Total || i > 0 && r.From < end {
			return Invalid(fmt.Sprintf("%s/ranges/%d", pointer, i), "the range %d to %d must lie within 0 to %d and behind the one before", r.From, r.To, s.Total).WithCode("bad_range")
		}
		end = r.To
	}
	return nil
}
