package main

import (
	"errors"
	"math"
	"math/rand/v2"

	"github.com/assayhq/assay/stats"
)

// looks is how often a running experiment is looked at: every day for a month.
const looks = 30

// metric is a world that is watched while it runs. Both arms have the same number of units each day.
type metric struct {
	name, world string
	part        float64
	daily       float64 // units of an arm
	// effect is the true difference of the world with an effect, and what the mixture is tuned to; baseline is the control's mean.
	effect, baseline float64
	// run gives the comparison at each look, with the effect or without.
	run func(r *rand.Rand, effect float64) ([]stats.Effect, error)
}

// watched is the study of a metric under all rules, once without an effect and once with one.
func (m metric) watched(table func() ([]groupRule, error)) []study {
	one := func(name, world string, effect float64) study {
		return study{name: m.name + name, world: m.world + world, part: m.part, run: func(r *rand.Rand, t *tally) error {
			rules, err := table()
			if err != nil {
				return err
			}
			effects, err := m.run(r, effect)
			if err != nil {
				return err
			}
			t.fixed("one look at the planned end", effects[looks-1], effect, m.baseline)
			return m.peek(t, rules, effects, effect)
		}}
	}
	return []study{
		one(", A/A", " Both arms are the same; looked at on 30 days.", 0),
		one(", with an effect", " The treatment has a true effect; looked at on 30 days.", m.effect),
	}
}

// groupRule is a group-sequential design with the rule of each look.
type groupRule struct {
	name  string
	rules [looks]stats.Rule
}

func ruleTable() ([]groupRule, error) {
	var out []groupRule
	for _, spending := range []stats.Spending{
		{Kind: stats.OBrienFlemingSpending}, {Kind: stats.PocockSpending}, {Kind: stats.PowerSpending, Parameter: 2}, {Kind: stats.HwangSpending, Parameter: -4},
	} {
		rule := groupRule{name: "group-sequential, " + spending.Name()}
		information := make([]float64, 0, looks)
		for k := range looks {
			information = append(information, float64(k+1)/looks)
			look, err := stats.GroupSequentialPlan{Spending: spending, Alpha: alpha}.Look(information, false)
			if err != nil {
				return nil, err
			}
			if rule.rules[k], err = look.Rule(); err != nil {
				return nil, err
			}
		}
		out = append(out, rule)
	}
	return out, nil
}

// ruleAt is the rule of a look (from 0) for its effect.
type ruleAt func(k int, e stats.Effect) (stats.Rule, error)

// peek applies every rule at every look.
func (m metric) peek(t *tally, groups []groupRule, effects []stats.Effect, truth float64) error {
	fixed, err := stats.FixedHorizon(alpha)
	if err != nil {
		return err
	}
	rho, err := stats.TunedRho(2*m.daily*looks, alpha)
	if err != nil {
		return err
	}
	if err := t.watch("fixed horizon at every look", nothing, effects, truth, func(int, stats.Effect) (stats.Rule, error) { return fixed, nil }); err != nil {
		return err
	}
	for _, g := range groups {
		if err := t.watch(g.name, about, effects, truth, func(k int, _ stats.Effect) (stats.Rule, error) { return g.rules[k], nil }); err != nil {
			return err
		}
	}
	sequence := func(k int, _ stats.Effect) (stats.Rule, error) {
		return stats.ConfidenceSequence(2*m.daily*float64(k+1), rho, alpha)
	}
	mixture := func(_ int, e stats.Effect) (stats.Rule, error) {
		return stats.Mixture(e.SE*e.SE, m.effect*m.effect, alpha)
	}
	return errors.Join(
		t.watch("asymptotic confidence sequence", atMost, effects, truth, sequence),
		t.watch("mixture sequential test", atMost, effects, truth, mixture),
		m.guardrail(t, effects, truth),
	)
}

// watch notes whether a rule was ever wrong over all looks, and what it found when there is something to find.
func (t *tally) watch(name string, p promise, effects []stats.Effect, truth float64, rule ruleAt) error {
	found, out, stopped := false, false, looks
	for k, e := range effects {
		r, err := rule(k, e)
		if err != nil {
			return err
		}
		judged, err := e.Under(r)
		if err != nil {
			return err
		}
		if judged.P < alpha && !found {
			found, stopped = true, k+1
		}
		out = out || misses(judged.Low, judged.High, truth)
	}
	if truth == 0 {
		t.errorIf(name, everwrong, p, found)
	} else {
		t.note(name, "power, 30 looks", nothing, 0, indicator(found))
		t.note(name, "mean share of the sample used", nothing, 0, float64(stopped)/looks)
	}
	t.errorIf(name, everout, p, out)
	return nil
}

