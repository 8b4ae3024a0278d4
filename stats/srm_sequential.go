package stats

import "math"

// SRMConcentration is the usual weight of the planned shares in SequentialSRM's prior, as if so many units had been seen.
const SRMConcentration = 1e4

// SequentialSRM is the sample ratio mismatch test that may be watched after every unit.
type SequentialSRM struct {
	// LnBayesFactor is the evidence against the planned shares at each look.
	LnBayesFactor []float64
	// P is the always-valid p value at each look: the smallest of 1 and 1/BayesFactor so far.
	P []float64
}

// SampleRatioSequence tests cumulative units per arm, one list per look, against planned shares by the Dirichlet-multinomial Bayes factor
// with prior concentration·share (M. Lindon and A. Malek, Anytime-valid inference for multinomial count data, arXiv 2011.03567). However
// often one looks, P falls below α with probability α at most when the shares are as planned. The shares are scaled to sum 1. With
// Stirling's formula taken term by term it loses no digits with a billion units.
func SampleRatioSequence(looks [][]int64, shares []float64, concentration float64) (SequentialSRM, error) {
	weights, err := normalised(shares)
	if err != nil {
		return SequentialSRM{}, err
	}
	if !(concentration > 0) || math.IsInf(concentration, 1) {
		return SequentialSRM{}, fail(InvalidInput, "the concentration of the prior must be more than 0, not %v", concentration)
	}
	prior := make([]float64, len(weights))
	for i, w := range weights {
		prior[i] = concentration * w
	}
	return dirichletSequence(looks, weights, prior)
}

// SampleRatioSequenceFlat is SampleRatioSequence with a uniform prior over all shares, Dirichlet(1, ..., 1).
func SampleRatioSequenceFlat(looks [][]int64, shares []float64) (SequentialSRM, error) {
	weights, err := normalised(shares)
	if err != nil {
		return SequentialSRM{}, err
	}
	prior := make([]float64, len(weights))
	for i, w := range weights {
		if w > 0 {
			prior[i] = 1
		}
	}
	return dirichletSequence(looks, weights, prior)
}

func dirichletSequence(looks [][]int64, weights, prior []float64) (SequentialSRM, error) {
	out := SequentialSRM{}
	least := 1.0
	for _, counts := range looks {
		if err := checkCounts(counts, weights); err != nil {
			return SequentialSRM{}, err
		}
		ln := dirichletEvidence(counts, weights, prior)
		least = math.Min(least, math.Exp(-ln))
		out.LnBayesFactor, out.P = append(out.LnBayesFactor, ln), append(out.P, least)
	}
	return out, nil
}

// dirichletEvidence is ln Γ(c) - ln Γ(c+N) + Σ ln Γ(aᵢ+nᵢ) - ln Γ(aᵢ) - nᵢ ln wᵢ with prior a of sum c.
func dirichletEvidence(counts []int64, weights, prior []float64) float64 {
	c, n := 0.0, 0.0
	for i := range counts {
		c, n = c+prior[i], n+float64(counts[i])
	}
	sum := c + n
	out := 0.5*math.Log(sum/c) - stirlingError(sum) + stirlingError(c)
	for i, w := range weights {
		if w == 0 {
			continue
		}
		a, count := prior[i], float64(counts[i])
		after, extra := a+count, a-c*w // extra is 0 when the prior is proportional to the weights
		out += deviance(after, sum*w, count-n*w+extra) - deviance(a, c*w, extra)
		out += -0.5*math.Log(after/a) + stirlingError(after) - stirlingError(a)
	}
	return out
}

// normalised are shares scaled to sum 1.
func normalised(shares []float64) ([]float64, error) {
	sum, positive := 0.0, 0
	for _, s := range shares {
		if !(s >= 0) || math.IsInf(s, 1) {
			return nil, fail(InvalidInput, "a planned share cannot be %v", s)
		}
		if s > 0 {
			positive++
		}
		sum += s
	}
	if positive < 2 || math.IsInf(sum, 1) {
		return nil, fail(InvalidInput, "a ratio of units needs at least two arms with a planned share")
	}
	out := make([]float64, len(shares))
	for i, s := range shares {
		out[i] = s / sum
	}
	return out, nil
}

func checkCounts(counts []int64, weights []float64) error {
	if len(counts) != len(weights) {
		return fail(InvalidInput, "%d arms with %d planned shares cannot be compared", len(counts), len(weights))
	}
	for i, n := range counts {
		if n < 0 {
			return fail(InvalidInput, "an arm cannot have %d units", n)
		}
		if weights[i] == 0 && n > 0 {
			return fail(TrafficInZeroWeightArm, "%d units are in an arm that should have none", n)
		}
	}
	return nil
}
