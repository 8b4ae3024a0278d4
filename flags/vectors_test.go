package flags_test

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/assayhq/assay/flags"
)

// The vectors come from running the named libraries (about, in the file, says which versions); a second implementation of
// every formula gave the same.
type vectors struct {
	IDs        []string `json:"ids"`
	Algorithms map[string]struct {
		Expect map[string]json.RawMessage `json:"expect"`
	} `json:"algorithms"`
	JavaScript struct {
		Expect map[string]map[string]any `json:"expect"`
	} `json:"javascript"`
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("testdata/bucketing-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil || len(v.IDs) != 10 || len(v.Algorithms) != 16 {
		t.Fatalf("%d ids, %d algorithms, %v", len(v.IDs), len(v.Algorithms), err)
	}
	return v
}

// of is a field of what is expected for an id; the whole when the field is "".
func (v vectors) of(t *testing.T, algorithm, id, field string) any {
	t.Helper()
	var whole any
	if err := json.Unmarshal(v.Algorithms[algorithm].Expect[id], &whole); err != nil {
		t.Fatalf("%s %s: %v", algorithm, id, err)
	}
	if field == "" {
		return whole
	}
	out, there := whole.(map[string]any)[field]
	if !there {
		t.Fatalf("%s %s has no %s", algorithm, id, field)
	}
	return out
}

func assign(t *testing.T, s flags.Split, id string) flags.Decision {
	t.Helper()
	f := flags.Flag{Key: "f", Type: flags.String, On: true, Off: "a", Default: flags.Serve{Split: &s}}
	for _, v := range []string{"a", "b", "c"} {
		f.Variants = append(f.Variants, flags.Variant{Key: v, Value: raw(strconv.Quote(v))})
	}
	d := compile(t, f).Decide("f", flags.Subject{Key: id})
	if d.ErrorCode != "" {
		t.Fatalf("%s: %+v", id, d.Outcome)
	}
	return d
}

func three(algorithm, salt string, total, a, b, c uint32) flags.Split {
	return flags.Split{
		Algorithm: algorithm, Salt: salt, Total: total,
		Weights: []flags.Weight{{Variant: "a", Weight: a}, {Variant: "b", Weight: b}, {Variant: "c", Weight: c}},
	}
}

func whole(algorithm, salt string, total uint32) flags.Split {
	return three(algorithm, salt, total, total, 0, 0)
}

// Variants that the vectors name, for splits of 50/30/20.
func TestOtherProductsVariantsAreReproduced(t *testing.T) {
	v := readVectors(t)
	descending := flags.Split{
		Algorithm: flags.GOFeatureFlagV1, Salt: "checkout-v2", Total: 100_000,
		Weights: []flags.Weight{{Variant: "c", Weight: 20_000}, {Variant: "b", Weight: 30_000}, {Variant: "a", Weight: 50_000}},
	}
	for _, c := range []struct {
		algorithm, field string
		split            flags.Split
	}{
		{"flagd.v1", "variant", three(flags.FlagdV1, "checkout-v2", 100, 50, 30, 20)},
		{"flagd.v2", "variant", three(flags.FlagdV2, "checkout-v2", 100, 50, 30, 20)},
		{"flagd.v2", "variant", three(flags.BucketingV1, "checkout-v2", 100, 50, 30, 20)},
		{"growthbook.v1", "variant", three(flags.GrowthBookV1, "checkout-v2", 100_000, 50_000, 30_000, 20_000)},
		{"growthbook.v2", "variant", three(flags.GrowthBookV2, "checkout-v2", 100_000, 50_000, 30_000, 20_000)},
		{"launchdarkly.v1", "variation", three(flags.LaunchDarklyV1, "checkout-v2.a1b2c3d4e5f6", 100_000, 50_000, 30_000, 20_000)},
		{"launchdarkly.v1", "seed_variation", three(flags.LaunchDarklyV1, "61", 100_000, 50_000, 30_000, 20_000)},
		{"unleash.v1", "variant", three(flags.UnleashVariantV1, "checkout-v2", 1_000, 500, 300, 200)},
		{"goff.v1", "variation", descending},
	} {
		for _, id := range v.IDs {
			if got, want := assign(t, c.split, id).Variant, v.of(t, c.algorithm, id, c.field); got != want {
				t.Errorf("%s (%s) %s: got %v, want %v", c.algorithm, c.split.Algorithm, id, got, want)
			}
		}
	}
}

