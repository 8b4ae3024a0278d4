package main

import (
	"math/rand/v2"

	"github.com/assayhq/assay/stats"
)

func rateStudies() []study {
	return []study{
		{
			name: "Two rates, one look", part: 1, run: ratesLarge,
			world: "2,000 units in control at 10 %, 3,000 in the treatment at 12 %; and the same without an effect. Tests of whole numbers cannot hit 5 % exactly.",
		},
		{
			name: "Two rates, few conversions", part: 1, run: ratesSmall,
			world: "300 units an arm at 2 %: about six conversions. Wald's interval and the z test are shown because others use them here.",
		},
		{name: "One rate", world: "500 units at 3 %, a single look; and a look after each of 30 times 100 units for the always-valid interval.", part: 1, run: oneRate},
		{name: "Event rates", world: "About 80 events in control, 120 in the treatment with 1.5 times the exposure, at the same rate.", part: 1, run: eventRates},
		{name: "Survey score", world: "400 answers an arm: 50 % promoters, 30 % passives, 20 % detractors.", part: 1, run: surveys},
		{name: "Bayesian, under its own prior", world: "Rates drawn from Beta(2, 18) with 300 units an arm; effects drawn from N(0, 1) and measured with standard error 1.", part: 0.1, run: bayes},
	}
}

func rate(r *rand.Rand, n int64, p float64) stats.Proportion {
	return stats.Proportion{N: n, X: int64(binomial(r, float64(n), p))}
}

func ratesLarge(r *rand.Rand, t *tally) error {
	a := rate(r, 2_000, 0.1)
	for _, effect := range []float64{0, 0.02} {
		b := rate(r, 3_000, 0.1+effect)
		e, pooled, err := stats.TwoProportions(a, b, alpha)
		if err != nil {
			return err
		}
		suffix := map[bool]string{true: " with an effect", false: ""}[effect > 0]
		if effect == 0 {
			t.errorIf("pooled z", rejected, about, pooled.P < alpha)
			t.errorIf("unpooled z", rejected, about, e.P < alpha)
		}
		t.errorIf("unpooled z", missed+suffix, about, misses(e.Low, e.High, effect))
		t.errorIf("unpooled z, relative (Fieller)", missed+suffix, about, misses(e.Relative.Low, e.Relative.High, effect/0.1))
		intervals, err := stats.RateDifference(a, b, alpha)
		if err != nil {
			return err
		}
		t.errorIf("Newcombe", missed+suffix, about, misses(intervals.Newcombe.Low, intervals.Newcombe.High, effect))
		t.errorIf("Miettinen-Nurminen", missed+suffix, about, misses(intervals.MiettinenNurminen.Low, intervals.MiettinenNurminen.High, effect))
		t.errorIf("Agresti-Caffo", missed+suffix, about, misses(intervals.AgrestiCaffo.Low, intervals.AgrestiCaffo.High, effect))
	}
	if err := scored(t, a, rate(r, 3_000, 0.1)); err != nil {
		return err
	}
	// A treatment that is worse by exactly the margin must not pass more often than alpha.
	n, err := stats.NonInferiorRates(a, rate(r, 3_000, 0.08), 0.02)
	t.errorIf("non-inferiority, Farrington-Manning", "passes at the margin", about, n.P < alpha)
	return err
}

func ratesSmall(r *rand.Rand, t *tally) error {
	a, b := rate(r, 300, 0.02), rate(r, 300, 0.02)
	test, err := stats.Fisher(a, b)
	if err != nil {
		return err
	}
	t.errorIf("Fisher exact", rejected, atMost, test.TwoSided < alpha)
	t.errorIf("Fisher mid-p", rejected, atMost, test.MidP < alpha)
	intervals, err := stats.RateDifference(a, b, alpha)
	if err != nil {
		return err
	}
	t.errorIf("Newcombe", missed, atMost, misses(intervals.Newcombe.Low, intervals.Newcombe.High, 0))
	t.errorIf("Miettinen-Nurminen", missed, nothing, misses(intervals.MiettinenNurminen.Low, intervals.MiettinenNurminen.High, 0))
	t.errorIf("Agresti-Caffo", missed, atMost, misses(intervals.AgrestiCaffo.Low, intervals.AgrestiCaffo.High, 0))
	if err := scored(t, a, b); err != nil {
		return err
	}
	if pooled, err := stats.Pooled(a, b); err == nil {
		t.errorIf("pooled z", rejected, nothing, pooled.P < alpha)
	}
	return nil
}