// guardrail watches for harm on one side, when the truth is no harm.
func (m metric) guardrail(t *tally, effects []stats.Effect, truth float64) error {
	rho, err := stats.TunedRho(2*m.daily*looks, 2*alpha)
	if err != nil {
		return err
	}
	alarm, out := false, false
	for k, e := range effects {
		rule, err := stats.ConfidenceSequenceOneSided(2*m.daily*float64(k+1), rho, alpha)
		if err != nil {
			return err
		}
		alarm = alarm || rule.P(-e.Statistic) < alpha
		out = out || truth > e.Difference+rule.Critical*e.SE
	}
	if truth == 0 {
		t.errorIf("guardrail, one-sided confidence sequence", everwrong, atMost, alarm)
	}
	t.errorIf("guardrail, one-sided confidence sequence", "bounds beyond the truth, at any of 30 looks", atMost, out)
	return nil
}

func metrics() []metric {
	return []metric{
		{
			name: "Binary metric", world: "5 % of 600 units a day and arm convert.", part: 1, daily: 600, effect: 0.006, baseline: 0.05,
			run: func(r *rand.Rand, effect float64) ([]stats.Effect, error) {
				var a, b stats.Proportion
				return daily(func() (stats.Effect, error) {
					a = a.Merge(stats.Proportion{N: 600, X: int64(binomial(r, 600, 0.05))})
					b = b.Merge(stats.Proportion{N: 600, X: int64(binomial(r, 600, 0.05+effect))})
					e, _, err := stats.TwoProportions(a, b, alpha)
					return e, err
				})
			},
		},
		{
			name: "Heavy-tailed metric", part: 0.6, daily: 2_000, effect: 0.0135, baseline: 0.05 * math.Exp(0.5),
			world: "Revenue: 5 % of 2,000 units a day and arm buy, for a lognormal amount (sigma 1), so a unit's standard deviation is 7 times its mean.",
			run: func(r *rand.Rand, effect float64) ([]stats.Effect, error) {
				var a, b stats.Moments
				return daily(func() (stats.Effect, error) {
					a = a.Merge(revenue(r, 2_000, 1))
					b = b.Merge(revenue(r, 2_000, 1+effect/(0.05*math.Exp(0.5))))
					return stats.Welch(a, b, alpha)
				})
			},
		},
		{
			name: "Ratio metric", part: 0.2, daily: 100, effect: 0.012, baseline: 0.2,
			world: "Clicks per view: 100 units a day and arm with 1 + Poisson(3) views each, clicked with a chance of the unit's own, Beta(2, 8).",
			run: func(r *rand.Rand, effect float64) ([]stats.Effect, error) {
				a, b := stats.NewCoSums(2), stats.NewCoSums(2)
				return daily(func() (stats.Effect, error) {
					if err := clicks(r, a, 100, 0.2); err != nil {
						return stats.Effect{}, err
					}
					if err := clicks(r, b, 100, 0.2+effect); err != nil {
						return stats.Effect{}, err
					}
					ra, err := a.Ratio(0, 1)
					if err != nil {
						return stats.Effect{}, err
					}
					rb, err := b.Ratio(0, 1)
					if err != nil {
						return stats.Effect{}, err
					}
					return stats.CompareRatios(ra, rb, twoSided())
				})
			},
		},
	}
}

func daily(day func() (stats.Effect, error)) ([]stats.Effect, error) {
	out := make([]stats.Effect, looks)
	for k := range out {
		e, err := day()
		if err != nil {
			return nil, err
		}
		out[k] = e
	}
	return out, nil
}

// revenue is a day of an arm: mostly nothing, some lognormal amounts.
func revenue(r *rand.Rand, units, factor float64) stats.Moments {
	buyers := int(binomial(r, units, 0.05))
	spent := stats.MomentsOf(values(r, buyers, func(r *rand.Rand) float64 { return factor * lognormal(r, 1) }))
	return spent.Merge(stats.Moments{N: int64(units) - int64(buyers)})
}

// clicks adds units whose own chance to click has the mean given.
func clicks(r *rand.Rand, into *stats.CoSums, units int, mean float64) error {
	for range units {
		views := 1 + poisson(r, 3)
		if err := into.Add(binomial(r, views, beta(r, 10*mean, 10*(1-mean))), views); err != nil {
			return err
		}
	}
	return nil
}
