package analysis

import (
	"fmt"
	"math"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/stats"
)

// mixtureJudge is the mixture sequential probability ratio test. Its τ is fixed by the plan: for a relative mixture as a share of the
// mean of both arms, which settles as the data come in just as the variance does. A comparison that the plan's mixture says nothing of (an
// absolute one is in the unit of the primary metric) is judged by a confidence sequence, which is valid at every moment, too.
type mixtureJudge struct {
	mixture   experiment.Amount
	otherwise alwaysJudge
}

func (j mixtureJudge) rule(level float64, of *pair) (stats.Rule, error) {
	tau := j.tau(of)
	if tau == 0 {
		return j.otherwise.rule(level, of)
	}
	return stats.Mixture(of.variance(), tau*tau, level)
}

// tau is the standard deviation of the effects that are mixed over; 0 where the plan does not give one.
func (j mixtureJudge) tau(of *pair) float64 {
	switch {
	case j.mixture.By == experiment.Relative:
		return j.mixture.Value * math.Abs(of.control.Mean+of.treatment.Mean) / 2
	case of.primary:
		return j.mixture.Value
	default:
		return 0
	}
}

// variance is that of the difference. Of few conversions it is that of the pooled rate with one conversion and one unit without added, so
// that it is never 0.
func (c *pair) variance() float64 {
	switch {
	case c.exact == nil:
		return c.effect.SE * c.effect.SE
	case c.isRate:
		a, b := c.rates[0], c.rates[1]
		p := (float64(a.X+b.X) + 1) / (float64(a.N+b.N) + 2)
		return p * (1 - p) * (1/float64(a.N) + 1/float64(b.N))
	default:
		return c.control.Variance + c.treatment.Variance
	}
}

// mixtureSentence tells the method to a reader.
func (r rules) mixtureSentence(secondary int) string {
	size := amountText(r.Mixture)
	if r.Mixture.By == experiment.Relative {
		size += " of the mean"
	}
	text := fmt.Sprintf("Mixture sequential test (mSPRT) at alpha %s, mixing over effects with a standard deviation of %s: valid at every moment, however often one looks.", share(r.Alpha), size)
	if secondary > 0 && r.Mixture.By == experiment.Absolute {
		text += fmt.Sprintf(" Secondary metrics, which that size says nothing of, are judged by a confidence sequence, narrowest at %g units.", r.tuned())
	}
	return text
}

// mixtureInflation is the factor of the sample by which a mixture sequential test that looks for the true effect keeps the power at its
// planned end. With D = z_{1-α/2} + z_power the effect is D√f standard errors there, which is the root of the ratio τ²/V of the rule, too; f
// is where D√f - z_power meets the critical value. It stops earlier on the average.
func mixtureInflation(alpha, power float64) (float64, error) {
	fixed, err := stats.FixedHorizon(alpha)
	if err != nil {
		return 0, err
	}
	// Of a fixed test at twice the complement of the power, the critical value is the normal quantile of the power.
	beta, err := stats.FixedHorizonOneSided(1 - power)
	if err != nil {
		return 0, err
	}
	d := fixed.Critical + beta.Critical
	short := func(f float64) bool {
		rule, failed := stats.Mixture(1, d*d*f, alpha)
		return failed != nil || d*math.Sqrt(f)-beta.Critical < rule.Critical
	}
	low, high := 1.0, 1.0
	for short(high) && high < 1e6 {
		low, high = high, 2*high
	}
	for range 100 {
		if middle := (low + high) / 2; short(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return high, nil
}
