package analysis

import (
	"math"

	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/stats"
)

// bayesian is the Bayesian view of a comparison, when the plan asks for it: beta-binomial for a rate without a normal prior, else
// normal. It is a second opinion: what counts is the plan's method.
func (a *analyst) bayesian(d metric.Definition, c comparison) *Bayesian {
	prior := a.rules.Bayesian
	if prior == nil {
		return nil
	}
	lower := d.Direction == metric.Decrease
	if prior.RelativeSD == 0 && c.isRate && c.adjusted == nil && c.stratified == nil {
		post, err := stats.BetaBinomial(c.rates[0], c.rates[1], stats.BetaPrior{Alpha: prior.A, Beta: prior.B}, a.rules.Alpha)
		if err != nil {
			return nil
		}
		out := Bayesian{ChanceToWin: post.ChanceToWin, LossIfShipped: post.LossTreatment, LossIfKept: post.LossControl, Method: "beta-binomial"}
		return out.turned(lower)
	}
	if c.exact != nil {
		return nil
	}
	var believed *stats.GaussianPrior
	method := "normal, flat prior"
	if prior.RelativeSD > 0 && c.control.Mean != 0 {
		relative := stats.GaussianPrior{Mean: prior.RelativeMean, Variance: prior.RelativeSD * prior.RelativeSD}
		scaled := relative.Scaled(math.Abs(c.control.Mean))
		believed, method = &scaled, "normal, with a normal prior of the relative effect"
	}
	post, err := stats.GaussianPosterior(c.effect.Difference, c.effect.SE, believed, a.rules.Alpha)
	if err != nil {
		return nil
	}
	out := Bayesian{
		ChanceToWin: post.ChanceToWin, LossIfShipped: post.RiskTreatment, LossIfKept: post.RiskControl,
		Credible: &Interval{Low: post.Low, High: post.High}, Method: method,
	}
	return out.turned(lower)
}

// turned is the view for a metric where less is better.
func (b Bayesian) turned(lower bool) *Bayesian {
	if lower {
		b.ChanceToWin = 1 - b.ChanceToWin
		b.LossIfShipped, b.LossIfKept = b.LossIfKept, b.LossIfShipped
	}
	return &b
}
