package experiment_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/experiment"
)

func TestChangingADraft(t *testing.T) {
	change := func(name string, changes ...func(*experiment.Plan)) experiment.Command {
		return experiment.Change{Name: name, Plan: plan(changes...)}
	}
	passed := ending(domaintest.Someone().At.Add(-time.Hour))
	otherFlag := func(p *experiment.Plan) { p.Flag = "two-pages" }
	domaintest.Run(t, experiment.Aggregate, []spec{
		{Name: "everything of the plan may change, without a reason", Given: draft(), When: change("", otherFlag), Then: events{experiment.PlanChanged{Plan: plan(otherFlag)}}},
		{Name: "another name alone", Given: draft(), When: change("One page"), Then: events{experiment.Renamed{Name: "One page"}}},
		{
			Name: "name and plan", Given: draft(), When: change("One page", otherFlag),
			Then: events{experiment.Renamed{Name: "One page"}, experiment.PlanChanged{Plan: plan(otherFlag)}},
		},
		{Name: "the same again records nothing", Given: draft(), When: change("Checkout")},
		{Name: "the same with the defaults left out records nothing", Given: draft(), When: change("", func(p *experiment.Plan) { p.Unit, p.Total = "", 0 })},
		{Name: "a plan that cannot be run", Given: draft(), When: change("", guarding("purchases")), Refused: "duplicate_metric"},
		{Name: "an end that has passed", Given: draft(), When: change("", passed), Refused: "planned_end_has_passed"},
		{
			Name: "an end that passed since it was planned stays what it was", Given: events{created(passed)}, When: change("", passed, guarding("returns")),
			Then: events{experiment.PlanChanged{Plan: plan(passed, guarding("returns"))}},
		},
		{Name: "a name too long", Given: draft(), When: change(strings.Repeat("n", 201)), Refused: "too_long", Pointer: "/name"},
		{Name: "what does not exist", When: change("x"), Refused: "not_found", Kind: domain.KindNotFound},
	})
}

func TestAmendingAPlan(t *testing.T) {
	because := domaintest.Because("Support reports returns.")
	amend := func(changes ...func(*experiment.Plan)) experiment.Command {
		return experiment.Change{Plan: plan(changes...)}
	}
	amended := events{experiment.PlanAmended{Plan: plan(guarding("returns"))}}
	frozen := func(name string, change func(*experiment.Plan)) spec {
		return spec{Name: name, Given: running(), When: amend(change), By: because, Refused: "plan_is_frozen", Kind: domain.KindState}
	}
	domaintest.Run(t, experiment.Aggregate, []spec{
		{Name: "while it runs", Given: running(), When: amend(guarding("returns")), By: because, Then: amended},
		{Name: "after it stopped", Given: stopped(), When: amend(guarding("returns")), By: because, Then: amended},
		{Name: "not without a reason", Given: running(), When: amend(guarding("returns")), Refused: "reason_required", Pointer: "/reason"},
		{Name: "after it stopped not without a reason", Given: stopped(), When: amend(guarding("returns")), Refused: "reason_required"},
		{Name: "the same again records nothing and needs no reason", Given: running(), When: amend()},
		{Name: "another name needs no reason", Given: running(), When: experiment.Change{Name: "x", Plan: plan()}, Then: events{experiment.Renamed{Name: "x"}}},
		{Name: "an amendment is measured by the last one", Given: append(running(), amended...), When: amend(guarding("returns"))},
		frozen("the flag is frozen", func(p *experiment.Plan) { p.Flag = "other" }),
		frozen("the environment is frozen", func(p *experiment.Plan) { p.Environment = "staging" }),
		frozen("the unit is frozen", func(p *experiment.Plan) { p.Unit = "device" }),
		frozen("the weights are frozen", func(p *experiment.Plan) { p.Arms[0].Weight, p.Arms[1].Weight = 40_000, 60_000 }),
		frozen("the control is frozen", func(p *experiment.Plan) { p.Arms[0].Variant, p.Arms[1].Variant = "on", "off" }),
		frozen("the total is frozen", func(p *experiment.Plan) {
			p.Total, p.Arms[0].Weight, p.Arms[1].Weight = 2, 1, 1
		}),
		{Name: "a decided one stays as it is", Given: decided(), When: amend(guarding("returns")), By: because, Refused: "decided", Kind: domain.KindState},
	})
}

