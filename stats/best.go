package stats

import "math"

// arm is the posterior of an arm on a scale u on which its density is log-concave.
type arm struct {
	mean       float64 // on the metric's scale
	scale      scale
	lnDensity  func(u float64) float64
	lnBelow    func(u float64) float64 // of the distribution function
	lnJacobian func(u float64) float64 // of the metric's scale with respect to u
}

func scalesOf(arms []arm) []scale {
	out := make([]scale, len(arms))
	for i, a := range arms {
		out[i] = a.scale
	}
	return out
}

// posteriors are several arms, on a common grid where there is one.
type posteriors struct {
	arms   []arm
	widest float64
	grid   *grid
}

func (p posteriors) best() []float64 {
	out, sum := make([]float64, len(p.arms)), 0.0
	for i := range p.arms {
		if i == 1 && len(p.arms) == 2 && out[0] < 0.9 {
			out[1] = 1 - out[0]
			return out
		}
		out[i] = p.chance(i)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum // the sum is 1 but for rounding
	}
	return out
}

// chance is that of arm i to be the best.
func (p posteriors) chance(i int) float64 {
	if p.grid != nil {
		if v := p.grid.best(i); v > gridLeast {
			return v
		}
	}
	lnF := func(u float64) float64 {
		ln := p.arms[i].lnDensity(u)
		for j, other := range p.arms {
			if j != i {
				ln += other.lnBelow(u)
			}
		}
		return ln
	}
	return math.Exp(lnIntegral(lnF, scalesOf(p.arms), p.widest))
}

// loss is E[max - arm] for each arm. That of the arm with the largest mean is ∫ F (1 - Π F of the others), whose terms are all positive, so
// that a tiny loss keeps its digits; the others have the difference of means more.
func (p posteriors) loss() []float64 {
	leader := 0
	for i, a := range p.arms {
		if a.mean > p.arms[leader].mean {
			leader = i
		}
	}
	least := p.leaderLoss(leader)
	out := make([]float64, len(p.arms))
	for i, a := range p.arms {
		out[i] = least + (p.arms[leader].mean - a.mean)
	}
	return out
}

func (p posteriors) leaderLoss(leader int) float64 {
	if len(p.arms) == 1 {
		return 0
	}
	if p.grid != nil {
		// A loss is compared with what the leader's own spread can make of it.
		if v := p.grid.loss(leader); v > gridLeast*math.Exp(p.arms[leader].lnJacobian(p.arms[leader].scale.centre))*p.arms[leader].scale.width {
			return v
		}
	}
	lnF := func(u float64) float64 {
		others := 0.0
		for j, a := range p.arms {
			if j != leader {
				others += a.lnBelow(u)
			}
		}
		if !(others < 0) {
			return math.Inf(-1)
		}
		return p.arms[leader].lnBelow(u) + math.Log(-math.Expm1(others)) + p.arms[leader].lnJacobian(u)
	}
	return math.Exp(lnIntegral(lnF, scalesOf(p.arms), p.widest))
}

// sound refuses what is beyond floating point.
func sound(values []float64) ([]float64, error) {
	for _, v := range values {
		if !finite(v) || v < 0 {
			return nil, fail(InvalidInput, "the arms are too far apart, or their spreads too different, for floating-point numbers")
		}
	}
	return values, nil
}

// ThompsonWeights are the shares of traffic of a bandit: floor for every arm, the rest by the probability to be best, as
// floor + (1 - arms·floor) p. The floor is added, not cut off, so that two arms with different chances never get the same share.
func ThompsonWeights(best []float64, floor float64) ([]float64, error) {
	k := float64(len(best))
	if len(best) == 0 || !(floor >= 0 && floor*k <= 1) {
		return nil, fail(InvalidInput, "the least share of %d arms must lie between 0 and 1/%d, not be %v", len(best), len(best), floor)
	}
	sum := 0.0
	for i, p := range best {
		if !(p >= 0 && p <= 1) {
			return nil, fail(InvalidInput, "the chance of arm %d to be best cannot be %v", i+1, p)
		}
		sum += p
	}
	if math.Abs(sum-1) > 1e-6 {
		return nil, fail(InvalidInput, "the chances to be best sum to %v, not to 1", sum)
	}
	out := make([]float64, len(best))
	for i, p := range best {
		out[i] = floor + (1-k*floor)*(p/sum)
	}
	return out, nil
}
