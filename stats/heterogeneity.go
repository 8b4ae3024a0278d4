package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// Heterogeneity says whether the effect differs between segments (or experiments).
type Heterogeneity struct {
	// Pooled is the fixed-effect estimate with its standard error.
	Pooled, PooledSE float64
	// Q is Cochran's statistic with DF degrees of freedom; P, its p value, is that of the interaction of effect and segment.
	Q      float64
	DF     int
	P, LnP float64
	// I2 is the share of the spread that is not chance (Higgins and Thompson 2002), Tau2 the variance of the true effects.
	I2, Tau2 float64
	// Random is the random-effects estimate with its standard error, for a statement about segments in general.
	Random, RandomSE float64
}

// Heterogeneous tests whether effects with these standard errors are one and the same: Q = Σ w (d - d̄)² with w = 1/se² and d̄ = Σwd/Σw is
// chi-square with one degree of freedom less than there are effects (W. G. Cochran, Biometrics 10, 1954), τ² by R. DerSimonian and N. Laird
// (Controlled Clinical Trials 7, 1986). It assumes effects of different units that are nearly normal.
func Heterogeneous(effects, ses []float64) (Heterogeneity, error) {
	if err := checkEffects(effects, ses); err != nil {
		return Heterogeneity{}, err
	}
	if len(effects) < 2 {
		return Heterogeneity{}, fail(InsufficientData, "there is one segment at most, so there is nothing to compare")
	}
	least := math.Inf(1) // weights relative to the best segment, so that nothing overflows
	for _, se := range ses {
		least = math.Min(least, se)
	}
	origin, sum, squares, mean := effects[0], 0.0, 0.0, 0.0
	for i, se := range ses {
		w := (least / se) * (least / se)
		sum += w
		squares += w * w
		mean += w * (effects[i] - origin) // around the first effect, so that equal effects differ by nothing
	}
	mean /= sum
	out := Heterogeneity{Pooled: origin + mean, PooledSE: least / math.Sqrt(sum), DF: len(effects) - 1}
	for i, se := range ses {
		z := (effects[i] - origin - mean) / se
		out.Q += z * z
	}
	df := float64(out.DF)
	out.P, out.LnP = special.ChiSquareSurvival(out.Q, df), special.LogChiSquareSurvival(out.Q, df)
	if out.Q > df {
		out.I2 = (out.Q - df) / out.Q
		out.Tau2 = (out.Q - df) / (sum - squares/sum) * least * least
	}
	out.Random, out.RandomSE = randomEffects(effects, ses, out.Tau2)
	if !finite(out.Pooled, out.PooledSE, out.Q, out.Tau2, out.Random, out.RandomSE) {
		return Heterogeneity{}, fail(InvalidInput, "the effects or their standard errors are too far apart for floating-point numbers")
	}
	return out, nil
}

func randomEffects(effects, ses []float64, tau2 float64) (estimate, se float64) {
	sum, weighted := 0.0, 0.0
	for i := range effects {
		w := 1 / (ses[i]*ses[i] + tau2)
		sum += w
		weighted += w * effects[i]
	}
	return weighted / sum, 1 / math.Sqrt(sum)
}

func checkEffects(effects, ses []float64) error {
	if len(effects) != len(ses) {
		return fail(InvalidInput, "%d effects with %d standard errors do not go together", len(effects), len(ses))
	}
	for i := range effects {
		if !finite(effects[i], ses[i]) || ses[i] < 0 {
			return fail(InvalidInput, "segment %d has effect %v with standard error %v; both must be finite", i+1, effects[i], ses[i])
		}
		if ses[i] == 0 {
			return fail(ZeroVariance, "segment %d has no standard error to weigh it by", i+1)
		}
	}
	return nil
}

// SegmentContrast is the effect in a segment against that in all others together.
type SegmentContrast struct {
	// Difference is the segment's effect less the fixed-effect estimate of the rest.
	Difference, SE, Z float64
	// P is two-sided, Holm adjusted for the number of segments.
	P, Holm float64
}

// SegmentsAgainstRest tests each segment against all others, z = (d - d̄)/√(se² + s̄e²) with the fixed-effect estimate d̄ of the others, with
// Holm's correction: which segments make the effect heterogeneous. It assumes what Heterogeneous does.
func SegmentsAgainstRest(effects, ses []float64) ([]SegmentContrast, error) {
	if err := checkEffects(effects, ses); err != nil {
		return nil, err
	}
	if len(effects) < 2 {
		return nil, fail(InsufficientData, "there is one segment at most, so there is no rest to compare it with")
	}
	out, p := make([]SegmentContrast, len(effects)), make([]float64, len(effects))
	for i := range effects {
		sum, mean := 0.0, 0.0
		for j, se := range ses {
			if j != i {
				w := (ses[i] / se) * (ses[i] / se)
				sum += w
				mean += w * (effects[j] - effects[i])
			}
		}
		c := SegmentContrast{Difference: -mean / sum, SE: ses[i] * math.Sqrt(1+1/sum)}
		if !finite(c.Difference, c.SE) {
			return nil, fail(InvalidInput, "the effects or their standard errors are too far apart for floating-point numbers")
		}
		c.Z = c.Difference / c.SE
		c.P = math.Min(1, 2*special.NormalSurvival(math.Abs(c.Z)))
		out[i], p[i] = c, c.P
	}
	adjusted, err := Adjust(Holm, p)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Holm = adjusted[i]
	}
	return out, nil
}