// scored notes the score test of two equal rates, which is what small counts are judged by.
func scored(t *tally, a, b stats.Proportion) error {
	rule, err := stats.FixedHorizon(alpha)
	if err != nil {
		return err
	}
	e, err := stats.ScoreProportions(a, b, rule)
	if err != nil {
		return err
	}
	t.errorIf("score test", rejected, about, e.P < alpha)
	t.errorIf("score test", missed, about, misses(e.Low, e.High, 0))
	if f := e.Relative; f != nil {
		t.errorIf("score test, relative", missed, about, !f.Unbounded && misses(f.Low, f.High, 0))
	}
	return nil
}

func oneRate(r *rand.Rand, t *tally) error {
	const p = 0.03
	all, err := rate(r, 500, p).Intervals(alpha)
	if err != nil {
		return err
	}
	t.errorIf("Wilson", missed, about, misses(all.Wilson.Low, all.Wilson.High, p))
	t.errorIf("Agresti-Coull", missed, atMost, misses(all.AgrestiCoull.Low, all.AgrestiCoull.High, p))
	t.errorIf("Clopper-Pearson", missed, atMost, misses(all.ClopperPearson.Low, all.ClopperPearson.High, p))
	t.errorIf("Jeffreys", missed, nothing, misses(all.Jeffreys.Low, all.Jeffreys.High, p))
	t.errorIf("Wald", missed, nothing, misses(all.Wald.Low, all.Wald.High, p))
	out, seen := false, stats.Proportion{}
	for range looks {
		seen = seen.Merge(rate(r, 100, p))
		low, high, err := seen.RateSequence(1, 1, alpha)
		if err != nil {
			return err
		}
		out = out || misses(low, high, p)
	}
	t.errorIf("beta-binomial confidence sequence", everout, atMost, out)
	return nil
}

func eventRates(r *rand.Rand, t *tally) error {
	a, b := stats.Events{Count: int64(poisson(r, 80)), Exposure: 1}, stats.Events{Count: int64(poisson(r, 120)), Exposure: 1.5}
	e, err := stats.CompareEvents(a, b, alpha)
	if err != nil {
		return err
	}
	t.errorIf("Poisson, exact", rejected, atMost, e.TwoSided < alpha)
	t.errorIf("Poisson, mid-p", rejected, about, e.MidP < alpha)
	t.errorIf("Poisson, exact", missed, atMost, misses(e.Low, e.High, 1))
	return nil
}

func surveys(r *rand.Rand, t *tally) error {
	arm := func() stats.NPS {
		promoters := int64(binomial(r, 400, 0.5))
		passives := int64(binomial(r, float64(400-promoters), 0.6))
		return stats.NPS{Promoters: promoters, Passives: passives, Detractors: 400 - promoters - passives}
	}
	a, b := arm(), arm()
	e, err := stats.CompareNPS(a, b, twoSided())
	if err != nil {
		return err
	}
	t.errorIf("NPS", rejected, about, e.P < alpha)
	interval, err := a.Interval(alpha)
	t.errorIf("NPS, one arm", missed, about, misses(interval.Low, interval.High, 30))
	return err
}

func bayes(r *rand.Rand, t *tally) error {
	pa, pb := beta(r, 2, 18), beta(r, 2, 18)
	posterior, err := stats.BetaBinomial(rate(r, 300, pa), rate(r, 300, pb), stats.BetaPrior{Alpha: 2, Beta: 18}, alpha)
	if err != nil {
		return err
	}
	t.errorIf("beta-binomial", "credible intervals that miss the truth", about, misses(posterior.Control.Low, posterior.Control.High, pa))
	t.note("beta-binomial", "treatment better, less its chance", about, 0, indicator(pb > pa)-posterior.ChanceToWin)
	t.note("beta-binomial", "loss of shipping, less what was expected", about, 0, max(0, pa-pb)-posterior.LossTreatment)
	effect := r.NormFloat64()
	p, err := stats.GaussianPosterior(effect+r.NormFloat64(), 1, &stats.GaussianPrior{Variance: 1}, alpha)
	if err != nil {
		return err
	}
	t.errorIf("Gaussian", "credible intervals that miss the truth", about, misses(p.Low, p.High, effect))
	t.note("Gaussian", "treatment better, less its chance", about, 0, indicator(effect > 0)-p.ChanceToWin)
	t.note("Gaussian", "loss of shipping, less what was expected", about, 0, max(0, -effect)-p.RiskTreatment)
	return nil
}
