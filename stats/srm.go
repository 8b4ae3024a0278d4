package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// SRMThreshold is the p value below which a sample ratio mismatch is an alarm (Fabijan et al., KDD 2019).
const SRMThreshold = 0.001

// SRM is the chi-square test of units per arm against their planned shares.
type SRM struct {
	Expected  []float64
	ChiSquare float64
	DF        int
	P         float64
}

// SampleRatio tests observed units per arm against integer weights (Pearson's chi-square with one degree of freedom less than
// there are arms with weight). Units in an arm without weight are an alarm of their own: TrafficInZeroWeightArm.
func SampleRatio(observed, weights []int64) (SRM, error) {
	if len(observed) != len(weights) || len(observed) < 2 {
		return SRM{}, fail(InvalidInput, "%d arms with %d weights cannot be compared; there must be as many, at least two", len(observed), len(weights))
	}
	var total, sum int64
	for i := range observed {
		if observed[i] < 0 || weights[i] < 0 {
			return SRM{}, fail(InvalidInput, "units and weights cannot be negative")
		}
		if weights[i] == 0 && observed[i] > 0 {
			return SRM{}, fail(TrafficInZeroWeightArm, "%d units are in an arm that should have none", observed[i])
		}
		total, sum = total+observed[i], sum+weights[i]
	}
	if total == 0 || sum == 0 {
		return SRM{}, fail(InsufficientData, "there are no units yet")
	}
	out := SRM{DF: -1}
	for i := range observed {
		expected := float64(total) * (float64(weights[i]) / float64(sum))
		out.Expected = append(out.Expected, expected)
		if weights[i] > 0 {
			d := float64(observed[i]) - expected
			out.ChiSquare += d * d / expected
			out.DF++
		}
	}
	if out.DF < 1 {
		return SRM{}, fail(InvalidInput, "only one arm has weight, so there is no ratio to test")
	}
	out.P = math.Min(1, special.ChiSquareSurvival(out.ChiSquare, float64(out.DF)))
	return out, nil
}
