package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// Range is a closed interval.
type Range struct{ Low, High float64 }

// RateIntervals are the intervals of one rate, each with error probability alpha.
type RateIntervals struct {
	// Wald is p ∓ z·sqrt(p(1-p)/n), cut to [0, 1]. It is shown because others show it; with few conversions it is too short.
	Wald Range
	// Wilson is the score interval (E. B. Wilson, JASA 22, 1927): the default.
	Wilson Range
	// AgrestiCoull is Wald's after adding z²/2 successes and failures (A. Agresti and B. A. Coull, American Statistician 52, 1998).
	AgrestiCoull Range
	// ClopperPearson is exact: it never covers less than 1 - alpha (C. J. Clopper and E. S. Pearson, Biometrika 26, 1934).
	ClopperPearson Range
	// Jeffreys is equal-tailed from the prior Beta(½, ½), with 0 and 1 as ends at 0 and n conversions (L. D. Brown, T. T. Cai and A.
	// DasGupta, Statistical Science 16, 2001).
	Jeffreys Range
}

// Intervals are all intervals of the rate, each by the paper that RateIntervals names: Wald's p ∓ z √(p(1-p)/n) and the better ones. They assume
// units that convert independently.
func (p Proportion) Intervals(alpha float64) (RateIntervals, error) {
	if err := p.checkWith(alpha); err != nil {
		return RateIntervals{}, err
	}
	z := -special.NormalQuantile(alpha / 2)
	x, rest := float64(p.X), float64(p.N-p.X)
	n, rate := x+rest, p.Rate()
	half := z * math.Sqrt(x/n*(rest/n)/n)
	out := RateIntervals{Wald: cut(rate-half, rate+half, 0), Wilson: p.wilson(z), ClopperPearson: p.clopper(alpha)}
	more := n + z*z
	centre := (x + z*z/2) / more
	half = z * math.Sqrt(centre*((rest+z*z/2)/more)/more)
	out.AgrestiCoull = cut(centre-half, centre+half, 0)
	out.Jeffreys = Range{Low: 0, High: 1}
	if p.X > 0 {
		out.Jeffreys.Low = special.BetaQuantile(alpha/2, x+0.5, rest+0.5)
	}
	if p.X < p.N {
		out.Jeffreys.High = special.BetaUpperQuantile(alpha/2, x+0.5, rest+0.5)
	}
	return out, nil
}

func (p Proportion) checkWith(alpha float64) error {
	if err := checkLevel(alpha); err != nil {
		return err
	}
	return p.check()
}

// Wilson is the score interval of a rate at level 1 - alpha (E. B. Wilson, JASA 22, 1927). It stays within [0, 1] and exists for
// 0 and N conversions.
func (p Proportion) Wilson(alpha float64) (low, high float64, err error) {
	if err := p.checkWith(alpha); err != nil {
		return 0, 0, err
	}
	r := p.wilson(-special.NormalQuantile(alpha / 2))
	return r.Low, r.High, nil
}

// wilson are the roots of (1 + z²/n)r² - (2p + z²/n)r + p² = 0. The smaller comes from their product, so nothing cancels.
func (p Proportion) wilson(z float64) Range {
	n, rate, rest := float64(p.N), p.Rate(), float64(p.N-p.X)/float64(p.N)
	scale := 1 + z*z/n
	half := z * math.Sqrt(rate*rest/n+z*z/(4*n*n))
	high := (rate + z*z/(2*n) + half) / scale
	low := rate * rate / scale / high
	if rate > 0.5 { // the same from the other end
		low = 1 - (rest+z*z/(2*n)+half)/scale
		high = 1 - rest*rest/scale/(1-low)
	}
	return cut(low, high, 0)
}

// ClopperPearson is the exact interval of a rate at level 1 - alpha, from quantiles of the beta distribution.
func (p Proportion) ClopperPearson(alpha float64) (Range, error) {
	if err := p.checkWith(alpha); err != nil {
		return Range{}, err
	}
	return p.clopper(alpha), nil
}

func (p Proportion) clopper(alpha float64) Range {
	x, rest := float64(p.X), float64(p.N-p.X)
	out := Range{Low: 0, High: 1}
	switch {
	case x == 0:
		out.High = -math.Expm1(math.Log(alpha/2) / rest)
	case rest == 0:
		out.Low = math.Exp(math.Log(alpha/2) / x)
	default:
		out.Low = special.BetaQuantile(alpha/2, x, rest+1)
		out.High = special.BetaUpperQuantile(alpha/2, x+1, rest)
	}
	return out
}

// cut keeps an interval between least and 1.
func cut(low, high, least float64) Range {
	return Range{Low: math.Max(least, low), High: math.Min(1, high)}
}
