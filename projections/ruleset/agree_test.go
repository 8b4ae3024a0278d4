package ruleset_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/projections/projectionstest"
	"github.com/assayhq/assay/projections/ruleset"
)

func allOperators() []domain.Operator {
	return []domain.Operator{
		domain.Equals, domain.NotEquals, domain.In, domain.NotIn, domain.Contains, domain.NotContains, domain.StartsWith, domain.NotStartsWith, domain.EndsWith,
		domain.NotEndsWith, domain.Matches, domain.NotMatches, domain.Greater, domain.GreaterOrEqual, domain.Less, domain.LessOrEqual, domain.Between, domain.Modulo,
		domain.VersionEquals, domain.VersionGreater, domain.VersionGreaterOrEqual, domain.VersionLess, domain.VersionLessOrEqual, domain.VersionInRange,
		domain.Before, domain.BeforeOrAt, domain.After, domain.AfterOrAt, domain.OnSameDate, domain.InNetwork, domain.Present, domain.NotPresent, domain.IsEmpty,
		domain.IsType, domain.HasAny, domain.HasAll, domain.HasNone, domain.HasOnly, domain.HasExactly, domain.HasSize,
	}
}

func algorithms() []string {
	return []string{
		flags.BucketingV1, flags.FlagdV1, flags.FlagdV2, flags.GrowthBookV1, flags.GrowthBookV2, flags.LaunchDarklyV1, flags.UnleashRolloutV1, flags.UnleashVariantV1,
		flags.GOFeatureFlagV1, flags.StatsigV1, flags.SplitV1, flags.SplitV2, flags.FlagsmithV1, flags.FliptVariantV1, flags.FliptBooleanV1, flags.PostHogRolloutV1,
		flags.PostHogVariantV1, flags.DevCycleRolloutV1, flags.DevCycleVariantV1, flags.EppoV1, flags.HarnessFFV1,
	}
}

