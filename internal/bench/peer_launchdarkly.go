package bench

import (
	"time"

	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	"github.com/launchdarkly/go-sdk-common/v3/ldvalue"
	ldeval "github.com/launchdarkly/go-server-sdk-evaluation/v3"
	"github.com/launchdarkly/go-server-sdk-evaluation/v3/ldbuilders"
	"github.com/launchdarkly/go-server-sdk-evaluation/v3/ldmodel"
	ld "github.com/launchdarkly/go-server-sdk/v7"
	"github.com/launchdarkly/go-server-sdk/v7/ldcomponents"
	"github.com/launchdarkly/go-server-sdk/v7/testhelpers/ldtestdata"
	ldof "github.com/open-feature/go-sdk-contrib/providers/launchdarkly/pkg"
	"github.com/open-feature/go-sdk/openfeature"
)

// LaunchDarkly: server SDK with test data (no network, no events), and the
// evaluation engine alone.

func ldFlag(f Flag) ldmodel.FeatureFlag {
	b := ldbuilders.NewFlagBuilder(f.Key).On(true).OffVariation(1).Salt(f.Key).
		Variations(ldvalue.Bool(true), ldvalue.Bool(false)).FallthroughVariation(1)
	split := func(p int) ldmodel.VariationOrRollout {
		return ldbuilders.Rollout(ldbuilders.Bucket(0, p*1000), ldbuilders.Bucket(1, 100000-p*1000))
	}
	switch f.Kind {
	case Const:
		b.FallthroughVariation(0)
	case Split:
		b.Fallthrough(split(f.Percent))
	case Segment:
		b.AddRule(ldbuilders.NewRuleBuilder().ID("s").Variation(0).Clauses(ldbuilders.SegmentMatchClause(f.Segment)))
	case Rules:
		for i, r := range f.Rules {
			cs := make([]ldvalue.Value, len(r.Countries))
			for j, c := range r.Countries {
				cs[j] = ldvalue.String(c)
			}
			b.AddRule(ldbuilders.NewRuleBuilder().ID(string(rune('a'+i))).VariationOrRollout(split(r.Percent)).Clauses(
				ldbuilders.Clause("country", ldmodel.OperatorIn, cs...),
				ldbuilders.Clause("plan", ldmodel.OperatorIn, ldvalue.String(r.Plan)),
				ldbuilders.Clause("age", ldmodel.OperatorGreaterThan, ldvalue.Int(r.AgeOver))))
		}
	}
	return b.Build()
}

func ldSegments(d Dataset) []ldmodel.Segment {
	var out []ldmodel.Segment
	for id, keys := range d.Segments {
		out = append(out, ldbuilders.NewSegmentBuilder(id).Included(keys...).Salt(id).Build())
	}
	return out
}

func ldContext(u *User) ldcontext.Context {
	return ldcontext.NewBuilder(u.Key).SetString("country", u.Country).SetString("plan", u.Plan).
		SetString("email", u.Email).SetString("version", u.Version).SetInt("age", u.Age).Build()
}

func ldContexts() []ldcontext.Context {
	cs := make([]ldcontext.Context, len(Users))
	for i := range Users {
		cs[i] = ldContext(&Users[i])
	}
	return cs
}

type ldSDK struct {
	c    *ld.LDClient
	ctxs []ldcontext.Context
}

func newLD(d Dataset) (*ldSDK, error) {
	td := ldtestdata.DataSource()
	for _, f := range d.Flags {
		td.UsePreconfiguredFlag(ldFlag(f))
	}
	for _, s := range ldSegments(d) {
		td.UsePreconfiguredSegment(s)
	}
	logs := ldcomponents.NoLogging()
	c, err := ld.MakeCustomClient("sdk-key", ld.Config{DataSource: td, Events: ldcomponents.NoEvents(),
		Logging: logs, DiagnosticOptOut: true}, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &ldSDK{c, ldContexts()}, nil
}

func (l *ldSDK) Bool(flag string, u int) bool {
	v, _ := l.c.BoolVariation(flag, l.ctxs[u], false)
	return v
}
func (l *ldSDK) Fresh(flag string, u *User) bool {
	v, _ := l.c.BoolVariation(flag, ldContext(u), false)
	return v
}
func (l *ldSDK) All(u int) int { return len(l.c.AllFlagsState(l.ctxs[u]).ToValuesMap()) }

// evaluator alone
type ldCore struct {
	e     ldeval.Evaluator
	flags map[string]*ldmodel.FeatureFlag
	segs  map[string]*ldmodel.Segment
	ctxs  []ldcontext.Context
}

func (c *ldCore) GetFeatureFlag(k string) *ldmodel.FeatureFlag { return c.flags[k] }
func (c *ldCore) GetSegment(k string) *ldmodel.Segment         { return c.segs[k] }
func (c *ldCore) Bool(flag string, u int) bool {
	return c.e.Evaluate(c.flags[flag], c.ctxs[u], nil).Detail.Value.BoolValue()
}
func (c *ldCore) Fresh(flag string, u *User) bool {
	return c.e.Evaluate(c.flags[flag], ldContext(u), nil).Detail.Value.BoolValue()
}

func launchdarklyPeers(add func(Peer)) {
	add(Peer{"launchdarkly", "go-server-sdk v7.14.6", "native", true, func(d Dataset) (Instance, error) { return newLD(d) }})
	add(Peer{"launchdarkly-core", "go-server-sdk-evaluation v3.0.1", "native", false, func(d Dataset) (Instance, error) {
		c := &ldCore{flags: map[string]*ldmodel.FeatureFlag{}, segs: map[string]*ldmodel.Segment{}, ctxs: ldContexts()}
		for _, f := range d.Flags {
			ff := ldFlag(f)
			c.flags[f.Key] = &ff
		}
		for _, s := range ldSegments(d) {
			c.segs[s.Key] = &s
		}
		c.e = ldeval.NewEvaluator(c)
		return c, nil
	}})
	add(Peer{"launchdarkly", "contrib provider v0.1.6", "of", false, func(d Dataset) (Instance, error) {
		l, err := newLD(d)
		if err != nil {
			return nil, err
		}
		return newOF("launchdarkly", ldof.NewProvider(l.c), func(u *User) openfeature.EvaluationContext {
			return openfeature.NewEvaluationContext(u.Key, map[string]any{"kind": "user",
				"country": u.Country, "plan": u.Plan, "email": u.Email, "version": u.Version, "age": u.Age})
		})
	}})
}