func TestReplayingAnExperimentEqualsLivingIt(t *testing.T) {
	var started, ended, read int
	conclude := experiment.Conclude{Decision: experiment.Decision{Outcome: experiment.Keep, Why: "Nothing that we looked at moved."}}
	starts := [][]experiment.Command{nil, {create()}, {create(), experiment.Start{}}, {create(), experiment.Start{}, conclude}} // chance alone decides few
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.SampledFrom(starts).Draw(t, "first")
		all := append(slices.Clone(first), rapid.SliceOfN(commands(), 5, 30).Draw(t, "commands")...)
		recorded, err := domaintest.Live(experiment.Aggregate, all, domaintest.Because("Because."))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range recorded {
			if _, is := e.(experiment.Started); is {
				started++
			}
			if _, is := e.(experiment.ReadingTaken); is {
				read++
			}
			if _, is := e.(experiment.DecisionRecorded); is {
				ended++
			}
		}
	})
	if started == 0 || ended == 0 || read == 0 {
		t.Errorf("%d experiments started, %d were read and %d decided: the commands drawn prove nothing", started, read, ended)
	}
}

// commands draws what makes sense, and what does not.
func commands() *rapid.Generator[experiment.Command] {
	metric := rapid.SampledFrom([]domain.MetricKey{"a", "b", "c", "", "D"})
	plans := rapid.Custom(func(t *rapid.T) experiment.Plan {
		p := plan(guarding(metric.Draw(t, "guardrail")))
		p.Secondary = rapid.SliceOfN(metric, 0, 2).Draw(t, "secondary")
		p.Flag = rapid.SampledFrom([]domain.FlagKey{"one-page", "two-pages"}).Draw(t, "flag")
		p.Hypothesis = rapid.SampledFrom([]string{"h", "<b> & \u2028", "\xff", ""}).Draw(t, "hypothesis")
		p.Total = rapid.SampledFrom([]domain.Weight{0, 100_000, 3}).Draw(t, "total")
		if rapid.Bool().Draw(t, "ends") {
			p.PlannedEnd = domaintest.Someone().At.Add(rapid.SampledFrom([]time.Duration{-1, 1, time.Hour, 1 << 62}).Draw(t, "end")).In(time.FixedZone("", -3600))
		}
		p.Analysis = experiment.Analysis{
			Method: rapid.SampledFrom([]experiment.Method{"", "", experiment.GroupSequential, experiment.MixtureSPRT, experiment.Fixed, "x"}).Draw(t, "method"),
			LookAt: rapid.SampledFrom([][]float64{nil, nil, {}, {0.5, 1}, {1, 0.5}}).Draw(t, "looks"), Segments: rapid.SampledFrom([][]string{nil, {}, {"country"}}).Draw(t, "segments"),
			Margins:  rapid.SampledFrom([][]experiment.Margin{nil, {}, {{Metric: "a", Amount: experiment.Amount{By: experiment.Relative, Value: 0.1}}}}).Draw(t, "margins"),
			Mixture:  rapid.SampledFrom([]experiment.Amount{{}, {By: experiment.Relative, Value: 0.1}}).Draw(t, "mixture"),
			Bandit:   rapid.SampledFrom([]*experiment.Bandit{nil, nil, {}, {Floor: 0.1}}).Draw(t, "bandit"),
			Bayesian: rapid.SampledFrom([]*experiment.Bayesian{nil, {}, {A: 1}}).Draw(t, "prior"),
		}
		return p
	})
	return rapid.Custom(func(t *rapid.T) experiment.Command {
		switch rapid.IntRange(0, 8).Draw(t, "command") {
		case 0, 1:
			return experiment.Create{Project: "shop", Key: "checkout", Plan: plans.Draw(t, "plan")}
		case 2:
			return experiment.Change{Name: rapid.SampledFrom([]string{"", "x", "\xff"}).Draw(t, "name"), Plan: plans.Draw(t, "plan")}
		case 3:
			return experiment.Start{}
		case 4:
			return experiment.Stop{}
		case 5:
			if rapid.Bool().Draw(t, "weights") {
				on := rapid.SampledFrom([]domain.Weight{0, 40_000, 60_000}).Draw(t, "on")
				return experiment.Reweigh{Arms: []experiment.Arm{{Variant: "off", Weight: 100_000 - on}, {Variant: "on", Weight: on}}}
			}
			return experiment.Conclude{Decision: experiment.Decision{
				Outcome: rapid.SampledFrom([]experiment.Outcome{experiment.Ship, experiment.Keep, ""}).Draw(t, "outcome"),
				Variant: rapid.SampledFrom([]domain.VariantKey{"", "on", "x"}).Draw(t, "variant"), Why: "Nothing that we looked at moved.",
			}}
		case 6, 7:
			units := rapid.Int64Range(0, 9).Draw(t, "units")
			return experiment.TakeReading{Reading: experiment.Reading{
				Planned: rapid.IntRange(0, 2).Draw(t, "planned"), Position: rapid.Uint64Range(0, 9).Draw(t, "position"), At: domaintest.Someone().At,
				Fraction: float64(rapid.IntRange(0, 4).Draw(t, "fraction")) / 4, Units: []int64{units, 1}, Hash: "00", Final: rapid.Bool().Draw(t, "final"),
			}}
		}
		return nil
	})
}
