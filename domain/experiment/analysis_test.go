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

func analysed(change func(*experiment.Analysis)) func(*experiment.Plan) {
	return func(p *experiment.Plan) { change(&p.Analysis) }
}

func TestAnAnalysis(t *testing.T) {
	end := ending(domaintest.Someone().At.Add(time.Hour))
	refuse := func(name, code, pointer string, change func(*experiment.Analysis)) spec {
		return spec{Name: name, When: create(end, analysed(change)), Refused: code, Kind: domain.KindInvalid, Pointer: pointer}
	}
	type a = experiment.Analysis
	domaintest.Run(t, experiment.Aggregate, []spec{
		{
			Name: "is kept as it was said", When: create(end, analysed(func(a *a) { a.Method, a.LookAt = experiment.GroupSequential, []float64{0.5, 1} })),
			Then: events{created(end, analysed(func(a *a) { a.Method, a.LookAt = experiment.GroupSequential, []float64{0.5, 1} }))},
		},
		refuse("has a known method", "unknown_method", "/analysis/method", func(a *a) { a.Method = "t-test" }),
		{
			Name: "with looks needs something to divide them by", When: create(analysed(func(a *a) { a.Method = experiment.GroupSequential })),
			Refused: "no_horizon", Pointer: "/analysis/method",
		},
		refuse("has an alpha", "alpha_out_of_range", "/analysis/alpha", func(a *a) { a.Alpha = 0.6 }),
		refuse("has an alpha that is a number", "alpha_out_of_range", "/analysis/alpha", func(a *a) { a.Alpha = math.NaN() }),
		refuse("plans a number of units", "units_out_of_range", "/analysis/planned_units", func(a *a) { a.PlannedUnits = -1 }),
		refuse("spends only where there are looks", "no_looks", "/analysis/spending", func(a *a) { a.Method, a.Spending = experiment.Fixed, experiment.SpendPocock }),
		refuse("spends by a known rule", "unknown_spending", "/analysis/spending", func(a *a) { a.Spending = "all_at_once" }),
		refuse("has an exponent only for the power rule", "power_out_of_range", "/analysis/spending_power", func(a *a) { a.SpendingPower = 2 }),
		refuse("has at most 100 looks", "looks_out_of_range", "/analysis/looks", func(a *a) { a.Looks = 101 }),
		refuse("counts its looks once", "looks_contradict", "/analysis/looks", func(a *a) { a.Looks, a.LookAt = 3, []float64{0.5, 1} }),
		refuse("has classic boundaries at equal looks only", "looks_contradict", "/analysis/look_at", func(a *a) { a.Spending, a.LookAt = experiment.ClassicPocock, []float64{0.5, 1} }),
		refuse("looks later each time", "looks_not_increasing", "/analysis/look_at/1", func(a *a) { a.LookAt = []float64{0.5, 0.5, 1} }),
		refuse("looks within the plan", "looks_not_increasing", "/analysis/look_at/0", func(a *a) { a.LookAt = []float64{math.NaN(), 1} }),
		refuse("looks at the end", "last_look_missing", "/analysis/look_at/1", func(a *a) { a.LookAt = []float64{0.5, 0.9} }),
		refuse("corrects by a known rule", "unknown_correction", "/analysis/correction", func(a *a) { a.Correction = "sidak" }),
		refuse("corrects a known family", "unknown_scope", "/analysis/scope", func(a *a) { a.Scope = "some" }),
		refuse("corrects e-values only where there are some", "no_e_values", "/analysis/correction", func(a *a) { a.Correction = experiment.EBH }),
		refuse("mixes only in a mixture test", "no_mixture", "/analysis/mixture", func(a *a) { a.Mixture = experiment.Amount{By: experiment.Relative, Value: 0.02} }),
		refuse("says what a mixture test looks for", "mixture_missing", "/analysis/mixture", func(a *a) { a.Method = experiment.MixtureSPRT }),
		refuse("looks for effects without a sign", "amount_out_of_range", "/analysis/mixture/value", func(a *a) {
			a.Method, a.Mixture = experiment.MixtureSPRT, experiment.Amount{By: experiment.Absolute, Value: -1}
		}),
		refuse("has no looks in a mixture test", "no_looks", "/analysis/spending", func(a *a) {
			a.Method, a.Looks, a.Mixture = experiment.MixtureSPRT, 5, experiment.Amount{By: experiment.Relative, Value: 0.02}
		}),
		{
			Name: "corrects e-values of an open-ended plan", When: create(analysed(func(a *a) { a.Correction = experiment.EBH })),
			Then: events{created(analysed(func(a *a) { a.Correction = experiment.EBH }))},
		},
		refuse("switches CUPED on or off", "unknown_switch", "/analysis/cuped", func(a *a) { a.CUPED = "maybe" }),
		refuse("looks at few segments", "too_many_segments", "/analysis/segments", func(a *a) { a.Segments = slices.Repeat([]string{"x"}, 11) }),
		refuse("names a segment once", "duplicate_segment", "/analysis/segments/1", func(a *a) { a.Segments = []string{"country", "country"} }),
		refuse("names a segment", "missing", "/analysis/segments/0", func(a *a) { a.Segments = []string{" "} }),
		refuse("runs at most 400 days before it may conclude", "runtime_out_of_range", "/analysis/min_runtime_seconds", func(a *a) { a.MinRuntimeSeconds = new(int64(-1)) }),
		refuse("has margins for guardrails", "not_a_guardrail", "/analysis/margins/0/metric", func(a *a) { a.Margins = []experiment.Margin{{Metric: "revenue"}} }),
		refuse("has one margin for each", "duplicate_margin", "/analysis/margins/1/metric", func(a *a) {
			m := experiment.Margin{Metric: "errors", Amount: experiment.Amount{By: experiment.Relative, Value: 0.01}}
			a.Margins = []experiment.Margin{m, m}
		}),
		refuse("has margins by something", "unknown_amount", "/analysis/margins/0/by", func(a *a) { a.Margins = []experiment.Margin{{Metric: "errors"}} }),
		refuse("has margins without a sign", "amount_out_of_range", "/analysis/margins/0/value", func(a *a) {
			a.Margins = []experiment.Margin{{Metric: "errors", Amount: experiment.Amount{By: experiment.Relative, Value: -0.01}}}
		}),
		refuse("has a target above nothing", "amount_out_of_range", "/analysis/target/value", func(a *a) { a.Target.By = experiment.Relative }),
		refuse("has a prior that is one", "prior_out_of_range", "/analysis/bayesian", func(a *a) { a.Bayesian = &experiment.Bayesian{A: 1} }),
		refuse("has a prior that says how sure it is", "prior_out_of_range", "/analysis/bayesian/relative_mean", func(a *a) { a.Bayesian = &experiment.Bayesian{RelativeMean: 0.1} }),
	})
}

