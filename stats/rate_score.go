package stats

import "math"

// ScoreProportions compares two rates by Miettinen and Nurminen's score test, which is right where the z test is not: with few
// conversions, and when nobody or everybody in an arm converted. Under the rule's critical value c
//
//	the interval of the difference is {d: |(p_b - p_a - d) / se(d)| <= c}, se(d)² = (ã(1-ã)/n_a + b̃(1-b̃)/n_b)·N/(N-1),
//	that of the ratio {R: |(p_b - R p_a) / se(R)| <= c}, se(R)² = (b̃(1-b̃)/n_b + R² ã(1-ã)/n_a)·N/(N-1),
//
// with the most likely rates ã and b̃ that differ by d, or are as R to 1 (O. Miettinen and M. Nurminen, Statistics in Medicine 4, 1985).
// At d = 0 and R = 1 both are the same test, whose p is told; so the three never contradict each other, whatever the rule. SE is the
// one at no difference. rule is a two-sided one: FixedHorizon for a single look.
func ScoreProportions(control, treatment Proportion, rule Rule) (Effect, error) {
	if err := checkBoth(control, treatment); err != nil {
		return Effect{}, err
	}
	if rule.lnP == nil || rule.OneSided || !(rule.Critical > 0) || math.IsInf(rule.Critical, 1) {
		return Effect{}, fail(InvalidInput, "a score test needs a two-sided rule with a finite critical value")
	}
	s := scoreOf(control, treatment)
	e := Effect{
		Method: "score test of two proportions (Miettinen-Nurminen), " + rule.Method, Difference: rateDifference(control, treatment), DF: math.Inf(1), Critical: rule.Critical,
	}
	pooled, _ := Pooled(control, treatment) // checked above
	n := s.na + s.nb
	e.SE = pooled.SE * math.Sqrt(n/math.Max(1, n-1))
	if e.SE > 0 {
		e.Statistic = e.Difference / e.SE
	}
	e.LnP = rule.LnP(e.Statistic)
	e.P = math.Exp(e.LnP)
	interval := s.differences(rule.Critical)
	e.Low, e.High = interval.Low, interval.High
	e.Relative = s.relative(rule.Critical)
	return e, nil
}

// ratioStatistic of the hypothesis that treatment / control is r.
func (s score) ratioStatistic(r float64) float64 {
	a := s.restrictedRatio(r)
	b := math.Min(1, r*a)
	n := s.na + s.nb
	gap := s.rateB - r*s.rateA
	if gap == 0 {
		return 0
	}
	return gap / math.Sqrt(math.Max(0, (b*(1-b)/s.nb+r*r*a*(1-a)/s.na)*n/(n-1)))
}

// restrictedRatio is the control's most likely rate if the treatment's is r times it: the smaller root of
// N r a² - (n_b r + x_b + n_a + x_a r) a + (x_a + x_b), Miettinen and Nurminen's equation 12, written so that nothing cancels.
func (s score) restrictedRatio(r float64) float64 {
	a := (s.na + s.nb) * r
	b := s.nb*r + s.xb + s.na + s.xa*r
	c := s.xa + s.xb
	return 2 * c / (b + math.Sqrt(math.Max(0, b*b-4*a*c)))
}

// relative is the interval of the ratio less 1. Without conversions in the control it has no upper end, and no middle.
func (s score) relative(c float64) *Relative {
	if s.rateA == 0 {
		return nil
	}
	ratio := s.rateB / s.rateA
	out := &Relative{Value: (s.rateB - s.rateA) / s.rateA, Low: -1}
	if ratio > 0 {
		out.Low = crossing(func(r float64) float64 { return s.ratioStatistic(r) - c }, 0, ratio) - 1
	}
	high := math.Max(2*ratio, 2)
	for range 200 {
		if s.ratioStatistic(high) < -c {
			out.High = crossing(func(r float64) float64 { return s.ratioStatistic(r) + c }, ratio, high) - 1
			return out
		}
		high *= 4
	}
	return &Relative{Value: out.Value, Unbounded: true}
}
