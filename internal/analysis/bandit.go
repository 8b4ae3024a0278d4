package analysis

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/stats"
)

// Thompson are the weights that Thompson sampling would give the arms now: floor + (1 - arms·floor)·(probability to be best). They are of the
// primary metric alone; a guardrail that got worse, or a broken sample ratio, withholds them.
type Thompson struct {
	// Method names the posterior they come from.
	Method string        `json:"method,omitempty"`
	Floor  float64       `json:"floor"`
	Arms   []ThompsonArm `json:"arms,omitempty"`
	// Problem says why no weights are recommended; there are no arms then.
	Problem  string `json:"problem,omitempty"`
	Sentence string `json:"sentence"`
}

// ThompsonArm is an arm of a bandit. Weights count in 1/100,000.
type ThompsonArm struct {
	Variant string `json:"variant"`
	// Best is the probability that it is the best arm, Loss what is expected to be lost by it against the best, in the metric's unit.
	Best   float64 `json:"probability_best"`
	Loss   float64 `json:"expected_loss"`
	Weight int64   `json:"weight"`
	Now    int64   `json:"weight_now"`
}

// leastForNormal is how many units of an arm, in a period, a normal posterior of its mean takes.
const leastForNormal = 30

// thompson is the recommendation, where the plan has a bandit.
func (a *analyst) thompson(r Result) *Thompson {
	bandit := a.rules.Bandit
	if bandit == nil {
		return nil
	}
	out := &Thompson{Floor: bandit.Floor}
	if why := withheld(r); why != "" {
		out.Problem, out.Sentence = why, "No weights are recommended: "+why
		return out
	}
	best, loss, method, err := a.chances(*bandit)
	var weights []float64
	if err == nil {
		weights, err = stats.ThompsonWeights(best, bandit.Floor)
	}
	if err != nil {
		out.Problem = err.Error() + "."
		out.Sentence = "No weights are recommended: " + out.Problem
		return out
	}
	out.Method = method
	whole := rounded(weights, int64(a.in.Experiment.Plan.Total))
	for i, arm := range a.in.Experiment.Plan.Arms {
		out.Arms = append(out.Arms, ThompsonArm{Variant: string(arm.Variant), Best: best[i], Loss: loss[i], Weight: whole[i], Now: int64(arm.Weight)})
	}
	out.Sentence = fmt.Sprintf("Thompson's weights: %s (now %s), with at least %s for every arm. They follow %s alone and decide nothing.", weightsText(a.in.Experiment.Plan.Arms, whole), weightsText(a.in.Experiment.Plan.Arms, weightsIn(a.in.Experiment.Plan.Arms)), share(bandit.Floor), r.Metrics[0].Name)
	return out
}

// withheld says why the numbers must not move traffic; empty when they may.
func withheld(r Result) string {
	if r.Verdict.Outcome == DoNotTrust {
		return "the units are not divided as planned, so the numbers cannot be trusted."
	}
	for _, m := range r.Metrics {
		for _, e := range m.Comparisons {
			if e.Guard != nil && e.Guard.State == GuardBreached {
				return fmt.Sprintf("the guardrail %s got worse in %s; decide about that arm first.", m.Name, e.Variant)
			}
		}
	}
	return ""
}

// chances are the arms' probabilities to be best and their expected losses, by the posterior that the primary metric's kind asks for.
func (a *analyst) chances(b experiment.Bandit) (best, loss []float64, method string, err error) {
	p := a.metrics[0]
	if p == nil {
		return nil, nil, "", errors.New("the primary metric cannot be computed")
	}
	lower := p.d.Direction == metric.Decrease
	if p.isRate() && !a.periods.several() {
		rates := make([]stats.Proportion, len(a.rows))
		for arm, rows := range a.rows {
			s, failed := p.summarize(rows)
			rates[arm], err = s.rate, errors.Join(err, failed)
		}
		prior := stats.BetaPrior{Alpha: b.A, Beta: b.B}
		best, failed := stats.BestOfRates(rates, prior, lower)
		loss, worse := stats.LossOfRates(rates, prior, lower)
		return best, loss, fmt.Sprintf("beta-binomial, prior Beta(%g, %g)", b.A, b.B), errors.Join(err, failed, worse)
	}
	means, sds := make([]float64, len(a.rows)), make([]float64, len(a.rows))
	estimates, err := a.estimates(p)
	if err != nil {
		return nil, nil, "", err
	}
	method = "normal, flat prior"
	if b.SD > 0 {
		method = fmt.Sprintf("normal, prior of mean %g and standard deviation %g", b.Mean, b.SD)
	}
	for arm, e := range estimates {
		means[arm], sds[arm] = posterior(e, b)
	}
	best, failed := stats.BestOfGaussians(means, sds, lower)
	loss, worse := stats.LossOfGaussians(means, sds, lower)
	return best, loss, method, errors.Join(failed, worse)
}

