package interop

import (
	"fmt"
	"strings"
	"testing"

	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	"github.com/launchdarkly/go-sdk-common/v3/ldvalue"
	ldeval "github.com/launchdarkly/go-server-sdk-evaluation/v3"
	"github.com/launchdarkly/go-server-sdk-evaluation/v3/ldmodel"

	"github.com/assayhq/assay/flags"
)

// ldData is the world of one file.
type ldData struct {
	flags    map[string]*ldmodel.FeatureFlag
	segments map[string]*ldmodel.Segment
}

func (l ldData) GetFeatureFlag(key string) *ldmodel.FeatureFlag { return l.flags[key] }
func (l ldData) GetSegment(key string) *ldmodel.Segment         { return l.segments[key] }

func TestRandomFlagsOfLaunchDarklyDecideTheSame(t *testing.T) {
	c := newTally()
	for seed := range uint64(*files) {
		g := ldGenerator{drawn: draw(seed)}
		file := g.file()
		rs, m := c.read(t, "launchdarkly", file)
		data := ldData{map[string]*ldmodel.FeatureFlag{}, map[string]*ldmodel.Segment{}}
		for key, f := range file["flags"].(object) {
			parsed, err := ldmodel.NewJSONDataModelSerialization().UnmarshalFeatureFlag(marshal(t, f))
			if err != nil {
				t.Fatal(err)
			}
			data.flags[key] = &parsed
		}
		for key, s := range file["segments"].(object) {
			parsed, err := ldmodel.NewJSONDataModelSerialization().UnmarshalSegment(marshal(t, s))
			if err != nil {
				t.Fatal(err)
			}
			data.segments[key] = &parsed
		}
		evaluator := ldeval.NewEvaluator(data)
		for range 60 {
			who, theirs := g.context()
			for _, key := range rs.Keys() {
				got, want := valueOf(rs.Decide(key, who)), evaluator.Evaluate(data.flags[key], theirs, nil).Detail.Value.JSONString()
				if !sameValue(got, want) {
					explained(t, key, file, object{"key": who.Key, "attributes": who.Attributes}, m, got, want)
				}
				c.served[want]++
			}
		}
	}
	c.holds(t, 0.9)
	if len(c.served) < 6 {
		t.Errorf("only these are served: %v", c.served)
	}
}

type ldGenerator struct {
	drawn
	flags, segments []string
	kinds           bool
}

// file is some segments and flags, which ask for those that were drawn before them.
func (g *ldGenerator) file() object {
	g.kinds = !g.one(4)
	segments, all := object{}, object{}
	for i := range 3 {
		key := fmt.Sprint("segment-", i)
		segments[key] = g.segment(key)
		g.segments = append(g.segments, key)
	}
	for i := range 8 {
		key := fmt.Sprint(of(g.drawn, "flag-", "someFlag"), i)
		all[key] = g.flag(key)
		g.flags = append(g.flags, key)
	}
	return object{"flags": all, "segments": segments}
}

func (g *ldGenerator) kind() string {
	if !g.kinds {
		return of(g.drawn, "", "user")
	}
	return of(g.drawn, "", "user", "org", "org", "device")
}

func (g *ldGenerator) ids(kind string) []string {
	var out []string
	for range 1 + g.IntN(12) {
		out = append(out, fmt.Sprint(map[string]string{"": "u", "user": "u", "org": "o", "device": "d"}[kind], g.IntN(40)))
	}
	return out
}

func (g *ldGenerator) segment(key string) object {
	s := object{"key": key, "salt": fmt.Sprint("salt", g.IntN(1000)), "included": []string{}, "excluded": []string{}}
	if g.one(2) {
		s["included"], s["excluded"] = g.ids(""), g.ids("")
	}
	if g.kinds && g.one(2) {
		s["includedContexts"] = []object{{"contextKind": "org", "values": g.ids("org")}}
	}
	if g.kinds && g.one(3) {
		s["excludedContexts"] = []object{{"contextKind": "org", "values": g.ids("org")}, {"contextKind": "device", "values": g.ids("device")}}
	}
	var rules []object
	for range g.IntN(3) {
		r := object{"clauses": g.clauses()}
		if g.one(2) {
			r["weight"] = of(g.drawn, 0, 1, 25_000, 50_000, 99_999, 100_000)
			if kind := g.kind(); kind != "" {
				r["rolloutContextKind"] = kind
			}
			if g.one(2) {
				r["bucketBy"] = of(g.drawn, "key", "country", "age")
			}
		}
		rules = append(rules, r)
	}
	s["rules"] = rules
	return s
}