// Buckets as whole numbers, or as shares of a total that has as many digits as the vectors do.
func TestOtherProductsBucketsAreReproduced(t *testing.T) {
	v := readVectors(t)
	for _, c := range []struct {
		algorithm, field string
		split            flags.Split
		scale, add       float64 // from our bucket to their number
		within           float64
	}{
		{"flagd.v1", "bucket", whole(flags.FlagdV1, "checkout-v2", 100_000_000), 1e-6, 0, 1.01e-6},
		{"flagd.v2", "bucket100", whole(flags.FlagdV2, "checkout-v2", 100), 1, 0, 0},
		{"growthbook.v1", "n", whole(flags.GrowthBookV1, "checkout-v2", 1_000), 1e-3, 0, 1e-12},
		{"growthbook.v2", "n", whole(flags.GrowthBookV2, "checkout-v2", 10_000), 1e-4, 0, 1e-12},
		{"launchdarkly.v1", "bucket", whole(flags.LaunchDarklyV1, "checkout-v2.a1b2c3d4e5f6", 1_000_000_000), 1e-9, 0, 2e-9},
		{"launchdarkly.v1", "seed_bucket", whole(flags.LaunchDarklyV1, "61", 1_000_000_000), 1e-9, 0, 2e-9},
		{"unleash.v1", "rollout", whole(flags.UnleashRolloutV1, "checkout-v2", 100), 1, 1, 0},
		{"unleash.v1", "variant_number", whole(flags.UnleashVariantV1, "checkout-v2", 1_000), 1, 1, 0},
		{"goff.v1", "bucket", whole(flags.GOFeatureFlagV1, "checkout-v2", 100_000), 1, 0, 0},
		{"statsig.v1", "gate_mod10000", whole(flags.StatsigV1, "spec-salt.rule-salt", 10_000), 1, 0, 0},
		{"statsig.v1", "user_bucket", whole(flags.StatsigV1, "exp-salt", 1_000), 1, 0, 0},
		{"split.v2", "", whole(flags.SplitV2, "-1222652054", 100), 1, 1, 0},
		{"split.v1", "", whole(flags.SplitV1, "-1222652054", 100), 1, 1, 0},
		{"flipt.v1", "variant1000", whole(flags.FliptVariantV1, "checkout-v2", 1_000), 1, 0, 0},
		{"flipt.v1", "boolean100", whole(flags.FliptBooleanV1, "checkout-v2", 100), 1, 0, 0},
		{"flagsmith.v1", "", whole(flags.FlagsmithV1, "1001", 9_998), 100.0 / 9_998, 0, 1e-6},
		{"posthog.v1", "rollout", whole(flags.PostHogRolloutV1, "checkout-v2", 1_000_000_000), 1e-9, 0, 2e-9},
		{"posthog.v1", "variant", whole(flags.PostHogVariantV1, "checkout-v2", 1_000_000_000), 1e-9, 0, 2e-9},
		{"devcycle.v1", "rollout", whole(flags.DevCycleRolloutV1, "61536f3bc838a705c105eb62", 1_000_000_000), 1e-9, 0, 2e-9},
		{"devcycle.v1", "bucket", whole(flags.DevCycleVariantV1, "61536f3bc838a705c105eb62", 1_000_000_000), 1e-9, 0, 2e-9},
		{"eppo.v1", "", whole(flags.EppoV1, "checkout-v2-split", 10_000), 1, 0, 0},
		{"harnessff.v1", "", whole(flags.HarnessFFV1, "identifier", 100), 1, 1, 0},
	} {
		for _, id := range v.IDs {
			got := float64(assign(t, c.split, id).Bucket)*c.scale + c.add
			want, ok := v.of(t, c.algorithm, id, c.field).(float64)
			if !ok || math.Abs(got-want) > c.within {
				t.Errorf("%s %s %s: got %v, want %v", c.algorithm, c.field, id, got, want)
			}
		}
	}
}