// posterior is the normal one of an arm's mean: precisions add up (A. Gelman et al., Bayesian Data Analysis, 3rd ed., eq. 2.12).
func posterior(e stats.Sample, b experiment.Bandit) (mean, sd float64) {
	if b.SD == 0 || e.Variance == 0 {
		return e.Mean, math.Sqrt(e.Variance)
	}
	data, prior := 1/e.Variance, 1/(b.SD*b.SD)
	return (data*e.Mean + prior*b.Mean) / (data + prior), 1 / math.Sqrt(data+prior)
}

// estimates are the arms' means with the variances of these. Where the weights changed they are those of the periods, weighed by the periods'
// sizes over all arms, so that an arm that got its units at another time than the others is not judged by the time.
func (a *analyst) estimates(p *prepared) ([]stats.Sample, error) {
	if p.d.Kind == metric.Quantile {
		return nil, errors.New("a bandit needs a primary metric whose arms have a mean or a rate, not a quantile")
	}
	rows, parts := a.rowsByPeriod(p)
	if parts == nil {
		return nil, fmt.Errorf("every arm needs at least %d units", leastForNormal)
	}
	out := make([]stats.Sample, len(rows))
	for arm := range out {
		for k, part := range parts {
			if part == 0 {
				continue
			}
			e, err := p.estimate(rows[arm][k])
			if err != nil {
				return nil, err
			}
			out[arm].Mean, out[arm].Variance = out[arm].Mean+part*e.Mean, out[arm].Variance+part*part*e.Variance
		}
	}
	return out, nil
}

// rowsByPeriod are the rows by arm and period, and the parts of the periods in all units. A period in which an arm has too few units says nothing
// of it and has no part; parts is nil when no period has enough. Totals that are divided by each other are not divided by periods.
func (a *analyst) rowsByPeriod(p *prepared) (rows [][][]int32, parts []float64) {
	rows, parts = make([][][]int32, len(a.rows)), make([]float64, len(a.periods.weights))
	for arm, of := range a.rows {
		rows[arm] = make([][]int32, len(parts))
		for _, row := range of {
			k := 0
			if a.periods.several() && p.denominator == nil {
				k = a.periods.of(a.in.Units.FirstAt[row])
			}
			rows[arm][k] = append(rows[arm][k], row)
			parts[k]++
		}
	}
	all := 0.0
	for k := range parts {
		if slices.ContainsFunc(rows, func(of [][]int32) bool { return len(of[k]) < leastForNormal }) {
			parts[k] = 0
		}
		all += parts[k]
	}
	if all == 0 {
		return nil, nil
	}
	for k := range parts {
		parts[k] /= all
	}
	return rows, parts
}

// estimate is the mean of a set of units, and its variance. That of a rate is with one conversion and one unit without added, so that it is
// never 0.
func (p *prepared) estimate(rows []int32) (stats.Sample, error) {
	s, err := p.summarize(rows)
	if err != nil {
		return stats.Sample{}, err
	}
	switch {
	case p.denominator != nil:
		r, err := s.sums.Ratio(0, 1)
		return stats.Sample{Mean: r.Value, Variance: r.Variance}, err
	case p.isRate():
		smooth := (float64(s.rate.X) + 1) / (float64(s.rate.N) + 2)
		return stats.Sample{Mean: s.rate.Rate(), Variance: smooth * (1 - smooth) / float64(s.rate.N)}, nil
	default:
		return s.sums.Moments(0).Sample()
	}
}

// rounded are weights of sum 1 as whole parts of a total, by the largest remainders, so that none loses more than one.
func rounded(weights []float64, whole int64) []int64 {
	out, order, left := make([]int64, len(weights)), make([]int, len(weights)), whole
	rest := make([]float64, len(weights))
	for i, w := range weights {
		exact := w * float64(whole)
		out[i] = int64(math.Floor(exact + 1e-6)) // a floor of 5,000 may be 4,999.9999999 here
		rest[i], order[i] = exact-float64(out[i]), i
		left -= out[i]
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case rest[i] > rest[j]:
			return -1
		case rest[i] < rest[j]:
			return 1
		}
		return 0
	})
	for n := 0; left > 0; n++ {
		out[order[n%len(order)]]++
		left--
	}
	return out
}

// Reweighing is the command that gives the arms the recommended weights; false when none are recommended.
func (t *Thompson) Reweighing() (experiment.Reweigh, bool) {
	if t == nil || len(t.Arms) == 0 {
		return experiment.Reweigh{}, false
	}
	var out experiment.Reweigh
	for _, arm := range t.Arms {
		out.Arms = append(out.Arms, experiment.Arm{Variant: domain.VariantKey(arm.Variant), Weight: domain.Weight(arm.Weight)}) //nolint:gosec // at most the plan's total
	}
	return out, true
}