func (g *ldGenerator) flag(key string) object {
	variations := of(g.drawn, []any{"a", "b", "c"}, []any{true, false}, []any{1, 2, 2.5}, []any{object{"x": 1}, object{"x": 2}}, []any{"a", "b", "a"})
	f := object{"key": key, "on": !g.one(8), "salt": fmt.Sprint("salt", g.IntN(1000)), "variations": variations, "fallthrough": g.serve(len(variations))}
	if !g.one(5) {
		f["offVariation"] = g.IntN(len(variations))
	}
	var targets, contextTargets, rules, prerequisites []object
	for i := range g.IntN(3) {
		targets = append(targets, object{"variation": i % len(variations), "values": g.ids("")})
	}
	if g.kinds && g.one(2) {
		contextTargets = append(contextTargets, object{"contextKind": "org", "variation": g.IntN(len(variations)), "values": g.ids("org")})
		contextTargets = append(contextTargets, object{"contextKind": "user", "variation": g.IntN(len(variations)), "values": []string{}})
	}
	for i := range g.IntN(4) {
		r := g.serve(len(variations))
		r["id"], r["clauses"] = fmt.Sprint("rule", i), g.clauses()
		rules = append(rules, r)
	}
	for range g.IntN(3) {
		if len(g.flags) > 0 {
			prerequisites = append(prerequisites, object{"key": of(g.drawn, append(g.flags, "unknown")...), "variation": g.IntN(2)})
		}
	}
	f["targets"], f["contextTargets"], f["rules"], f["prerequisites"] = targets, contextTargets, rules, prerequisites
	return f
}

func (g *ldGenerator) serve(variations int) object {
	if g.one(2) {
		return object{"variation": g.IntN(variations)}
	}
	left := 100_000
	var weights []object
	for range 1 + g.IntN(4) {
		weight := of(g.drawn, 0, 1, 10_000, 33_333, 50_000)
		weight = min(weight, left)
		left -= weight
		weights = append(weights, object{"variation": g.IntN(variations), "weight": weight})
	}
	r := object{"variations": weights}
	if kind := g.kind(); kind != "" {
		r["contextKind"] = kind
	}
	switch g.IntN(4) {
	case 0:
		r["kind"], r["seed"] = "experiment", g.IntN(1000)
		r["bucketBy"] = "country" // which an experiment does not look at
	case 1:
		r["bucketBy"] = of(g.drawn, "country", "age", "tags")
	}
	return object{"rollout": r}
}

func (g *ldGenerator) clauses() []object {
	out := []object{}
	for range g.IntN(3) {
		out = append(out, g.clause())
	}
	return out
}

func (g *ldGenerator) clause() object {
	c := g.comparison()
	if g.one(4) {
		c["negate"] = true
	}
	if kind := g.kind(); kind != "" && c["attribute"] != "kind" && c["op"] != "segmentMatch" {
		c["contextKind"] = kind
		if g.one(4) {
			c["attribute"] = "/" + strings.ReplaceAll(c["attribute"].(string), "/", "~1")
		}
		if g.one(8) {
			c["attribute"], c["op"], c["values"] = "/address/city", "in", []any{"Kiel", "Bonn"}
		}
	}
	return c
}