// Statsig's gate and Unleash's rollout as slices: who is in.
func TestOtherProductsPercentagesAreReproducedAsSlices(t *testing.T) {
	v := readVectors(t)
	for _, c := range []struct {
		algorithm, field string
		slice            flags.Slice
	}{
		{"statsig.v1", "gate", flags.Slice{Algorithm: flags.StatsigV1, Salt: "spec-salt.rule-salt", Total: 10_000, Ranges: []flags.Range{{To: 5_000}}}},
		{"unleash.v1", "on", flags.Slice{Algorithm: flags.UnleashRolloutV1, Salt: "checkout-v2", Total: 100, Ranges: []flags.Range{{To: 50}}}},
	} {
		f := boolean("f")
		f.Rules = []flags.Rule{{ID: "r", If: []flags.Condition{{Slice: &c.slice}}, Serve: flags.Serve{Variant: "on"}}}
		rs := compile(t, f)
		for _, id := range v.IDs {
			if got, want := rs.Decide("f", flags.Subject{Key: id}).Rule == "r", v.of(t, c.algorithm, id, c.field); got != want {
				t.Errorf("%s %s: got %v, want %v", c.algorithm, id, got, want)
			}
		}
	}
}

// What the JavaScript SDKs give, for ids beyond ASCII too.
func TestJavaScriptSDKsAreReproduced(t *testing.T) {
	v := readVectors(t)
	read := func(s flags.Split, as string) flags.Split {
		s.Strings = as
		return s
	}
	for _, c := range []struct {
		field      string
		split      flags.Split
		scale, add float64
	}{
		{"growthbook_v1", read(whole(flags.GrowthBookV1, "checkout-v2", 1_000), flags.UTF16), 1e-3, 0},
		{"growthbook_v2", read(whole(flags.GrowthBookV2, "checkout-v2", 10_000), flags.UTF16), 1e-4, 0},
		{"unleash_rollout", read(whole(flags.UnleashRolloutV1, "checkout-v2", 100), flags.LowByte), 1, 1},
		{"unleash_variant", read(whole(flags.UnleashVariantV1, "checkout-v2", 1_000), flags.LowByte), 1, 1},
		{"flagd_variant", read(three(flags.FlagdV2, "checkout-v2", 100, 50, 30, 20), flags.UTF16), 0, 0},
	} {
		for _, id := range v.IDs {
			d := assign(t, c.split, id)
			switch want := v.JavaScript.Expect[id][c.field].(type) {
			case string:
				if d.Variant != want {
					t.Errorf("%s %s: got %s, want %s", c.field, id, d.Variant, want)
				}
			case float64:
				if got := float64(d.Bucket)*c.scale + c.add; math.Abs(got-want) > 1e-12 {
					t.Errorf("%s %s: got %v, want %v", c.field, id, got, want)
				}
			default:
				t.Fatalf("%s %s is not there", c.field, id)
			}
		}
	}
}

func TestNoAlgorithmAllocates(t *testing.T) {
	for _, s := range []flags.Split{
		whole(flags.FlagdV1, "s", 100), whole(flags.GrowthBookV1, "s", 100), whole(flags.GrowthBookV2, "s", 100), whole(flags.LaunchDarklyV1, "s", 100),
		whole(flags.UnleashVariantV1, "s", 100), whole(flags.GOFeatureFlagV1, "s", 100), whole(flags.StatsigV1, "s", 100), whole(flags.SplitV1, "7", 100),
		whole(flags.SplitV2, "7", 100), whole(flags.FlagsmithV1, "s", 100), whole(flags.FliptVariantV1, "s", 100), whole(flags.PostHogRolloutV1, "s", 100),
		whole(flags.DevCycleVariantV1, "s", 100), whole(flags.EppoV1, "s", 100), whole(flags.HarnessFFV1, "s", 100),
		{Algorithm: flags.FlagdV2, Salt: "s", Total: 100, Strings: flags.UTF16, Weights: []flags.Weight{{Variant: "on", Weight: 100}}},
		{Algorithm: flags.UnleashRolloutV1, Salt: "s", Total: 100, Strings: flags.LowByte, Weights: []flags.Weight{{Variant: "on", Weight: 100}}},
	} {
		f := boolean("f")
		s.Weights = []flags.Weight{{Variant: "on", Weight: 100}}
		f.Default = flags.Serve{Split: &s}
		rs := compile(t, f)
		who := flags.Subject{Key: "550e8400-e29b-41d4-a716-446655440000"}
		if n := testing.AllocsPerRun(100, func() { sink = rs.Decide("f", who) }); n != 0 || sink.ErrorCode != "" {
			t.Errorf("%s: %v allocations, %+v", s.Algorithm, n, sink.Outcome)
		}
	}
}