// TestWhatADeciderAllowsTheEngineServes: the domain and the engine read versions, times, networks and regular expressions each in
// their own way, because neither may know the other. Whatever the one lets through, the other compiles.
func TestWhatADeciderAllowsTheEngineServes(t *testing.T) {
	h := projectionstest.New(t)
	h.Project("shop", project.Create{Key: "shop"})
	h.Flag("shop", "a", flag.Create{Project: "shop", Key: "a", Type: flag.Boolean})
	state := flag.Aggregate.Fold(flag.Created{
		Project: "shop", Key: "a", Name: "a", Type: flag.Boolean, Default: "on", Off: "off",
		Variants: []flag.Variant{{Key: "on", Value: json.RawMessage("true")}, {Key: "off", Value: json.RawMessage("false")}},
	})
	allowed := map[domain.Operator]int{}
	version := rapid.StringMatching(`[vV]?[0-9]{1,2}(\.[0-9x*]{1,2}){0,3}(-[a-z0-9.-]{1,4})?(\+[a-z0-9.]{1,3})?`)
	bounds := rapid.StringMatching(`([\^~=<>]{0,2} ?v?[0-9x*](\.[0-9]){0,2}(-rc\.1)?( - | \|\| |  ?)){0,3}[0-9](\.[0-9x*]){0,2}`)
	moment := rapid.StringMatching(`20[0-9]{2}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{1,9})?(Z|[+-][0-2][0-9]:[0-5][0-9])?)?`)
	network := rapid.OneOf(
		rapid.StringMatching(`[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?`),
		rapid.StringMatching(`([0-9a-f]{0,4}:){1,8}([0-9a-f]{0,4}|10\.0\.0\.1)(%eth0)?(/[0-9]{1,3})?`),
	)
	pattern := rapid.StringMatching(`(\(|\)|\[a-c\]|a|\*|\+|\{2,3\}|\\d|\^|\||\?|\(\?i\)){0,6}`)
	special := rapid.SampledFrom([]string{"string", "number", "time", "::", "::/0", "::ffff:10.0.0.0/95", "::ffff:10.0.0.0/104", "2026-02-29", "2028-02-29", "0000-01-01", "*", "x", "1.2.3-01", "1.2.3-0a"})
	fitting := func(o domain.Operator) *rapid.Generator[string] {
		switch {
		case o == domain.VersionInRange:
			return rapid.OneOf(bounds, version, special)
		case strings.HasPrefix(string(o), "version"):
			return rapid.OneOf(version, special)
		case o == domain.InNetwork:
			return rapid.OneOf(network, special)
		case strings.HasSuffix(string(o), "matches"):
			return pattern
		}
		return rapid.OneOf(moment, special, rapid.String())
	}
	value := func(o domain.Operator) *rapid.Generator[json.RawMessage] {
		return rapid.Custom(func(t *rapid.T) json.RawMessage {
			if rapid.IntRange(0, 4).Draw(t, "number") == 0 {
				out, _ := json.Marshal(rapid.Float64Range(-1e9, 1e9).Draw(t, "n"))
				return out
			}
			out, _ := json.Marshal(fitting(o).Draw(t, "text"))
			return out
		})
	}
	rapid.Check(t, func(rt *rapid.T) {
		operator := rapid.SampledFrom(allOperators()).Draw(rt, "operator")
		c := domain.Condition{
			Attribute: "a", Operator: operator, Values: rapid.SliceOfN(value(operator), 0, 2).Draw(rt, "values"),
			IgnoreCase: rapid.Bool().Draw(rt, "fold"), Not: rapid.Bool().Draw(rt, "not"),
		}
		command := flag.ChangeTargeting{Environment: "production", Targeting: flag.Targeting{
			Default: flag.Serve{Variant: "on"}, Off: "off", Rules: []flag.Rule{{If: []domain.Condition{c}, Serve: flag.Serve{Variant: "on"}}},
		}}
		events, err := flag.Aggregate.Decide(state, command, domaintest.Someone())
		if err != nil {
			return
		}
		allowed[c.Operator]++
		fresh := projectionstest.New(rt)
		p := ruleset.New()
		apply(t, p, h.Records())
		name, body, err := flag.Aggregate.Encode(events[0])
		if err != nil {
			rt.Fatal(err)
		}
		fresh.Raw("flag-shop.a", name, string(body))
		r := fresh.Records()[0]
		r.Position = h.Head() + 1
		apply(t, p, append(h.Records()[:0:0], r))
		if problems := p.Problems(); problems != nil {
			rt.Fatalf("%s %s: %v", c.Operator, c.Values, problems)
		}
	})
	for _, o := range []domain.Operator{domain.VersionInRange, domain.InNetwork, domain.Before, domain.Matches} {
		t.Logf("%s: %d were allowed", o, allowed[o])
	}
}

func TestTheDomainAndTheEngineKnowTheSameAlgorithms(t *testing.T) {
	for _, name := range algorithms() {
		for _, reading := range []string{"", domain.StringsUTF16, domain.StringsLowByte} {
			b, err := domain.CheckBucketing(domain.Bucketing{Algorithm: name, Salt: "7", Strings: reading}, "", "")
			f := flags.Flag{
				Key: "f", Type: flags.Boolean, On: true, Variants: []flags.Variant{{Key: "v", Value: json.RawMessage("true")}}, Off: "v",
				Default: flags.Serve{Split: &flags.Split{
					Algorithm: name, Salt: "7", Strings: reading, Total: uint32(domain.DefaultTotal), Weights: []flags.Weight{{Variant: "v", Weight: uint32(domain.DefaultTotal)}},
				}},
			}
			rs, compiling := flags.Compile(flags.Snapshot{Format: flags.Format, Flags: []flags.Flag{f}})
			if compiling != nil {
				t.Fatal(compiling)
			}
			if (err == nil) != (rs.Problems() == nil) {
				t.Errorf("%+v: the domain says %v, the engine %v", b, err, rs.Problems())
			}
		}
	}
}
