package experiment_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/experiment"
)

func banditPlan(change func(*experiment.Bandit)) func(*experiment.Plan) {
	return func(p *experiment.Plan) {
		b := experiment.Bandit{}
		if change != nil {
			change(&b)
		}
		p.Analysis.Method, p.Analysis.Bandit = experiment.ConfidenceSequence, &b
	}
}

func TestABandit(t *testing.T) {
	refuse := func(name, code, pointer string, changes ...func(*experiment.Plan)) spec {
		return spec{Name: name, When: create(changes...), Refused: code, Kind: domain.KindInvalid, Pointer: pointer}
	}
	domaintest.Run(t, experiment.Aggregate, []spec{
		{Name: "is kept as it was said", When: create(banditPlan(nil)), Then: events{created(banditPlan(nil))}},
		refuse("needs a method that is valid at every moment", "bandit_needs_always_valid", "/analysis/bandit", banditPlan(nil), analysed(func(a *experiment.Analysis) { a.Method = experiment.Fixed })),
		refuse("also where the plan chooses the method", "bandit_needs_always_valid", "/analysis/bandit", ending(domaintest.Someone().At.Add(time.Hour)), banditPlan(nil), analysed(func(a *experiment.Analysis) { a.Method = "" })),
		refuse("has fine weights", "bandit_needs_fine_weights", "/total", banditPlan(nil), func(p *experiment.Plan) { p.Total, p.Arms[0].Weight, p.Arms[1].Weight = 2, 1, 1 }),
		refuse("leaves its arms something", "floor_out_of_range", "/analysis/bandit/floor", banditPlan(func(b *experiment.Bandit) { b.Floor = 0.51 })),
		refuse("has a floor that is a number", "floor_out_of_range", "/analysis/bandit/floor", banditPlan(func(b *experiment.Bandit) { b.Floor = math.NaN() })),
		refuse("has a whole prior", "prior_out_of_range", "/analysis/bandit", banditPlan(func(b *experiment.Bandit) { b.A = 1 })),
		refuse("has a prior that says how sure it is", "prior_out_of_range", "/analysis/bandit", banditPlan(func(b *experiment.Bandit) { b.Mean = 3 })),
		refuse("moves traffic once an hour at most", "pause_out_of_range", "/analysis/bandit/every_seconds", banditPlan(func(b *experiment.Bandit) { b.EverySeconds = 3_599 })),
	})
	p := plan(banditPlan(nil))
	if b := p.Resolved(domaintest.Someone().At).Bandit; *b != (experiment.Bandit{Floor: 0.05, A: 1, B: 1}) || *p.Analysis.Bandit != (experiment.Bandit{}) {
		t.Errorf("%+v of %+v", b, p.Analysis.Bandit)
	}
}

func TestChangingTheWeights(t *testing.T) {
	because := domaintest.Because("The red one sells more.")
	begun := func(change func(*experiment.Bandit)) events {
		p := plan(banditPlan(change))
		p.Analysis = p.Resolved(domaintest.Someone().At)
		return events{created(banditPlan(change)), experiment.Started{Plan: p, Salt: salt, Algorithm: domain.BucketingV1}}
	}
	given := begun(nil)
	weights := func(off, on domain.Weight) []experiment.Arm {
		return []experiment.Arm{{Variant: "off", Weight: off}, {Variant: "on", Weight: on}}
	}
	reweigh := func(off, on domain.Weight) experiment.Command {
		return experiment.Reweigh{Arms: weights(off, on)}
	}
	changed := experiment.WeightsChanged{Arms: weights(20_000, 80_000)}
	turned := experiment.Reweigh{Arms: []experiment.Arm{{Variant: "on", Weight: 80_000}, {Variant: "off", Weight: 20_000}}}
	other := plan(banditPlan(func(b *experiment.Bandit) { b.Floor = 0.1 }))
	other.Analysis = other.Resolved(domaintest.Someone().At)
	domaintest.Run(t, experiment.Aggregate, []spec{
		{Name: "with a reason", Given: given, When: reweigh(20_000, 80_000), By: because, Then: events{changed}},
		{Name: "without one not", Given: given, When: reweigh(20_000, 80_000), Refused: "reason_required", Pointer: "/reason"},
		{Name: "in any order; the plan's stays", Given: given, When: turned, By: because, Then: events{changed}},
		{Name: "the same again records nothing", Given: append(slices.Clone(given), changed), When: turned},
		{Name: "down to the floor", Given: given, When: reweigh(5_000, 95_000), By: because, Then: events{experiment.WeightsChanged{Arms: weights(5_000, 95_000)}}},
		{Name: "and no further", Given: given, When: reweigh(4_999, 95_001), By: because, Refused: "below_floor", Pointer: "/arms/0/weight"},
		{Name: "that add up", Given: given, When: reweigh(20_000, 90_000), By: because, Refused: "weights_do_not_sum"},
		{Name: "of all arms", Given: given, When: experiment.Reweigh{Arms: []experiment.Arm{{Variant: "off", Weight: 50_000}, {Variant: "blue", Weight: 50_000}}}, By: because, Refused: "wrong_arms"},
		{Name: "not of a draft", Given: events{created(banditPlan(nil))}, When: reweigh(20_000, 80_000), By: because, Refused: "not_running", Kind: domain.KindState},
		{Name: "not of one that has stopped", Given: append(slices.Clone(given), experiment.Stopped{}), When: reweigh(20_000, 80_000), By: because, Refused: "not_running", Kind: domain.KindState},
		{Name: "not where the plan has no bandit", Given: running(), When: reweigh(20_000, 80_000), By: because, Refused: "plan_is_frozen", Kind: domain.KindState},
		{Name: "by an amendment of the plan they do not change", Given: given, When: experiment.Change{Plan: plan(banditPlan(nil), func(p *experiment.Plan) { p.Arms = weights(20_000, 80_000) })}, By: because, Refused: "plan_is_frozen", Kind: domain.KindState},
		{Name: "the floor may be amended", Given: given, When: experiment.Change{Plan: other}, By: because, Then: events{experiment.PlanAmended{Plan: other}}},
		{
			Name: "the prior may not", Given: given, By: because, Refused: "analysis_is_frozen", Kind: domain.KindState,
			When: experiment.Change{Plan: plan(banditPlan(func(b *experiment.Bandit) { b.A, b.B = 2, 3 }), func(p *experiment.Plan) {
				p.Analysis = p.Resolved(domaintest.Someone().At)
			})},
		},
		{
			Name: "a bandit cannot be added", Given: begunWithout(), By: because, Refused: "analysis_is_frozen", Kind: domain.KindState,
			When: experiment.Change{Plan: plan(banditPlan(nil), func(p *experiment.Plan) { p.Analysis = p.Resolved(domaintest.Someone().At) })},
		},
	})
	s := experiment.Aggregate.Fold(append(slices.Clone(given), changed)...)
	if s.Plan.Arms[1].Weight != 80_000 || s.Frozen.Arms[1].Weight != 50_000 || s.Amendments != 0 {
		t.Errorf("%+v", s)
	}
	if got := experiment.Changes(s.Frozen, other); !slices.Equal(got, []string{"bandit"}) {
		t.Errorf("%q", got)
	}
}

func begunWithout() events {
	p := plan()
	p.Analysis = p.Resolved(domaintest.Someone().At)
	return events{created(), experiment.Started{Plan: p, Salt: salt, Algorithm: domain.BucketingV1}}
}