// What the issue calls the default: group sequential with a planned end, always valid without one.
func TestStartingFillsInTheAnalysis(t *testing.T) {
	noon := domaintest.Someone().At
	resolved := func(change func(*experiment.Plan)) experiment.Analysis {
		p := plan()
		change(&p)
		return p.Resolved(noon)
	}
	open := resolved(func(*experiment.Plan) {})
	if open.Method != experiment.ConfidenceSequence || open.Alpha != 0.05 || open.Correction != experiment.Holm || open.Scope != experiment.ScopePrimary || *open.MinRuntimeSeconds != 7*86_400 {
		t.Errorf("%+v", open)
	}
	for days, looks := range map[int]int{2: 5, 14: 14, 90: 30} {
		a := resolved(ending(noon.AddDate(0, 0, days)))
		if a.Method != experiment.GroupSequential || a.Spending != experiment.SpendOBrienFleming || a.Looks != looks || len(a.Schedule()) != looks || a.Schedule()[looks-1] != 1 {
			t.Errorf("%d days: %+v", days, a)
		}
	}
	if a := resolved(ending(noon.AddDate(0, 0, 2))); *a.MinRuntimeSeconds != 2*86_400 {
		t.Errorf("a plan of two days concludes after %d seconds", *a.MinRuntimeSeconds)
	}
	if a := resolved(analysed(func(a *experiment.Analysis) { a.PlannedUnits = 1000 })); a.Method != experiment.GroupSequential {
		t.Errorf("%+v", a)
	}
	looking := experiment.Amount{By: experiment.Relative, Value: 0.02}
	mixture := resolved(func(p *experiment.Plan) {
		ending(noon.AddDate(0, 0, 14))(p)
		p.Analysis.Method, p.Analysis.Target = experiment.MixtureSPRT, looking
	})
	if mixture.Mixture != looking || mixture.Schedule() != nil || mixture.Spending != "" || !mixture.Method.AlwaysValid() {
		t.Errorf("a mixture test looks for its target: %+v", mixture)
	}
	fixed := resolved(func(p *experiment.Plan) { ending(noon.AddDate(0, 0, 14))(p); p.Analysis.Method = experiment.Fixed })
	if fixed.Method != experiment.Fixed || fixed.Schedule() != nil {
		t.Errorf("%+v", fixed)
	}
}

