package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// GaussianPrior is what is believed of an effect before the data: normal with this mean and variance, on the effect's own scale.
type GaussianPrior struct{ Mean, Variance float64 }

// Scaled is a prior on the relative effect as one on the absolute effect (baseline = |control mean|), or back with 1/baseline.
func (p GaussianPrior) Scaled(baseline float64) GaussianPrior {
	return GaussianPrior{Mean: p.Mean * baseline, Variance: p.Variance * baseline * baseline}
}

// Posterior is what is believed of an effect (treatment - control, larger is better) after the data.
type Posterior struct {
	Mean, SD float64
	// ChanceToWin is P(effect > 0), Low and High the equal-tailed credible interval at 1 - alpha. A decision at ChanceToWin > 1 -
	// alpha/2 agrees with the interval.
	ChanceToWin, Low, High float64
	// RiskControl is what is expected to be lost by keeping control, E[max(effect, 0)]; RiskTreatment by shipping treatment,
	// E[max(-effect, 0)]. For a metric where less is better, swap them and take 1 - ChanceToWin.
	RiskControl, RiskTreatment float64
}

// GaussianPosterior combines an estimate and its standard error with a prior; nil is the flat prior (A. Gelman et al., Bayesian Data
// Analysis, 3rd edition, section 2.5). The risks are the unit normal loss integral, without cancellation, so they are right down to
// underflow. Assumes an estimate that is nearly normal.
func GaussianPosterior(effect, se float64, prior *GaussianPrior, alpha float64) (Posterior, error) {
	if err := checkLevel(alpha); err != nil {
		return Posterior{}, err
	}
	if math.IsNaN(effect) || math.IsInf(effect, 0) || !(se >= 0) || math.IsInf(se, 1) {
		return Posterior{}, fail(InvalidInput, "the effect and its standard error must be finite, and the latter not negative, not %v and %v", effect, se)
	}
	if se == 0 {
		return Posterior{}, fail(ZeroVariance, "the effect has no standard error to weigh it by")
	}
	out := Posterior{Mean: effect, SD: se}
	if prior != nil {
		if math.IsNaN(prior.Mean) || math.IsInf(prior.Mean, 0) || !(prior.Variance > 0) || math.IsInf(prior.Variance, 1) {
			return Posterior{}, fail(InvalidInput, "a prior has a finite mean and a variance of more than 0, not %v and %v", prior.Mean, prior.Variance)
		}
		sd := math.Sqrt(prior.Variance)
		both := math.Hypot(se, sd)
		share := sd / both // of the precision, the square is the data's
		rest := se / both
		out.Mean = effect*share*share + prior.Mean*rest*rest
		out.SD = se * share
	}
	if !(out.SD > 0) || math.IsInf(out.Mean, 0) {
		return Posterior{}, fail(InvalidInput, "the effect, its standard error and the prior are too far apart for floating point")
	}
	z := out.Mean / out.SD
	half := -special.NormalQuantile(alpha/2) * out.SD
	out.ChanceToWin = special.NormalSurvival(-z)
	out.Low, out.High = out.Mean-half, out.Mean+half
	small := out.SD * normalLoss(math.Abs(z))
	out.RiskControl, out.RiskTreatment = small, small
	if z > 0 {
		out.RiskControl += out.Mean
	} else {
		out.RiskTreatment -= out.Mean
	}
	return out, nil
}

// normalLoss is the unit normal loss φ(z) - z Φ(-z) for z >= 0. From 2 on it is φ(z) K/(z+K) with K = 1/(z + 2/(z + 3/(z + ...))), the tail of
// the continued fraction of Mills' ratio (Abramowitz and Stegun 26.2.14), in which all terms are positive.
func normalLoss(z float64) float64 {
	density := math.Exp(-0.5*z*z) / math.Sqrt(2*math.Pi)
	if z < 2 {
		return density - z*special.NormalSurvival(z)
	}
	k := 0.0
	for n := 120.0; n >= 1; n-- {
		k = n / (z + k)
	}
	return density * k / (z + k)
}

// BestOfGaussians are the probabilities of each of several arms with independent normal posteriors to have the largest mean (the
// smallest when lowerIsBetter): ∫ φᵢ Πⱼ Φⱼ by the trapezoidal rule, Thompson's weights without a random number (W. R. Thompson, Biometrika
// 25, 1933; S. L. Scott, Appl. Stochastic Models Bus. Ind. 26, 2010). Assumes estimates that are nearly normal and independent of each other.
func BestOfGaussians(means, sds []float64, lowerIsBetter bool) ([]float64, error) {
	arms, err := gaussianArms(means, sds, lowerIsBetter)
	if err != nil {
		return nil, err
	}
	return sound(arms.best())
}

// LossOfGaussians is what is expected to be lost by each arm against the best of all, E[max over arms - arm], in the model of BestOfGaussians:
// ∫ F (1 - Π F of the others) for the arm that leads, and the difference of means more for the others.
func LossOfGaussians(means, sds []float64, lowerIsBetter bool) ([]float64, error) {
	arms, err := gaussianArms(means, sds, lowerIsBetter)
	if err != nil {
		return nil, err
	}
	return sound(arms.loss())
}

func gaussianArms(means, sds []float64, lowerIsBetter bool) (posteriors, error) {
	if len(means) == 0 || len(means) != len(sds) {
		return posteriors{}, fail(InvalidInput, "%d means with %d standard deviations are no arms", len(means), len(sds))
	}
	sign := 1.0
	if lowerIsBetter {
		sign = -1
	}
	arms := make([]arm, len(means))
	for i := range means {
		mean, sd := sign*means[i], sds[i]
		if math.IsNaN(mean) || math.IsInf(mean, 0) || !(sd >= 0) || math.IsInf(sd, 1) {
			return posteriors{}, fail(InvalidInput, "arm %d has mean %v and standard deviation %v; both must be finite", i+1, means[i], sd)
		}
		if sd == 0 {
			return posteriors{}, fail(ZeroVariance, "arm %d has no standard deviation", i+1)
		}
		arms[i] = arm{
			mean: mean, scale: scale{mean, sd},
			lnDensity: func(u float64) float64 {
				z := (u - mean) / sd
				return -0.5*z*z - math.Log(sd) - 0.5*math.Log(2*math.Pi)
			},
			lnBelow:    func(u float64) float64 { return lnNormalBelow((u - mean) / sd) },
			lnJacobian: func(float64) float64 { return 0 },
		}
	}
	out := posteriors{arms: arms, widest: math.Inf(1)}
	if g, ok := normalGrid(arms); ok {
		out.grid = &g
	}
	return out, nil
}

// lnNormalBelow is ln Φ(z), right also next to 0.
func lnNormalBelow(z float64) float64 {
	if z > 0 {
		return math.Log1p(-special.NormalSurvival(z))
	}
	return special.LogNormalSurvival(-z)
}
