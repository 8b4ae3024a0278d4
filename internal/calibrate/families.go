package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/assayhq/assay/stats"
)

func familyStudies() []study {
	return []study{
		{
			name: "Many comparisons", part: 1, run: families,
			world: "Ten comparisons with correlation 0.3. First all without an effect, then five with a z of 3; e-values of the mixture test.",
		},
		{name: "Segments and days", world: "Eight segments or ten days with the same effect and standard errors from 0.5 to 2.", part: 1, run: segments},
		{name: "Sample ratio", world: "Shares 60, 20 and 20 %, 300 units a day, as planned.", part: 0.2, run: sampleRatio},
		{name: "A/A uniformity", world: "60 p values of comparisons without an effect.", part: 0.5, run: uniformity},
	}
}

// correlated are normal statistics with pairwise correlation 0.3 around the means.
func correlated(r *rand.Rand, means []float64) []float64 {
	shared, out := r.NormFloat64(), make([]float64, len(means))
	for i, mean := range means {
		out[i] = mean + math.Sqrt(0.3)*shared + math.Sqrt(0.7)*r.NormFloat64()
	}
	return out
}

func families(r *rand.Rand, t *tally) error {
	mixture, err := stats.Mixture(1, 9, alpha)
	if err != nil {
		return err
	}
	if err := family(r, t, mixture, make([]float64, 10), ", no effect anywhere"); err != nil {
		return err
	}
	return family(r, t, mixture, []float64{3, 3, 3, 3, 3, 0, 0, 0, 0, 0}, ", five true effects")
}

func family(r *rand.Rand, t *tally, mixture stats.Rule, effects []float64, world string) error {
	z := correlated(r, effects)
	p, lnE := make([]float64, len(z)), make([]float64, len(z))
	for i, v := range z {
		p[i], _ = stats.TwoSidedZ(v)
		lnE[i], _ = mixture.LnE(v)
	}
	for _, c := range []stats.Correction{stats.Bonferroni, stats.Holm, stats.Hochberg, stats.Hommel} {
		adjusted, err := stats.Adjust(c, p)
		if err != nil {
			return err
		}
		_, wrong := alarms(adjusted, effects)
		t.errorIf(string(c), "any false positive in the family"+world, atMost, wrong > 0)
	}
	for _, c := range []stats.Correction{stats.BenjaminiHochberg, stats.BenjaminiYekutieli} {
		adjusted, err := stats.Adjust(c, p)
		if err != nil {
			return err
		}
		share, _ := alarms(adjusted, effects)
		t.note(string(c), "share of false positives among the positives"+world, atMost, alpha, share)
	}
	adjusted, err := stats.EBH(lnE)
	if err != nil {
		return err
	}
	share, _ := alarms(adjusted, effects)
	t.note("e-BH", "share of false positives among the positives"+world, atMost, alpha, share)
	return nil
}

func alarms(adjusted, effects []float64) (share float64, wrong int) {
	all := 0
	for i, p := range adjusted {
		if p < alpha {
			all++
			if effects[i] == 0 {
				wrong++
			}
		}
	}
	return float64(wrong) / math.Max(1, float64(all)), wrong
}

func segments(r *rand.Rand, t *tally) error {
	draw := func(n int) (at, effects, ses []float64) {
		for i := range n {
			se := 0.5 + 1.5*float64(i%4)/3
			at, effects, ses = append(at, float64(i+1)), append(effects, 1+se*r.NormFloat64()), append(ses, se)
		}
		return at, effects, ses
	}
	_, effects, ses := draw(8)
	h, err := stats.Heterogeneous(effects, ses)
	if err != nil {
		return err
	}
	t.errorIf("Cochran's Q", rejected, about, h.P < alpha)
	t.errorIf("fixed-effect estimate", missed, about, math.Abs(h.Pooled-1) > 1.959963984540054*h.PooledSE)
	contrasts, err := stats.SegmentsAgainstRest(effects, ses)
	if err != nil {
		return err
	}
	wrong := false
	for _, c := range contrasts {
		wrong = wrong || c.Holm < alpha
	}
	t.errorIf("segment against the rest, Holm", "any false positive in the family", atMost, wrong)
	at, effects, ses := draw(10)
	trend, err := stats.Novelty(at, effects, ses, 7, alpha)
	t.errorIf("novelty", rejected, atMost, trend.Changing)
	t.errorIf("novelty, slope alone", rejected, about, trend.SlopeP < alpha)
	return err
}

func sampleRatio(r *rand.Rand, t *tally) error {
	shares := []float64{0.6, 0.2, 0.2}
	total, table, wrong := []int64{0, 0, 0}, [][]int64{}, false
	var days []stats.SRMPart
	for range looks {
		first := int64(binomial(r, 300, 0.6))
		second := int64(binomial(r, float64(300-first), 0.5))
		day := []int64{first, second, 300 - first - second}
		for i := range total {
			total[i] += day[i]
		}
		table = append(table, append([]int64{}, total...))
		days = append(days, stats.SRMPart{Observed: day, Shares: shares})
		test, err := stats.SampleShares(total, shares)
		if err != nil {
			return err
		}
		wrong = wrong || test.P < alpha
	}
	test, err := stats.SampleShares(total, shares)
	if err != nil {
		return err
	}
	t.errorIf("chi-square, one look", rejected, about, test.P < alpha)
	t.errorIf("chi-square at every look", everwrong, nothing, wrong)
	for _, c := range []float64{100, stats.SRMConcentration} {
		s, err := stats.SampleRatioSequence(table, shares, c)
		if err != nil {
			return err
		}
		name := map[float64]string{100: "sequential, concentration 100", stats.SRMConcentration: "sequential, concentration 10,000"}[c]
		t.errorIf(name, everwrong, atMost, s.P[looks-1] < alpha)
	}
	parts, err := stats.SampleRatioByPart(days)
	if err != nil {
		return err
	}
	t.errorIf("stratified by day", rejected, about, parts.P < alpha)
	wrong = false
	for _, p := range parts.Holm {
		wrong = wrong || p < alpha
	}
	t.errorIf("each day, Holm", "any false positive in the family", about, wrong)
	return nil
}

func uniformity(r *rand.Rand, t *tally) error {
	u, err := stats.Uniform(values(r, 60, func(r *rand.Rand) float64 { return r.Float64() }))
	t.errorIf("Kolmogorov-Smirnov, exact", rejected, about, u.P < alpha)
	return err
}

func studies() []study {
	var out []study
	table := sync.OnceValues(ruleTable)
	for _, m := range metrics() {
		out = append(out, m.watched(table)...)
	}
	// New studies go last: the random numbers of a study depend on its place.
	return slices.Concat(out, rateStudies(), meanStudies(), familyStudies(), adjustedStudies(), severalStudies(), chosenStudies(), banditStudies())
}
