package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/assayhq/assay/stats"
)

// severalStudies are of several arms at once, and of one side.
func severalStudies() []study {
	sides := sync.OnceValues(oneSidedRules)
	return []study{
		{
			name: "Bayesian, several arms under their own prior", part: 1, run: bestOfSeveral,
			world: "Four rates drawn from Beta(2, 18) with 300 units each; four means drawn from N(0, 1) and measured with standard errors from 0.5 to 2.",
		},
		{
			name: "Looks at a Brownian motion", part: 1, run: func(r *rand.Rand, t *tally) error { return brownian(r, t, sides) },
			world: "30 equal steps of a Z process without an effect: designs that are too many to be shown for every metric. One-sided rules look upwards.",
		},
		{
			name: "Power as designed", part: 1, run: designedPower,
			world: "Each design at the size it asks for, with the effect it is made for, at a power of 0.8.",
		},
		{
			name: "Sample ratio, other priors and periods", part: 0.2, run: sampleRatioPeriods,
			world: "Shares 60, 20 and 20 % for 15 days, then 40, 30 and 30 %; 300 units a day, as planned.",
		},
		{
			name: "Intervals after a correction", part: 1, run: correctedIntervals,
			world: "Ten estimates with correlation 0.3 and true effects from 0 to 3 standard errors; each interval at the level that its correction gives it.",
		},
		{
			name: "One-sided tests and readings", part: 1, run: readings,
			world: "40 and 60 units, normal, mean 10, standard deviations 2 and 3; the relative effect from 400 units an arm.",
		},
	}
}

const (
	chanceLess = "best, less its chance"
	lossLess   = "loss of the arm that leads, less what was expected"
)

// leading notes whether the arm that leads is the best as often as it says, and what it loses.
func (t *tally) leading(method string, truth, chances, losses []float64) {
	best, most := slices.Max(truth), slices.Max(chances)
	// two arms with the same data lead together, whatever rounding says: the first of them does
	lead := slices.IndexFunc(chances, func(p float64) bool { return p >= most*(1-1e-9) })
	t.note(method, "the arm that leads is "+chanceLess, about, 0, indicator(truth[lead] == best)-chances[lead])
	t.note(method, "control is "+chanceLess, about, 0, indicator(truth[0] == best)-chances[0])
	t.note(method, lossLess, about, 0, best-truth[lead]-losses[lead])
}

func bestOfSeveral(r *rand.Rand, t *tally) error {
	prior := stats.BetaPrior{Alpha: 2, Beta: 18}
	rates, arms := values(r, 4, func(r *rand.Rand) float64 { return beta(r, 2, 18) }), make([]stats.Proportion, 4)
	for i, p := range rates {
		arms[i] = rate(r, 300, p)
	}
	chances, err := stats.BestOfRates(arms, prior, false)
	if err != nil {
		return err
	}
	losses, err := stats.LossOfRates(arms, prior, false)
	if err != nil {
		return err
	}
	t.leading("best of four rates", rates, chances, losses)
	one, err := arms[1].CredibleRate(prior, alpha)
	if err != nil {
		return err
	}
	t.errorIf("credible interval of a rate", "credible intervals that miss the truth", about, misses(one.Low, one.High, rates[1]))
	return bestOfMeans(r, t)
}

func bestOfMeans(r *rand.Rand, t *tally) error {
	truth, means, sds := make([]float64, 4), make([]float64, 4), make([]float64, 4)
	for i := range truth {
		se := 0.5 * float64(i+1)
		truth[i] = r.NormFloat64()
		p, err := stats.GaussianPosterior(truth[i]+se*r.NormFloat64(), se, &stats.GaussianPrior{Variance: 1}, alpha)
		if err != nil {
			return err
		}
		means[i], sds[i] = p.Mean, p.SD
	}
	chances, err := stats.BestOfGaussians(means, sds, false)
	if err != nil {
		return err
	}
	losses, err := stats.LossOfGaussians(means, sds, false)
	if err != nil {
		return err
	}
	t.leading("best of four means", truth, chances, losses)
	return nil
}

// walked are rules that are judged on the Z process alone.
type walked struct {
	name    string
	promise promise
	rules   []stats.Rule // of each look; empty where there is none
}

