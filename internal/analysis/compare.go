package analysis

import (
	"errors"
	"math"

	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/stats"
	"github.com/assayhq/assay/stats/special"
)

// pair is an arm against the control, at a fixed horizon and alpha, with what other rules need of it.
type pair struct {
	effect             stats.Effect
	control, treatment stats.Sample
	units              float64 // of both arms
	pooled             *stats.PooledZ
	isRate             bool
	rates              [2]stats.Proportion // of a rate
	exact              *stats.ExactP       // set when the counts are too small for large-sample tests
	primary            bool                // of the plan's primary metric
	adjusted           *AdjustedArm
	stratified         *StratifiedArm
	ranks              *stats.RankComparison // set when the plan compares by ranks
}

// compare makes a comparison by the method that the metric's kind and the counts ask for.
func (p *prepared) compare(control, treatment summary) (pair, error) {
	out := pair{units: float64(control.units + treatment.units), rates: [2]stats.Proportion{control.rate, treatment.rate}, isRate: p.isRate(), primary: p.primary}
	test := stats.Test{Alpha: p.level}
	var err error
	switch {
	case p.ranked:
		err = p.compareRanks(&out, control, treatment)
	case p.strata.of != nil:
		err = p.stratify(&out, control, treatment, test)
	default:
		err = p.compareAll(&out, control, treatment, test)
	}
	return out, err
}

// compareAll makes a comparison of all units, not divided into strata.
func (p *prepared) compareAll(out *pair, control, treatment summary, test stats.Test) error {
	var err error
	switch {
	case len(p.covariates) > 0:
		err = p.adjust(out, control, treatment, test)
	case p.isRate():
		err = p.compareRates(out, control, treatment)
	case p.d.Kind == metric.Rate:
		err = p.compareEvents(out, control, treatment, test)
	case p.denominator != nil:
		err = compareRatios(out, control, treatment, test)
	case p.d.Kind == metric.Quantile:
		err = p.compareQuantiles(out, control, treatment, test)
	default:
		a, b := control.sums.Moments(0), treatment.sums.Moments(0)
		if out.effect, err = stats.WelchTest(a, b, test); err == nil {
			err = out.from(a, b)
		}
		if p.d.Kind == metric.NPS {
			out.effect.Method = "Welch's t test of net promoter scores"
		}
	}
	return err
}

// from notes the two samples.
func (c *pair) from(control, treatment interface{ Sample() (stats.Sample, error) }) error {
	var first, second error
	c.control, first = control.Sample()
	c.treatment, second = treatment.Sample()
	return errors.Join(first, second)
}

func (p *prepared) compareRates(out *pair, control, treatment summary) error {
	a, b := control.rate, treatment.rate
	if p.mayBeExact && a.N > 0 && b.N > 0 && stats.Small(a, b) {
		exact, err := stats.Fisher(a, b)
		if err != nil {
			return err
		}
		out.exact = &exact
		out.effect.Method = "score test of two rates (Miettinen and Nurminen), because the counts are small"
		return out.from(a, b)
	}
	effect, pooled, err := stats.TwoProportions(a, b, p.level)
	if err != nil {
		return err
	}
	out.effect, out.pooled = effect, &pooled
	return out.from(a, b)
}

func compareRatios(out *pair, control, treatment summary, test stats.Test) error {
	a, err := control.sums.Ratio(0, 1)
	if err != nil {
		return err
	}
	b, err := treatment.sums.Ratio(0, 1)
	if err != nil {
		return err
	}
	out.control, out.treatment = a.Sample(), b.Sample()
	out.effect, err = stats.CompareRatios(a, b, test)
	return err
}

// fewEvents is the number of events in an arm below which the delta method's normal approximation is poor.
const fewEvents = 20

func (p *prepared) compareEvents(out *pair, control, treatment summary, test stats.Test) error {
	a, b := eventsOf(control), eventsOf(treatment)
	if p.mayBeExact && min(a.Count, b.Count) < fewEvents && a.Exposure > 0 && b.Exposure > 0 {
		exact, err := stats.CompareEvents(a, b, p.level)
		if err != nil {
			return err
		}
		out.exact = &exact.ExactP
		out.effect.Method = "exact conditional test of two Poisson rates (mid-p), because there are few events"
		out.control, out.treatment = poisson(a), poisson(b)
		return nil
	}
	err := compareRatios(out, control, treatment, test)
	out.effect.Method = "z test of event rates (delta method over units)"
	return err
}

func eventsOf(s summary) stats.Events {
	return stats.Events{Count: int64(s.sums.Sums(0).Sum()), Exposure: s.sums.Sums(1).Sum()}
}

// poisson is an event rate with its variance; half an event stands for none, so that the interval has a width.
func poisson(e stats.Events) stats.Sample {
	return stats.Sample{Mean: e.Rate(), Variance: math.Max(0.5, float64(e.Count)) / (e.Exposure * e.Exposure)}
}