func (g *ldGenerator) comparison() object {
	clause := func(attribute, op string, values ...any) object {
		return object{"attribute": attribute, "op": op, "values": some(g.drawn, 2, values...)}
	}
	switch g.IntN(13) {
	case 0:
		if len(g.segments) > 0 {
			return clause("", "segmentMatch", "segment-0", "segment-1", "segment-2", "unknown")
		}
		return clause("country", "in", "DE")
	case 1:
		if g.kinds {
			return clause("kind", "in", "user", "org", "device")
		}
		return clause("anonymous", "in", true, false)
	case 2:
		return clause("anonymous", "in", true, false, "true")
	case 3:
		return clause(of(g.drawn, "age", "country"), of(g.drawn, "lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"), 18, 30.5, "20", 0)
	case 4:
		return clause("version", of(g.drawn, "semVerEqual", "semVerLessThan", "semVerGreaterThan"), "2.0.0", "1.2", "3", "2.0.0-rc.1", "v2", "x", 2)
	case 5:
		return clause("born", of(g.drawn, "before", "after"), "2020-01-01T00:00:00Z", 1_577_836_800_000, "2020-01-01T01:30:00.250+02:00", "2020-01-01", true)
	case 6:
		return clause(of(g.drawn, "mail", "tags"), of(g.drawn, "startsWith", "endsWith", "contains"), "beta", "@a.org", "a", "", 1)
	case 7:
		return clause(of(g.drawn, "mail", "tags"), "matches", "^[a-c]+", "beta|gamma", "(", 3)
	case 8:
		return clause("key", "in", "u1", "u2", "u3", "o1", "o2", "d1")
	case 9:
		return clause("tags", "in", "beta", "alpha", 7, true)
	case 10:
		return clause("country", "noSuchOperator", "DE")
	default:
		return clause(of(g.drawn, "country", "plan"), "in", "DE", "FR", "pro", 1, false)
	}
}

// context is the same context on both sides.
func (g *ldGenerator) context() (flags.Subject, ldcontext.Context) {
	who := flags.Subject{Attributes: object{}}
	all := ldcontext.NewMultiBuilder()
	add := func(kind, key string) object {
		attributes := g.attributes()
		b := ldcontext.NewBuilder(key).Kind(ldcontext.Kind(kind))
		for name, value := range attributes {
			if name == "anonymous" {
				b.Anonymous(value.(bool))
				continue
			}
			b.SetValue(name, ldvalue.CopyArbitraryValue(value))
		}
		all.Add(b.Build())
		return attributes
	}
	alone := g.kinds && g.one(8) // without a user
	if !alone {
		who.Key = ids(g.IntN(40))
		who.Attributes = add("user", who.Key)
	}
	if g.kinds && (alone || g.one(2)) {
		key := fmt.Sprint("o", g.IntN(40))
		org := add("org", key)
		org["key"] = key
		who.Attributes["org"] = org
	}
	if g.kinds && g.one(3) {
		key := fmt.Sprint("d", g.IntN(40))
		device := add("device", key)
		device["key"] = key
		who.Attributes["device"] = device
	}
	return who, all.Build()
}

func (g *ldGenerator) attributes() object {
	all := object{
		"country": of[any](g.drawn, "DE", "FR", "US", "", 7.0, 2.5), "age": of[any](g.drawn, 17.0, 18.0, 30.5, 31.0, "20", 0.0), "plan": of[any](g.drawn, "pro", "free", false, 1.0),
		"version": of[any](g.drawn, "1.9.9", "2.0.0", "2.0", "v2.0.0", "2.0.0-rc.1", "3", " 3", "x", 2.0), "mail": of[any](g.drawn, "x@a.org", "beta@b.org", "", 3.0),
		"tags":      of[any](g.drawn, []any{"beta", "x"}, []any{}, []any{7.0, "gamma", true}, "alpha", []any{"x@a.org"}),
		"born":      of[any](g.drawn, "2019-12-31T23:59:59Z", "2020-01-01T00:00:00Z", 1_577_836_800_000.0, 1_577_836_800_001.0, 5.0, "2020-01-01", "2020-06-01T00:00:00+02:00", "soon", true),
		"anonymous": of[any](g.drawn, true, false), "address": of[any](g.drawn, map[string]any{"city": "Kiel"}, map[string]any{"zip": "1"}, "Bonn"),
	}
	for name := range all {
		if g.one(4) {
			delete(all, name)
		}
	}
	return all
}
