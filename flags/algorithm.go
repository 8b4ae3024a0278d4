package flags

import "fmt"

// The bucketing algorithms. Each is recorded with every split, so that no upgrade moves anybody. The default is BucketingV1;
// the others give the buckets of other products, so that what is imported from them moves nobody. In all formulas + joins
// texts, murmur3 is MurmurHash3 x86 32-bit, fnv is FNV-1a 32-bit, u64 reads 8 bytes big-endian, and a bucket is a whole number
// in [0, total).
const (
	// BucketingV1 is murmur3(salt + id, seed 0) * total >> 32.
	BucketingV1 = "murmur3-32/1"
	// FlagdV1 is flagd's fractional before core v0.15: |int32(murmur3(salt + id, 0))| / (2^31-1) * total. The salt is the
	// flag key. The hash 0x80000000, which serves no variant in flagd, is in the last bucket.
	FlagdV1 = "flagd/1"
	// FlagdV2 is flagd's fractional since core v0.15; it equals BucketingV1.
	FlagdV2 = "flagd/2"
	// GrowthBookV1 is fnv(id + salt) % 1000, in parts of total.
	GrowthBookV1 = "growthbook/1"
	// GrowthBookV2 is fnv(decimal(fnv(salt + id))) % 10000, in parts of total.
	GrowthBookV2 = "growthbook/2"
	// LaunchDarklyV1 is float32(x) / float32(2^60-1), x being the first 15 hexadecimal digits of SHA-1(salt + "." + id). The
	// salt is flag key + "." + flag salt, or the seed in decimal. Cumulative weights are summed in float32 parts of total.
	LaunchDarklyV1 = "launchdarkly/1"
	// UnleashRolloutV1 is murmur3(salt + ":" + id, 0) % total; a percentage p is the range [0, p) of 100.
	UnleashRolloutV1 = "unleash-rollout/1"
	// UnleashVariantV1 is murmur3(salt + ":" + id, 86028157) % total.
	UnleashVariantV1 = "unleash-variant/1"
	// GOFeatureFlagV1 is fnv(salt + id) % total. Its variants take their ranges in descending order of their names.
	GOFeatureFlagV1 = "go-feature-flag/1"
	// StatsigV1 is u64(SHA-256(salt + "." + id)) % total: 10000 for gates, whose salt is the spec's + "." + the rule's, 1000
	// for experiments.
	StatsigV1 = "statsig/1"
	// SplitV1 is Split's legacy hash h = 31 h + byte over the id, (h XOR seed) % total; the salt is the seed in decimal.
	SplitV1 = "split/1"
	// SplitV2 is murmur3(id, seed) % total; the salt is the seed in decimal.
	SplitV2 = "split/2"
	// FlagsmithV1 is int128(MD5(salt + "," + id)) % 9999 in parts of total, hashed again with the list repeated when that is
	// 9998.
	FlagsmithV1 = "flagsmith/1"
	// FliptVariantV1 is CRC-32(salt + id) % total, of 1000.
	FliptVariantV1 = "flipt-variant/1"
	// FliptBooleanV1 is CRC-32(id + salt) % total, of 100.
	FliptBooleanV1 = "flipt-boolean/1"
	// PostHogRolloutV1 is the first 60 bits of SHA-1(salt + "." + id), in parts of total.
	PostHogRolloutV1 = "posthog-rollout/1"
	// PostHogVariantV1 is the same of SHA-1(salt + "." + id + "variant").
	PostHogVariantV1 = "posthog-variant/1"
	// DevCycleRolloutV1 is murmur3(id + "_rollout", murmur3(salt, 1)), in parts of total.
	DevCycleRolloutV1 = "devcycle-rollout/1"
	// DevCycleVariantV1 is murmur3(id, murmur3(salt, 1)), in parts of total.
	DevCycleVariantV1 = "devcycle-variant/1"
	// EppoV1 is uint32(MD5(salt + "-" + id)) % total.
	EppoV1 = "eppo/1"
	// HarnessFFV1 is murmur3(salt + ":" + id, 0) % total; the salt is the attribute's name, "identifier" as a rule.
	HarnessFFV1 = "harness-ff/1"
)

// Ways to read a unit id; see Split.Strings.
const (
	UTF16   = "utf16"
	LowByte = "lowbyte"
)

// algorithm is an algorithm with what it needs to know.
type algorithm struct {
	kind     algorithmKind
	sep      string // between salt and id
	saltLast bool   // id + salt
	suffix   string // behind the id
	seed     uint32
	modulus  uint32 // 0 for total
	strings  string // the one other way of reading ids that SDKs of the product have
	seeded   bool   // the salt is a number, the seed
}

type algorithmKind uint8

const (
	murmurScaled algorithmKind = iota // hash * total >> 32
	murmurModulo
	murmurSigned
	murmurTwice
	fnvModulo
	fnvTwice
	shaFloat32
	sha60
	sha256Modulo
	md5Modulo
	md5Repeated
	crcModulo
	javaModulo
)

func algorithmOf(name string) (algorithm, error) {
	switch name {
	case BucketingV1:
		return algorithm{}, nil
	case FlagdV1:
		return algorithm{kind: murmurSigned, strings: UTF16}, nil
	case FlagdV2:
		return algorithm{strings: UTF16}, nil
	case GrowthBookV1:
		return algorithm{kind: fnvModulo, saltLast: true, modulus: 1_000, strings: UTF16}, nil
	case GrowthBookV2:
		return algorithm{kind: fnvTwice, modulus: 10_000, strings: UTF16}, nil
	case LaunchDarklyV1:
		return algorithm{kind: shaFloat32, sep: "."}, nil
	case UnleashRolloutV1:
		return algorithm{kind: murmurModulo, sep: ":", strings: LowByte}, nil
	case UnleashVariantV1:
		return algorithm{kind: murmurModulo, sep: ":", seed: 86_028_157, strings: LowByte}, nil
	case GOFeatureFlagV1:
		return algorithm{kind: fnvModulo}, nil
	case StatsigV1:
		return algorithm{kind: sha256Modulo, sep: "."}, nil
	case FlagsmithV1:
		return algorithm{kind: md5Repeated, sep: ","}, nil
	}
	return lesserAlgorithm(name)
}

func lesserAlgorithm(name string) (algorithm, error) {
	switch name {
	case SplitV1:
		return algorithm{kind: javaModulo, seeded: true}, nil
	case SplitV2:
		return algorithm{kind: murmurModulo, seeded: true}, nil
	case FliptVariantV1:
		return algorithm{kind: crcModulo}, nil
	case FliptBooleanV1:
		return algorithm{kind: crcModulo, saltLast: true}, nil
	case PostHogRolloutV1:
		return algorithm{kind: sha60, sep: "."}, nil
	case PostHogVariantV1:
		return algorithm{kind: sha60, sep: ".", suffix: "variant"}, nil
	case DevCycleRolloutV1:
		return algorithm{kind: murmurTwice, suffix: "_rollout"}, nil
	case DevCycleVariantV1:
		return algorithm{kind: murmurTwice}, nil
	case EppoV1:
		return algorithm{kind: md5Modulo, sep: "-"}, nil
	case HarnessFFV1:
		return algorithm{kind: murmurModulo, sep: ":"}, nil
	}
	return algorithm{}, fmt.Errorf("the algorithm %q is not known to this version", name)
}
