package stats

// SRMThreshold is the p value below which a sample ratio mismatch is an alarm (Fabijan et al., KDD 2019).
const SRMThreshold = 0.001

// SRM is the chi-square test of units per arm against their planned shares.
type SRM struct {
	Expected  []float64
	ChiSquare float64
	DF        int
	// P and its logarithm, which is right also where P underflows.
	P, LnP float64
}

// SampleRatio tests observed units per arm against integer weights: SampleShares with whole numbers, as experiments record them.
func SampleRatio(observed, weights []int64) (SRM, error) {
	shares := make([]float64, len(weights))
	for i, w := range weights {
		shares[i] = float64(w)
	}
	return SampleShares(observed, shares)
}

// SampleShares tests observed units per arm against weights of any sum (Pearson's chi-square, Σ(O-E)²/E with one degree of freedom less than
// there are arms with weight; A. Fabijan et al., Diagnosing sample ratio mismatch, KDD 2019). Units in an arm without weight are an alarm of
// their own: TrafficInZeroWeightArm. It assumes units that are assigned independently, and a single look; SampleRatioSequence may be watched.
func SampleShares(observed []int64, weights []float64) (SRM, error) {
	total, sum, err := checkShares(observed, weights)
	if err != nil {
		return SRM{}, err
	}
	out := SRM{DF: -1, Expected: make([]float64, 0, len(observed))}
	for i := range observed {
		expected := total * (weights[i] / sum)
		out.Expected = append(out.Expected, expected)
		if weights[i] > 0 {
			d := float64(observed[i]) - expected
			out.ChiSquare += d / expected * d
			out.DF++
		}
	}
	if out.DF < 1 {
		return SRM{}, fail(InvalidInput, "only one arm has weight, so there is no ratio to test")
	}
	test := chiSquared(out.ChiSquare, out.DF)
	out.P, out.LnP = test.P, test.LnP
	if !finite(out.ChiSquare, out.LnP) {
		return SRM{}, fail(InvalidInput, "the weights are too small beside each other to be tested")
	}
	return out, nil
}

func checkShares(observed []int64, weights []float64) (total, sum float64, err error) {
	if len(observed) != len(weights) || len(observed) < 2 {
		return 0, 0, fail(InvalidInput, "%d arms with %d weights cannot be compared; there must be as many, at least two", len(observed), len(weights))
	}
	leaked := int64(0)
	for i := range observed {
		if observed[i] < 0 || !(weights[i] >= 0) || !finite(weights[i]) {
			return 0, 0, fail(InvalidInput, "units and weights cannot be negative")
		}
		if weights[i] == 0 {
			leaked = max(leaked, observed[i])
		}
		total, sum = total+float64(observed[i]), sum+weights[i]
	}
	switch {
	case !finite(sum):
		return 0, 0, fail(InvalidInput, "the weights are too large to be added")
	case leaked > 0:
		return 0, 0, fail(TrafficInZeroWeightArm, "%d units are in an arm that should have none", leaked)
	case total == 0 || sum == 0:
		return 0, 0, fail(InsufficientData, "there are no units yet")
	}
	return total, sum, nil
}
