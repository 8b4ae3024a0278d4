package main

import "github.com/assayhq/assay/stats"

// bayesMethods are posteriors by closed form or quadrature.
func bayesMethods() map[string]method {
	return map[string]method{
		"beta_binomial":     with(betaBinomial),
		"gaussian_bayes":    with(gaussianBayes),
		"best_arm_gaussian": with(bestArmGaussian),
		"best_arm_beta":     with(bestArmBeta),
	}
}

func betaBinomial(in struct {
	twoProportions
	PriorAlpha number `json:"prior_alpha"`
	PriorBeta  number `json:"prior_beta"`
},
) (values, error) {
	a, b := in.arms()
	p, err := stats.BetaBinomial(a, b, stats.BetaPrior{Alpha: float64(in.PriorAlpha), Beta: float64(in.PriorBeta)}, float64(in.Alpha))
	return values{
		"prob_b_gt_a": p.ChanceToWin, "expected_loss_a": p.LossControl, "expected_loss_b": p.LossTreatment, "mean_a": p.Control.Mean, "mean_b": p.Treatment.Mean,
		"ci_a": []float64{p.Control.Low, p.Control.High}, "ci_b": []float64{p.Treatment.Low, p.Treatment.High},
	}, err
}

func gaussianBayes(in struct {
	Effect, SE, Alpha number
	Proper            bool
	PriorMean         number `json:"prior_mean"`
	PriorVariance     number `json:"prior_variance"`
},
) (values, error) {
	var prior *stats.GaussianPrior
	if in.Proper {
		prior = &stats.GaussianPrior{Mean: float64(in.PriorMean), Variance: float64(in.PriorVariance)}
	}
	p, err := stats.GaussianPosterior(float64(in.Effect), float64(in.SE), prior, float64(in.Alpha))
	return values{
		"posterior_mean": p.Mean, "posterior_sd": p.SD, "chance_to_win": p.ChanceToWin, "ci_low": p.Low, "ci_high": p.High,
		"risk_control": p.RiskControl, "risk_treatment": p.RiskTreatment,
	}, err
}

func bestArmGaussian(in struct {
	Means, SDs    []number
	LowerIsBetter bool `json:"lower_is_better"`
},
) (values, error) {
	p, err := stats.BestOfGaussians(floats(in.Means), floats(in.SDs), in.LowerIsBetter)
	return values{"prob_best": p}, err
}

func bestArmBeta(in struct {
	X, N          []count
	PriorAlpha    number `json:"prior_alpha"`
	PriorBeta     number `json:"prior_beta"`
	LowerIsBetter bool   `json:"lower_is_better"`
},
) (values, error) {
	x, n := counts(in.X), counts(in.N)
	if len(x) != len(n) {
		return nil, invalid("there are not as many x as n")
	}
	arms := make([]stats.Proportion, len(x))
	for i := range x {
		arms[i] = stats.Proportion{N: n[i], X: x[i]}
	}
	p, err := stats.BestOfRates(arms, stats.BetaPrior{Alpha: float64(in.PriorAlpha), Beta: float64(in.PriorBeta)}, in.LowerIsBetter)
	return values{"prob_best": p}, err
}