func TestTheAnalysisIsFrozen(t *testing.T) {
	because := domaintest.Because("We would like another result.")
	end := ending(domaintest.Someone().At.Add(time.Hour))
	begun := func(changes ...func(*experiment.Plan)) events {
		p := plan(changes...)
		p.Analysis = p.Resolved(domaintest.Someone().At)
		return events{created(changes...), experiment.Started{Plan: p, Salt: salt, Algorithm: domain.BucketingV1}}
	}
	again := func(changes ...func(*experiment.Plan)) experiment.Command {
		p := plan(end)
		p.Analysis = p.Resolved(domaintest.Someone().At)
		for _, change := range changes {
			change(&p)
		}
		return experiment.Change{Plan: p}
	}
	refused := func(name string, change func(*experiment.Analysis)) spec {
		return spec{Name: name, Given: begun(end), When: again(analysed(change)), By: because, Refused: "analysis_is_frozen", Kind: domain.KindState}
	}
	shown := analysed(func(a *experiment.Analysis) { a.Segments, a.Bayesian = []string{"country"}, &experiment.Bayesian{} })
	amended := plan(end)
	amended.Analysis = amended.Resolved(domaintest.Someone().At)
	amended.Analysis.Segments, amended.Analysis.Bayesian = []string{"country"}, &experiment.Bayesian{A: 1, B: 1}
	domaintest.Run(t, experiment.Aggregate, []spec{
		{Name: "the same again records nothing", Given: begun(end), When: again()},
		{Name: "alpha stays", Given: begun(end), When: again(analysed(func(a *experiment.Analysis) { a.Alpha = 0.2 })), By: because, Refused: "analysis_is_frozen", Kind: domain.KindState},
		refused("the method stays", func(a *experiment.Analysis) { a.Method = experiment.Fixed; a.Spending, a.Looks = "", 0 }),
		refused("the looks stay", func(a *experiment.Analysis) { a.Looks = 9 }),
		refused("the target stays", func(a *experiment.Analysis) { a.Target = experiment.Amount{By: experiment.Relative, Value: 0.1} }),
		refused("CUPED stays", func(a *experiment.Analysis) { a.CUPED = experiment.Off }),
		{Name: "what is only shown may be amended", Given: begun(end), When: again(shown), By: because, Then: events{experiment.PlanAmended{Plan: amended}}},
		{Name: "with a reason", Given: begun(end), When: again(shown), Refused: "reason_required", Pointer: "/reason"},
		{Name: "and no more than shown", Given: begun(end), When: again(shown, analysed(func(a *experiment.Analysis) { a.Alpha = 0.2 })), By: because, Refused: "analysis_is_frozen"},
		{Name: "left out, it stays", Given: begun(end), When: experiment.Change{Plan: plan(end)}},
		{Name: "looks need their end", Given: begun(end), When: again(ending(time.Time{})), By: because, Refused: "no_horizon", Pointer: "/analysis/method"},
		{Name: "what started without one gets none", Given: running(), When: experiment.Change{Plan: plan(openEnded)}, By: because, Refused: "analysis_is_frozen"},
	})
}