// adjust compares means after removing what the covariates predict.
func (p *prepared) adjust(out *pair, control, treatment summary, test stats.Test) error {
	e, err := stats.CUPED(control.sums, treatment.sums, test)
	if err != nil {
		return err
	}
	out.effect = e.Effect
	out.control = stats.Sample{Mean: e.ControlArm.Mean, Variance: e.ControlArm.Variance / float64(control.units)}
	out.treatment = stats.Sample{Mean: e.TreatmentArm.Mean, Variance: e.TreatmentArm.Variance / float64(treatment.units)}
	out.adjusted = &AdjustedArm{
		Theta: e.Theta[0], Thetas: several(e.Theta), VarianceReduction: e.VarianceReduction,
		Unadjusted: Estimate{Value: e.Raw.Difference, SE: e.Raw.SE, Interval: Interval{Low: e.Raw.Low, High: e.Raw.High}},
	}
	return nil
}

func (p *prepared) compareQuantiles(out *pair, control, treatment summary, test stats.Test) error {
	a, err := p.quantileOf(control)
	if err != nil {
		return err
	}
	b, err := p.quantileOf(treatment)
	if err != nil {
		return err
	}
	if err := out.from(a, b); err != nil {
		return err
	}
	out.effect, err = stats.CompareQuantiles(a, b, test)
	return err
}

// quantileOf is the quantile of all single values of an arm, whose units are clusters of them.
func (p *prepared) quantileOf(s summary) (stats.OuterQuantile, error) {
	own := make([][]float64, len(s.rows))
	for i, row := range s.rows {
		own[i] = p.singles.Value[p.begins[row]:p.begins[row+1]]
	}
	return stats.ClusteredQuantile(own, p.d.Quantile)
}

// quantileFigures are an arm's quantile and its interval.
func (p *prepared) quantileFigures(out *MetricArm, s summary) (low, high float64, err error) {
	q, err := p.quantileOf(s)
	if err != nil {
		out.Mean, out.SD = 0, nil
		return 0, 0, err
	}
	out.Mean, out.SD = q.Value, nil
	sample, err := q.Sample()
	if err != nil {
		return 0, 0, err
	}
	half := -special.NormalQuantile(p.level/2) * math.Sqrt(sample.Variance)
	return q.Value - half, q.Value + half, nil
}

// ratioFigures are an arm's ratio and its interval.
func (p *prepared) ratioFigures(out *MetricArm, s summary) (low, high float64, err error) {
	sum := s.sums.Sums(1).Sum()
	out.Denominator, out.SD, out.Mean = &sum, nil, 0
	r, err := s.sums.Ratio(0, 1)
	if err != nil {
		return 0, 0, err
	}
	out.Mean = r.Value
	half := -special.NormalQuantile(p.level/2) * math.Sqrt(r.Variance)
	return r.Value - half, r.Value + half, nil
}

// exactly judges a comparison of small counts under a rule. Of rates it is the score test, whose p and intervals are one at any counts;
// Fisher's exact p is told beside it. Of events the exact p goes through the rule as the z that has it.
func (c comparison) exactly(j judge, level float64) (stats.Effect, string, error) {
	rule, err := j.rule(level, &c.pair)
	if err != nil {
		return stats.Effect{}, "", err
	}
	z := -special.NormalQuantile(math.Exp(c.exact.LnMidP) / 2)
	if !finite(z) {
		z = math.Sqrt(-2 * c.exact.LnMidP)
	}
	z = math.Max(0, z)
	if c.isRate {
		e, err := stats.ScoreProportions(c.rates[0], c.rates[1], rule)
		e.Method = c.effect.Method
		if err == nil && (math.Abs(e.Statistic) > e.Critical) != (z > rule.Critical) {
			e.Warnings = append(e.Warnings, "Fisher's exact test does not agree: there are too few conversions to be sure.")
		}
		return e, rule.Method, err
	}
	e := stats.Effect{
		Method: c.effect.Method, DF: math.Inf(1), Difference: c.treatment.Mean - c.control.Mean, SE: math.Sqrt(c.control.Variance + c.treatment.Variance),
		Critical: rule.Critical,
	}
	e.Statistic = math.Copysign(z, e.Difference)
	e.LnP = rule.LnP(z)
	e.P = math.Exp(e.LnP)
	e.Low, e.High = e.Difference-rule.Critical*e.SE, e.Difference+rule.Critical*e.SE
	if clear := e.Low > 0 || e.High < 0; clear != (z > rule.Critical) {
		e.Warnings = append(e.Warnings, "There are so few events that the exact test and the interval do not agree; it counts as unclear.")
	}
	return e, rule.Method, nil
}