// oneSidedRules are the one-sided designs, the classical ones, and one whose alpha is spent by time.
func oneSidedRules() ([]walked, error) {
	var out []walked
	information, times := make([]float64, looks), make([]float64, looks)
	for k := range looks {
		times[k] = float64(k+1) / looks
		information[k] = times[k]
	}
	for _, plan := range []struct {
		name string
		stats.GroupSequentialPlan
		bend float64 // of time against information
	}{
		{"group-sequential, Lan-DeMets O'Brien-Fleming, one-sided", stats.GroupSequentialPlan{Spending: stats.Spending{Kind: stats.OBrienFlemingSpending}, Alpha: alpha, OneSided: true}, 1},
		{"group-sequential, Lan-DeMets Pocock, one-sided", stats.GroupSequentialPlan{Spending: stats.Spending{Kind: stats.PocockSpending}, Alpha: alpha, OneSided: true}, 1},
		{"group-sequential, alpha spent by time, units early", stats.GroupSequentialPlan{Spending: stats.Spending{Kind: stats.OBrienFlemingSpending}, Alpha: alpha}, 1.6},
	} {
		bent := make([]float64, looks)
		for k, t := range times {
			bent[k] = math.Pow(t, plan.bend)
		}
		design := walked{name: plan.name, promise: about}
		for k := range looks {
			look, err := plan.LookInTime(information[:k+1], bent[:k+1], k+1 == looks)
			if err != nil {
				return nil, err
			}
			rule, err := look.Rule()
			if err != nil {
				return nil, err
			}
			design.rules = append(design.rules, rule)
		}
		out = append(out, design)
	}
	return classicalRules(out)
}

// classicalRules adds the designs for equally spaced looks, and what holds for ever.
func classicalRules(out []walked) ([]walked, error) {
	for _, c := range []struct {
		name string
		rise float64
	}{{"classical O'Brien-Fleming", -0.5}, {"classical Pocock", 0}} {
		var rules []stats.Rule
		boundary, _, err := stats.ClassicalBoundary(c.rise, looks, alpha)
		if err != nil {
			return nil, err
		}
		for _, bound := range boundary.Bounds[:looks-1] {
			rules = append(rules, stats.Rule{Critical: bound})
		}
		last, err := stats.ClassicalLook{Rise: c.rise, Look: looks, Looks: looks}.RuleAt(alpha)
		if err != nil {
			return nil, err
		}
		out = append(out, walked{name: c.name, promise: about, rules: append(rules, last)})
	}
	spending, err := stats.SpendingBoundary(stats.Spending{Kind: stats.PowerSpending, Parameter: 3}, equal(looks), alpha, false)
	if err != nil {
		return nil, err
	}
	design := walked{name: "spending boundary, power spending with exponent 3", promise: about}
	mixture := walked{name: "normal-mixture bound", promise: atMost}
	for k, bound := range spending.Bounds {
		v := float64(k + 1)
		_, u, err := stats.NormalMixtureBound(v, looks/2, alpha)
		if err != nil {
			return nil, err
		}
		design.rules = append(design.rules, stats.Rule{Critical: bound})
		mixture.rules = append(mixture.rules, stats.Rule{Critical: u / math.Sqrt(v)})
	}
	return append(out, design, mixture), nil
}

func equal(n int) []float64 {
	out := make([]float64, n)
	for k := range out {
		out[k] = float64(k+1) / float64(n)
	}
	return out
}

func brownian(r *rand.Rand, t *tally, rules func() ([]walked, error)) error {
	all, err := rules()
	if err != nil {
		return err
	}
	z, at := make([]float64, looks), 0.0
	for k := range z {
		at += r.NormFloat64()
		z[k] = at / math.Sqrt(float64(k+1))
	}
	for _, w := range all {
		t.errorIf(w.name, everwrong, w.promise, slices.ContainsFunc(indices(w.rules), func(k int) bool {
			if w.rules[k].OneSided {
				return z[k] > w.rules[k].Critical
			}
			return math.Abs(z[k]) > w.rules[k].Critical
		}))
	}
	once, err := stats.FixedHorizonOneSided(alpha)
	t.errorIf("fixed horizon, one-sided, one look", rejected, about, once.P(z[looks-1]) < alpha)
	return err
}

func indices(rules []stats.Rule) []int {
	out := make([]int, len(rules))
	for i := range out {
		out[i] = i
	}
	return out
}
