package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/assayhq/assay/stats"
)

// cells are the sums of every metric, arm and segment: a count, revenue with its sessions and its past, made of a few hundred units.
func cells(metrics, arms, segments int) [][][]*stats.CoSums {
	r := rand.New(rand.NewPCG(7, 8))
	out := make([][][]*stats.CoSums, segments)
	for s := range out {
		out[s] = make([][]*stats.CoSums, metrics)
		for m := range out[s] {
			for range arms {
				c := stats.NewCoSums(3)
				for range 200 {
					if err := c.Add(math.Round(r.ExpFloat64()*1e4)/100, float64(1+r.IntN(9)), math.Round(r.ExpFloat64()*1e4)/100); err != nil {
						panic(err)
					}
				}
				out[s][m] = append(out[s][m], c)
			}
		}
	}
	return out
}

// compareAll makes every comparison with the control from sums: Welch's, and for every second metric a ratio or an adjusted mean.
func compareAll(b *testing.B, all [][][]*stats.CoSums) {
	test := stats.Test{Alpha: 0.05}
	for _, segment := range all {
		for m, arms := range segment {
			for _, treatment := range arms[1:] {
				var err error
				switch m % 4 {
				case 0, 1:
					_, err = stats.WelchTest(arms[0].Moments(0), treatment.Moments(0), test)
				case 2:
					x, errX := arms[0].Ratio(0, 1)
					y, errY := treatment.Ratio(0, 1)
					if errX != nil || errY != nil {
						b.Fatal(errX, errY)
					}
					_, err = stats.CompareRatios(x, y, test)
				default:
					_, err = stats.CUPED(arms[0].Select(0, 2), treatment.Select(0, 2), test)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}

// gbstats 0.8.0 on a 2-core machine takes 38 ms for 10 metrics and 3 arms and 3.0 s for 40 metrics, 4 arms and 20 segments.
func BenchmarkTenMetricsThreeArms(b *testing.B) {
	all := cells(10, 3, 1)
	b.ReportAllocs()
	for b.Loop() {
		compareAll(b, all)
	}
}

func BenchmarkFortyMetricsFourArmsTwentySegments(b *testing.B) {
	all := cells(40, 4, 20)
	b.ReportAllocs()
	for b.Loop() {
		compareAll(b, all)
	}
}

// gbstats takes 2.3 ms for one conversion metric of two arms.
func BenchmarkComparison(b *testing.B) {
	all := cells(4, 2, 1)[0][0]
	control, treatment := all[0], all[1]
	p, q := stats.Proportion{N: 44_700, X: 8_502}, stats.Proportion{N: 45_489, X: 8_279}
	few, none := stats.Proportion{N: 300, X: 5}, stats.Proportion{N: 290}
	rule, err := stats.FixedHorizon(0.05)
	if err != nil {
		b.Fatal(err)
	}
	test := stats.Test{Alpha: 0.05}
	for name, compare := range map[string]func() error{
		"rates":                      func() error { _, _, err := stats.TwoProportions(p, q, 0.05); return err },
		"rates/score":                func() error { _, err := stats.ScoreProportions(p, q, rule); return err },
		"rates/difference intervals": func() error { _, err := stats.RateDifference(p, q, 0.05); return err },
		"rates/fisher":               func() error { _, err := stats.Fisher(p, q); return err },
		"welch from sums":            func() error { _, err := stats.WelchTest(control.Moments(0), treatment.Moments(0), test); return err },
		"ratio from sums": func() error {
			x, _ := control.Ratio(0, 1)
			y, _ := treatment.Ratio(0, 1)
			_, err := stats.CompareRatios(x, y, test)
			return err
		},
		"cuped from sums":           func() error { _, err := stats.CUPED(control.Select(0, 2), treatment.Select(0, 2), test); return err },
		"cuped with two covariates": func() error { _, err := stats.CUPED(control, treatment, test); return err },
		"events": func() error {
			_, err := stats.CompareEvents(stats.Events{Count: 100, Exposure: 1e4}, stats.Events{Count: 130, Exposure: 1e4}, 0.05)
			return err
		},
		"sample ratio": func() error { _, err := stats.SampleRatio([]int64{50_100, 49_900}, []int64{1, 1}); return err },
		"net promoter scores": func() error {
			_, err := stats.CompareNPS(stats.NPS{Promoters: 120, Passives: 60, Detractors: 40}, stats.NPS{Promoters: 150, Passives: 50, Detractors: 30}, test)
			return err
		},
		"beta-binomial": func() error { _, err := stats.BetaBinomial(p, q, stats.BetaPrior{Alpha: 1, Beta: 1}, 0.05); return err },
		"beta-binomial/few conversions": func() error {
			_, err := stats.BetaBinomial(few, none, stats.BetaPrior{Alpha: 1, Beta: 1}, 0.05)
			return err
		},
		"rates/score/few conversions": func() error { _, err := stats.ScoreProportions(few, none, rule); return err },
		"best of four rates (three comparisons)": func() error {
			_, err := stats.BestOfRates([]stats.Proportion{p, q, {N: 45_000, X: 8_400}, {N: 44_000, X: 8_300}}, stats.BetaPrior{Alpha: 1, Beta: 1}, false)
			return err
		},
		"best of four means (three comparisons)": func() error {
			_, err := stats.BestOfGaussians([]float64{0.1, 0.11, 0.105, 0.09}, []float64{0.005, 0.006, 0.005, 0.004}, false)
			return err
		},
		"non-inferiority of rates": func() error { _, err := stats.NonInferiorRates(p, q, 0.01); return err },
		"always-valid rate":        func() error { _, _, err := p.RateSequence(1, 1, 0.05); return err },
		"welch from moments (no sums)": func() error {
			_, err := stats.Welch(stats.MomentsFrom(1000, 3, 4), stats.MomentsFrom(1100, 3.1, 5), 0.05)
			return err
		},
		"rate interval (clopper-pearson)": func() error { _, err := p.ClopperPearson(0.05); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := compare(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