func TestTakingReadings(t *testing.T) {
	noon := domaintest.Someone().At
	begun := func(change func(*experiment.Plan)) events { return append(draft(), started(change)) }
	sequential := begun(func(p *experiment.Plan) {
		ending(noon.AddDate(0, 0, 10))(p)
		p.Analysis = experiment.Analysis{Method: experiment.GroupSequential, Alpha: 0.05, Spending: experiment.SpendOBrienFleming, Looks: 5}
	})
	reading := func(planned int, position uint64, fraction float64, units int64) experiment.Reading {
		return experiment.Reading{
			Planned: planned, Position: position, At: noon, Fraction: fraction, AnalysisVersion: "2", Units: []int64{units, units}, Verdict: "not_enough_data", Hash: "00",
			Final: fraction == 1,
		}
	}
	take := func(r experiment.Reading) experiment.Command { return experiment.TakeReading{Reading: r} }
	taken := func(look int, r experiment.Reading) experiment.Event {
		r.Look, r.Method = look, experiment.GroupSequential
		return experiment.ReadingTaken{Reading: r}
	}
	first, last := taken(1, reading(1, 10, 0.2, 100)), taken(2, reading(5, 20, 1, 200))
	domaintest.Run(t, experiment.Aggregate, []spec{
		{Name: "the first", Given: sequential, When: take(reading(1, 10, 0.2, 100)), Then: events{first}},
		{Name: "the same planned look again records nothing", Given: append(slices.Clone(sequential), first), When: take(reading(1, 11, 0.2, 101))},
		{Name: "the same position again records nothing", Given: append(slices.Clone(sequential), first), When: take(reading(0, 10, 0.3, 100))},
		{Name: "no more units, no more information", Given: append(slices.Clone(sequential), first), When: take(reading(0, 12, 0.3, 100))},
		{Name: "one in between", Given: append(slices.Clone(sequential), first), When: take(reading(0, 12, 0.3, 120)), Then: events{taken(2, reading(0, 12, 0.3, 120))}},
		{Name: "after the last there is none", Given: append(slices.Clone(sequential), first, last), When: take(reading(0, 30, 1, 300)), Refused: "last_look_taken", Kind: domain.KindState},
		{Name: "another node's last one records nothing", Given: append(slices.Clone(sequential), first, last), When: take(reading(5, 21, 1, 300))},
		{Name: "after it stopped", Given: append(slices.Clone(sequential), experiment.Stopped{}), When: take(reading(1, 10, 0.2, 100)), Then: events{first}},
		{Name: "not of a draft", Given: draft(), When: take(reading(1, 10, 0.2, 100)), Refused: "not_running", Kind: domain.KindState},
		{Name: "not once it is decided", Given: decided(), When: take(reading(1, 10, 0.2, 100)), Refused: "decided", Kind: domain.KindState},
		{Name: "not without what was looked at", Given: sequential, When: take(reading(1, 0, 0.2, 100)), Refused: "incomplete_reading", Kind: domain.KindInvalid},
		{Name: "not beyond the plan", Given: sequential, When: take(reading(1, 10, 1.1, 100)), Refused: "incomplete_reading"},
		{Name: "of something that does not exist", When: take(reading(1, 10, 0.2, 100)), Refused: "not_found"},
		{
			Name: "classic boundaries hold at planned looks only", Given: append(begun(func(p *experiment.Plan) {
				p.Analysis = experiment.Analysis{Method: experiment.GroupSequential, Spending: experiment.ClassicPocock, Looks: 5, PlannedUnits: 1000}
			}), first), When: take(reading(0, 12, 0.3, 120)), Refused: "unplanned_look", Kind: domain.KindState,
		},
	})
}
